package cairoair

import (
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// BenchmarkFill fills the base trace of each *.input (StarkWare's prover_input.json) in the folder that STARKD_STWO_INPUTS names. It reports
// the processor time of a run, which other processes do not change much.
func BenchmarkFill(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("STARKD_STWO_INPUTS"), "*.input"))
	for _, file := range files {
		b.Run(strings.TrimSuffix(filepath.Base(file), ".input"), func(b *testing.B) {
			f, err := os.Open(file)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			in, err := adapter.ReadJSON(f)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			start := processorTime()
			for b.Loop() {
				if _, err := Fill(in, true); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// BenchmarkWitness fills the columns of each component, for rows of a run with all builtins that are repeated up to 2^13 rows. Lookups are not
// counted. It reports the processor time of a row.
func BenchmarkWitness(b *testing.B) {
	const logRows = 13
	in, _ := corpusInput(b, "c10_all/small")
	env := newMemory(&in.Memory)
	for _, narrow := range []bool{true, false} {
		tables, err := Fill(in, narrow)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range tables {
			a := t.AIR()
			// The words of the input are the first columns; a multiplicity is the last one.
			if t.Source == FixedTable || t.Source == MemoryTable || !narrow && t.Name != "partial_ec_mul_window_bits_18" &&
				t.Name != "pedersen_aggregator_window_bits_18" {
				continue
			}
			f := &air.Filling{Env: env, LogSize: logRows, Parameter: t.Table.Parameter, Enabled: 1 << logRows, Uses: make([]air.Sink, len(a.Lookups)),
				Feeds: make([]air.Sink, len(a.Feeds))}
			if t.Source == BuiltinSegment {
				f.LogSize = t.Table.LogSize
			}
			for k := range a.Inputs {
				column := t.Columns[k]
				if t.Source == DistinctInputs && k == a.Inputs-1 {
					column = t.Columns[len(a.Columns)-1]
				}
				words := make([]m31.M31, 0, 1<<logRows)
				for len(words) < cap(words) {
					words = append(words, column[:min(len(column), cap(words)-len(words))]...)
				}
				f.Inputs = append(f.Inputs, words)
			}
			b.Run(t.Name, func(b *testing.B) {
				start := processorTime()
				for b.Loop() {
					a.Fill(f)
				}
				row := float64(processorTime()-start) / float64(b.N) / float64(uint(1)<<f.LogSize)
				b.ReportMetric(row, "cpu-ns/row")
				b.ReportMetric(row/float64(len(a.Columns)), "cpu-ns/cell")
			})
		}
	}
}

// processorTime returns the processor time of the process.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkComposition evaluates the constraints of components on random columns. It reports the processor time of a row of the domain, which has
// two for each row of the trace.
func BenchmarkComposition(b *testing.B) {
	const logRows = 14
	random := rand.New(rand.NewPCG(1, 2))
	element := func() m31.M31 { return m31.New(random.Uint64()) }
	secure := func() m31.QM31 { return m31.NewQM31(element(), element(), element(), element()) }
	columns := func(n int) [][]m31.M31 {
		v := make([][]m31.M31, n)
		for k := range v {
			v[k] = make([]m31.M31, 2<<logRows)
			for i := range v[k] {
				v[k][i] = element()
			}
		}
		return v
	}
	for _, name := range []string{"cube_252", "partial_ec_mul_window_bits_9", "partial_ec_mul_generic", "poseidon_3_partial_rounds_chain", "generic_opcode"} {
		b.Run(name, func(b *testing.B) {
			c := componentNamed(name).AIR()
			t := &air.Table{LogSize: logRows, Columns: columns(len(c.Columns)), Preprocessed: columns(len(c.Preprocessed))}
			s := &air.Interactions{Columns: columns(c.InteractionColumns()), ClaimedSum: secure()}
			ch := air.NewChallenges(secure(), secure())
			powers := make([]m31.QM31, c.ConstraintCount())
			for k := range powers {
				powers[k] = secure()
			}
			acc := [4][]m31.M31(columns(4))
			start := processorTime()
			for b.Loop() {
				c.Composition(t, s, ch, powers, acc)
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N)/(2<<logRows), "cpu-ns/row")
		})
	}
}

// BenchmarkBuiltins fills the base trace of a run of almost nothing with many instances of the builtins of 252-bit numbers.
func BenchmarkBuiltins(b *testing.B) {
	in, _ := corpusInput(b, "c01_nothing")
	m := &in.Memory
	random := rand.New(rand.NewPCG(1, 2))
	number := func() felt.Felt {
		var words [4]uint64
		for k := range words {
			words[k] = random.Uint64()
		}
		words[3] >>= 6
		return felt.FromLimbs(words)
	}
	segment := func(o adapter.Builtin, n int, instance func() []felt.Felt) {
		s := &in.Segments[o]
		s.Begin = uint32(len(m.IDs))
		for range n {
			for _, v := range instance() {
				words := v.Limbs()
				m.IDs = append(m.IDs, adapter.BigID+m31.M31(len(m.Big)))
				m.Big = append(m.Big, [8]uint32{uint32(words[0]), uint32(words[0] >> 32), uint32(words[1]), uint32(words[1] >> 32),
					uint32(words[2]), uint32(words[2] >> 32), uint32(words[3]), uint32(words[3] >> 32)})
			}
		}
		s.End = uint32(len(m.IDs))
	}
	segment(adapter.Pedersen, 1024, func() []felt.Felt {
		x, y := number(), number()
		return []felt.Felt{x, y, pedersen.Hash(x, y)}
	})
	segment(adapter.Poseidon, 2048, func() []felt.Felt {
		state := [3]felt.Felt{number(), number(), number()}
		cells := state[:]
		out := state
		poseidon.Permute(&out)
		return append(slices.Clone(cells), out[:]...)
	})
	segment(adapter.ECOp, 64, func() []felt.Felt {
		k := number()
		p, q := starkcurve.Generator.ScalarMul(k.BigInt()), starkcurve.Generator.ScalarMul(big.NewInt(random.Int64()))
		m := number()
		r, _ := starkcurve.ECOp(p, q, m)
		return []felt.Felt{p.X, p.Y, q.X, q.Y, m, r.X, r.Y}
	})
	b.ReportAllocs()
	start := processorTime()
	for b.Loop() {
		if _, err := Fill(in, true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processorTime()-start)/float64(b.N)/1e6, "cpu-ms/op")
}
