package node

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/rpc"
)

// work bounds the memory of what JSON-RPC clients run at once: each execution takes a share, as much as it may come to need.
type work struct {
	most   int64 // MiB
	memory *semaphore.Weighted
	traces *semaphore.Weighted // the part of it that simulations and traces may take: one call always finds its share
	settle *time.Timer
}

// Shares of memory, in MiB.
const (
	callMemory  = config.CallMiB
	traceMemory = config.TraceMiB
)

// workPatience is for how long an execution waits for its share.
const workPatience = time.Second

// When a simulation or trace has ended and none other has within settleAfter, memory beyond settleAbove goes back to the system. The
// garbage collector alone would keep it until the node needs as much again.
const (
	settleAfter = 300 * time.Millisecond
	settleAbove = 256 << 20
)

// newWork returns the bound of `most` MiB.
func newWork(most int64) work {
	w := work{most, semaphore.NewWeighted(most), semaphore.NewWeighted(most - callMemory), time.AfterFunc(time.Hour, func() {
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.Sys-m.HeapReleased > settleAbove {
			debug.FreeOSMemory()
		}
	})}
	w.settle.Stop()
	return w
}

// begin takes a share of the memory, which end gives back. If none is free within workPatience it fails.
func (w *work) begin(ctx context.Context, share int64) (end func(), err error) {
	wait, cancel := context.WithTimeout(ctx, workPatience)
	defer cancel()
	reject := func(most int64) (func(), error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, rpc.ErrUnexpected.With(fmt.Sprintf("busy: executions that may take %d MiB are under way, and another needs %d; ask again later", most, share))
	}
	traces := share == traceMemory
	if traces && w.traces.Acquire(wait, share) != nil {
		return reject(w.most - callMemory)
	}
	if w.memory.Acquire(wait, share) != nil {
		if traces {
			w.traces.Release(share)
		}
		return reject(w.most)
	}
	return func() {
		w.memory.Release(share)
		if traces {
			w.traces.Release(share)
			w.settle.Reset(settleAfter)
		}
	}, nil
}
