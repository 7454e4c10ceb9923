package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
)

// messageFelt is the L2 gas of one felt of a message to L1. On Starknet messages cost L1 gas (docs/fees.md).
const messageFelt = 5120

// messageHeader is the number of felts that are charged for a message in addition to its payload.
const messageHeader = 3

// documented lists the differences in docs/fees.md.
var documented = []struct {
	file, step, what string
	section          string // heading in docs/fees.md
}{
	{"bounds", "18", "status", "What differs from Starknet"}, // a bound of 0 for L1 gas, which this chain does not charge
	{"gas", "73", "status", "What differs from Starknet"},    // messages are charged in L2 gas, which exceeds the bound
}

// Difference is a value of a step that differs from blockifier's.
type Difference struct {
	Step, Name, What string
	Got, Want        string
	Documented       string // the section of docs/fees.md that documents it, "" if none does
}

func (d Difference) String() string {
	return fmt.Sprintf("#%s %s: %s\n    starkd:     %s\n    blockifier: %s", d.Step, d.Name, d.What, clip(d.Got), clip(d.Want))
}

func clip(s string) string {
	if len(s) < 500 {
		return s
	}
	return s[:250] + " … " + s[len(s)-200:]
}

// Compare returns the differences from blockifier's results, in the order of steps. It ignores the price of messages to L1 (docs/fees.md)
// and the error texts of rejections.
func Compare(c *Case, classes []ClassLine, steps []StepLine, wantClasses []ClassLine, wantSteps []StepLine) []Difference {
	var all []Difference
	if !reflect.DeepEqual(classes, wantClasses) {
		all = append(all, Difference{Step: "-", Name: "classes", What: "hashes", Got: text(classes), Want: text(wantClasses)})
	}
	if len(steps) != len(wantSteps) {
		return append(all, Difference{Step: "-", Name: "steps", What: "number", Got: text(len(steps)), Want: text(len(wantSteps))})
	}
	k := &comparison{token: c.FeeToken, block: c.Block}
	for i := range steps {
		if b := c.Steps[i].Block; b != nil {
			k.block = *b
		}
		k.out = nil
		k.step(&steps[i], &wantSteps[i])
		for _, d := range k.out {
			d.Step, d.Name = fmt.Sprint(i), steps[i].Name
			for _, known := range documented {
				if known.file == c.Name && known.step == d.Step && known.what == d.What {
					d.Documented = known.section
				}
			}
			all = append(all, d)
		}
	}
	return all
}

// comparison compares the steps in order.
type comparison struct {
	token felt.Felt
	block BlockInfo
	// fees is the sequencer's balance on each side. After the first different fee the balances always differ, so their increase is
	// compared.
	fees [2]big.Int
	out  []Difference
}

func (k *comparison) differ(what string, got, want any) {
	k.out = append(k.out, Difference{What: what, Got: text(got), Want: text(want)})
}

func (k *comparison) equal(what string, got, want any) {
	if g, w := text(got), text(want); g != w {
		k.differ(what, got, want)
	}
}

func (k *comparison) step(a, b *StepLine) {
	if a.EnginesDiffer != "" {
		k.differ("native engine and VM", a, a.EnginesDiffer)
	}
	slot := executor.BalanceKey(k.block.Sequencer)
	var grown [2]big.Int
	for side, s := range []*StepLine{a, b} {
		if s.Effects == nil {
			continue
		}
		if held, ok := s.Storage[k.token][slot]; ok {
			now := held.BigInt()
			grown[side].Sub(now, &k.fees[side])
			k.fees[side].Set(now)
		}
	}
	if a.Status != b.Status {
		k.differ("status", a.Status+": "+a.Error, b.Status+": "+b.Error)
		return
	}
	if a.Status == "rejected" {
		return
	}
	var messages uint64 // their price
	for _, m := range a.Messages {
		messages += messageFelt * uint64(messageHeader+len(m.Payload))
	}
	k.equal("hash", a.Hash, b.Hash)
	k.equal("revert reason", a.Error, b.Error)
	k.equal("L2 gas", a.L2Gas-messages, b.L2Gas)
	k.equal("messages", a.Messages, b.Messages)
	k.equal("nonces", a.Nonces, b.Nonces)
	k.equal("classes of contracts", a.Classes, b.Classes)
	k.equal("declared classes", a.Declared, b.Declared)
	events, wantEvents := a.Events, b.Events
	if messages == 0 {
		k.equal("fee", a.Fee, b.Fee)
		k.calls("fee transfer", a.FeeTransfer, b.FeeTransfer)
		if a.Fee == b.Fee {
			k.equal("sequencer's income", &grown[0], &grown[1])
			k.equal("balances", without(a.Storage[k.token], slot), without(b.Storage[k.token], slot))
		}
	} else if len(events) > 0 && len(wantEvents) > 0 {
		// The last event is the fee transfer's. Its amount includes the price of messages.
		events, wantEvents = events[:len(events)-1], wantEvents[:len(wantEvents)-1]
	}
	k.equal("events", events, wantEvents)
	k.equal("storage", without(a.Storage, k.token), without(b.Storage, k.token))
	k.calls("validate", a.Validate, b.Validate)
	if a.Status == "succeeded" {
		k.calls("execute", a.Execute, b.Execute)
	}
}

func (k *comparison) calls(path string, a, b *CallLine) {
	if a == nil || b == nil {
		k.equal(path, a, b)
		return
	}
	x, y := *a, *b
	x.Inner, y.Inner = nil, nil
	if x.Kind == "Constructor" && len(y.Calldata) == 0 {
		x.Calldata = y.Calldata // blockifier keeps no calldata for classes without a constructor
	}
	if y.Resources == nil {
		x.Resources = nil
	}
	if y.Tracked == "" {
		x.Tracked = ""
	}
	k.equal(path, &x, &y)
	if len(a.Inner) != len(b.Inner) {
		k.differ(path+": inner calls", len(a.Inner), len(b.Inner))
		return
	}
	for i := range a.Inner {
		k.calls(fmt.Sprintf("%s[%d]", path, i), a.Inner[i], b.Inner[i])
	}
}

// without returns a copy of m without key, nil if it is empty.
func without[V any](m map[felt.Felt]V, key felt.Felt) map[felt.Felt]V {
	m = maps.Clone(m)
	delete(m, key)
	if len(m) == 0 {
		return nil
	}
	return m
}

// text returns the form in which values are compared and printed: JSON, with sorted keys.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
