// Package poly transforms polynomials between coefficients and values on a coset of a subgroup of two-power order.
//
// Values are in natural order: value i is at Offset·Gen^i. Coefficients are in bit-reversed order: coefficient i of the
// polynomial is at index BitReverse(i). With these two orders, neither direction needs a permutation. The transform is the
// recursive radix-2 transform f(x) = e(x²) + x·o(x²), run depth first so that small subproblems stay in cache. The coset's
// offset is part of the twiddle factors, so it costs no time.
package poly

import (
	"fmt"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

// Plan holds the twiddle factors of one coset. It is read-only after construction and may be shared.
type Plan struct {
	Domain field.Domain
	// twiddles[k][j], for j below 2^k, is x or 1/x at index j in the transform of size 2^(k+1).
	twiddles [][]field.Element
	inverse  bool
	scale    field.Element // 1/size, for the inverse transform
}

// NewPlan returns a plan for Evaluate on the domain.
func NewPlan(d field.Domain) *Plan { return newPlan(d, false) }

// NewInversePlan returns a plan for Interpolate on the domain.
func NewInversePlan(d field.Domain) *Plan { return newPlan(d, true) }

func newPlan(d field.Domain, inverse bool) *Plan {
	p := &Plan{Domain: d, twiddles: make([][]field.Element, d.Log), inverse: inverse}
	gen, offset := d.Gen, d.Offset
	if inverse {
		gen.Inverse(&gen)
		offset.Inverse(&offset)
		p.scale = field.New(d.Size)
		p.scale.Inverse(&p.scale)
	}
	for k := int(d.Log) - 1; k >= 0; k-- {
		t := make([]field.Element, 1<<k)
		parallel.Chunks(len(t), 1<<10, func(start, end int) {
			first := field.Pow(gen, uint64(start))
			first.Mul(&first, &offset)
			field.PowersFrom(t[start:end], first, gen)
		})
		p.twiddles[k] = t
		gen.Square(&gen)
		offset.Square(&offset)
	}
	return p
}

// Evaluate sets dst to the values, in natural order, of the polynomial with the given bit-reversed coefficients. dst and coeffs
// may be the same slice.
func (p *Plan) Evaluate(dst, coeffs []field.Element) {
	p.check(dst, false)
	p.check(coeffs, false)
	log, w := int(p.Domain.Log), p.twiddles
	if log < field.LazyLog {
		copy(dst, coeffs)
		for k := range log {
			for i := 0; i < len(dst); i += 2 << k {
				field.EvaluateLayer(dst[i:i+1<<k], dst[i+1<<k:i+2<<k], w[k])
			}
		}
		return
	}
	// All layers but the last leave elements lazily reduced.
	half := len(dst) / 2
	split := splits()
	inParallel(split > 0, 2, func(i int) {
		p.evaluate(dst[i*half:(i+1)*half], coeffs[i*half:(i+1)*half], log-1, split-1)
	})
	parallel.Chunks(half, 1<<10, func(start, end int) {
		field.EvaluateLayer(dst[start:end], dst[half+start:half+end], w[log-1][start:end])
	})
}

// Interpolate replaces values in natural order by bit-reversed coefficients.
func (p *Plan) Interpolate(a []field.Element) {
	p.check(a, true)
	log, w := int(p.Domain.Log), p.twiddles
	if log < field.LazyLog {
		for k := log - 1; k >= 0; k-- {
			for i := 0; i < len(a); i += 2 << k {
				field.InterpolateLayer(a[i:i+1<<k], a[i+1<<k:i+2<<k], w[k])
			}
		}
	} else {
		half := len(a) / 2
		split := splits()
		parallel.Chunks(half, 1<<10, func(start, end int) {
			field.LazyInterpolateLayer(a[start:end], a[half+start:half+end], w[log-1][start:end])
		})
		inParallel(split > 0, 2, func(i int) { p.interpolate(a[i*half:(i+1)*half], log-1, split-1) })
	}
	parallel.Chunks(len(a), 1<<12, func(start, end int) { field.ScaleVec(a[start:end], a[start:end], &p.scale) })
}

func (p *Plan) check(a []field.Element, inverse bool) {
	if uint64(len(a)) != p.Domain.Size || p.inverse != inverse {
		panic(fmt.Sprintf("poly: %d elements for a plan of size %d (inverse %v)", len(a), p.Domain.Size, p.inverse))
	}
}

// splits returns the number of recursion levels that run their halves in parallel. It is a few more than the number of cores
// requires, to balance the load.
func splits() int {
	n := 0
	for 1<<n < parallel.Workers() {
		n++
	}
	return n
}

// inParallel calls f(i) for all i below n: on all cores if all is true, otherwise one after the other.
func inParallel(all bool, n int, f func(i int)) {
	if all {
		parallel.For(n, f)
		return
	}
	for i := range n {
		f(i)
	}
}

const (
	baseLog     = 11 // log2 of the largest transform (64 KiB) that loops over its layers; larger ones recurse
	parallelLog = 12 // log2 of the largest transform that is not split among cores
)

// evaluate runs all layers of a transform from src to a, two at a time. It leaves the elements lazily reduced.
func (p *Plan) evaluate(a, src []field.Element, log, split int) {
	w := p.twiddles
	if log > baseLog {
		quarter := len(a) / 4
		all := split > 0 && log > parallelLog
		inParallel(all, 4, func(i int) {
			p.evaluate(a[i*quarter:(i+1)*quarter], src[i*quarter:(i+1)*quarter], log-2, split-2)
		})
		if all {
			parallel.Chunks(quarter, 1<<9, func(start, end int) {
				field.LazyEvaluateQuarters(a, quarter, w[log-2], w[log-1], start, end)
			})
		} else {
			field.LazyEvaluateLayers(a, w[log-2], w[log-1])
		}
		return
	}
	field.SmallEvaluate(a, src, w)
	k := field.SmallLog
	if (log-k)%2 == 1 {
		for i := 0; i < len(a); i += 2 << k {
			field.LazyEvaluateLayer(a[i:i+1<<k], a[i+1<<k:i+2<<k], w[k])
		}
		k++
	}
	for ; k < log; k += 2 {
		for i := 0; i < len(a); i += 4 << k {
			field.LazyEvaluateLayers(a[i:i+4<<k], w[k], w[k+1])
		}
	}
}

// interpolate runs all layers of an inverse transform, two at a time. It leaves the elements lazily reduced.
func (p *Plan) interpolate(a []field.Element, log, split int) {
	w := p.twiddles
	if log > baseLog {
		quarter := len(a) / 4
		all := split > 0 && log > parallelLog
		if all {
			parallel.Chunks(quarter, 1<<9, func(start, end int) {
				field.LazyInterpolateQuarters(a, quarter, w[log-2], w[log-1], start, end)
			})
		} else {
			field.LazyInterpolateLayers(a, w[log-2], w[log-1])
		}
		inParallel(all, 4, func(i int) { p.interpolate(a[i*quarter:(i+1)*quarter], log-2, split-2) })
		return
	}
	k := log - 2
	for ; k >= field.SmallLog; k -= 2 {
		for i := 0; i < len(a); i += 4 << k {
			field.LazyInterpolateLayers(a[i:i+4<<k], w[k], w[k+1])
		}
	}
	if k == field.SmallLog-1 {
		k++
		for i := 0; i < len(a); i += 2 << k {
			field.LazyInterpolateLayer(a[i:i+1<<k], a[i+1<<k:i+2<<k], w[k])
		}
	}
	field.SmallInterpolate(a, w)
}

// BitReverse permutes a: index i receives the element at index BitReverse(i).
func BitReverse(a []field.Element) {
	log, ok := field.Log2(uint64(len(a)))
	if !ok {
		panic(fmt.Sprintf("poly: bit reversal of %d elements", len(a)))
	}
	for i := range a {
		if j := int(field.BitReverse(uint64(i), log)); i < j {
			a[i], a[j] = a[j], a[i]
		}
	}
}

// EvalReversed evaluates the polynomial with the given bit-reversed coefficients at several points, by f(x) = e(x²) + x·o(x²).
// Each point costs one multiplication per coefficient.
func EvalReversed(coeffs []field.Element, points []field.Element) []field.Element {
	out := make([]field.Element, len(points))
	log, ok := field.Log2(uint64(len(coeffs)))
	if !ok {
		panic(fmt.Sprintf("poly: %d coefficients", len(coeffs)))
	}
	// Every block of coefficients is multiplied by the same powers of x, those of the low bits of the index (the high bits of
	// the exponent). They form a short vector, and the value of a block is its inner product with that vector.
	inner := min(log, 10)
	blocks := len(coeffs) >> inner
	parallel.For(len(points), func(k int) {
		x := points[k]
		// Bit b of an index, counted from the top, has weight x^(2^b).
		squares := make([]field.Element, log)
		for b := range squares {
			squares[b] = x
			x.Square(&x)
		}
		weights := weightTable(squares[log-inner:])
		outer := weightTable(squares[:log-inner])
		var sum field.Element
		for i := range blocks {
			v := field.InnerProduct(coeffs[i<<inner:(i+1)<<inner], weights)
			v.Mul(&v, &outer[i])
			sum.Add(&sum, &v)
		}
		out[k] = sum
	})
	return out
}

// weightTable returns, for each index of len(squares) bits, the product of squares[b] over its set bits b. Bit 0 is the top
// bit.
func weightTable(squares []field.Element) []field.Element {
	t := []field.Element{field.One()}
	for b := len(squares) - 1; b >= 0; b-- {
		n := len(t)
		t = append(t, t...)
		field.ScaleVec(t[n:], t[:n], &squares[b])
	}
	return t
}
