package transcript

import (
	"context"
	"encoding/binary"

	"github.com/starkd/starkd/prover/stone/field"
)

// Prover is the prover's end of the channel. It collects the proof.
type Prover struct {
	state
	proof []byte
}

// NewProver returns a channel that starts at seed, the hash of the public input.
func NewProver(cfg Config, seed Digest) (*Prover, error) {
	s, err := newState(cfg, seed)
	return &Prover{state: s}, err
}

// Proof returns what was sent so far.
func (p *Prover) Proof() []byte { return p.proof }

func (p *Prover) send(b []byte) {
	p.absorb(b)
	p.proof = append(p.proof, b...)
}

// SendElement sends one element in Montgomery form.
func (p *Prover) SendElement(label string, x *field.Element) {
	var b [field.Bytes]byte
	field.PutMontgomery(b[:], x)
	p.send(b[:])
	p.log.sentElements(p.scope, label, []field.Element{*x}, false)
}

// SendElements sends a list of elements as one message: in canonical form in the felt channel, in Montgomery form in the byte
// channel.
func (p *Prover) SendElements(label string, xs []field.Element) {
	b := make([]byte, len(xs)*field.Bytes)
	for i := range xs {
		word := b[i*field.Bytes:][:field.Bytes]
		if p.felts() {
			c := xs[i].Bytes()
			copy(word, c[:])
		} else {
			field.PutMontgomery(word, &xs[i])
		}
	}
	p.send(b)
	p.log.sentElements(p.scope, label, xs, true)
}

// SendCommitment sends the root of a tree with hash h.
func (p *Prover) SendCommitment(label string, h Hash, d *Digest) {
	p.send(d[:])
	p.log.sentDigest(p.scope, label, h, d, true)
}

// SendNode sends a node of a tree with hash h.
func (p *Prover) SendNode(label string, h Hash, d *Digest) {
	p.send(d[:])
	p.log.sentDigest(p.scope, label, h, d, false)
}

// SendData sends bytes. In the felt channel they must be whole words.
func (p *Prover) SendData(label string, b []byte) {
	p.send(b)
	p.log.sentData(p.scope, label, b)
}

// ProofOfWork finds and sends a proof of work. It does nothing if bits is zero. When ctx ends, it returns ctx's error.
func (p *Prover) ProofOfWork(ctx context.Context, bits uint) error {
	if bits == 0 {
		return nil
	}
	defer p.Scope("Proof of Work")()
	nonce, err := search(ctx, p.cfg.work(), p.workSeed(), bits)
	if err != nil {
		return err
	}
	b := make([]byte, 8)
	if p.felts() {
		b = make([]byte, field.Bytes)
	}
	binary.BigEndian.PutUint64(b[len(b)-8:], nonce)
	p.SendData("POW", b)
	return nil
}
