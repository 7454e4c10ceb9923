package job

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"sync"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// Decode returns the blocks of an encoded job. Equal arrays share memory and must not be changed. An abort in a trace is an error with the
// same text. The error of Decode says in one line what is wrong; it is a *BoundError if the job is too large.
func Decode(data []byte) ([]*os.Block, error) {
	if len(data) > MaxBytes {
		return nil, &BoundError{"bytes", uint64(len(data)), MaxBytes}
	}
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(rest) == 0 {
		return nil, errors.New("job: the data are no job")
	}
	if rest[0] != version {
		return nil, fmt.Errorf("job: version %d, want %d: watcher and worker have different versions of starkd", rest[0], version)
	}
	d := &decoder{size: len(data), rest: rest[1:]}
	blocks := d.job()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes after the end", len(d.rest))
	}
	if d.err != nil {
		return nil, d.err
	}
	// Numbers have only one form, but tables could have another order or unused entries.
	again, err := Encode(blocks)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("job: the encoding is not canonical")
	}
	return blocks, nil
}

// abortError is the error of a call that aborted, as a trace has it.
type abortError struct{ text string }

func (e *abortError) Error() string { return e.text }

// decoder reads a job. After an error all reads return zero values.
type decoder struct {
	size    int // bytes of the job
	rest    []byte
	err     error
	classes []*cairo.Class
	arrays  [][]felt.Felt
	counts
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("job: byte %d: "+format, append([]any{d.size - len(d.rest)}, args...)...)
	}
	d.rest = nil
}

func (d *decoder) check(err error) {
	if err != nil && d.err == nil {
		d.err, d.rest = err, nil
	}
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.rest) {
		d.fail("%d bytes are missing", n-len(d.rest))
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// oneOf returns a byte below bound.
func (d *decoder) oneOf(what string, bound byte) byte {
	b := d.byte()
	if b >= bound {
		d.fail("%s %d, want less than %d", what, b, bound)
		return 0
	}
	return b
}

func (d *decoder) bool() bool { return d.oneOf("flag", 2) == 1 }

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.fail("a malformed number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// upTo returns a number that is at most bound.
func (d *decoder) upTo(bound uint64, what string) int {
	v := d.uint()
	if v > bound {
		d.check(&BoundError{what, v, bound})
		return 0
	}
	return int(v)
}

// count returns a number of elements, each of which has at least least bytes.
func (d *decoder) count(bound uint64, least int, what string) int {
	n := d.upTo(bound, what)
	if n > len(d.rest)/least {
		d.fail("%d %s in %d bytes", n, what, len(d.rest))
		return 0
	}
	return n
}

func (d *decoder) int16() int16 {
	v, n := binary.Varint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 || v < math.MinInt16 || v > math.MaxInt16 {
		d.fail("a malformed offset")
		return 0
	}
	d.rest = d.rest[n:]
	return int16(v)
}

func (d *decoder) felt() felt.Felt {
	n := int(d.oneOf("length of a felt", felt.Bytes+1))
	b := d.take(n)
	if n == 0 || b == nil {
		return felt.Felt{}
	}
	var padded [felt.Bytes]byte
	copy(padded[felt.Bytes-n:], b)
	f, err := felt.FromBytes(padded[:])
	if err != nil || b[0] == 0 {
		d.fail("a malformed felt")
	}
	return f
}

func (d *decoder) felts(n int) []felt.Felt {
	list := make([]felt.Felt, n)
	for i := range list {
		list[i] = d.felt()
	}
	return list
}

func (d *decoder) text(bound uint64, what string) string {
	return string(d.take(d.count(bound, 1, what)))
}

func (d *decoder) job() []*os.Block {
	seen := map[felt.Felt]bool{}
	for range d.count(maxClasses, 8, "classes") {
		c := d.class()
		if d.err == nil && seen[c.Hash] {
			d.fail("class %v comes twice", c.Hash)
		}
		if d.err != nil {
			return nil
		}
		seen[c.Hash] = true
		d.classes = append(d.classes, c)
	}
	words := uint64(0)
	for range d.count(maxArrays, 2, "arrays") {
		n := d.count(MaxWords, 1, "words in an array")
		d.check(add(&words, uint64(n), "words in arrays", MaxWords))
		if n == 0 && d.err == nil {
			d.fail("an empty array in the table")
		}
		if d.err != nil {
			return nil
		}
		d.arrays = append(d.arrays, d.felts(n))
	}
	blocks := make([]*os.Block, d.count(maxBlocks, 5, "blocks"))
	for i := range blocks {
		blocks[i] = d.block()
	}
	return blocks
}

// array returns the array whose number comes next.
func (d *decoder) array() []felt.Felt {
	n := d.uint()
	if n == 0 {
		return nil
	}
	if n > uint64(len(d.arrays)) {
		d.fail("array %d of %d", n, len(d.arrays))
		return nil
	}
	list := d.arrays[n-1]
	d.check(add(&d.words, uint64(len(list)), "words in arrays", MaxWords))
	return list
}

func (d *decoder) block() *os.Block {
	block := &os.Block{ChainID: d.felt(), Number: d.uint(), Timestamp: d.uint(), Sequencer: d.felt()}
	n := d.count(maxTransactions, 18, "transactions")
	d.check(add(&d.transactions, uint64(n), "transactions", maxTransactions))
	for range n {
		if d.err != nil {
			return nil
		}
		block.Transactions = append(block.Transactions, d.transaction())
	}
	return block
}

func (d *decoder) transaction() os.Transaction {
	var tx os.Transaction
	info := &tx.Info
	for _, f := range []*felt.Felt{&info.Version, &info.Account, &info.MaxFee, &info.Hash, &info.ChainID, &info.Nonce} {
		*f = d.felt()
	}
	for range d.count(maxBounds, 3, "resource bounds") {
		info.ResourceBounds = append(info.ResourceBounds, cairo.ResourceBounds{Resource: d.felt(), MaxAmount: d.uint(), MaxPricePerUnit: d.felt()})
	}
	info.Tip = d.uint()
	info.NonceDAMode = uint32(d.upTo(math.MaxUint32, "as a data availability mode"))
	info.FeeDAMode = uint32(d.upTo(math.MaxUint32, "as a data availability mode"))
	for _, list := range []*[]felt.Felt{&info.Signature, &info.PaymasterData, &info.AccountDeploymentData, &info.ProofFacts} {
		*list = d.array()
	}
	tx.Reverted = d.bool()
	for range d.count(maxCalls, callBytes, "calls") {
		if d.err != nil {
			break
		}
		tx.Calls = append(tx.Calls, d.call(1))
	}
	return tx
}

// The least numbers of bytes of a call and a syscall. They keep the memory in proportion to the encoding.
const (
	callBytes    = 14
	syscallBytes = 7
)

func (d *decoder) call(depth int) *cairo.CallTrace {
	d.check(add(&d.calls, 1, "calls", maxCalls))
	if depth > constants.MaxCallDepth {
		d.check(&BoundError{"nested calls", uint64(depth), constants.MaxCallDepth})
	}
	t := new(cairo.CallTrace)
	switch n := d.uint(); {
	case d.err != nil:
		return nil
	case n >= uint64(len(d.classes)):
		d.fail("class %d of %d", n, len(d.classes))
		return nil
	default:
		t.Call.Class = d.classes[n]
	}
	t.Call.Type = cairo.EntryPointType(d.oneOf("entry point type", byte(cairo.Constructor)+1))
	for _, f := range []*felt.Felt{&t.Call.Selector, &t.Call.Contract, &t.Call.Caller} {
		*f = d.felt()
	}
	t.Call.Calldata, t.Call.Gas = d.array(), d.uint()
	t.Result.Failed, t.Result.Retdata, t.Result.GasLeft = d.bool(), d.array(), d.uint()
	aborted, text := d.bool(), d.text(maxText, "bytes of an error")
	if aborted {
		t.Err = &abortError{text}
	}
	t.Dropped = d.uint()
	n := d.count(maxSyscalls, syscallBytes, "syscalls")
	d.check(add(&d.syscalls, uint64(n), "syscalls", maxSyscalls))
	if d.err != nil {
		return nil
	}
	if n > 0 {
		t.Syscalls = make([]cairo.SyscallTrace, n)
	}
	for i := range t.Syscalls {
		s := &t.Syscalls[i]
		s.Selector = cairo.Selector(d.text(felt.Bytes-1, "bytes of a selector"))
		s.Gas, s.GasLeft, s.Failed = d.uint(), d.uint(), d.bool()
		s.Response, s.Contract = d.array(), d.felt()
		if d.bool() {
			s.Inner = d.call(depth + 1)
		}
		if d.err != nil {
			return nil
		}
	}
	return t
}

func (d *decoder) class() *cairo.Class {
	c := &cairo.Class{Hash: d.felt(), CompiledHash: d.felt(), Casm: new(casm.Class)}
	c.Casm.Bytecode = d.felts(d.count(casm.MaxBytecode, 1, "words of bytecode"))
	if d.bool() {
		nodes := 0
		s := d.segments(0, &nodes)
		c.Casm.Segments = &s
	}
	for range d.count(casm.MaxBytecode, 2, "offsets with hints") {
		if d.err != nil {
			return nil
		}
		at := casm.HintsAt{Offset: d.upTo(casm.MaxBytecode, "as the offset of a hint")}
		for range d.count(casm.MaxBytecode, 3, "hints") {
			if d.err != nil {
				return nil
			}
			at.Hints = append(at.Hints, d.hint())
		}
		c.Casm.Hints = append(c.Casm.Hints, at)
	}
	for _, list := range []*[]casm.EntryPoint{&c.Casm.EntryPoints.External, &c.Casm.EntryPoints.L1Handler, &c.Casm.EntryPoints.Constructor} {
		for range d.count(casm.MaxBytecode, 3, "entry points") {
			if d.err != nil {
				return nil
			}
			entry := casm.EntryPoint{Selector: d.felt(), Offset: d.upTo(casm.MaxBytecode, "as the offset of an entry point")}
			for range d.count(maxBuiltins, 1, "builtins") {
				entry.Builtins = append(entry.Builtins, d.text(maxBuiltinName, "bytes of a builtin's name"))
			}
			*list = append(*list, entry)
		}
	}
	if d.err == nil {
		if err := c.Casm.Validate(); err != nil {
			d.fail("class %v: %w", c.Hash, err)
		}
	}
	return c
}

// Bounds of an entry point's builtins.
const (
	maxBuiltins    = 16
	maxBuiltinName = 32
)

func (d *decoder) segments(depth int, nodes *int) casm.Segments {
	*nodes++
	if depth > maxSegmentDepth || *nodes > maxSegments {
		d.fail("a tree of segments with %d levels and %d nodes", depth, *nodes)
	}
	n := d.count(maxSegments, 1, "segments")
	if d.err != nil {
		return casm.Segments{}
	}
	if n == 0 {
		return casm.Segments{Length: d.upTo(casm.MaxBytecode, "words in a segment")}
	}
	s := casm.Segments{Children: []casm.Segments{}}
	for range n - 1 {
		if d.err != nil {
			break
		}
		s.Children = append(s.Children, d.segments(depth+1, nodes))
	}
	return s
}

// hintKinds returns the kinds of hints by name.
var hintKinds = sync.OnceValue(func() map[string]casm.HintKind {
	unknown := casm.HintKind(math.MaxUint8).String()
	kinds := map[string]casm.HintKind{}
	for kind := casm.HintKind(0); kind.String() != unknown; kind++ {
		kinds[kind.String()] = kind
	}
	return kinds
})

func (d *decoder) hint() casm.Hint {
	name := d.text(64, "bytes of a hint's name")
	kind, ok := hintKinds()[name]
	if !ok {
		d.fail("unknown hint %.60q", name)
		return casm.Hint{}
	}
	h := casm.Hint{Kind: kind}
	if n, want := d.upTo(64, "inputs of a hint"), len(kind.Inputs()); n != want {
		d.fail("hint %v with %d inputs, want %d", kind, n, want)
	}
	for range kind.Inputs() {
		h.In = append(h.In, d.operand())
	}
	if n, want := d.upTo(64, "outputs of a hint"), len(kind.Outputs()); n != want {
		d.fail("hint %v with %d outputs, want %d", kind, n, want)
	}
	for range kind.Outputs() {
		h.Out = append(h.Out, d.cell())
	}
	return h
}

func (d *decoder) cell() casm.Cell {
	return casm.Cell{Reg: casm.Register(d.oneOf("register", byte(casm.FP)+1)), Off: d.int16()}
}

func (d *decoder) operand() casm.Operand {
	o := casm.Operand{Kind: casm.OperandKind(d.oneOf("form of an operand", byte(casm.BinOp)+1))}
	immediate := o.Kind == casm.Immediate
	if !immediate {
		o.Cell = d.cell()
	}
	switch o.Kind {
	case casm.DoubleDeref:
		o.Off = d.int16()
	case casm.BinOp:
		o.Op = casm.Operator(d.oneOf("operation", byte(casm.Mul)+1))
		if immediate = d.bool(); !immediate {
			o.B = d.cell()
		}
	}
	if immediate {
		negative, b := d.bool(), []byte(d.text(maxImmediate, "bytes of a number"))
		if len(b) > 0 && b[0] == 0 || len(b) == 0 && negative {
			d.fail("a malformed number")
		}
		o.Imm = new(big.Int).SetBytes(b)
		if negative {
			o.Imm.Neg(o.Imm)
		}
	}
	return o
}
