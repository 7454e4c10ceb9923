package stwo

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// The binary form is that of Rust's bincode: integers little-endian in 4 or 8 bytes, lists after their length, a byte 1 before a present part
// and 0 for an absent one. StarkWare compresses it with bzip2. starkd's file is a line that names the version of the proof system, a byte for
// the hash function, and the same form compressed with DEFLATE.

// binaryMagic begins starkd's binary files.
const binaryMagic = "starkd proof: stwo 2.3.0, cairo-air 1.3.0\n"

// bzip2Magic begins StarkWare's binary files.
const bzip2Magic = "BZh"

// inflated bounds the size of the binary form in a file of n bytes, so that a small file cannot take much memory. Random elements do not shrink;
// the words of a long program and of a long output shrink to a sixth.
func inflated(n int) int64 { return min(10*int64(n)+512<<10, 3*int64(n)+28<<20) }

// IsBinary reports whether a file begins like a proof in a binary form.
func IsBinary(b []byte) bool {
	return bytes.HasPrefix(b, []byte(binaryMagic)) || bytes.HasPrefix(b, []byte(bzip2Magic))
}

// ParseBinary reads a proof from starkd's binary file, or from StarkWare's.
func ParseBinary(b []byte) (*Proof, error) {
	if len(b) > MaxProofFile {
		return nil, fmt.Errorf("stwo: a proof of %d bytes, want at most %d", len(b), MaxProofFile)
	}
	var hash channel.Hash
	var packed *bytes.Reader
	var plain io.Reader
	rest, ours := bytes.CutPrefix(b, []byte(binaryMagic))
	switch {
	case ours:
		if len(rest) == 0 || rest[0] > byte(channel.Poseidon252) {
			return nil, errors.New("stwo: proof: unknown hash function")
		}
		hash = channel.Hash(rest[0])
		packed = bytes.NewReader(rest[1:])
		plain = flate.NewReader(packed)
	case bytes.HasPrefix(b, []byte(bzip2Magic)):
		packed = bytes.NewReader(b)
		plain = bzip2.NewReader(packed)
	default:
		return nil, errors.New("stwo: the file is not a proof in binary form")
	}
	p, err := readPlain(&io.LimitedReader{R: plain, N: inflated(len(b))}, hash, ours)
	if err == nil && packed.Len() > 0 {
		return nil, fmt.Errorf("stwo: proof: %d bytes after its end", packed.Len())
	}
	if err == nil && !ours {
		p.recogniseHash()
	}
	return p, err
}

// readPlain reads a proof that is not compressed. hash is its hash function, if known is set.
func readPlain(in io.Reader, hash channel.Hash, known bool) (*Proof, error) {
	p := new(Proof)
	r := &binaryReader{in: bufio.NewReader(in), hash: hash, known: known}
	p.visit(r)
	if r.err == nil {
		if _, err := r.in.ReadByte(); err != io.EOF {
			r.fail("want the end of the proof")
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("stwo: proof: %w", r.err)
	}
	p.Hash = r.hash
	return p, nil
}

// AppendBinary appends the proof as starkd's binary file.
func (p *Proof) AppendBinary(b []byte) []byte {
	out := bytes.NewBuffer(append(append(b, binaryMagic...), byte(p.Hash)))
	packer, err := flate.NewWriter(out, flate.BestCompression)
	if err == nil {
		w := &binaryWriter{hash: p.Hash}
		p.visit(w)
		_, err = packer.Write(w.b)
	}
	if err == nil {
		err = packer.Close()
	}
	if err != nil {
		panic(err) // a bytes.Buffer returns no error
	}
	return out.Bytes()
}

// binaryReader reads the binary form.
type binaryReader struct {
	failure
	unmarked
	in    *bufio.Reader
	hash  channel.Hash
	known bool // whether hash is known
	lists counts
}

func (r *binaryReader) cairo() bool { return false }
func (r *binaryReader) more() bool  { return r.err == nil && r.lists.more() }
func (r *binaryReader) finish()     { r.lists.finish() }

func (r *binaryReader) begin(int) { r.lists = append(r.lists, r.long(0)) }

// take returns the next n bytes, n ≤ chunk, which are valid until the next call. It returns zeros at the end of the proof and after a failure.
func (r *binaryReader) take(n int) []byte {
	if r.err == nil {
		b, err := r.in.Peek(n)
		if err == nil {
			r.in.Discard(n)
			return b
		}
		if err == io.EOF {
			err = errors.New("the proof ends early, or is far larger than its file")
		}
		r.fail("%w", err)
	}
	return make([]byte, n)
}

func (r *binaryReader) long(uint64) uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *binaryReader) number(_, limit uint64) uint64 {
	v := uint64(binary.LittleEndian.Uint32(r.take(4)))
	if v >= limit {
		r.fail("the number %d is too large, want less than %d", v, limit)
		return 0
	}
	return v
}

// chunk is the number of bytes of a list that are read at once.
const chunk = 1 << 10

// binaryList reads a list of elements, each of size bytes, as the function list does, but many at once: nearly all of a proof are such lists.
func binaryList[T any](r *binaryReader, what string, most, size int, element func(b []byte) T) []T {
	n := r.long(0)
	if n > uint64(most) {
		r.fail("more than %d %s", most, what)
	}
	var out []T
	for left := int(n); left > 0 && r.err == nil; {
		k := min(left, chunk/size)
		b := r.take(k * size)
		if len(out)+k > cap(out) {
			out = slices.Grow(out, min(left, max(k, len(out)))) // at most twice what has been read
		}
		for ; len(b) > 0; b = b[size:] {
			out = append(out, element(b))
		}
		left -= k
	}
	return out
}

// element returns the element of the base field with which b begins.
func (r *binaryReader) element(b []byte) m31.M31 {
	v := binary.LittleEndian.Uint32(b)
	if v >= m31.P {
		r.fail("the number %d is too large, want less than %d", v, m31.P)
		return 0
	}
	return m31.M31(v)
}

func (r *binaryReader) optional(bool) bool {
	b := r.take(1)[0]
	if b > 1 {
		r.fail("got %d, want 1 before a part and 0 for none", b)
	}
	return b == 1
}

// maxFeltText is the largest number of digits of a felt in decimal.
const maxFeltText = 76

func (r *binaryReader) digest(channel.Digest) channel.Digest {
	if !r.known {
		// A digest of Poseidon252 is a string, which begins with its length. A digest of Blake2s is 32 bytes, which begin so small with
		// probability 2^-57.
		if b, err := r.in.Peek(8); err == nil && binary.LittleEndian.Uint64(b) <= maxFeltText {
			r.hash = channel.Poseidon252
		}
		r.known = true
	}
	if r.hash != channel.Poseidon252 {
		return channel.Digest(r.take(len(channel.Digest{})))
	}
	n := r.long(0)
	if n > maxFeltText {
		r.fail("a digest of %d bytes, want at most %d", n, maxFeltText)
		n = 0
	}
	f, err := felt.FromDecimal(string(r.take(int(n))))
	if err != nil {
		r.fail("digest: %v", err)
	}
	return channel.FromFelt(f)
}

func (r *binaryReader) choice(_ int, names []string) int { return int(r.number(0, uint64(len(names)))) }

// binaryWriter writes the binary form.
type binaryWriter struct {
	writing
	unmarked
	b    []byte
	hash channel.Hash
}

func (w *binaryWriter) cairo() bool { return false }
func (w *binaryWriter) finish()     {}
func (w *binaryWriter) begin(n int) { w.long(uint64(n)) }

func (w *binaryWriter) long(v uint64) uint64 {
	w.b = binary.LittleEndian.AppendUint64(w.b, v)
	return v
}

func (w *binaryWriter) number(v, _ uint64) uint64 {
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v))
	return v
}

func (w *binaryWriter) optional(present bool) bool {
	if present {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
	return present
}

func (w *binaryWriter) digest(d channel.Digest) channel.Digest {
	if w.hash == channel.Poseidon252 {
		f := d.Felt()
		text := f.BigInt().String()
		w.long(uint64(len(text)))
		w.b = append(w.b, text...)
		return d
	}
	w.b = append(w.b, d[:]...)
	return d
}

func (w *binaryWriter) choice(v int, _ []string) int {
	w.number(uint64(v), 0)
	return v
}
