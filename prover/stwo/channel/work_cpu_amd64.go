//go:build !purego

//go:generate go -C _asm run . -out ../work_amd64.s -stubs ../work_amd64.go -pkg channel

package channel

import "golang.org/x/sys/cpu"

// hasSearch says whether the CPU can run the functions of work_amd64.s. It is a variable so that tests can run both implementations.
var hasSearch = cpu.X86.HasAVX512F
