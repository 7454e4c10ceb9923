package vm

import (
	"testing"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// TestHintsWithoutOperands checks that every core hint returns an error, and does not panic, if one of its operands is not
// written, whatever the others are: addresses of an empty segment, or felts. With all operands written it only must not panic.
func TestHintsWithoutOperands(t *testing.T) {
	for kind := range coreHints {
		switch kind {
		case casm.AddTrace, casm.DebugPrint, casm.AssertLtAssertValidInput:
			continue // they do nothing
		}
		inputs, outputs := len(kind.Inputs()), len(kind.Outputs())
		hint := &casm.Hint{Kind: kind}
		for i := range inputs {
			hint.In = append(hint.In, casm.Operand{Kind: casm.Deref, Cell: casm.Cell{Reg: casm.FP, Off: int16(i)}})
		}
		for i := range outputs {
			hint.Out = append(hint.Out, casm.Cell{Reg: casm.FP, Off: int16(100 + i)})
		}
		run, err := CoreHint(hint)
		if err != nil {
			t.Fatalf("%v: %v", kind, err)
		}
		for missing := -1; missing < inputs; missing++ {
			for _, other := range []string{"addresses", "felts"} {
				m := machine.NewMachine()
				stack, empty := machine.Addr{Segment: 1}, m.Memory.AddSegment()
				for i := range inputs {
					v := machine.AddrValue(empty)
					if other == "felts" {
						v = machine.FeltValue(felt.One)
					}
					if i == missing {
						continue
					}
					if _, err := m.Memory.Load(stack.Add(i), v); err != nil {
						t.Fatal(err)
					}
				}
				func() {
					defer func() {
						if p := recover(); p != nil {
							t.Errorf("%v without operand %d, others %s: panic %v", kind, missing, other, p)
						}
					}()
					if err := run(m); err == nil && missing >= 0 {
						t.Errorf("%v without operand %d, others %s: no error", kind, missing, other)
					}
				}()
			}
		}
	}
}
