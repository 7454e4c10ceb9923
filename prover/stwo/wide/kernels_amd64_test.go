//go:build !purego

package wide

import "testing"

// setKernels chooses kernels of a width in bits, 0 for none, and returns a function that restores the choice. It skips the test if the processor cannot
// run them.
func setKernels(t testing.TB, bits int) (restore func()) {
	old := vectorBits
	if bits > old {
		t.Skip(map[int]string{256: "the processor has no AVX2", 512: "the processor has no AVX-512"}[bits])
	}
	vectorBits = bits
	return func() { vectorBits = old }
}
