package machine

import (
	"math/big"
	"sort"

	"github.com/starkd/starkd/crypto/felt"
)

// The constants of assert_le: P/3 and P/2, each divided by 2^128 and rounded up.
var (
	PrimeOver3High, _ = new(big.Int).SetString("3544607988759775765608368578435044694", 10)
	PrimeOver2High, _ = new(big.Int).SetString("5316911983139663648412552867652567041", 10)
)

// SmallArcs computes the hint of assert_le, for contract classes and for Cairo 0 programs. It sorts the arcs 0→a, a→b and
// b→P-1 of the circle of field elements by length. At ptr it writes remainder and quotient of the shortest arc divided by
// PrimeOver3High, then those of the middle one divided by PrimeOver2High. It returns the number (0, 1 or 2) of the longest.
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
