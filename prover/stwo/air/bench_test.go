//go:build unix

package air

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// The benchmarks report the time for a row of the trace, on one core, of some components.

var benchmarked = []string{"add_opcode_small", "jnz_opcode_taken", "verify_instruction", "mul_opcode", "range_check_20", "memory_id_to_big", "cube_252", "partial_ec_mul_generic", "poseidon_3_partial_rounds_chain", "blake_g"}

func benchmarkWidths(b *testing.B, f func(b *testing.B, name string)) {
	have := vectorBits
	defer func() { vectorBits = have }()
	for _, bits := range []int{512, 256, 0} {
		if bits > have {
			continue
		}
		vectorBits = bits
		for _, name := range benchmarked {
			b.Run(fmt.Sprintf("%s/%d", name, bits), func(b *testing.B) { f(b, name) })
		}
	}
}

const benchmarkLog = 13

// processorTime returns the processor time of this process in nanoseconds, which other processes disturb less than the time of day.
func processorTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// products returns the number of products of base field elements that a program needs in a row, as a measure of what its multiplications
// cost alone.
func products[R reader](p *program[R], read func(R) int) float64 {
	n := 0
	for _, s := range p.steps {
		for _, i := range s.code {
			switch i.op {
			case codeMul, codeScale:
				n++
			case codeSum:
				for side := range 2 {
					n += len(i.sum.scaled[side]) + len(i.sum.products[side])
				}
			}
		}
		n += read(s.read)
	}
	return float64(n)
}

func termProducts(r *termReader) int {
	n := 4 * len(r.constraints.terms)
	if p := r.pair; p != nil {
		n += 16 + 4*len(p.denominator[0].terms) + 4*len(p.denominator[1].terms)
		if p.mode&pairSingle == 0 {
			n += 16
		}
		for _, s := range p.slots {
			if s >= 0 {
				n += 4
			}
		}
	}
	return n
}

// fractionProducts counts the denominator, its norm, inversion and the fraction.
func fractionProducts(r *fractionReader) int {
	n := 4*len(r.denominator.terms) + 9 + 3 + 11
	if r.multiplicity.slot >= 0 {
		n++
	}
	return n
}

func BenchmarkComposition(b *testing.B) {
	benchmarkWidths(b, func(b *testing.B, name string) {
		random := rand.New(rand.NewPCG(0, 0))
		c := recordedComponent(b, name)
		table, s := randomTable(c, benchmarkLog, random)
		ch := NewChallenges(randomSecure(random), randomSecure(random))
		powers := make([]m31.QM31, c.ConstraintCount())
		for i := range powers {
			powers[i] = randomSecure(random)
		}
		acc := [4][]m31.M31(makeColumns(4, 2<<benchmarkLog))
		p := c.compileComposition(table, s, ch, powers)
		e := newComposer(p, table, s, [4][]m31.M31(s.Columns[len(s.Columns)-4:]), 0)
		start := processorTime()
		b.ResetTimer()
		for range b.N {
			for first := 0; first < 2<<benchmarkLog; first += blockRows {
				e.block(first, blockRows, 1, acc)
			}
		}
		b.ReportMetric(float64(processorTime()-start)/float64(b.N)/(2<<benchmarkLog), "ns/row")
		b.ReportMetric(products(p, termProducts), "products/row")
	})
}

func BenchmarkInteraction(b *testing.B) {
	benchmarkWidths(b, func(b *testing.B, name string) {
		random := rand.New(rand.NewPCG(0, 0))
		c := recordedComponent(b, name)
		table, _ := randomTable(c, benchmarkLog-1, random)
		table.LogSize = benchmarkLog
		ch := NewChallenges(randomSecure(random), randomSecure(random))
		p := c.compileFractions(table, ch)
		f := newFractions(p, table, nil)
		out := makeColumns(c.InteractionColumns(), 1<<benchmarkLog)
		start := processorTime()
		b.ResetTimer()
		for range b.N {
			for first := 0; first < 1<<benchmarkLog; first += blockRows {
				f.block(first, blockRows, out)
			}
		}
		b.ReportMetric(float64(processorTime()-start)/float64(b.N)/(1<<benchmarkLog), "ns/row")
		b.ReportMetric(products(p, fractionProducts), "products/row")
	})
}

func BenchmarkPrefixSums(b *testing.B) {
	v := make([]m31.M31, 1<<18)
	for i := range v {
		v[i] = m31.M31(i)
	}
	for b.Loop() {
		prefixSums(v)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/row")
}

func BenchmarkCompile(b *testing.B) {
	for _, name := range benchmarked {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(0, 0))
			c := recordedComponent(b, name)
			table, s := randomTable(c, 4, random)
			ch := NewChallenges(randomSecure(random), randomSecure(random))
			powers := make([]m31.QM31, c.ConstraintCount())
			for b.Loop() {
				c.compileComposition(table, s, ch, powers)
			}
		})
	}
}
