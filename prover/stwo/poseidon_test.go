package stwo

import (
	"bytes"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/fri"
)

// withPoseidon returns a copy of a proof with digests of Poseidon252 in the places of the others. It is not valid.
func withPoseidon(t *testing.T, name string) *Proof {
	p, err := ParseJSON(readProof(t, name).AppendJSON(nil, false))
	if err != nil {
		t.Fatal(err)
	}
	p.Hash = channel.Poseidon252
	reduce := func(ds []channel.Digest) {
		for i := range ds {
			ds[i] = channel.FromFelt(felt.FromBytesReduce(ds[i][:]))
		}
	}
	reduce(p.STARK.Commitments)
	for _, ds := range p.STARK.Decommitments {
		reduce(ds)
	}
	for _, l := range append([]*fri.Layer{&p.STARK.FRI.FirstLayer}, pointers(p.STARK.FRI.InnerLayers)...) {
		l.Commitment = channel.FromFelt(felt.FromBytesReduce(l.Commitment[:]))
		reduce(l.Decommitment)
	}
	return p
}

func pointers[T any](s []T) (out []*T) {
	for i := range s {
		out = append(out, &s[i])
	}
	return out
}

// TestPoseidonForms checks that digests of Poseidon252 are read as they are written, in each form. StarkWare's verifier reads both files of
// this proof, whose digests are felts in decimal.
func TestPoseidonForms(t *testing.T) {
	p := withPoseidon(t, "c01_nothing")
	want := p.AppendJSON(nil, false)
	felts, err := p.AppendFelts(nil)
	if err != nil {
		t.Fatal(err)
	}
	for form, parse := range map[string]func() (*Proof, error){
		"json":   func() (*Proof, error) { return ParseJSON(want) },
		"felts":  func() (*Proof, error) { return ParseFelts(felts, channel.Poseidon252, p.Preprocessed) },
		"binary": func() (*Proof, error) { return ParseBinary(p.AppendBinary(nil)) },
		"plain": func() (*Proof, error) {
			w := &binaryWriter{hash: p.Hash}
			p.visit(w)
			return readPlain(bytes.NewReader(w.b), 0, false)
		},
	} {
		q, err := parse()
		if err != nil {
			t.Errorf("%s: %v", form, err)
		} else if q.Hash != channel.Poseidon252 || !bytes.Equal(q.AppendJSON(nil, false), want) {
			t.Errorf("%s: the proof is read differently", form)
		}
	}
	mixed := bytes.Replace(want, []byte(`"commitments":["`), []byte(`"commitments":[[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"`), 1)
	if _, err := ParseJSON(mixed); err == nil {
		t.Error("digests of two hash functions: accepted")
	}
}
