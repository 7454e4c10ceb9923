package stwo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// The form for Cairo verifiers is a list of felts, as JSON strings in hexadecimal. Lists begin with their length, a present part with 0, an
// absent one with 1. It leaves out the lifting size and the preprocessed variant, and all segments must be present.

// ParseFelts reads a proof in the form for Cairo verifiers. The form does not say which hash function and which preprocessed trace the proof
// has. All components of the proof must be known, because their columns decide the order of the queried values.
func ParseFelts(text []byte, hash channel.Hash, variant preprocessed.Variant) (*Proof, error) {
	if len(text) > MaxProofFile {
		return nil, fmt.Errorf("stwo: a proof of %d bytes, want at most %d", len(text), MaxProofFile)
	}
	if variant < 0 || int(variant) >= len(variantNames) || hash > channel.Poseidon252 {
		return nil, errors.New("stwo: unknown hash function or preprocessed trace")
	}
	p := &Proof{Hash: hash, Preprocessed: variant}
	if err := p.readFelts(text); err != nil {
		return nil, err
	}
	return p, nil
}

// readFelts reads the proof, whose hash function and preprocessed trace are set.
func (p *Proof) readFelts(text []byte) error {
	r := &feltReader{hash: p.Hash, text: jsonReader{text: text}}
	r.text.begin(0)
	p.visit(r)
	r.text.end()
	if err := r.text.done(); err != nil {
		return fmt.Errorf("stwo: proof: %w", err)
	}
	return nil
}

// AppendFelts appends the proof in the form for Cairo verifiers. It returns an error if that form cannot hold the proof.
func (p *Proof) AppendFelts(b []byte) ([]byte, error) {
	for i, s := range p.Claim.Public.Segments {
		if s == nil {
			return nil, fmt.Errorf("stwo: Cairo verifiers take proofs with all segments, %s is absent", segmentNames[i])
		}
	}
	if l := p.STARK.Config.LiftingLogSize; l != nil {
		return nil, fmt.Errorf("stwo: Cairo verifiers take proofs without lifting_log_size, got %d", *l)
	}
	if err := p.checkQueried(); err != nil {
		return nil, err
	}
	w := &feltWriter{text: jsonWriter{text: b, lines: true}, hash: p.Hash}
	w.text.begin(0)
	p.visit(w)
	w.text.end()
	return w.text.text, nil
}

// feltReader reads the form for Cairo verifiers.
type feltReader struct {
	unmarked
	text  jsonReader
	hash  channel.Hash
	lists counts
}

func (r *feltReader) reading() bool { return true }
func (r *feltReader) cairo() bool   { return true }
func (r *feltReader) more() bool    { return r.text.err == nil && r.lists.more() }
func (r *feltReader) finish()       { r.lists.finish() }

func (r *feltReader) fail(format string, args ...any) { r.text.fail(format, args...) }

func (r *feltReader) begin(int) { r.lists = append(r.lists, r.long(0)) }

// next returns the digits of the next felt.
func (r *feltReader) next() string {
	r.text.item()
	s := r.text.string()
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) > 1 && digits[0] == '0' {
		r.fail("want a felt in hexadecimal without leading zeros, got %.80q", s)
	}
	return digits
}

func (r *feltReader) long(uint64) uint64 {
	digits := r.next()
	v, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		r.fail("want a number of 64 bits, got 0x%s", digits)
		return 0
	}
	return v
}

func (r *feltReader) number(_, limit uint64) uint64 {
	v := r.long(0)
	if v >= limit {
		r.fail("the number %d is too large, want less than %d", v, limit)
		return 0
	}
	return v
}

func (r *feltReader) optional(bool) bool { return r.number(0, 2) == 0 }

func (r *feltReader) digest(channel.Digest) (d channel.Digest) {
	if r.hash == channel.Poseidon252 {
		f, err := felt.FromHex("0x" + r.next())
		if err != nil {
			r.fail("digest: %v", err)
		}
		return channel.FromFelt(f)
	}
	for k := range len(d) / 4 {
		v := r.number(0, 1<<32)
		d[4*k], d[4*k+1], d[4*k+2], d[4*k+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	return d
}

func (r *feltReader) choice(v int, _ []string) int { return v }

// feltWriter writes the form for Cairo verifiers.
type feltWriter struct {
	writing
	unmarked
	text jsonWriter
	hash channel.Hash
}

func (w *feltWriter) cairo() bool { return true }
func (w *feltWriter) finish()     {}
func (w *feltWriter) begin(n int) { w.long(uint64(n)) }

func (w *feltWriter) long(v uint64) uint64 {
	w.text.item()
	w.text.text = append(strconv.AppendUint(append(w.text.text, `"0x`...), v, 16), '"')
	return v
}

func (w *feltWriter) number(v, _ uint64) uint64 { return w.long(v) }

func (w *feltWriter) optional(present bool) bool {
	if present {
		w.long(0)
	} else {
		w.long(1)
	}
	return present
}

func (w *feltWriter) digest(d channel.Digest) channel.Digest {
	if w.hash == channel.Poseidon252 {
		w.text.item()
		w.text.string(d.Felt().String())
		return d
	}
	for k := range len(d) / 4 {
		w.long(uint64(d[4*k]) | uint64(d[4*k+1])<<8 | uint64(d[4*k+2])<<16 | uint64(d[4*k+3])<<24)
	}
	return d
}

func (w *feltWriter) choice(v int, _ []string) int { return v }
