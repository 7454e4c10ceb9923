package machine

import (
	"math/big"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestUnpackQM31: four coordinates of 36 bits, each below 2^31 - 1.
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

// TestMissingOperand: an instance of add_mod without one of its values is refused.
func TestMissingOperand(t *testing.T) {
	for missing := range 4 { // 3: none
		m := NewMachine()
		b, err := m.AddBuiltin(BuiltinAddMod)
		if err != nil {
			t.Fatal(err)
		}
		values, offsets := m.Memory.AddSegment(), m.Memory.AddSegment()
		insert := func(at Addr, list ...Value) {
			t.Helper()
			if _, err := m.Memory.Load(at, list...); err != nil {
				t.Fatal(err)
			}
		}
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
