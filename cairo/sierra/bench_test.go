package sierra

import (
	"os"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// BenchmarkValidate measures the steps before compilation for the largest class of the corpus.
func BenchmarkValidate(b *testing.B) {
	data, err := os.ReadFile(golden.Corpus(b, "sierra-casm", "libfuncs_coverage__libfuncs_coverage.contract_class.json"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := DecodeClass(data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeClass(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("felts", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Program(); err != nil {
				b.Fatal(err)
			}
		}
	})
	p, _ := c.Program()
	b.Run("registry", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewRegistry(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			c.Hash()
		}
	})
}
