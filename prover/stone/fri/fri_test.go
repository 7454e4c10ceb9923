package fri

import (
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/poly"
	"github.com/starkd/starkd/prover/stone/transcript"
)

var channelConfig = transcript.Config{Channel: transcript.Keccak256}

// values evaluates a polynomial of degree below 2^degree on the subgroup of order 2^log.
func values(log, degree uint) []field.Element {
	a := make([]field.Element, 1<<log)
	x := field.New(3)
	for i := range uint64(1) << degree {
		x.Square(&x)
		k := field.New(i)
		x.Add(&x, &k)
		a[field.BitReverse(i, log)] = x
	}
	poly.NewPlan(field.NewDomain(log)).Evaluate(a, a)
	return a
}

// prove runs the prover on a layer. The oracle of the first layer sends nothing, because the verifier below has the layer.
func prove(t *testing.T, p *Params, layer []field.Element) ([]byte, error) {
	t.Helper()
	ch, err := transcript.NewProver(channelConfig, transcript.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	err = Prove(t.Context(), ch, p, slices.Clone(layer), func([]uint64) error { return nil }, nil)
	return ch.Proof(), err
}

func verify(t *testing.T, p *Params, layer []field.Element, proof []byte) error {
	t.Helper()
	log, _ := field.Log2(uint64(len(layer)))
	ch, err := transcript.NewVerifier(channelConfig, transcript.Digest{}, proof)
	if err != nil {
		t.Fatal(err)
	}
	err = Verify(ch, p, log, func(positions []uint64) ([]field.Element, error) {
		out := make([]field.Element, len(positions))
		for i, pos := range positions {
			out[i] = layer[field.BitReverse(pos, log)]
		}
		return out, nil
	})
	if err != nil {
		return err
	}
	return ch.End()
}

func TestProveVerify(t *testing.T) {
	const log, degree = 9, 7
	layer := values(log, degree)
	for _, p := range []Params{
		{Steps: []uint{0, 3, 2}, LastBound: 4, Queries: 8, PowBits: 3},
		{Steps: []uint{2, 1, 1, 3}, LastBound: 1, Queries: 50},
		{Steps: []uint{0}, LastBound: 128, Queries: 2},
		{Steps: []uint{7}, LastBound: 1, Queries: 3},
		{Steps: []uint{1, 6}, LastBound: 1, Queries: 5},
	} {
		p.Merkle = merkle.Params{Hash: transcript.Blake256}
		if err := p.Validate(log, degree); err != nil {
			t.Fatal(err)
		}
		proof, err := prove(t, &p, layer)
		if err != nil {
			t.Fatalf("steps %v: %v", p.Steps, err)
		}
		if err := verify(t, &p, layer, proof); err != nil {
			t.Fatalf("steps %v: %v", p.Steps, err)
		}
		for i := 0; i < len(proof); i += 1 + len(proof)/100 {
			bad := slices.Clone(proof)
			bad[i] ^= 4
			if verify(t, &p, layer, bad) == nil {
				t.Errorf("steps %v: byte %d of %d changed unnoticed", p.Steps, i, len(proof))
			}
		}
		other := slices.Clone(layer)
		for i := range other {
			other[i].Double(&other[i])
		}
		if verify(t, &p, other, proof) == nil {
			t.Errorf("steps %v: accepted for another first layer", p.Steps)
		}
	}
}

func TestProveRefusesHighDegree(t *testing.T) {
	p := Params{Steps: []uint{0, 3, 2}, LastBound: 4, Queries: 8, Merkle: merkle.Params{Hash: transcript.Blake256}}
	if _, err := prove(t, &p, values(9, 8)); err == nil || !strings.Contains(err.Error(), "want below 4") {
		t.Errorf("got error %v, want one that the degree is not below 4", err)
	}
}

func TestValidate(t *testing.T) {
	good := Params{Steps: []uint{0, 4, 3}, LastBound: 32, Queries: 10}
	if err := good.Validate(14, 12); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(p *Params)
		want   string
	}{
		{func(p *Params) { p.Steps = nil }, "0 steps"},
		{func(p *Params) { p.Steps = make([]uint, 100) }, "100 steps"},
		{func(p *Params) { p.Steps = []uint{0, 0, 7} }, "step 1 is 0"},
		{func(p *Params) { p.Steps = []uint{0, 11} }, "step 1 is 11"},
		{func(p *Params) { p.Steps = []uint{0, 1 << 60} }, "step 1 is"},
		{func(p *Params) { p.LastBound = 31 }, "below 31"},
		{func(p *Params) { p.LastBound = 0 }, "below 0"},
		{func(p *Params) { p.LastBound = 64 }, "below 64"},
		{func(p *Params) { p.Queries = 0 }, "0 queries"},
		{func(p *Params) { p.Queries = 1 << 20 }, "1048576 queries"},
		{func(p *Params) { p.PowBits = 65 }, "65 bits"},
	} {
		p := good
		c.change(&p)
		if err := p.Validate(14, 12); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one about %q", err, c.want)
		}
	}
	if err := good.Validate(11, 12); err == nil {
		t.Error("a degree above the number of positions was accepted")
	}
	if err := (&Params{Steps: []uint{4}, LastBound: 1 << 20, Queries: 1}).Validate(26, 24); err == nil {
		t.Error("a last layer of 2^20 coefficients was accepted")
	}
}
