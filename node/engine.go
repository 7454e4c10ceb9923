package node

import (
	"errors"
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

// NewEngine returns the engine with a name of config.Engines, and the one that takes over a transaction that it gives up: nil
// for the VM, which gives up none.
func NewEngine(name string, opts native.Options) (engine, fallback cairo.Engine, err error) {
	judge := vm.NewEngine()
	switch name {
	case "vm":
		return judge, nil, nil
	case "native", "both":
		if name == "both" {
			opts.Background = false // or the VM would be compared with itself while code is being made
		}
		n, err := native.NewEngine(judge, opts)
		if err != nil {
			return nil, nil, err
		}
		if name == "both" {
			return native.Both(n, judge), judge, nil
		}
		return n, judge, nil
	}
	return nil, nil, fmt.Errorf("engine %q is not one of %s", name, strings.Join(config.Engines, ", "))
}

// logged is a node's engine. It says which run ended in a defect of native code, which changes no result and would go unseen.
type logged struct {
	cairo.Engine
	log *slog.Logger
}

// Run implements cairo.Engine.
func (l *logged) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	result, err := l.Engine.Run(call, sys)
	if f, ok := errors.AsType[*cairo.FallbackError](err); ok && f.Reason == native.ReasonInternal {
		l.log.Warn("a defect of native code: the transaction runs again on the VM", "class", call.Class.Hash, "selector", call.Selector, "detail", f.Detail)
	}
	return result, err
}

// Announce implements cairo.Announcer.
func (l *logged) Announce(class *cairo.Class) {
	if engine, ok := l.Engine.(cairo.Announcer); ok {
		engine.Announce(class)
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
