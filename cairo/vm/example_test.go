package vm_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// A session runs several calls of one transaction. A panic of the contract is a result, not an error.
func ExampleEngine() {
	data, err := contracts.ClassJSON(contracts.Factorial)
	if err != nil {
		panic(err)
	}
	source, err := sierra.DecodeClass(data)
	if err != nil {
		panic(err)
	}
	compiled, err := compiler.CompileClass(source, compiler.Options{})
	if err != nil {
		panic(err)
	}
	session := vm.NewEngine().Begin()
	defer session.End()
	call := cairo.Call{
		Class:    &cairo.Class{Hash: source.Hash(), CompiledHash: compiled.BlakeHash(), Casm: compiled},
		Selector: keccak.Starknet([]byte("factorial")),
		Gas:      1_000_000,
	}
	for _, n := range []uint64{5, 10} {
		call.Calldata = []felt.Felt{felt.FromUint64(n)}
		result, err := session.Run(call, nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(result.Failed, result.Retdata[0].BigInt(), result.Steps)
	}
	call.Calldata = nil
	result, err := session.Run(call, nil)
	if err != nil {
		panic(err)
	}
	reason, err := result.Retdata[0].ShortString()
	fmt.Println(result.Failed, reason, err)
	// Output:
	// false 120 95
	// false 3628800 150
	// true Failed to deserialize param #1 <nil>
}
