package executor

import (
	"errors"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Estimate is what a transaction has to be given to succeed.
type Estimate struct {
	L2Gas uint64           // a bound
	Fee   starknet.Uint128 // of the bound
}

// estimateSlack is the part of an estimate by which it may be above the least bound that suffices.
const estimateSlack = 100

// Estimate runs a transaction on st as Execute with SkipFee does, and finds an L2 gas bound with which it succeeds there. That can be
// more than the gas that it uses: code may need gas in hand that it gives back. If what it uses does not suffice, the least bound that
// does is searched for, and found to within 1%; the outcome is then the one with that bound. A transaction that no bound lets succeed
// has the outcome of the largest, without an Estimate. Its own bounds do not matter.
func (x *Executor) Estimate(st *state.Overlay, block *Block, tx starknet.Transaction, opts Options) (*Outcome, error) {
	s := x.search(st, block, tx, opts)
	if err := s.try(0); err != nil {
		return nil, err
	}
	if !s.out.Receipt.Reverted {
		if err := s.find(s.out.Receipt.Resources.L2Gas, constants.MaxValidateGas+constants.MaxExecuteGas); err != nil {
			return nil, err
		}
	}
	s.over.MergeInto(st)
	if s.opts.Room != nil {
		*s.opts.Room = s.left
	}
	return s.out, nil
}

// EstimateAfter returns the estimate of a transaction that Execute made out of with its own bounds; nil where no bound lets it succeed. st
// is as it was before Execute, and stays so.
func (x *Executor) EstimateAfter(out *Outcome, st *state.Overlay, block *Block, tx starknet.Transaction, opts Options) (*Estimate, error) {
	opts.Diff, opts.Brief, opts.Room = false, true, nil
	if out.Receipt.Reverted {
		out, err := x.Estimate(state.NewOverlay(st), block, tx, opts)
		if _, ok := errors.AsType[*Rejection](err); ok {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return out.Estimate, nil
	}
	s := x.search(st, block, tx, opts)
	s.out = out
	if err := s.find(out.Receipt.Resources.L2Gas, tx.Fields().ResourceBounds.L2Gas.MaxAmount); err != nil {
		return nil, err
	}
	return s.out.Estimate, nil
}

// search is the search for a bound.
type search struct {
	x     *Executor
	st    *state.Overlay
	block *Block
	tx    starknet.Transaction
	opts  Options
	room  int // before each run
	// The latest run that succeeded.
	out  *Outcome
	over *state.Overlay
	left int // of the room
}

func (x *Executor) search(st *state.Overlay, block *Block, tx starknet.Transaction, opts Options) *search {
	opts.SkipFee = true
	s := &search{x: x, st: st, block: block, tx: tx, opts: opts}
	if opts.Room != nil {
		s.room = *opts.Room
	}
	return s
}

// try runs the transaction with a bound, or with none, and keeps the run if it succeeds.
func (s *search) try(bound uint64) error {
	left, over := s.room, state.NewOverlay(s.st)
	opts := s.opts
	opts.Bound = bound
	if opts.Room != nil {
		opts.Room = &left
	}
	out, err := s.x.Execute(over, s.block, s.tx, opts)
	if err == nil && (!out.Receipt.Reverted || bound == 0) {
		s.out, s.over, s.left = out, over, left
	}
	return err
}

// find finds the bound of a transaction that uses some gas, and succeeds with high or more. No bound is below LeastGas.
func (s *search) find(used, high uint64) error {
	used = max(used, LeastGas(s.tx))
	low := used // does not suffice
	high = max(high, used)
	for bound := used; bound < high; {
		before := s.out
		if err := s.try(bound); err != nil {
			if _, ok := errors.AsType[*Rejection](err); !ok {
				return err
			}
		}
		if s.out != before {
			high = bound
		} else {
			low = bound
		}
		if high-low <= high/estimateSlack {
			break
		}
		if bound = low + (high-low)/2; high/2 > low {
			bound = 2 * low // from below, where runs are shorter
		}
	}
	t := &transaction{x: s.x, block: s.block, tx: s.tx}
	fee, err := t.fee(high)
	if err != nil {
		return err
	}
	s.out.Estimate = &Estimate{L2Gas: high, Fee: fee}
	return nil
}
