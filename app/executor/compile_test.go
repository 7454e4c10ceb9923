package executor

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/starknet"
)

// TestGasInfo checks that the gas info of a compiled class equals the compiler's for its definition.
func TestGasInfo(t *testing.T) {
	for _, name := range contracts.Names() {
		data, err := contracts.ClassJSON(name)
		if err != nil {
			t.Fatal(err)
		}
		definition := &starknet.ContractClass{}
		if err := json.Unmarshal(data, definition); err != nil {
			t.Fatal(err)
		}
		class, err := NewClasses(nil).Compile(definition.Hash(), definition)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := compiler.GasInfo((*sierra.ContractClass)(definition))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := class.Gas(); got == nil || !reflect.DeepEqual(got, want) || class.Gas() != got {
			t.Errorf("%s: the gas of the class's statements differs from the compiler's", name)
		}
	}
}

// BenchmarkClass runs a node's work for the class of a new DECLARE: decoding its Sierra program and compiling it.
func BenchmarkClass(b *testing.B) {
	data, err := contracts.ClassJSON("account")
	if err != nil {
		b.Fatal(err)
	}
	definition := &starknet.ContractClass{}
	if err := json.Unmarshal(data, definition); err != nil {
		b.Fatal(err)
	}
	hash := definition.Hash()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewClasses(nil).Compile(hash, definition); err != nil {
			b.Fatal(err)
		}
	}
}
