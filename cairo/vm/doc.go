// Package vm runs entry points of contract classes on the Cairo machine (cairo/machine) as Starknet's sequencer does. It
// is the reference engine: the native engine must agree with it.
//
// An Engine runs calls and caches the classes that it has run. CoreHint makes a machine's hint from a class's hint, and
// NewSyscallHandler answers system calls. The package cairo/os, which runs class code inside a program, uses these two.
package vm
