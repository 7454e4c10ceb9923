// Package pyhint interprets the Python hints of Cairo 0 programs.
//
// The part of Python that the Cairo common library uses is small. Parse splits a hint into tokens (lex.go) and parses it
// into closures (parse.go, expr.go). eval.go has the values and operations, objects.go the objects that a hint finds in
// its scope, such as ids, memory and segments, and modules.go the modules that hints import. Names is what a hint may ask
// of its program.
//
// A hint is the program's own text, so the interpreter is total: sizes, depths and iterations are bounded.
package pyhint
