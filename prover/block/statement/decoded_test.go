package statement

import (
	"bytes"
	"testing"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// TestClassesAreDecodedOnce checks that a class of several blocks is decoded and hashed once, and that another text for the same class hash is not taken
// for it.
func TestClassesAreDecodedOnce(t *testing.T) {
	class := &casm.Class{CompilerVersion: "2.11.0", Bytecode: []felt.Felt{felt.FromUint64(0x208b7fff7fff7ffe)}}
	one, err := NewCompiled(felt.One, class)
	if err != nil {
		t.Fatal(err)
	}
	class.CompilerVersion = "<2.11.1> & later" // encoding/json escapes it
	other, err := NewCompiled(felt.One, class)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(other.Class, []byte(`\u003c2.11.1\u003e \u0026 later`)) {
		t.Errorf("the text of a class is not that of encoding/json: %s", other.Class)
	}
	known := decodedClasses{}
	first, err := known.decode(&one)
	if err != nil {
		t.Fatal(err)
	}
	copied := Compiled{Hash: one.Hash, Class: bytes.Clone(one.Class)}
	if again, err := known.decode(&copied); err != nil || again != first {
		t.Errorf("the same text is decoded as %p, want %p: %v", again, first, err)
	}
	if second, err := known.decode(&other); err != nil || second.CompilerVersion != class.CompilerVersion {
		t.Errorf("another text is decoded as %+v, %v", second, err)
	}
	spaced := Compiled{Hash: one.Hash, Class: append(bytes.Clone(one.Class), ' ')}
	if _, err := known.decode(&spaced); err == nil {
		t.Error("a text with a space is accepted")
	}
	hashes := compiledHashes{first: felt.One} // not its hash: a second call would tell
	if got := hashes.of(first); got != felt.One {
		t.Errorf("the hash is computed again: %v", got)
	}
	second := &casm.Class{Bytecode: first.Bytecode}
	if got, want := hashes.of(second), second.BlakeHash(); got != want || hashes[second] != want {
		t.Errorf("hash %v, want %v", got, want)
	}
}
