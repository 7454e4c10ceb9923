// Package cairoair is the Cairo AIR: the columns that represent a Cairo run, and the polynomial identities that they must
// satisfy.
//
// A layout (plain, recursive, starknet, …) places virtual columns, such as "the addresses of op0" or "the sorted range-check
// values", on a few physical columns. It is only a table of places (layout.go). Every component is written once, over virtual
// columns: its constraints (cpu.go, memory.go, rangecheck.go, diluted.go and a file for each builtin; system.go has their
// order) and the code that fills its cells from a cairo.Trace (fill_*.go; trace.go has the order). Constraints, mask and
// interaction elements are in Stone's order, and the cells hold the values that Stone's prover writes, so that a proof equals
// Stone's proof byte for byte.
//
// A verifier needs only New and Seed (air.go, public.go), a prover also NewTrace.
//
// The virtual columns and their names are those of section 9 of the Cairo whitepaper (https://eprint.iacr.org/2021/1063).
package cairoair
