package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// holdings are the attacks that hold connections of JSON-RPC without using them. Each opens count connections to address; account is an
// account of the chain. computes is set if the node computes answers that the attacker does not read.
var holdings = []struct {
	name     string
	computes bool
	hold     func(address, account string, count int) ([]io.Closer, error)
}{
	{"idle connections", false, holdIdle},
	{"slow headers", false, holdHeaders},
	{"answers that nobody reads", true, holdAnswers},
	{"subscriptions that nobody reads", true, holdSubscriptions},
}

const dialTimeout = 5 * time.Second

// holdIdle opens connections and sends nothing.
func holdIdle(address, _ string, count int) (held []io.Closer, err error) {
	for range count {
		if c, err := net.DialTimeout("tcp", address, dialTimeout); err == nil { // the node may reject connections above its limit
			held = append(held, c)
		}
	}
	return held, nil
}

// holdHeaders sends an incomplete header of a request on each connection.
func holdHeaders(address, _ string, count int) (held []io.Closer, err error) {
	for range count {
		if c, err := net.DialTimeout("tcp", address, dialTimeout); err == nil {
			held = append(held, c)
			io.WriteString(c, "POST /rpc HTTP/1.1\r\nHost: x\r\nX-A: ")
		}
	}
	return held, nil
}

// holdAnswers requests 100 classes on each connection and reads no answer. The receive buffers are small.
func holdAnswers(address, account string, count int) (held []io.Closer, err error) {
	one := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"starknet_getClassAt","params":["latest",%q]}`, account)
	batch := "[" + strings.Repeat(one+",", 99) + one + "]"
	for range count {
		c, err := net.DialTimeout("tcp", address, dialTimeout)
		if err != nil {
			return held, err
		}
		held = append(held, c)
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			return held, err
		}
		if _, err := fmt.Fprintf(c, "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(batch), batch); err != nil {
			return held, err
		}
	}
	return held, nil
}

// holdSubscriptions subscribes 64 times to all blocks on each websocket and reads nothing.
func holdSubscriptions(address, _ string, count int) (held []io.Closer, err error) {
	for range count {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/ws", nil)
		if err != nil {
			return held, err
		}
		held = append(held, c)
		for i := range 64 { // the node may have closed it already
			c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"starknet_subscribeNewHeads","params":{"block_id":{"block_number":1}}}`, i))
		}
	}
	return held, nil
}

// attackerCommand is the first argument that makes this test binary an attacker instead of running tests.
const attackerCommand = "attack"

// attacker holds connections until its standard input ends, and returns the exit status. Each attacker is a separate process, because the
// system limits the descriptors of a process. The arguments are an index of holdings, an address, an account and the number of connections.
func attacker(args []string) int {
	var which, count int
	if _, err := fmt.Sscan(args[0]+" "+args[3], &which, &count); err != nil {
		fmt.Fprintln(os.Stderr, "attacker:", err)
		return 2
	}
	held, err := holdings[which].hold(args[1], args[2], count)
	if err != nil {
		fmt.Fprintf(os.Stderr, "attacker: %d connections, then %v\n", len(held), err)
		return 1
	}
	fmt.Println(len(held))
	io.Copy(io.Discard, os.Stdin)
	for _, c := range held {
		c.Close()
	}
	return 0
}

// startAttacker starts an attacker and waits until it has opened its connections. It returns their number and a function that ends it.
func startAttacker(t *testing.T, which int, address, account string, count int) (held int, end func()) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], attackerCommand, fmt.Sprint(which), address, account, fmt.Sprint(count))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
		return 0, func() {}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return 0, func() {}
	}
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return 0, func() {}
	}
	if _, err := fmt.Fscan(stdout, &held); err != nil {
		t.Errorf("the attacker of %s holds no connections: %v", address, err)
	}
	return held, func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the attacker of %s: %v", address, err)
		}
	}
}
