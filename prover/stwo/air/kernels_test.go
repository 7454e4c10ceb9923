package air

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// edges returns a source of elements that are often 0, 1 or P-1, where accumulators come closest to their bounds.
func edges(random *rand.Rand) func() m31.M31 {
	return func() m31.M31 {
		switch random.IntN(6) {
		case 0:
			return 0
		case 1:
			return 1
		case 2, 3, 4:
			return m31.P - 1
		}
		return m31.New(random.Uint64())
	}
}

// TestKernels compares each kernel with the plain code, on elements at the edges of the field.
func TestKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(0, 3))
	element := edges(random)
	secureElement := func() m31.QM31 { return m31.NewQM31(element(), element(), element(), element()) }
	const inputs, rows = 8, 96
	columns := makeColumns(inputs, rows)
	for k, c := range columns {
		for i := range c {
			c[i] = element()
			if k < 2 {
				c[i] = m31.P - 1
			}
		}
	}
	slot := func() int32 { return int32(random.IntN(inputs)) }

	// instructions: all of them, and sums of many terms of every kind.
	var code []instruction
	add := func(i instruction) {
		i.dst = inputs + int32(len(code))
		code = append(code, i)
	}
	for op := codeAdd; op < codeSum; op++ {
		add(instruction{op: op, a: 0, b: 1, k: m31.P - 1})
		add(instruction{op: op, a: slot(), b: slot(), k: element()})
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 9, 40} {
		for mask := range 64 {
			s := &sum{constant: element()}
			for side := range 2 {
				for range n {
					if mask>>side&1 != 0 {
						s.plain[side] = append(s.plain[side], slot())
					}
					if mask>>(2+side)&1 != 0 {
						s.scaled[side] = append(s.scaled[side], scaled{slot(), element()})
					}
					if mask>>(4+side)&1 != 0 {
						s.products[side] = append(s.products[side], product{slot(), slot()})
					}
				}
			}
			add(instruction{op: codeSum, sum: s})
		}
	}

	var combinations []*secureSum
	for _, n := range []int{0, 1, 2, 3, 4, 6, 7, 50} {
		for _, most := range []bool{false, true} {
			s := &secureSum{constant: secureElement()}
			for range n {
				term := secureTerm{slot(), secureElement()}
				if most {
					term = secureTerm{0, m31.NewQM31(m31.P-1, m31.P-1, m31.P-1, m31.P-1)}
				}
				s.terms = append(s.terms, term)
			}
			s.widen()
			combinations = append(combinations, s)
		}
	}
	var pairs []pairFactors
	for _, m1 := range []int32{-1, 0, 2} {
		for _, mode := range []uint32{pairSingle, 0, pairSecond | pairUnit, pairSecond | pairUnit | pairNegated, pairSecond, pairSecond | pairNegated} {
			for _, m2 := range []int32{1, 3} {
				c := secureElement()
				if m2 == 1 {
					c = m31.NewQM31(m31.P-1, m31.P-1, m31.P-1, m31.P-1)
				}
				pairs = append(pairs, pairFactors{constant: c, slots: [2]int32{m1, m2}, mode: mode})
			}
		}
	}
	norms := make([]m31.M31, 2*rows)
	for i := range norms {
		norms[i] = max(element(), 1)
	}

	run := func() (results [][]m31.M31) {
		keep := func(v []m31.M31) { results = append(results, slices.Clone(v)) }
		m := newMachine(columns, len(code))
		m.seek(0, rows)
		m.run(code, words(code))
		for _, r := range m.slots[inputs:] {
			keep(r)
		}
		finish := func(sums secureSums) {
			for q := range 4 {
				d := slices.Clone(columns[2])
				sums.addTo(d, q, m31.P-1)
				keep(d)
			}
		}
		var blocks []secureBlock
		for _, s := range combinations {
			d := newSecureBlock()
			m.secureSum(&d, s)
			blocks = append(blocks, d)
			for q := range d {
				keep(d[q][:rows])
			}
			sums := newSecureSums()
			for range 3 {
				m.addSecureSum(sums, s)
			}
			finish(sums)
		}
		sums := newSecureSums()
		for _, p := range pairs {
			for _, d := range []secureBlock{blocks[0], blocks[len(blocks)-1]} {
				clear(sums)
				for range 3 {
					m.addPair(sums, [4]int32{0, 1, 2, 3}, &[2]secureBlock{d, blocks[len(blocks)-2]}, &p)
				}
				finish(sums)
			}
		}
		for _, d := range blocks {
			n, w := make([]m31.M31, rows), make([]m31.M31, 2*blockRows)
			relativeNorms(n, w, &d)
			keep(n)
			keep(w[:rows])
			keep(w[blockRows:][:rows])
			for _, multiplicity := range [][]m31.M31{nil, columns[0], columns[3]} {
				var to, from [4]block
				for q := range to {
					to[q], from[q] = make(block, rows), columns[q]
				}
				addFraction(&to, &from, &d, w, norms[:rows], multiplicity, m31.P-1)
				for _, v := range to {
					keep(v)
				}
			}
		}
		v := slices.Clone(norms)
		invert(v, make([]m31.M31, len(v)))
		keep(v)
		return results
	}
	have := vectorBits
	defer func() { vectorBits = have }()
	vectorBits = 0
	want := run()
	for i, v := range want[len(want)-1] {
		if v.Mul(norms[i]) != 1 {
			t.Fatalf("the inverse of %d is not %d", norms[i], v)
		}
	}
	for _, bits := range []int{256, 512} {
		if bits > have {
			t.Logf("no kernels of %d bits", bits)
			continue
		}
		vectorBits = bits
		for k, v := range run() {
			if !slices.Equal(v, want[k]) {
				t.Errorf("%d bits: result %d differs", bits, k)
			}
		}
	}
}
