package main

import (
	"strings"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
)

// newEngine makes the engine with a name of config.Engines.
func newEngine(name string) (cairo.Engine, error) {
	switch name {
	case "vm":
		return vm.NewEngine(), nil
	}
	return nil, usagef("engine %q is not one of %s", name, engineNames())
}

// engineNames lists the engines for a flag's help.
func engineNames() string { return strings.Join(config.Engines, ", ") }
