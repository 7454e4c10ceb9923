package stwo

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// MaxProofFile is the largest size in bytes of a serialised proof.
const MaxProofFile = 256 << 20

// IsProof reports whether a file looks like a proof of S-two in any form, even a damaged one.
func IsProof(b []byte) bool {
	if IsBinary(b) || isFelts(b) {
		return true
	}
	for {
		quote := bytes.IndexByte(b, '"')
		if quote < 0 {
			return false
		}
		b = b[quote+1:]
		for _, member := range [...]string{`stark_proof"`, `interaction_claim"`, `public_data"`} {
			if len(b) >= len(member) && bytes.EqualFold(b[:len(member)], []byte(member)) {
				return true
			}
		}
	}
}

// isFelts reports whether a file begins like a list of felts.
func isFelts(b []byte) bool {
	b, list := bytes.CutPrefix(bytes.TrimLeft(b, " \n\t\r"), []byte("["))
	return list && bytes.HasPrefix(bytes.TrimLeft(b, " \n\t\r"), []byte(`"0x`))
}

// Parse reads a proof in any of its forms. A list of felts does not say its hash function and its preprocessed trace: they are those whose
// preprocessed root the proof has.
func Parse(b []byte) (*Proof, error) {
	switch {
	case IsBinary(b):
		return ParseBinary(b)
	case !isFelts(b):
		return ParseJSON(b)
	case len(b) > MaxProofFile:
		return nil, fmt.Errorf("stwo: a proof of %d bytes, want at most %d", len(b), MaxProofFile)
	}
	var first error
	for _, hash := range []channel.Hash{channel.Blake2s, channel.Poseidon252} {
		for variant := range preprocessed.Variant(len(variantNames)) {
			p := &Proof{Hash: hash, Preprocessed: variant}
			err := p.readFelts(b)
			if err == nil {
				p.recogniseHash()
				root, ok := p.preprocessedRoot()
				if ok && root == p.STARK.Commitments[0] {
					return p, nil
				}
				err = errors.New("stwo: proof: the root of the preprocessed columns is not known for these parameters")
			}
			if first == nil {
				first = err
			}
			// A fault before the commitments does not depend on the hash function, one before the openings not on the preprocessed trace.
			if len(p.STARK.Commitments) == 0 {
				return nil, first
			}
			if len(p.STARK.Decommitments) == 0 {
				break
			}
		}
	}
	return nil, first
}

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
