// Package pyhint interprets the Python hints of Cairo 0 programs.
//
// The hints of the Cairo common library use a small part of Python. Parse splits a hint into tokens (lex.go) and parses them
// into closures (parse.go, expr.go). The values and operations are in eval.go, the objects in a hint's scope, such as ids,
// memory and segments, in objects.go, and the modules that hints can import in modules.go. A Names gives a hint access to
// the names of its program.
//
// A hint is untrusted input, since it is part of the program. So any text is an error or a hint that ends: sizes, depths and
// iterations are bounded.
package pyhint
