package machine

import (
	"math/big"
	"sort"

	"github.com/starkd/starkd/crypto/felt"
)

// The constants of assert_le: the prime over 3 and over 2, divided by 2^128 and rounded up.
var (
	PrimeOver3High, _ = new(big.Int).SetString("3544607988759775765608368578435044694", 10)
	PrimeOver2High, _ = new(big.Int).SetString("5316911983139663648412552867652567041", 10)
)

// SmallArcs serves assert_le, which hints of contract classes and of Cairo 0 programs both compute. It orders the arcs 0→a, a→b and b→P-1 of the circle of field elements by length and writes the two smaller
// ones at ptr. It returns the number of the largest one.
func SmallArcs(m *Machine, a, b felt.Felt, ptr Addr) (int, error) {
	type arc struct {
		length felt.Felt
		index  int
	}
	minusOne := felt.FromInt64(-1)
	arcs := []arc{{a, 0}, {index: 1}, {index: 2}}
	arcs[1].length.Sub(&b, &a)
	arcs[2].length.Sub(&minusOne, &b)
	sort.SliceStable(arcs, func(i, j int) bool { return arcs[i].length.Cmp(&arcs[j].length) < 0 })
	for i, d := range []*big.Int{PrimeOver3High, PrimeOver2High} {
		q, r := new(big.Int).DivMod(arcs[i].length.BigInt(), d, new(big.Int))
		if _, err := m.Memory.LoadFelts(ptr.Add(2*i), felt.FromBigInt(r), felt.FromBigInt(q)); err != nil {
			return 0, err
		}
	}
	return arcs[2].index, nil
}
