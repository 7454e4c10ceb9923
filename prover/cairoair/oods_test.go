package cairoair

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/field"
	"github.com/starkd/starkd/prover/transcript"
)

// The annotated proofs of layouts that this package has.
var annotated = []struct {
	path   string
	stone6 bool
}{
	{"stone/recursive.stone5.keccak_160.json", false},
	{"stone/recursive.stone6.blake2s_248.json", true},
	{"stone/small.stone6.blake2s_248.json", true},
	{"stone-cases/rec131072-squash-pstar/proof.json", true},
	{"stone-cases/small8192-sig-k160lsb/proof.json", true},
}

// In a valid proof the composition polynomial, evaluated at the out-of-domain point from the trace's mask values, is
// h0(z²) + z·h1(z²) with the two composition values that the proof states. That ties down every constraint, their order,
// the mask's order, the domains, the periodic columns and the public constants.
func TestCompositionEqualsStone(t *testing.T) {
	for _, c := range annotated {
		t.Run(c.path, func(t *testing.T) {
			p := readProof(t, strings.Split(c.path, "/")...)
			a, err := New(p.public(t))
			if err != nil {
				t.Fatal(err)
			}
			challenges := p.annotated(t, "Interaction element #")
			alpha := p.annotated(t, "STARK/Original: Constraint polynomial random element")
			z := p.annotated(t, "OODS values: Evaluation point")
			mask := p.annotated(t, "OODS values: ")[1:]
			checkComposition(t, a, challenges, alpha[0], z[0], mask)
		})
	}
}

// The same for proofs on a channel of bytes without annotations: the challenges come from replaying the channel, so the
// seed is checked as well.
func TestCompositionEqualsStoneByReplay(t *testing.T) {
	for _, path := range []string{
		"stone/plain.8192.json", "stone/recursive.16384.json",
		"stone-cases/plain8-tiny-last1/proof.json", "stone-cases/plain8-tiny-pedersen/proof.json",
		"stone-cases/plain512-lcg-keccak-upd/proof.json", "stone-cases/rec16384-idle-keccak/proof.json",
		"stone-cases/small8192-math-keccak/proof.json", "stone-cases/small8192-sig-k160lsb/proof.json",
	} {
		t.Run(path, func(t *testing.T) {
			p := readProof(t, strings.Split(path, "/")...)
			a, err := New(p.public(t))
			if err != nil {
				t.Fatal(err)
			}
			params := p.seedParams(true)
			bytes, err := Seed(a.Public(), params)
			if err != nil {
				t.Fatal(err)
			}
			seed := transcript.Digest(keccak.Sum256(bytes))
			if params.FriendlyUpdates {
				seed = transcript.Digest(bytes)
			}
			proof, err := hex.DecodeString(strings.TrimPrefix(p.ProofHex, "0x"))
			if err != nil {
				t.Fatal(err)
			}
			v, err := transcript.NewVerifier(transcript.Config{Channel: transcript.Keccak256}, seed, proof)
			if err != nil {
				t.Fatal(err)
			}
			commitment := func() {
				if _, err := v.ReadCommitment("", transcript.Keccak256); err != nil {
					t.Fatal(err)
				}
			}
			commitment()
			challenges := make([]field.Element, a.System().Challenges)
			for i := range challenges {
				challenges[i] = v.Draw("")
			}
			commitment()
			alpha := v.Draw("")
			commitment()
			z := v.Draw("")
			mask, err := v.ReadElements("", len(a.System().Mask)+2)
			if err != nil {
				t.Fatal(err)
			}
			checkComposition(t, a, challenges, alpha, z, mask)
		})
	}
}

func checkComposition(t *testing.T, a *AIR, challenges []field.Element, alpha, z field.Element, mask []field.Element) {
	t.Helper()
	values, err := a.Values(challenges)
	if err != nil {
		t.Fatal(err)
	}
	s := a.System()
	if len(mask) != len(s.Mask)+2 {
		t.Fatalf("proof has %d out-of-domain values, want %d and 2", len(mask), len(s.Mask))
	}
	got, err := s.EvalPoint(z, a.TraceLength(), mask[:len(s.Mask)], values, alpha)
	if err != nil {
		t.Fatal(err)
	}
	want := mask[len(s.Mask)+1]
	want.Mul(&want, &z).Add(&want, &mask[len(s.Mask)])
	if got != want {
		t.Errorf("composition at %s is %s, want %s", z.String(), got.String(), want.String())
	}
}

// On the poseidon3 channel the first interaction element is Hash(s, 0) with s = HashMany(seed + 1, trace commitment).
func TestSeedEqualsStone(t *testing.T) {
	for _, c := range annotated {
		p := readProof(t, strings.Split(c.path, "/")...)
		params := p.seedParams(c.stone6)
		if !params.Felt {
			continue
		}
		in := p.public(t)
		seed, err := Seed(in, params)
		if err != nil {
			t.Fatal(err)
		}
		state, err := felt.FromBytes(seed)
		if err != nil {
			t.Fatal(err)
		}
		commitment := felt.Felt(p.annotated(t, "Original/Commit on Trace: Commitment")[0])
		state.Add(&state, &felt.One)
		got := field.Element(poseidon.Hash(poseidon.HashMany(state, commitment), felt.Zero))
		if want := p.annotated(t, "Interaction element #0")[0]; got != want {
			t.Errorf("%s: first interaction element %s, want %s", c.path, got.String(), want.String())
		}
		params.Stone6 = !params.Stone6
		if other, err := Seed(in, params); err != nil || string(other) == string(seed) {
			t.Errorf("%s: the other version's seed is the same (error %v)", c.path, err)
		}
	}
}
