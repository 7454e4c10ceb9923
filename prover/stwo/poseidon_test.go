package stwo

import (
	"bytes"
	"sort"
	"strings"
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

// TestPermutations checks the bound of the work of a verification with Poseidon252: the last claim within it is read on, to the root that is not known,
// and one with a word more is refused. So are openings at too many positions.
func TestPermutations(t *testing.T) {
	words := func(program, words int) *Proof {
		p := hostileProof(t, program, words, 32)
		q := withPoseidon(t, "c01_nothing")
		q.Claim = p.Claim
		return q
	}
	check := func(what string, p *Proof, want string) {
		t.Helper()
		err := p.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
		if err := p.Verify(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Verify returns %v, want %q", what, err, want)
		}
	}
	const unknown, bound = "is not known for these parameters", "permutations of poseidon252, want at most 262144"
	small := words(32, 0)
	checked, err := small.check()
	if checked != nil || err == nil || !strings.Contains(err.Error(), unknown) {
		t.Fatal(err)
	}
	columns, _, err := small.columns()
	if err != nil {
		t.Fatal(err)
	}
	stark, err := small.STARK.Check(small.Hash, columns[:])
	if err != nil {
		t.Fatal(err)
	}
	openings := stark.Permutations()
	last := sort.Search(maxCells, func(n int) bool { // an output of that many words is too long
		c := small.Claim
		c.Public.Output = make([]Cell, n)
		return c.permutations()+openings > maxPermutations
	}) - 1
	if last < 100_000 || last > 150_000 {
		t.Errorf("an output of %d words is within the bound", last)
	}
	check("a short claim", small, unknown)
	check("the longest output", words(32, last), unknown)
	check("an output of a word more", words(32, last+1), bound)
	check("a long program", words(len(small.Claim.Public.Program)+last+1, 0), bound)
	if err := hostileProof(t, last+1, last+1, 32).Check(); err != nil { // of Blake2s
		t.Error(err)
	}
}

// TestPermutationsOfProver checks that a run is not proved with Poseidon252 if no verification could be within the bound.
func TestPermutationsOfProver(t *testing.T) {
	p := withPoseidon(t, "c01_nothing")
	p.Claim = hostileProof(t, 32, 0, 0).Claim
	spare := maxPermutations - p.Claim.permutations()
	if err := p.checkPermutations(spare); err != nil {
		t.Error(err)
	}
	if err := p.checkPermutations(spare + 1); err == nil {
		t.Error("a permutation more: accepted")
	}
}
