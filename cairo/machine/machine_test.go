package machine

import (
	"errors"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
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
	copies, first := 0, (*Cell)(nil)
	for i := range 1 << 20 {
		if err := m.Insert(a.Add(i), UintValue(1)); err != nil {
			t.Fatalf("cell %d: %v", i, err)
		}
		if c := m.cell(a); c != first {
			copies, first = copies+1, c
		}
	}
	if err := m.Insert(a.Add(1<<20), UintValue(1)); !errors.Is(err, ErrMaxCells) {
		t.Errorf("a cell beyond the limit: %v, want ErrMaxCells", err)
	}
	if copies > chunkBits {
		t.Errorf("%d copies of the first chunk, want at most %d", copies, chunkBits)
	}
	if err := m.Insert(m.AddSegment(), UintValue(1)); !errors.Is(err, ErrMaxCells) {
		t.Errorf("a cell of another segment: %v, want ErrMaxCells", err)
	}
	if err := m.Insert(a, UintValue(2)); err == nil || errors.Is(err, ErrMaxCells) {
		t.Errorf("another value in a cell: %v, want an error other than ErrMaxCells", err)
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

// TestInstancesAcrossChunks deduces the outputs of instances whose cells are in two chunks, reads one of them, and lets Finish fill the
// others in.
func TestInstancesAcrossChunks(t *testing.T) {
	for _, name := range []string{BuiltinPoseidon, BuiltinBitwise, BuiltinECOp} {
		m := NewMachine()
		b, err := m.AddBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		if chunkCells%b.rule.cells == 0 {
			t.Fatalf("no instance of %s is in two chunks", name)
		}
		inputs := []Value{UintValue(3), UintValue(5), UintValue(7)}[:min(3, b.rule.inputs)]
		if name == BuiltinECOp {
			p, q := starkcurve.Blinding(1), starkcurve.Blinding(2) // some points of the curve
			inputs = []Value{FeltValue(p.X), FeltValue(p.Y), FeltValue(q.X), FeltValue(q.Y), UintValue(5)}
		}
		var want []Value
		for _, start := range []uint64{0, chunkCells / b.rule.cells * b.rule.cells} {
			at := Addr{b.Base.Segment, start}
			if _, err := m.Memory.Load(at, inputs...); err != nil {
				t.Fatal(err)
			}
			var got []Value
			for i := b.rule.inputs; i < b.rule.cells; i++ {
				v, ok, err := m.deduceCell(at.Add(int(i)))
				if !ok || err != nil {
					t.Fatalf("%s: output %d: %v, %v", name, i, ok, err)
				}
				if _, ok := m.Memory.Get(at.Add(int(i))); ok {
					t.Fatalf("%s: output %d is known before it is written", name, i)
				}
				got = append(got, v)
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: outputs %v at %d, want %v", name, got, start, want)
			}
			if err := m.Memory.Insert(at.Add(int(b.rule.inputs)), got[0]); err != nil {
				t.Fatal(err)
			}
		}
		if size, err := b.Finish(&m.Memory, true); err != nil || size != chunkCells/b.rule.cells*b.rule.cells+b.rule.cells {
			t.Fatalf("%s: size %d, %v", name, size, err)
		}
		for i, v := range want {
			if have, ok := m.Memory.Get(Addr{b.Base.Segment, chunkCells/b.rule.cells*b.rule.cells + b.rule.inputs + uint64(i)}); !ok || have != v {
				t.Errorf("%s: output %d is %v, %v; want %v", name, i, have, ok, v)
			}
		}
	}
}

// TestWrongOutputAfterRead checks that Finish notices a wrong output that the program writes after another output of its instance was deduced.
func TestWrongOutputAfterRead(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinBitwise)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Memory.Load(b.Base, UintValue(6), UintValue(3)); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := m.deduceCell(b.Base.Add(2)); !ok || err != nil {
			t.Fatal(ok, err)
		}
		v := UintValue(7)
		if wrong {
			v = UintValue(5)
		}
		if err := m.Memory.Insert(b.Base.Add(4), v); err != nil { // 6 or 3 is 7
			t.Fatal(err)
		}
		if _, err := b.Finish(&m.Memory, false); (err != nil) != wrong {
			t.Errorf("wrong %v: %v", wrong, err)
		}
	}
}
