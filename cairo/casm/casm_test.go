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

// compiledClasses returns the paths of the compiled classes in the corpus, which the official compiler 2.20.0 wrote.
func compiledClasses(t testing.TB) []string {
	var paths []string
	for _, dir := range [...]string{golden.Corpus(t, "sierra-casm"), golden.Corpus(t, "contracts", "sierra-casm")} {
		found, err := filepath.Glob(filepath.Join(dir, "*.compiled_contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if want := golden.Count(t, 40, 13); len(paths) < want {
		t.Fatalf("%d compiled classes in the corpus, want %d", len(paths), want)
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

// TestClassJSON checks that each class of the corpus, decoded and written again, has the bytes of the official compiler's JSON without
// white space, including pythonic_hints.
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

// TestInstructionsRoundTrip checks that the instructions in the corpus, decoded and assembled again, have the same words.
func TestInstructionsRoundTrip(t *testing.T) {
	for _, path := range compiledClasses(t) {
		c, _ := readClass(t, path)
		decoded := 0
		for at := 0; at < len(c.Bytecode); {
			i, err := decode(c.Bytecode[at:])
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

// TestDecodeWordRejects checks that decode rejects words that are not instructions.
func TestDecodeWordRejects(t *testing.T) {
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
		_, err := decode(code)
		if name == "no effect" {
			if err != nil {
				t.Errorf("control %s: %v", word, err)
			}
			continue
		}
		if !errors.Is(err, errNotInstruction) {
			t.Errorf("%s: %s decodes, error %v", name, word, err)
		}
	}
}

// TestCompiledClassHash checks both hashes of all classes whose hashes are in the corpus.
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

// TestNestedSegments checks that a single leaf has the hash of a class without segments, and that a tree has another hash.
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

// goodClass is a small class that DecodeClass and DecodeToHash accept.
const goodClass = `{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"2.20.0",
		"bytecode":["0x1","0x2"],"bytecode_segment_lengths":[1,[1]],"hints":[[0,[{"AllocSegment":{"dst":{"register":"AP","offset":0}}},"AssertAllKeysUsed"]]],
		"entry_points_by_type":{"EXTERNAL":[{"selector":"0x1","offset":1,"builtins":["range_check"]}],"L1_HANDLER":[],"CONSTRUCTOR":[]}}`

// TestDecodeToHash compares hashes of classes that may not run with those of cairo-lang-starknet-classes 2.20.0. Classes without hashes in
// the table are rejected by both.
func TestDecodeToHash(t *testing.T) {
	for _, c := range []struct{ name, from, to, blake, poseidon string }{
		{"control", ``, ``, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"entry point at the end", `"offset":1,`, `"offset":2,`, "0xe187470607c4ded865a5d6717752a77d98bb4c1e0c25e335969f8d811fa85c", "0x196b4951d07d321f8dbb067d9862978f1e20390a5b99e573f3e11c2a4dfcc28"},
		{"offset 2^32-1", `"offset":1,`, `"offset":4294967295,`, "0x490035c782b3b79e6f6d9aa3be4a7b6f8d7ccd9d44bd03f0164f02d48fe31fa", "0x1f9cbedc7584af6e846f739699b6556890a50a761acb2cb2cd293cc5912cd98"},
		{"offset 2^32", `"offset":1,`, `"offset":4294967296,`, "0x5f180bb63aa859d592993cf56d1c4f3a2649d13ca9cff69eab7a94e0d521220", "0x7700be2536bc97af7440aefb3411e80979aa4d8dc5fcb777d9d646b62763277"},
		{"offset 2^63-1", `"offset":1,`, `"offset":9223372036854775807,`, "0xe1260ddad61d90b3c38b0d5305e9bbcff64a2b651df5773453e29b1b7b7cb3", "0x6b68cc576b16a3c6e696f9c946fb6a1b37a38ba8bd539d1cac3297def5f6e5e"},
		{"offset 2^63", `"offset":1,`, `"offset":9223372036854775808,`, "0x78e9d77aadb3fd04498de4493daf098aa258d5f37a914809aab7ce05ba192cb", "0x31bdfcb414d2a402aeea21b5e7fa3f14892dbfdfb3061c24f30db12ce5d2fed"},
		{"offset 2^64-1", `"offset":1,`, `"offset":18446744073709551615,`, "0x5bf0df9eedcb442a47157d73b74c4abac832412088b15006e88081e2027ea0e", "0x447a1576c5dfeab88c93e50fd7a24d8d365b615af7edabfa2f5af6c5adceb0b"},
		{"offset 2^64", `"offset":1,`, `"offset":18446744073709551616,`, "", ""},
		{"offset -1", `"offset":1,`, `"offset":-1,`, "", ""},
		{"offset 1.0", `"offset":1,`, `"offset":1.0,`, "", ""},
		{"hint past the code", `[[0,[`, `[[2,[`, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"hint at 2^32", `[[0,[`, `[[4294967296,[`, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"hint at 2^64", `[[0,[`, `[[18446744073709551616,[`, "", ""},
		{"selector P", `"0x1","offset"`, `"0x800000000000011000000000000000000000000000000000000000000000001","offset"`, "0x53eb0f9a104b0b6001e1ddfe2a959d6d20f8984b790653277348b1ebde508b9", "0x7c850d51a3362113d5a642228203274345f5e1202a33365dce0fb4ce5a26b02"},
		{"selector P+1", `"0x1","offset"`, `"0x800000000000011000000000000000000000000000000000000000000000002","offset"`, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"selector 2^256", `"0x1","offset"`, `"0x10000000000000000000000000000000000000000000000000000000000000000","offset"`, "0x754844fddaae593a7127350538415ed25a2cdbf26dacbef44d4a8f788216bd6", "0x841243ede778224b75dec63fa3202439c54e575e393caef198d210a9e4ecc3"},
		{"selector with a plus", `"0x1","offset"`, `"0x+1","offset"`, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"selector with an underscore", `"0x1","offset"`, `"0x1_0","offset"`, "0x5c82ff008e7f879ace984d7c172cb9dffbb9922ddc4824024ba324ad1aaa7c8", "0x164ba7a52fb51afd2f154e25aa5608699aa6bb834830a4c0658ee04d6bc5ede"},
		{"selector without digits", `"0x1","offset"`, `"0x","offset"`, "", ""},
		{"word P+5", `"0x2"]`, `"0x800000000000011000000000000000000000000000000000000000000000006"]`, "0x57ae7bc722dfd8faac9621fa6f5a792a17c921ed134e8c9f920babdc8050ae3", "0x5954484dd96f80c73c0144ef64a0670050dfb2bcaa44517df0383d891c22351"},
		{"other prime", `0x8000`, `0x7000`, "0xee175d66984a4cd68e787c8ebaf8ea13197d117a77ee13caf2d7874a9d0c60", "0x6462c8fcfc41dd7600a013c84b15d481b9d085fb9f9886d978a2d15414d8fc1"},
		{"prime that is not a number", `0x8000`, `8000`, "", ""},
		{"unknown builtin", `range_check"`, `a name of more than thirty-one characters"`, "0x38433487d43ddac75355ee71afc163f1fd72c0f2d21ee8f75e1d2bccdf2fccc", "0x1c99831709bba6461df2f37e8207cc6fcf2d7b0014c1164bdfb784165b12002"},
		{"no builtins", `,"builtins":["range_check"]`, ``, "", ""},
		{"segments too short", `[1,[1]]`, `[1,[]]`, "", ""},
		{"segments too long", `[1,[1]]`, `[1,[2]]`, "", ""},
		{"no segments", `"bytecode_segment_lengths":[1,[1]],`, ``, "0x2ed2af2a2719efd2be2a119ac46c1ff4ecc1c4ec8269ba061741252d589a135", "0x279d1caabc91a0421b5279c088e641775c0c35c6bf1a252867bf71ffc2e5306"},
	} {
		if !strings.Contains(goodClass, c.from) {
			t.Fatalf("%s: nothing to replace", c.name)
		}
		class, err := DecodeToHash([]byte(strings.Replace(goodClass, c.from, c.to, 1)))
		if c.blake == "" {
			if _, ok := errors.AsType[*classError](err); !ok {
				t.Errorf("%s: error %v, want a classError", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if blake, poseidon := class.BlakeHash().String(), class.PoseidonHash().String(); blake != c.blake || poseidon != c.poseidon {
			t.Errorf("%s: hashes %s and %s, want %s and %s", c.name, blake, poseidon, c.blake, c.poseidon)
		}
	}
}

// TestDecodeClassRejects checks that DecodeClass rejects damaged classes.
func TestDecodeClassRejects(t *testing.T) {
	if _, err := DecodeClass([]byte(goodClass)); err != nil {
		t.Fatalf("the control is rejected: %v", err)
	}
	withCall := strings.Replace(goodClass, `"AssertAllKeysUsed"`, `{"SystemCall":{"system":{"Immediate":"0x1"}}}`, 1)
	if _, err := DecodeClass([]byte(withCall)); err != nil {
		t.Fatalf("the control with a system call is rejected: %v", err)
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
		"entry point at 2^63":      {`"offset":1`, `"offset":9223372036854775808`},
		"null for a builtin":       {`["range_check"]`, `["range_check",null]`},
		"null for a hint's offset": {"[[0,[", "[[null,["},
		"hint at 2^63":             {"[[0,[", "[[9223372036854775808,["},
		"selector of P":            {`"0x1","offset"`, `"0x800000000000011000000000000000000000000000000000000000000000001","offset"`},
		"no builtins":              {`,"builtins":["range_check"]`, ``},
		"no constructor list":      {`,"CONSTRUCTOR":[]`, ``},
		"trailing bytes":           {"}}", "}}}"},
		"null bytecode":            {`["0x1","0x2"]`, `null`},
		"null for hints":           {`[{"AllocSegment":{"dst":{"register":"AP","offset":0}}},"AssertAllKeysUsed"]`, `null`},
		"offset in capitals":       {`"offset":1`, `"OFFSET":1`},
		"prime twice":              {`"bytecode"`, `"prime":"0x800000000000011000000000000000000000000000000000000000000000001","bytecode"`},
		"operand of two forms":     {`"AssertAllKeysUsed"`, `{"SystemCall":{"system":{"Immediate":"0x1","Deref":{"register":"AP","offset":0}}}}`},
		"operand and unknown form": {`"AssertAllKeysUsed"`, `{"SystemCall":{"system":{"Immediate":"0x1","Immediate2":"0x1"}}}`},
	} {
		text := strings.Replace(goodClass, c.from, c.to, 1)
		if text == goodClass {
			t.Fatalf("%s: nothing replaced", name)
		}
		if name == "trailing bytes" {
			text = goodClass + "}"
		}
		_, err := DecodeClass([]byte(text))
		if _, ok := errors.AsType[*classError](err); !ok {
			t.Errorf("%s: error %v, want a classError", name, err)
		}
	}
}

// FuzzDecodeClass checks that no input panics, and that an accepted class is unchanged when it is written and decoded again.
func FuzzDecodeClass(f *testing.F) {
	f.Add([]byte(`{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"","bytecode":["0x0"],"bytecode_segment_lengths":[[1],0],
		"hints":[[0,[{"Cheatcode":{"selector":"0x1","input_start":{"Immediate":"-0x1"},"input_end":{"DoubleDeref":[{"register":"FP","offset":-1},2]},
		"output_start":{"register":"AP","offset":0},"output_end":{"register":"AP","offset":1}}}]]],"entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[]}}`))
	f.Add([]byte(`{"bytecode_segment_lengths":[[[[]]]]}`))
	f.Add([]byte(`{"hints":[[0,[{"TestLessThan":{"lhs":{"BinOp":{"op":"Mul","a":{"register":"AP","offset":0},"b":{"Immediate":"0x"}}}}}]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		hashed, hashedErr := DecodeToHash(data)
		if hashedErr == nil {
			hashed.BlakeHash()
		}
		c, err := DecodeClass(data)
		if err != nil {
			return
		}
		if hashedErr != nil || hashed.PoseidonHash() != c.PoseidonHash() {
			t.Fatalf("DecodeToHash has error %v or another hash", hashedErr)
		}
		c.BlakeHash()
		written := c.AppendJSON(nil, true)
		again, err := DecodeClass(written)
		if err != nil {
			t.Fatalf("own output rejected: %v: %s", err, written)
		}
		if got := again.AppendJSON(nil, true); !bytes.Equal(got, written) {
			t.Fatalf("decoded and written again: got %s, want %s", got, written)
		}
	})
}

// FuzzDecode checks that a decoded instruction assembles to the words from which it was decoded.
func FuzzDecode(f *testing.F) {
	f.Add(uint64(0x480680017fff8000), uint8(0), uint64(7))
	f.Add(uint64(0x208b7fff7fff7ffe), uint8(0), uint64(0))
	f.Fuzz(func(t *testing.T, lo uint64, hi uint8, imm uint64) {
		code := []felt.Felt{felt.FromUint128(uint64(hi), lo), felt.FromUint64(imm)}
		i, err := decode(code)
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

// TestDecodeClassRejectsOtherBuiltinNames checks that DecodeClass accepts only the known builtin names. For each of them there are other
// names with the same class hash, which could contain misleading text.
func TestDecodeClassRejectsOtherBuiltinNames(t *testing.T) {
	const class = `{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"","bytecode":["0x1"],"hints":[],
		"entry_points_by_type":{"EXTERNAL":[],"L1_HANDLER":[],"CONSTRUCTOR":[{"selector":"0x1","offset":0,"builtins":[%s]}]}}`
	decode := func(name string) error {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = DecodeClass([]byte(strings.Replace(class, "%s", string(quoted), 1)))
		return err
	}
	for _, name := range builtinNames {
		if err := decode(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A chosen text, extended by lattice reduction to the same felt as range_check.
	const forged = "TQKDPPTQNNPQTRIMPXITOWWSSSOOQGSTOENZIFXZSSWQSDVKRLSKIYOV\x1b[2J\x1b[Hvalid: block 7 of chain STARKD\n  trusted       the 4 validators of the genesis\n" +
		"  transaction   0x37ec succeeded, fee 1 FRI, 1 events; covered: __execute__, fee transfer; not covered: __validate__\n  note          only a signature"
	if felt.FromBytesReduce([]byte(forged)) != felt.FromShortString("range_check") {
		t.Fatal("the names do not collide")
	}
	for _, name := range []string{forged, "", "range_check ", "Range_check", "output", "ecdsa", "keccak", "gas"} {
		err := decode(name)
		if _, ok := errors.AsType[*classError](err); !ok || !strings.Contains(err.Error(), "want some of [range_check pedersen") {
			t.Errorf("%q: got %v", name, err)
		}
		if err != nil && strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%q: not quoted: %v", name, err)
		}
	}
}

// TestEntryPoint checks that Class.EntryPoint only searches the list of the given type.
func TestEntryPoint(t *testing.T) {
	one, two, three := felt.FromUint64(1), felt.FromUint64(2), felt.FromUint64(3)
	c := &Class{EntryPoints: EntryPoints{
		External:    []EntryPoint{{Selector: one, Offset: 10}, {Selector: two, Offset: 11}},
		L1Handler:   []EntryPoint{{Selector: one, Offset: 20}},
		Constructor: []EntryPoint{{Selector: three, Offset: 30}},
	}}
	for _, test := range []struct {
		kind     EntryPointType
		selector felt.Felt
		offset   int // -1 for none
	}{
		{External, one, 10}, {External, two, 11}, {External, three, -1}, {L1Handler, one, 20}, {L1Handler, two, -1},
		{Constructor, three, 30}, {Constructor, one, -1},
	} {
		got := -1
		if e := c.EntryPoint(test.kind, test.selector); e != nil {
			got = e.Offset
		}
		if got != test.offset {
			t.Errorf("kind %d, selector %v: offset %d, want %d", test.kind, test.selector, got, test.offset)
		}
	}
}
