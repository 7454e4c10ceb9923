package stwo

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// jsonReader reads the JSON that StarkWare's serde writes. It is a reader of its own because a proof is nearly all lists of numbers: those are
// read without tokens in between, and with a bound on every list. It accepts any JSON text of a proof, with these exceptions: strings must not
// contain escapes, numbers must be written as integers, and null stands only for absent parts.
type jsonReader struct {
	failure
	text  []byte
	at    int
	fresh bool // whether a list or an object has just begun, so that no comma is due
	// objects are the open objects.
	objects []jsonObject
	hash    channel.Hash // Poseidon252 or Blake2s, as the digests look
	digests int          // number of digests that were read
}

// jsonObject is an open object. Members are read in StarkWare's order. If the text has another order, index has the place of every member.
type jsonObject struct {
	start int // after the brace
	read  int // number of members that were read
	index map[string]int
	stop  int // after the closing brace, if index is not nil
}

// maxMembers is more than the number of members of the largest object, a claim.
const maxMembers = 128

// done returns the reader's error, or one if something follows the proof.
func (r *jsonReader) done() error {
	if r.peek(); r.err == nil && r.at < len(r.text) { // peek returns 0 for a byte 0, too
		r.unexpected("the end of the text")
	}
	return r.err
}

func (r *jsonReader) cairo() bool { return false }

// fail makes the reader fail at its place in the text.
func (r *jsonReader) fail(format string, args ...any) {
	r.failure.fail("byte %d: %w", r.at, fmt.Errorf(format, args...))
}

func (r *jsonReader) unexpected(want string) {
	if r.at >= len(r.text) {
		r.fail("the text ends, want %s", want)
		return
	}
	r.fail("got %q, want %s", r.text[r.at:min(r.at+20, len(r.text))], want)
}

// peek skips white space and returns the next byte, or 0 at the end and after a failure.
func (r *jsonReader) peek() byte {
	if r.err != nil {
		return 0
	}
	b, i := r.text, r.at
	for i < len(b) {
		c := b[i]
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			r.at = i
			return c
		}
		i++
	}
	r.at = i
	return 0
}

// take reads the byte c and reports whether it was there.
func (r *jsonReader) take(c byte, want string) bool {
	if r.peek() != c {
		r.unexpected(want)
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) open() {
	r.take('{', "an object")
	r.fresh = true
	r.objects = append(r.objects, jsonObject{start: r.at})
}

func (r *jsonReader) member(name string) {
	o := &r.objects[len(r.objects)-1]
	o.read++
	if o.index == nil {
		start, fresh := r.at, r.fresh
		if r.peek() != '}' {
			r.item()
			if r.key() == name {
				return
			}
		}
		r.at, r.fresh = start, fresh
		r.indexMembers(o)
	}
	at, ok := o.index[name]
	if !ok {
		r.fail("member %q is missing", name)
		return
	}
	r.at = at
}

func (r *jsonReader) close() {
	o := &r.objects[len(r.objects)-1]
	if o.index == nil && r.peek() != '}' {
		r.indexMembers(o)
	}
	switch {
	case o.index == nil:
		r.at++
	case o.read < len(o.index):
		r.fail("an object of %d members, want %d", len(o.index), o.read)
	default:
		r.at = o.stop
	}
	r.fresh = false
	r.objects = r.objects[:len(r.objects)-1]
}

// key reads the name of a member and the colon.
func (r *jsonReader) key() string {
	name := r.string()
	r.take(':', "a colon")
	return name
}

// indexMembers finds the members of an object.
func (r *jsonReader) indexMembers(o *jsonObject) {
	o.index = map[string]int{}
	r.at, r.fresh = o.start, true
	for r.err == nil && r.peek() != '}' {
		r.item()
		name := r.key()
		switch _, twice := o.index[name]; {
		case r.err != nil:
			return
		case twice:
			r.fail("member %q occurs twice", name)
		case len(o.index) == maxMembers:
			r.fail("an object of more than %d members", maxMembers)
		}
		o.index[name] = r.at
		r.skip()
	}
	r.take('}', "the end of an object")
	o.stop = r.at
}

// skip moves behind a value. The value is checked when it is read.
func (r *jsonReader) skip() {
	for depth := 0; r.err == nil; r.at++ {
		switch r.peek() {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			r.string()
			r.at-- // the loop moves behind it
		case ',', ':':
		case 0:
			r.unexpected("a value")
			return
		default:
			for r.at+1 < len(r.text) && bytes.IndexByte([]byte(" \n\t\r,:]}"), r.text[r.at+1]) < 0 {
				r.at++
			}
		}
		if depth <= 0 {
			r.at++
			return
		}
	}
}

// string reads a string without escapes.
func (r *jsonReader) string() string {
	if !r.take('"', "a string") {
		return ""
	}
	n := bytes.IndexByte(r.text[r.at:], '"')
	if n < 0 || n > 100 || bytes.IndexByte(r.text[r.at:r.at+n], '\\') >= 0 {
		r.fail("want a string of at most 100 bytes without escapes")
		return ""
	}
	s := string(r.text[r.at : r.at+n])
	r.at += n + 1
	return s
}

func (r *jsonReader) tuple() {
	r.take('[', "a list")
	r.fresh = true
}

func (r *jsonReader) item() {
	if !r.fresh {
		r.take(',', "a comma")
	}
	r.fresh = false
}

func (r *jsonReader) end() {
	r.take(']', "the end of a list")
	r.fresh = false
}

func (r *jsonReader) begin(int) { r.tuple() }
func (r *jsonReader) finish()   { r.end() }

func (r *jsonReader) more() bool {
	c := r.peek()
	switch {
	case c == ',' && !r.fresh:
		r.at++
		return true
	case c == ']' || c == 0:
		return false
	}
	r.item()
	return true
}

func (r *jsonReader) optional(bool) bool {
	if r.peek() != 'n' {
		return true
	}
	if !bytes.HasPrefix(r.text[r.at:], []byte("null")) {
		r.unexpected("null")
		return false
	}
	r.at += len("null")
	return false
}

func (r *jsonReader) number(_, limit uint64) uint64 {
	v := r.long(0)
	if v >= limit {
		r.fail("the number %d is too large, want less than %d", v, limit)
		return 0
	}
	return v
}

func (r *jsonReader) long(uint64) uint64 {
	if c := r.peek(); c < '0' || c > '9' {
		r.unexpected("a number")
		return 0
	}
	start := r.at
	var v uint64
	for ; r.at < len(r.text); r.at++ {
		d := uint64(r.text[r.at] - '0')
		if d > 9 {
			break
		}
		// 19 digits do not overflow. The 20th is added with care.
		if r.at-start >= 19 && (r.at-start > 19 || v > (math.MaxUint64-d)/10) {
			r.fail("the number %s… is too large", r.text[start:r.at])
			return 0
		}
		v = 10*v + d
	}
	if r.text[start] == '0' && r.at > start+1 || r.at < len(r.text) && (r.text[r.at]|0x20 == 'e' || r.text[r.at] == '.') {
		r.at = start
		r.unexpected("an integer without leading zeros")
		return 0
	}
	return v
}

// match reads a text with the given form, in which # stands for a number of at most 10 digits below limit, and white space may be anywhere. If
// the text is different, match reads nothing and returns false, and the caller reads it part by part, with an error for the part that is
// wrong. Nearly all of a proof is read by match.
func (r *jsonReader) match(form string, limit uint64, numbers []uint64) bool {
	b, i := r.text, r.at
	for p := range len(form) {
		for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
			i++
		}
		if i == len(b) {
			return false
		}
		if c := form[p]; c != '#' {
			if b[i] != c {
				return false
			}
			i++
			continue
		}
		start, v := i, uint64(0)
		for i < len(b) && b[i]-'0' <= 9 && i-start <= 10 {
			v = 10*v + uint64(b[i]-'0')
			i++
		}
		if n := i - start; n == 0 || n > 10 || n > 1 && b[start] == '0' || v >= limit {
			return false
		}
		numbers[0], numbers = v, numbers[1:]
	}
	if i < len(b) && (b[i]|0x20 == 'e' || b[i] == '.') {
		return false
	}
	r.at = i
	return r.err == nil
}

func (r *jsonReader) base(v *m31.M31) bool {
	var n [1]uint64
	ok := r.match("#", m31.P, n[:])
	*v = m31.M31(n[0])
	return ok
}

func (r *jsonReader) secure(v *m31.QM31) bool {
	var n [4]uint64
	ok := r.match("[[#,#],[#,#]]", m31.P, n[:])
	*v = m31.NewQM31(m31.M31(n[0]), m31.M31(n[1]), m31.M31(n[2]), m31.M31(n[3]))
	return ok
}

// digestForm is the form of a digest of Blake2s: 32 bytes.
var digestForm = "[#" + strings.Repeat(",#", len(channel.Digest{})-1) + "]"

func (r *jsonReader) digest(channel.Digest) (d channel.Digest) {
	hash := channel.Blake2s
	if r.peek() == '"' {
		hash = channel.Poseidon252
	}
	if r.digests++; r.digests == 1 {
		r.hash = hash
	}
	switch {
	case hash != r.hash:
		r.fail("a digest of %v, the first one is of %v", hash, r.hash)
		return d
	case hash == channel.Poseidon252:
		return r.feltDigest()
	}
	var n [len(d)]uint64
	if r.match(digestForm, 1<<8, n[:]) {
		for k := range d {
			d[k] = byte(n[k])
		}
		return d
	}
	r.tuple()
	for k := range d {
		r.item()
		d[k] = byte(r.number(0, 1<<8))
	}
	r.end()
	return d
}

// feltDigest reads a digest of Poseidon252: a felt in decimal, as StarkWare's serde writes it, or in hexadecimal.
func (r *jsonReader) feltDigest() channel.Digest {
	s := r.string()
	var f felt.Felt
	var err error
	if strings.HasPrefix(s, "0x") {
		f, err = felt.FromHex(s)
	} else {
		f, err = felt.FromDecimal(s)
	}
	if err != nil {
		r.fail("digest: %v", err)
	}
	return channel.FromFelt(f)
}

func (r *jsonReader) choice(_ int, names []string) int {
	s := r.string()
	for i, name := range names {
		if s == name {
			return i
		}
	}
	r.fail("want one of %q, got %q", names, s)
	return 0
}

// jsonWriter writes the JSON that StarkWare's serde writes: without white space, or with a line for each value.
type jsonWriter struct {
	writing
	text  []byte
	hash  channel.Hash
	lines bool
	depth int
	fresh bool // whether a list or an object has just begun
}

func (w *jsonWriter) cairo() bool { return false }

// start and stop write the brackets of lists and objects.
func (w *jsonWriter) start(bracket byte) {
	w.text = append(w.text, bracket)
	w.depth++
	w.fresh = true
}

func (w *jsonWriter) stop(bracket byte) {
	w.depth--
	if !w.fresh {
		w.line()
	}
	w.text = append(w.text, bracket)
	w.fresh = false
}

// line begins a line if there are lines.
func (w *jsonWriter) line() {
	if w.lines {
		w.text = append(w.text, '\n')
		for range w.depth {
			w.text = append(w.text, ' ', ' ')
		}
	}
}

func (w *jsonWriter) open()     { w.start('{') }
func (w *jsonWriter) close()    { w.stop('}') }
func (w *jsonWriter) tuple()    { w.start('[') }
func (w *jsonWriter) begin(int) { w.start('[') }
func (w *jsonWriter) end()      { w.stop(']') }
func (w *jsonWriter) finish()   { w.stop(']') }

func (w *jsonWriter) item() {
	if !w.fresh {
		w.text = append(w.text, ',')
	}
	w.fresh = false
	w.line()
}

func (w *jsonWriter) member(name string) {
	w.item()
	w.string(name)
	w.text = append(w.text, ':')
	if w.lines {
		w.text = append(w.text, ' ')
	}
}

// string writes a string that needs no escapes.
func (w *jsonWriter) string(s string) {
	w.text = append(append(append(w.text, '"'), s...), '"')
}

func (w *jsonWriter) optional(present bool) bool {
	if !present {
		w.text = append(w.text, "null"...)
	}
	return present
}

func (w *jsonWriter) number(v, _ uint64) uint64 { return w.long(v) }

func (w *jsonWriter) long(v uint64) uint64 {
	w.text = strconv.AppendUint(w.text, v, 10)
	return v
}

func (w *jsonWriter) digest(d channel.Digest) channel.Digest {
	if w.hash == channel.Poseidon252 {
		f := d.Felt()
		w.string(f.BigInt().String())
		return d
	}
	w.tuple()
	for _, b := range d {
		w.item()
		w.long(uint64(b))
	}
	w.end()
	return d
}

func (w *jsonWriter) choice(v int, names []string) int {
	w.string(names[v])
	return v
}
