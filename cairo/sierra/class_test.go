package sierra

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// TestValidateAccepts checks that classes which the official compiler accepts are valid and declarable.
func TestValidateAccepts(t *testing.T) {
	for _, file := range classFiles(t) {
		c := readClass(t, file)
		if _, err := c.Validate(); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		if err := c.CheckDeclarable(); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

// TestValidateRejects checks classes that the official compiler rejects. If it rejects a class before compiling, Validate
// must return the right code; otherwise Validate must accept the class.
func TestValidateRejects(t *testing.T) {
	want := map[string]Code{
		"mutant_branch_jump_backwards":                    CodeBranch,
		"mutant_branch_jump_to_a_non_branch_align":        CodeBranch,
		"mutant_duplicate_entry_point_selector":           CodeSelectorOrder,
		"mutant_entry_points_not_sorted":                  CodeSelectorOrder,
		"mutant_input_count_mismatch":                     CodeInvocation,
		"mutant_invalid_entry_point_signature":            CodeEntryPoint,
		"mutant_requires_version":                         CodeLibfuncVersion,
		"mutant_type_info_declaration_mismatch":           CodeTypeInfo,
		"starknet.js__hash__hash":                         CodeFelts,
		"mutant_does_not_match_the_expected_type":         "",
		"mutant_inconsistent_ap_tracking":                 "",
		"mutant_inconsistent_gas_wallet":                  "",
		"mutant_inconsistent_references_annotations_vari": "",
		"mutant_is_undefined":                             "",
		"mutant_not_on_the_stack":                         "",
		"mutant_was_overridden":                           "",
		"pathfinder__contracts__sierra-1.0.0.rc0":         "",
	}
	files, err := filepath.Glob(filepath.Join(golden.Corpus(t, "contracts", "refused"), "*.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want) {
		t.Fatalf("%d rejected classes, want %d", len(files), len(want))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".contract_class.json")
		code, ok := want[name]
		if !ok {
			t.Errorf("%s: unexpected file", name)
			continue
		}
		_, err := readClass(t, file).Validate()
		var got *ClassError
		switch {
		case code == "" && err != nil:
			t.Errorf("%s: %v, want an error from the compiler only", name, err)
		case code != "" && (!errors.As(err, &got) || got.Code != code):
			t.Errorf("%s: got %v, want code %s", name, err, code)
		}
	}
}

// TestClassHash compares class hashes with those of other implementations.
func TestClassHash(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "contracts", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Pairs []struct {
			Name      string
			ClassHash felt.Felt `json:"class_hash"`
		}
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Pairs) < 23 {
		t.Fatalf("%d hashes, want 23", len(index.Pairs))
	}
	for _, p := range index.Pairs {
		c := readClass(t, golden.Corpus(t, "contracts", "sierra-casm", p.Name+".contract_class.json"))
		if got := c.Hash(); got != p.ClassHash {
			t.Errorf("%s: hash %v, want %v", p.Name, got, p.ClassHash)
		}
	}
}

// TestClassJSONRoundTrip checks that the RPC form decodes to the same class.
func TestClassJSONRoundTrip(t *testing.T) {
	for _, file := range classFiles(t) {
		c := readClass(t, file)
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeClass(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !reflect.DeepEqual(back, c) {
			t.Errorf("%s: the RPC form decodes to another class", filepath.Base(file))
		}
	}
}
