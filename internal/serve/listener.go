package serve

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// listener accepts connections up to the bounds of Limits.
type listener struct {
	net.Listener
	limits Limits

	mu         sync.Mutex
	open       int
	perAddress map[netip.Prefix]int
	waiting    *list.List // of *conn without a request that is being answered, the one that has waited longest first
	turnedAway uint64
}

func newListener(inner net.Listener, limits Limits) *listener {
	return &listener{Listener: inner, limits: limits, perAddress: map[netip.Prefix]int{}, waiting: list.New()}
}

// conn is a connection that counts until it is closed.
type conn struct {
	net.Conn
	listener *listener
	address  netip.Prefix
	// Guarded by the listener's mutex.
	place *list.Element // in waiting; nil while a request is answered
	gone  bool
}

// connKey is the context key of a request's conn.
type connKey struct{}

// Accept returns the next connection for which there is room, and makes room by closing one that waits.
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
		refuse(inner)
	}
}

// admit counts c if there is room, which it makes by removing a waiting connection, the victim.
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

// remove stops counting c. The caller holds the mutex.
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

// track notes on which connections h answers a request: those are not closed for others.
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

// busyAnswer is for a connection that there is no room for.
const busyAnswer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\ntoo many connections\n"

// refuse answers 503 and closes. The answer fits a new connection's send buffer, so that the write does not wait.
func refuse(c net.Conn) {
	c.SetWriteDeadline(time.Now().Add(time.Second))
	c.Write([]byte(busyAnswer))
	c.Close()
}

// addressOf returns the remote address: an IPv4 address, or the /64 of an IPv6 address, which is what one subscriber has.
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
