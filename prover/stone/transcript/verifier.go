package transcript

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/starkd/starkd/prover/stone/field"
)

// Verifier is the verifier's end of the channel. The proof may come from an untrusted source: every method returns an error if
// the bytes end too early or are not canonical.
type Verifier struct {
	state
	proof []byte
	at    int
}

// NewVerifier returns a channel that starts at seed, the hash of the public input.
func NewVerifier(cfg Config, seed Digest, proof []byte) (*Verifier, error) {
	s, err := newState(cfg, seed)
	return &Verifier{state: s, proof: proof}, err
}

// Errorf returns an error that begins with the current scopes of the protocol.
func (v *Verifier) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", strings.Join(v.scope, "/"), fmt.Errorf(format, args...))
}

// End returns an error if bytes of the proof are left.
func (v *Verifier) End() error {
	if v.at != len(v.proof) {
		return fmt.Errorf("transcript: %d bytes follow the proof's %d", len(v.proof)-v.at, v.at)
	}
	return nil
}

func (v *Verifier) read(label string, n int) ([]byte, error) {
	if len(v.proof)-v.at < n {
		return nil, v.Errorf("%s: proof of %d bytes ends %d bytes too early", label, len(v.proof), n-(len(v.proof)-v.at))
	}
	b := v.proof[v.at : v.at+n]
	if v.felts() {
		for i := 0; i < n; i += field.Bytes {
			if _, err := field.FromCanonical(b[i:min(i+field.Bytes, n)]); err != nil {
				return nil, v.Errorf("%s: %w", label, err)
			}
		}
	}
	v.at += n
	v.absorb(b)
	return b, nil
}

// ReadElement reads an element that SendElement sent.
func (v *Verifier) ReadElement(label string) (field.Element, error) {
	xs, err := v.readElements(label, 1, field.FromMontgomery)
	if err != nil {
		return field.Element{}, err
	}
	v.log.sentElements(v.scope, label, xs, false)
	return xs[0], nil
}

// ReadElements reads a list that SendElements sent.
func (v *Verifier) ReadElements(label string, n int) ([]field.Element, error) {
	decode := field.FromMontgomery
	if v.felts() {
		decode = field.FromCanonical
	}
	xs, err := v.readElements(label, n, decode)
	if err == nil {
		v.log.sentElements(v.scope, label, xs, true)
	}
	return xs, err
}

func (v *Verifier) readElements(label string, n int, decode func([]byte) (field.Element, error)) ([]field.Element, error) {
	b, err := v.read(label, n*field.Bytes)
	if err != nil {
		return nil, err
	}
	xs := make([]field.Element, n)
	for i := range xs {
		if xs[i], err = decode(b[i*field.Bytes:][:field.Bytes]); err != nil {
			return nil, v.Errorf("%s: %w", label, err)
		}
	}
	return xs, nil
}

// ReadCommitment reads a root that SendCommitment sent.
func (v *Verifier) ReadCommitment(label string, h Hash) (Digest, error) {
	return v.readDigest(label, h, true)
}

// ReadNode reads a node that SendNode sent.
func (v *Verifier) ReadNode(label string, h Hash) (Digest, error) {
	return v.readDigest(label, h, false)
}

func (v *Verifier) readDigest(label string, h Hash, commitment bool) (Digest, error) {
	b, err := v.read(label, len(Digest{}))
	if err != nil {
		return Digest{}, err
	}
	d := Digest(b)
	v.log.sentDigest(v.scope, label, h, &d, commitment)
	return d, nil
}

// ReadData reads n bytes that SendData sent.
func (v *Verifier) ReadData(label string, n int) ([]byte, error) {
	b, err := v.read(label, n)
	if err == nil {
		v.log.sentData(v.scope, label, b)
	}
	return b, err
}

// ProofOfWork reads and checks a proof of work. It does nothing if bits is zero.
func (v *Verifier) ProofOfWork(bits uint) error {
	if bits == 0 {
		return nil
	}
	defer v.Scope("Proof of Work")()
	seed := v.workSeed()
	n := 8
	if v.felts() {
		n = field.Bytes
	}
	b, err := v.ReadData("POW", n)
	if err != nil {
		return err
	}
	for _, c := range b[:n-8] {
		if c != 0 {
			return v.Errorf("nonce 0x%x exceeds 64 bits", b)
		}
	}
	nonce := binary.BigEndian.Uint64(b[n-8:])
	if w := newWork(v.cfg.work(), seed, bits); !w.holds(nonce) {
		return v.Errorf("nonce %d does not reach %d bits", nonce, bits)
	}
	return nil
}
