//go:build amd64 && !purego

package circle

import "testing"

// eachWidth runs the test for every width of kernels that the machine has, and for scalar code.
func eachWidth(t *testing.T, test func(t *testing.T)) {
	old := vectorBits
	t.Cleanup(func() { vectorBits = old })
	for _, width := range []struct {
		name string
		bits int
	}{{"scalar", 0}, {"avx2", 256}, {"avx512", 512}} {
		if width.bits <= old {
			vectorBits = width.bits
			t.Run(width.name, test)
		}
	}
}
