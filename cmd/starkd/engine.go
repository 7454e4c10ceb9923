package main

import (
	"strings"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
)

// newEngine makes the engine with a name of config.Engines, and the one that takes over a transaction that it gives up: nil
// for the VM, which gives up none.
func newEngine(name string, opts native.Options) (engine, fallback cairo.Engine, err error) {
	judge := vm.NewEngine()
	switch name {
	case "vm":
		return judge, nil, nil
	case "native", "both":
		n, err := native.NewEngine(judge, opts)
		if err != nil {
			return nil, nil, err
		}
		if name == "both" {
			return native.Both(n, judge), judge, nil
		}
		return n, judge, nil
	}
	return nil, nil, usagef("engine %q is not one of %s", name, engineNames())
}

// engineNames lists the engines for a flag's help.
func engineNames() string { return strings.Join(config.Engines, ", ") }
