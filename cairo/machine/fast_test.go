package machine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// randomInstruction returns a word whose offsets are -4 to 3 and whose flags are a legal combination, mostly of a common form.
func randomInstruction(r *rand.Rand) uint64 {
	offset := func() uint64 { return uint64(1<<15 - 4 + r.IntN(8)) }
	off0, off1, off2 := offset(), offset(), offset()
	flags := uint64(r.IntN(4)) // dst and op0 bases
	op1 := []uint64{0, 1, 2, 4}[r.IntN(4)]
	if op1 == 1 && r.IntN(8) != 0 {
		off2 = 1<<15 + 1 // an immediate
	}
	const opcodeShift = 12 // bits of op1 begin at 2, of res at 5, pc at 7, ap at 10
	res := uint64(r.IntN(3))
	switch r.IntN(7) {
	case 0: // call rel imm, call abs
		flags = 0 // bases: [ap]
		off0, off1 = 1<<15, 1<<15+1
		pc := []uint64{1, 2}[r.IntN(2)]
		return off0 | off1<<16 | off2<<32 | (flags|op1<<2|pc<<7|1<<opcodeShift)<<48
	case 1: // ret
		return 0x208b7fff7fff7ffe
	case 2: // jump
		pc := []uint64{1, 2}[r.IntN(2)]
		return off0 | off1<<16 | off2<<32 | (flags|op1<<2|res<<5|pc<<7|[]uint64{0, 2}[r.IntN(2)]<<10)<<48
	case 3: // jnz
		return off0 | off1<<16 | off2<<32 | (flags|op1<<2|4<<7|[]uint64{0, 2}[r.IntN(2)]<<10)<<48
	case 4: // ap +=
		return off0 | off1<<16 | off2<<32 | (flags|op1<<2|res<<5|1<<10)<<48
	}
	return off0 | off1<<16 | off2<<32 | (flags|op1<<2|res<<5|[]uint64{0, 2}[r.IntN(2)]<<10|4<<opcodeShift)<<48
}

// TestFastEqualsSlow runs single instructions of every form with and without the fast path, on cells that are unknown, small, large, equal, different
// in one limb, or addresses, and compares registers, memory, trace and the kind of the error.
func TestFastEqualsSlow(t *testing.T) {
	one := felt.MustHex("0x1")
	far := felt.MustHex("0x100000000000000020000000000000003")
	palette := []Value{
		UintValue(0), UintValue(1), UintValue(2), UintValue(5), UintValue(1<<62 - 1), UintValue(1 << 62), UintValue(1<<64 - 1),
		FeltValue(far), FeltValue(felt.MustHex("0x200000000000000020000000000000003")), FeltValue(felt.MustHex("0x100000000000000030000000000000003")),
		FeltValue(felt.MustHex("0x400000000000000000000000000000000000000000000000000000000000005")), FeltValue(*new(felt.Felt).Neg(&one)),
		AddrValue(Addr{0, 0}), AddrValue(Addr{0, 6}), AddrValue(Addr{1, 3}), AddrValue(Addr{1, 11}), AddrValue(Addr{2, 0}), AddrValue(Addr{2, 2}), AddrValue(Addr{2, 1<<62 - 2}),
		AddrValue(Addr{-1, 0}), AddrValue(Addr{-1, 1}), AddrValue(Addr{3, 0}), AddrValue(Addr{4, 0}), AddrValue(Addr{4, 3}), AddrValue(Addr{4, 7}),
		UintValue(6), UintValue(7), // 5 xor 3, 5 or 3
	}
	r := rand.New(rand.NewPCG(7, 8))
	kinds := map[string]int{}
	for n := range 20_000 {
		word := randomInstruction(r)
		immediate := palette[r.IntN(12)]
		if r.IntN(3) == 0 {
			immediate = UintValue(uint64(r.IntN(4)))
		}
		cells := make([]Value, 12)
		known := make([]bool, 12)
		few := palette[r.IntN(len(palette))]
		for i := range cells {
			known[i] = r.IntN(4) != 0
			cells[i] = palette[r.IntN(len(palette))]
			if r.IntN(3) == 0 {
				cells[i] = few // so that equal operands are common
			}
		}
		ap, fp := uint64(3+r.IntN(6)), uint64(3+r.IntN(6))
		rules, tracing, deduced := r.IntN(4) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		run := func(slow bool) (state string, kind string) {
			m := NewMachine()
			m.Memory.Limit = 1 << 16
			m.Tracing, m.slow = tracing, slow
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			data := m.Memory.AddSegment()
			if _, err := m.AddBuiltin(BuiltinRangeCheck); err != nil {
				t.Fatal(err)
			}
			bitwise, err := m.AddBuiltin(BuiltinBitwise)
			must(err)
			_, err = m.Memory.Load(bitwise.Base, UintValue(5), UintValue(3))
			must(err)
			if deduced {
				_, _, err := m.deduceCell(bitwise.Base.Add(2))
				must(err)
			}
			temporary := m.Memory.AddTemporarySegment()
			must(m.Memory.Insert(Addr{0, 0}, FeltValue(felt.FromUint64(word))))
			must(m.Memory.Insert(Addr{0, 1}, immediate))
			must(m.Memory.Insert(data, UintValue(5)))
			must(m.Memory.Insert(data.Add(1), few))
			must(m.Memory.Insert(temporary, UintValue(5)))
			for i := range cells {
				if known[i] {
					must(m.Memory.Insert(Addr{1, uint64(i)}, cells[i]))
				}
			}
			if rules {
				must(m.Memory.AddRelocationRule(temporary, data))
			}
			m.AP, m.FP = ap, fp
			err = m.Step()
			kind = "ok"
			if err != nil {
				if _, ok := errors.AsType[*RunError](err); !ok {
					t.Fatalf("%T", err)
				}
				kind = "error"
			}
			state = fmt.Sprintln(err, m.PC, m.AP, m.FP, m.Steps, m.last)
			for s := range int32(5) {
				for k := range uint64(14) {
					if c := m.Memory.cell(Addr{s, k}); c != nil && c.Known() {
						state += fmt.Sprint(s, k, c.Value(), c[3]&accessedBit != 0, " ")
					}
				}
			}
			return state, kind
		}
		fast, kind := run(false)
		if slow, _ := run(true); fast != slow {
			t.Fatalf("case %d: word %#x, immediate %v, ap %d, fp %d, rules %v\nfast %s\nslow %s", n, word, immediate, ap, fp, rules, fast, slow)
		}
		kinds[kind]++
	}
	if kinds["ok"] < 1000 || kinds["error"] < 1000 {
		t.Errorf("%v: both kinds must be common", kinds)
	}
}

// TestSmallFelt checks smallFelt at its bounds, and that a number is not small because its lowest limb is.
func TestSmallFelt(t *testing.T) {
	for _, c := range []struct {
		hex   string
		want  int64
		small bool
	}{
		{"0x0", 0, true}, {"0x1", 1, true}, {"0x3fffffffffffffff", 1<<62 - 1, true}, {"0x4000000000000000", 0, false},
		{"0x10000000000000001", 0, false}, {"0x100000000000000000000000000000001", 0, false}, {"0x10000000000000000000000000000000000000000000001", 0, false},
	} {
		f := felt.MustHex(c.hex)
		if got, ok := smallFelt(f); got != c.want || ok != c.small {
			t.Errorf("%s: got %d, %v", c.hex, got, ok)
		}
		f.Neg(&f)
		if got, ok := smallFelt(f); got != -c.want || ok != c.small {
			t.Errorf("-%s: got %d, %v", c.hex, got, ok)
		}
	}
}

// TestReadErrors checks that each reader of memory returns an error for an unknown cell, for a cell of the other kind, and for a number that does not fit.
func TestReadErrors(t *testing.T) {
	m := NewMachine()
	at := m.Memory.AddSegment()
	if _, err := m.Memory.Load(at, AddrValue(at), FeltValue(felt.MustHex("0x10000000000000000")), UintValue(7)); err != nil {
		t.Fatal(err)
	}
	unknown := at.Add(3)
	for _, c := range []struct {
		name string
		read func(Addr) error
		good Addr
		bad  []Addr
	}{
		{"Felt", func(a Addr) error { _, err := m.Memory.Felt(a); return err }, at.Add(1), []Addr{at, unknown}},
		{"Uint64", func(a Addr) error { _, err := m.Memory.Uint64(a); return err }, at.Add(2), []Addr{at, at.Add(1), unknown}},
		{"Pointer", func(a Addr) error { _, err := m.Memory.Pointer(a); return err }, at, []Addr{at.Add(1), unknown}},
	} {
		if err := c.read(c.good); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, a := range c.bad {
			if c.read(a) == nil {
				t.Errorf("%s of %v: no error", c.name, a)
			}
		}
	}
}

// TestBuiltinShapes compares the sizes of builtins with the Cairo layouts.
func TestBuiltinShapes(t *testing.T) {
	for name, want := range map[string][2]uint64{
		BuiltinPedersen: {3, 1}, BuiltinRangeCheck: {1, 1}, BuiltinECDSA: {2, 1}, BuiltinBitwise: {5, 1}, BuiltinECOp: {7, 1}, BuiltinKeccak: {16, 16},
		BuiltinPoseidon: {6, 1}, BuiltinSegmentArena: {3, 1}, BuiltinRangeCheck96: {1, 1}, BuiltinAddMod: {7, 1}, BuiltinMulMod: {7, 1},
	} {
		m := NewMachine()
		b, err := m.AddBuiltin(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]uint64{b.rule.cells, b.ComponentInstances()}; got != want {
			t.Errorf("%s: cells and instances %v, want %v", name, got, want)
		}
	}
}

// TestCheckSignature checks that a signature is verified once key and message are both there, and not before. An address instead of a number is an
// error when it is written after the other cell, and for the key at once.
func TestCheckSignature(t *testing.T) {
	for _, c := range []struct {
		order   [2]int
		address int     // the cell that holds an address, or -1
		errs    [2]bool // of the two writes
	}{
		{[2]int{0, 1}, -1, [2]bool{false, true}}, {[2]int{0, 1}, 0, [2]bool{true, false}}, {[2]int{0, 1}, 1, [2]bool{false, true}},
		{[2]int{1, 0}, -1, [2]bool{false, true}}, {[2]int{1, 0}, 0, [2]bool{false, true}}, {[2]int{1, 0}, 1, [2]bool{false, false}},
	} {
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinECDSA)
		if err != nil {
			t.Fatal(err)
		}
		for n, i := range c.order {
			v := UintValue(5)
			if i == c.address {
				v = AddrValue(b.Base)
			}
			if err := m.Memory.Insert(b.Base.Add(i), v); (err != nil) != c.errs[n] {
				t.Errorf("order %v, address %d, write %d: error %v, want %v", c.order, c.address, n, err, c.errs[n])
			}
		}
	}
}

// TestShareLimit checks that shared cells count towards the limit: the last number that fits, and one more.
func TestShareLimit(t *testing.T) {
	m := Memory{Limit: 100}
	first, second := m.AddSegment(), m.AddSegment()
	if _, err := m.Load(first, slices.Repeat([]Value{UintValue(1)}, 60)...); err != nil {
		t.Fatal(err)
	}
	used := m.cells
	cells := func(n uint64) *Cells {
		list := make([]Cell, n)
		for i := range list {
			v := UintValue(uint64(i))
			list[i].set(&v)
		}
		return CellsOf(list)
	}
	if err := m.Share(second, cells(m.Limit-used+1)); err == nil {
		t.Error("one cell more than the limit was shared")
	}
	if err := m.Share(second, cells(m.Limit-used)); err != nil {
		t.Errorf("the last cells: %v", err)
	}
	if err := (&Memory{Limit: 10, segs: []*segment{{}}}).Share(Addr{}, cells(11)); err == nil {
		t.Error("a segment beyond the limit was shared")
	}
	// Shared cells may belong to other machines, so they are not marked.
	m.mark(second)
	if m.cell(second)[3]&accessedBit != 0 {
		t.Error("a shared cell is marked as accessed")
	}
	m.mark(first)
	if m.cell(first)[3]&accessedBit == 0 {
		t.Error("a cell is not marked as accessed")
	}
}

// TestMaxSteps checks that exactly MaxSteps steps run.
func TestMaxSteps(t *testing.T) {
	m := NewMachine()
	if _, err := m.Memory.LoadFelts(Addr{}, felt.MustHex("0x10780017fff7fff"), felt.FromUint64(0)); err != nil { // jmp rel 0
		t.Fatal(err)
	}
	m.AP, m.FP = 2, 2
	if err := m.Memory.Insert(Addr{1, 1}, UintValue(0)); err != nil { // [fp - 1], which the instruction reads
		t.Fatal(err)
	}
	m.MaxSteps = 5
	if err := m.Run(Addr{9, 9}); !errors.Is(err, ErrMaxSteps) || m.Steps != 5 {
		t.Errorf("%d steps, %v; want 5", m.Steps, err)
	}
}

// TestRegisterBounds checks the largest ap and fp, and one more.
func TestRegisterBounds(t *testing.T) {
	for _, c := range []struct {
		fp, step uint64 // fp after ret; ap += step
		good     bool
	}{
		{maxOffset, 0, true}, {maxOffset + 1, 0, false}, {2, maxOffset - 2, true}, {2, maxOffset - 1, false},
	} {
		m := NewMachine()
		m.slow = true
		word := felt.MustHex("0x208b7fff7fff7ffe") // ret
		if c.step != 0 {
			word = felt.MustHex("0x40780017fff7fff") // ap += immediate
		}
		if _, err := m.Memory.LoadFelts(Addr{}, word, felt.FromUint64(c.step)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Memory.Load(Addr{1, 0}, AddrValue(Addr{1, c.fp}), AddrValue(Addr{0, 0})); err != nil {
			t.Fatal(err)
		}
		m.AP, m.FP = 2, 2
		if err := m.Step(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestDeduceOp1 checks that an unknown op1 of an asserted sum or product is solved for, and that nothing is deduced without dst or op0.
func TestDeduceOp1(t *testing.T) {
	known := func(v Value) operand { return operand{v: v, ok: true} }
	for _, c := range []struct {
		res      uint8
		dst, op0 operand
		want     Value
		ok       bool
	}{
		{resOp1, known(UintValue(7)), operand{}, UintValue(7), true},
		{resOp1, operand{}, known(UintValue(7)), Value{}, false},
		{resAdd, known(UintValue(7)), known(UintValue(3)), UintValue(4), true},
		{resAdd, known(AddrValue(Addr{2, 9})), known(UintValue(3)), AddrValue(Addr{2, 6}), true},
		{resAdd, known(UintValue(3)), known(AddrValue(Addr{2, 9})), Value{}, false}, // 3 minus an address
		{resAdd, known(UintValue(7)), operand{}, Value{}, false},
		{resMul, known(UintValue(12)), known(UintValue(3)), UintValue(4), true},
		{resMul, known(UintValue(12)), known(UintValue(0)), Value{}, false},
		{resMul, known(AddrValue(Addr{2, 9})), known(UintValue(3)), Value{}, false},
		{resMul, known(UintValue(12)), known(AddrValue(Addr{2, 9})), Value{}, false},
	} {
		in := &instruction{opcode: opAssertEq, res: c.res}
		got, ok, err := NewMachine().deduceOp1(in, c.dst, c.op0)
		if ok != c.ok || ok && got != c.want || err != nil {
			t.Errorf("%v of %v and %v: got %v, %v, %v", c.res, c.dst, c.op0, got, ok, err)
		}
	}
}

// TestSecureModContinues checks that an instance must continue the one before it, in each of its parts.
func TestSecureModContinues(t *testing.T) {
	for change := range 5 { // 0: none, 1: p, 2: values, 3: offsets, 4: n
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinAddMod)
		if err != nil {
			t.Fatal(err)
		}
		values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
		load := loader(t, m)
		number := func(v uint64) []Value { return []Value{UintValue(v), UintValue(0), UintValue(0), UintValue(0)} }
		load(values, slices.Concat(number(50), number(60), number(13), number(50), number(60), number(13))...)
		for i := range 9 {
			load(offsets.Add(i), UintValue(uint64(i%3*4)))
		}
		next := []Value{UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets.Add(3)), UintValue(1)}
		switch change {
		case 1:
			next[0] = UintValue(110) // 50 + 60 is 0 modulo 110, and 13 is not
		case 2:
			next[4] = AddrValue(values.Add(12))
		case 3:
			next[5] = AddrValue(offsets.Add(6))
		case 4:
			next[6] = UintValue(2)
		}
		load(b.Base, append([]Value{UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets), UintValue(2)}, next...)...)
		sizes := make([]uint64, offsets.Segment+1)
		sizes[b.Base.Segment] = 2 * ModCells
		err = b.secureMod(&m.Memory, sizes)
		want := [...]string{"", "p changes at instance 1", "values_ptr changes at instance 1", "offsets_ptr does not advance at instance 1", "n is 2 at instance 1"}[change]
		if (err == nil) != (change == 0) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("change %d: %v", change, err)
		}
	}
}
