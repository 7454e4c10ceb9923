package stwo

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// form is a serialised form of a proof that is read or written from its beginning to its end. All forms have the same parts in the same
// order, so the methods of visit.go describe them once: a reader stores each part, a writer appends it.
//
// A reader that has failed returns zeros and empty lists, so that callers check its error only at the end.
type form interface {
	// reading reports whether the form is read.
	reading() bool
	// cairo reports whether this is the form for Cairo verifiers, which leaves out some parts and has another order of the queried values.
	cairo() bool
	// fail makes a reader fail.
	fail(format string, args ...any)

	// open and close enclose the members of an object, and member names the next one. Only JSON has names.
	open()
	member(name string)
	close()
	// tuple and end enclose a fixed number of parts, item begins each. Only JSON marks them.
	tuple()
	item()
	end()
	// begin and finish enclose a list of n elements, n = 0 for a reader. more reports to a reader whether another element follows; a writer calls
	// item instead.
	begin(n int)
	more() bool
	finish()
	// optional begins a part that may be absent.
	optional(present bool) bool

	// number is a number below limit, which is at most 2^32. long is any number below 2^64.
	number(v, limit uint64) uint64
	long(v uint64) uint64
	digest(v channel.Digest) channel.Digest
	// choice is one of the names.
	choice(v int, names []string) int
}

// list visits the elements of *s. A reader accepts at most `most`.
func list[T any](f form, what string, most int, s *[]T, element func(*T)) {
	if !f.reading() {
		f.begin(len(*s))
		for i := range *s {
			f.item()
			element(&(*s)[i])
		}
		f.finish()
		return
	}
	f.begin(0)
	var out []T
	for f.more() {
		if len(out) == most {
			f.fail("more than %d %s", most, what)
			break
		}
		if n := len(out); n == cap(out) {
			out = slices.Grow(out, min(max(n, 4), most-n)) // append would grow a large list by a quarter, and allocate five times its size in all
		}
		out = out[:len(out)+1]
		element(&out[len(out)-1])
	}
	f.finish()
	*s = out
}

func number32(f form, v *uint32, limit uint64) { *v = uint32(f.number(uint64(*v), limit)) }

func base(f form, v *m31.M31) { *v = m31.M31(f.number(uint64(*v), m31.P)) }

func secure(f form, v *m31.QM31) {
	if r, ok := f.(*jsonReader); ok && r.secure(v) {
		return
	}
	f.tuple()
	for _, half := range []*m31.CM31{&v.A, &v.B} {
		f.item()
		f.tuple()
		f.item()
		base(f, &half.A)
		f.item()
		base(f, &half.B)
		f.end()
	}
	f.end()
}

// word visits the value of a memory cell: eight words of 32 bits, the lowest first.
func word(f form, v *felt.Felt) {
	limbs := v.Limbs()
	f.tuple()
	for k := range 8 {
		f.item()
		w := f.number(limbs[k/2]>>(k%2*32)&(1<<32-1), 1<<32)
		limbs[k/2] = limbs[k/2]&^((1<<32-1)<<(k%2*32)) | w<<(k%2*32)
	}
	f.end()
	if !f.reading() {
		return
	}
	var b [felt.Bytes]byte
	for k, limb := range limbs {
		binary.BigEndian.PutUint64(b[8*(3-k):], limb)
	}
	var err error
	if *v, err = felt.FromBytes(b[:]); err != nil {
		f.fail("the value of a memory cell: %v", err)
	}
}

// bases visits a list of elements of the base field, of which a proof has the most.
func bases(f form, what string, most int, s *[]m31.M31) {
	if r, ok := f.(*binaryReader); ok {
		*s = binaryList(r, what, most, 4, r.element)
		return
	}
	r, ok := f.(*jsonReader)
	list(f, what, most, s, func(v *m31.M31) {
		if !ok || !r.base(v) {
			base(f, v)
		}
	})
}

func secures(f form, what string, most int, s *[]m31.QM31) {
	if r, ok := f.(*binaryReader); ok {
		*s = binaryList(r, what, most, 16, func(b []byte) m31.QM31 {
			return m31.NewQM31(r.element(b), r.element(b[4:]), r.element(b[8:]), r.element(b[12:]))
		})
		return
	}
	list(f, what, most, s, func(v *m31.QM31) { secure(f, v) })
}

func digests(f form, what string, most int, s *[]channel.Digest) {
	list(f, what, most, s, func(v *channel.Digest) { *v = f.digest(*v) })
}

// failure is the error of a reader.
type failure struct{ err error }

func (f *failure) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (*failure) reading() bool { return true }

// writing is embedded in writers.
type writing struct{}

func (writing) reading() bool       { return false }
func (writing) fail(string, ...any) {}
func (writing) more() bool          { return false }

// unmarked is embedded in forms that do not mark objects and tuples.
type unmarked struct{}

func (unmarked) open()         {}
func (unmarked) member(string) {}
func (unmarked) close()        {}
func (unmarked) tuple()        {}
func (unmarked) item()         {}
func (unmarked) end()          {}

// counts are the numbers of elements that the open lists still have, for readers of forms in which a list begins with its length.
type counts []uint64

func (c *counts) more() bool {
	left := &(*c)[len(*c)-1]
	if *left == 0 {
		return false
	}
	*left--
	return true
}

func (c *counts) finish() { *c = (*c)[:len(*c)-1] }
