package stwo

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
)

// MaxProofFile is the largest size in bytes of a serialised proof.
const MaxProofFile = 256 << 20

// ParseJSON reads a proof in StarkWare's JSON. It only decodes; Verify checks. The members of an object may have any order, each must be there
// once, and there must be no others.
//
// The JSON does not say which hash function was used. Poseidon's digests look different from those of Blake2s; of the two variants of Blake2s
// it is the one whose preprocessed root the proof has.
func ParseJSON(text []byte) (*Proof, error) {
	if len(text) > MaxProofFile {
		return nil, fmt.Errorf("stwo: a proof of %d bytes, want at most %d", len(text), MaxProofFile)
	}
	p := new(Proof)
	r := &jsonReader{text: text}
	p.visit(r)
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("stwo: proof: %w", err)
	}
	p.Hash = r.hash
	p.recogniseHash()
	return p, nil
}

// recogniseHash sets the hash function of a proof with digests of 32 bytes.
func (p *Proof) recogniseHash() {
	if p.Hash != channel.Blake2s || len(p.STARK.Commitments) == 0 {
		return
	}
	p.Hash = channel.Blake2sM31
	if root, ok := p.preprocessedRoot(); !ok || root != p.STARK.Commitments[0] {
		p.Hash = channel.Blake2s
	}
}

// AppendJSON appends the proof in StarkWare's JSON: with a line for each value, as StarkWare's prover writes it, or without white space.
func (p *Proof) AppendJSON(b []byte, lines bool) []byte {
	w := &jsonWriter{text: b, hash: p.Hash, lines: lines}
	p.visit(w)
	return w.text
}
