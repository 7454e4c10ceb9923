// Package engines chooses what executes Cairo in tests: the variable STARKD_ENGINE is vm (the default), native or both, as
// `starkd start --engine`, so that the same tests judge each engine.
package engines

import (
	"os"
	"sync"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
)

// Variable names the engine in the environment of a test.
const Variable = "STARKD_ENGINE"

// machine is the native engine of all tests of a process: each class is compiled once.
var machine = sync.OnceValues(func() (*native.Engine, error) { return native.NewEngine(vm.NewEngine(), native.Options{}) })

// Name returns the engine that tests run on.
func Name() string {
	if name := os.Getenv(Variable); name != "" {
		return name
	}
	return "vm"
}

// New returns the engine that tests run on. A test ends with an error if native code fell back because of a defect.
func New(t testing.TB) cairo.Engine {
	t.Helper()
	reference, name := vm.NewEngine(), Name()
	switch name {
	case "vm":
		return reference
	case "native", "both":
	default:
		t.Fatalf("%s is %q, not vm, native or both", Variable, name)
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
			t.Errorf("native code fell back because of a defect: runs %v, before the test %v", after, before)
		}
	})
	if name == "both" {
		return cairo.Both(n, reference)
	}
	return n
}
