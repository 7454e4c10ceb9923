//go:build !purego

package wide

import "testing"

// setKernels turns the kernels on or off, and returns a function that restores them. It skips the test if there are none.
func setKernels(t *testing.T, on bool) (restore func()) {
	old := vectorKernels
	if on && !old {
		t.Skip("the processor has no AVX-512")
	}
	vectorKernels = on
	return func() { vectorKernels = old }
}
