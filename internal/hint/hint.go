// Package hint attaches advice to an error: one line that says what the user can do about it. A command prints the advice after the error.
// A program that imports node can do so too.
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

// Error returns the text of Err, without the advice.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// With returns err with the formatted advice. It returns nil if err is nil.
func With(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{err, fmt.Sprintf(format, args...)}
}

// Of returns the outermost advice in err's chain, and whether it has any.
func Of(err error) (advice string, ok bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Advice, true
	}
	return "", false
}
