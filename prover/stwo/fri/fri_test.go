package fri

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// randomColumn returns the values of a random polynomial of 2^logRows coefficients on the canonic domain of size 2^log.
func randomColumn(r *rand.Rand, t *circle.Twiddles, logRows, log int) Column {
	c := NewColumn(1 << log)
	for k := range c {
		coefficients := make([]m31.M31, 1<<logRows)
		for i := range coefficients {
			coefficients[i] = m31.M31(r.Uint32N(m31.P))
		}
		t.Evaluate(c[k], coefficients)
	}
	return c
}

// TestProve proves and verifies with all kinds of parameters, and refuses changed values.
func TestProve(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	twiddles := circle.NewTwiddles(12)
	for _, p := range []Params{
		{LogDomain: 2, LogBlowup: 1, LogLastLayer: 0, FoldStep: 1},
		{LogDomain: 5, LogBlowup: 1, LogLastLayer: 0, FoldStep: 1},
		{LogDomain: 8, LogBlowup: 1, LogLastLayer: 2, FoldStep: 3},
		{LogDomain: 9, LogBlowup: 2, LogLastLayer: 3, FoldStep: 3},
		{LogDomain: 9, LogBlowup: 3, LogLastLayer: 0, FoldStep: 4},
		{LogDomain: 10, LogBlowup: 1, LogLastLayer: 1, FoldStep: 2},
		{LogDomain: 12, LogBlowup: 4, LogLastLayer: 5, FoldStep: 3}, // only one layer
	} {
		for _, h := range []channel.Hash{channel.Blake2s, channel.Blake2sM31, channel.Poseidon252} {
			if h == channel.Poseidon252 && p.LogDomain > 8 {
				continue
			}
			column := randomColumn(r, twiddles, p.LogDomain-p.LogBlowup, p.LogDomain)
			prover, verifier := channel.New(h), channel.New(h)
			committed, err := NewProver(t.Context(), prover, &p, column, twiddles)
			if err != nil {
				t.Fatal(err)
			}
			queries := DrawQueries(prover, p.LogDomain, 7)
			slices.Sort(queries)
			queries = slices.Compact(queries)
			proof := committed.Open(queries)
			v, err := NewVerifier(verifier, &p, &proof)
			if err != nil {
				t.Fatalf("%+v: %v", p, err)
			}
			again := DrawQueries(verifier, p.LogDomain, 7)
			slices.Sort(again)
			if again = slices.Compact(again); !slices.Equal(queries, again) {
				t.Fatalf("%+v: queries %v, want %v", p, again, queries)
			}
			values := make([]m31.QM31, len(queries))
			for k, q := range queries {
				values[k] = column.At(int(q))
			}
			if err := v.Open(queries, values, nil); err != nil {
				t.Fatalf("%+v, %v: %v", p, h, err)
			}
			for k := range values {
				values[k].B.A ^= 1
				if v.Open(queries, values, nil) == nil {
					t.Errorf("%+v, %v: another value at position %d is accepted", p, h, queries[k])
				}
				values[k].B.A ^= 1
			}
			change := func(name string, x *m31.M31) {
				*x ^= 1
				v, err := NewVerifier(channel.New(h), &p, &proof)
				if err == nil {
					err = v.Open(queries, values, nil)
				}
				if err == nil {
					t.Errorf("%+v, %v: another %s is accepted", p, h, name)
				}
				*x ^= 1
			}
			change("coefficient", &proof.LastLayer[0].A.B)
			if w := proof.FirstLayer.Witness; len(w) > 0 {
				change("value of the witness", &w[len(w)-1].A.A)
			}
		}
	}
}

// TestFarFromLowDegree checks that a column of high degree does not pass: its last layer has more coefficients than are sent.
func TestFarFromLowDegree(t *testing.T) {
	p := &Params{LogDomain: 6, LogBlowup: 1, LogLastLayer: 0, FoldStep: 1}
	twiddles := circle.NewTwiddles(6)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_, _ = NewProver(t.Context(), channel.New(channel.Blake2s), p, randomColumn(rand.New(rand.NewPCG(1, 1)), twiddles, 6, 6), twiddles)
}

// TestParams checks the last good and the first bad parameters.
func TestParams(t *testing.T) {
	for _, c := range []struct {
		p      Params
		layers int
	}{
		{Params{2, 1, 0, 1}, 1},
		{Params{1, 1, 0, 1}, 0},
		{Params{30, 1, 0, 1}, 29},
		{Params{31, 1, 0, 1}, 0},
		{Params{20, 1, 0, 3}, 7},
		{Params{8, 3, 2, 3}, 1},
		{Params{7, 3, 2, 3}, 0},
		{Params{8, 0, 2, 3}, 0},
		{Params{8, 1, 2, 0}, 0},
		{Params{8, 1, -1, 1}, 0},
	} {
		layers, err := c.p.layers()
		if len(layers) != c.layers || (err != nil) != (c.layers == 0) {
			t.Errorf("%+v: %d layers, want %d (%v)", c.p, len(layers), c.layers, err)
		}
	}
}

// TestCancel checks that the commitments end with their context.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	twiddles := circle.NewTwiddles(9)
	p := &Params{LogDomain: 9, LogBlowup: 1, LogLastLayer: 0, FoldStep: 1}
	column := randomColumn(rand.New(rand.NewPCG(1, 1)), twiddles, 8, 9)
	if _, err := NewProver(ctx, channel.New(channel.Blake2s), p, column, twiddles); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
