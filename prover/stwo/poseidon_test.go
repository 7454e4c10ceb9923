package stwo

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
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

// TestPermutations checks the bound of the work of a verification with Poseidon252: the last claim within it is read on, to the root, which is wrong, and
// one with a word more is refused. So are openings at too many positions.
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
	const wrongRoot, bound = "the preprocessed columns have the root", "permutations of poseidon252, want at most 262144"
	small := words(32, 0)
	checked, err := small.check()
	if checked != nil || err == nil || !strings.Contains(err.Error(), wrongRoot) {
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
	check("a short claim", small, wrongRoot)
	check("the longest output", words(32, last), wrongRoot)
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

// poseidonProof is a proof of the program few with Poseidon252, which StarkWare's verifier accepts.
const poseidonProof = "poseidon.proof"

// TestPoseidonProof verifies the proof, in each of its forms, and refuses changed ones. If StarkWare's verifier is on PATH, it judges the proof; the judge's
// list has no root for these parameters, so StarkWare's prover has computed it (stwo-prover root canonical_small poseidon252 1).
func TestPoseidonProof(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", poseidonProof))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	text := p.AppendJSON(nil, true)
	q, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for form, p := range map[string]*Proof{"binary": p, "JSON": q} {
		if err := p.Verify(); err != nil || p.Hash != channel.Poseidon252 {
			t.Errorf("%s, %v: %v", form, p.Hash, err)
		}
	}
	if out := p.Claim.Public.OutputWords(); len(out) != 1 || out[0] != felt.FromUint64(3) {
		t.Errorf("got the output %v, want 3", out)
	}
	bump := func(d *channel.Digest) { d[31] ^= 1 }
	for what, change := range map[string]func(p *Proof){
		"another output":                   func(p *Proof) { p.Claim.Public.Output[0].Value = felt.FromUint64(4) },
		"another nonce of the lookups":     func(p *Proof) { p.InteractionNonce++ },
		"another nonce":                    func(p *Proof) { p.STARK.ProofOfWork++ },
		"another salt":                     func(p *Proof) { p.Salt++ },
		"another commitment":               func(p *Proof) { bump(&p.STARK.Commitments[2]) },
		"a commitment that is not a felt":  func(p *Proof) { p.STARK.Commitments[1][0] |= 0x80 },
		"another sample":                   func(p *Proof) { increase(&p.STARK.SampledValues[1][0][0]) },
		"another cell":                     func(p *Proof) { p.STARK.QueriedValues[1][3][2] ^= 1 },
		"another node":                     func(p *Proof) { bump(&p.STARK.Decommitments[3][5]) },
		"a node that is not a felt":        func(p *Proof) { p.STARK.Decommitments[0][5][0] |= 0x80 },
		"another value of FRI":             func(p *Proof) { increase(&p.STARK.FRI.InnerLayers[0].Witness[0]) },
		"another node of FRI":              func(p *Proof) { bump(&p.STARK.FRI.FirstLayer.Decommitment[0]) },
		"another commitment of FRI":        func(p *Proof) { bump(&p.STARK.FRI.InnerLayers[1].Commitment) },
		"another coefficient":              func(p *Proof) { increase(&p.STARK.FRI.LastLayer[0]) },
		"another claimed sum":              func(p *Proof) { increase(&p.Sums[0]) },
		"another hash function":            func(p *Proof) { p.Hash = channel.Blake2s },
		"another preprocessed trace":       func(p *Proof) { p.Preprocessed = preprocessed.CanonicalWithoutPedersen },
		"another root of the preprocessed": func(p *Proof) { bump(&p.STARK.Commitments[0]) },
	} {
		changed, err := ParseBinary(b)
		if err != nil {
			t.Fatal(err)
		}
		change(changed)
		if err := changed.Verify(); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}

	judge, err := exec.LookPath("stwo-judge")
	if err != nil {
		t.Log("StarkWare's verifier stwo-judge is not on PATH")
		return
	}
	file := filepath.Join(t.TempDir(), "proof.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(judge, file, "--hash", "poseidon252", "--min-bits", "20", "--any-root").CombinedOutput(); err != nil {
		t.Errorf("stwo-judge: %v: %s", err, text)
	}
}
