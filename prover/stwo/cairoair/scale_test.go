package cairoair

import (
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
)

// BenchmarkFillBlake fills the columns of 2^12 compressions.
func BenchmarkFillBlake(b *testing.B) {
	in, _ := corpusInput(b, "c09_blake")
	s := &in.Opcodes[adapter.BlakeCompress]
	for i := 0; s.Len() < 1<<12; i++ {
		s.PC, s.AP, s.FP = append(s.PC, s.PC[i]), append(s.AP, s.AP[i]), append(s.FP, s.FP[i])
	}
	benchmarkFill(b, in)
}

// BenchmarkFillMod fills the columns of 2^13 instances of add_mod, and as many of mul_mod.
func BenchmarkFillMod(b *testing.B) {
	in, _ := corpusInput(b, "c07_mod")
	for _, k := range []adapter.Builtin{adapter.AddMod, adapter.MulMod} {
		segment := in.Segments[k]
		cells := in.Memory.IDs[segment.Begin:segment.End]
		begin := len(in.Memory.IDs)
		for len(in.Memory.IDs)-begin < modCells<<13 {
			in.Memory.IDs = append(in.Memory.IDs, cells...)
		}
		in.Segments[k] = adapter.Segment{Begin: uint32(begin), End: uint32(begin + modCells<<13)}
	}
	benchmarkFill(b, in)
}

func benchmarkFill(b *testing.B, in *adapter.Input) {
	for b.Loop() {
		if _, err := Fill(in, true); err != nil {
			b.Fatal(err)
		}
	}
}
