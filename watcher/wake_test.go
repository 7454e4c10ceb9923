package watcher

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A node that sends two events and hangs up: the listener wakes on each connection and on events, and connects again.
func TestWakeupsReconnect(t *testing.T) {
	var connections atomic.Int64
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/websocket" {
			t.Errorf("path %s", r.URL.Path)
		}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		connections.Add(1)
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var request struct {
			Method string
			Params struct{ Query string }
		}
		if json.Unmarshal(message, &request) != nil || request.Method != "subscribe" || request.Params.Query != "tm.event='NewBlockHeader'" {
			t.Errorf("request %s", message)
		}
		for range 2 {
			conn.WriteMessage(websocket.TextMessage, []byte("not even JSON"))
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var lost atomic.Int64
	wake, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		wakeups(ctx, server.URL, wake, func(connected bool, err error) {
			if !connected {
				lost.Add(1)
			}
		})
	}()
	defer func() {
		cancel()
		<-done
	}()
	for range 3 {
		select {
		case <-wake:
		case <-ctx.Done():
			t.Fatal("no wake-up")
		}
		for connections.Load() < 3 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	if lost.Load() == 0 {
		t.Error("no lost connection was reported")
	}
}
