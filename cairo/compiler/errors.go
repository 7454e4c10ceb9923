package compiler

import (
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
)

// Reasons for refusal that only the compiler sees. They come, as do those of decoding and validation, in a
// *sierra.ClassError.
const (
	// codeGas: no consistent cost for every function and statement.
	codeGas sierra.Code = "gas"
	// codeReferences: a variable is undefined, overwritten, left over, or differs between branches that meet.
	codeReferences sierra.Code = "references"
	// codeEnvironment: ap tracking, frame or gas wallet differ between branches that meet, or do not allow a libfunc.
	codeEnvironment sierra.Code = "environment"
	// codeLowering: a libfunc cannot be compiled for its arguments where and as they are.
	codeLowering sierra.Code = "lowering"
	// codeUnsupported: a libfunc that this compiler does not know.
	codeUnsupported sierra.Code = "unsupported-libfunc"
	// codeSize: the bytecode is too long.
	codeSize sierra.Code = "size"
	// codeConst: constants or const segments are malformed.
	codeConst sierra.Code = "const"
	// codeSegments: the functions do not split the bytecode into segments.
	codeSegments sierra.Code = "segments"
	// codeVersion: the Sierra version is too old or too new.
	codeVersion sierra.Code = "compiler-version"
	// codeInternal: an invariant broke for which there is no check. It is refused, but it is a gap.
	codeInternal sierra.Code = "internal"
)

// errorf makes a refusal about a statement, -1 for none.
func errorf(code sierra.Code, idx sierra.StatementIdx, format string, args ...any) *sierra.ClassError {
	return &sierra.ClassError{Code: code, Statement: idx, Message: fmt.Sprintf(format, args...)}
}

// refusal carries an error out of a lowering, whose code would otherwise be mostly error returns.
type refusal struct{ err *sierra.ClassError }

// refuse ends the lowering of the current statement.
func refuse(format string, args ...any) { panic(refusal{errorf(codeLowering, -1, format, args...)}) }

// recovered turns a panic into an error. A refusal is the program's fault. Anything else is an invariant that a program
// managed to break: the official compiler panics on such classes too, and a node must not go down with one.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.err
	default:
		*err = errorf(codeInternal, -1, "the compiler does not support this program: %v", r)
	}
}
