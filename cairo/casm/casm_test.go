package casm

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// compiledClasses are the paths of all compiled classes of the corpus, written by the official compiler 2.20.0.
func compiledClasses(t testing.TB) []string {
	var paths []string
	for _, dir := range [...]string{golden.Corpus(t, "sierra-casm"), golden.Corpus(t, "contracts", "sierra-casm")} {
		found, err := filepath.Glob(filepath.Join(dir, "*.compiled_contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 40 {
		t.Fatalf("only %d compiled classes in the corpus", len(paths))
	}
	return paths
}

func readClass(t testing.TB, path string) (*Class, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeClass(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return c, data
}

// TestClassJSON reads each class and writes it again: the bytes, white space aside, are those of the official compiler,
// with the Python of every hint.
func TestClassJSON(t *testing.T) {
	for _, path := range compiledClasses(t) {
		c, data := readClass(t, path)
		var want bytes.Buffer
		if err := json.Compact(&want, data); err != nil {
			t.Fatal(err)
		}
		got := c.AppendJSON(nil, true)
		if !bytes.Equal(got, want.Bytes()) {
			i := 0
			for i < len(got) && i < want.Len() && got[i] == want.Bytes()[i] {
				i++
			}
			t.Errorf("%s: differs at byte %d: got …%.200s, want …%.200s", filepath.Base(path), i, got[max(0, i-80):], want.Bytes()[max(0, i-80):])
		}
	}
}

// TestInstructionsRoundTrip decodes all code of the corpus and assembles it again.
func TestInstructionsRoundTrip(t *testing.T) {
	for _, path := range compiledClasses(t) {
		c, _ := readClass(t, path)
		decoded := 0
		for at := 0; at < len(c.Bytecode); {
			i, err := Decode(c.Bytecode[at:])
			if err != nil {
				break // const segments follow the code
			}
			decoded++
			got := i.Append(nil)
			if len(got) != i.Size() || got[0] != c.Bytecode[at] || len(got) == 2 && got[1] != c.Bytecode[at+1] {
				t.Fatalf("%s: offset %d: %v assembles to %v, not %v", filepath.Base(path), at, &i, got, c.Bytecode[at:at+i.Size()])
			}
			at += i.Size()
		}
		if decoded < 20 {
			t.Errorf("%s: only %d instructions decoded", filepath.Base(path), decoded)
		}
	}
}

func TestDecodeWordRefuses(t *testing.T) {
	for name, word := range map[string]string{
		"three extension bits":    "0x20000000000000000",
		"no effect":               "0x480680017fff8000", // control: a real instruction
		"two opcodes":             "0x7000800080008000",
		"two op1 sources":         "0x000c800080008000",
		"all ones in 256 bits":    "0x400000000000000000000000000000000000000000000000000000000000000",
		"nop without any effect":  "0x000b7fff7fff7fff",
		"ret with other offsets":  "0x208b7fff7fff7ffd",
		"immediate with off2 = 2": "0x480680027fff8000",
	} {
		code := []felt.Felt{felt.MustHex(word), felt.FromUint64(1)}
		_, err := Decode(code)
		if name == "no effect" {
			if err != nil {
				t.Errorf("control %s: %v", word, err)
			}
			continue
		}
		if !errors.Is(err, ErrNotInstruction) {
			t.Errorf("%s: %s decodes, error %v", name, word, err)
		}
	}
}

// TestCompiledClassHash checks both hashes of every class for which the corpus has them.
func TestCompiledClassHash(t *testing.T) {
	checked := 0
	check := func(path, blake, poseidon string) {
		t.Helper()
		c, _ := readClass(t, path)
		for _, h := range [...]struct {
			name, want string
			got        felt.Felt
		}{{"BLAKE", blake, c.BlakeHash()}, {"Poseidon", poseidon, c.PoseidonHash()}} {
			if want := felt.MustHex("0x" + strings.TrimPrefix(h.want, "0x")); h.got != want {
				t.Errorf("%s: %s hash %v, want %v", filepath.Base(path), h.name, h.got, want)
			}
			checked++
		}
	}
	text, err := os.ReadFile(golden.Corpus(t, "class-hash", "compiled_class_hash.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for test := range strings.SplitSeq(string(text), "//! > ====") {
		sections := map[string]string{}
		for section := range strings.SplitSeq(test, "//! > ") {
			name, body, _ := strings.Cut(section, "\n")
			sections[name] = strings.TrimSpace(body)
		}
		path := filepath.Join(golden.Corpus(t, "sierra-casm"), sections["compiled_class"]+".compiled_contract_class.json")
		check(path, sections["compiled_class_hash"], sections["legacy_compiled_class_hash"])
	}
	var index struct {
		Pairs []struct {
			Name     string
			Blake    string `json:"compiled_class_hash"`
			Poseidon string `json:"legacy_compiled_class_hash"`
		}
	}
	text, err = os.ReadFile(golden.Corpus(t, "contracts", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	for _, p := range index.Pairs {
		check(filepath.Join(golden.Corpus(t, "contracts", "sierra-casm"), p.Name+".compiled_contract_class.json"), p.Blake, p.Poseidon)
	}
	if checked < 70 {
		t.Errorf("only %d hashes checked", checked)
	}
}

// TestNestedSegments: a tree of segments hashes as the OS does it, and a leaf alone hashes as no segments at all.
func TestNestedSegments(t *testing.T) {
	code := []felt.Felt{felt.FromUint64(1), felt.FromUint64(2), felt.FromUint64(3)}
	flat := Class{Bytecode: code}
	leaf := Class{Bytecode: code, Segments: &Segments{Length: 3}}
	tree := Class{Bytecode: code, Segments: &Segments{Children: []Segments{{Length: 1}, {Children: []Segments{{Length: 2}}}}}}
	if flat.PoseidonHash() != leaf.PoseidonHash() || flat.BlakeHash() != leaf.BlakeHash() {
		t.Error("a single leaf is not the same as no segments")
	}
	if tree.PoseidonHash() == leaf.PoseidonHash() {
		t.Error("a tree hashes as a leaf")
	}
	if err := tree.Validate(); err != nil {
		t.Error(err)
	}
}

func TestDecodeClassRefuses(t *testing.T) {
	const good = `{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"2.20.0",
		"bytecode":["0x1","0x2"],"bytecode_segment_lengths":[1,[1]],"hints":[[0,[{"AllocSegment":{"dst":{"register":"AP","offset":0}}},"AssertAllKeysUsed"]]],
		"entry_points_by_type":{"EXTERNAL":[{"selector":"0x1","offset":1,"builtins":["range_check"]}],"L1_HANDLER":[],"CONSTRUCTOR":[]}}`
	if _, err := DecodeClass([]byte(good)); err != nil {
		t.Fatalf("the control is refused: %v", err)
	}
	for name, c := range map[string]struct{ from, to string }{
		"other prime":              {"0x8000", "0x7000"},
		"word of P":                {`"0x2"`, `"0x800000000000011000000000000000000000000000000000000000000000001"`},
		"word without prefix":      {`"0x2"`, `"2"`},
		"segments too short":       {"[1,[1]]", "[1,[]]"},
		"negative segment":         {"[1,[1]]", "[3,-1]"},
		"segments overflow":        {"[1,[1]]", "[18446744073709551615,3]"},
		"hint past the code":       {"[[0,[", "[[2,["},
		"unknown hint":             {"AllocSegment", "AllocSegments"},
		"hint with fields missing": {`{"dst":{"register":"AP","offset":0}}`, `{}`},
		"hint without fields":      {`"AssertAllKeysUsed"`, `"AllocSegment"`},
		"unknown register":         {`"AP"`, `"PC"`},
		"offset of 17 bits":        {`"AP","offset":0`, `"AP","offset":32768`},
		"entry point outside":      {`"offset":1`, `"offset":2`},
		"no constructor list":      {`,"CONSTRUCTOR":[]`, ``},
		"trailing bytes":           {"}}", "}}}"},
		"null bytecode":            {`["0x1","0x2"]`, `null`},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%s: nothing replaced", name)
		}
		if name == "trailing bytes" {
			text = good + "}"
		}
		_, err := DecodeClass([]byte(text))
		if _, ok := errors.AsType[*ClassError](err); !ok {
			t.Errorf("%s: error %v, want a ClassError", name, err)
		}
	}
}

// FuzzDecodeClass: no input panics, and what is accepted is written and read back the same.
func FuzzDecodeClass(f *testing.F) {
	f.Add([]byte(`{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"","bytecode":["0x0"],"bytecode_segment_lengths":[[1],0],
		"hints":[[0,[{"Cheatcode":{"selector":"0x1","input_start":{"Immediate":"-0x1"},"input_end":{"DoubleDeref":[{"register":"FP","offset":-1},2]},
		"output_start":{"register":"AP","offset":0},"output_end":{"register":"AP","offset":1}}}]]],"entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]}}`))
	f.Add([]byte(`{"bytecode_segment_lengths":[[[[]]]]}`))
	f.Add([]byte(`{"hints":[[0,[{"TestLessThan":{"lhs":{"BinOp":{"op":"Mul","a":{"register":"AP","offset":0},"b":{"Immediate":"0x"}}}}}]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeClass(data)
		if err != nil {
			return
		}
		c.BlakeHash()
		written := c.AppendJSON(nil, true)
		again, err := DecodeClass(written)
		if err != nil {
			t.Fatalf("own output refused: %v: %s", err, written)
		}
		if got := again.AppendJSON(nil, true); !bytes.Equal(got, written) {
			t.Fatalf("read back differently: %s, then %s", written, got)
		}
	})
}

// FuzzDecode: a decoded instruction assembles to the words that it came from.
func FuzzDecode(f *testing.F) {
	f.Add(uint64(0x480680017fff8000), uint8(0), uint64(7))
	f.Add(uint64(0x208b7fff7fff7ffe), uint8(0), uint64(0))
	f.Fuzz(func(t *testing.T, lo uint64, hi uint8, imm uint64) {
		code := []felt.Felt{felt.FromUint128(uint64(hi), lo), felt.FromUint64(imm)}
		i, err := Decode(code)
		if err != nil {
			return
		}
		_ = i.String()
		got := i.Append(nil)
		for k := range got {
			if got[k] != code[k] {
				t.Fatalf("%v assembles to %v, not %v", &i, got, code)
			}
		}
	})
}
