package cairo0

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// BenchmarkPrograms runs the programs of the shared benchmark, if its folder is next to the project's.
func BenchmarkPrograms(b *testing.B) {
	dir := filepath.Join(golden.ModuleRoot(b), "..", "shared", "bench", "vm")
	files, _ := filepath.Glob(filepath.Join(dir, "*.run.json"))
	if len(files) == 0 {
		b.Skipf("no programs in %s", dir)
	}
	for _, path := range files {
		b.Run(strings.TrimSuffix(filepath.Base(path), ".run.json"), func(b *testing.B) {
			src, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			p, err := ParseProgram(src)
			if err != nil {
				b.Fatal(err)
			}
			var steps uint64
			for b.Loop() {
				res, err := p.Run(RunOptions{Layout: "all_cairo"})
				if err != nil {
					b.Fatal(err)
				}
				steps += res.Steps
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds()/1e6, "Msteps/s")
		})
	}
}
