package adapter

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
)

var benchProgram = flag.String("program", "", "compiled program of the benchmarks, JSON")

// BenchmarkFromTrace adapts a run of -program. BenchmarkReadJSON reads its prover_input.json.
func BenchmarkFromTrace(b *testing.B) {
	trace := benchmarkRun(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromTrace(trace.Trace); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(trace.Trace.Registers)), "steps")
	b.ReportMetric(float64(len(trace.Trace.Memory.Value)), "cells")
}

func BenchmarkReadJSON(b *testing.B) {
	in, err := FromTrace(benchmarkRun(b).Trace)
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	if err := in.WriteJSON(&text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := ReadJSON(bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRun(b *testing.B) *cairo0.RunResult {
	b.Helper()
	if *benchProgram == "" {
		b.Skip("no -program")
	}
	text, err := os.ReadFile(*benchProgram)
	if err != nil {
		b.Fatal(err)
	}
	res, err := cairo0.RunProgram(text, cairo0.RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
	if err != nil {
		b.Fatal(err)
	}
	return res
}
