package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestAbuse has clients hold connections, answers and subscriptions of a node without using them. Blocks keep their interval within a
// factor of two, other clients are answered, and the node's memory stays within a bound. STARKD_FULL makes the attacks as large as those
// that stopped the first version.
func TestAbuse(t *testing.T) {
	idle, readers, sockets, hold, blocks := 2500, 60, 64, 6*time.Second, uint64(20)
	if os.Getenv("STARKD_FULL") != "" {
		var files syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
			t.Fatal(err)
		}
		idle, readers, sockets, hold, blocks = int(min(20_000, files.Cur-1000)), 60, 256, 30*time.Second, 250
	}
	n := newTestnet(t, 1, "--block-time", "200ms")
	n.start(t, 0)
	n.until(t, "some blocks to subscribe to", func() (bool, error) { return n.height(t, 0) > blocks, nil })
	address := strings.TrimPrefix(n.Nodes[0].RPC, "http://")

	t.Run("idle connections", func(t *testing.T) {
		n.underAttack(t, hold, func() {
			open := 0
			for range idle {
				if c, err := net.DialTimeout("tcp", address, 5*time.Second); err == nil {
					t.Cleanup(func() { c.Close() })
					open++
				}
			}
			t.Logf("%d connections opened", open)
		})
	})
	t.Run("slow headers", func(t *testing.T) {
		n.underAttack(t, hold, func() {
			for range min(idle, 2500) {
				if c, err := net.DialTimeout("tcp", address, 5*time.Second); err == nil {
					t.Cleanup(func() { c.Close() })
					io.WriteString(c, "POST /rpc HTTP/1.1\r\nHost: x\r\nX-A: ")
				}
			}
		})
	})
	t.Run("answers that nobody reads", func(t *testing.T) {
		one := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"starknet_getClassAt","params":["latest",%q]}`, n.Accounts[0].Address)
		batch := "[" + strings.Repeat(one+",", 99) + one + "]"
		small := net.Dialer{Timeout: 5 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		}}
		n.underAttack(t, hold, func() {
			for range readers {
				c, err := small.DialContext(t.Context(), "tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { c.Close() })
				fmt.Fprintf(c, "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(batch), batch)
			}
		})
	})
	t.Run("subscriptions that nobody reads", func(t *testing.T) {
		n.underAttack(t, hold, func() {
			for range sockets {
				c, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/ws", nil)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { c.Close() })
				for i := range 64 {
					c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"starknet_subscribeNewHeads","params":{"block_id":{"block_number":1}}}`, i))
				}
			}
		})
	})
	n.nodes[0].stop(t)
}

// maxAbuseMemory is what strangers may add to a node's memory: docs/limits.md.
const maxAbuseMemory = 300 << 20

// underAttack compares a node's block interval, its answers and its memory during an attack with those before it.
func (n *testnet) underAttack(t *testing.T, hold time.Duration, attack func()) {
	t.Helper()
	interval := func(span time.Duration) time.Duration {
		first, began := n.height(t, 0), time.Now()
		time.Sleep(span)
		// A block at least, however busy the machine is.
		n.until(t, "a block", func() (bool, error) { return n.height(t, 0) > first, nil })
		return time.Since(began) / time.Duration(n.height(t, 0)-first)
	}
	before, memory := interval(hold/2), n.memory(t)
	peak, done, sampled := memory, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				peak = max(peak, n.memory(t))
			}
		}
	}()
	attack()
	began := time.Now()
	if _, err := n.client(0).BlockNumber(t.Context()); err != nil {
		t.Errorf("another client: %v", err)
	}
	answer := time.Since(began)
	during := interval(hold)
	if status, report := n.healthz(t, 0); status != http.StatusOK {
		t.Errorf("/healthz: %d %+v", status, report)
	}
	close(done)
	<-sampled
	after := interval(hold / 2)
	t.Logf("block interval %v before, %v during, %v after; another client is answered in %v; memory %d MB before, %d MB at most",
		before.Round(time.Millisecond), during.Round(time.Millisecond), after.Round(time.Millisecond), answer.Round(time.Millisecond), memory>>20, peak>>20)
	// Other work on the machine may begin in the middle: a fifth of a second is for that.
	if bound := 2*max(before, after) + 200*time.Millisecond; during > bound {
		t.Errorf("block interval %v during the attack, at most %v", during, bound)
	}
	if peak-memory > maxAbuseMemory {
		t.Errorf("the attack takes %d MB, at most %d", (peak-memory)>>20, maxAbuseMemory>>20)
	}
}

// memory is a node's resident memory in bytes.
func (n *testnet) memory(t *testing.T) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.nodes[0].cmd.Process.Pid))
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
