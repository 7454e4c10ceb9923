package machine

import (
	"errors"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// FuzzStep runs arbitrary words as a program with and without the fast path and compares the states.
func FuzzStep(f *testing.F) {
	word := func(hex ...string) []byte {
		var out []byte
		for _, h := range hex {
			v := felt.MustHex(h)
			b := v.Bytes()
			out = append(out, b[16:]...)
		}
		return out
	}
	f.Add(word("0x480680017fff8000", "0x7", "0x48307fff7fff8000", "0x10780017fff7fff", "0x0"))
	f.Add(word("0x1104800180018000", "0x2", "0x208b7fff7fff7ffe"))
	f.Add(word("0x20780017fff7ffd", "0x4", "0x400780017fff8002", "0x5", "0x208b7fff7fff7ffe"))
	f.Fuzz(func(t *testing.T, b []byte) {
		type outcome struct {
			pc     Addr
			ap, fp uint64
			steps  uint64
			failed bool
			memory [4][40]Value
		}
		run := func(slow bool) (o outcome) {
			m := NewMachine()
			m.Memory.Limit = 1 << 16
			m.Tracing = true
			m.slow = slow
			for i := 0; i+16 <= len(b) && i < 16*30; i += 16 {
				_ = m.Memory.Insert(Addr{0, uint64(i / 16)}, FeltValue(felt.FromBytesReduce(b[i:i+16])))
			}
			data := m.Memory.AddSegment()
			rc, _ := m.AddBuiltin(BuiltinRangeCheck)
			_, _ = m.Memory.Load(Addr{1, 0}, UintValue(3), AddrValue(data), AddrValue(rc.Base), UintValue(0), AddrValue(Addr{1, 2}))
			m.AP, m.FP = 5, 5
			var err error
			for i := 0; i < 50 && err == nil; i++ {
				err = m.Step()
			}
			if err != nil {
				if _, ok := errors.AsType[*RunError](err); !ok {
					t.Fatalf("%T", err)
				}
			}
			o = outcome{pc: m.PC, ap: m.AP, fp: m.FP, steps: m.Steps, failed: err != nil}
			for s := range o.memory {
				for k := range o.memory[s] {
					if c := m.Memory.cell(Addr{int32(s), uint64(k)}); c != nil && c.Known() {
						o.memory[s][k] = c.Value()
					}
				}
			}
			return o
		}
		if fast, slow := run(false), run(true); fast != slow {
			t.Errorf("fast %+v\nslow %+v", fast, slow)
		}
	})
}

// TestMemoryLimit checks that a segment can grow to the limit with few copies, and no further.
func TestMemoryLimit(t *testing.T) {
	m := Memory{Limit: 1 << 20}
	a := m.AddSegment()
	copies, room := 0, 0
	for i := range 1 << 20 {
		if err := m.Insert(a.Add(i), UintValue(1)); err != nil {
			t.Fatalf("cell %d: %v", i, err)
		}
		if n := cap(m.segs[0].cells); n != room {
			copies, room = copies+1, n
		}
	}
	if err := m.Insert(a.Add(1<<20), UintValue(1)); err == nil {
		t.Error("a cell beyond the limit was written")
	}
	if copies > 40 {
		t.Errorf("%d copies, want at most 40", copies)
	}
	if other := m.AddSegment(); m.Insert(other, UintValue(1)) == nil {
		t.Error("another segment got a cell beyond the limit")
	}
}

// TestFinishReadInstances checks Finish on an instance one of whose outputs was read: it fills in the other outputs, and
// compares an output that the program wrote.
func TestFinishReadInstances(t *testing.T) {
	for _, name := range []string{BuiltinPoseidon, BuiltinKeccak, BuiltinBitwise} {
		for _, wrong := range []bool{false, true} {
			m := NewMachine()
			b, err := m.AddBuiltin(name)
			if err != nil {
				t.Fatal(err)
			}
			in, cells := int(b.rule.inputs), int(b.rule.cells)
			for i := range in {
				if err := m.Memory.Insert(b.Base.Add(i), UintValue(uint64(i)+5)); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok, err := m.deduceCell(b.Base.Add(in)); !ok || err != nil {
				t.Fatalf("%s: deduced %v, %v", name, ok, err)
			}
			if wrong {
				if err := m.Memory.Insert(b.Base.Add(in+1), UintValue(1<<40)); err != nil {
					t.Fatal(err)
				}
			}
			_, err = b.Finish(&m.Memory, true)
			if (err != nil) != wrong {
				t.Errorf("%s: error %v, an output is wrong: %v", name, err, wrong)
			}
			for i := range cells {
				if _, ok := m.Memory.Get(b.Base.Add(i)); !wrong && !ok {
					t.Errorf("%s: cell %d is a hole", name, i)
				}
			}
		}
	}
}
