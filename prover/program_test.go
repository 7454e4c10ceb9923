package prover

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/golden"
)

// officialHashes are the hashes that cairo-hash-program of cairo-lang 0.14.0.1 prints for the programs of the corpus.
var officialHashes = map[string]string{
	"plain512-lcg-keccak-upd": "0x1dec1bc8b4eec260a0fbcfd948052fc6d7038b300e9c9145e3094120dcc759e",
	"plain8-tiny-last1":       "0x12cd086a024ba8da523108e2569b45eb42dcfd37808c01797799c84187bf52e",
	"plain8-tiny-pedersen":    "0x12cd086a024ba8da523108e2569b45eb42dcfd37808c01797799c84187bf52e",
	"rec131072-squash-pstar":  "0x3a42ef2366a29a9c28f526b8e736ad0a5ff3cecfc8ce4281dc99edb31368743",
	"rec16384-idle-keccak":    "0x4f3131577026d4c675f817ecc39c7fe0f0dade0193001ce7322b89f289fd67d",
	"small8192-math-keccak":   "0x47ffb8a3bd4e2a885fbe5d8f4a8a8b05194288711f976daaabd032b08a0f692",
	"small8192-sig-k160lsb":   "0x65ce62844394adf41f06084619274278dba52e9aab980c287a1176982d99713",
}

// referenceHash computes Program.Hash in a simple way, for comparison.
func referenceHash(program []felt.Felt, main uint64, builtins []string) felt.Felt {
	chain := []felt.Felt{felt.Zero, felt.Zero, felt.FromUint64(main), felt.FromUint64(uint64(len(builtins)))}
	for _, name := range builtins {
		chain = append(chain, felt.FromBytesReduce([]byte(name)))
	}
	chain = append(chain, program...)
	chain[0] = felt.FromUint64(uint64(len(chain) - 1))
	hash := chain[len(chain)-1]
	for i := len(chain) - 2; i >= 0; i-- {
		hash = pedersen.Hash(chain[i], hash)
	}
	return hash
}

func readProgram(t testing.TB, name string) *Program {
	t.Helper()
	data, err := os.ReadFile(golden.Corpus(t, "stone-cases/"+name+"/program.json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProgram(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProgramHash compares the hash of a program's file, and of the claim of its proof, with the hash that the official tool
// prints.
func TestProgramHash(t *testing.T) {
	for name, official := range officialHashes {
		want := felt.MustHex(official)
		program := readProgram(t, name)
		if got := program.Hash(); got != want {
			t.Errorf("%s: program hash %v, want %v", name, got, want)
		}
		if got := referenceHash(program.Words, program.Main, program.Builtins); got != want {
			t.Errorf("%s: referenceHash gives %v, want %v", name, got, want)
		}
		proof := readProof(t, "stone-cases/"+name+"/proof.json")
		claim, err := Verify(proof, Policy{MinBits: AnyBits, Program: &want})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if claim.ProgramHash != want || !claim.Named || !slices.Equal(claim.Program.Builtins, program.Builtins) || claim.Program.Main != program.Main {
			t.Errorf("%s: claim of program %v with builtins %v and main %d, want %v, %v, %d",
				name, claim.ProgramHash, claim.Program.Builtins, claim.Program.Main, want, program.Builtins, program.Main)
		}
		other := felt.MustHex("0x123")
		if claim, err := Verify(proof, Policy{MinBits: AnyBits, Program: &other}); err == nil || !strings.Contains(err.Error(), "demanded is 0x123") || claim != nil {
			t.Errorf("%s: another program was demanded: got %v, %v", name, claim, err)
		}
	}
}

// TestAlternatives checks that a claim with several lists of builtins matches each program that it fits, and no other.
func TestAlternatives(t *testing.T) {
	words := readProgram(t, "rec16384-idle-keccak").Words
	read := func() *Claim {
		return &Claim{
			Program:      &Program{Words: words, Main: 6, Builtins: []string{"output", "range_check"}},
			Alternatives: [][]string{{"pedersen", "range_check"}, {"pedersen", "ecdsa"}},
		}
	}
	for _, builtins := range [][]string{{"output", "range_check"}, {"pedersen", "range_check"}, {"pedersen", "ecdsa"}} {
		claim := read()
		program := Program{Words: words, Main: 6, Builtins: builtins}
		hash := program.Hash()
		if err := claim.hash(&hash); err != nil || claim.ProgramHash != hash || !slices.Equal(claim.Program.Builtins, builtins) || len(claim.Alternatives) != 2 {
			t.Errorf("demanded %v: %+v, %v", builtins, claim, err)
		}
	}
	for _, other := range []Program{
		{words, 6, []string{"output", "ecdsa"}}, {words, 6, []string{"output"}}, {words, 7, []string{"output", "range_check"}},
		{words[:len(words)-1], 6, []string{"output", "range_check"}},
	} {
		hash := other.Hash()
		if err := read().hash(&hash); err == nil || !strings.Contains(err.Error(), "builtins [output range_check]") {
			t.Errorf("demanded builtins %v, main %d, %d words: got %v", other.Builtins, other.Main, len(other.Words), err)
		}
	}
}

func TestParseProgramRefuses(t *testing.T) {
	prime := felt.Modulus().Text(16)
	good := `{"prime":"0x` + prime + `","data":["0x1","0x2"],"builtins":["output","range_check"],"main_scope":"m",` +
		`"identifiers":{"m.main":{"type":"alias","destination":"x.f"},"x.f":{"type":"function","pc":1}}}`
	if p, err := ParseProgram([]byte(good)); err != nil || p.Main != 1 || len(p.Words) != 2 {
		t.Fatalf("got %+v, %v", p, err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"data":`, `"DATA":`, ""},
		{`"data":`, `"data":["0x1"],"data":`, "duplicate"},
		{`"0x` + prime, `"0x10`, "prime"},
		{`["0x1","0x2"]`, `[]`, "0 words"},
		{`"0x2"`, `"0x` + prime + `"`, "word 1"},
		{`"pc":1`, `"pc":2`, "main at 2"},
		{`"pc":1`, `"pc":-1`, "identifier"},
		{`,"pc":1`, ``, "without a pc"},
		{`x.f"}`, `m.main"}`, "alias"},
		{`x.f"}`, `y"}`, `no identifier "y"`},
		{`"range_check"`, `"output"`, "in this order"},
		{`"output","range_check"`, `"range_check","output"`, "in this order"},
		{`range_check`, "range_check\\u001b", "in this order"},
		{`}}}`, ``, "program"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatal(c.old)
		}
		if p, err := ParseProgram([]byte(strings.Replace(good, c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in place of %s: got %+v, %v, want %q", c.new, c.old, p, err, c.want)
		}
	}
}

func FuzzParseProgram(f *testing.F) {
	f.Add([]byte(`{"prime":"0x` + felt.Modulus().Text(16) + `","data":["0x1"],"builtins":["output"],"identifiers":{"__main__.main":{"pc":0}}}`))
	f.Add([]byte(`{"identifiers":{"__main__.main":{"type":"alias","destination":"__main__.main"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProgram(data)
		if err != nil {
			return
		}
		if len(p.Words) < 1<<10 && p.Hash() != referenceHash(p.Words, p.Main, p.Builtins) {
			t.Fatal("two hashes of one program")
		}
		if bytes.ContainsRune([]byte(strings.Join(p.Builtins, "")), 0x1b) {
			t.Fatal("a builtin's name with an escape")
		}
	})
}
