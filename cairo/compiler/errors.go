package compiler

import (
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
)

// Reasons for refusal that only the compiler sees. They come, as do those of decoding and validation, in a
// *sierra.ClassError.
const (
	// CodeGas: no consistent cost for every function and statement.
	CodeGas sierra.Code = "gas"
	// CodeReferences: a variable is undefined, overwritten, left over, or differs between branches that meet.
	CodeReferences sierra.Code = "references"
	// CodeEnvironment: ap tracking, frame or gas wallet differ between branches that meet, or do not allow a libfunc.
	CodeEnvironment sierra.Code = "environment"
	// CodeLowering: a libfunc cannot be compiled for its arguments where and as they are.
	CodeLowering sierra.Code = "lowering"
	// CodeUnsupported: a libfunc that this compiler does not know.
	CodeUnsupported sierra.Code = "unsupported-libfunc"
	// CodeSize: the bytecode is too long.
	CodeSize sierra.Code = "size"
	// CodeConst: constants or const segments are malformed.
	CodeConst sierra.Code = "const"
	// CodeSegments: the functions do not split the bytecode into segments.
	CodeSegments sierra.Code = "segments"
	// CodeVersion: the Sierra version is too old or too new.
	CodeVersion sierra.Code = "compiler-version"
	// CodeInternal: an invariant broke for which there is no check. It is refused, but it is a gap.
	CodeInternal sierra.Code = "internal"
)

// errorf makes a refusal about a statement, -1 for none.
func errorf(code sierra.Code, idx sierra.StatementIdx, format string, args ...any) *sierra.ClassError {
	return &sierra.ClassError{Code: code, Statement: idx, Message: fmt.Sprintf(format, args...)}
}

// refusal carries an error out of a lowering, whose code would otherwise be mostly error returns.
type refusal struct{ err *sierra.ClassError }

// refuse ends the lowering of the current statement.
func refuse(format string, args ...any) { panic(refusal{errorf(CodeLowering, -1, format, args...)}) }

// recovered turns a panic into an error. A refusal is the program's fault. Anything else is an invariant that a program
// managed to break: the official compiler panics on such classes too, and a node must not go down with one.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.err
	default:
		*err = errorf(CodeInternal, -1, "the compiler does not support this program: %v", r)
	}
}
