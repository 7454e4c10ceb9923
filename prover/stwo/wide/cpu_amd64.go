//go:build !purego

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg wide

package wide

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// vectorBits is the width of the registers for which kernels of kernels_amd64.s can run: 512 (AVX-512 with IFMA, VBMI2 and VNNI: Ice Lake, Zen 4
// and later), 256 (AVX2) or 0. It is a variable so that tests can choose narrower kernels.
var vectorBits = detect()

func detect() int {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512IFMA &&
		cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512VNNI:
		return 512
	case cpu.X86.HasAVX2:
		return 256
	}
	return 0
}

// words returns a pointer to the first of n columns for the kernels. The columns must have rows row to row+15.
func words(columns [][]m31.M31, n, row int) *[]uint32 {
	for _, c := range columns[:n] {
		_ = c[row+Rows-1]
	}
	return (*[]uint32)(unsafe.Pointer(unsafe.SliceData(columns)))
}

func load(x [][Rows]int32, columns [][]m31.M31, row int) {
	switch {
	case vectorBits == 512 && len(x) == Count:
		loadLimbs512(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorBits == 512:
		loadPacked512(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	case vectorBits == 256 && len(x) == Count:
		loadLimbs256(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorBits == 256:
		loadPacked256(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	default:
		copyIn(x, columns, row)
	}
}

func store(x [][Rows]int32, columns [][]m31.M31, row int) {
	switch {
	case vectorBits == 512 && len(x) == Count:
		storeLimbs512(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorBits == 512:
		storePacked512(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	case vectorBits == 256 && len(x) == Count:
		storeLimbs256(words(columns, Count, row), row, (*[Count][Rows]int32)(x))
	case vectorBits == 256:
		storePacked256(words(columns, PackedCount, row), row, (*[PackedCount][Rows]int32)(x))
	default:
		copyOut(x, columns, row)
	}
}

// The functions below call the kernel of vectorBits bits, which is not 0.

func addLimbs(z, x, y *[Count][Rows]int32) {
	if vectorBits == 512 {
		addLimbs512(z, x, y)
	} else {
		addLimbs256(z, x, y)
	}
}

func subLimbs(z, x, y *[Count][Rows]int32) {
	if vectorBits == 512 {
		subLimbs512(z, x, y)
	} else {
		subLimbs256(z, x, y)
	}
}

func carries(columns *[]uint32, row int, x, y, z *[Count][Rows]int32) {
	if vectorBits == 512 {
		carries512(columns, row, x, y, z)
	} else {
		carries256(columns, row, x, y, z)
	}
}

func collectLimbs(z *[4][Rows]uint64, x *[Count][Rows]int32) {
	if vectorBits == 512 {
		collectLimbs512(z, x)
	} else {
		collectLimbs256(z, x)
	}
}

func collectPacked(z *[4][Rows]uint64, x *[PackedCount][Rows]int32) {
	if vectorBits == 512 {
		collectPacked512(z, x)
	} else {
		collectPacked256(z, x)
	}
}

func distributeLimbs(x *[Count][Rows]int32, z *[4][Rows]uint64) {
	if vectorBits == 512 {
		distributeLimbs512(x, z)
	} else {
		distributeLimbs256(x, z)
	}
}

func distributePacked(x *[PackedCount][Rows]int32, z *[4][Rows]uint64) {
	if vectorBits == 512 {
		distributePacked512(x, z)
	} else {
		distributePacked256(x, z)
	}
}

func mulFelts(z, x, y *[4][Rows]uint64) {
	if vectorBits == 512 {
		mulFelts512(z, x, y)
	} else {
		mulFelts256(z, x, y)
	}
}

func addFelts(z, x, y *[4][Rows]uint64) {
	if vectorBits == 512 {
		addFelts512(z, x, y)
	} else {
		addFelts256(z, x, y)
	}
}

func subFelts(z, x, y *[4][Rows]uint64) {
	if vectorBits == 512 {
		subFelts512(z, x, y)
	} else {
		subFelts256(z, x, y)
	}
}
