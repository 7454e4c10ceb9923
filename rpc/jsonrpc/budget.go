package jsonrpc

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
)

// budget bounds the bytes that a server holds for its clients at once: bodies that are being read or answered, answers, and what
// waits in websockets' queues. No goroutine waits for it: what does not fit is rejected, or held up by its own socket.
type budget struct {
	most, held atomic.Int64
}

// smallAnswer is what always fits: while others' large answers fill the budget, small requests are still answered. The bound on
// connections bounds what this adds.
const smallAnswer = 64 << 10

// try takes n bytes if they fit. What is larger than the whole budget fits when nothing is held.
func (b *budget) try(n int) bool {
	for {
		held := b.held.Load()
		if held != 0 && held+int64(n) > b.most.Load() {
			return false
		}
		if b.held.CompareAndSwap(held, held+int64(n)) {
			return true
		}
	}
}

// take takes n bytes whether they fit or not.
func (b *budget) take(n int) { b.held.Add(int64(n)) }

// give returns n bytes.
func (b *budget) give(n int) { b.held.Add(-int64(n)) }

// Buffered returns how many bytes the server holds for its clients.
func (s *Server) Buffered() int64 { return s.budget.held.Load() }

// errBusy returns the error for what does not fit the budget.
func (s *Server) errBusy() *Error {
	return ErrLimit.With(fmt.Sprintf("the node holds %d bytes of requests and answers, at most %d: try again", s.budget.held.Load(), s.budget.most.Load()))
}

// readBody reads a body against the budget, beyond smallAnswer as it arrives, so that a client cannot reserve what it does not send.
// It returns how much it has taken, also with an error.
func (s *Server) readBody(r io.Reader) (body []byte, taken int, err error) {
	var b bytes.Buffer
	for {
		n, err := io.CopyN(&b, r, smallAnswer)
		if err == io.EOF {
			return b.Bytes(), taken, nil
		}
		if err != nil {
			return nil, taken, err
		}
		if !s.budget.try(int(n)) {
			return nil, taken, s.errBusy()
		}
		taken += int(n)
	}
}

// answer is the JSON of an answer: one piece, or those of a batch.
type answer struct {
	pieces [][]byte
	batch  bool
	taken  int // of the budget
}

// writeTo writes the answer.
func (a *answer) writeTo(w io.Writer) error {
	if !a.batch {
		_, err := w.Write(a.pieces[0])
		return err
	}
	separator := []byte("[")
	for _, p := range a.pieces {
		if _, err := w.Write(separator); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		separator = []byte(",")
	}
	_, err := w.Write([]byte("]"))
	return err
}

// bytes returns the answer as one message.
func (a *answer) bytes() []byte {
	if !a.batch {
		return a.pieces[0]
	}
	var b bytes.Buffer
	a.writeTo(&b) // a buffer takes everything
	return b.Bytes()
}
