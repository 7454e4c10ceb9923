//go:build !amd64 || purego

package wide

import "github.com/starkd/starkd/prover/stwo/m31"

// vectorKernels reports whether the kernels of kernels_amd64.s can run.
const vectorKernels = false

func load(x [][Rows]int32, columns [][]m31.M31, row int) { copyIn(x, columns, row) }

func store(x [][Rows]int32, columns [][]m31.M31, row int) { copyOut(x, columns, row) }

// These functions are never called, because vectorKernels is false.

func words(columns [][]m31.M31, n, row int) *[]uint32                  { panic("wide: no kernels") }
func addLimbs(z, x, y *[Count][Rows]int32)                             { panic("wide: no kernels") }
func subLimbs(z, x, y *[Count][Rows]int32)                             { panic("wide: no kernels") }
func carries(columns *[]uint32, row int, x, y, z *[Count][Rows]int32)  { panic("wide: no kernels") }
func collectLimbs(z *[4][Rows]uint64, x *[Count][Rows]int32)           { panic("wide: no kernels") }
func collectPacked(z *[4][Rows]uint64, x *[PackedCount][Rows]int32)    { panic("wide: no kernels") }
func distributeLimbs(x *[Count][Rows]int32, z *[4][Rows]uint64)        { panic("wide: no kernels") }
func distributePacked(x *[PackedCount][Rows]int32, z *[4][Rows]uint64) { panic("wide: no kernels") }
func mulFelts(z, x, y *[4][Rows]uint64)                                { panic("wide: no kernels") }
func addFelts(z, x, y *[4][Rows]uint64)                                { panic("wide: no kernels") }
func subFelts(z, x, y *[4][Rows]uint64)                                { panic("wide: no kernels") }
