//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// fault is a kind of failure. inject returns after the chain has recovered from it.
type fault struct {
	name   string
	inject func(context.Context, *lab, *rand.Rand) error
}

// plan returns the faults in an order drawn from r.
func plan(s *settings, r *rand.Rand) []fault {
	var faults []fault
	for range s.kills {
		faults = append(faults, fault{"kill -9", kill})
	}
	for range s.disks {
		faults = append(faults, fault{"full disk", fillDisk})
	}
	for range s.partitions {
		faults = append(faults, fault{"partition", partition})
	}
	r.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i := range faults {
		f := faults[i]
		faults[i].inject = func(ctx context.Context, l *lab, r *rand.Rand) error {
			begun := time.Now()
			err := f.inject(ctx, l, r)
			fmt.Printf("%4d of %d  %-10s %6.1f s\n", i+1, len(faults), f.name, time.Since(begun).Seconds())
			return err
		}
	}
	return faults
}

// pause waits for a time below most, drawn from r.
func pause(ctx context.Context, r *rand.Rand, most time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(r.Int64N(int64(most)))):
	}
}

// kill kills a node or the watcher at a random moment. In one of four cases it kills a second process too, so that the chain may halt.
func kill(ctx context.Context, l *lab, r *rand.Rand) error {
	pause(ctx, r, time.Second)
	victims := []int{r.IntN(len(l.procs))}
	if r.IntN(4) == 0 {
		victims = append(victims, (victims[0]+1+r.IntN(len(l.procs)-1))%len(l.procs))
	}
	for _, i := range victims {
		l.kill(i)
	}
	pause(ctx, r, 2*time.Second)
	for _, i := range victims {
		if err := l.start(i); err != nil {
			return err
		}
	}
	return l.recovered(ctx)
}

// recovered waits until every node has one block more than the highest node had.
func (l *lab) recovered(ctx context.Context) error {
	top := l.top(ctx)
	for i := range validators {
		if err := l.caughtUp(ctx, i, top+1); err != nil {
			return err
		}
	}
	return nil
}

// fillDisk fills a node's file system except for a few kilobytes. The node must exit by itself with a reason, and must recover after the
// file system has room again.
func fillDisk(ctx context.Context, l *lab, r *rand.Rand) error {
	pause(ctx, r, time.Second)
	i := r.IntN(validators)
	l.expect(i)
	ballast := filepath.Join(l.home(i), "ballast")
	if err := fill(ballast, l.home(i), uint64(r.IntN(64))<<10); err != nil {
		return err
	}
	p := l.procs[i]
	select {
	case <-p.exited:
	case <-time.After(patience):
		return fmt.Errorf("%s still runs %v after its disk was full, at height %d", p.name, patience, l.height(ctx, i))
	case <-ctx.Done():
		return ctx.Err()
	}
	code, reason := p.cmd.ProcessState.ExitCode(), lastLine(p.log)
	if code <= 0 {
		return fmt.Errorf("%s ended with status %d when its disk was full: %s", p.name, code, reason)
	}
	l.ended = append(l.ended, fmt.Sprintf("%s, status %d: %.160s", p.name, code, reason))
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := l.start(i); err != nil {
		return err
	}
	return l.recovered(ctx)
}

// fill writes zeros to path until the file system of home has at most room bytes left.
func fill(path, home string, room uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size >= 4<<10; {
		var st syscall.Statfs_t
		if err := syscall.Statfs(home, &st); err != nil {
			return err
		}
		if free := st.Bavail * uint64(st.Bsize); free < room+uint64(size) {
			size /= 4
			continue
		}
		if _, err := f.Write(make([]byte, size)); err != nil && !errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
	return nil
}

// partition cuts off one node, or two of the four so that no block can be made, for up to half a minute.
func partition(ctx context.Context, l *lab, r *rand.Rand) error {
	first := r.IntN(validators)
	away := []int{first}
	if r.IntN(2) == 0 {
		away = append(away, (first+1+r.IntN(validators-1))%validators)
	}
	for _, i := range away {
		if err := ip(ctx, fmt.Sprintf("link set %s master br1", link(i))); err != nil {
			return err
		}
	}
	before := l.top(ctx)
	pause(ctx, r, 30*time.Second)
	if after := l.top(ctx); len(away) == 2 && after > before+1 {
		return fmt.Errorf("blocks %d to %d were made while two nodes of four were cut off", before+1, after)
	}
	for _, i := range away {
		if err := ip(ctx, fmt.Sprintf("link set %s master br0", link(i))); err != nil {
			return err
		}
		if err := l.until(ctx, fmt.Sprintf("node%d to be reachable", i), func() bool { return reachable(ctx, l.Nodes[i].RPC) }); err != nil {
			return err
		}
	}
	return l.recovered(ctx)
}
