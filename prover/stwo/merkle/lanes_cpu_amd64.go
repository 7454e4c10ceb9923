//go:build !purego

//go:generate go -C _asm run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg merkle

package merkle

import "golang.org/x/sys/cpu"

// hasLanes says whether the CPU can run the functions of lanes_amd64.s. It is a variable so that tests can run both implementations.
var hasLanes = cpu.X86.HasAVX512F
