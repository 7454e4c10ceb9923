//go:build !amd64 || purego

package wide

import "github.com/starkd/starkd/prover/stwo/m31"

// vectorBits is the width of the registers for which kernels can run.
const vectorBits = 0

func load(x [][Rows]int32, columns [][]m31.M31, row int) { copyIn(x, columns, row) }

func store(x [][Rows]int32, columns [][]m31.M31, row int) { copyOut(x, columns, row) }

// These functions are never called, because vectorBits is 0.

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
