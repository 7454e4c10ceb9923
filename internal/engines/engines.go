// Package engines chooses the Cairo engine of tests. The environment variable STARKD_ENGINE is vm (the default), native or both, like
// `starkd start --engine`, so that the same tests can check each engine.
package engines

import (
	"os"
	"sync"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
)

// Variable is the environment variable with the name of the engine.
const Variable = "STARKD_ENGINE"

// machine returns the native engine that all tests of a process share, so that each class is compiled once.
var machine = sync.OnceValues(func() (*native.Engine, error) { return native.NewEngine(vm.NewEngine(), native.Options{}) })

// Name returns the name of the tests' engine.
func Name() string {
	if name := os.Getenv(Variable); name != "" {
		return name
	}
	return "vm"
}

// New returns the tests' engine. The test t fails if native code falls back because of a defect.
func New(t testing.TB) cairo.Engine {
	t.Helper()
	reference, name := vm.NewEngine(), Name()
	switch name {
	case "vm":
		return reference
	case "native", "both":
	default:
		t.Fatalf("%s is %q, want vm, native or both", Variable, name)
	}
	n, err := machine()
	if err != nil {
		t.Fatal(err)
	}
	before := n.Stats()
	t.Cleanup(func() {
		after := n.Stats()
		t.Logf("%s: runs so far %v", name, after)
		if after[native.ReasonInternal] > before[native.ReasonInternal] {
			t.Errorf("native code fell back because of a defect: %v runs, %v before the test", after, before)
		}
	})
	if name == "both" {
		return cairo.Both(n, reference)
	}
	return n
}
