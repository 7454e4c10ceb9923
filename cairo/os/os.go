// Package os runs a block's calls inside the program that is proved. That program, os.cairo, is a small Starknet OS in Cairo
// 0, which the official compiler compiles into os.json. This package has its hints and its runner.
//
// The watcher executes a block with a cairo.Tracer. Run takes the call traces and runs the same calls on the code that the
// program publishes in its output. It answers every syscall with the response in the call trace, and returns the trace that a
// prover needs. A call that makes other syscalls than its call trace is an error.
//
// docs/os.md lists the words of the output, each with the rule that binds it. prover/block/statement reads the output.
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

// program is the compiled form of os.cairo.
//
//go:embed os.json
var program []byte

// Layouts of runs of the program.
const (
	Layout     = "recursive"      // for proofs of Stone
	LayoutStwo = "all_cairo_stwo" // for proofs of S-two
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
	// Calls holds the traces of the calls from the protocol, in order. Signature checks are ignored: they are unproven.
	Calls []*cairo.CallTrace
}

// Options are the options of Run and RunParts.
type Options struct {
	// Layout is the layout of the run. Default Layout.
	Layout string
	// MaxSteps bounds the trace's length in steps, which is a power of two. Default 2^27. The layout needs at least 2^17.
	MaxSteps uint64
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
}

// copySteps is the number of steps in which the program copies a word to the output (the loop of copy in os.cairo). It copies
// every word that cairo.Tracer counts.
const copySteps = 6

// MaxWords returns the Tracer.MaxWords for traces of maxSteps steps. A transaction with more words needs more steps to copy
// them alone.
func MaxWords(maxSteps uint64) uint64 { return maxSteps / copySteps }

// Run runs the calls of a block in the OS and returns the trace. The error is an *UnprovableError if the layout or the program
// cannot run a call, and a *TooLongError if the trace needs more than opt.MaxSteps steps.
func Run(block *Block, opt Options) (*cairo.Trace, error) {
	if len(block.Transactions) == 0 {
		return nil, errors.New("os: the block has no transactions")
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
		Layout:    opt.Layout,
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

// TooLongError is the error of transactions whose trace needs more than MaxSteps steps.
type TooLongError struct {
	First        felt.Felt // hash of the first transaction
	Transactions int
	MaxSteps     uint64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("os: %d transactions starting with %v need more than %d steps", e.Transactions, e.First, e.MaxSteps)
}

// Part is the trace of some of a block's transactions.
type Part struct {
	Transactions []int // indices in Block.Transactions, ascending
	Trace        *cairo.Trace
}

// Unproven is a transaction of a block that is in no part, with the reason.
type Unproven struct {
	Transaction int   // index in Block.Transactions
	Err         error // an *UnprovableError or a *TooLongError
}

// RunParts splits a block into parts of consecutive transactions and calls yield with each part as soon as its trace is
// made. Each part has as many transactions as opt.MaxSteps allows. A transaction that cannot be proved, or needs too many
// steps even alone, is skipped: it does not end a part. RunParts returns the skipped transactions, in order.
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
		// Search for the largest count that fits. Start with all, because a block usually fits.
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
		if count < len(left) { // the next transaction may not fit even alone; then skip it and extend the part
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

// The kinds of calls from the protocol, as in the output.
const (
	constructorCall = 1 + iota
	executeCall
	feeTransferCall
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
	block        *Block
	classes      []*cairo.Class
	transactions []plannedTransaction
	order        []*cairo.CallTrace // all calls, in the order in which the program runs them
	calls        int                // number of calls that the program has entered

	run runState
}

// plannedTransaction is a transaction with the calls from the protocol that the program runs.
type plannedTransaction struct {
	info    *cairo.TxInfo
	outcome uint64
	calls   []plannedCall
}

type plannedCall struct {
	kind      uint64
	execution *cairo.CallTrace
}

// plan returns the job of all transactions of a block.
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

// join returns the job of the transactions of plans, in order.
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

// planTransaction returns the job of a transaction alone. The error is an *UnprovableError or a *TooLongError if the
// transaction cannot be in any part.
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
			return nil, fmt.Errorf("os: transaction %v: a call of %v aborted: %w", tx.Info.Hash, root.Call.Contract, root.Err)
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
			return nil, fmt.Errorf("os: transaction %v: the call trace was dropped after %d words, but with %d steps it may have %d",
				tx.Info.Hash, root.Dropped, maxSteps, MaxWords(maxSteps))
		}
		if err := j.add(root); err != nil {
			return nil, fmt.Errorf("os: transaction %v: %w", tx.Info.Hash, err)
		}
		planned.calls = append(planned.calls, plannedCall{kind, root})
	}
	if tx.Reverted && planned.outcome == succeeded {
		planned.outcome = aborted // __execute__ did not begin
	}
	if tx.Reverted != (planned.outcome != succeeded) {
		return nil, fmt.Errorf("os: transaction %v: reverted is %t, but the outcome of its calls is %d", tx.Info.Hash, tx.Reverted, planned.outcome)
	}
	j.transactions = append(j.transactions, planned)
	return j, nil
}

// kindOf returns the kind of a call from the protocol, or 0 for a signature check, which is unproven.
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

// add adds a call and its inner calls to the job, in the order in which the program runs them.
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
			return fmt.Errorf("a call of %v aborted, but its caller did not: %w", s.Inner.Call.Contract, s.Inner.Err)
		}
		if entered(s) {
			if err := j.add(s.Inner); err != nil {
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
