package executor

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// node is a call in a random tree of calls: its acts in order, and whether it panics at the end.
type node struct {
	at     uint64 // one of four contracts, 0 to 3
	acts   []act
	panics bool
}

// act is one action of a call.
type act struct {
	kind       string // write, event, message, class or call
	key, value uint64
	child      *node
}

func drawNode(t *rapid.T, depth int) *node {
	n := &node{at: rapid.Uint64Range(0, 3).Draw(t, "at"), panics: rapid.IntRange(0, 2).Draw(t, "panics") == 0}
	kinds := []string{"write", "event", "message", "class", "call", "call"}
	if depth == 0 {
		kinds = kinds[:4]
	}
	for range rapid.IntRange(0, 4).Draw(t, "acts") {
		a := act{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), key: rapid.Uint64Range(0, 3).Draw(t, "key"), value: rapid.Uint64Range(0, 3).Draw(t, "value")}
		if a.kind == "call" {
			a.child = drawNode(t, depth-1)
		}
		n.acts = append(n.acts, a)
	}
	return n
}

// model is the state that calls change, as plain values.
type model struct {
	storage map[state.Slot]felt.Felt
	class   map[felt.Felt]felt.Felt
	log     []string // events and messages
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.storage), maps.Clone(m.class), slices.Clone(m.log)}
}

// run returns the state after a call. A call that panics changes nothing.
func (m *model) run(n *node) *model {
	out, here := m.clone(), u(0x200+n.at)
	for _, a := range n.acts {
		switch a.kind {
		case "write":
			out.storage[state.Slot{Contract: here, Key: u(a.key)}] = u(a.value)
		case "event", "message":
			out.log = append(out.log, fmt.Sprint(a.kind, here, a.key))
		case "class":
			out.class[here] = u(0x20 + a.value)
		case "call":
			out = out.run(a.child)
		}
	}
	if n.panics {
		return m
	}
	return out
}

// TestNestedCalls checks that random trees of calls, some of which panic and are caught by their callers, have the effects that the
// model has.
func TestNestedCalls(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		var nodes []*node
		index := map[*node]uint64{}
		var number func(n *node)
		number = func(n *node) {
			index[n] = uint64(len(nodes))
			nodes = append(nodes, n)
			for _, a := range n.acts {
				if a.child != nil {
					number(a.child)
				}
			}
		}
		root := drawNode(rt, 3)
		number(root)
		run := func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			n := nodes[f.Calldata[0].Uint64()]
			for _, a := range n.acts {
				var err error
				switch a.kind {
				case "write":
					err = f.StorageWrite(&f.gas, 0, u(a.key), u(a.value))
				case "event":
					err = f.EmitEvent(&f.gas, []felt.Felt{u(a.key)}, nil)
				case "message":
					err = f.SendMessageToL1(&f.gas, u(a.key), nil)
				case "class":
					err = f.ReplaceClass(&f.gas, u(0x20+a.value))
				case "call":
					_, err = f.CallContract(&f.gas, u(0x200+a.child.at), Selector("run"), []felt.Felt{u(index[a.child])})
					if _, caught := err.(*cairo.SyscallFailure); caught && a.child.panics {
						err = nil
					}
				}
				if err != nil {
					return nil, nil, err
				}
			}
			if n.panics {
				return nil, []felt.Felt{u(n.at)}, nil
			}
			return nil, nil, nil
		}
		before := &model{map[state.Slot]felt.Felt{}, map[felt.Felt]felt.Felt{}, nil}
		for i := range uint64(4) {
			b.declare(u(0x20+i), map[string]contract{"run": run})
			b.st.SetClassHash(u(0x200+i), u(0x20))
			before.class[u(0x200+i)] = u(0x20)
		}
		out := b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.CallContract(&f.gas, u(0x200+root.at), Selector("run"), []felt.Felt{{}})
			if _, caught := err.(*cairo.SyscallFailure); caught {
				err = nil
			}
			return nil, nil, err
		})
		want := before.run(root)
		for c := range uint64(4) {
			for k := range uint64(4) {
				slot := state.Slot{Contract: u(0x200 + c), Key: u(k)}
				if got := b.storage(slot.Contract, slot.Key); got != want.storage[slot] {
					rt.Fatalf("slot %v: %v, want %v", slot, got, want.storage[slot])
				}
			}
			if got, _ := b.st.ClassHashAt(u(0x200 + c)); got != want.class[u(0x200+c)] {
				rt.Fatalf("class of %d: %v, want %v", c, got, want.class[u(0x200+c)])
			}
		}
		// Events and messages are in separate lists, each in the order of the log.
		var events, messages, wantEvents, wantMessages []string
		for _, e := range out.Receipt.Events[:len(out.Receipt.Events)-1] { // the fee transfer emits the last event
			events = append(events, fmt.Sprint("event", e.From, e.Keys[0].Uint64()))
		}
		for _, m := range out.Receipt.Messages {
			messages = append(messages, fmt.Sprint("message", m.From, m.To.Uint64()))
		}
		for _, l := range want.log {
			if l[0] == 'e' {
				wantEvents = append(wantEvents, l)
			} else {
				wantMessages = append(wantMessages, l)
			}
		}
		if !slices.Equal(events, wantEvents) || !slices.Equal(messages, wantMessages) {
			rt.Fatalf("events %v, messages %v, want %v and %v", events, messages, wantEvents, wantMessages)
		}
		// The frames have the same events, numbered in order.
		var orders []uint64
		var walk func(*Frame)
		walk = func(f *Frame) {
			for _, e := range f.Events {
				orders = append(orders, e.Order)
			}
			for _, in := range f.Inner {
				walk(in)
			}
		}
		walk(out.Execute)
		slices.Sort(orders)
		for i, o := range orders {
			if o != uint64(i) {
				rt.Fatalf("orders of events in frames: %v", orders)
			}
		}
		if len(orders) != len(wantEvents) {
			rt.Fatalf("%d events in frames, want %d", len(orders), len(wantEvents))
		}
	})
}
