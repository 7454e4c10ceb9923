package os

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// UnprovableError is the error of a call that cannot be proved, because it needs a builtin that the layout does not have or
// a syscall that the program does not know (version 1 only). Either Builtin or Syscall is set.
type UnprovableError struct {
	Builtin  string
	Syscall  cairo.Selector
	Class    felt.Felt // class hash
	Selector felt.Felt // selector of the entry point
}

func (e *UnprovableError) Error() string {
	what := "builtin " + e.Builtin
	if e.Builtin == "" {
		what = "syscall " + string(e.Syscall)
	}
	return fmt.Sprintf("os: entry point %v of class %v needs the %s, which is not provable", e.Selector, e.Class, what)
}

// entryPoint returns the entry point of a call, or nil if its class has none for it.
func entryPoint(call *cairo.Call) *casm.EntryPoint {
	return call.Class.Casm.EntryPoint(call.Type, call.Selector)
}

// entersCode reports whether a call runs code: it has an entry point and the gas to enter it.
func entersCode(call *cairo.Call) bool {
	return entryPoint(call) != nil && call.Gas >= constants.EntryPointGas
}

// provable returns an *UnprovableError if the call's entry point takes a builtin that the program does not pass.
func (v *version) provable(call *cairo.Call) error {
	next := 0
	for _, name := range entryPoint(call).Builtins {
		i := slices.Index(v.builtins, name)
		if i < next {
			return &UnprovableError{Builtin: name, Class: call.Class.Hash, Selector: call.Selector}
		}
		next = i + 1
	}
	return nil
}
