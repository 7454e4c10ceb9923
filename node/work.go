package node

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/starkd/starkd/rpc"
)

// work bounds the memory of what JSON-RPC clients have run at once: each execution takes part of maxWork, as much as it may come to need.
type work struct {
	memory *semaphore.Weighted
	traces *semaphore.Weighted // the part of it that simulations and traces may take: one call always finds its share
	settle *time.Timer
}

// Shares of memory, in MiB.
const (
	callMemory  = 1024 // a run of the VM with all the gas there is: 900 MB were measured
	traceMemory = 1792 // the same, calldata and results that are kept, and the answer
	maxWork     = 7168
)

// workPatience is for how long an execution waits for its share.
const workPatience = time.Second

// When a simulation or trace has ended and none other has within settleAfter, memory beyond settleAbove goes back to the system. The
// garbage collector alone would keep it until the node needs as much again.
const (
	settleAfter = 300 * time.Millisecond
	settleAbove = 256 << 20
)

func newWork() work {
	w := work{semaphore.NewWeighted(maxWork), semaphore.NewWeighted(maxWork - callMemory), time.AfterFunc(time.Hour, func() {
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.Sys-m.HeapReleased > settleAbove {
			debug.FreeOSMemory()
		}
	})}
	w.settle.Stop()
	return w
}

// begin takes a share of the memory, which end gives back. Where all is taken for long it refuses.
func (w *work) begin(ctx context.Context, share int64) (end func(), err error) {
	wait, cancel := context.WithTimeout(ctx, workPatience)
	defer cancel()
	refuse := func(most int64) (func(), error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, rpc.ErrUnexpected.With(fmt.Sprintf("busy: executions that may take %d MiB are under way, and another needs %d; ask again later", most, share))
	}
	traces := share == traceMemory
	if traces && w.traces.Acquire(wait, share) != nil {
		return refuse(maxWork - callMemory)
	}
	if w.memory.Acquire(wait, share) != nil {
		if traces {
			w.traces.Release(share)
		}
		return refuse(maxWork)
	}
	return func() {
		w.memory.Release(share)
		if traces {
			w.traces.Release(share)
			w.settle.Reset(settleAfter)
		}
	}, nil
}
