package node

import (
	"context"
	"errors"
	"testing"

	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
)

// testMemory is the memory for seven calls, in MiB.
const testMemory = 7168

// TestWork checks that executions reserve memory, and that one without memory gets an error, or ends with its context.
func TestWork(t *testing.T) {
	w := newWork(testMemory)
	var ends []func()
	for range testMemory / callMemory {
		end, err := w.begin(t.Context(), callMemory)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	_, err := w.begin(t.Context(), callMemory)
	if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != rpc.ErrUnexpected.Code {
		t.Errorf("one more is answered %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.begin(gone, callMemory); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone is answered %v", err)
	}
	ends[0]()
	if _, err := w.begin(t.Context(), traceMemory); err == nil {
		t.Error("a trace has the room of a call")
	}
	if end, err := w.begin(t.Context(), callMemory); err != nil {
		t.Errorf("with room for one it is answered %v", err)
	} else {
		end()
	}
}

// TestWorkLeft checks that simulations and traces always leave memory for a call.
func TestWorkLeft(t *testing.T) {
	w := newWork(testMemory)
	traces := 0
	for ; ; traces++ {
		if _, err := w.begin(t.Context(), traceMemory); err != nil {
			break
		}
	}
	if want := (testMemory - callMemory) / traceMemory; traces != want {
		t.Errorf("%d traces at once, want %d", traces, want)
	}
	if _, err := w.begin(t.Context(), callMemory); err != nil {
		t.Errorf("a call during %d traces gets the error %v", traces, err)
	}
}
