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

// work bounds the memory of the executions that JSON-RPC clients run at once. Each execution reserves the most that it may need.
type work struct {
	most   int64 // MiB
	memory *semaphore.Weighted
	traces *semaphore.Weighted // the part of memory for simulations and traces, which leaves room for one call
	settle *time.Timer         // returns free memory to the system
}

// Memory that an execution reserves, in MiB.
const (
	callMemory  = config.CallMiB
	traceMemory = config.TraceMiB
)

// workPatience is the time that an execution waits for memory.
const workPatience = time.Second

// settleAfter after the last simulation or trace, free memory is returned to the system if the process holds more than settleAbove bytes.
// The garbage collector alone would keep it.
const (
	settleAfter = 300 * time.Millisecond
	settleAbove = 256 << 20
)

// newWork returns a bound of most MiB.
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

// begin reserves share MiB, which end releases. It returns an error if they are not free within workPatience.
func (w *work) begin(ctx context.Context, share int64) (end func(), err error) {
	wait, cancel := context.WithTimeout(ctx, workPatience)
	defer cancel()
	reject := func(most int64) (func(), error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, rpc.ErrUnexpected.With(fmt.Sprintf("busy: all executions share %d MiB, and the %d MiB that this one needs are not free; try again later", most, share))
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
