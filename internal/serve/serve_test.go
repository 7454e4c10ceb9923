package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience bounds the time that tests wait for an event.
const patience = time.Minute

// start serves h with limits until the test ends.
func start(t *testing.T, h http.HandlerFunc, limits Limits) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0", h, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.http.Close() })
	return s
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// ask sends a request and returns the response's status, or 0 if the connection is closed.
func ask(c net.Conn) int {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return 0
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// opened waits until n connections are open.
func opened(t *testing.T, s *Server, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		open, _ := s.Connections()
		if open == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open, want %d", open, n)
		}
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

// TestTheOneThatWaitsLongestMakesRoom checks that at the bound a new connection replaces the one that has waited longest, and below it none.
func TestTheOneThatWaitsLongestMakesRoom(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
	}{
		{"in all", Limits{Connections: 3}},
		{"of an address", Limits{Connections: 10, PerAddress: 3, limitLoopback: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, ok, c.limits)
			var conns []net.Conn
			for i := range 3 { // up to the bound all stay open
				conns = append(conns, dial(t, s))
				opened(t, s, i+1)
			}
			if got := ask(conns[0]); got != 200 { // its wait begins again, so connection 1 has now waited longest
				t.Fatalf("status %d", got)
			}
			opened(t, s, 3)
			if _, away := s.Connections(); away != 0 {
				t.Fatalf("%d connections turned away at the bound", away)
			}
			if got := ask(dial(t, s)); got != 200 { // one more than the bound
				t.Errorf("the connection beyond the bound: status %d", got)
			}
			if open, away := s.Connections(); open != 3 || away != 1 {
				t.Errorf("%d connections open, %d turned away, want 3 and 1", open, away)
			}
			if got := ask(conns[1]); got != 0 {
				t.Errorf("the connection that waited longest is still served: status %d", got)
			}
			for _, i := range []int{0, 2} {
				if got := ask(conns[i]); got != 200 {
					t.Errorf("connection %d: status %d", i, got)
				}
			}
		})
	}
}

// TestBusyConnectionsStay checks that connections with a request in progress are not closed to admit another, which gets the response 503.
func TestBusyConnectionsStay(t *testing.T) {
	release := make(chan struct{})
	s := start(t, func(w http.ResponseWriter, r *http.Request) { <-release; ok(w, r) }, Limits{Connections: 2})
	answers := make(chan int, 2)
	for range 2 {
		c := dial(t, s)
		go func() { answers <- ask(c) }()
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.listener.mu.Lock()
		busy := s.listener.open == 2 && s.listener.waiting.Len() == 0
		s.listener.mu.Unlock()
		if busy {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the requests do not arrive")
		}
	}
	// The client sends nothing before it reads the response, because unread data would turn the close into a reset.
	if answer, err := io.ReadAll(dial(t, s)); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") || !strings.HasSuffix(string(answer), "too many connections\n") {
		t.Errorf("got %q, %v", answer, err)
	}
	close(release)
	for range 2 {
		if got := <-answers; got != 200 {
			t.Errorf("a busy connection: status %d", got)
		}
	}
}

// TestAddresses checks that an address at its bound only replaces connections of its own.
func TestAddresses(t *testing.T) {
	l := newListener(nil, Limits{Connections: 10, PerAddress: 2})
	from := func(address string) *conn {
		return &conn{listener: l, address: addressOf(fakeConn{remote: address})}
	}
	other := from("[2001:db8:0:1::1]:1")
	l.admit(other)
	for i, c := range []struct {
		address string
		evicts  bool
	}{
		{"[2001:db8::1]:1", false},
		{"[2001:db8::2]:1", false},
		{"[2001:db8::2:3]:1", true}, // the same /64
		{"[::ffff:192.0.2.1]:1", false},
		{"192.0.2.1:2", false},
		{"192.0.2.1:3", true},
		{"192.0.2.2:3", false},
		{"127.0.0.1:1", false},
		{"127.0.0.1:2", false},
		{"127.0.0.1:3", false}, // a reverse proxy
	} {
		admitted, victim := l.admit(from(c.address))
		if !admitted || (victim != nil) != c.evicts || victim == other {
			t.Errorf("%d, %s: admitted %v, victim %v", i, c.address, admitted, victim)
		}
	}
}

type fakeConn struct {
	net.Conn
	remote string
}

func (c fakeConn) RemoteAddr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", c.remote)
	if err != nil {
		panic(err)
	}
	return a
}

// TestWhoDoesNotReadIsCutOff checks that a client that does not read a large response is disconnected after WriteTimeout, and that a client that
// reads gets all of it.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	const size = 64 << 20 // more than the kernel buffers
	ended := make(chan error, 1)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, err := w.Write(make([]byte, size))
		ended <- err
	}, Limits{WriteTimeout: 2 * time.Second})
	silent := dial(t, s)
	io.WriteString(silent, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-ended:
		if err == nil {
			t.Error("all is written to a client that reads nothing")
		}
	case <-time.After(patience):
		t.Fatal("the server waits for a client that reads nothing")
	}
	response, err := http.Get("http://" + s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
		t.Errorf("a client that reads: %d bytes, %v", n, err)
	}
}

// TestRate checks that MinRate applies to a client that reads each piece just within WriteTimeout.
func TestRate(t *testing.T) {
	control := &fakeWriter{each: 9 * time.Second}
	w := &pacedWriter{ResponseWriter: control, control: http.NewResponseController(control), limits: &Limits{WriteTimeout: 10 * time.Second, MinRate: 4 * piece}}
	// Each piece takes 9 of 10 seconds.
	if n, err := w.Write(make([]byte, 8*piece)); n != 8*piece || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	control.each = 0
	w.spent = w.limits.WriteTimeout + 9*time.Second/4 // all the time that the rate allows for nine pieces
	if n, err := w.Write(make([]byte, piece)); n != 0 || err == nil {
		t.Errorf("below the rate: %d bytes, %v", n, err)
	}
}

// fakeWriter is a writer whose writes take the time each, and fail if they end after the deadline.
type fakeWriter struct {
	http.ResponseWriter
	each     time.Duration
	deadline time.Time
}

func (w *fakeWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }

func (w *fakeWriter) Write(p []byte) (int, error) {
	if !time.Now().Add(w.each).Before(w.deadline) {
		return 0, context.DeadlineExceeded
	}
	return len(p), nil
}

// TestSlowRequest checks that connections with incomplete headers or an incomplete body are closed after ReadTimeout.
func TestSlowRequest(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	}, Limits{ReadTimeout: 200 * time.Millisecond})
	for _, begun := range []string{"POST / HTTP/1.1\r\nHost: x\r\nX-A: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n "} {
		c := dial(t, s)
		io.WriteString(c, begun)
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%q: %v", begun, err)
		}
	}
	opened(t, s, 0)
}
