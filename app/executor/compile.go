package executor

import (
	"errors"
	"sync"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet"
)

// CompileClass implements the Compile of a chain. It checks that the class may be declared and compiles it with this
// project's compiler, whose output equals the official compiler's.
func CompileClass(definition *starknet.ContractClass, program *sierra.Program) (*casm.Class, error) {
	class := (*sierra.ContractClass)(definition)
	if err := class.CheckDeclarable(); err != nil {
		return nil, err
	}
	return compiler.CompileClass(class, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode, Program: program})
}

// gasInfo returns a function that computes the gas info of a compiled class for a native engine, once. It returns nil if
// there is none; the class then runs on the VM, with the same results. It is nil for a class that is billed in VM resources, which
// runs on the VM only.
func gasInfo(program *sierra.Program, definition *starknet.ContractClass) func() *sierra.GasInfo {
	if before(program.Version, gasSierra) {
		return nil
	}
	entryPoints := definition.EntryPoints
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

// compileReason returns the reason with which a class that does not compile is rejected.
func compileReason(err error) Reason {
	if e, ok := errors.AsType[*sierra.ClassError](err); ok && e.Code == sierra.CodeSize {
		return ContractClassSizeTooLarge
	}
	return CompilationFailed
}
