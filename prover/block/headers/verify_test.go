package headers_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
)

// BenchmarkVerify measures the verification of a bundle by part, for scripts/bench/verify. STARKD_BENCH_BUNDLE is the folder with bundle.json and
// genesis.json; scripts/bench/verify makes it.
func BenchmarkVerify(b *testing.B) {
	dir := os.Getenv("STARKD_BENCH_BUNDLE")
	if dir == "" {
		b.Skip("scripts/bench/verify runs it")
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		return data
	}
	file := read("bundle.json")
	genesis, err := headers.ParseGenesis(read("genesis.json"))
	if err != nil {
		b.Fatal(err)
	}
	trust := &headers.Trust{Genesis: genesis}
	parse := func(b *testing.B) *block.Bundle {
		bundle, err := block.Parse(file)
		if err != nil {
			b.Fatal(err)
		}
		return bundle
	}
	b.Run("whole", func(b *testing.B) {
		for range b.N {
			bundle := parse(b)
			anchors, err := headers.VerifyRange(bundle, trust)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := block.VerifyRange(bundle, anchors, prover.Policy{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		for range b.N {
			parse(b)
		}
	})
	bundle := parse(b)
	anchors, err := headers.VerifyRange(bundle, trust)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("headers", func(b *testing.B) {
		for range b.N {
			if _, err := headers.VerifyRange(bundle, trust); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("statement", func(b *testing.B) { // with the decoding of the proofs
		for range b.N {
			b.StopTimer()
			bundle := parse(b)
			b.StartTimer()
			if _, err := block.CheckRange(bundle, anchors, prover.Policy{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("starks", func(b *testing.B) { // with the decoding of the proofs
		for range b.N {
			for _, p := range bundle.Proofs {
				if err := p.Verify(prover.Policy{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
