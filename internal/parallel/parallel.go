// Package parallel splits independent work by index over the machine's cores and joins it. Results never depend on how
// the work was split: f writes only what belongs to its own indices.
package parallel

import (
	"runtime"
	"sync"
)

// Workers is how many pieces For and Chunks cut work into at most.
func Workers() int { return runtime.GOMAXPROCS(0) }

// For calls f(i) for every i in [0, n), on all cores, and returns when all calls have.
func For(n int, f func(i int)) {
	Chunks(n, 1, func(start, end int) {
		for i := start; i < end; i++ {
			f(i)
		}
	})
}

// Chunks calls f on consecutive ranges that cover [0, n), each of at least `least` indices but the last, on all cores, and
// returns when all calls have.
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
