// Package vm runs entry points of contract classes on the Cairo machine (cairo/machine) as Starknet's sequencer does:
// engine 1, the reference that the native engine is compared with.
//
// Engine runs a call. It keeps the classes ready that it has run. CoreHint makes the hints of a class, and
// NewSyscallHandler answers its system calls; a program that runs class code of its own (cairo/os) uses both.
package vm
