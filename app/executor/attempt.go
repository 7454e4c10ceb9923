package executor

import (
	"slices"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/starknet"
)

// Attempt is a run of a transaction on a state that it does not change. It has two parts, because all transactions of a block change the
// balance of the sequencer: [Executor.Attempt] runs everything up to the fee transfer, and Finish transfers the fee. Changes has what the
// transaction read and wrote.
type Attempt struct {
	t      *transaction
	charge charge
	before savepoint // the fee transfer
	out    Outcome   // before the fee transfer
	phases int       // before the fee transfer
}

// Attempt runs a transaction on base, without its fee transfer. The caller must call End.
func (x *Executor) Attempt(base state.Reader, block *Block, tx starknet.Transaction, opts Options) (*Attempt, error) {
	if x.Stop != nil && x.Stop.Load() {
		return nil, cairo.ErrInterrupted
	}
	t, err := x.begin(base, block, tx, opts)
	if err != nil {
		return nil, err
	}
	a := &Attempt{t: t}
	ran := false
	defer func() {
		if !ran {
			a.End()
		}
	}()
	if a.charge, err = t.run(); err != nil {
		return nil, err
	}
	ran = true
	a.before, a.out, a.phases = t.savepoint(), t.out, len(t.phases)
	return a, nil
}

// Fee returns the fee that Finish transfers.
func (a *Attempt) Fee() starknet.Uint128 {
	if a.t.opts.SkipFee || a.t.opts.ValidateOnly {
		return starknet.Uint128{}
	}
	return a.charge.fee
}

// Validated returns Outcome.Validated.
func (a *Attempt) Validated() *Validated { return a.out.Validated }

// End frees the resources of the engine. Finish may be called after it.
func (a *Attempt) End() {
	if a.t.session != nil {
		a.t.session.End()
		a.t.session = nil
	}
}

// Finish transfers the fee and returns the outcome. It may be called again, after a change of the base that only Finish read: it then first
// undoes what it did before.
func (a *Attempt) Finish() (*Outcome, error) {
	t := a.t
	if t.session == nil {
		t.session = t.x.Engine.Begin()
		defer a.End()
	}
	t.rollback(a.before)
	t.events, t.msgs = slices.Clip(t.events), slices.Clip(t.msgs) // the outcome of an earlier call keeps its events
	t.out, t.phases = a.out, t.phases[:a.phases]
	out, err := t.finish(a.charge)
	if err != nil {
		return nil, err
	}
	finished := *out
	return &finished, nil
}

// Covered reports whether the account's balance in st covers the bounds, as it did in the base. Apart from that, the outcome and the changes are
// a function of the values in Changes, so a run on st has the same if it is covered and Changes has misread nothing. The check of the bounds
// does not count as a read of the balance, so that transactions before may change it.
func (a *Attempt) Covered(st state.Reader) (bool, error) {
	if a.t.covered == nil {
		return true, nil
	}
	low, high, err := a.t.balanceIn(st)
	return err == nil && covers(low, high, *a.t.covered), err
}

// Changes returns the transaction's changes, as an overlay on the base. They are complete after Finish.
func (a *Attempt) Changes() *state.Overlay { return a.t.st }
