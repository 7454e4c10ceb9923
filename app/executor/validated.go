package executor

import (
	"slices"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Validated is a successful run of an account's validation, which most of the time of a transaction is for. What a run does is a function of
// the transaction, its gas, the rounded block info and the state that it reads. Another run of the transaction takes it over if all these are
// the same. It is not changed, so several transactions may use it at once.
type Validated struct {
	hash         felt.Felt // of the transaction; it does not cover the signature
	signature    []felt.Felt
	gas          uint64
	number, time uint64 // rounded
	changes      *state.Overlay
	frame        *Frame
	lastGas      uint64
	granted      cairo.StepBudget
	budget       cairo.StepBudget // left
	steps        uint64
	events       []starknet.Event
	messages     []starknet.Message
}

// Bytes returns about how much memory it takes.
func (v *Validated) Bytes() int {
	n := 2048 + v.changes.Bytes() + felt.Bytes*len(v.signature) + v.frame.bytes()
	for i := range v.events {
		n += 128 + felt.Bytes*(len(v.events[i].Keys)+len(v.events[i].Data))
	}
	for i := range v.messages {
		n += 128 + felt.Bytes*len(v.messages[i].Payload)
	}
	return n
}

// bytes returns about how much memory the frame and its inner frames take, without events and messages.
func (f *Frame) bytes() int {
	n := 512 + felt.Bytes*(len(f.Calldata)+len(f.Retdata))
	for _, in := range f.Inner {
		n += in.bytes()
	}
	return n
}

// keeps reports whether the transaction keeps its validation or takes it over. A trace needs more than is kept.
func (t *transaction) keeps() bool {
	return t.opts.Keep && t.opts.Brief && t.opts.Room == nil && t.opts.Observe == nil && !t.opts.SkipFee && !t.opts.Query
}

// roundedInfo returns the block number and time that validation sees.
func (t *transaction) roundedInfo() (number, time uint64) {
	b := t.block
	return b.Number - b.Number%constants.RoundBlock, b.Timestamp - b.Timestamp%constants.RoundTime
}

// callValidation runs the validation entry point, or takes its run over from Options.Validated.
func (t *transaction) callValidation(p *phase, e entry) (*Frame, error) {
	if !t.keeps() {
		return p.call(e)
	}
	if v := t.opts.Validated; v != nil {
		holds, err := t.holds(v, p, e.gas)
		if err != nil {
			return &Frame{}, err
		}
		if holds {
			t.takeOver(p, v)
			return v.frame, nil
		}
	}
	outer, steps := t.st, t.out.Steps
	t.st, t.sawBlockHash = state.NewOverlay(outer), false
	defer func() { t.st = outer }()
	events, messages := len(t.events), len(t.msgs)
	frame, err := p.call(e)
	if err != nil || frame.Failed {
		return frame, err
	}
	t.st.MergeInto(outer)
	if t.sawBlockHash { // the answer depends on the exact block number
		return frame, nil
	}
	kept := *frame
	kept.answer = nil
	v := &Validated{
		hash: t.hash, signature: t.tx.Fields().Signature, gas: e.gas, changes: t.st, frame: &kept, lastGas: p.lastGas, granted: p.granted, budget: p.budget, steps: t.out.Steps - steps,
		events: slices.Clone(t.events[events:]), messages: slices.Clone(t.msgs[messages:]),
	}
	v.number, v.time = t.roundedInfo()
	t.st.Detach()
	t.out.Validated = v
	return frame, nil
}

// holds reports whether the transaction's validation does what v did.
func (t *transaction) holds(v *Validated, p *phase, gas uint64) (bool, error) {
	number, time := t.roundedInfo()
	if v.hash != t.hash || v.gas != gas || v.granted != p.granted || v.number != number || v.time != time || !slices.Equal(v.signature, t.tx.Fields().Signature) {
		return false, nil
	}
	misread, err := v.changes.Misread(t.st)
	return len(misread) == 0, err
}

// takeOver makes the effects of v those of the phase.
func (t *transaction) takeOver(p *phase, v *Validated) {
	v.changes.MergeInto(t.st)
	p.lastGas, p.budget = v.lastGas, v.budget
	t.out.Steps += v.steps
	t.events, t.msgs = append(t.events, v.events...), append(t.msgs, v.messages...)
	t.out.Validated = v
}
