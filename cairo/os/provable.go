package os

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// UnprovableError names what keeps a call from being proved: a builtin that the layout lacks, or a syscall that the program
// does not know. Exactly one of the two is set.
type UnprovableError struct {
	Builtin  string
	Syscall  cairo.Selector
	Class    felt.Felt // class hash
	Selector felt.Felt // of the entry point
}

func (e *UnprovableError) Error() string {
	what := "builtin " + e.Builtin
	if e.Builtin == "" {
		what = "syscall " + string(e.Syscall)
	}
	return fmt.Sprintf("os: entry point %v of class %v needs the %s, which is not provable", e.Selector, e.Class, what)
}

// builtins are those that the program passes, in the order in which compiled code takes them.
var builtins = []string{machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinBitwise, machine.BuiltinSegmentArena}

// entryPoint is where a call enters its class's code, nil when it enters none.
func entryPoint(call *cairo.Call) *casm.EntryPoint {
	return call.Class.Casm.EntryPoint(call.Type, call.Selector)
}

// entersCode reports whether a call runs code at all: it does not when there is no entry point, or not the gas to enter.
func entersCode(call *cairo.Call) bool {
	return entryPoint(call) != nil && call.Gas >= constants.EntryPointGas
}

// provable is nil when the call's entry point takes only builtins that the program passes.
func provable(call *cairo.Call) error {
	next := 0
	for _, name := range entryPoint(call).Builtins {
		i := slices.Index(builtins, name)
		if i < next {
			return &UnprovableError{Builtin: name, Class: call.Class.Hash, Selector: call.Selector}
		}
		next = i + 1
	}
	return nil
}
