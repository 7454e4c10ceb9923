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

// NewEngine returns the engine with this name, one of config.Engines.
func NewEngine(name string, opts native.Options) (cairo.Engine, error) {
	reference := vm.NewEngine()
	switch name {
	case "vm":
		return reference, nil
	case "native", "both":
		if name == "both" {
			opts.Background = false // else the VM would be compared with itself until the code is compiled
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

// logDefects returns a native.Options.Defect that logs defects of native code.
func logDefects(log *slog.Logger) func(*cairo.Call, string) {
	return func(call *cairo.Call, detail string) {
		log.Warn("a bug in native code: the transaction is executed again on the VM", "class", call.Class.Hash, "selector", call.Selector, "detail", detail)
	}
}

// logRuns logs how many runs the native engine executed, and why it left others to the VM. It logs nothing for the VM.
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
	log.Info("runs of Cairo, in native code or on the VM by reason", attrs...)
}
