package compiler

import (
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
)

// Reasons for rejecting a program that only the compiler detects. Like those of decoding and validation, they are
// returned in a *sierra.ClassError.
const (
	// codeGas: there are no consistent costs for all functions and statements.
	codeGas sierra.Code = "gas"
	// codeReferences: a variable is undefined, overwritten, left over, or differs between branches that meet.
	codeReferences sierra.Code = "references"
	// codeEnvironment: ap tracking, frame or gas wallet differ between branches that meet, or do not permit a libfunc.
	codeEnvironment sierra.Code = "environment"
	// codeLowering: a libfunc cannot be compiled for the form and location of its arguments.
	codeLowering sierra.Code = "lowering"
	// codeUnsupported: the compiler does not know a libfunc.
	codeUnsupported sierra.Code = "unsupported-libfunc"
	// codeSize: the bytecode is too long.
	codeSize sierra.Code = "size"
	// codeConst: constants or const segments are malformed.
	codeConst sierra.Code = "const"
	// codeSegments: the functions do not split the bytecode into segments.
	codeSegments sierra.Code = "segments"
	// codeVersion: the Sierra version is too old or too new.
	codeVersion sierra.Code = "compiler-version"
	// codeInternal: the program broke an invariant that has no check. It is rejected, but a check is missing.
	codeInternal sierra.Code = "internal"
)

// errorf returns an error about a statement, or about none if idx is -1.
func errorf(code sierra.Code, idx sierra.StatementIdx, format string, args ...any) *sierra.ClassError {
	return &sierra.ClassError{Code: code, Statement: idx, Message: fmt.Sprintf(format, args...)}
}

// rejection carries an error out of a lowering by panic, which saves most error returns.
type rejection struct{ err *sierra.ClassError }

// reject ends the lowering of the current statement with an error.
func reject(format string, args ...any) { panic(rejection{errorf(codeLowering, -1, format, args...)}) }

// recovered turns a panic into an error. A rejection is an error of the program. Any other panic means that a program
// broke an invariant: the official compiler panics on such classes too, but they must not stop a node.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case rejection:
		*err = r.err
	default:
		*err = errorf(codeInternal, -1, "the compiler does not support this program: %v", r)
	}
}
