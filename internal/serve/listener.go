package serve

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// listener is a net.Listener that accepts connections within the bounds of Limits.
type listener struct {
	net.Listener
	limits Limits

	mu         sync.Mutex
	open       int
	perAddress map[netip.Prefix]int
	waiting    *list.List // of *conn that have no request in progress, the longest waiting first
	turnedAway uint64     // connections closed or rejected so far because of a bound
}

func newListener(inner net.Listener, limits Limits) *listener {
	return &listener{Listener: inner, limits: limits, perAddress: map[netip.Prefix]int{}, waiting: list.New()}
}

// conn is an accepted connection. It counts towards the bounds until it is closed.
type conn struct {
	net.Conn
	listener *listener
	address  netip.Prefix
	// Guarded by the listener's mutex.
	place *list.Element // in waiting; nil while a request is in progress
	gone  bool          // no longer counted
}

// connKey is the key of the *conn in a request's context.
type connKey struct{}

// Accept returns the next connection that the bounds admit. At a bound it closes a waiting connection to admit a new one.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: inner, listener: l, address: addressOf(inner)}
		admitted, victim := l.admit(c)
		if victim != nil {
			victim.Conn.Close()
		}
		if admitted {
			return c, nil
		}
		reject(inner)
	}
}

// admit counts c if the bounds allow it, and reports whether they do. At a bound it stops counting a waiting connection, the victim, which the
// caller must close.
func (l *listener) admit(c *conn) (admitted bool, victim *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	crowded := l.limited(c.address) && l.perAddress[c.address] >= l.limits.PerAddress
	if crowded || l.open >= l.limits.Connections {
		l.turnedAway++
		for e := l.waiting.Front(); e != nil; e = e.Next() {
			if w := e.Value.(*conn); !crowded || w.address == c.address {
				victim = w
				break
			}
		}
		if victim == nil {
			return false, nil
		}
		l.remove(victim)
	}
	l.open++
	l.perAddress[c.address]++
	c.place = l.waiting.PushBack(c)
	return true, victim
}

func (l *listener) limited(address netip.Prefix) bool {
	return l.limits.limitLoopback || !address.Addr().IsLoopback()
}

// remove stops counting c. The caller must hold the mutex.
func (l *listener) remove(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	if l.perAddress[c.address]--; l.perAddress[c.address] == 0 {
		delete(l.perAddress, c.address)
	}
	if c.place != nil {
		l.waiting.Remove(c.place)
		c.place = nil
	}
}

// Close closes the connection and stops counting it.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

func (l *listener) counts() (open int, turnedAway uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.turnedAway
}

// track marks a connection as busy while h handles a request on it, so that it is not closed to admit another.
func (l *listener) track(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.busy(true)
			defer c.busy(false)
		}
		h.ServeHTTP(w, r)
	})
}

func (c *conn) busy(is bool) {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.gone:
	case is && c.place != nil:
		l.waiting.Remove(c.place)
		c.place = nil
	case !is && c.place == nil:
		c.place = l.waiting.PushBack(c)
	}
}

// busyAnswer is the response to a connection that is not admitted.
const busyAnswer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\ntoo many connections\n"

// reject sends the response 503 and closes c. The response fits in a new connection's send buffer, so that the write does not block.
func reject(c net.Conn) {
	c.SetWriteDeadline(time.Now().Add(time.Second))
	c.Write([]byte(busyAnswer))
	c.Close()
}

// addressOf returns the remote address: an IPv4 address, or the /64 prefix of an IPv6 address, because a subscriber has a whole /64.
func addressOf(c net.Conn) netip.Prefix {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() && !address.IsLoopback() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
