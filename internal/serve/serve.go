// Package serve runs an HTTP server for untrusted clients. It bounds the number of open connections, the number of those from one address,
// and the time in which a client must send a request and read a response.
//
// At a bound, a new connection replaces the connection that has waited longest without a request. A connection with a request in progress is
// never closed to admit another. If no connection can be closed, the new one gets the response 503 and is closed, so that the client gets an
// error at once instead of waiting in the kernel's queue.
package serve

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"
)

// Limits bound a server. Zero values mean the defaults.
type Limits struct {
	Connections int // greatest number of open connections; default 1,024
	// PerAddress bounds the open connections of one IPv4 address or IPv6 /64; default 128. Loopback is exempt, because reverse proxies connect
	// from it.
	PerAddress int

	ReadTimeout time.Duration // for reading a whole request; default 30 s
	IdleTimeout time.Duration // between requests; default 1 min
	// WriteTimeout bounds the time for which a client may read nothing of a response; default 10 s. Apart from this time, a client must read at
	// MinRate or faster.
	WriteTimeout time.Duration
	MinRate      int // bytes per second; default 32 KiB

	limitLoopback bool // apply PerAddress to loopback too; for tests, which have no other addresses
}

func (l *Limits) setDefaults() {
	if l.Connections == 0 {
		l.Connections = 1024
	}
	if l.PerAddress == 0 {
		l.PerAddress = 128
	}
	if l.ReadTimeout == 0 {
		l.ReadTimeout = 30 * time.Second
	}
	if l.IdleTimeout == 0 {
		l.IdleTimeout = time.Minute
	}
	if l.WriteTimeout == 0 {
		l.WriteTimeout = 10 * time.Second
	}
	if l.MinRate == 0 {
		l.MinRate = 32 << 10
	}
}

// headerTimeout bounds the time for reading a request's headers.
const headerTimeout = 10 * time.Second

// Server is a running HTTP server.
type Server struct {
	http     *http.Server
	listener *listener
	errs     chan error
}

// Start listens on address and serves h.
func Start(address string, h http.Handler, limits Limits) (*Server, error) {
	limits.setDefaults()
	inner, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := newListener(inner, limits)
	s := &Server{listener: l, errs: make(chan error, 1), http: &http.Server{
		Handler:           l.track(pace(h, limits)),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ReadHeaderTimeout: min(headerTimeout, limits.ReadTimeout),
		ReadTimeout:       limits.ReadTimeout,
		// This deadline is for data that is still buffered when a handler returns. While the handler writes, pace sets deadlines.
		WriteTimeout:   limits.ReadTimeout + 2*time.Minute,
		IdleTimeout:    limits.IdleTimeout,
		MaxHeaderBytes: 64 << 10,
	}}
	go func() { s.errs <- s.http.Serve(l) }()
	return s, nil
}

// Address returns the listener's host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Err returns a channel that receives the error when the server ends. For a nil Server it returns nil, from which nothing is received.
func (s *Server) Err() <-chan error {
	if s == nil {
		return nil
	}
	return s.errs
}

// Connections returns the number of open connections, and the number of connections that were closed or rejected so far because of a bound.
func (s *Server) Connections() (open int, turnedAway uint64) { return s.listener.counts() }

// Shutdown closes the listener and waits until all requests have been handled or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// pace sets deadlines for h's writes: each piece must be written within WriteTimeout, and all pieces at MinRate on average.
func pace(h http.Handler, limits Limits) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), limits: &limits}, r)
	})
}

// pacedWriter sets a new write deadline for each piece of a response.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limits  *Limits
	written int           // bytes
	spent   time.Duration // total time in Write
}

// piece is the number of bytes that are written under one deadline.
const piece = 64 << 10

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	for {
		next := p[:min(len(p), piece)]
		began := time.Now()
		// left is the time that the rate allows for all pieces up to this one, minus the time that the previous pieces took.
		left := w.limits.WriteTimeout + time.Duration(w.written+len(next))*time.Second/time.Duration(w.limits.MinRate) - w.spent
		if err := w.control.SetWriteDeadline(began.Add(min(left, w.limits.WriteTimeout))); err != nil {
			return n, err
		}
		m, err := w.ResponseWriter.Write(next)
		w.spent += time.Since(began)
		w.written += m
		n += m
		p = p[m:]
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack takes over the connection, for websockets.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.control.Hijack() }
