package executor

import (
	"errors"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Estimate is the bound that a transaction needs to succeed.
type Estimate struct {
	L2Gas uint64           // the bound
	Fee   starknet.Uint128 // the fee for that much gas
}

// estimateSlack is the precision of an estimate: it is at most 1/estimateSlack above the least sufficient bound.
const estimateSlack = 100

// Estimate runs a transaction on st as Execute with SkipFee does, and finds an L2 gas bound with which it succeeds. The bound can
// be above the gas that the transaction uses, because code may need gas that it does not consume. If the gas used is not a
// sufficient bound, Estimate searches for the least one, to within 1%, and returns the outcome with that bound. If no bound lets
// the transaction succeed, the outcome is that of the largest bound and has no Estimate. The transaction's own bounds are ignored.
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

// EstimateAfter returns the estimate of a transaction that Execute ran with its own bounds and the outcome out, or nil if no bound
// lets it succeed. st is the state before Execute; EstimateAfter does not change it.
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

// search is a search for the least bound.
type search struct {
	x     *Executor
	st    *state.Overlay
	block *Block
	tx    starknet.Transaction
	opts  Options
	room  int // Options.Room at the start of each run
	// The latest successful run.
	out  *Outcome
	over *state.Overlay
	left int // room left after it
}

func (x *Executor) search(st *state.Overlay, block *Block, tx starknet.Transaction, opts Options) *search {
	opts.SkipFee = true
	s := &search{x: x, st: st, block: block, tx: tx, opts: opts}
	if opts.Room != nil {
		s.room = *opts.Room
	}
	return s
}

// try runs the transaction with a bound and keeps the run if it succeeds. Bound 0 means the largest bound; that run is kept even if
// it reverts.
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

// find finds the bound of a transaction that used the given gas and succeeds with bound high or more. The bound is at least LeastGas.
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
			bound = 2 * low // low bounds first: their runs are shorter
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
