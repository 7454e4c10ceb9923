// Package cairo0 runs compiled Cairo 0 programs on the Cairo machine (cairo/machine) as the official runner does.
//
// RunProgram starts a program with the builtins of a layout, runs it and checks the final memory. In proof mode it also makes
// the cairo.Trace that a prover needs: for Stone the run is padded, for S-two (layout all_cairo_stwo) its memory is completed. Hints are Python text: the common ones have native implementations,
// and the package pyhint interprets the others. A finished run can be written as a PIE, which RunPIE runs again.
package cairo0
