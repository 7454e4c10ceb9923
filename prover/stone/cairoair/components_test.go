package cairoair

import (
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/stone/field"
)

func TestDiluteAndUndilute(t *testing.T) {
	for v := range 1 << dilutedBits {
		var want uint64
		for i := range dilutedBits {
			want |= uint64(v) >> i & 1 << (i * dilutedSpacing)
		}
		if got := dilute(uint16(v)); got != want {
			t.Fatalf("dilute(%#x) = %#x, want %#x", v, got, want)
		}
		if got := undilute(want); got != uint16(v) {
			t.Fatalf("undilute(%#x) = %#x, want %#x", want, got, v)
		}
	}
}

// TestDilutedFinalValue compares the closed form with the recurrence over all 2^16 values.
func TestDilutedFinalValue(t *testing.T) {
	z, alpha, r, one := field.New(123456789), field.New(987654321), field.One(), field.One()
	for v := 1; v < 1<<dilutedBits; v++ {
		u := field.New(dilute(uint16(v)) - dilute(uint16(v-1)))
		var a field.Element
		a.Mul(&z, &u).Add(&a, &one)
		r.Mul(&r, &a)
		a.Mul(&alpha, &u).Mul(&a, &u)
		r.Add(&r, &a)
	}
	if got := dilutedFinalValue(z, alpha); got != r {
		t.Errorf("final value %s, want %s", got.String(), r.String())
	}
}

// TestPedersenPoints checks that the sum of the points that the inputs' bits select is the Pedersen hash.
func TestPedersenPoints(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		inputs := [2]felt.Felt{}
		at := shiftPoint
		for i := range inputs {
			inputs[i] = felt.FromLimbs([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64() >> 5})
			for bits, j := inputs[i].Limbs(), 0; j < pedersenBits; bits, j = shiftRight(bits), j+1 {
				if bits[0]&1 == 1 {
					at, _ = at.add(pedersenPoints()[i][j])
				}
			}
		}
		if want := pedersen.Hash(inputs[0], inputs[1]); felt.Felt(at.x) != want {
			t.Errorf("sum for %s, %s is %s, want %s", inputs[0], inputs[1], felt.Felt(at.x), want)
		}
	}
}

func TestDummySignatureIsValid(t *testing.T) {
	d := dummySignature()
	order := starkcurve.Order()
	s := d.SigW.BigInt()
	s.ModInverse(s, order)
	if !starkcurve.Verify(d.PubKey, d.Msg, d.SigR, felt.FromBigInt(s)) {
		t.Errorf("dummy signature %+v is not valid", d)
	}
}
