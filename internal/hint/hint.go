// Package hint attaches advice to an error: one line that says what a person can do about it. A command prints the advice after the
// error; a program that imports node may do so too.
package hint

import (
	"errors"
	"fmt"
)

// Error is an error with advice.
type Error struct {
	Err    error
	Advice string // one line
}

// Error implements error. The advice is not in the text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without its advice.
func (e *Error) Unwrap() error { return e.Err }

// With returns err with advice. It returns nil if err is nil.
func With(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{err, fmt.Sprintf(format, args...)}
}

// Of returns the outermost advice of err, and whether there is any.
func Of(err error) (advice string, ok bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Advice, true
	}
	return "", false
}
