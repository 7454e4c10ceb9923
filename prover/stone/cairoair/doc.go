// Package cairoair is the Cairo AIR: which columns a Cairo run becomes, and which polynomial identities say that the columns
// are one.
//
// A layout (plain, recursive, starknet, …) places virtual columns — "the addresses of op0", "the sorted range-check values" —
// on a few physical columns; it is a table of places and nothing else (layout.go). Every component is written once, over
// virtual columns: its constraints (cpu.go, memory.go, rangecheck.go, diluted.go and a file for each builtin; system.go puts
// them in order) and the code that fills its cells from a cairo.Trace (fill_*.go; trace.go has the order). Constraints,
// mask and interaction elements come in Stone's order and the cells hold what Stone's prover would put there, so a proof is
// Stone's proof, byte for byte.
//
// A verifier needs New and Seed only (air.go, public.go); a prover NewTrace.
//
// The virtual columns and their names are those of the Cairo whitepaper (https://eprint.iacr.org/2021/1063), section 9.
package cairoair
