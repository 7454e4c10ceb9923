//go:build !purego

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg wide

package wide

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// vectorKernels reports whether the kernels of kernels_amd64.s can run. They need AVX-512 with IFMA, VBMI2 and VNNI (Ice Lake, Zen 4 and later).
// It is a variable so that tests can turn the kernels off.
var vectorKernels = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512IFMA &&
	cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512VNNI

// words returns a pointer to the first of n columns for the kernels. The columns must have rows row to row+15.
func words(columns [][]m31.M31, n, row int) *[]uint32 {
	for _, c := range columns[:n] {
		_ = c[row+Rows-1]
	}
	return (*[]uint32)(unsafe.Pointer(unsafe.SliceData(columns)))
}

func load(x [][Rows]int32, columns [][]m31.M31, row int) {
	switch {
	case vectorKernels && len(x) == Count:
		loadLimbs(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorKernels && len(x) == PackedCount:
		loadPacked(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	default:
		copyIn(x, columns, row)
	}
}

func store(x [][Rows]int32, columns [][]m31.M31, row int) {
	switch {
	case vectorKernels && len(x) == Count:
		storeLimbs(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorKernels && len(x) == PackedCount:
		storePacked(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	default:
		copyOut(x, columns, row)
	}
}
