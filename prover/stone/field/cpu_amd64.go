//go:build !purego

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg field

package field

import "golang.org/x/sys/cpu"

// vectorKernels reports whether the kernels of kernels_amd64.s can run. They need AVX-512 with IFMA and VBMI2 (Ice Lake, Zen 4
// and later). It is a variable so that tests can turn the kernels off.
var vectorKernels = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL &&
	cpu.X86.HasAVX512IFMA && cpu.X86.HasAVX512VBMI2
