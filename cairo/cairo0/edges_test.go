package cairo0

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// TestPIEValues checks that a value in a PIE's memory must be a felt below P, or an address whose other bits are 0.
func TestPIEValues(t *testing.T) {
	at := uint64(pieAddrBase) + 2<<pieOffsetBits + 9
	record := func(l [4]uint64) []byte {
		b := binary.LittleEndian.AppendUint64(nil, at)
		for _, w := range l {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	const segmentBits = 31 + pieOffsetBits - 64 // bits of the segment number in the second word
	for _, c := range []struct {
		words [4]uint64
		want  machine.Value
		bad   bool
	}{
		{words: [4]uint64{7}, want: machine.FeltValue(felt.FromUint64(7))},
		{words: [4]uint64{0, 0, 0, 0x800000000000011 - 1}, want: machine.FeltValue(felt.FromLimbs([4]uint64{0, 0, 0, 0x800000000000010}))},
		{words: [4]uint64{1, 0, 0, 0x800000000000011}, bad: true}, // P
		{words: [4]uint64{3<<pieOffsetBits + 5, 0, 0, 1 << 63}, want: machine.AddrValue(machine.Addr{Segment: 3, Offset: 5})},
		{words: [4]uint64{1<<64 - 1, 1<<segmentBits - 1, 0, 1 << 63}, want: machine.AddrValue(machine.Addr{Segment: 1<<31 - 1, Offset: 1<<pieOffsetBits - 1})},
		{words: [4]uint64{0, 1 << segmentBits, 0, 1 << 63}, bad: true},
		{words: [4]uint64{0, 0, 1, 1 << 63}, bad: true},
		{words: [4]uint64{0, 0, 0, 1<<63 + 1}, bad: true},
	} {
		p := &pie{memory: map[machine.Addr]machine.Value{}}
		err := p.readMemory(record(c.words))
		if (err != nil) != c.bad || !c.bad && p.memory[machine.Addr{Segment: 2, Offset: 9}] != c.want {
			t.Errorf("%x: %v, %v", c.words, p.memory, err)
		}
	}
}

// TestPIESignatures checks that r and s must be numbers from 0 to P - 1.
func TestPIESignatures(t *testing.T) {
	last := new(big.Int).Sub(felt.Modulus(), big.NewInt(1)).String()
	for values, good := range map[string]bool{
		"0,0": true, "1,2": true, last + "," + last: true,
		"-1,0": false, "0,-1": false, felt.Modulus().String() + ",0": false, "0," + felt.Modulus().String(): false, `"x",0`: false,
	} {
		m := machine.NewMachine()
		b, err := m.AddBuiltin(machine.BuiltinECDSA)
		if err != nil {
			t.Fatal(err)
		}
		err = restoreBuiltin(b, jsontext.Value(fmt.Sprintf("[[[%d,2],[%s]]]", b.Base.Segment, values)))
		if (err == nil) != good || good && len(b.Signatures) != 1 {
			t.Errorf("%s: %v, %d signatures", values, err, len(b.Signatures))
		}
	}
}

// TestModInput checks that the private input has all instances of add_mod, including the last.
func TestModInput(t *testing.T) {
	m := machine.NewMachine()
	b, err := m.AddBuiltin(machine.BuiltinAddMod)
	if err != nil {
		t.Fatal(err)
	}
	values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
	cells := map[machine.Addr][]machine.Value{}
	for i := range 2 {
		cells[b.Base.Add(machine.ModCells*i)] = []machine.Value{machine.UintValue(97), machine.UintValue(0), machine.UintValue(0), machine.UintValue(0), machine.AddrValue(values), machine.AddrValue(offsets.Add(3 * i)), machine.UintValue(uint64(2 - i))}
		cells[offsets.Add(3*i)] = []machine.Value{machine.UintValue(0), machine.UintValue(4), machine.UintValue(8)}
	}
	for i, v := range []uint64{50, 60, 13} {
		cells[values.Add(4*i)] = []machine.Value{machine.UintValue(v), machine.UintValue(0), machine.UintValue(0), machine.UintValue(0)}
	}
	for at, list := range cells {
		if _, err := m.Memory.Load(at, list...); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{m: m, sizes: make([]uint64, offsets.Segment+1), table: make([]uint64, offsets.Segment+1)}
	r.sizes[b.Base.Segment], r.table[offsets.Segment] = 2*machine.ModCells, 100
	in, err := r.modInput(b)
	if err != nil || len(in.Instances) != 2 {
		t.Fatalf("%d instances, want 2: %v", len(in.Instances), err)
	}
	for i, got := range in.Instances {
		if got.Index != uint64(i) || got.N != uint64(2-i) || got.OffsetsPtr != uint64(100+3*i) || got.A[0] != felt.FromUint64(50) || got.B[0] != felt.FromUint64(60) || got.C[0] != felt.FromUint64(13) {
			t.Errorf("instance %d: %+v", i, got)
		}
	}
}

// TestMissingBuiltin checks that a program runs in a layout without one of its builtins only with AllowMissingBuiltins or
// in proof mode.
func TestMissingBuiltin(t *testing.T) {
	p, err := ParseProgram([]byte(tinyProgram)) // it has the builtin output
	if err != nil {
		t.Fatal(err)
	}
	const want = "cairo0: the builtin output is not in the layout plain"
	for _, c := range []struct {
		options RunOptions
		missing bool
	}{
		{RunOptions{Layout: "plain"}, true},
		{RunOptions{Layout: "plain", AllowMissingBuiltins: true}, false},
		{RunOptions{Layout: "plain", ProofMode: true}, false},
		{RunOptions{Layout: "small"}, false},
	} {
		if _, err := p.Run(c.options); (err != nil && err.Error() == want) != c.missing {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
}

// TestMemoryHoles checks that cells of the execution segment that no step accesses are counted as holes.
func TestMemoryHoles(t *testing.T) {
	p, err := ParseProgram([]byte(tinyProgram))
	if err != nil {
		t.Fatal(err)
	}
	p.Hints, p.Builtins = nil, nil
	for ahead, holes := range map[uint64]uint64{0: 0, 1: 1, 5: 5} {
		// ap += ahead, [ap] = 7, ap++, ret
		p.Data = []felt.Felt{felt.MustHex("0x40780017fff7fff"), felt.FromUint64(ahead), felt.MustHex("0x480680017fff8000"), felt.FromUint64(7), felt.MustHex("0x208b7fff7fff7ffe")}
		res, err := p.Run(RunOptions{Layout: "small", Trace: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.run.memoryHoles(); got != holes {
			t.Errorf("ap += %d: %d holes, want %d", ahead, got, holes)
		}
	}
}

// TestOutputSigns checks that a felt of the output is printed as the integer nearest to 0.
func TestOutputSigns(t *testing.T) {
	half := new(big.Int).Rsh(felt.Modulus(), 1)
	for _, n := range []*big.Int{
		new(big.Int), big.NewInt(1), big.NewInt(-1), half, new(big.Int).Neg(half),
	} {
		m := machine.NewMachine()
		b, err := m.AddBuiltin(machine.BuiltinOutput)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Memory.Insert(b.Base, machine.FeltValue(felt.FromBigInt(new(big.Int).Mod(n, felt.Modulus())))); err != nil {
			t.Fatal(err)
		}
		if got := (&run{m: m}).output(); len(got) != 1 || got[0] != n.String() {
			t.Errorf("%v is printed as %v", n, got)
		}
	}
}

// TestDynamicUnits checks that a dynamic layout must have at least 3 range-check units per step.
func TestDynamicUnits(t *testing.T) {
	for units, good := range map[int]bool{2: false, 3: true, 4: true} {
		_, err := dynamicLayout(fmt.Appendf(nil, `{"rc_units":%d,"memory_units_per_step":8}`, units))
		if failed := err != nil && strings.Contains(err.Error(), "want at least 3"); failed == good {
			t.Errorf("%d units: %v", units, err)
		}
	}
}

// TestUnusedBuiltins checks that the private input has an empty list for an unused builtin, and a nil list for a builtin that
// the run does not have.
func TestUnusedBuiltins(t *testing.T) {
	for _, names := range [][]string{
		{machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinECDSA, machine.BuiltinBitwise, machine.BuiltinECOp, machine.BuiltinKeccak, machine.BuiltinPoseidon},
		nil,
	} {
		m := machine.NewMachine()
		r := &run{m: m}
		for _, name := range names {
			b, err := m.AddBuiltin(name)
			if err != nil {
				t.Fatal(err)
			}
			r.builtins = append(r.builtins, &builtin{Builtin: b})
		}
		sections, err := r.privateSections()
		if err != nil {
			t.Fatal(err)
		}
		p := sections.Collect()
		for name, list := range map[string]any{
			"pedersen": p.Pedersen, "range_check": p.RangeCheck, "ecdsa": p.ECDSA, "bitwise": p.Bitwise, "ec_op": p.ECOp, "keccak": p.Keccak, "poseidon": p.Poseidon,
		} {
			if v := reflect.ValueOf(list); v.Len() != 0 || v.IsNil() != (names == nil) {
				t.Errorf("%s, with the builtins %v: %#v", name, names, list)
			}
		}
	}
}
