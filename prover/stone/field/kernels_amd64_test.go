//go:build amd64 && !purego

package field

import "testing"

// scalarOnly turns the kernels off for a test.
func scalarOnly(t *testing.T) {
	old := vectorKernels
	vectorKernels = false
	t.Cleanup(func() { vectorKernels = old })
}
