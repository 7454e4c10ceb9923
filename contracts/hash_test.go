package contracts

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// TestHashes compares the hashes of the classes with those that starknet.js computes for the same files.
func TestHashes(t *testing.T) {
	text, err := os.ReadFile("testdata/hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	var hashes map[string]struct {
		Class    felt.Felt `json:"class_hash"`
		Compiled felt.Felt `json:"compiled_class_hash"`
		Legacy   felt.Felt `json:"legacy_compiled_class_hash"`
	}
	if err := json.Unmarshal(text, &hashes); err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		want, ok := hashes[name]
		if !ok {
			t.Errorf("%s: no hashes", name)
			continue
		}
		text, err := ClassJSON(name)
		if err != nil {
			t.Fatal(err)
		}
		var class starknet.ContractClass
		if err := json.Unmarshal(text, &class); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := class.Hash(); got != want.Class {
			t.Errorf("%s: class hash %v, want %v", name, got, want.Class)
		}
		code := compiledCode(t, name)
		if got := code.BlakeHash(); got != want.Compiled {
			t.Errorf("%s: compiled class hash %v, want %v", name, got, want.Compiled)
		}
		if got := code.PoseidonHash(); got != want.Legacy {
			t.Errorf("%s: Poseidon compiled class hash %v, want %v", name, got, want.Legacy)
		}
	}
}

func compiledCode(t *testing.T, name string) *casm.Class {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".compiled_contract_class.json")
	if err != nil {
		t.Fatal(err)
	}
	code, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return code
}
