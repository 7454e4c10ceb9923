package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
)

// ask returns the answer that a page gets for a file.
func ask(t testing.TB, data []byte, trusted string) *answer {
	t.Helper()
	a := &answer{verdict: new(verdict)}
	text := respond(func() (*verdict, error) { return verify(data, trusted) })
	if err := json.Unmarshal([]byte(text), a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if a.OK != (a.Kind != "") || a.OK != (a.Error == "") || a.OK != (a.Verdict == "valid") || !a.OK && a.Verdict != "refused" && a.Verdict != "could not check" {
		t.Fatalf("an inconsistent answer: %s", text)
	}
	return a
}

// TestStoneProofs checks that the verdict on Stone proofs of the corpus has the claim of package prover, and that each requirement is applied. Tests
// of cmd/starkd check block proofs, in node.
func TestStoneProofs(t *testing.T) {
	for _, name := range []string{"stone/recursive.16384.json", "stone-cases/rec131072-squash-pstar/proof.json"} {
		data, err := os.ReadFile(golden.Corpus(t, name))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := stone.ParseProof(data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := prover.Verify(proof, prover.Policy{MinBits: 80})
		if err != nil {
			t.Fatal(err)
		}
		a := ask(t, data, `{"genesis":{"of":"any chain"},"min_bits":80}`)
		if !a.OK || a.Kind != "stone" || a.Program != want.ProgramHash || a.Layout != want.Layout || a.Steps != want.Steps ||
			a.Bits != want.Security.Conjectured || a.ProvenBits != want.Security.Proven || a.Named || strings.Join(a.Builtins, " ") != "output pedersen range_check bitwise" || len(a.Output) != len(want.Output) || !strings.HasPrefix(a.Trusted, "nothing") {
			t.Errorf("%s: %+v %+v, want %+v", name, a, a.verdict, want)
		}
		program, err := os.ReadFile(golden.Corpus(t, "stone-cases/rec131072-squash-pstar/program.json"))
		if err != nil {
			t.Fatal(err)
		}
		for trusted, expected := range map[string][2]string{
			`{"min_bits":97}`:                      {"refused", "bits of conjectured security"},
			`{"min_bits":80,"min_proven_bits":63}`: {"refused", "bits of proven security"},
			`{"tx":"0x1"}`:                         {"refused", "not a block's proof"},
			`{"block":0}`:                          {"refused", "not a block's proof"},
			`{"min_bits":80,"program":"0x1"}`:      {"refused", "demanded is 0x1"},
			`{"min_bits":80,"program":"` + want.ProgramHash.String() + `"}`: {"valid", ""},
			`{"min_bits":0}`:      {"valid", ""},
			`{"program":"one"}`:   {"could not check", "program hash"},
			`{"program_file":{}}`: {"could not check", "program"},
			`{"min_bits":-1}`:     {"could not check", "trust: "},
			``:                    {"could not check", "trust: "},
			`[]`:                  {"could not check", "trust: "},
		} {
			if a := ask(t, data, trusted); a.Verdict != expected[0] || !strings.Contains(a.Error, expected[1]) || a.Named != (a.OK && strings.Contains(trusted, "program")) {
				t.Errorf("%s with %s: %+v, want %q", name, trusted, a, expected)
			}
		}
		verdict := map[bool]string{true: "valid", false: "refused"}[strings.Contains(name, "squash")]
		if a := ask(t, data, `{"min_bits":80,"program_file":`+string(program)+`}`); a.Verdict != verdict {
			t.Errorf("%s with a program's file: %+v, want %q", name, a, verdict)
		}
		data[bytes.Index(data, []byte(`"proof_hex"`))+len(data)/10] ^= 1
		if a := ask(t, data, `{"min_bits":80}`); a.Verdict != "refused" {
			t.Errorf("%s: accepted with a bit changed", name)
		}
	}
}

// TestStwoProofs checks the verdict on a proof of S-two in two forms, and on changed ones.
func TestStwoProofs(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "stwo/c02_fib/proof.bin.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := stwo.ParseBinary(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{data, proof.AppendBinary(nil), proof.AppendJSON(nil, true)} {
		a := ask(t, file, `{"min_bits":96}`)
		if !a.OK || a.Kind != "stwo" || a.Layout != "all_cairo_stwo" || a.Bits != 96 || len(a.Output) != 1 || len(a.Builtins) != stwo.SegmentCount || !strings.HasPrefix(a.Trusted, "nothing") {
			t.Fatalf("got %+v %+v", a, a.verdict)
		}
		for trusted, expected := range map[string][2]string{
			`{"min_bits":97}`:   {"refused", "bits of conjectured security"},
			`{"block":0}`:       {"refused", "not a block's proof"},
			`{"program":"0x1"}`: {"refused", "demanded is 0x1"},
			`{"program":"` + a.Program.String() + `"}`: {"valid", ""},
		} {
			if a := ask(t, file, trusted); a.Verdict != expected[0] || !strings.Contains(a.Error, expected[1]) {
				t.Errorf("with %s: %+v, want %q", trusted, a, expected)
			}
		}
		changed := bytes.Clone(file)
		changed[len(file)/2] ^= 1
		if a := ask(t, changed, `{}`); a.Verdict != "refused" {
			t.Errorf("a changed proof: %+v", a)
		}
	}
}

// TestForgedTable checks that a proof of S-two that is valid but for a wrong cell in the table of a range check is refused: see TestForgedTable of
// prover/stwo.
func TestForgedTable(t *testing.T) {
	data, err := os.ReadFile("../../prover/stwo/testdata/forged_table.proof")
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, data, `{"min_bits":30}`); a.Verdict != "refused" || !strings.Contains(a.Error, "the preprocessed columns have the root") {
		t.Errorf("got %+v", a)
	}
}

// TestPanicIsAnswered checks that a panic gives an answer.
func TestPanicIsAnswered(t *testing.T) {
	got := respond(func() (*verdict, error) { return nil, []error{}[len(os.Args)] })
	if !strings.HasPrefix(got, `{"ok":false,"verdict":"could not check","error":"the verifier failed`) {
		t.Errorf("got %s", got)
	}
}

// TestWrongFile checks that a file that is not a proof gives the verdict "could not check", and a malformed proof "refused".
func TestWrongFile(t *testing.T) {
	for _, file := range []string{"", "{}", `{"genesis_time":"","chain_id":"X","validators":[]}`, "PNG"} {
		if a := ask(t, []byte(file), `{"header":"`+strings.Repeat("ab", 32)+`"}`); a.Verdict != "could not check" || !strings.Contains(a.Error, "neither") {
			t.Errorf("%q: %+v", file, a)
		}
	}
	if a := ask(t, []byte(`{"PROOF_HEX":"0x"}`), `{}`); a.Verdict != "refused" {
		t.Errorf("a malformed proof: %+v", a)
	}
}

// FuzzRespond checks that any bytes and any trust give an answer without a panic.
func FuzzRespond(f *testing.F) {
	f.Add([]byte(`{"format":"starkd-block-proof/2","sha256":"","body":{}}`), `{"header":"`+strings.Repeat("ab", 32)+`"}`)
	f.Add([]byte(`{"format":"starkd-block-proof/2","sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","body":{}}`), `{"genesis":{}}`)
	f.Add([]byte(`{}`), `{"tx":"0x1","block":18446744073709551615}`)
	f.Add([]byte{}, ``)
	f.Fuzz(func(t *testing.T, data []byte, trusted string) {
		if a := ask(t, data, trusted); strings.Contains(a.Error, "verifier failed") {
			t.Fatal(a.Error)
		}
	})
}
