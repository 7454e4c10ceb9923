package executor

import (
	"errors"
	"math"
	"sync"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet"
)

// CompileClass returns the Compile that a chain uses: the project's compiler, whose output is the official compiler's, within
// the bounds of what may be declared.
func CompileClass(definition *starknet.ContractClass, program *sierra.Program) (*casm.Class, error) {
	class := sierraClass(definition)
	if err := class.CheckDeclarable(); err != nil {
		return nil, err
	}
	return compiler.CompileClass(class, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode, Program: program})
}

// sierraClass returns a definition in the compiler's form.
func sierraClass(definition *starknet.ContractClass) *sierra.ContractClass {
	points := func(list []starknet.EntryPoint) []sierra.EntryPoint {
		out := make([]sierra.EntryPoint, len(list))
		for i, p := range list {
			out[i] = sierra.EntryPoint{Selector: p.Selector, FunctionIdx: int(min(p.FunctionIdx, math.MaxInt32))}
		}
		return out
	}
	return &sierra.ContractClass{
		SierraProgram: definition.SierraProgram, ContractClassVersion: definition.Version, ABI: definition.ABI,
		EntryPoints: sierra.EntryPoints{
			External: points(definition.EntryPoints.External), L1Handler: points(definition.EntryPoints.L1Handler),
			Constructor: points(definition.EntryPoints.Constructor),
		},
	}
}

// gasInfo finds out, when it is first asked, what a native engine needs of a class that compiles. A class without it runs on the
// VM, with the same results.
func gasInfo(program *sierra.Program, definition *starknet.ContractClass) func() *sierra.GasInfo {
	entryPoints := sierraClass(definition).EntryPoints
	return sync.OnceValue(func() *sierra.GasInfo {
		registry, err := sierra.NewRegistry(program)
		if err != nil {
			return nil
		}
		info, err := compiler.GasInfoOf(registry, entryPoints)
		if err != nil {
			return nil
		}
		return info
	})
}

// compileReason is why a class that does not compile is rejected.
func compileReason(err error) Reason {
	if e, ok := errors.AsType[*sierra.ClassError](err); ok && e.Code == sierra.CodeSize {
		return ContractClassSizeTooLarge
	}
	return CompilationFailed
}
