package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover"
)

// ask is what a page gets for a file.
func ask(t testing.TB, data []byte, trusted string) *answer {
	t.Helper()
	a := &answer{verdict: new(verdict)}
	text := respond(func() (*verdict, error) { return verify(data, trusted) })
	if err := json.Unmarshal([]byte(text), a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if a.OK != (a.Kind != "") || a.OK != (a.Error == "") {
		t.Fatalf("neither a verdict nor a refusal: %s", text)
	}
	return a
}

// The Stone proofs of the corpus come out as package prover reads them; a block's proof is judged in cmd/starkd, by node.
func TestStoneProofs(t *testing.T) {
	for _, name := range []string{"stone/recursive.16384.json", "stone-cases/rec131072-squash-pstar/proof.json"} {
		data, err := os.ReadFile(golden.Corpus(t, name))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := prover.ParseProof(data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := prover.Verify(proof, prover.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		a := ask(t, data, `{"genesis":{"of":"any chain"}}`)
		if !a.OK || a.Kind != "stone" || a.Program != want.ProgramHash || a.Layout != want.Layout || a.Steps != want.Steps ||
			a.Bits != want.Bits || len(a.Output) != len(want.Output) || !strings.HasPrefix(a.Trusted, "nothing") {
			t.Errorf("%s: %+v %+v, want %+v", name, a, a.verdict, want)
		}
		for trusted, reason := range map[string]string{
			`{"min_bits":97}`: "bits of security", `{"tx":"0x1"}`: "not a block's proof", `{"block":0}`: "not a block's proof",
			`{"min_bits":-1}`: "what is trusted", ``: "what is trusted", `[]`: "what is trusted",
		} {
			if a := ask(t, data, trusted); a.OK || !strings.Contains(a.Error, reason) {
				t.Errorf("%s with %s: %+v, want %q", name, trusted, a, reason)
			}
		}
		data[bytes.Index(data, []byte(`"proof_hex"`))+len(data)/10] ^= 1
		if a := ask(t, data, `{}`); a.OK {
			t.Errorf("%s: accepted with a bit changed", name)
		}
	}
}

func TestPanicIsAnswered(t *testing.T) {
	got := respond(func() (*verdict, error) { return nil, []error{}[len(os.Args)] })
	if !strings.HasPrefix(got, `{"ok":false,"error":"the verifier failed`) {
		t.Errorf("got %s", got)
	}
}

// Any bytes and any trust are answered.
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
