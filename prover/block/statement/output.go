package statement

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// covered is the only coverage value of FormatStone: constructors, __execute__ and the fee transfer, each with its inner calls
// (bits 0, 1 and 2). Bit 3, signature checks, is zero because the layout has no ec_op builtin.
const covered = 0b0111

// Numbers of words.
const (
	blockInfoSize = 3 // block number, timestamp, sequencer
	stoneHeader   = 11
	stwoHeader    = 5
)

// Output is the parsed output of the program.
type Output struct {
	ChainID felt.Felt
	Classes []PublishedClass
	Blocks  []BlockRecord // one in FormatStone

	format    *format
	ecOps     [][]felt.Felt // instances of ec_op of all calls, each of ecOpSize words
	ecOpsHold []bool        // whether each instance holds, once ecOpHolds has been called
}

// ecOpHolds reports whether the i-th instance of ec_op holds. It checks all of them at the first call, since that takes a fraction of the time.
func (t *Output) ecOpHolds(i int) bool {
	if t.ecOpsHold == nil {
		t.ecOpsHold = checkECOps(t.ecOps)
	}
	return t.ecOpsHold[i]
}

// BlockRecord is the part of the output for the transactions of one block.
type BlockRecord struct {
	Number    felt.Felt
	Timestamp felt.Felt
	Sequencer felt.Felt
	Validate  [3]felt.Felt // block number, timestamp and sequencer as signature checks and an account's constructor see them

	Transactions []TransactionRecord

	blockInfo         uint64 // address of BlockInfo, the first three words that get_execution_info returns
	validateBlockInfo uint64 // address of BlockInfo with rounded values
	words             int    // number of words
	named             int    // number of syscalls that name a class without entering it
}

// block returns the record of a block, nil if there is none.
func (t *Output) block(number uint64) *BlockRecord {
	i := slices.IndexFunc(t.Blocks, func(b BlockRecord) bool { return b.Number == felt.FromUint64(number) })
	if i < 0 {
		return nil
	}
	return &t.Blocks[i]
}

// PublishedClass is the code of a class as it was executed.
type PublishedClass struct {
	Hash    felt.Felt
	Code    []felt.Felt
	Address uint64 // address of Code[0]

	tail    [2]felt.Felt // `ret`, and a pointer to the builtins' gas costs
	entered bool         // a replayed call enters it
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

	info    []felt.Felt // TxInfo and the arrays that it points to; in FormatStwo also the calldata of the calls
	address uint64      // address of info[0]
}

// CallKind is the purpose of a call from the protocol.
type CallKind uint8

// Values of CallKind.
const (
	ConstructorCall CallKind = iota + 1
	ExecuteCall
	FeeTransferCall
	ValidateCall // a signature check; only in FormatStwo
	callKinds
)

func (k CallKind) String() string {
	return [...]string{"no call", "constructor", "__execute__", "fee transfer", "signature check"}[k]
}

// RootCall is a call from the protocol.
type RootCall struct {
	Kind CallKind
	Call

	start, end felt.Felt // addresses of the calldata, in FormatStwo
}

// Call is a call of a class, from the protocol or from a syscall.
type Call struct {
	BlockInfo, TxInfo          felt.Felt // addresses
	Caller, Contract, Selector felt.Felt
	Entry                      felt.Felt   // address of the entry point's code
	Builtins                   []felt.Felt // the words that say which builtins the entry point takes
	Gas                        uint64      // gas after the entry point's initial charge
	Calldata                   []felt.Felt // only in FormatStone

	Syscalls []Syscall
	ECOps    []felt.Felt // instances of ec_op, each of ecOpSize words; in FormatStwo
	firstEC  int         // index of the first of them in Output.ecOps

	Failed  bool
	GasLeft uint64
	Retdata []felt.Felt // in FormatStwo only of calls from the protocol and of calls that failed

	address uint64 // address of the first word; ExecutionInfo of get_execution_info begins there
}

// ecOpSize is the number of words of an instance of ec_op: p, q, m and p + m·q, where points have two words.
const ecOpSize = 7

// Syscall is a syscall of a call.
type Syscall struct {
	Gas, GasLeft uint64
	Failed       bool
	Request      []felt.Felt
	Response     []felt.Felt   // if the syscall failed, the two addresses of the panic data
	Arrays       [][]felt.Felt // arrays to which the request or the response points, or the panic data
	Given        [][]felt.Felt // arrays of the request that are published whether or not the syscall fails
	Inner        *Call

	txInfo        []felt.Felt // the TxInfo for the inner call of a MetaTxV0, and the arrays that it points to
	txInfoAddress uint64

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
	words  []felt.Felt
	at     int
	base   uint64
	format *format

	named       int         // number of syscalls so far that name a class without entering it
	sets        []felt.Felt // the words of the builtin sets
	setsAddress uint64
	ecOps       [][]felt.Felt // see Output
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
	head, err := r.take("header", 2)
	if err != nil {
		return nil, err
	}
	if r.format, err = formatOf(head[0]); err != nil {
		return nil, err
	}
	t := &Output{ChainID: head[1], format: r.format}
	if r.format.number == FormatStone {
		err = r.stoneBody(t)
	} else {
		err = r.stwoBody(t)
	}
	if err != nil {
		return nil, err
	}
	if r.left() != 0 {
		return nil, fmt.Errorf("%d words follow the last transaction", r.left())
	}
	t.ecOps = r.ecOps
	return t, nil
}

// stoneBody reads the rest of an output in FormatStone: the header with the only block, the classes, the transactions.
func (r *reader) stoneBody(t *Output) error {
	begin := r.at
	b, err := r.blockInfo()
	if err != nil {
		return err
	}
	head, err := r.take("header", stoneHeader-2-2*blockInfoSize)
	if err != nil {
		return err
	}
	if head[0] != felt.FromUint64(covered) {
		return fmt.Errorf("coverage %v, want %d", head[0], covered)
	}
	hashes, err := r.hashes(head[2])
	if err != nil {
		return err
	}
	before := r.at - begin
	if err := r.classes(t, head[1]); err != nil {
		return err
	}
	begin = r.at
	if err := r.transactions(&b, hashes); err != nil {
		return err
	}
	b.words, b.named = before+r.at-begin, r.named
	t.Blocks = []BlockRecord{b}
	return nil
}

// stwoBody reads the rest of an output in FormatStwo: the header, the builtin sets, the classes, the blocks.
func (r *reader) stwoBody(t *Output) error {
	head, err := r.take("header", stwoHeader-2)
	if err != nil {
		return err
	}
	blocks, err := r.size("number of blocks", head[0])
	if err != nil {
		return err
	}
	if blocks == 0 {
		return fmt.Errorf("no blocks")
	}
	sets, err := r.size("number of builtin sets", head[2])
	if err != nil {
		return err
	}
	r.setsAddress = r.address()
	if r.sets, err = r.take("builtin sets", sets*r.format.setSize()); err != nil {
		return err
	}
	if err := r.classes(t, head[1]); err != nil {
		return err
	}
	for i := range blocks {
		begin, named := r.at, r.named
		b, err := r.blockInfo()
		if err != nil {
			return fmt.Errorf("block %d of the output: %w", i, err)
		}
		head, err := r.take("number of transactions", 1)
		if err != nil {
			return fmt.Errorf("block %d of the output: %w", i, err)
		}
		hashes, err := r.hashes(head[0])
		if err == nil {
			err = r.transactions(&b, hashes)
		}
		if err != nil {
			return fmt.Errorf("block %d of the output: %w", i, err)
		}
		b.words, b.named = r.at-begin, r.named-named
		t.Blocks = append(t.Blocks, b)
	}
	return nil
}

// blockInfo reads the words that contracts see of a block.
func (r *reader) blockInfo() (BlockRecord, error) {
	b := BlockRecord{blockInfo: r.address(), validateBlockInfo: r.address() + blockInfoSize}
	head, err := r.take("block info", 2*blockInfoSize)
	if err != nil {
		return b, err
	}
	b.Number, b.Timestamp, b.Sequencer = head[0], head[1], head[2]
	b.Validate = [3]felt.Felt(head[blockInfoSize:])
	return b, nil
}

func (r *reader) hashes(count felt.Felt) ([]felt.Felt, error) {
	n, err := r.size("number of transactions", count)
	if err != nil {
		return nil, err
	}
	return r.take("transaction hashes", n)
}

func (r *reader) classes(t *Output, count felt.Felt) error {
	n, err := r.size("number of classes", count)
	if err != nil {
		return err
	}
	for i := range n {
		class, err := r.class()
		if err != nil {
			return fmt.Errorf("class %d: %w", i, err)
		}
		t.Classes = append(t.Classes, class)
	}
	return nil
}

func (r *reader) transactions(b *BlockRecord, hashes []felt.Felt) error {
	for i, hash := range hashes {
		record, err := r.transaction()
		if err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
		record.Hash = hash
		b.Transactions = append(b.Transactions, record)
	}
	return nil
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
		root, err := r.root()
		if err != nil {
			return TransactionRecord{}, fmt.Errorf("call %d: %w", i, err)
		}
		record.Calls = append(record.Calls, root)
	}
	return record, nil
}

// root reads a call from the protocol.
func (r *reader) root() (RootCall, error) {
	head, err := r.take("call", 1)
	if err != nil {
		return RootCall{}, err
	}
	kinds := callKinds
	if !r.format.whole {
		kinds = ValidateCall
	}
	if !head[0].IsUint64() || head[0].Uint64() == 0 || head[0].Uint64() >= uint64(kinds) {
		return RootCall{}, fmt.Errorf("kind %v, want 1 to %d", head[0], kinds-1)
	}
	root := RootCall{Kind: CallKind(head[0].Uint64())}
	if r.format.whole {
		if head, err = r.take("addresses of the calldata", 2); err != nil {
			return RootCall{}, err
		}
		root.start, root.end = head[0], head[1]
	}
	if err := r.call(&root.Call, 1); err != nil {
		return RootCall{}, fmt.Errorf("%v: %w", root.Kind, err)
	}
	if r.format.whole {
		root.Retdata, err = r.array("returned data")
	}
	return root, err
}

// array reads a number of words and the words.
func (r *reader) array(what string) ([]felt.Felt, error) {
	head, err := r.take("size of the "+what, 1)
	if err != nil {
		return nil, err
	}
	size, err := r.size("size of the "+what, head[0])
	if err != nil {
		return nil, err
	}
	return r.take(what, size)
}

func (r *reader) call(c *Call, depth int) error {
	if depth > constants.MaxCallDepth {
		return fmt.Errorf("calls nest deeper than %d", constants.MaxCallDepth)
	}
	c.address = r.address()
	head, err := r.take("call", r.format.callSize)
	if err != nil {
		return err
	}
	c.BlockInfo, c.TxInfo = head[0], head[1]
	c.Caller, c.Contract, c.Selector = head[2], head[3], head[4]
	c.Entry = head[5]
	if r.format.whole {
		c.Builtins, err = r.builtinSet(head[6])
		head = head[7:]
	} else {
		c.Builtins = head[6:10]
		head = head[10:]
	}
	if err != nil {
		return err
	}
	if c.Gas, err = gasOf(head[0]); err != nil {
		return err
	}
	if !r.format.whole {
		size, err := r.size("size of the calldata", head[1])
		if err != nil {
			return err
		}
		if c.Calldata, err = r.take("calldata", size); err != nil {
			return err
		}
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

	end, err := r.take("end of the call", 2)
	if err != nil {
		return err
	}
	if c.Failed, err = flagOf(end[0]); err != nil {
		return err
	}
	if c.GasLeft, err = gasOf(end[1]); err != nil {
		return err
	}
	if !r.format.whole {
		if c.Retdata, err = r.array("returned data"); err != nil {
			return err
		}
	} else if !c.Builtins[1+slices.Index(r.format.provable, "ec_op")].IsZero() {
		count, err := r.take("number of instances of ec_op", 1)
		if err != nil {
			return err
		}
		n, err := r.size("number of instances of ec_op", count[0])
		if err != nil {
			return err
		}
		if c.ECOps, err = r.take("instances of ec_op", n*ecOpSize); err != nil {
			return err
		}
		c.firstEC = len(r.ecOps)
		for i := range n {
			r.ecOps = append(r.ecOps, c.ECOps[i*ecOpSize:][:ecOpSize])
		}
	}
	for i := range c.Syscalls {
		if err := r.published(&c.Syscalls[i], depth); err != nil {
			return fmt.Errorf("syscall %d (%s): %w", i, c.Syscalls[i].rule.name, err)
		}
	}
	return nil
}

// setSize returns the number of words of a builtin set.
func (f *format) setSize() int { return 1 + len(f.provable) }

// builtinSet returns the builtin set at an address.
func (r *reader) builtinSet(address felt.Felt) ([]felt.Felt, error) {
	begin, size := felt.FromUint64(r.setsAddress), r.format.setSize()
	var offset felt.Felt
	offset.Sub(&address, &begin)
	if !offset.IsUint64() || offset.Uint64() >= uint64(len(r.sets)) || offset.Uint64()%uint64(size) != 0 {
		return nil, fmt.Errorf("builtin set at %v, want one of the %d sets at %d", address, len(r.sets)/size, r.setsAddress)
	}
	at := int(offset.Uint64())
	return r.sets[at : at+size], nil
}

// syscall reads the words of a syscall that follow its selector.
func (r *reader) syscall(selector felt.Felt) (Syscall, error) {
	row, ok := ruleOf(selector)
	if !ok || row.whole && !r.format.whole {
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
	span := func(what string, start, end felt.Felt) ([]felt.Felt, error) {
		size, err := r.span("size of the "+what, start, end)
		if err != nil {
			return nil, err
		}
		return r.take(what, size)
	}
	array := func(what string, start, end felt.Felt) error {
		words, err := span(what, start, end)
		s.Arrays = append(s.Arrays, words)
		return err
	}
	if r.format.whole {
		for _, i := range s.rule.given {
			words, err := span("array", s.Request[i], s.Request[i+1])
			if err != nil {
				return err
			}
			s.Given = append(s.Given, words)
		}
		if s.rule.meta {
			s.txInfoAddress = r.address() + 1
			var err error
			if s.txInfo, err = r.array("transaction info"); err != nil {
				return err
			}
		}
	}
	if s.rule.names {
		r.named++
	}
	if s.rule.calls {
		if err := r.innerCall(s, depth); err != nil {
			return err
		}
		if s.Inner == nil {
			r.named++
		}
		if s.Inner == nil && len(s.txInfo) != 0 {
			return fmt.Errorf("transaction info of %d words, but no inner call", len(s.txInfo))
		}
	}
	switch {
	case s.Failed:
		return array("panic data", s.Response[0], s.Response[1])
	case s.rule.calls && r.format.whole:
		return nil
	case s.rule.calls:
		end := len(s.Response)
		return array("returned data", s.Response[end-2], s.Response[end-1])
	}
	for _, i := range s.rule.arrays {
		if err := array("array", s.Request[i], s.Request[i+1]); err != nil {
			return err
		}
	}
	for _, size := range s.rule.boxes {
		words, err := r.take("object", size)
		if err != nil {
			return err
		}
		s.Arrays = append(s.Arrays, words)
	}
	return nil
}

// innerCall reads the inner call of a syscall.
func (r *reader) innerCall(s *Syscall, depth int) error {
	called, err := r.take("inner call", 1)
	if err != nil {
		return err
	}
	yes, err := flagOf(called[0])
	if err != nil || !yes {
		return err
	}
	s.Inner = &Call{}
	if err := r.call(s.Inner, depth+1); err != nil {
		return fmt.Errorf("inner call: %w", err)
	}
	if !r.format.whole {
		return nil
	}
	if s.Inner.Failed != s.Failed {
		return fmt.Errorf("the inner call failed: %t, the syscall says %t", s.Inner.Failed, s.Failed)
	}
	if s.Failed {
		s.Inner.Retdata, err = r.array("panic data")
	}
	return err
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
