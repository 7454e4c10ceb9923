package machine

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestUnpackQM31 checks that unpackQM31 reads four coordinates of 36 bits and that each must be below 2^31 - 1.
func TestUnpackQM31(t *testing.T) {
	pack := func(c [4]uint64) Value {
		n := new(big.Int)
		for i := range c {
			n.Add(n, new(big.Int).Lsh(new(big.Int).SetUint64(c[i]), uint(36*i)))
		}
		return FeltValue(felt.FromBigInt(n))
	}
	for i := range 4 {
		for _, v := range []uint64{0, 1, 1<<20 - 1, 1 << 20, 1<<31 - 2} {
			c := [4]uint64{3, 5, 7, 11}
			c[i] = v
			q, err := unpackQM31(pack(c))
			if got := [4]uint64{q.a.re, q.a.im, q.b.re, q.b.im}; err != nil || got != c {
				t.Errorf("%v: unpacked %v, %v", c, got, err)
			}
		}
		for _, v := range []uint64{1<<31 - 1, 1 << 31, 1<<36 - 1} {
			var c [4]uint64
			c[i] = v
			if q, err := unpackQM31(pack(c)); err == nil {
				t.Errorf("%v: unpacked %+v", c, q)
			}
		}
	}
	if _, err := unpackQM31(FeltValue(felt.FromBigInt(new(big.Int).Lsh(big.NewInt(1), 144)))); err == nil {
		t.Error("2^144 is unpacked")
	}
	if _, err := unpackQM31(AddrValue(Addr{1, 2})); err == nil {
		t.Error("an address is unpacked")
	}
}

// loader returns a function that writes values to consecutive cells of m.
func loader(t *testing.T, m *Machine) func(at Addr, list ...Value) {
	return func(at Addr, list ...Value) {
		t.Helper()
		if _, err := m.Memory.Load(at, list...); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMissingOperand checks that secureMod returns an error for an add_mod instance that lacks a value.
func TestMissingOperand(t *testing.T) {
	for missing := range 4 { // 3: none
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinAddMod)
		if err != nil {
			t.Fatal(err)
		}
		values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
		insert := loader(t, m)
		insert(b.Base, UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets), UintValue(1))
		insert(offsets, UintValue(0), UintValue(4), UintValue(8))
		for i, v := range []uint64{50, 60, 13} {
			if i != missing {
				insert(values.Add(4*i), UintValue(v), UintValue(0), UintValue(0), UintValue(0))
			}
		}
		sizes := make([]uint64, offsets.Segment+1)
		sizes[b.Base.Segment] = ModCells
		err = b.secureMod(&m.Memory, sizes)
		if want := "missing value at instance 0"; missing == 3 && err != nil || missing < 3 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("without value %d: %v", missing, err)
		}
	}
}

// TestQM31 compares products and quotients with the definition of QM31: polynomials in i and u with i² = -1, u² = 2 + i.
func TestQM31(t *testing.T) {
	p := big.NewInt(m31)
	// product multiplies two elements a + bi + cu + d·iu, using a table of the products of 1, i, u and iu.
	table := [4][4][4]int64{
		{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}},
		{{0, 1, 0, 0}, {-1, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, -1, 0}},
		{{0, 0, 1, 0}, {0, 0, 0, 1}, {2, 1, 0, 0}, {-1, 2, 0, 0}},
		{{0, 0, 0, 1}, {0, 0, -1, 0}, {-1, 2, 0, 0}, {-2, -1, 0, 0}},
	}
	product := func(x, y [4]uint64) (out [4]uint64) {
		for k := range out {
			sum := new(big.Int)
			for i := range x {
				for j := range y {
					term := new(big.Int).SetUint64(x[i])
					term.Mul(term, new(big.Int).SetUint64(y[j]))
					sum.Add(sum, term.Mul(term, big.NewInt(table[i][j][k])))
				}
			}
			out[k] = sum.Mod(sum, p).Uint64()
		}
		return out
	}
	element := func(c [4]uint64) qm31 { return qm31{cm31{c[0], c[1]}, cm31{c[2], c[3]}} }
	list := [][4]uint64{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {3, 5, 7, 11}, {m31 - 1, m31 - 1, m31 - 1, m31 - 1}, {m31 - 1, 2, 0, m31 - 5}}
	for _, x := range list {
		for _, y := range list {
			want := element(product(x, y))
			got, err := qm31Mul(element(x), element(y))
			if err != nil || got != want {
				t.Errorf("%v times %v: %v, %v, want %v", x, y, got, err, want)
			}
			if back, err := qm31Div(got, element(y)); err != nil || back != element(x) {
				t.Errorf("%v over %v: %v, %v, want %v", got, y, back, err, x)
			}
		}
	}
	if q, err := qm31Div(element(list[0]), qm31{}); err == nil {
		t.Errorf("1 over 0: %v", q)
	}
}

// TestFillValue checks that fillValue computes one missing value of a sum modulo 97, and nothing if two are missing.
func TestFillValue(t *testing.T) {
	for missing := range 8 { // a bit for each value
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinAddMod)
		if err != nil {
			t.Fatal(err)
		}
		values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
		if _, err := m.Memory.Load(offsets, UintValue(0), UintValue(4), UintValue(8)); err != nil {
			t.Fatal(err)
		}
		list := []uint64{50, 60, 13}
		for i, v := range list {
			if missing>>i&1 == 0 {
				if _, err := m.Memory.Load(values.Add(4*i), UintValue(v), UintValue(0), UintValue(0), UintValue(0)); err != nil {
					t.Fatal(err)
				}
			}
		}
		ok, err := b.fillValue(&m.Memory, &ModInputs{Values: values, Offsets: offsets, P: big.NewInt(97), N: 1}, 0)
		one := missing&(missing-1) == 0
		if ok != one || err != nil {
			t.Errorf("missing %03b: %v, %v", missing, ok, err)
		}
		for i, v := range list {
			got, ok := m.Memory.Get(values.Add(4 * i))
			if want := one || missing>>i&1 == 0; ok != want || ok && got != UintValue(v) {
				t.Errorf("missing %03b: value %d is %v, %v, want %d: %v", missing, i, got, ok, v, want)
			}
		}
	}
}

// TestUnknownValue checks that Memory.Value returns an error for a cell that is not written.
func TestUnknownValue(t *testing.T) {
	m := NewMachine()
	a := m.Memory.AddSegment()
	if v, err := m.Memory.Value(a); err == nil {
		t.Errorf("%v", v)
	}
	if err := m.Memory.Insert(a, UintValue(7)); err != nil {
		t.Fatal(err)
	}
	if v, err := m.Memory.Value(a); err != nil || v != UintValue(7) {
		t.Errorf("%v, %v", v, err)
	}
}

// TestDeduceOp0 checks that op0 of dst = op0 · op1 is deduced only if dst and op1 are felts and op1 is not 0.
func TestDeduceOp0(t *testing.T) {
	known := func(v Value) operand { return operand{v: v, ok: true} }
	six, three, zero, at := known(UintValue(6)), known(UintValue(3)), known(UintValue(0)), known(AddrValue(Addr{1, 2}))
	for _, c := range []struct {
		dst, op1 operand
		want     uint64 // 0 for none
	}{{six, three, 2}, {zero, zero, 0}, {six, zero, 0}, {at, three, 0}, {six, at, 0}, {six, operand{}, 0}, {operand{}, three, 0}} {
		v, ok, err := NewMachine().deduceOp0(&instruction{opcode: opAssertEq, res: resMul}, c.dst, c.op1)
		if err != nil || ok != (c.want != 0) || ok && v != UintValue(c.want) {
			t.Errorf("%v = op0 · %v: %v, %v, %v", c.dst.v, c.op1.v, v, ok, err)
		}
	}
}

// TestFillMod checks that n counts down from instance to instance and that the pointer follows the table of offsets.
func TestFillMod(t *testing.T) {
	m := NewMachine()
	b, err := m.AddBuiltin(BuiltinAddMod)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
	for at, list := range map[Addr][]Value{
		b.Base:         {UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets), UintValue(n)},
		offsets:        {UintValue(0), UintValue(4), UintValue(8), UintValue(4), UintValue(8), UintValue(12), UintValue(0), UintValue(16), UintValue(12)},
		values:         {UintValue(50), UintValue(0), UintValue(0), UintValue(0)},
		values.Add(4):  {UintValue(60), UintValue(0), UintValue(0), UintValue(0)},
		values.Add(12): {UintValue(73), UintValue(0), UintValue(0), UintValue(0)},
	} {
		if _, err := m.Memory.Load(at, list...); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.FillMod(ModBatch{b.Base, n}, ModBatch{}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		at := b.Base.Add(ModCells * i)
		for k, want := range []Value{UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets.Add(3 * i)), UintValue(uint64(n - i))} {
			if got, ok := m.Memory.Get(at.Add(k)); !ok || got != want {
				t.Errorf("instance %d, cell %d: %v, %v, want %v", i, k, got, ok, want)
			}
			// Cells that FillMod writes count as accessed: they are no holes.
			if accessed := m.Memory.cell(at.Add(k))[3]&accessedBit != 0; accessed != (i > 0) {
				t.Errorf("instance %d, cell %d: accessed %v", i, k, accessed)
			}
		}
	}
	for at, want := range map[int]uint64{8: 13, 16: 23} { // 50 + 60 - 97; 73 - 50
		if got, ok := m.Memory.Get(values.Add(at)); !ok || got != UintValue(want) {
			t.Errorf("value at %d: %v, %v, want %d", at, got, ok, want)
		}
	}
}

// TestFillModBatch checks that instances beyond a batch repeat the offsets of the first, and that an offset of the batch that is missing is an error.
func TestFillModBatch(t *testing.T) {
	for missing := -1; missing < 3; missing++ {
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinAddMod)
		if err != nil {
			t.Fatal(err)
		}
		values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
		load := loader(t, m)
		load(b.Base, UintValue(97), UintValue(0), UintValue(0), UintValue(0), AddrValue(values), AddrValue(offsets), UintValue(3))
		for i, v := range []uint64{0, 4, 8} {
			if i != missing {
				load(offsets.Add(i), UintValue(v))
			}
		}
		load(values, UintValue(50), UintValue(0), UintValue(0), UintValue(0), UintValue(60), UintValue(0), UintValue(0), UintValue(0))
		err = m.FillMod(ModBatch{b.Base, 1}, ModBatch{})
		if (err != nil) != (missing >= 0) {
			t.Errorf("without offset %d: %v", missing, err)
		}
		for i := range 9 {
			if got, ok := m.Memory.Get(offsets.Add(i)); missing < 0 && (!ok || got != UintValue(uint64(i%3*4))) {
				t.Errorf("offset %d: %v, %v", i, got, ok)
			}
		}
	}
}

// TestDeduceBitwise checks the bound of each operand, and that the error names the operand's address and value.
func TestDeduceBitwise(t *testing.T) {
	bound := felt.MustHex("0x800000000000000000000000000000000000000000000000000000000000000") // 2^251
	below := felt.MustHex("0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	for operand := range 2 {
		for _, v := range []felt.Felt{below, bound} {
			m := NewMachine()
			b, err := m.AddBuiltin(BuiltinBitwise)
			if err != nil {
				t.Fatal(err)
			}
			in := []Value{UintValue(3), UintValue(3)}
			in[operand] = FeltValue(v)
			if _, err := m.Memory.Load(b.Base, in...); err != nil {
				t.Fatal(err)
			}
			_, _, err = m.deduceCell(b.Base.Add(2))
			want := fmt.Sprintf("address %v to be smaller than 2^251, got %v", b.Base.Add(operand), FeltValue(v))
			if v == below && err != nil || v == bound && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("operand %d is %v: %v", operand, v, err)
			}
		}
	}
}

// TestQM31Operands checks that an operand that is not a packed QM31 is an error, on either side.
func TestQM31Operands(t *testing.T) {
	for _, bad := range []Value{AddrValue(Addr{1, 2}), UintValue(1<<31 - 1)} {
		if _, err := qm31Op(bad, UintValue(2), qm31Mul); err == nil {
			t.Errorf("%v · 2: no error", bad)
		}
		if _, err := qm31Op(UintValue(2), bad, qm31Mul); err == nil {
			t.Errorf("2 · %v: no error", bad)
		}
	}
	if v, err := qm31Op(UintValue(2), UintValue(3), qm31Mul); err != nil || v != UintValue(6) {
		t.Errorf("2 · 3: %v, %v", v, err)
	}
}

// TestQM31Packing checks that results are packed as operands are: four coordinates of 36 bits.
func TestQM31Packing(t *testing.T) {
	for i := range 4 {
		n := new(big.Int).Lsh(big.NewInt(1<<31-2), uint(36*i))
		v := FeltValue(felt.FromBigInt(n))
		if got, err := qm31Op(v, UintValue(1), qm31Mul); err != nil || got != v {
			t.Errorf("coordinate %d: %v · 1 is %v, %v", i, v, got, err)
		}
	}
}

// TestDoubleDereference checks that op1 at [[fp + x] + y] needs an op0 that is known and an address.
func TestDoubleDereference(t *testing.T) {
	for _, c := range []struct {
		op0  operand
		want string
	}{
		{operand{}, "op0 must be known in double dereference"},
		{operand{v: UintValue(3), ok: true}, "memory addresses must be relocatable"},
		{operand{v: AddrValue(Addr{2, 5}), ok: true}, ""},
	} {
		at, err := NewMachine().op1Addr(&instruction{op1: op1Op0, off2: -2}, c.op0)
		if c.want == "" && (err != nil || at != Addr{2, 3}) || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%v: %v, %v", c.op0, at, err)
		}
	}
}

// TestInsertShared checks that a write to a segment whose cells are shared leaves the other machine's cells as they are.
func TestInsertShared(t *testing.T) {
	owner, other := NewMachine(), NewMachine()
	a, b := owner.Memory.AddSegment(), other.Memory.AddSegment()
	if _, err := owner.Memory.Load(a, UintValue(1), UintValue(2)); err != nil {
		t.Fatal(err)
	}
	cells := make([]Cell, 3)
	for off, known := range owner.Memory.Written(a.Segment) {
		copy(cells[off:], known)
	}
	if err := other.Memory.Share(b, CellsOf(cells)); err != nil {
		t.Fatal(err)
	}
	if err := other.Memory.Insert(b.Add(2), UintValue(3)); err != nil {
		t.Fatal(err)
	}
	if cells[2].Known() {
		t.Error("a write reached the shared cells")
	}
	if got, ok := other.Memory.Get(b.Add(2)); !ok || got != UintValue(3) {
		t.Errorf("the written cell is %v, %v", got, ok)
	}
	if got, ok := other.Memory.Get(b); !ok || got != UintValue(1) {
		t.Errorf("a shared cell is %v, %v", got, ok)
	}
}

// TestShareAcrossChunks shares ranges of an array that is longer than a chunk, and ranges of those ranges, and compares them with the
// array: cells before, in and after the range, its size and its pieces. A write after the range leaves the array as it is.
func TestShareAcrossChunks(t *testing.T) {
	const total = 2*chunkCells + 100
	owner := NewMachine()
	a := owner.Memory.AddSegment()
	for i := range uint64(total) {
		if err := owner.Memory.Insert(a.Add(int(i)), UintValue(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range [][2]int{
		{0, total}, {0, chunkCells}, {0, chunkCells + 1}, {1, chunkCells}, {1, chunkCells - 1}, {chunkCells - 1, 2}, {chunkCells, chunkCells},
		{chunkCells + 7, chunkCells + 50}, {total - 1, 1}, {5, total - 5},
	} {
		first, n := r[0], r[1]
		m, from, at := owner, a.Add(first), a
		for depth := range 3 { // a range of a range of a range, each one cell shorter at both ends
			if n < 1 {
				break
			}
			cells := m.Memory.Cells(from, n)
			m = NewMachine()
			at = m.Memory.AddSegment()
			if err := m.Memory.Share(at, cells); err != nil || cells.Len() != n {
				t.Fatal(cells.Len(), err)
			}
			for i := range n {
				if v, ok := m.Memory.Get(at.Add(i)); !ok || v != UintValue(uint64(first+i)) {
					t.Fatalf("range %v, depth %d: cell %d is %v, %v", r, depth, i, v, ok)
				}
			}
			for _, off := range []int{-1, -chunkCells, n, n + chunkCells} {
				if _, ok := m.Memory.Get(at.Add(off)); ok {
					t.Fatalf("range %v, depth %d: there is a cell %d", r, depth, off)
				}
			}
			if size := m.Memory.SegmentSize(at.Segment); size != uint64(n) {
				t.Fatalf("range %v, depth %d: size %d", r, depth, size)
			}
			next := uint64(0)
			for off, piece := range m.Memory.Written(at.Segment) {
				for i := range piece {
					if off+uint64(i) != next || piece[i].Value() != UintValue(uint64(first)+next) {
						t.Fatalf("range %v, depth %d: the piece at %d has %v at %d, want cell %d", r, depth, off, piece[i].Value(), i, next)
					}
					next++
				}
			}
			if next != uint64(n) {
				t.Fatalf("range %v, depth %d: pieces of %d cells", r, depth, next)
			}
			from, first, n = at.Add(1), first+1, n-2
		}
		last := int(m.Memory.SegmentSize(at.Segment))
		if err := m.Memory.Insert(at.Add(last), UintValue(1<<40)); err != nil {
			t.Fatal(err)
		}
		for i := range last {
			if v, ok := m.Memory.Get(at.Add(i)); !ok || v == UintValue(1<<40) {
				t.Fatalf("range %v: after a write cell %d is %v, %v", r, i, v, ok)
			}
		}
	}
	for i := range uint64(total) {
		if v, ok := owner.Memory.Get(a.Add(int(i))); !ok || v != UintValue(i) {
			t.Fatalf("cell %d of the array is %v, %v", i, v, ok)
		}
	}
	if size := owner.Memory.SegmentSize(a.Segment); size != total {
		t.Errorf("the array has %d cells", size)
	}
}

// TestSparseSegment checks a segment that is written at few far offsets, and that memory is allocated for those alone.
func TestSparseSegment(t *testing.T) {
	m := NewMachine()
	a := m.Memory.AddSegment()
	offsets := []uint64{5, 20_000_000, chunkCells, 3*chunkCells - 1, 19_999_999}
	for _, off := range offsets {
		if err := m.Memory.Insert(Addr{a.Segment, off}, UintValue(off)); err != nil {
			t.Fatal(err)
		}
	}
	allocated := 0
	for _, c := range m.Memory.segment(a.Segment).chunks {
		allocated += cap(c)
	}
	if allocated > len(offsets)*chunkCells {
		t.Errorf("%d cells are allocated", allocated)
	}
	for _, off := range offsets {
		for _, near := range []uint64{off - 1, off + 1} {
			if v, ok := m.Memory.Get(Addr{a.Segment, near}); ok && v != UintValue(near) {
				t.Errorf("cell %d is %v", near, v)
			}
		}
		if v, ok := m.Memory.Get(Addr{a.Segment, off}); !ok || v != UintValue(off) {
			t.Errorf("cell %d is %v, %v", off, v, ok)
		}
	}
	if size := m.Memory.SegmentSize(a.Segment); size != 20_000_001 {
		t.Errorf("size %d", size)
	}
}

// TestSkip checks that a hint can skip its instruction: pc moves by the instruction's size.
func TestSkip(t *testing.T) {
	for _, c := range []struct {
		words []Value
		size  uint64
	}{
		{[]Value{FeltValue(felt.MustHex("0x480680017fff8000")), UintValue(7)}, 2}, // [ap] = 7; ap++
		{[]Value{FeltValue(felt.MustHex("0x208b7fff7fff7ffe"))}, 1},               // ret
	} {
		code := NewCode(c.words)
		code.AddHint(0, func(m *Machine) error { m.SkipInstruction(); return nil })
		m := new(Pool).Get(code)
		m.AP, m.FP = 2, 2
		if err := m.Step(); err != nil || m.PC.Offset != c.size || m.Steps != 0 {
			t.Errorf("%v: pc %v after %d steps, %v", c.words, m.PC, m.Steps, err)
		}
	}
}

// TestNewCodeWithoutInstruction checks that a word that is not an instruction is no error before it is reached, and that it is one then.
func TestNewCodeWithoutInstruction(t *testing.T) {
	m := new(Pool).Get(NewCode([]Value{FeltValue(felt.MustHex("0x8000000000000000")), UintValue(1)})) // bit 63, the extension, without an opcode
	m.AP, m.FP = 2, 2
	if err := m.Step(); err == nil {
		t.Error("a word with unknown flags ran")
	}
}
