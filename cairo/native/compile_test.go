package native_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
)

// TestCompile checks that every class of the corpus compiles within 20 seconds, and again with its code in the cache.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	classes := corpusClasses(t)
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		class := readClass(t, classes[name])
		code, err := native.Compile(class.Sierra, class.Gas())
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
			t.Errorf("%s takes %v, want at most 20 s", name, took[0])
		}
	}
}

// TestDamagedCache checks that a class is compiled again if its cached code was truncated, as by a full disk.
func TestDamagedCache(t *testing.T) {
	dir := t.TempDir()
	data, err := contracts.ClassJSON(contracts.Fibonacci)
	if err != nil {
		t.Fatal(err)
	}
	class := load(t, "fibonacci", data)
	for round := range 3 {
		e, err := native.NewEngine(vm.NewEngine(), native.Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Prepare(class); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		damaged := 0
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Size() > 1000 && round == 0 {
				damaged++
				return os.Truncate(path, info.Size()/2)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 && damaged == 0 {
			t.Fatal("the cache holds nothing to damage")
		}
	}
}
