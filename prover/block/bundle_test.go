package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
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
		Chain: "TEST", Block: 3, Proofs: []*Proof{{Stwo: []byte{1}}},
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
	for want, proofs := range map[string][]*Proof{
		"no proofs": {}, "no proof": {{}}, "two systems": {{Stone: new(stone.Proof), Stwo: []byte{1}}}, "not a proof in binary form": {{Stwo: []byte{1}}},
	} {
		b.Proofs = proofs
		if _, err := Verify(b, &statement.Anchor{Number: 3}, prover.Policy{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestVersions checks that a file of version 2 is read and written as such, and that its proofs are no proofs of version 3.
func TestVersions(t *testing.T) {
	b := emptyBlockProof()
	b.Version, b.Proofs = 2, []*Proof{nil}
	file, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(file, []byte(`{"format":"starkd-block-proof/2","sha256":"`)) {
		t.Errorf("the file begins with %.60s", file)
	}
	if again, err := Parse(file); err != nil || again.Version != 2 {
		t.Errorf("version 2: %+v, %v", again, err)
	}
	for version, proofs := range map[int]string{2: `{"stwo":"AQ=="}`, 3: `{"proof_hex":"0x00"}`, 4: `{"stwo":"AQ=="}`} {
		body := []byte(`{"chain_id":"","block":0,"proofs":[` + proofs + `]}`)
		digest := sha256.Sum256(body)
		_, err := Parse([]byte(fmt.Sprintf(`{"format":"starkd-block-proof/%d","sha256":"%x","body":%s}`, version, digest, body)))
		if err == nil {
			t.Errorf("version %d with the proof %s: accepted", version, proofs)
		} else {
			t.Logf("version %d with the proof %s: %v", version, proofs, err)
		}
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
			if jsonv2.Unmarshal(body, b, decoding(body, 3)) != nil {
				return
			}
		}
		Verify(b, &statement.Anchor{Number: b.Block}, prover.Policy{})
	})
}
