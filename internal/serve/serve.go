// Package serve runs an HTTP server whose clients are strangers: it bounds how many connections they hold, how many of them come
// from one address, and how long one may take to send a request or to read an answer.
//
// At the bound a new connection takes the place of the one that has waited longest without a request; connections on which a request
// is answered are never closed for another's sake. If there is nothing to close, the new connection is answered 503 and closed: a
// client gets an error at once instead of waiting in the kernel's queue.
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
	Connections int // open at once; 1,024
	// PerAddress bounds the connections of one IPv4 address or IPv6 /64; 128. Loopback is exempt: reverse proxies connect from there.
	PerAddress int

	ReadTimeout time.Duration // for a whole request; 30 s
	IdleTimeout time.Duration // between requests; 1 min
	// WriteTimeout is how long a client may read nothing of an answer; 10 s. Beyond it a client must also read at least MinRate.
	WriteTimeout time.Duration
	MinRate      int // bytes a second; 32 KiB

	limitLoopback bool // tests have no other addresses
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

// headerTimeout bounds the time that a request's headers take.
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
		// For what a handler leaves in the buffer when it returns. While it writes, pace sets the deadlines.
		WriteTimeout:   limits.ReadTimeout + 2*time.Minute,
		IdleTimeout:    limits.IdleTimeout,
		MaxHeaderBytes: 64 << 10,
	}}
	go func() { s.errs <- s.http.Serve(l) }()
	return s, nil
}

// Address returns host:port of the listener.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Err receives the error of a server that ended by itself. A nil Server never does.
func (s *Server) Err() <-chan error {
	if s == nil {
		return nil
	}
	return s.errs
}

// Connections returns how many connections are open, and how many have been closed or refused so far because there were too many.
func (s *Server) Connections() (open int, turnedAway uint64) { return s.listener.counts() }

// Shutdown closes the listener and waits until requests are answered or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// pace makes h's answers move: each piece must leave within WriteTimeout, and all of them at MinRate.
func pace(h http.Handler, limits Limits) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), limits: &limits}, r)
	})
}

// pacedWriter renews the write deadline for each piece of an answer.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limits  *Limits
	written int
	spent   time.Duration // in Write
}

// piece is how much is written under one deadline.
const piece = 64 << 10

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	for {
		next := p[:min(len(p), piece)]
		began := time.Now()
		// What the rate allows for all pieces up to this one, less the time that they took.
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

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack is for websockets.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.control.Hijack() }
