package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Runner runs case files. It caches compiled classes.
type Runner struct {
	Engine cairo.Engine
	// Second, if not nil, executes every step too; differences are recorded.
	Second cairo.Engine
	// Old, if not nil, says which classes of a case file run as if they were of Sierra 1.5.0, by their hash. Blockifier then bills their
	// calls by steps.
	Old func(hash felt.Felt) bool

	classes *executor.Classes
}

// NewRunner returns a runner without engines.
func NewRunner() *Runner { return &Runner{classes: executor.NewClasses(nil)} }

// Run runs the steps of a case file.
func (r *Runner) Run(c *Case) ([]ClassLine, []StepLine, error) {
	chains := []*executor.Executor{{Engine: r.Engine, Classes: r.classes}}
	if r.Second != nil {
		chains = append(chains, &executor.Executor{Engine: r.Second, Classes: r.classes})
	}
	var classes []ClassLine
	var results [][]StepLine
	for _, x := range chains {
		st := state.NewOverlay(nothing{})
		var err error
		if classes, err = r.genesis(x, st, c); err != nil {
			return nil, nil, err
		}
		steps, err := steps(x, st, c)
		if err != nil {
			return nil, nil, err
		}
		results = append(results, steps)
	}
	steps := results[0]
	for i := range steps {
		if len(results) == 1 {
			break
		}
		a, err := json.Marshal(&steps[i])
		if err != nil {
			return nil, nil, err
		}
		b, err := json.Marshal(&results[1][i])
		if err != nil {
			return nil, nil, err
		}
		if string(a) != string(b) {
			steps[i].EnginesDiffer = string(b)
		}
	}
	return classes, steps, nil
}

// genesis sets up the state before the first step and returns the lines of its classes.
func (r *Runner) genesis(x *executor.Executor, st *state.Overlay, c *Case) ([]ClassLine, error) {
	var lines []ClassLine
	for _, f := range c.Classes {
		definition, err := c.Class(f)
		if err != nil {
			return nil, err
		}
		class, err := x.Classes.Compile(definition.Hash(), definition)
		if err != nil {
			return nil, fmt.Errorf("class %s: %w", f.Name, err)
		}
		if r.Old != nil && r.Old(class.Hash) {
			class.Sierra.Version, class.Gas = sierra.Version{Major: 1, Minor: 5}, nil
		}
		stored, err := executor.Stored(class, definition)
		if err != nil {
			return nil, err
		}
		st.Declare(stored)
		lines = append(lines, ClassLine{f.Name, class.Hash, class.CompiledHash})
	}
	for _, k := range c.Contracts {
		if !k.ClassHash.IsZero() {
			st.SetClassHash(k.Address, k.ClassHash)
		}
		st.SetNonce(k.Address, k.Nonce)
		for key, v := range k.Storage {
			st.SetStorage(k.Address, key, v)
		}
	}
	return lines, nil
}

// steps executes the steps of a case on a state.
func steps(x *executor.Executor, st *state.Overlay, c *Case) ([]StepLine, error) {
	lines := make([]StepLine, len(c.Steps))
	info := c.Block
	for i, s := range c.Steps {
		if s.Block != nil {
			info = *s.Block
		}
		price, err := starknet.Uint128FromFelt(info.L2GasPrice)
		if err != nil {
			return nil, err
		}
		block := &executor.Block{
			Number: info.Number, Timestamp: info.Timestamp, Sequencer: info.Sequencer, ChainID: felt.FromShortString(c.ChainID),
			L2GasPrice: price, FeeToken: c.FeeToken,
		}
		l := &lines[i]
		l.I, l.Name, l.Category, l.Hash = i, s.Name, s.Category, s.Tx.Hash(block.ChainID)
		out, err := x.Execute(st, block, s.Tx.Transaction, executor.Options{Diff: true})
		if rejection, ok := errors.AsType[*executor.Rejection](err); ok {
			l.Status, l.Error = "rejected", rejection.Detail
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("step %d (%s): %w", i, s.Name, err)
		}
		l.fill(out)
	}
	return lines, nil
}

// fill sets the effects of a transaction that was not rejected.
func (l *StepLine) fill(out *executor.Outcome) {
	r := &out.Receipt
	l.Effects = new(Effects)
	if l.Status = "succeeded"; r.Reverted {
		l.Status, l.Error = "reverted", r.RevertReason
	}
	l.Fee, l.L2Gas = r.ActualFee.String(), r.Resources.L2Gas
	l.Events, l.Messages = []EventLine{}, []MessageLine{}
	for _, e := range r.Events {
		l.Events = append(l.Events, EventLine{From: &e.From, Keys: list(e.Keys), Data: list(e.Data)})
	}
	for _, m := range r.Messages {
		l.Messages = append(l.Messages, MessageLine{From: &m.From, To: m.To, Payload: list(m.Payload)})
	}
	l.Storage, l.Nonces = map[felt.Felt]map[felt.Felt]felt.Felt{}, map[felt.Felt]felt.Felt{}
	l.Classes, l.Declared = map[felt.Felt]felt.Felt{}, map[felt.Felt]felt.Felt{}
	for _, s := range out.Diff.Storage {
		slots := map[felt.Felt]felt.Felt{}
		for _, e := range s.Entries {
			slots[e.Key] = e.Value
		}
		l.Storage[s.Address] = slots
	}
	for _, n := range out.Diff.Nonces {
		l.Nonces[n.Address] = n.Nonce
	}
	for _, k := range out.Diff.Deployed {
		l.Classes[k.Address] = k.ClassHash
	}
	for _, k := range out.Diff.Replaced {
		l.Classes[k.Address] = k.ClassHash
	}
	for _, k := range out.Diff.Declared {
		l.Declared[k.ClassHash] = k.CompiledClassHash
	}
	l.Validate, l.Execute, l.FeeTransfer = call(out.Validate), call(out.Execute), call(out.FeeTransfer)
}

// call returns the line of a call, nil for nil.
func call(f *executor.Frame) *CallLine {
	if f == nil {
		return nil
	}
	l := &CallLine{
		Contract: f.Contract, Class: f.ClassHash, Selector: f.Selector, Caller: f.Caller, Library: f.Library,
		Kind:     map[cairo.EntryPointType]string{cairo.External: "External", cairo.Constructor: "Constructor", cairo.L1Handler: "L1Handler"}[f.Kind],
		Calldata: list(f.Calldata), Gas: f.Gas, Consumed: f.GasConsumed, Failed: f.Failed, Retdata: list(f.Retdata),
		Events: []EventLine{}, Messages: []MessageLine{}, Inner: []*CallLine{}, Tracked: "SierraGas", Resources: resources(f.Resources),
	}
	if f.CairoSteps {
		l.Tracked = "CairoSteps"
	}
	for _, e := range f.Events {
		l.Events = append(l.Events, EventLine{Order: &e.Order, Keys: list(e.Keys), Data: list(e.Data)})
	}
	for _, m := range f.Messages {
		l.Messages = append(l.Messages, MessageLine{Order: &m.Order, To: m.To, Payload: list(m.Payload)})
	}
	for _, in := range f.Inner {
		l.Inner = append(l.Inner, call(in))
	}
	return l
}

// resources returns resources as a result file has them.
func resources(r constants.Resources) *ResourceLine {
	l := &ResourceLine{Steps: r.Steps, Holes: r.MemoryHoles, Builtins: map[string]uint64{}}
	for name, n := range map[string]uint64{
		"range_check": r.RangeChecks, "pedersen": r.Pedersens, "poseidon": r.Poseidons, "bitwise": r.Bitwises, "keccak": r.Keccaks, "ec_op": r.ECOps,
		"range_check96": r.RangeChecks96, "add_mod": r.AddMods, "mul_mod": r.MulMods, "segment_arena": r.SegmentArenas,
	} {
		if n > 0 {
			l.Builtins[name] = n
		}
	}
	return l
}

// list returns xs, or an empty list for nil, as JSON needs it.
func list(xs []felt.Felt) []felt.Felt {
	if xs == nil {
		return []felt.Felt{}
	}
	return xs
}

// nothing is an empty state.
type nothing struct{}

func (nothing) StorageAt(_, _ felt.Felt) (felt.Felt, error)    { return felt.Felt{}, nil }
func (nothing) NonceAt(felt.Felt) (felt.Felt, error)           { return felt.Felt{}, nil }
func (nothing) ClassHashAt(felt.Felt) (felt.Felt, error)       { return felt.Felt{}, nil }
func (nothing) CompiledClassHash(felt.Felt) (felt.Felt, error) { return felt.Felt{}, nil }
func (nothing) Class(felt.Felt) (*state.Class, error)          { return nil, nil }
