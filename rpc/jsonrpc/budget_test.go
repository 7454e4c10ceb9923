package jsonrpc

import "testing"

// TestBudget checks the last number of bytes that fits and the first that does not.
func TestBudget(t *testing.T) {
	var b budget
	b.most.Store(10)
	for _, c := range []struct {
		n  int
		ok bool
	}{{4, true}, {6, true}, {1, false}, {0, true}} {
		if got := b.try(c.n); got != c.ok {
			t.Errorf("try(%d) with %d of 10 held: %v", c.n, b.held.Load(), got)
		}
	}
	b.give(10)
	if !b.try(11) || b.try(1) {
		t.Error("more than the budget must fit if and only if nothing is held")
	}
}
