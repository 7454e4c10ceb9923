package parallel

import (
	"sync/atomic"
	"testing"
)

// TestEach checks that every index is called once, by any number of workers.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		calls := make([]atomic.Int32, n)
		Each(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("Each(%d) calls %d %d times, want once", n, i, got)
			}
		}
	}
}
