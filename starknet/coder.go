package starknet

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// coder writes or reads the canonical binary form. A type describes its form once, as a sequence of calls that take
// pointers to its fields; the same calls encode and decode. The form is canonical: a value has exactly one encoding, and decoding
// rejects all other bytes. Decoding returns a value or an error for any input, and allocates no list that is longer than the remaining
// bytes could hold.
//
//	integer  unsigned varint in as few bytes as possible
//	felt     its length in bytes, then that many bytes, big-endian without leading zeros
//	list     number of elements, then the elements; an empty list decodes to nil
//	text     number of bytes, then the bytes
//	digest   32 bytes
//
// The first error is kept, and later calls do nothing.
type coder struct {
	buf      []byte // the bytes written so far, or still to read
	decoding bool
	queries  bool // accept queries; set only to validate, never to encode or decode
	err      error
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("starknet: "+format, args...)
	}
}

// next takes n bytes from the input.
func (c *coder) next(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > len(c.buf) {
		c.fail("input ends %d bytes early", n-len(c.buf))
		return nil
	}
	b := c.buf[:n]
	c.buf = c.buf[n:]
	return b
}

// format codes a format version, which must be want.
func (c *coder) format(what string, want byte) {
	got := want
	c.byte(what+" format", &got, want)
	if c.err == nil && got != want {
		c.fail("%s format %d, want %d", what, got, want)
	}
}

// uint codes an integer in [0, max].
func (c *coder) uint(what string, x *uint64, max uint64) {
	if c.err != nil {
		return
	}
	if c.decoding {
		v, n := binary.Uvarint(c.buf)
		if n <= 0 || n > 1 && c.buf[n-1] == 0 {
			c.fail("%s is not a canonical integer", what)
			return
		}
		c.buf = c.buf[n:]
		*x = v
	}
	if *x > max {
		c.fail("%s is %d, at most %d", what, *x, max)
		return
	}
	if !c.decoding {
		c.buf = binary.AppendUvarint(c.buf, *x)
	}
}

// byte codes a byte in [0, max].
func (c *coder) byte(what string, x *byte, max byte) {
	if c.err != nil {
		return
	}
	if c.decoding {
		b := c.next(1)
		if b == nil {
			return
		}
		*x = b[0]
	}
	if *x > max {
		c.fail("%s is %d, at most %d", what, *x, max)
		return
	}
	if !c.decoding {
		c.buf = append(c.buf, *x)
	}
}

// bool codes a boolean as a byte, 0 or 1.
func (c *coder) bool(what string, x *bool) {
	var b byte
	if *x {
		b = 1
	}
	c.byte(what, &b, 1)
	if c.decoding {
		*x = b == 1
	}
}

// felt codes a field element: a length byte and at most 32 bytes.
func (c *coder) felt(x *felt.Felt) {
	if c.err != nil {
		return
	}
	if !c.decoding {
		b := x.Bytes()
		n := (x.BitLen() + 7) / 8
		c.buf = append(append(c.buf, byte(n)), b[felt.Bytes-n:]...)
		return
	}
	length := c.next(1)
	if length == nil {
		return
	}
	n := int(length[0])
	if n > felt.Bytes {
		c.fail("felt of %d bytes, at most %d", n, felt.Bytes)
		return
	}
	digits := c.next(n)
	if c.err != nil {
		return
	}
	if n > 0 && digits[0] == 0 {
		c.fail("felt with a leading zero byte")
		return
	}
	var b [felt.Bytes]byte
	copy(b[felt.Bytes-n:], digits)
	v, err := felt.FromBytes(b[:])
	if err != nil {
		c.fail("%w", err)
		return
	}
	*x = v
}

// address codes a felt that must be an address, below 2^251.
func (c *coder) address(what string, x *felt.Felt) {
	c.felt(x)
	if c.err == nil && !IsAddress(*x) {
		c.fail("%s %s is not below 2^251", what, *x)
	}
}

// uint128 codes a number below 2^128 in the form of a felt.
func (c *coder) uint128(x *Uint128) {
	f := x.Felt()
	c.felt(&f)
	if c.err != nil || !c.decoding {
		return
	}
	v, err := Uint128FromFelt(f)
	if err != nil {
		c.err = err
		return
	}
	*x = v
}

// digest codes the 32 bytes of a digest.
func (c *coder) digest(d *Digest) {
	if c.decoding {
		copy(d[:], c.next(len(d)))
	} else if c.err == nil {
		c.buf = append(c.buf, d[:]...)
	}
}

// text codes a string of at most max bytes.
func (c *coder) text(what string, s *string, max int) {
	n := uint64(len(*s))
	c.uint("length of "+what, &n, uint64(max))
	if c.err != nil {
		return
	}
	if c.decoding {
		*s = string(c.next(int(n)))
		return
	}
	c.buf = append(c.buf, *s...)
}

// felts codes a list of at most max felts.
func (c *coder) felts(what string, xs *[]felt.Felt, max int) {
	list(c, what, xs, max, 1, (*coder).felt)
}

// list codes a list of at most max elements, each encoded in at least size bytes.
func list[T any](c *coder, what string, xs *[]T, max, size int, element func(*coder, *T)) {
	n := uint64(len(*xs))
	c.uint("number of "+what, &n, uint64(max))
	if c.err != nil {
		return
	}
	if c.decoding {
		if n > uint64(len(c.buf)/size) {
			c.fail("%d %s in %d bytes", n, what, len(c.buf))
			return
		}
		*xs = nil
		if n > 0 {
			*xs = make([]T, n)
		}
	}
	for i := range *xs {
		element(c, &(*xs)[i])
	}
}

// encode returns the binary form that code describes.
func encode(code func(*coder)) ([]byte, error) {
	var c coder
	code(&c)
	if c.err != nil {
		return nil, c.err
	}
	return c.buf, nil
}

// decode reads the binary form that code describes, which must fill b.
func decode(b []byte, code func(*coder)) error {
	c := coder{buf: b, decoding: true}
	code(&c)
	if c.err == nil && len(c.buf) > 0 {
		c.fail("%d bytes after the end", len(c.buf))
	}
	return c.err
}
