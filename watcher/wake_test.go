package watcher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestWakeupsReconnect checks, with a node that sends two events and closes the connection, that wakeups sends on wake for each connection and event,
// and connects again.
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

// TestWakesOnEvents checks that a message of up to 16 MiB is an event and that a longer one ends the connection.
func TestWakesOnEvents(t *testing.T) {
	const most = 16 << 20
	next, closed := make(chan int), make(chan struct{})
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		go func() {
			for size := range next {
				conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), size))
			}
		}()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				close(closed)
				return
			}
		}
	}))
	defer server.Close()
	defer close(next)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	subscribed, events, done := make(chan struct{}, 1), make(chan struct{}, 1), make(chan error, 1)
	go func() {
		done <- listen(ctx, server.URL, func() { subscribed <- struct{}{} }, func() { events <- struct{}{} })
	}()
	wait := func(c chan struct{}, what string) {
		t.Helper()
		select {
		case <-c:
		case err := <-done:
			t.Fatalf("%s: the connection ended: %v", what, err)
		case <-ctx.Done():
			t.Fatalf("%s: nothing", what)
		}
	}
	wait(subscribed, "subscribed")
	for _, size := range []int{1, most} {
		next <- size
		wait(events, fmt.Sprintf("a message of %d bytes", size))
	}
	next <- most + 1
	if err := <-done; !errors.Is(err, websocket.ErrReadLimit) {
		t.Errorf("a message of %d bytes: %v", most+1, err)
	}
	<-closed
}

// TestEndIsNotReported checks that the end of ctx is not reported as a lost connection.
func TestEndIsNotReported(t *testing.T) {
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := upgrader.Upgrade(w, r, nil); err == nil {
			defer conn.Close()
			for err == nil {
				_, _, err = conn.ReadMessage()
			}
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wakeups(ctx, server.URL, make(chan struct{}, 1), func(connected bool, err error) {
		if !connected {
			t.Errorf("reported: %v", err)
		}
		cancel()
	})
}
