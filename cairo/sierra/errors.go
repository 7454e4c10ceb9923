package sierra

import (
	"fmt"
	"strings"
)

// ClassError says why a contract class or a Sierra program is rejected. Every fault of an untrusted class is reported in
// this form, here and by the compiler.
type ClassError struct {
	Code      Code
	Statement StatementIdx // -1 if the error is not about one statement
	Libfunc   string       // generic id of the libfunc concerned, "" for none
	Message   string       // the fault and the limit
}

// Error returns the statement, the libfunc and the message.
func (e *ClassError) Error() string {
	var b strings.Builder
	b.WriteString("sierra: ")
	if e.Statement >= 0 {
		fmt.Fprintf(&b, "statement %d: ", e.Statement)
	}
	if e.Libfunc != "" {
		fmt.Fprintf(&b, "%s: ", e.Libfunc)
	}
	b.WriteString(e.Message)
	return b.String()
}

// Code names a reason for rejecting a class. The compiler adds its own codes for faults that only it detects.
type Code string

// Reasons found while decoding, specialising and validating.
const (
	// CodeJSON: the class does not have the required JSON form.
	CodeJSON Code = "json"
	// CodeFeltRange: a felt is at least the field's prime.
	CodeFeltRange Code = "felt-range"
	// CodeCompression: the packed words of sierra_program do not unpack.
	CodeCompression Code = "compression"
	// CodeFelts: the unpacked felts are not a program.
	CodeFelts Code = "felts"
	// CodeText: the text is not a program.
	CodeText Code = "text"
	// CodeEncode: the program cannot be written as felts.
	CodeEncode Code = "encode"
	// CodeSierraVersion: the class has an unsupported Sierra version.
	CodeSierraVersion Code = "sierra-version"
	// CodeLibfuncNotAllowed: the libfunc is not on the audited list.
	CodeLibfuncNotAllowed Code = "libfunc-not-allowed"
	// CodeLibfuncVersion: the libfunc needs a newer Sierra version than the class declares.
	CodeLibfuncVersion Code = "libfunc-version"
	// CodeIDs: declarations are not numbered 0, 1, 2, …
	CodeIDs Code = "ids"
	// CodeType: a type declaration is invalid.
	CodeType Code = "type"
	// CodeTypeDeclaredTwice: two declarations have the same generic id and arguments.
	CodeTypeDeclaredTwice Code = "type-declared-twice"
	// CodeTypeInfo: the declared storable, drop, dup and zero-sized flags differ from the computed ones.
	CodeTypeInfo Code = "type-info"
	// CodeTypeSize: a type's size is unknown or does not fit in 15 bits.
	CodeTypeSize Code = "type-size"
	// CodeLibfunc: a libfunc declaration is invalid.
	CodeLibfunc Code = "libfunc"
	// CodeFunction: a function's signature has a type that is not storable, or its first statement does not exist.
	CodeFunction Code = "function"
	// CodeInvocation: the number of an invocation's arguments, branches or results differs from the libfunc's signature.
	CodeInvocation Code = "invocation"
	// CodeBranch: a branch leads backwards, out of the program, to the target of another branch, or to a statement other
	// than branch_align.
	CodeBranch Code = "branch"
	// CodeConstructor: there is more than one constructor, or its selector is not that of "constructor".
	CodeConstructor Code = "constructor"
	// CodeSelectorOrder: entry points are not strictly sorted by selector.
	CodeSelectorOrder Code = "selector-order"
	// CodeEntryPointReuse: one function serves more than two entry points.
	CodeEntryPointReuse Code = "entry-point-reuse"
	// CodeEntryPoint: an entry point's function does not exist or does not have an entry point's signature.
	CodeEntryPoint Code = "entry-point"
	// CodeEntryPointBuiltins: an entry point's builtins are of the wrong kind or in the wrong order.
	CodeEntryPointBuiltins Code = "entry-point-builtins"
	// CodeSize: the program or class exceeds a size limit.
	CodeSize Code = "size"
)

// errorf returns a ClassError without a statement.
func errorf(code Code, format string, args ...any) *ClassError {
	return &ClassError{Code: code, Statement: -1, Message: fmt.Sprintf(format, args...)}
}

// errorAt returns a ClassError about a statement.
func errorAt(code Code, at StatementIdx, libfunc, format string, args ...any) *ClassError {
	return &ClassError{Code: code, Statement: at, Libfunc: libfunc, Message: fmt.Sprintf(format, args...)}
}
