// Package os runs a block's calls inside the program that is proved. os.cairo is a small Starknet OS of our own, in Cairo 0,
// compiled by the official compiler into os.json; this package holds its hints and its runner.
//
// The watcher re-executes a block under a cairo.Tracer; Run takes the recorded calls, runs them once more on the code
// that the program publishes in its output, answering every syscall as it was answered then, and returns the trace that a
// prover takes. A run that asks something else than was recorded is an error: the two runs are of one engine.
//
// What each word of the output is and what binds it: docs/os.md. The reader of the output is prover/block/statement.
package os

import (
	_ "embed"
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

// program is os.cairo, compiled.
//
//go:embed os.json
var program []byte

// Layout is the layout that the program is proved in.
const Layout = "recursive"

// Block is some of a block's transactions, in order.
type Block struct {
	ChainID      felt.Felt
	Number       uint64
	Timestamp    uint64 // seconds
	Sequencer    felt.Felt
	Transactions []Transaction
}

// Transaction is a transaction that was executed: what contracts see of it, and the calls that the protocol made for it, as
// recorded, in order. Signature checks may be among them; they are not covered, and left out.
type Transaction struct {
	Info     cairo.TxInfo
	Reverted bool // as the receipt says
	Calls    []*cairo.CallTrace
}

// Options are how to run.
type Options struct {
	// MaxSteps bounds the trace's length, which is a power of two: 0 for 2^27. The layout wants 2^17 at least.
	MaxSteps uint64
	// Stop, if not nil, ends the run with cairo.ErrInterrupted soon after it is set.
	Stop *atomic.Bool
	// CodePages puts each class's code on a continuous page of public memory of its own, in order from page 1.
	CodePages bool
}

func (o *Options) setDefaults() {
	if o.MaxSteps == 0 {
		o.MaxSteps = 1 << 27
	}
}

// copySteps is what the program takes to copy a word to the output, which it does with each that cairo.Tracer counts: the loop of
// copy in os.cairo.
const copySteps = 6

// MaxWords returns the Recorder.MaxWords beyond which a transaction needs more than maxSteps steps, whatever else it does.
func MaxWords(maxSteps uint64) uint64 { return maxSteps / copySteps }

// Run executes the calls in the OS. A *UnprovableError names what the layout or the program cannot run.
func Run(block *Block, opt Options) (*cairo.Trace, error) {
	if len(block.Transactions) == 0 {
		return nil, errors.New("os: a block without transactions has nothing to prove")
	}
	opt.setDefaults()
	job, err := plan(block, opt.MaxSteps)
	if err != nil {
		return nil, err
	}
	return job.execute(opt)
}

// execute runs the program on the planned calls.
func (j *job) execute(opt Options) (*cairo.Trace, error) {
	result, err := cairo0.RunProgram(program, cairo0.RunOptions{
		Layout:    Layout,
		ProofMode: true,
		MaxSteps:  opt.MaxSteps,
		Stop:      opt.Stop,
		Hints:     j.hints(),
	})
	if errors.Is(err, machine.ErrMaxSteps) {
		return nil, &TooLongError{First: j.transactions[0].info.Hash, Transactions: len(j.transactions), MaxSteps: opt.MaxSteps}
	}
	if err != nil {
		return nil, fmt.Errorf("os: %w", err)
	}
	if j.calls != len(j.order) {
		return nil, fmt.Errorf("os: the program ran %d of %d calls", j.calls, len(j.order))
	}
	if opt.CodePages {
		j.pages(result.Trace)
	}
	return result.Trace, nil
}

// TooLongError says that transactions need a longer trace than allowed.
type TooLongError struct {
	First        felt.Felt // hash of the first transaction
	Transactions int
	MaxSteps     uint64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("os: %d transactions from %v on need more than %d steps", e.Transactions, e.First, e.MaxSteps)
}

// Part is the trace of some of a block's transactions.
type Part struct {
	Transactions []int // which, ascending
	Trace        *cairo.Trace
}

// Unproven is a transaction of a block that no trace can have, and why: a *UnprovableError or a *TooLongError.
type Unproven struct {
	Transaction int
	Err         error
}

// RunParts cuts a block into as few parts as its order and the bound on steps allow, taking as many transactions as fit
// from the front, and passes on each part's trace as soon as it is there. Transactions that cannot be proved, or do not fit
// alone, are in no part: they are returned, in order. A part goes on behind them, so that they cost no proof.
func RunParts(block *Block, opt Options, yield func(Part) error) ([]Unproven, error) {
	opt.setDefaults()
	var unproven []Unproven
	var left []int
	plans := make([]*job, len(block.Transactions))
	run := func(transactions []int) (*cairo.Trace, error) {
		part := make([]*job, len(transactions))
		for i, t := range transactions {
			part[i] = plans[t]
		}
		return join(block, part).execute(opt)
	}
	for i := range block.Transactions {
		var err error
		plans[i], err = planTransaction(&block.Transactions[i], opt.MaxSteps)
		_, notProvable := errors.AsType[*UnprovableError](err)
		_, tooLong := errors.AsType[*TooLongError](err)
		if notProvable || tooLong {
			unproven = append(unproven, Unproven{i, err})
			continue
		}
		if err != nil {
			return nil, err
		}
		left = append(left, i)
	}
	for len(left) > 0 {
		// The largest count that fits is looked for from above, since a block usually does.
		count, fails := 0, len(left)+1
		var fitting *cairo.Trace
		var tooLong *TooLongError
		for try := len(left); try > count; try = (count + fails) / 2 {
			trace, err := run(left[:try])
			if errors.As(err, &tooLong) {
				fails = try
				continue
			}
			if err != nil {
				return nil, err
			}
			count, fitting = try, trace
		}
		if count < len(left) { // what ended the part may not fit anywhere, and then the part goes on
			_, err := run(left[count : count+1])
			if errors.As(err, &tooLong) {
				unproven = append(unproven, Unproven{left[count], tooLong})
				left = slices.Delete(left, count, count+1)
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if err := yield(Part{left[:count], fitting}); err != nil {
			return nil, err
		}
		left = left[count:]
	}
	slices.SortFunc(unproven, func(a, b Unproven) int { return a.Transaction - b.Transaction })
	return unproven, nil
}

// The kinds of call from the protocol, as the output names them.
const (
	constructorCall = 1 + iota
	executeCall
	feeTransferCall
)

// How a transaction ended, as the output names it.
const (
	succeeded       = iota
	panicked        // __execute__ panicked
	aborted         // __execute__ broke off, or there was no code to enter; it is not covered
	revertedOnCheck // __execute__ returned, and the transaction was reverted all the same
)

// Selectors of the calls that the protocol makes.
var (
	executeSelector  = keccak.Starknet([]byte(constants.Execute))
	validateSelector = []felt.Felt{
		keccak.Starknet([]byte(constants.Validate)),
		keccak.Starknet([]byte(constants.ValidateDeclare)),
		keccak.Starknet([]byte(constants.ValidateDeploy)),
	}
)

// job is a run of the program: what to put into the output, in order.
type job struct {
	block        *Block
	classes      []*cairo.Class
	transactions []plannedTransaction
	order        []*cairo.CallTrace // all calls that will be run, in order
	calls        int                // of them, how many have been

	run runState
}

type plannedTransaction struct {
	info    *cairo.TxInfo
	outcome uint64
	calls   []plannedCall
}

type plannedCall struct {
	kind      uint64
	execution *cairo.CallTrace
}

// plan plans all of a block's transactions.
func plan(block *Block, maxSteps uint64) (*job, error) {
	plans := make([]*job, len(block.Transactions))
	for i := range plans {
		var err error
		if plans[i], err = planTransaction(&block.Transactions[i], maxSteps); err != nil {
			return nil, err
		}
	}
	return join(block, plans), nil
}

// join returns the job of transactions that were planned one by one, in order.
func join(block *Block, plans []*job) *job {
	j := &job{block: block}
	for _, p := range plans {
		for _, class := range p.classes {
			if j.classIndex(class) < 0 {
				j.classes = append(j.classes, class)
			}
		}
		j.order = append(j.order, p.order...)
		j.transactions = append(j.transactions, p.transactions...)
	}
	return j
}

// planTransaction decides what of a transaction is covered and finds out what cannot be run.
func planTransaction(tx *Transaction, maxSteps uint64) (*job, error) {
	j := new(job)
	planned := plannedTransaction{info: &tx.Info}
	for _, root := range tx.Calls {
		kind := kindOf(root)
		switch {
		case kind == 0:
			continue
		case root.Err != nil && kind == executeCall:
			planned.outcome = aborted
			continue
		case root.Err != nil:
			return nil, fmt.Errorf("os: transaction %v: a call of %v broke off: %w", tx.Info.Hash, root.Call.Contract, root.Err)
		case kind == executeCall && root.Result.Failed:
			planned.outcome = panicked
		case kind == executeCall && tx.Reverted:
			planned.outcome = revertedOnCheck
		}
		if !entersCode(&root.Call) {
			switch kind {
			case constructorCall:
				continue
			case executeCall: // an account without __execute__, or without the gas to enter it
				planned.outcome = aborted
				continue
			}
			return nil, fmt.Errorf("os: transaction %v: a call of %v entered no code", tx.Info.Hash, root.Call.Contract)
		}
		if root.Dropped > MaxWords(maxSteps) {
			return nil, &TooLongError{First: tx.Info.Hash, Transactions: 1, MaxSteps: maxSteps}
		} else if root.Dropped > 0 {
			return nil, fmt.Errorf("os: transaction %v: the record was dropped after %d words, with %d steps it may have %d",
				tx.Info.Hash, root.Dropped, maxSteps, MaxWords(maxSteps))
		}
		if err := j.add(root); err != nil {
			return nil, fmt.Errorf("os: transaction %v: %w", tx.Info.Hash, err)
		}
		planned.calls = append(planned.calls, plannedCall{kind, root})
	}
	if tx.Reverted && planned.outcome == succeeded {
		planned.outcome = aborted // before any code of __execute__ was found
	}
	if tx.Reverted != (planned.outcome != succeeded) {
		return nil, fmt.Errorf("os: transaction %v: reverted is %t, its calls say otherwise", tx.Info.Hash, tx.Reverted)
	}
	j.transactions = append(j.transactions, planned)
	return j, nil
}

// kindOf returns the kind of a call from the protocol, 0 for one that is not covered.
func kindOf(root *cairo.CallTrace) uint64 {
	call := &root.Call
	switch {
	case call.Type == cairo.Constructor:
		return constructorCall
	case call.Caller.IsZero() && call.Selector == executeSelector:
		return executeCall
	case call.Caller.IsZero() && slices.Contains(validateSelector, call.Selector):
		return 0
	}
	return feeTransferCall
}

// add plans a call and all that it calls, in the order in which the program runs them.
func (j *job) add(e *cairo.CallTrace) error {
	if err := provable(&e.Call); err != nil {
		return err
	}
	if j.classIndex(e.Call.Class) < 0 {
		j.classes = append(j.classes, e.Call.Class)
	}
	j.order = append(j.order, e)
	for i := range e.Syscalls {
		s := &e.Syscalls[i]
		if _, ok := answers[s.Selector]; !ok {
			return &UnprovableError{Syscall: s.Selector, Class: e.Call.Class.Hash, Selector: e.Call.Selector}
		}
		if s.Inner != nil && s.Inner.Err != nil {
			return fmt.Errorf("a call of %v broke off, and its caller did not: %w", s.Inner.Call.Contract, s.Inner.Err)
		}
		if entered(s) {
			if err := j.add(s.Inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// classIndex returns the place of a class among those that are published, -1 if it is not. Classes are told apart by hash.
func (j *job) classIndex(class *cairo.Class) int {
	return slices.IndexFunc(j.classes, func(c *cairo.Class) bool { return c.Hash == class.Hash })
}

// entered reports whether a syscall's call ran code.
func entered(s *cairo.SyscallTrace) bool { return s.Inner != nil && entersCode(&s.Inner.Call) }

// pages moves the code of the classes to pages of their own.
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
