//go:build !amd64 || purego

package wide

import "testing"

func setKernels(t testing.TB, bits int) (restore func()) {
	if bits > 0 {
		t.Skip("built without kernels")
	}
	return func() {}
}
