package prover

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo"
)

// readStwo returns a proof of the corpus and its program.
func readStwo(t testing.TB, name string) (*stwo.Proof, *Program) {
	t.Helper()
	folder := golden.Corpus(t, "stwo")
	b, err := os.ReadFile(filepath.Join(folder, name, "proof.bin.bz2"))
	if err != nil {
		t.Skip(err)
	}
	proof, err := stwo.ParseBinary(b)
	if err != nil {
		t.Fatal(err)
	}
	program, err := ParseProgram(golden.Gunzip(t, filepath.Join(folder, name, "program.json.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return proof, program
}

// TestVerifyStwo verifies proofs of S-two under each way to name the program, and under other programs.
func TestVerifyStwo(t *testing.T) {
	proof, program := readStwo(t, "c02_fib")
	claim, err := VerifyStwo(proof, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(claim.Program.Words, program.Words) || claim.Program.Main != program.Main || !slices.Equal(claim.Program.Builtins, program.Builtins) {
		t.Errorf("got the program %v, want %v", claim.Program, program)
	}
	if claim.Named || claim.Layout != "all_cairo_stwo" || claim.Version != "stwo 2.3.0" || claim.Security.Conjectured != 96 || claim.Steps == 0 {
		t.Errorf("got %+v", claim)
	}
	for _, hash := range []felt.Felt{claim.ProgramHash, program.Hash()} {
		named, err := VerifyStwo(proof, Policy{Program: &hash})
		if err != nil || !named.Named || named.ProgramHash != hash {
			t.Errorf("program %v demanded: got %+v, %v", hash, named, err)
		}
	}
	_, err = VerifyStwo(proof, Policy{Program: &felt.One})
	if other, ok := errors.AsType[*ProgramError](err); !ok || other.Hash != claim.ProgramHash {
		t.Errorf("program 1 demanded: got %v", err)
	}
	for _, policy := range []Policy{{MinBits: 97}, {MinProvenBits: 60}} {
		_, err = VerifyStwo(proof, policy)
		if _, ok := errors.AsType[*SecurityError](err); !ok {
			t.Errorf("%+v: got %v, want a refusal for lack of security", policy, err)
		}
	}
	// The policy comes before anything that is hashed, but after the checks of the claim and the sizes.
	good := *proof
	proof.InteractionNonce++
	_, err = VerifyStwo(proof, Policy{MinBits: 97})
	if _, ok := errors.AsType[*SecurityError](err); !ok {
		t.Errorf("another nonce and too few bits: got %v, want a refusal for lack of security", err)
	}
	if _, err := VerifyStwo(proof, Policy{}); err == nil || !strings.Contains(err.Error(), "is not a proof of work of 24 bits") {
		t.Errorf("another nonce of the lookups: got %v", err)
	}
	proof.Sums = proof.Sums[1:]
	_, err = VerifyStwo(proof, Policy{MinBits: 97})
	if _, ok := errors.AsType[*SecurityError](err); ok || err == nil {
		t.Errorf("a claimed sum less and too few bits: got %v, want a refusal of the sums", err)
	}
	*proof = good
	proof.STARK.ProofOfWork++
	if _, err := VerifyStwo(proof, Policy{}); err == nil || !strings.Contains(err.Error(), "proof of work") {
		t.Errorf("another nonce: got %v", err)
	}
	if _, err := VerifyStwo(nil, Policy{}); err == nil {
		t.Error("no proof: accepted")
	}
}
