package vm

import (
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// TestNoDictionary checks that dictAt returns an error for an address that is not in a dictionary.
func TestNoDictionary(t *testing.T) {
	m := machine.NewMachine()
	if d, err := dictAt(m, machine.Addr{Segment: 1, Offset: 0}); err == nil || !strings.Contains(err.Error(), "points to no dictionary") {
		t.Errorf("%v, %v", d, err)
	}
}

// TestReadResult checks that the remaining gas must not exceed the call's gas and that the failure flag must be 0 or 1.
func TestReadResult(t *testing.T) {
	for _, c := range []struct {
		left, flag uint64
		want       string
	}{
		{1000, 0, ""}, {999, 1, ""}, {0, 0, ""}, {1001, 0, "unexpected remaining gas: 1001 of 1000"}, {1000, 2, "failure flag"},
	} {
		m := machine.NewMachine()
		data := m.Memory.AddSegment()
		at := m.Memory.AddSegment()
		if _, err := m.Memory.Load(at, machine.UintValue(c.left), machine.AddrValue(data), machine.UintValue(c.flag), machine.AddrValue(data), machine.AddrValue(data)); err != nil {
			t.Fatal(err)
		}
		res, _, err := new(frame).readResult(m, at, 1000)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d of 1000 left, flag %d: %v, want %q", c.left, c.flag, err, c.want)
		}
		if err == nil && (res.GasLeft != c.left || res.Failed != (c.flag == 1)) {
			t.Errorf("%d of 1000 left, flag %d: %+v", c.left, c.flag, res)
		}
	}
}

// TestCacheEviction checks that at its bound the engine drops the class whose last use is the oldest, and only that one.
func TestCacheEviction(t *testing.T) {
	a, b, c := newTestChain(t, projectClass(t, "counter")).class, newTestChain(t, projectClass(t, "fibonacci")).class, newTestChain(t, projectClass(t, "factorial")).class
	e := NewEngine()
	load := func(class *cairo.Class) {
		t.Helper()
		if _, err := e.load(class); err != nil {
			t.Fatal(err)
		}
	}
	load(a)
	load(b)
	load(a)
	e.words = maxCachedWords // as if the classes were large
	load(c)
	cached := func(class *cairo.Class) bool { return e.classes[keyOf(class)] != nil }
	if len(e.classes) != len(e.order) || cached(b) || !cached(c) {
		t.Errorf("%d classes, %d in the order of use; fibonacci %t, factorial %t", len(e.classes), len(e.order), cached(b), cached(c))
	}
}

// TestNoAccessLeft checks that the squashing hints return an error for a key without accesses.
func TestNoAccessLeft(t *testing.T) {
	m := machine.NewMachine()
	stateOf(m).frame.squash = squash{keys: []felt.Felt{felt.One}, indices: map[felt.Felt][]uint64{}}
	if list, _, err := accesses(m); err == nil {
		t.Errorf("accesses returns %v", list)
	}
}
