//go:build !amd64 || purego

package wide

import "testing"

func setKernels(t *testing.T, on bool) (restore func()) {
	if on {
		t.Skip("built without kernels")
	}
	return func() {}
}
