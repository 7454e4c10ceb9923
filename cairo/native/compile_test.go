package native_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
)

// TestCompile: every class of the corpus is compiled, and within seconds even on a busy machine; with a cache on disk the second
// time takes a fraction.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	classes := corpusClasses(t)
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		class := readClass(t, classes[name])
		code, err := native.Compile(class.Sierra, class.Gas)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var took [2]time.Duration
		for i := range took {
			e, err := native.NewEngine(vm.NewEngine(), native.Options{CacheDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := e.Prepare(class); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			took[i] = time.Since(start)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if len(class.Sierra.Statements) > 2000 {
			t.Logf("%s: %d statements, %d bytes of wasm, compiled in %v, from the cache in %v", name, len(class.Sierra.Statements), len(code), took[0], took[1])
		}
		if took[0] > 20*time.Second {
			t.Errorf("%s takes %v", name, took[0])
		}
	}
}
