package native

import (
	"math/big"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// TestMemo checks that a memo returns the computed results: for new entries, known ones, and ones that other entries have replaced.
func TestMemo(t *testing.T) {
	m := new(memo)
	for round := range 4 {
		for i := range uint64(3 << pointBits / 2) {
			if round > 0 && i%97 != 0 {
				continue
			}
			x := felt.FromUint64(i)
			y, ok := m.yFromX(x)
			wantY, wantOK := starkcurve.YFromX(x)
			if y != wantY || ok != wantOK {
				t.Fatalf("y of %v: %v, %v, want %v, %v", x, y, ok, wantY, wantOK)
			}
			if i%16 == 0 {
				if got, want := m.pedersen(x, y), pedersen.Hash(x, y); got != want {
					t.Fatalf("hash of %v, %v: %v, want %v", x, y, got, want)
				}
			}
			if !ok || i%8 != 0 {
				continue
			}
			p, q := starkcurve.Blinding(i%3), starkcurve.Point{X: x, Y: y}
			k := felt.FromBigInt(new(big.Int).Lsh(big.NewInt(int64(i)+1), uint(i%200)))
			got, ok := m.ecOp(p, q, k)
			if want, wantOK := starkcurve.ECOp(p, q, k); got != want || ok != wantOK {
				t.Fatalf("%v + %v·%v: %v, %v, want %v, %v", p, k, q, got, ok, want, wantOK)
			}
		}
	}
}
