//go:build !purego

//go:generate go -C _asm run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg blake
//go:generate go -C _asm run ./search -out ../search_amd64.s -stubs ../search_amd64.go -pkg blake

package blake

import "golang.org/x/sys/cpu"

// hasLanes says whether the CPU can run compress16 and the searches. It is a variable so that tests can run both implementations.
var hasLanes = cpu.X86.HasAVX512F
