package stwo

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// corpusCases are the proofs of the corpus that StarkWare's prover made.
var corpusCases = []string{
	"c01_nothing", "c02_fib", "c03_opcodes", "c04_rc_bitwise", "c05_pedersen", "c05_pedersen/narrow", "c06_poseidon", "c06_poseidon/m31",
	"c07_mod", "c07_mod/lift", "c08_ec_op", "c08_ec_op/small", "c09_blake", "c10_all", "c10_all/small",
	"starkware_all_builtins", "starkware_all_opcodes",
}

// quickCases are proofs of few bytes.
var quickCases = []string{"c01_nothing", "c03_opcodes", "c04_rc_bitwise", "c05_pedersen/narrow", "c06_poseidon/m31", "c07_mod/lift"}

// readCase returns a file of a case.
func readCase(t testing.TB, name, file string) []byte {
	t.Helper()
	for _, suffix := range []string{"", ".gz", ".xz"} {
		path := golden.Corpus(t, "stwo")
		path = filepath.Join(path, name, file+suffix)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		switch suffix {
		case ".gz":
			return golden.Gunzip(t, path)
		case ".xz":
			return golden.Unxz(t, path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	t.Skipf("corpus absent: no %s of %s", file, name)
	return nil
}

// readProofs holds the proofs that readProof has read.
var readProofs = map[string]*Proof{}

// readProof returns the proof of a case. Tests must not change it.
func readProof(t testing.TB, name string) *Proof {
	t.Helper()
	if p := readProofs[name]; p != nil {
		return p
	}
	p, err := ParseJSON(readCase(t, name, "proof.json"))
	if err != nil {
		t.Fatal(err)
	}
	readProofs[name] = p
	return p
}

func TestJSON(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			text := readCase(t, name, "proof.json")
			p, err := ParseJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			readProofs[name] = p
			if got := p.AppendJSON(nil, text[1] == '\n'); string(got) != string(text) {
				t.Errorf("the proof is written differently")
			}
		})
	}
}

// TestFelts compares the form for Cairo verifiers with StarkWare's, by its hash.
func TestFelts(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			want := strings.TrimSpace(string(readCase(t, name, "proof.cairo_serde.sha256")))
			p := readProof(t, name)
			lifting := p.STARK.Config.LiftingLogSize
			defer func() { p.STARK.Config.LiftingLogSize = lifting }()
			p.STARK.Config.LiftingLogSize = nil
			text, err := p.AppendFelts(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != want {
				t.Errorf("got hash %s of the felts, want %s", got, want)
			}
			q, err := ParseFelts(text, p.Hash, p.Preprocessed)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(q.AppendJSON(nil, false), p.AppendJSON(nil, false)) {
				t.Error("the proof that is read from felts differs")
			}
		})
	}
}

// TestBinary compares proofs that are read from StarkWare's binary files, and from ours, with those in JSON.
func TestBinary(t *testing.T) {
	for _, name := range quickCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProof(t, name)
			ours := p.AppendBinary(nil)
			want := p.AppendJSON(nil, false)
			t.Logf("%d bytes, JSON %d", len(ours), len(want))
			q, err := ParseBinary(ours)
			if err != nil {
				t.Fatal(err)
			}
			if q.Hash != p.Hash || !bytes.Equal(q.AppendJSON(nil, false), want) {
				t.Error("the proof that is read from our binary form differs")
			}
			if q, err = ParseBinary(readCase(t, name, "proof.bin.bz2")); err != nil {
				t.Fatal(err)
			}
			if q.Hash != p.Hash || !bytes.Equal(q.AppendJSON(nil, false), want) {
				t.Error("the proof that is read from StarkWare's binary form differs")
			}
		})
	}
}
