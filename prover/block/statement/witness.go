package statement

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/starknet/finality"
)

// Anchor holds what validators signed about a block, taken from verified headers. It is the only input that Check trusts.
type Anchor struct {
	ChainID   felt.Felt
	Number    uint64
	Timestamp uint64    // Unix time in seconds
	Sequencer felt.Felt // address that receives the fees
	FeeToken  felt.Felt
	Before    felt.Felt // state commitment before the block, the app hash of header n
	After     felt.Felt // state commitment after the block, the app hash of header n+1
}

// NewAnchor returns the anchor of two signed headers. before and after are their app hashes.
func NewAnchor(chain string, number, timestamp uint64, sequencer, feeToken felt.Felt, before, after []byte) (*Anchor, error) {
	chainID, err := starknet.ChainID(chain)
	if err != nil {
		return nil, err
	}
	a := &Anchor{ChainID: chainID, Number: number, Timestamp: timestamp, Sequencer: sequencer, FeeToken: feeToken}
	if a.Before, err = felt.FromBytes(before); err != nil {
		return nil, fmt.Errorf("statement: app hash of header %d: %w", number, err)
	}
	if a.After, err = felt.FromBytes(after); err != nil {
		return nil, fmt.Errorf("statement: app hash of header %d: %w", number+1, err)
	}
	return a, nil
}

// Witness is what the check of a block's proofs needs in addition to the proofs. The caller must check that Transactions hash
// to the data hash of header n and Results to the results hash of header n+1. Check checks everything else.
type Witness struct {
	Transactions []HexBytes `json:"transactions"` // canonical form of all transactions of the block, and before them the validators' statements, if it has any (package finality)
	Results      []Result   `json:"results"`      // of each transaction
	Classes      []Compiled `json:"classes"`      // compiled classes that were executed or declared, without hints, ascending by class hash
	Opening      []Write    `json:"opening"`      // the block's own write: the hash of the block ten blocks before it
	Prestate     *Prestate  `json:"prestate"`

	Unproven    []Unproven   `json:"uncovered"`   // transactions that no proof covers, ascending by index
	Validations []Validation `json:"validations"` // effects of the signature checks of proven transactions, ascending by index
}

// HexBytes is a byte slice that JSON represents as lower-case hexadecimal digits.
type HexBytes []byte

// MarshalText returns lower-case hexadecimal digits.
func (b HexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText reads hexadecimal digits.
func (b *HexBytes) UnmarshalText(text []byte) error {
	raw := make([]byte, len(text)/2)
	if _, err := hex.Decode(raw, text); err != nil {
		return fmt.Errorf("statement: %.80q is not hexadecimal", text)
	}
	*b = raw
	return nil
}

// Result is the part of a transaction's result that validators sign.
type Result struct {
	Code      uint32   `json:"code"` // 0 if executed; otherwise the transaction was rejected and has no effect
	Data      HexBytes `json:"data"` // the canonical starknet.Result
	GasWanted int64    `json:"gas_wanted"`
	GasUsed   int64    `json:"gas_used"`
}

// Compiled is a compiled class with the hash of its Sierra class.
type Compiled struct {
	Hash  felt.Felt       `json:"class_hash"`
	Class json.RawMessage `json:"compiled_class"`
}

// NewCompiled returns the witness of a compiled class. It omits the hints, since no hash covers them and a replay executes no
// code.
func NewCompiled(hash felt.Felt, class *casm.Class) (Compiled, error) {
	bare := *class
	bare.Hints = nil
	text, err := classText(&bare)
	return Compiled{Hash: hash, Class: text}, err
}

// classText returns the text that encoding/json writes for a class.
func classText(class *casm.Class) ([]byte, error) {
	if strings.ContainsAny(class.CompilerVersion, "<>&\u2028\u2029") { // encoding/json escapes these, and all other texts of a class have none
		return json.Marshal(class)
	}
	return class.AppendJSON(nil, false), nil
}

// Verdict is the result of checking a block's proofs against everything that validators signed.
type Verdict struct {
	Outcome  *Outcome
	Rejected int // number of transactions of the block that were rejected and have no effect
}

// Check compares claims, the public parts of verified proofs in order, with the anchor. It accepts them if the outputs are
// those of the block's transactions on the state before it, have the effects in the signed receipts, and lead from the signed
// state commitment before the block to the one after it.
func (w *Witness) Check(anchor *Anchor, claims []*Claim) (*Verdict, error) {
	verdicts, err := CheckRange([]*Anchor{anchor}, []*Witness{w}, claims)
	if err != nil {
		return nil, err
	}
	return verdicts[0], nil
}

// CheckRange does what Check does for several blocks with ascending numbers, to whose transactions the claims may belong. See CheckBlocks.
func CheckRange(anchors []*Anchor, witnesses []*Witness, claims []*Claim) ([]*Verdict, error) {
	if len(witnesses) != len(anchors) {
		return nil, fmt.Errorf("statement: %d witnesses for %d blocks", len(witnesses), len(anchors))
	}
	outputs, err := parseAll(claims)
	if err != nil {
		return nil, err
	}
	for i, w := range witnesses {
		if w.Prestate == nil {
			return nil, errors.New("statement: the witness has no prestate")
		}
		if err := w.checkSize(outputs, anchors[i].Number); err != nil {
			return nil, err
		}
	}
	var blocks []*Block
	var befores []*Before
	var states []State
	known, hashes := decodedClasses{}, compiledHashes{}
	for i, w := range witnesses {
		block, err := w.block(anchors[i], known)
		if err != nil {
			return nil, err
		}
		before, err := w.Prestate.open(anchors[i].Before)
		if err != nil {
			return nil, err
		}
		compiled := make(map[felt.Felt]felt.Felt)
		for hash, class := range block.Classes {
			compiled[hash] = hashes.of(class)
		}
		blocks, befores, states = append(blocks, block), append(befores, before), append(states, before.withClasses(compiled))
	}
	outcomes, err := checkBlocks(claims, outputs, blocks, states, hashes)
	if err != nil {
		return nil, err
	}
	var verdicts []*Verdict
	for i, outcome := range outcomes {
		after, err := befores[i].after(&outcome.Diff)
		if err != nil {
			return nil, err
		}
		if after != anchors[i].After {
			return nil, fmt.Errorf("statement: the proved state difference of block %d leads to commitment %v, validators signed %v", anchors[i].Number, after, anchors[i].After)
		}
		verdicts = append(verdicts, &Verdict{Outcome: outcome, Rejected: witnesses[i].rejected()})
	}
	return verdicts, nil
}

// Bounds on the witness of an honest block. They are generous; checkSize only limits the time that an untrusted witness costs.
const (
	nodesPerWord   = 40 // a storage read takes 7 output words and a path of at most 251 nodes
	wordsPerTx     = 16 // for every transaction, proven or not: fee token, account
	wordsPerBlock  = 64
	wordsPerChange = 8
	bytesPerWord   = 8 // of the difference of an unproven transaction: a change takes 64 bytes
)

// checkSize returns an error if the witness has more classes or trie nodes than the claims can need. It runs before they are
// hashed.
func (w *Witness) checkSize(outputs []*Output, number uint64) error {
	words, published := wordsPerBlock+wordsPerTx*len(w.Transactions), 0
	for _, t := range outputs {
		if block := t.block(number); block != nil {
			words += block.words
			published += len(t.Classes) + block.named
		}
	}
	for i := range w.Unproven {
		words += len(w.Unproven[i].Diff) / bytesPerWord
	}
	for i := range w.Validations {
		words += wordsPerChange * (1 + len(w.Validations[i].Storage))
	}
	if n, most := len(w.Classes), published+len(w.Transactions); n > most {
		return fmt.Errorf("statement: %d classes in the witness, at most %d are needed", n, most)
	}
	if n, most := len(w.Prestate.Pedersen)+len(w.Prestate.Poseidon), nodesPerWord*words; n > most {
		return fmt.Errorf("statement: %d trie nodes in the witness, at most %d are needed", n, most)
	}
	if n, most := len(w.Prestate.Contracts), words; n > most {
		return fmt.Errorf("statement: %d contracts in the prestate, at most %d are needed", n, most)
	}
	return nil
}

// maxClassElements bounds the total length of the lists and objects of a compiled class: felts, segment lengths, entry points.
// A declared class has at most 81,920 felts.
const maxClassElements = 4 * constants.MaxProgramFelts

// Block returns the block against which claims are replayed, made of the anchor, the executed transactions and the rest of the
// witness.
func (w *Witness) Block(anchor *Anchor) (*Block, error) { return w.block(anchor, decodedClasses{}) }

// block does what Block does. It decodes only the classes that are not known, and adds them to known.
func (w *Witness) block(anchor *Anchor, known decodedClasses) (*Block, error) {
	block := &Block{
		ChainID: anchor.ChainID, Number: anchor.Number, Timestamp: anchor.Timestamp, Sequencer: anchor.Sequencer, FeeToken: anchor.FeeToken,
		Classes: make(map[felt.Felt]*casm.Class), Unproven: w.Unproven, Validations: w.Validations,
	}
	if len(w.Results) != len(w.Transactions) {
		return nil, fmt.Errorf("statement: %d transactions with %d results", len(w.Transactions), len(w.Results))
	}
	var raised []Write
	for i, raw := range w.Transactions {
		if w.Results[i].Code != 0 {
			continue
		}
		if i == 0 && finality.IsCommit(raw) {
			write, err := provedWrite(&w.Results[0])
			if err != nil {
				return nil, err
			}
			raised = []Write{write}
			continue
		}
		tx, err := starknet.UnmarshalTransaction(raw)
		if err != nil {
			return nil, fmt.Errorf("statement: transaction %d: %w", i, err)
		}
		result := new(starknet.Result)
		if err := result.UnmarshalBinary(w.Results[i].Data); err != nil {
			return nil, fmt.Errorf("statement: result %d: %w", i, err)
		}
		block.Transactions, block.Results = append(block.Transactions, tx), append(block.Results, result)
	}
	for i, o := range w.Opening {
		if i > 0 || anchor.Number < constants.BlockHashLag || o != OpeningWrite(anchor.Number, o.Value) {
			return nil, fmt.Errorf("statement: block %d does not begin with a write of slot %v of contract %v", anchor.Number, o.Key, o.Contract)
		}
	}
	block.Opening = slices.Concat(w.Opening, raised)
	for i, c := range w.Classes {
		if i > 0 && w.Classes[i-1].Hash.Cmp(&c.Hash) >= 0 {
			return nil, fmt.Errorf("statement: compiled class of %v follows that of %v, want ascending class hashes", c.Hash, w.Classes[i-1].Hash)
		}
		class, err := known.decode(&c)
		if err != nil {
			return nil, err
		}
		block.Classes[c.Hash] = class
	}
	return block, nil
}

// decodedClasses holds the decoded classes of a bundle by class hash, so that a class of several blocks is decoded and hashed once.
type decodedClasses map[felt.Felt]decodedClass

type decodedClass struct {
	text  []byte
	class *casm.Class
}

// decode returns the class of a witness.
func (d decodedClasses) decode(c *Compiled) (*casm.Class, error) {
	if known := d[c.Hash]; known.class != nil && bytes.Equal(known.text, c.Class) {
		return known.class, nil
	}
	if n := bytes.Count(c.Class, []byte(",")); n > maxClassElements {
		return nil, fmt.Errorf("statement: compiled class of %v has more than %d elements", c.Hash, maxClassElements)
	}
	class, err := casm.DecodeClass(c.Class)
	if err != nil {
		return nil, fmt.Errorf("statement: compiled class of %v: %w", c.Hash, err)
	}
	// The reader accepts the variants of the official compiler's JSON. A witness must have the text that NewCompiled
	// writes.
	if text, err := classText(class); err != nil {
		return nil, err
	} else if !bytes.Equal(text, c.Class) {
		return nil, fmt.Errorf("statement: compiled class of %v is not in canonical form", c.Hash)
	}
	d[c.Hash] = decodedClass{c.Class, class}
	return class, nil
}

// OpeningWrite returns the write with which a block begins: hash is the hash of the block ten blocks before it.
func OpeningWrite(number uint64, hash felt.Felt) Write {
	return Write{Contract: starknet.BlockHashAddress, Key: felt.FromUint64(number - constants.BlockHashLag), Value: hash}
}

// provedWrite returns the write of a block that begins with the validators' statements: the height up to which every block is proved, which is
// the signed result of the statements. Nodes check the statements themselves when they decide the block (package finality).
func provedWrite(r *Result) (Write, error) {
	height, err := finality.ParseResult(r.Data)
	if err != nil {
		return Write{}, fmt.Errorf("statement: result of the validators' statements: %w", err)
	}
	return Write{Contract: finality.Address, Key: finality.Slot, Value: felt.FromUint64(height)}, nil
}

// rejected returns the number of transactions that have no effect.
func (w *Witness) rejected() (n int) {
	for i := range w.Results {
		if w.Results[i].Code != 0 {
			n++
		}
	}
	return n
}

// gasUsed returns the gas of the calls for which the sender pays, which excludes the fee transfer.
func (o *TransactionOutcome) gasUsed() (sum uint64) {
	for _, call := range o.Calls {
		if call.Kind != FeeTransferCall {
			sum += call.Gas - call.GasLeft
		}
	}
	return sum
}

// checkDiff compares the transaction's state difference with the hash that validators signed.
func (r *replay) checkDiff(signed *starknet.Result) error {
	diff := r.state.transactionDiff()
	if digest, err := diff.Digest(); err != nil {
		return err
	} else if digest != signed.Diff {
		return fmt.Errorf("the replayed state difference %+v hashes to %v, validators signed %v", diff, digest, signed.Diff)
	}
	return nil
}

// compare compares the outcome of a transaction with its signed receipt.
func (o *TransactionOutcome) compare(r *starknet.Receipt) error {
	switch {
	case o.Hash != r.TransactionHash:
		return fmt.Errorf("the signed receipt is of transaction %v", r.TransactionHash)
	case o.Reverted != r.Reverted:
		return fmt.Errorf("reverted is proved to be %v, the signed receipt says %v", o.Reverted, r.Reverted)
	case o.Fee != r.ActualFee:
		return fmt.Errorf("a fee of %v is proved, the signed receipt says %v", o.Fee.BigInt(), r.ActualFee.BigInt())
	case len(o.Events) != len(r.Events):
		return fmt.Errorf("%d events are proved, the signed receipt has %d", len(o.Events), len(r.Events))
	case len(o.Messages) != len(r.Messages):
		return fmt.Errorf("%d messages are proved, the signed receipt has %d", len(o.Messages), len(r.Messages))
	}
	for i := range o.Events {
		a, b := &o.Events[i], &r.Events[i]
		if a.From != b.From || same("keys", a.Keys, b.Keys) != nil || same("data", a.Data, b.Data) != nil {
			return fmt.Errorf("event %d is proved to be %v, the signed receipt has %v", i, *a, *b)
		}
	}
	for i := range o.Messages {
		a, b := &o.Messages[i], &r.Messages[i]
		if a.From != b.From || a.To != b.To || same("payload", a.Payload, b.Payload) != nil {
			return fmt.Errorf("message %d is proved to be %v, the signed receipt has %v", i, *a, *b)
		}
	}
	return nil
}
