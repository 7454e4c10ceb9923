package native_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// The function fib runs as machine code. A call that native code cannot run would fall back to the VM.
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
	program, err := source.Program()
	if err != nil {
		panic(err)
	}
	gas := func() *sierra.GasInfo {
		info, err := compiler.GasInfo(source)
		if err != nil {
			return nil
		}
		return info
	}
	class := &cairo.Class{Hash: source.Hash(), CompiledHash: compiled.BlakeHash(), Sierra: program, Casm: compiled, Gas: gas}
	engine, err := native.NewEngine(vm.NewEngine(), native.Options{})
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	if err := engine.Prepare(class); err != nil {
		panic(err)
	}
	result, err := cairo.Run(engine, cairo.Call{
		Class: class, Selector: keccak.Starknet([]byte("fib")), Calldata: []felt.Felt{felt.FromUint64(10)}, Gas: 1_000_000,
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%v %v, why not native: %q\n", result.Failed, result.Retdata, engine.Why(class.Hash))
	// Output:
	// false [0x37], why not native: ""
}
