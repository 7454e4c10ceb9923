package cairo_test

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

// This example compiles a class and calls one of its functions on an engine. The function makes no syscalls, so the call needs
// no Syscalls.
func Example() {
	data, err := contracts.ClassJSON(contracts.Fibonacci)
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
	class := &cairo.Class{Hash: source.Hash(), CompiledHash: compiled.BlakeHash(), Casm: compiled}

	var engine cairo.Engine = vm.NewEngine()
	result, err := cairo.Run(engine, cairo.Call{
		Class:    class,
		Selector: keccak.Starknet([]byte("fib")),
		Calldata: []felt.Felt{felt.FromUint64(10)},
		Gas:      1_000_000,
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Failed, result.Retdata, result.GasLeft < 1_000_000)
	// Output: false [0x37] true
}
