package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	coretypes "github.com/cometbft/cometbft/rpc/core/types"
)

// TestAbuse runs clients that hold connections, answers and subscriptions of a node without using them. It checks that the block interval
// at most doubles, that other clients get answers, and that the memory of the node stays within a bound. STARKD_FULL makes the attacks larger.
func TestAbuse(t *testing.T) { withhold(t, 1) }

// TestAbuseFour does the same with four validators. Attacks that cost a node no work go to all of them at once; attacks that make a node
// compute go to the first only, because all four share the processors of one machine. The bounds hold for every validator, and in the end
// all agree on each block and its app hash.
func TestAbuseFour(t *testing.T) {
	full(t)
	withhold(t, 4)
}

// withhold runs each attack of holdings against a testnet.
func withhold(t *testing.T, validators int) {
	idle, readers, sockets, hold, blocks := 2500, 60, 64, 6*time.Second, uint64(20)
	if os.Getenv("STARKD_FULL") != "" {
		var files syscall.Rlimit // attackers have the same limit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
			t.Fatal(err)
		}
		idle, readers, sockets, hold, blocks = int(min(20_000, files.Cur-1000)), 60, 256, 30*time.Second, 250
	}
	counts := []int{idle, min(idle, 2500), readers, sockets}
	n := newTestnet(t, validators, "--block-time", "200ms")
	for i := range validators {
		n.exec(t, i)
	}
	n.until(t, "some blocks to subscribe to", func() (bool, error) { return n.height(t, 0) > blocks, nil })
	for which, attack := range holdings {
		attacked := validators
		if attack.computes {
			attacked = 1
		}
		t.Run(attack.name, func(t *testing.T) {
			n.underAttack(t, hold, func() (end func()) {
				held, ends := make([]int, attacked), make([]func(), attacked)
				var wg sync.WaitGroup
				for i := range attacked {
					wg.Go(func() {
						held[i], ends[i] = startAttacker(t, which, strings.TrimPrefix(n.Nodes[i].RPC, "http://"), n.Accounts[0].Address.String(), counts[which])
					})
				}
				wg.Wait()
				t.Logf("connections opened: %v", held)
				return func() {
					for _, end := range ends {
						end()
					}
				}
			})
		})
	}
	height := n.agreed(t)
	t.Logf("%d validators, height %d: agreed", validators, height)
	for _, p := range n.nodes {
		p.stop(t)
	}
}

// agreed waits until all validators have one block more than any has now, checks that they agree on every block and app hash up to that
// height, and returns it.
func (n *testnet) agreed(t *testing.T) int64 {
	t.Helper()
	newest := uint64(0)
	for i := range n.nodes {
		newest = max(newest, n.height(t, i))
	}
	for i := range n.nodes {
		// The app hash of a block is in the header of the next one.
		n.until(t, fmt.Sprintf("block %d of node%d", newest+1, i), func() (bool, error) { return n.height(t, i) > newest, nil })
	}
	last := int64(newest) + 1
	for height := int64(1); height <= last; height++ {
		var first *coretypes.ResultHeader
		for i := range n.nodes {
			got, err := n.comet(t, i).Header(t.Context(), &height)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			if !bytes.Equal(got.Header.AppHash, first.Header.AppHash) || !bytes.Equal(got.Header.Hash(), first.Header.Hash()) {
				t.Errorf("block %d: node%d has %X with app hash %X, node0 %X with %X", height, i, got.Header.Hash(), got.Header.AppHash, first.Header.Hash(), first.Header.AppHash)
			}
		}
	}
	return last
}

// maxAbuseMemory is the memory that clients may add to a node (docs/limits.md), in bytes.
const maxAbuseMemory = 300 << 20

// underAttack compares the block interval, the answers and the memory of every validator before and during an attack. The measurement
// begins with the first connection of the attack. attack returns a function that ends it.
func (n *testnet) underAttack(t *testing.T, hold time.Duration, attack func() (end func())) {
	t.Helper()
	nodes := len(n.nodes)
	// measure starts to count blocks. The function that it returns waits until the given time has passed since then, and returns the
	// longest block interval of any node.
	measure := func() func(time.Duration) time.Duration {
		first, began := make([]uint64, nodes), time.Now()
		for i := range first {
			n.until(t, "an answer", func() (bool, error) { first[i] = n.height(t, i); return first[i] > 0, nil })
		}
		return func(span time.Duration) (longest time.Duration) {
			time.Sleep(span - time.Since(began))
			for i := range first {
				var height uint64
				// Wait for one block at least, even if the machine is busy.
				n.until(t, "a block", func() (bool, error) { height = n.height(t, i); return height > first[i], nil })
				longest = max(longest, time.Since(began)/time.Duration(height-first[i]))
			}
			return longest
		}
	}
	interval := func(span time.Duration) time.Duration { return measure()(span) }

	load := loadAverage(t)
	before := interval(hold / 2)
	memory, peak := make([]int, nodes), make([]int, nodes)
	for i := range memory {
		memory[i] = n.memory(t, i)
	}
	done, sampled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			for i := range peak {
				peak[i] = max(peak[i], n.memory(t, i))
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	blocks, began := measure(), time.Now()
	end := attack()
	opened := time.Since(began)
	var slowest time.Duration
	for i := range n.nodes {
		asked := time.Now()
		if _, err := n.client(i).BlockNumber(t.Context()); err != nil {
			t.Errorf("another client of node%d: %v", i, err)
		}
		slowest = max(slowest, time.Since(asked))
	}
	during := blocks(opened + hold)
	for i := range n.nodes {
		if status, report := n.healthz(t, i); status != http.StatusOK {
			t.Errorf("/healthz of node%d: %d %+v", i, status, report)
		}
	}
	close(done)
	<-sampled
	end()
	after := interval(hold / 2)
	added, worst := 0, 0
	for i := range peak {
		if peak[i]-memory[i] > added {
			added, worst = peak[i]-memory[i], i
		}
	}
	t.Logf("block interval %v before, %v during, %v after; another client is answered in %v; memory %d MB before, %d MB at most, %d MB more; load %s before, %s after",
		before.Round(time.Millisecond), during.Round(time.Millisecond), after.Round(time.Millisecond), slowest.Round(time.Millisecond), memory[worst]>>20, peak[worst]>>20, added>>20, load, loadAverage(t))
	// Other work on the machine may begin during the attack: allow a fifth of a second for it.
	if bound := 2*max(before, after) + 200*time.Millisecond; during > bound {
		t.Errorf("block interval %v during the attack, at most %v", during, bound)
	}
	if added > maxAbuseMemory {
		t.Errorf("the attack takes %d MB of node%d, at most %d", added>>20, worst, maxAbuseMemory>>20)
	}
}

// loadAverage returns the machine's load of the last minute.
func loadAverage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Error(err)
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}

// memory returns a node's resident memory in bytes.
func (n *testnet) memory(t *testing.T, node int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.nodes[node].cmd.Process.Pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	var kib int
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Error(err)
	}
	return kib << 10
}
