package node

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
)

// NewEngine returns the engine with a name of config.Engines.
func NewEngine(name string, opts native.Options) (cairo.Engine, error) {
	reference := vm.NewEngine()
	switch name {
	case "vm":
		return reference, nil
	case "native", "both":
		if name == "both" {
			opts.Background = false // or the VM would be compared with itself while code is being made
		}
		n, err := native.NewEngine(reference, opts)
		if err != nil {
			return nil, err
		}
		if name == "both" {
			return cairo.Both(n, reference), nil
		}
		return n, nil
	}
	return nil, fmt.Errorf("engine %q is not one of %s", name, strings.Join(config.Engines, ", "))
}

// logDefects returns what a node does with a defect of native code: it logs it.
func logDefects(log *slog.Logger) func(*cairo.Call, string) {
	return func(call *cairo.Call, detail string) {
		log.Warn("a defect of native code: the transaction runs again on the VM", "class", call.Class.Hash, "selector", call.Selector, "detail", detail)
	}
}

// logRuns says what became of the runs of an engine that is not the VM.
func logRuns(log *slog.Logger, name string, engine cairo.Engine) {
	counted, ok := engine.(interface{ Stats() map[string]uint64 })
	if !ok {
		return
	}
	runs := counted.Stats()
	attrs := []any{"engine", name}
	for _, what := range slices.Sorted(maps.Keys(runs)) {
		attrs = append(attrs, what, runs[what])
	}
	log.Info("runs of Cairo, by native code or by why the VM took them", attrs...)
}
