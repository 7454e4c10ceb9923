// Package parallel splits independent work by index among the machine's cores and waits for all of it. f must write only the results of its
// own indices, so that results do not depend on the split.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Workers returns the greatest number of pieces into which For and Chunks split work.
func Workers() int { return runtime.GOMAXPROCS(0) }

// For calls f(i) for every i in [0, n), on all cores, and returns when all calls have returned.
func For(n int, f func(i int)) {
	Chunks(n, 1, func(start, end int) {
		for i := start; i < end; i++ {
			f(i)
		}
	})
}

// Each calls f(i) for every i in [0, n), on all cores, and returns when all calls have returned. A core that is idle takes the next i, so calls may
// take different times. The longest should come first.
func Each(n int, f func(i int)) {
	workers := min(Workers(), n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// Chunks calls f for consecutive ranges that cover [0, n), on all cores, and returns when all calls have returned. Each range except the
// last has at least `least` indices.
func Chunks(n, least int, f func(start, end int)) {
	if n <= 0 {
		return
	}
	workers := Workers()
	size := max((n+workers-1)/workers, least, 1)
	if size >= n {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for start := 0; start < n; start += size {
		wg.Go(func() { f(start, min(start+size, n)) })
	}
	wg.Wait()
}
