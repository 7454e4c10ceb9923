package poly

import (
	"testing"

	"github.com/starkd/starkd/prover/stone/field"
)

// naive evaluates coefficients in natural order at x.
func naive(coeffs []field.Element, x field.Element) field.Element {
	var r field.Element
	for i := len(coeffs) - 1; i >= 0; i-- {
		r.Mul(&r, &x)
		r.Add(&r, &coeffs[i])
	}
	return r
}

func sample(n int, seed uint64) []field.Element {
	x := field.New(seed)
	a := make([]field.Element, n)
	for i := range a {
		x.Square(&x)
		k := field.New(uint64(i) + seed)
		x.Add(&x, &k)
		a[i] = x
	}
	return a
}

func TestEvaluateMatchesHorner(t *testing.T) {
	for log := uint(0); log <= 7; log++ {
		d := field.NewDomain(log).Shift(field.Generator())
		coeffs := sample(1<<log, 5)
		a := append([]field.Element(nil), coeffs...)
		BitReverse(a)
		reversed := append([]field.Element(nil), a...)
		NewPlan(d).Evaluate(a, a)
		for i := range a {
			if want := naive(coeffs, d.At(uint64(i))); a[i] != want {
				t.Fatalf("size 2^%d, value %d: got %v, want %v", log, i, a[i], want)
			}
		}
		points := sample(3, 77)
		for i, got := range EvalReversed(reversed, points) {
			if want := naive(coeffs, points[i]); got != want {
				t.Fatalf("size 2^%d, point %d: got %v, want %v", log, i, got, want)
			}
		}
		NewInversePlan(d).Interpolate(a)
		for i := range a {
			if a[i] != reversed[i] {
				t.Fatalf("size 2^%d, coefficient %d: got %v, want %v", log, i, a[i], reversed[i])
			}
		}
	}
}

func TestLargeRoundTrip(t *testing.T) {
	const log = 15 // above parallelLog, so that the halves run in parallel
	d := field.NewDomain(log).Shift(field.New(9))
	want := sample(1<<log, 3)
	a := append([]field.Element(nil), want...)
	NewInversePlan(d).Interpolate(a)
	point := d.At(12345)
	if got := EvalReversed(a, []field.Element{point})[0]; got != want[12345] {
		t.Errorf("interpolated polynomial at element 12345: got %v, want %v", got, want[12345])
	}
	NewPlan(d).Evaluate(a, a)
	for i := range a {
		if a[i] != want[i] {
			t.Fatalf("value %d: got %v, want %v", i, a[i], want[i])
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	const log = 18
	p := NewPlan(field.NewDomain(log).Shift(field.Generator()))
	a := sample(1<<log, 3)
	for b.Loop() {
		p.Evaluate(a, a)
	}
}
