// Package os runs the calls of blocks inside the program that is proved. That program, os.cairo, is a small Starknet OS in Cairo
// 0, which the official compiler compiles into os.json. This package has its hints and its runner.
//
// The watcher executes a block with a cairo.Tracer. Run takes the call traces and runs the same calls on the code that the
// program publishes in its output. It answers every syscall with the response in the call trace, and returns the trace that a
// prover needs. A call that makes other syscalls than its call trace is an error.
//
// The program has two versions. Version 2 is proved by S-two (LayoutStwo). Version 1, in the folder v1, is proved by Stone
// (Layout). It takes one block, has no signature checks, and cannot run every class.
//
// docs/os.md lists the words of the output, each with the rule that binds it. prover/block/statement reads the output.
package os

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet/constants"
)

// Layouts of runs of the program. The layout determines the version of the program.
const (
	Layout     = "recursive"      // version 1, for proofs of Stone
	LayoutStwo = "all_cairo_stwo" // version 2, for proofs of S-two
)

// Block holds some of a block's transactions, in order.
type Block struct {
	ChainID      felt.Felt
	Number       uint64
	Timestamp    uint64 // seconds
	Sequencer    felt.Felt
	Transactions []Transaction
}

// Transaction is a transaction that was executed.
type Transaction struct {
	Info     cairo.TxInfo // the TxInfo that contracts see
	Reverted bool         // the execution status of the receipt
	// Calls holds the traces of the calls from the protocol, in order. Version 1 ignores signature checks.
	Calls []*cairo.CallTrace
}

// Options are the options of Run and RunParts.
type Options struct {
	// Layout is the layout of the run. Default Layout.
	Layout string
	// MaxSteps bounds the trace's length in steps. Default 2^27. With Layout the length is a power of two, at least 2^17.
	MaxSteps uint64
	// MaxAlone bounds the trace of a transaction that RunParts runs alone because it is too long for MaxSteps. Default MaxSteps, which is
	// the least.
	MaxAlone uint64
	// Stop, if not nil and set, ends the run with cairo.ErrInterrupted.
	Stop *atomic.Bool
	// CodePages puts the code of each class on its own page of public memory, in order, starting with page 1.
	CodePages bool
}

func (o *Options) setDefaults() {
	if o.Layout == "" {
		o.Layout = Layout
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 1 << 27
	}
	o.MaxAlone = max(o.MaxAlone, o.MaxSteps)
}

const (
	// copySteps is the number of steps in which the program copies a word to the output (the loop of copy in os.cairo). Version 1
	// copies every word that cairo.Tracer counts.
	copySteps = 6
	// maxWordsV2 bounds the arrays of a call trace in version 2, of a call from the protocol: 4 MiB. A block of 500 transactions
	// can have 2 GiB of them, because contracts pay nothing for the words of an array that they pass on.
	maxWordsV2 = 1 << 17
	// MaxOutput bounds the words of the output in version 2: verifiers accept no more (prover/stwo).
	MaxOutput = 1 << 20
)

// errLongOutput is the error of a hint when the output has more than MaxOutput words.
var errLongOutput = errors.New("the output is too long")

// MaxWords returns the Tracer.MaxWords for the transactions of a run. In version 1, a transaction with more words needs more than
// MaxAlone steps to copy them alone. In version 2 the bound limits the memory of the call traces. A transaction with more counts
// as too long in both.
func (o Options) MaxWords() uint64 {
	o.setDefaults()
	if words := o.MaxAlone / copySteps; versionOf(o.Layout) == version1 || words < maxWordsV2 {
		return words
	}
	return maxWordsV2
}

// Run runs the calls of all transactions of the blocks in the OS and returns the trace. The blocks are of one chain and have
// different numbers. The error is an *UnprovableError if the layout or the program cannot run a call, and a *TooLongError if the
// trace needs more than opt.MaxSteps steps.
func Run(blocks []*Block, opt Options) (*cairo.Trace, error) {
	opt.setDefaults()
	r, err := newRunner(blocks, opt)
	if err != nil {
		return nil, err
	}
	refs := r.all()
	if len(refs) == 0 {
		return nil, errors.New("os: the blocks have no transactions")
	}
	for _, ref := range refs {
		if err := r.plan(ref); err != nil {
			return nil, err
		}
	}
	trace, _, err := r.run(refs, opt.MaxSteps)
	return trace, err
}

// RunNone runs the program on a block without running any of the block's transactions: the output names the block and says that it covers none of
// them. A block of which no transaction can be proved has a proof of such a run. opt.Layout must be LayoutStwo.
func RunNone(block *Block, opt Options) (*cairo.Trace, error) {
	opt.setDefaults()
	r, err := newRunner([]*Block{block}, opt)
	if err != nil {
		return nil, err
	}
	if r.version == version1 {
		return nil, fmt.Errorf("os: a run without transactions in layout %s, want %s", opt.Layout, LayoutStwo)
	}
	trace, _, err := r.runJob(&job{version: r.version, sections: []section{{block: block}}}, opt.MaxSteps)
	return trace, err
}

// Length returns the number of steps of a trace of version 2, in which instances of builtins that take a prover much memory count as steps too, so that
// a bound on the length bounds the memory. A transaction of which the length is above a bound counts as too long for it.
func Length(trace *cairo.Trace) uint64 {
	n := uint64(len(trace.Registers))
	for _, s := range trace.Public.Segments {
		if w, ok := weights[s.Name]; ok {
			n += (s.End - s.Begin) / w.cells * w.steps / w.per
		}
	}
	return n
}

// weights says for how many steps the instances of a builtin count: each group of per instances for steps.
var weights = map[string]struct{ cells, steps, per uint64 }{
	machine.BuiltinPedersen:     {3, 12, 1},
	machine.BuiltinPoseidon:     {6, 10, 1},
	machine.BuiltinBitwise:      {5, 1, 1},
	machine.BuiltinRangeCheck96: {1, 1, 4},
	machine.BuiltinAddMod:       {7, 1, 1},
	machine.BuiltinMulMod:       {7, 1, 1},
}

// Ref names a transaction of the blocks that are run: the indices of the block, and of the transaction in it.
type Ref struct{ Block, Transaction int }

// Part is the trace of some of the blocks' transactions.
type Part struct {
	Transactions []Ref // ascending: all proven transactions of one or more blocks, or some of one block
	Trace        *cairo.Trace
}

// Unproven is a transaction that is in no part, with the reason.
type Unproven struct {
	Ref
	Err error // an *UnprovableError or a *TooLongError
}

// RunParts splits the transactions of blocks into parts of consecutive transactions and calls yield with each part as soon as
// its trace is made. A part has as many whole blocks as opt.MaxSteps allows. A block that is too long for one part is split into
// parts of its own, each with as many transactions as fit. A transaction that is too long for opt.MaxSteps has a part alone, which
// opt.MaxAlone bounds; the part before it ends with the transaction before it. A transaction that cannot be proved, or needs more
// than opt.MaxAlone steps, is skipped. It does not end a part unless opt.MaxAlone is above opt.MaxSteps. RunParts returns the
// skipped transactions, in order.
func RunParts(blocks []*Block, opt Options, yield func(Part) error) ([]Unproven, error) {
	opt.setDefaults()
	r, err := newRunner(blocks, opt)
	if err != nil {
		return nil, err
	}
	var unproven []Unproven
	var left []Ref
	for _, ref := range r.all() {
		err := r.plan(ref)
		_, notProvable := errors.AsType[*UnprovableError](err)
		_, tooLong := errors.AsType[*TooLongError](err)
		if notProvable || tooLong {
			unproven = append(unproven, Unproven{ref, err})
			continue
		}
		if err != nil {
			return nil, err
		}
		left = append(left, ref)
	}
	skip := func(at int, err *TooLongError) {
		unproven = append(unproven, Unproven{left[at], err})
		left = slices.Delete(left, at, at+1)
	}
	split := -1          // the block of which some transactions are in a part already
	alone := Ref{-1, -1} // the transaction that is known to be too long for opt.MaxSteps
	for len(left) > 0 {
		first := left[:wholeBlocks(left, 1)]
		var count int
		var trace *cairo.Trace
		if left[0].Block != split {
			if count, trace, err = r.runBlocks(left); err != nil {
				return nil, err
			}
		}
		if count == 0 && left[0] != alone { // the first block does not fit
			var tooLong *TooLongError
			if count, trace, tooLong, err = r.runSome(first); err != nil {
				return nil, err
			}
			if tooLong != nil && opt.MaxAlone == opt.MaxSteps { // skip the transaction after these and extend the part
				skip(count, tooLong)
				continue
			}
			if tooLong != nil {
				alone = left[count]
			}
		}
		if count == 0 { // the first transaction needs a part alone
			split = left[0].Block
			var tooLong *TooLongError
			if trace, _, err = r.run(left[:1], opt.MaxAlone); errors.As(err, &tooLong) {
				skip(0, tooLong)
				continue
			} else if err != nil {
				return nil, err
			}
			count = 1
		}
		if err := yield(Part{slices.Clone(left[:count]), trace}); err != nil {
			return nil, err
		}
		if count < len(first) {
			split = first[0].Block
		}
		left = left[count:]
	}
	slices.SortFunc(unproven, func(a, b Unproven) int { return a.Ref.compare(b.Ref) })
	return unproven, nil
}

// wholeBlocks returns the number of transactions of the first n blocks of refs.
func wholeBlocks(refs []Ref, n int) int {
	for i := 1; i < len(refs); i++ {
		if refs[i].Block != refs[i-1].Block {
			if n--; n == 0 {
				return i
			}
		}
	}
	return len(refs)
}

// runBlocks runs as many whole blocks of refs as fit, and returns the number of their transactions; 0 if the first block does not fit.
func (r *runner) runBlocks(refs []Ref) (int, *cairo.Trace, error) {
	for try := len(refs); try > 0; {
		trace, begun, err := r.run(refs[:try], r.opt.MaxSteps)
		if err == nil {
			return try, trace, nil
		}
		if _, tooLong := errors.AsType[*TooLongError](err); !tooLong {
			return 0, nil, err
		}
		// Of the transactions that the run has begun, the last one does not fit.
		try = min(try, max(begun, 1)) - 1
		for try > 0 && refs[try].Block == refs[try-1].Block {
			try--
		}
	}
	return 0, nil, nil
}

// runSome runs as many of a block's transactions as fit, and returns their number and trace. The *TooLongError is that of the next
// transaction alone.
func (r *runner) runSome(refs []Ref) (count int, fitting *cairo.Trace, _ *TooLongError, _ error) {
	// Search for the largest count that fits. Start with all. A run that is too long says how many transactions it began.
	fails := len(refs) + 1
	var tooLong *TooLongError
	for try := len(refs); try > count; {
		trace, begun, err := r.run(refs[:try], r.opt.MaxSteps)
		if errors.As(err, &tooLong) {
			fails = min(try, max(begun, 1))
			if try = (count + fails) / 2; begun < len(refs) {
				try = max(fails-1, count)
			}
			continue
		}
		if err != nil {
			return 0, nil, nil, err
		}
		count, fitting = try, trace
		try = (count + fails) / 2
	}
	if count == len(refs) {
		return count, fitting, nil, nil
	}
	_, _, err := r.run(refs[count:count+1], r.opt.MaxSteps)
	if errors.As(err, &tooLong) {
		return count, fitting, tooLong, nil
	}
	return count, fitting, nil, err
}

func (r Ref) compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Block, o.Block), cmp.Compare(r.Transaction, o.Transaction))
}

// TooLongError is the error of transactions whose trace needs more than MaxSteps steps. A run also counts as too long if it needs more than
// machine.MaxCells memory cells, arrays of more words than Options.MaxWords, or an output of more than MaxOutput words.
type TooLongError struct {
	First        felt.Felt // hash of the first transaction
	Transactions int
	MaxSteps     uint64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("os: %d transactions starting with %v need more than %d steps", e.Transactions, e.First, e.MaxSteps)
}

// runner runs the program on transactions of blocks.
type runner struct {
	blocks  []*Block
	opt     Options
	version *version
	plans   map[Ref]*plan
}

func newRunner(blocks []*Block, opt Options) (*runner, error) {
	v := versionOf(opt.Layout)
	if len(blocks) > v.maxBlocks {
		return nil, fmt.Errorf("os: %d blocks in layout %s, want at most %d", len(blocks), opt.Layout, v.maxBlocks)
	}
	for i, b := range blocks {
		if b.ChainID != blocks[0].ChainID || i > 0 && b.Number <= blocks[i-1].Number {
			return nil, fmt.Errorf("os: block %d of chain %v follows block %d of chain %v, want ascending numbers and one chain",
				b.Number, b.ChainID, blocks[max(i-1, 0)].Number, blocks[0].ChainID)
		}
	}
	return &runner{blocks: blocks, opt: opt, version: v, plans: make(map[Ref]*plan)}, nil
}

// all returns all transactions of the blocks, in order.
func (r *runner) all() []Ref {
	var refs []Ref
	for i, b := range r.blocks {
		for k := range b.Transactions {
			refs = append(refs, Ref{i, k})
		}
	}
	return refs
}

// plan plans the calls of a transaction. The error is an *UnprovableError or a *TooLongError if the transaction cannot be in
// any part.
func (r *runner) plan(ref Ref) (err error) {
	r.plans[ref], err = r.version.plan(&r.blocks[ref.Block].Transactions[ref.Transaction], &r.opt)
	return err
}

// run runs the program on planned transactions, and returns the trace of at most maxSteps steps. If the error is a *TooLongError,
// run returns the number of transactions that the run has begun.
func (r *runner) run(refs []Ref, maxSteps uint64) (_ *cairo.Trace, begun int, _ error) {
	trace, begun, err := r.runJob(r.join(refs), maxSteps)
	if long, ok := errors.AsType[*TooLongError](err); ok {
		long.First, long.Transactions = r.plans[refs[0]].info.Hash, len(refs)
	}
	return trace, begun, err
}

func (r *runner) runJob(j *job, maxSteps uint64) (_ *cairo.Trace, begun int, _ error) {
	result, err := cairo0.RunProgram(r.version.program, cairo0.RunOptions{
		Layout:    r.opt.Layout,
		ProofMode: true,
		MaxSteps:  maxSteps,
		Stop:      r.opt.Stop,
		Hints:     j.hints(),
	})
	if err == nil && r.version != version1 {
		output := slices.IndexFunc(result.Trace.Public.Segments, func(s cairo.Segment) bool { return s.Name == machine.BuiltinOutput })
		if s := result.Trace.Public.Segments[output]; s.End-s.Begin > MaxOutput {
			err = errLongOutput
		}
	}
	if begun = j.run.begun; begun == 0 { // the classes alone are too long
		begun = j.count()
	}
	if errors.Is(err, machine.ErrMaxSteps) || errors.Is(err, machine.ErrMaxCells) || errors.Is(err, errLongOutput) {
		return nil, begun, &TooLongError{MaxSteps: maxSteps}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("os: %w", err)
	}
	if j.calls != len(j.order) {
		return nil, 0, fmt.Errorf("os: the program ran %d of %d calls", j.calls, len(j.order))
	}
	if r.opt.CodePages {
		j.pages(result.Trace)
	}
	return result.Trace, 0, nil
}

// join returns the job of planned transactions.
func (r *runner) join(refs []Ref) *job {
	j := &job{version: r.version}
	for i, ref := range refs {
		if i == 0 || ref.Block != refs[i-1].Block {
			j.sections = append(j.sections, section{block: r.blocks[ref.Block]})
		}
		p := r.plans[ref]
		for _, class := range p.classes {
			if j.classIndex(class) < 0 {
				j.classes = append(j.classes, class)
			}
		}
		for _, e := range p.order {
			if set := setOf(entryPoint(&e.Call)); !slices.Contains(j.sets, set) {
				j.sets = append(j.sets, set)
			}
		}
		j.order = append(j.order, p.order...)
		last := &j.sections[len(j.sections)-1]
		last.transactions = append(last.transactions, p)
	}
	return j
}

// The kinds of calls from the protocol, as in the output.
const (
	constructorCall = 1 + iota
	executeCall
	feeTransferCall
	validateCall // a signature check
)

// The outcomes of a transaction, as in the output.
const (
	succeeded       = iota
	panicked        // __execute__ panicked
	aborted         // __execute__ aborted or entered no code; it is unproven
	revertedOnCheck // __execute__ succeeded, but the transaction was reverted
)

// The selectors of calls from the protocol.
var (
	executeSelector  = keccak.Starknet([]byte(constants.Execute))
	validateSelector = []felt.Felt{
		keccak.Starknet([]byte(constants.Validate)),
		keccak.Starknet([]byte(constants.ValidateDeclare)),
		keccak.Starknet([]byte(constants.ValidateDeploy)),
	}
)

// job is a run of the program: the classes, transactions and calls for the output, in order, and the state of the run.
type job struct {
	version  *version
	classes  []*cairo.Class
	sets     []builtinSet // the sets of builtins that the entry points take
	sections []section
	order    []*cairo.CallTrace // all calls, in the order in which the program runs them
	calls    int                // number of calls that the program has entered

	run runState
}

// count returns the number of transactions.
func (j *job) count() int {
	n := 0
	for i := range j.sections {
		n += len(j.sections[i].transactions)
	}
	return n
}

// section holds the transactions of one block.
type section struct {
	block        *Block
	transactions []*plan
}

// plan is a transaction with the calls from the protocol that the program runs.
type plan struct {
	info    *cairo.TxInfo
	outcome uint64
	calls   []plannedCall
	classes []*cairo.Class     // that the calls enter
	order   []*cairo.CallTrace // all calls, in the order in which the program runs them
}

type plannedCall struct {
	kind      uint64
	execution *cairo.CallTrace
}

// plan returns the plan of a transaction.
func (v *version) plan(tx *Transaction, opt *Options) (*plan, error) {
	p := &plan{info: &tx.Info}
	for _, root := range tx.Calls {
		kind := kindOf(root)
		switch {
		case kind == validateCall && !v.validates:
			continue
		case root.Err != nil && kind == executeCall:
			p.outcome = aborted
			continue
		case root.Err != nil:
			return nil, fmt.Errorf("os: transaction %v: a call of %v aborted: %w", tx.Info.Hash, root.Call.Contract, root.Err)
		case kind == executeCall && root.Result.Failed:
			p.outcome = panicked
		case kind == executeCall && tx.Reverted:
			p.outcome = revertedOnCheck
		}
		if !entersCode(&root.Call) {
			switch kind {
			case constructorCall:
				continue
			case executeCall: // an account without __execute__, or without the gas to enter it
				p.outcome = aborted
				continue
			}
			return nil, fmt.Errorf("os: transaction %v: a call of %v entered no code", tx.Info.Hash, root.Call.Contract)
		}
		if root.Dropped > opt.MaxWords() {
			return nil, &TooLongError{First: tx.Info.Hash, Transactions: 1, MaxSteps: opt.MaxAlone}
		} else if root.Dropped > 0 {
			return nil, fmt.Errorf("os: transaction %v: the call trace was dropped after %d words, but with %d steps it may have %d",
				tx.Info.Hash, root.Dropped, opt.MaxAlone, opt.MaxWords())
		}
		if err := v.add(p, root); err != nil {
			return nil, fmt.Errorf("os: transaction %v: %w", tx.Info.Hash, err)
		}
		p.calls = append(p.calls, plannedCall{kind, root})
	}
	if tx.Reverted && p.outcome == succeeded {
		p.outcome = aborted // __execute__ did not begin
	}
	if tx.Reverted != (p.outcome != succeeded) {
		return nil, fmt.Errorf("os: transaction %v: reverted is %t, but the outcome of its calls is %d", tx.Info.Hash, tx.Reverted, p.outcome)
	}
	return p, nil
}

// kindOf returns the kind of a call from the protocol.
func kindOf(root *cairo.CallTrace) uint64 {
	call := &root.Call
	switch {
	case call.Type == cairo.Constructor:
		return constructorCall
	case call.Caller.IsZero() && call.Selector == executeSelector:
		return executeCall
	case call.Caller.IsZero() && slices.Contains(validateSelector, call.Selector):
		return validateCall
	}
	return feeTransferCall
}

// add adds a call and its inner calls to a plan, in the order in which the program runs them.
func (v *version) add(p *plan, e *cairo.CallTrace) error {
	if err := v.provable(&e.Call); err != nil {
		return err
	}
	if !slices.ContainsFunc(p.classes, func(c *cairo.Class) bool { return c.Hash == e.Call.Class.Hash }) {
		p.classes = append(p.classes, e.Call.Class)
	}
	p.order = append(p.order, e)
	for i := range e.Syscalls {
		s := &e.Syscalls[i]
		if _, ok := v.answers[s.Selector]; !ok {
			return &UnprovableError{Syscall: s.Selector, Class: e.Call.Class.Hash, Selector: e.Call.Selector}
		}
		if s.Inner != nil && s.Inner.Err != nil {
			return fmt.Errorf("a call of %v aborted, but its caller did not: %w", s.Inner.Call.Contract, s.Inner.Err)
		}
		if entered(s) {
			if err := v.add(p, s.Inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// classIndex returns the index of a class in j.classes, or -1. It compares class hashes.
func (j *job) classIndex(class *cairo.Class) int {
	return slices.IndexFunc(j.classes, func(c *cairo.Class) bool { return c.Hash == class.Hash })
}

// entered reports whether a syscall made a call that ran code.
func entered(s *cairo.SyscallTrace) bool { return s.Inner != nil && entersCode(&s.Inner.Call) }

// pages moves the code of each class to its own page of public memory.
func (j *job) pages(trace *cairo.Trace) {
	var base uint64
	for _, segment := range trace.Public.Segments {
		if segment.Name == machine.BuiltinOutput {
			base = segment.Begin
		}
	}
	for i := range trace.Public.Memory {
		cell := &trace.Public.Memory[i]
		for page, at := range j.run.code {
			if offset := cell.Address - base - at.start; cell.Address >= base+at.start && offset < at.size {
				cell.Page = uint32(page + 1)
			}
		}
	}
}
