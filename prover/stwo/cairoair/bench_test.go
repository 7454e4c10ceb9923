package cairoair

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// BenchmarkFill fills the base trace of each *.input (StarkWare's prover_input.json) in the folder that STARKD_STWO_INPUTS names.
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
			for b.Loop() {
				if _, err := Fill(in, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWitness fills the columns of each component, for rows of a run with all builtins that are repeated up to 2^13 rows. Lookups are not
// counted. It reports the processor time of a row.
func BenchmarkWitness(b *testing.B) {
	const logRows = 13
	in, _ := corpusInput(b, "c10_all/small")
	env := &Witness{Memory: newMemory(&in.Memory)}
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
