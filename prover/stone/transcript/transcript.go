// Package transcript is Stone's non-interactive channel between prover and verifier (Fiat–Shamir). The channel absorbs the
// prover's messages, squeezes the verifier's random choices out of them, and the messages are the proof.
//
// There are two constructions. The byte channel uses a byte hash: absorbing b replaces the state by H(state+1 ‖ b), and
// squeezing hashes the state with a counter. The felt channel (poseidon3) has a felt as its state: absorbing x… replaces it by
// Poseidon(state+1, x…), and squeezing computes Poseidon(state, counter). Elements are sent in Montgomery form, but the felt
// channel sends lists in canonical form. Prover and Verifier have the same methods in the same order, so that the two sides of
// a protocol read the same. Both can write Stone's annotations.
package transcript

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/stone/field"
)

// Config selects the construction and its hashes.
type Config struct {
	Channel Hash // Poseidon3 selects the felt channel, a byte hash the byte channel
	PowHash Hash // hash of the felt channel's proof of work; the byte channel uses Channel
}

// Validate returns an error if a hash does not fit its role.
func (c Config) Validate() error {
	if c.Channel == Pedersen {
		return fmt.Errorf("transcript: channel hash %s is neither poseidon3 nor a byte hash", c.Channel)
	}
	if base, from, to := c.work().Base(); base.Algebraic() || from != 0 || to != 32 {
		return fmt.Errorf("transcript: proof of work hash %s, want keccak256 or blake256", c.work())
	}
	return nil
}

func (c Config) work() Hash {
	if c.Channel == Poseidon3 {
		return c.PowHash
	}
	return c.Channel
}

// state is the state that prover and verifier share.
type state struct {
	cfg     Config
	queries bool // the query phase has begun: nothing more is absorbed or drawn

	felt    felt.Felt // felt channel
	counter uint64
	digest  Digest // byte channel
	spare   []byte // squeezed bytes not yet used

	log   *Annotations // nil if no annotations are written
	scope []string
}

func newState(cfg Config, seed Digest) (state, error) {
	s := state{cfg: cfg, digest: seed}
	if err := cfg.Validate(); err != nil {
		return s, err
	}
	if cfg.Channel == Poseidon3 {
		var err error
		if s.felt, err = felt.FromBytes(seed[:]); err != nil {
			return s, fmt.Errorf("transcript: seed: %w", err)
		}
	}
	return s, nil
}

// felts reports whether this is the felt channel.
func (s *state) felts() bool { return s.cfg.Channel == Poseidon3 }

// absorb absorbs a message of the prover. In the felt channel it must consist of words that the caller has checked to be felts.
func (s *state) absorb(b []byte) {
	if s.queries {
		return
	}
	if s.felts() {
		xs := make([]felt.Felt, 1+len(b)/felt.Bytes)
		xs[0].Add(&s.felt, &felt.One)
		for i := range xs[1:] {
			xs[i+1] = felt.FromBytesReduce(b[i*felt.Bytes:][:felt.Bytes])
		}
		s.felt = poseidon.HashMany(xs...)
		s.counter = 0
		return
	}
	increment(&s.digest)
	s.digest, _ = s.cfg.Channel.Sum(append(s.digest[:], b...)) // byte hashes do not fail
	s.counter, s.spare = 0, nil
}

// increment adds one to a big-endian number.
func increment(d *Digest) {
	for i := len(d) - 1; i >= 0; i-- {
		d[i]++
		if d[i] != 0 {
			return
		}
	}
}

// squeeze returns the next n ≤ 32 bytes of the byte channel. Later calls for less than a whole digest use the unused bytes of
// earlier digests.
func (s *state) squeeze(n int) []byte {
	if n == len(s.digest) || n > len(s.spare) {
		var b [64]byte
		copy(b[:], s.digest[:])
		binary.BigEndian.PutUint64(b[56:], s.counter)
		s.counter++
		d, _ := s.cfg.Channel.Sum(b[:])
		s.spare = append(s.spare, d[n:]...)
		return d[:n]
	}
	out := s.spare[:n:n]
	s.spare = s.spare[n:]
	return out
}

func (s *state) squeezeFelt() felt.Felt {
	x := poseidon.Hash(s.felt, felt.FromUint64(s.counter))
	s.counter++
	return x
}

// Draw returns a random element.
func (s *state) Draw(label string) field.Element {
	var x field.Element
	if s.felts() {
		x = field.Element(s.squeezeFelt())
	} else {
		// To be uniform, discard 256-bit numbers from the largest multiple of p on. The number modulo p is the element's
		// Montgomery word.
		for {
			word := s.squeeze(field.Bytes)
			if n := new(big.Int).SetBytes(word); n.Cmp(maxMultiple) < 0 {
				var b [field.Bytes]byte
				n.Mod(n, modulus).FillBytes(b[:])
				x, _ = field.FromMontgomery(b[:])
				break
			}
		}
	}
	s.log.verifier(s.scope, label+": Field Element("+hexElement(&x)+")")
	return x
}

var (
	modulus     = field.Modulus()
	maxMultiple = func() *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), 256)
		return n.Sub(n, new(big.Int).Mod(n, modulus))
	}()
)

// DrawIndex returns a random number below bound, which must be a power of two.
func (s *state) DrawIndex(label string, bound uint64) uint64 {
	var n uint64
	if s.felts() {
		x := s.squeezeFelt()
		n = x.Limbs()[0]
	} else {
		n = binary.BigEndian.Uint64(s.squeeze(8))
	}
	n &= bound - 1
	s.log.verifier(s.scope, label+": Number("+strconv.FormatUint(n, 10)+")")
	return n
}

// BeginQueries ends the part of the protocol in which the verifier draws random elements.
func (s *state) BeginQueries() { s.queries = true }

// Scope names the part of the protocol that follows, until leave is called. Errors and annotations contain the name.
func (s *state) Scope(name string) (leave func()) {
	s.scope = append(s.scope, name)
	return func() { s.scope = s.scope[:len(s.scope)-1] }
}

// Annotate makes the channel write annotations to log.
func (s *state) Annotate(log *Annotations) { s.log = log }

// workSeed returns the channel state to which the proof of work is bound.
func (s *state) workSeed() Digest {
	if s.felts() {
		return s.felt.Bytes()
	}
	return s.digest
}

func hexElement(x *field.Element) string { return felt.Felt(*x).String() }

// Annotations is Stone's description of a protocol run: a line for each message, then counts.
type Annotations struct {
	lines       []string
	bytes       int
	hashes      int
	commitments int
	elements    int
	data        int
}

func (a *Annotations) verifier(scope []string, text string) {
	if a != nil {
		a.lines = append(a.lines, "V->P: /"+strings.Join(scope, "/")+": "+text)
	}
}

func (a *Annotations) prover(scope []string, text string, n int) {
	a.lines = append(a.lines, "P->V["+strconv.Itoa(a.bytes)+":"+strconv.Itoa(a.bytes+n)+"]: /"+strings.Join(scope, "/")+": "+text)
	a.bytes += n
}

func (a *Annotations) sentElements(scope []string, label string, xs []field.Element, list bool) {
	if a == nil {
		return
	}
	var b strings.Builder
	b.WriteString(label)
	b.WriteString(": Field Element")
	if list {
		b.WriteByte('s')
	}
	b.WriteByte('(')
	for i := range xs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(hexElement(&xs[i]))
	}
	b.WriteByte(')')
	a.prover(scope, b.String(), len(xs)*field.Bytes)
	a.elements += len(xs)
}

func (a *Annotations) sentDigest(scope []string, label string, h Hash, d *Digest, commitment bool) {
	if a == nil {
		return
	}
	a.prover(scope, label+": Hash("+h.format(d)+")", len(d))
	a.hashes++
	if commitment {
		a.commitments++
	}
}

func (a *Annotations) sentData(scope []string, label string, b []byte) {
	if a == nil {
		return
	}
	a.prover(scope, label+": Data("+formatBytes(b)+")", len(b))
	a.data++
}

// Lines returns the annotations as Stone writes them into a proof, with a title and the counts.
func (a *Annotations) Lines(title string) []string {
	lines := append([]string{"title " + title + " Proof Protocol", ""}, a.lines...)
	return append(lines, "", "Proof Statistics:", "",
		"Byte count: "+strconv.Itoa(a.bytes),
		"Hash count: "+strconv.Itoa(a.hashes),
		"Commitment count: "+strconv.Itoa(a.commitments),
		"Field element count: "+strconv.Itoa(a.elements),
		"Data count: "+strconv.Itoa(a.data))
}
