package watcher

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// wakeups subscribes to new blocks on the CometBFT websocket of a node, and sends on wake when there may be a new one, until ctx ends. Events
// may be lost, duplicated or forged, so nothing is read from them. After a lost connection wakeups connects again and sends on wake, because
// it may have missed blocks. report is called when the connection is made or lost.
func wakeups(ctx context.Context, node string, wake chan<- struct{}, report func(connected bool, err error)) {
	ping := func() {
		select {
		case wake <- struct{}{}:
		default: // one is pending already
		}
	}
	const longest = 10 * time.Second
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		started := time.Now()
		err := listen(ctx, node, func() { report(true, nil); ping() }, ping)
		if ctx.Err() != nil {
			return
		}
		report(false, err)
		if time.Since(started) > longest {
			pause = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// listen subscribes once and calls event for each message until the connection ends.
func listen(ctx context.Context, node string, subscribed, event func()) error {
	u, err := url.Parse(node)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "https":
		u.Scheme = "wss"
	default:
		u.Scheme = "ws"
	}
	u.Path = "/websocket"
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, _, err := dialer.DialContext(ctx, u.String(), nil)
	if err != nil {
		return fmt.Errorf("watcher: %s: %w", u, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	// Block n can be executed when the header of height n+1 exists.
	request := map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "subscribe",
		"params": map[string]string{"query": "tm.event='NewBlockHeader'"},
	}
	if err := conn.WriteJSON(request); err != nil {
		return fmt.Errorf("watcher: %s: subscribe: %w", u, err)
	}
	conn.SetReadLimit(16 << 20)
	subscribed()
	for {
		// CometBFT pings every 27 s. A connection without pings and messages for two minutes is dead.
		deadline := func() { conn.SetReadDeadline(time.Now().Add(2 * time.Minute)) }
		deadline()
		pong := conn.PingHandler()
		conn.SetPingHandler(func(data string) error { deadline(); return pong(data) })
		if _, _, err := conn.ReadMessage(); err != nil {
			return fmt.Errorf("watcher: %s: %w", u, err)
		}
		event()
	}
}
