package statement

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// formatVersion is the first word of the output.
var formatVersion = felt.FromShortString("STARKD_OS_1")

// covered is the only coverage value of this format: constructors, __execute__ and the fee transfer, each with its inner calls
// (bits 0, 1 and 2). Bit 3, signature checks, is zero because the layout has no ec_op builtin.
const covered = 0b0111

// Indices of the words of the header.
const (
	headerVersion = iota
	headerChainID
	headerBlockNumber
	headerTimestamp
	headerSequencer
	headerValidate // three words: block number, timestamp and sequencer as an account's constructor sees them
	headerCoverage = iota + 2
	headerClasses
	headerTransactions
	headerSize
)

// Output is the parsed output of the program.
type Output struct {
	ChainID     felt.Felt
	BlockNumber felt.Felt
	Timestamp   felt.Felt
	Sequencer   felt.Felt
	Validate    [3]felt.Felt // block number, timestamp and sequencer as an account's constructor sees them

	Classes      []PublishedClass
	Transactions []TransactionRecord

	blockInfo         uint64 // address of BlockInfo, the first three words that get_execution_info returns
	validateBlockInfo uint64 // address of BlockInfo with rounded values
}

// PublishedClass is the code of a class as it was executed.
type PublishedClass struct {
	Hash    felt.Felt
	Code    []felt.Felt
	Address uint64 // address of Code[0]

	tail [2]felt.Felt // `ret`, and a pointer to the builtins' gas costs
}

// OutcomeCode is the way in which a transaction ended.
type OutcomeCode uint8

// Values of OutcomeCode. The prover chooses Aborted and RevertedOnCheck freely, so they must be compared with the signed
// receipt.
const (
	Succeeded       OutcomeCode = iota
	Panicked                    // __execute__ returned a panic
	Aborted                     // __execute__ was aborted; the output does not contain it
	RevertedOnCheck             // __execute__ returned, and the fee check reverted the transaction
)

// TransactionRecord is the part of the output for one transaction.
type TransactionRecord struct {
	Hash    felt.Felt // hash from the header
	Outcome OutcomeCode
	Calls   []RootCall

	info    []felt.Felt // TxInfo and the arrays that it points to
	address uint64      // address of info[0]
}

// CallKind is the purpose of a call from the protocol.
type CallKind uint8

// Values of CallKind, in the order in which a transaction makes the calls.
const (
	ConstructorCall CallKind = iota + 1
	ExecuteCall
	FeeTransferCall
	callKinds
)

func (k CallKind) String() string {
	return [...]string{"no call", "constructor", "__execute__", "fee transfer"}[k]
}

// RootCall is a call from the protocol.
type RootCall struct {
	Kind CallKind
	Call
}

// Call is a call of a class, from the protocol or from a syscall.
type Call struct {
	BlockInfo, TxInfo          felt.Felt // addresses
	Caller, Contract, Selector felt.Felt
	Entry                      felt.Felt    // address of the entry point's code
	Builtins                   [4]felt.Felt // flag for each builtin in provable
	Gas                        uint64       // gas after the entry point's initial charge
	Calldata                   []felt.Felt

	Syscalls []Syscall

	Failed  bool
	GasLeft uint64
	Retdata []felt.Felt

	address uint64 // address of the first word; ExecutionInfo of get_execution_info begins there
}

// callSize is the number of words of a call before its calldata.
const callSize = 12

// Syscall is a syscall of a call.
type Syscall struct {
	Gas, GasLeft uint64
	Failed       bool
	Request      []felt.Felt
	Response     []felt.Felt   // if the syscall failed, the two addresses of the panic data
	Arrays       [][]felt.Felt // arrays to which the request or the response points, or the panic data
	Inner        *Call

	rule *rule
}

// Parse parses an output that begins at address. It accepts exactly the outputs that the program can write, to the last word.
// It does not check whether they are right.
func Parse(output []felt.Felt, address uint64) (*Output, error) {
	r := &reader{words: output, base: address}
	t, err := r.output()
	if err != nil {
		return nil, fmt.Errorf("statement: output word %d: %w", r.at, err)
	}
	return t, nil
}

// reader reads the output word by word.
type reader struct {
	words []felt.Felt
	at    int
	base  uint64
}

func (r *reader) address() uint64 { return r.base + uint64(r.at) }
func (r *reader) left() int       { return len(r.words) - r.at }

// take returns the next n words.
func (r *reader) take(what string, n int) ([]felt.Felt, error) {
	if n > r.left() {
		return nil, fmt.Errorf("%s: %d words, %d are left", what, n, r.left())
	}
	words := r.words[r.at : r.at+n : r.at+n]
	r.at += n
	return words, nil
}

// size returns a word as a number of words. It returns an error if fewer words are left.
func (r *reader) size(what string, word felt.Felt) (int, error) {
	if !word.IsUint64() || word.Uint64() > uint64(r.left()) {
		return 0, fmt.Errorf("%s is %v, %d words are left", what, word, r.left())
	}
	return int(word.Uint64()), nil
}

// span returns the size of the array from start to end. It returns an error if fewer words are left.
func (r *reader) span(what string, start, end felt.Felt) (int, error) {
	var size felt.Felt
	return r.size(what, *size.Sub(&end, &start))
}

func (r *reader) output() (*Output, error) {
	header, err := r.take("header", headerSize)
	if err != nil {
		return nil, err
	}
	if header[headerVersion] != formatVersion {
		return nil, fmt.Errorf("format %v, want %v", header[headerVersion], formatVersion)
	}
	if header[headerCoverage] != felt.FromUint64(covered) {
		return nil, fmt.Errorf("coverage %v, want %d", header[headerCoverage], covered)
	}
	t := &Output{
		ChainID:     header[headerChainID],
		BlockNumber: header[headerBlockNumber],
		Timestamp:   header[headerTimestamp],
		Sequencer:   header[headerSequencer],
		Validate:    [3]felt.Felt(header[headerValidate : headerValidate+3]),

		blockInfo:         r.base + headerBlockNumber,
		validateBlockInfo: r.base + headerValidate,
	}
	transactions, err := r.size("number of transactions", header[headerTransactions])
	if err != nil {
		return nil, err
	}
	hashes, err := r.take("transaction hashes", transactions)
	if err != nil {
		return nil, err
	}
	classes, err := r.size("number of classes", header[headerClasses])
	if err != nil {
		return nil, err
	}
	for i := range classes {
		class, err := r.class()
		if err != nil {
			return nil, fmt.Errorf("class %d: %w", i, err)
		}
		t.Classes = append(t.Classes, class)
	}
	for i, hash := range hashes {
		record, err := r.transaction()
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		record.Hash = hash
		t.Transactions = append(t.Transactions, record)
	}
	if r.left() != 0 {
		return nil, fmt.Errorf("%d words follow the last transaction", r.left())
	}
	return t, nil
}

func (r *reader) class() (PublishedClass, error) {
	head, err := r.take("class", 2)
	if err != nil {
		return PublishedClass{}, err
	}
	size, err := r.size("size of the code", head[1])
	if err != nil {
		return PublishedClass{}, err
	}
	class := PublishedClass{Hash: head[0], Address: r.address()}
	if class.Code, err = r.take("code", size); err != nil {
		return PublishedClass{}, err
	}
	tail, err := r.take("end of the code", 2)
	if err != nil {
		return PublishedClass{}, err
	}
	class.tail = [2]felt.Felt(tail)
	return class, nil
}

func (r *reader) transaction() (TransactionRecord, error) {
	head, err := r.take("transaction", 2)
	if err != nil {
		return TransactionRecord{}, err
	}
	size, err := r.size("size of the transaction info", head[0])
	if err != nil {
		return TransactionRecord{}, err
	}
	if size < 1 {
		return TransactionRecord{}, fmt.Errorf("the transaction info has no outcome")
	}
	record := TransactionRecord{address: r.address()}
	if !head[1].IsUint64() || head[1].Uint64() > uint64(RevertedOnCheck) {
		return TransactionRecord{}, fmt.Errorf("outcome %v, want at most %d", head[1], RevertedOnCheck)
	}
	record.Outcome = OutcomeCode(head[1].Uint64())
	if record.info, err = r.take("transaction info", size-1); err != nil {
		return TransactionRecord{}, err
	}
	head, err = r.take("number of calls", 1)
	if err != nil {
		return TransactionRecord{}, err
	}
	calls, err := r.size("number of calls", head[0])
	if err != nil {
		return TransactionRecord{}, err
	}
	for i := range calls {
		kind, err := r.take("call", 1)
		if err != nil {
			return TransactionRecord{}, err
		}
		if !kind[0].IsUint64() || kind[0].Uint64() == 0 || kind[0].Uint64() >= uint64(callKinds) {
			return TransactionRecord{}, fmt.Errorf("call %d: kind %v, want 1 to %d", i, kind[0], callKinds-1)
		}
		root := RootCall{Kind: CallKind(kind[0].Uint64())}
		if err := r.call(&root.Call, 1); err != nil {
			return TransactionRecord{}, fmt.Errorf("call %d (%v): %w", i, root.Kind, err)
		}
		record.Calls = append(record.Calls, root)
	}
	return record, nil
}

func (r *reader) call(c *Call, depth int) error {
	if depth > constants.MaxCallDepth {
		return fmt.Errorf("calls nest deeper than %d", constants.MaxCallDepth)
	}
	c.address = r.address()
	head, err := r.take("call", callSize)
	if err != nil {
		return err
	}
	c.BlockInfo, c.TxInfo = head[0], head[1]
	c.Caller, c.Contract, c.Selector = head[2], head[3], head[4]
	c.Entry = head[5]
	c.Builtins = [4]felt.Felt(head[6:10])
	if c.Gas, err = gasOf(head[10]); err != nil {
		return err
	}
	size, err := r.size("size of the calldata", head[11])
	if err != nil {
		return err
	}
	if c.Calldata, err = r.take("calldata", size); err != nil {
		return err
	}

	for {
		selector, err := r.take("syscall", 1)
		if err != nil {
			return err
		}
		if selector[0].IsZero() {
			break
		}
		s, err := r.syscall(selector[0])
		if err != nil {
			return fmt.Errorf("syscall %d: %w", len(c.Syscalls), err)
		}
		c.Syscalls = append(c.Syscalls, s)
	}

	end, err := r.take("end of the call", 3)
	if err != nil {
		return err
	}
	if c.Failed, err = flagOf(end[0]); err != nil {
		return err
	}
	if c.GasLeft, err = gasOf(end[1]); err != nil {
		return err
	}
	if size, err = r.size("size of the returned data", end[2]); err != nil {
		return err
	}
	if c.Retdata, err = r.take("returned data", size); err != nil {
		return err
	}
	for i := range c.Syscalls {
		if err := r.published(&c.Syscalls[i], depth); err != nil {
			return fmt.Errorf("syscall %d (%s): %w", i, c.Syscalls[i].rule.name, err)
		}
	}
	return nil
}

// syscall reads the words of a syscall that follow its selector.
func (r *reader) syscall(selector felt.Felt) (Syscall, error) {
	row, ok := ruleOf(selector)
	if !ok {
		return Syscall{}, fmt.Errorf("unknown selector %v", selector)
	}
	words, err := r.take(row.name, 1+row.request+2)
	if err != nil {
		return Syscall{}, err
	}
	s := Syscall{rule: row, Request: words[1 : 1+row.request]}
	if s.Gas, err = gasOf(words[0]); err != nil {
		return Syscall{}, err
	}
	if s.GasLeft, err = gasOf(words[1+row.request]); err != nil {
		return Syscall{}, err
	}
	if s.Failed, err = flagOf(words[2+row.request]); err != nil {
		return Syscall{}, err
	}
	size := row.response
	if s.Failed {
		size = 2
	}
	s.Response, err = r.take(row.name, size)
	return s, err
}

// published reads the arrays and the inner call that the program writes for a syscall.
func (r *reader) published(s *Syscall, depth int) error {
	if s.rule.calls {
		called, err := r.take("inner call", 1)
		if err != nil {
			return err
		}
		yes, err := flagOf(called[0])
		if err != nil {
			return err
		}
		if yes {
			s.Inner = &Call{}
			if err := r.call(s.Inner, depth+1); err != nil {
				return fmt.Errorf("inner call: %w", err)
			}
		}
	}
	array := func(what string, start, end felt.Felt) error {
		size, err := r.span(what, start, end)
		if err != nil {
			return err
		}
		words, err := r.take(what, size)
		s.Arrays = append(s.Arrays, words)
		return err
	}
	switch {
	case s.Failed:
		return array("size of the panic data", s.Response[0], s.Response[1])
	case s.rule.calls:
		end := len(s.Response)
		return array("size of the returned data", s.Response[end-2], s.Response[end-1])
	}
	for _, i := range s.rule.arrays {
		if err := array("size of an array", s.Request[i], s.Request[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// gasOf returns a word as an amount of gas, which compiled code treats as a u64.
func gasOf(word felt.Felt) (uint64, error) {
	if !word.IsUint64() {
		return 0, fmt.Errorf("gas %v does not fit in 64 bits", word)
	}
	return word.Uint64(), nil
}

// flagOf returns a word, which must be 0 or 1, as a boolean.
func flagOf(word felt.Felt) (bool, error) {
	if word != felt.Zero && word != felt.One {
		return false, fmt.Errorf("flag %v, want 0 or 1", word)
	}
	return word == felt.One, nil
}
