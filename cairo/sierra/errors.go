package sierra

import (
	"fmt"
	"strings"
)

// ClassError is the refusal of a contract class or of a Sierra program: everything a stranger's class can be refused for is
// reported in this form, here and by the compiler.
type ClassError struct {
	Code      Code
	Statement StatementIdx // -1 when the refusal is not about one statement
	Libfunc   string       // generic id of the libfunc concerned, "" for none
	Message   string       // what was found and what was allowed
}

// Error says where, what and why.
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

// Code names a reason for refusal. The compiler adds codes of its own for what only it can see.
type Code string

// Reasons for refusal found while decoding, specialising and validating.
const (
	// CodeJSON: the class is not the JSON object that it should be.
	CodeJSON Code = "json"
	// CodeFeltRange: a felt of the program is the field's prime or more.
	CodeFeltRange Code = "felt-range"
	// CodeCompression: the packed words of sierra_program do not unpack.
	CodeCompression Code = "compression"
	// CodeFelts: the unpacked felts are not a program.
	CodeFelts Code = "felts"
	// CodeText: the text is not a program.
	CodeText Code = "text"
	// CodeEncode: the program has no felt form.
	CodeEncode Code = "encode"
	// CodeSierraVersion: the class was written for another Sierra version.
	CodeSierraVersion Code = "sierra-version"
	// CodeLibfuncNotAllowed: the libfunc is not on the audited list.
	CodeLibfuncNotAllowed Code = "libfunc-not-allowed"
	// CodeLibfuncVersion: the libfunc needs a newer Sierra version than the class declares.
	CodeLibfuncVersion Code = "libfunc-version"
	// CodeIDs: declarations are not numbered 0, 1, 2, …
	CodeIDs Code = "ids"
	// CodeType: a type declaration does not specialise.
	CodeType Code = "type"
	// CodeTypeDeclaredTwice: two declarations have the same generic id and arguments.
	CodeTypeDeclaredTwice Code = "type-declared-twice"
	// CodeTypeInfo: the declared storable, drop, dup and zero-sized flags differ from the computed ones.
	CodeTypeInfo Code = "type-info"
	// CodeTypeSize: a type's size is not known or does not fit in 15 bits.
	CodeTypeSize Code = "type-size"
	// CodeLibfunc: a libfunc declaration does not specialise.
	CodeLibfunc Code = "libfunc"
	// CodeFunction: a function's signature has a type that cannot be stored, or its first statement does not exist.
	CodeFunction Code = "function"
	// CodeInvocation: an invocation's arguments, branches or results do not match the libfunc's signature in number.
	CodeInvocation Code = "invocation"
	// CodeBranch: a branch leads backwards, out of the program, to a statement already branched to, or not to an alignment.
	CodeBranch Code = "branch"
	// CodeConstructor: there is more than one constructor, or its selector is not that of "constructor".
	CodeConstructor Code = "constructor"
	// CodeSelectorOrder: entry points are not strictly sorted by selector.
	CodeSelectorOrder Code = "selector-order"
	// CodeEntryPointReuse: one function serves more than two entry points.
	CodeEntryPointReuse Code = "entry-point-reuse"
	// CodeEntryPoint: an entry point names a function that does not exist, or one that has not an entry point's signature.
	CodeEntryPoint Code = "entry-point"
	// CodeEntryPointBuiltins: an entry point's builtins are not of the right kind or not in the right order.
	CodeEntryPointBuiltins Code = "entry-point-builtins"
	// CodeSize: the program is larger than the limits.
	CodeSize Code = "size"
)

// refuse makes a ClassError that is about no statement.
func refuse(code Code, format string, args ...any) *ClassError {
	return &ClassError{Code: code, Statement: -1, Message: fmt.Sprintf(format, args...)}
}

// refuseAt makes a ClassError about a statement.
func refuseAt(code Code, at StatementIdx, libfunc, format string, args ...any) *ClassError {
	return &ClassError{Code: code, Statement: at, Libfunc: libfunc, Message: fmt.Sprintf(format, args...)}
}
