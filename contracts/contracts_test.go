package contracts

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"
)

// compilerVersion is the official compiler's version that build.sh requires, sierraVersion the Sierra version that it writes.
const (
	compilerVersion = "2.20.0"
	sierraVersion   = "1.9.3"
)

type entryPoint struct {
	Selector string   `json:"selector"`
	Offset   int      `json:"offset"`
	Builtins []string `json:"builtins"`
}

type compiledClass struct {
	CompilerVersion string                  `json:"compiler_version"`
	Bytecode        []string                `json:"bytecode"`
	EntryPoints     map[string][]entryPoint `json:"entry_points_by_type"`
}

func compiled(t *testing.T, name string) compiledClass {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".compiled_contract_class.json")
	if err != nil {
		t.Fatal(err)
	}
	var class compiledClass
	if err := json.Unmarshal(text, &class); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return class
}

// TestCompilerVersion checks the versions in the first six felts of each class's program: Sierra's and the compiler's.
func TestCompilerVersion(t *testing.T) {
	for _, name := range Names() {
		text, err := ClassJSON(name)
		if err != nil {
			t.Fatal(err)
		}
		var class struct {
			Program []string        `json:"sierra_program"`
			Debug   json.RawMessage `json:"sierra_program_debug_info"`
			Version string          `json:"contract_class_version"`
		}
		if err := json.Unmarshal(text, &class); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(class.Program) < 6 {
			t.Fatalf("%s: program of %d felts", name, len(class.Program))
		}
		version := func(felts []string) string {
			var s string
			for i, f := range felts {
				n, err := strconv.ParseUint(f, 0, 32)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if i > 0 {
					s += "."
				}
				s += strconv.FormatUint(n, 10)
			}
			return s
		}
		if got := version(class.Program[:3]); got != sierraVersion {
			t.Errorf("%s: Sierra version %s, want %s", name, got, sierraVersion)
		}
		if got := version(class.Program[3:6]); got != compilerVersion {
			t.Errorf("%s: compiler version %s, want %s", name, got, compilerVersion)
		}
		if class.Version != "0.1.0" {
			t.Errorf("%s: contract class version %q, want 0.1.0", name, class.Version)
		}
		if class.Debug != nil {
			t.Errorf("%s: holds debug information", name)
		}
		if got := compiled(t, name).CompilerVersion; got != compilerVersion {
			t.Errorf("%s: compiled by %s, want %s", name, got, compilerVersion)
		}
	}
	if _, err := ClassJSON("absent"); err == nil {
		t.Error("a contract that does not exist was found")
	}
}

// TestBuiltinsWithinProofLayout checks that the entry points which a proof covers need only builtins of the layout recursive. Signature
// checks use ec_op and are unproven.
func TestBuiltinsWithinProofLayout(t *testing.T) {
	layout := []string{"pedersen", "range_check", "bitwise"}
	signature := []string{
		"0x162da33a4585851fe8d3af3c2a9c60b557814e221e0d4f30ff0b2189d9c7775", // __validate__
		"0x289da278a8dc833409cabfdad1581e8e7d40e42dcaed693fa4008dcdb4963b3", // __validate_declare__
		"0x36fcbf06cd96843058359e1a75928beacfac10727dab22a3972f0af8aa92895", // __validate_deploy__
		"0x28420862938116cb3bbdbedee07451ccc54d4e9412dbef71142ad1980a30941", // is_valid_signature
		"0x213dfe25e2ca309c4d615a09cfc95fdb2fc7dc73fbcad12c450fe93b1f2ff9e", // isValidSignature
	}
	var signatures int
	for _, name := range Names() {
		for kind, entries := range compiled(t, name).EntryPoints {
			for _, e := range entries {
				if name == Account && slices.Contains(signature, e.Selector) {
					signatures++
					continue
				}
				for _, builtin := range e.Builtins {
					if !slices.Contains(layout, builtin) {
						t.Errorf("%s: %s %s needs builtin %s", name, kind, e.Selector, builtin)
					}
				}
			}
		}
	}
	if signatures != len(signature) {
		t.Errorf("account has %d of the %d entry points that check signatures", signatures, len(signature))
	}
}
