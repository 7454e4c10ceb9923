package field

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"testing"
)

// structured returns words that cause all kinds of carries and borrows: limbs 0, 1, all ones, and values near the modulus.
func structured() []Element {
	limbs := []uint64{0, 1, 2, 17, 1<<36 - 1, 1 << 52, 1<<52 - 1, 1<<63 - 1, 1 << 63, ^uint64(0) - 1, ^uint64(0)}
	tops := []uint64{0, 1, 16, 17, 1 << 52, p[3] - 1, p[3]>>1 + 1, p[3] / 17, 1632}
	var out []Element
	for _, a := range limbs {
		for _, b := range limbs {
			for _, top := range tops {
				out = append(out, Element{a, b, a, top}, Element{a, a, b, top}, Element{b, a, a, top})
			}
		}
	}
	return append(out, Element{0, 0, 0, p[3]}, Element{}, One())
}

// pseudorandom returns reduced words over the whole range.
func pseudorandom(n int, seed uint64) []Element {
	x := New(seed)
	out := make([]Element, n)
	for i := range out {
		x.Square(&x)
		k := New(uint64(i) ^ seed)
		x.Add(&x, &k)
		out[i] = x
	}
	return out
}

// withKernels runs f with the scalar code and, if the CPU supports them, with the kernels.
func withKernels(t *testing.T, f func(t *testing.T)) {
	if vectorKernels {
		t.Run("kernels", f)
	} else {
		t.Log("this CPU or build has no vector kernels; testing scalar code only")
	}
	t.Run("scalar", func(t *testing.T) { scalarOnly(t); f(t) })
}

// pairs calls f with operand vectors that pair structured and random words in many ways.
func pairs(f func(a, b []Element)) {
	s := structured()
	r := pseudorandom(len(s), 7)
	for shift := 0; shift < len(s); shift += 61 {
		rotated := append(append([]Element(nil), s[shift:]...), s[:shift]...)
		f(s, rotated)
	}
	f(s, r)
	f(r, s)
	f(r, pseudorandom(len(r), 9))
	f(r[:5], s[:5])
	f(nil, nil)
}

func check(t *testing.T, what string, got, want []Element, a, b []Element) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s of %x and %x: got %x, want %x", what, a[i], b[i], got[i], want[i])
		}
	}
}

func clone(a []Element) []Element { return append([]Element(nil), a...) }

func TestVectorProducts(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		pairs(func(a, b []Element) {
			n := len(a)
			dst, want := make([]Element, n), make([]Element, n)
			for i := range want {
				want[i].Mul(&a[i], &b[i])
			}
			MulVec(dst, a, b)
			check(t, "MulVec", dst, want, a, b)
			dst = clone(a)
			MulVec(dst, dst, b)
			check(t, "MulVec in place", dst, want, a, b)

			c := pseudorandom(n, 3)
			copy(c[n/2:], a)
			for i := range want {
				want[i].Add(&want[i], &c[i])
			}
			dst = clone(c)
			AddMulVec(dst, a, b)
			check(t, "AddMulVec", dst, want, a, b)

			var sum Element
			for i := range a {
				var x Element
				x.Mul(&a[i], &b[i])
				sum.Add(&sum, &x)
			}
			if got := InnerProduct(a, b); got != sum {
				t.Fatalf("InnerProduct of %d elements: got %x, want %x", n, got, sum)
			}
		})
		a := structured()
		c := pseudorandom(len(a), 5)
		for _, k := range append(structured()[:200:200], c[:20]...) {
			dst, want, ks := make([]Element, len(a)), make([]Element, len(a)), make([]Element, len(a))
			for i := range want {
				want[i].Mul(&a[i], &k)
				ks[i] = k
			}
			ScaleVec(dst, a, &k)
			check(t, "ScaleVec", dst, want, a, ks)
			for i := range want {
				want[i].Add(&want[i], &c[i])
			}
			dst = clone(c)
			MulAddVec(dst, a, &k)
			check(t, "MulAddVec", dst, want, a, ks)
		}
	})
}

func TestInnerProductDoesNotOverflow(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		// The largest word, often enough to fill the sum of every lane several times.
		top := Element{0, 0, 0, p[3]}
		a := make([]Element, 3*innerBlocks*lanes+11)
		for i := range a {
			a[i] = top
		}
		var want Element
		want.Square(&top)
		n := New(uint64(len(a)))
		want.Mul(&want, &n)
		if got := InnerProduct(a, a); got != want {
			t.Errorf("got %x, want %x", got, want)
		}
	})
}

// reduceLazy reduces elements that a kernel left lazily reduced, by multiplying them by one.
func reduceLazy(a []Element) []Element {
	one := One()
	out := make([]Element, len(a))
	ScaleVec(out, a, &one)
	return out
}

// unreduce adds multiples of p to the elements, up to nearly limit·p, the limit of the kernels.
func unreduce(a []Element, limit int) []Element {
	if !vectorKernels {
		return a
	}
	for i := range a {
		for range i % limit {
			var c uint64
			for k := range p {
				a[i][k], c = bits.Add64(a[i][k], p[k], c)
			}
		}
	}
	return a
}

// eights returns a prefix of a whose length is a multiple of 64.
func eights(a []Element) []Element { return a[:len(a)/64*64] }

func TestLayers(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		pairs(func(a, b []Element) {
			n := len(a)
			w := pseudorandom(n, 11)
			copy(w[n/3:], b)
			we, wo := clone(a), clone(b)
			for i := range we {
				butterflyEvaluateOne(&we[i], &wo[i], &w[i])
			}
			e, o := clone(a), clone(b)
			EvaluateLayer(e, o, w)
			check(t, "EvaluateLayer e", e, we, a, b)
			check(t, "EvaluateLayer o", o, wo, a, b)

			e, o = unreduce(eights(clone(a)), 4), unreduce(eights(clone(b)), 4)
			EvaluateLayer(e, o, w)
			check(t, "EvaluateLayer e of lazily reduced elements", e, we[:len(e)], a, b)
			check(t, "EvaluateLayer o of lazily reduced elements", o, wo[:len(o)], a, b)

			e, o = unreduce(eights(clone(a)), 4), unreduce(eights(clone(b)), 4)
			LazyEvaluateLayer(e, o, w)
			check(t, "LazyEvaluateLayer e", reduceLazy(e), we[:len(e)], a, b)
			check(t, "LazyEvaluateLayer o", reduceLazy(o), wo[:len(o)], a, b)

			e, o = unreduce(eights(clone(a)), 2), unreduce(eights(clone(b)), 2)
			LazyInterpolateLayer(e, o, w)
			we, wo = clone(a), clone(b)
			for i := range we {
				butterflyInterpolateOne(&we[i], &wo[i], &w[i])
			}
			check(t, "LazyInterpolateLayer e", reduceLazy(e), we[:len(e)], a, b)
			check(t, "LazyInterpolateLayer o", reduceLazy(o), wo[:len(o)], a, b)
			e, o = clone(a), clone(b)
			InterpolateLayer(e, o, w)
			check(t, "InterpolateLayer e", e, we, a, b)
			check(t, "InterpolateLayer o", o, wo, a, b)
		})
	})
}

func TestTwoLayers(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		pairs(func(a, b []Element) {
			a = eights(a)
			h := len(a) / 4
			if h == 0 {
				return
			}
			w, v := pseudorandom(h, 11), pseudorandom(2*h, 12)
			copy(v[h:], b[:h])
			quarters := func(a []Element) (q [4][]Element) {
				for k := range q {
					q[k] = a[k*h : (k+1)*h]
				}
				return q
			}
			want := clone(a)
			q := quarters(want)
			for i := range h {
				butterflyEvaluateOne(&q[0][i], &q[1][i], &w[i])
				butterflyEvaluateOne(&q[2][i], &q[3][i], &w[i])
				butterflyEvaluateOne(&q[0][i], &q[2][i], &v[i])
				butterflyEvaluateOne(&q[1][i], &q[3][i], &v[h+i])
			}
			got := unreduce(clone(a), 4)
			LazyEvaluateLayers(got, w, v)
			check(t, "LazyEvaluateLayers", reduceLazy(got), want, a, a)

			want = clone(a)
			q = quarters(want)
			for i := range h {
				butterflyInterpolateOne(&q[0][i], &q[2][i], &v[i])
				butterflyInterpolateOne(&q[1][i], &q[3][i], &v[h+i])
				butterflyInterpolateOne(&q[0][i], &q[1][i], &w[i])
				butterflyInterpolateOne(&q[2][i], &q[3][i], &w[i])
			}
			got = unreduce(clone(a), 2)
			LazyInterpolateLayers(got, w, v)
			check(t, "LazyInterpolateLayers", reduceLazy(got), want, a, a)
		})
	})
}

// TestLazyStaysLazy repeats layers on the largest lazily reduced elements and checks that their bound does not grow until a
// word overflows.
func TestLazyStaysLazy(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		s := eights(structured())
		n := len(s) / 2
		e, o := unreduce(clone(s[:n]), 4), unreduce(clone(s[n:2*n]), 4)
		we, wo := clone(s[:n]), clone(s[n:2*n])
		w := pseudorandom(n, 4)
		for range 200 {
			LazyEvaluateLayer(e, o, w)
			e, o = o, e
			for i := range we {
				butterflyEvaluateOne(&we[i], &wo[i], &w[i])
			}
			we, wo = wo, we
		}
		check(t, "200 layers e", reduceLazy(e), we, s, s)
		check(t, "200 layers o", reduceLazy(o), wo, s, s)
		e, o = unreduce(clone(s[:n]), 2), unreduce(clone(s[n:2*n]), 2)
		we, wo = clone(s[:n]), clone(s[n:2*n])
		for k := range 30 {
			LazyInterpolateLayer(e, o, w)
			for i := range we {
				butterflyInterpolateOne(&we[i], &wo[i], &w[i])
			}
			if k%3 == 0 {
				e, o, we, wo = o, e, wo, we
			}
		}
		check(t, "30 inverse layers e", reduceLazy(e), we, s, s)
		check(t, "30 inverse layers o", reduceLazy(o), wo, s, s)
	})
}

func TestSmallTransforms(t *testing.T) {
	w := [][]Element{pseudorandom(1, 1), pseudorandom(2, 2), pseudorandom(4, 3)}
	inverse := make([][]Element, len(w))
	for k := range w {
		inverse[k] = clone(w[k])
		BatchInvert(inverse[k], nil)
	}
	s := eights(structured())
	want := clone(s)
	for k := range w {
		for i := 0; i < len(want); i += 2 << k {
			for j := range 1 << k {
				butterflyEvaluateOne(&want[i+j], &want[i+j+1<<k], &w[k][j])
			}
		}
	}
	withKernels(t, func(t *testing.T) {
		a := clone(s)
		SmallEvaluate(a, a, w)
		a = reduceLazy(a)
		check(t, "SmallEvaluate in place", a, want, s, s)
		a = make([]Element, len(s))
		SmallEvaluate(a, s, w)
		a = reduceLazy(a)
		check(t, "SmallEvaluate", a, want, s, s)
		SmallInterpolate(a, inverse)
		eight := New(8)
		scaled := clone(s)
		ScaleVec(scaled, scaled, &eight)
		check(t, "SmallInterpolate", reduceLazy(a), scaled, s, s)
	})
}

func TestHashWords(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		for _, a := range [][]Element{structured()[500:516], pseudorandom(16, 3)} {
			var words [8][16]uint32
			HashWords(&words, a)
			for i := range a {
				var want [Bytes]byte
				PutMontgomery(want[:], &a[i])
				for k := range words {
					if got, w := words[k][i], binary.LittleEndian.Uint32(want[4*k:]); got != w {
						t.Fatalf("element %d, word %d: got %08x, want %08x", i, k, got, w)
					}
				}
			}
		}
	})
}

func TestPowersAndInverses(t *testing.T) {
	withKernels(t, func(t *testing.T) {
		x, start := New(7), New(11)
		for _, n := range []int{0, 1, 63, 64, 65, 200, 1000} {
			p := make([]Element, n)
			PowersFrom(p, start, x)
			want := start
			for i := range p {
				if p[i] != want {
					t.Fatalf("power %d of %d: got %v, want %v", i, n, p[i], want)
				}
				want.Mul(&want, &x)
			}
		}
		for _, n := range []int{0, 1, 255, 256, 4096, 4096 + 16, 5000} {
			for _, zero := range []bool{false, true} {
				a := pseudorandom(n, 5)
				if zero && n > 0 {
					a[n/2] = Element{}
				}
				got := clone(a)
				BatchInvert(got, nil)
				for i := range a {
					var want Element
					want.Inverse(&a[i]) // the inverse of zero is zero
					if got[i] != want {
						t.Fatalf("inverse %d of %d: got %v, want %v", i, n, got[i], want)
					}
				}
			}
		}
	})
}

func TestScalarsAgainstBig(t *testing.T) {
	for _, x := range structured() {
		var b [Bytes]byte
		PutMontgomery(b[:], &x)
		back, err := FromMontgomery(b[:])
		if err != nil || back != x {
			t.Fatalf("Montgomery word %x: got %x, %v", b, back, err)
		}
		// The word must be x·2^256 mod p.
		want := new(big.Int).Lsh(x.BigInt(new(big.Int)), 256)
		want.Mod(want, Modulus())
		if got := new(big.Int).SetBytes(b[:]); got.Cmp(want) != 0 {
			t.Fatalf("Montgomery word of %s: got %x, want %x", x.String(), got, want)
		}
	}
	for _, d := range []int64{0, 1, 1 << 40} {
		b := new(big.Int).Add(Modulus(), big.NewInt(d)).FillBytes(make([]byte, Bytes))
		if _, err := FromMontgomery(b); err == nil {
			t.Errorf("Montgomery word p+%d was accepted", d)
		}
		if _, err := FromCanonical(b); err == nil {
			t.Errorf("integer p+%d was accepted", d)
		}
	}
}

func TestDomains(t *testing.T) {
	d := NewDomain(5).Shift(Generator())
	seen := map[Element]bool{}
	for i := range d.Size {
		c := d.Coset(i%4, 2)
		if got, want := c.At(i/4), d.At(i); got != want {
			t.Errorf("element %d in its coset: got %v, want %v", i, got, want)
		}
		seen[d.At(i)] = true
	}
	if len(seen) != 32 {
		t.Errorf("got %d distinct elements, want 32", len(seen))
	}
	if r := RootOfUnity(twoAdicity); Pow(r, 1<<63) == One() || RootOfUnity(0) != One() {
		t.Error("roots of unity have the wrong order")
	}
}

func BenchmarkKernels(b *testing.B) {
	const n = 1024
	x, y, z := pseudorandom(n, 1), pseudorandom(n, 2), pseudorandom(n, 3)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"MulVec", func() { MulVec(z, x, y) }},
		{"MulAddVec", func() { MulAddVec(z, x, &y[0]) }},
		{"EvaluateLayer", func() { EvaluateLayer(z, x, y) }},
		{"LazyEvaluateLayer", func() { LazyEvaluateLayer(z, x, y) }},
		{"LazyInterpolateLayer", func() { LazyInterpolateLayer(z, x, y) }},
		{"LazyEvaluateLayers/2", func() { LazyEvaluateLayers(z, x, y) }},
		{"InnerProduct", func() { InnerProduct(x, y) }},
		{"AddVec", func() { AddVec(z, x, y) }},
		{"ShiftVec", func() { ShiftVec(z, x, &y[0]) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
