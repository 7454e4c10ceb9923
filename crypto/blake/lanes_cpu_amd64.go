//go:build !purego

//go:generate go -C _asm run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg blake

package blake

import "golang.org/x/sys/cpu"

// hasLanes says whether compress16 can run. It is a variable for the tests, which run both ways.
var hasLanes = cpu.X86.HasAVX512F
