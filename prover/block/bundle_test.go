package block

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
)

func emptyBlockProof() *Bundle {
	return &Bundle{
		Chain: "TEST", Block: 3, Proofs: []*stone.Proof{},
		Witness: statement.Witness{
			Transactions: []statement.HexBytes{{1, 2}}, Results: []statement.Result{{Data: statement.HexBytes{}}}, Classes: []statement.Compiled{},
			Opening:     []statement.Write{{Contract: felt.One}},
			Unproven:    []statement.Unproven{{Index: 1, Reason: statement.Reason{Builtin: "poseidon", Class: felt.One}, Diff: statement.HexBytes{1}}},
			Validations: []statement.Validation{{Index: 2, Storage: []statement.SlotChange{{Key: felt.One}}, Events: 1}},
			Prestate:    &statement.Prestate{Contracts: []statement.PrestateLeaf{}, Pedersen: []statement.PrestateNode{}, Poseidon: []statement.PrestateNode{}},
		},
		Headers: [2]json.RawMessage{json.RawMessage("{}"), json.RawMessage("{}")},
	}
}

func TestBlockProofFileIsCanonical(t *testing.T) {
	file, err := emptyBlockProof().Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.Chain != "TEST" || b.Block != 3 || len(b.Witness.Transactions) != 1 {
		t.Errorf("read back as %+v", b)
	}
	// A change of any byte is rejected.
	for i := range file {
		changed := []byte(string(file))
		changed[i] ^= 1
		if _, err := Parse(changed); err == nil {
			t.Errorf("byte %d, %q for %q, goes unnoticed", i, changed[i], file[i])
		}
	}
	for name, other := range map[string]string{
		"a space":       strings.Replace(string(file), `,"sha256"`, `, "sha256"`, 1),
		"bytes after":   string(file) + " ",
		"unknown field": strings.Replace(string(file), `,"sha256"`, `,"note":1,"sha256"`, 1),
	} {
		if _, err := Parse([]byte(other)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := Parse([]byte(`{"proof_hex":"0x"}`)); !errors.Is(err, ErrNotBundle) {
		t.Errorf("a Stone proof: %v", err)
	}
	if _, err := Verify(b, &statement.Anchor{Number: 3}, prover.Policy{}); err == nil || !strings.Contains(err.Error(), "no proofs") {
		t.Errorf("no proofs: %v", err)
	}
}

func FuzzParseBlockProof(f *testing.F) {
	file, err := emptyBlockProof().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(`{"format":"starkd-block-proof/2","sha256":"","body":{"proofs":[null]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err != nil {
			// The digest keeps the fuzzer out of the body, so the test decodes the body alone.
			_, body, _ := bytes.Cut(data, []byte(fileBody))
			var ok bool
			if body, ok = bytes.CutSuffix(body, []byte(fileEnd)); !ok {
				return
			}
			b = new(Bundle)
			if jsonv2.Unmarshal(body, b, decoding(body)) != nil {
				return
			}
		}
		Verify(b, &statement.Anchor{Number: b.Block}, prover.Policy{})
	})
}
