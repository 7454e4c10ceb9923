package prover

import (
	"os"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stone"
)

func readProof(t testing.TB, path string) *stone.Proof {
	t.Helper()
	b, err := os.ReadFile(golden.Corpus(t, path))
	if err != nil {
		t.Fatal(err)
	}
	p, err := stone.ParseProof(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stoneProofs lists the corpus proofs and the Stone version that made each.
var stoneProofs = []struct {
	path    string
	version stone.Version
}{
	{"stone/plain.8192.json", stone.V6},
	{"stone/recursive.16384.json", stone.V6},
	{"stone/recursive.stone5.keccak_160.json", stone.V5},
	{"stone/recursive.stone6.blake2s_248.json", stone.V6},
	{"stone/recursive_with_poseidon.stone6.blake2s_248.json", stone.V6},
	{"stone/recursive_with_poseidon.stone6.keccak_160.json", stone.V6},
	{"stone/small.stone6.blake2s_248.json", stone.V6},
	{"stone/starknet.stone6.blake2s_248.json", stone.V6},
	{"stone-cases/plain512-lcg-keccak-upd/proof.json", stone.V6},
	{"stone-cases/plain8-tiny-last1/proof.json", stone.V6},
	{"stone-cases/plain8-tiny-pedersen/proof.json", stone.V6},
	{"stone-cases/rec131072-squash-pstar/proof.json", stone.V6},
	{"stone-cases/rec16384-idle-keccak/proof.json", stone.V6},
	{"stone-cases/small8192-math-keccak/proof.json", stone.V6},
	{"stone-cases/small8192-sig-k160lsb/proof.json", stone.V6},
}

func TestVerifyStone(t *testing.T) {
	for _, c := range stoneProofs {
		t.Run(c.path, func(t *testing.T) {
			p := readProof(t, c.path)
			claim, err := Verify(p, Policy{MinBits: 1, Versions: []stone.Version{stone.V6, stone.V5}})
			if err != nil {
				t.Fatal(err)
			}
			if claim.Version != c.version.String() {
				t.Errorf("got version %s, want %s", claim.Version, c.version)
			}
			if len(claim.Program.Words) == 0 || claim.Layout != p.PublicInput.Layout {
				t.Errorf("got claim of layout %q with %d program words", claim.Layout, len(claim.Program.Words))
			}
		})
	}
}

func TestPolicyRefusesWeakProof(t *testing.T) {
	p := readProof(t, "stone-cases/plain8-tiny-pedersen/proof.json")
	if _, err := Verify(p, Policy{}); err == nil || !strings.Contains(err.Error(), "30 bits") {
		t.Errorf("got error %v, want a refusal of 30 bits", err)
	}
}
