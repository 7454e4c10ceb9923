package jsonrpc

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
)

// budget bounds the bytes that a server holds for all clients: request bodies until they are answered, answers, and the queues of
// websockets. No goroutine waits for the budget: a request or answer that does not fit is rejected, and a notification waits for room
// in its own socket's queue.
type budget struct {
	most, held atomic.Int64
}

// smallAnswer is the size in bytes up to which requests and answers do not count, so that small requests are still answered while
// large answers fill the budget. The bound on connections bounds the memory that this adds.
const smallAnswer = 64 << 10

// try takes n bytes if they fit and reports whether it did. More than the whole budget fits if nothing is held.
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

// take takes n bytes even if they do not fit.
func (b *budget) take(n int) { b.held.Add(int64(n)) }

// give returns n bytes.
func (b *budget) give(n int) { b.held.Add(-int64(n)) }

// Buffered returns the number of bytes that the server holds for its clients.
func (s *Server) Buffered() int64 { return s.budget.held.Load() }

// errBusy returns the error of a request or answer that does not fit the budget.
func (s *Server) errBusy() *Error {
	return ErrLimit.With(fmt.Sprintf("the node holds %d bytes of requests and answers, at most %d: try again", s.budget.held.Load(), s.budget.most.Load()))
}

// readBody reads a body. It takes bytes beyond smallAnswer from the budget as they arrive, so that a client cannot reserve bytes that it
// does not send. It returns the number of bytes taken, also with an error.
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

// answer is the JSON of an answer: one response, or the responses of a batch.
type answer struct {
	pieces [][]byte
	batch  bool
	taken  int // bytes taken from the budget
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
	a.writeTo(&b) // a buffer returns no error
	return b.Bytes()
}
