package pyhint

import "errors"

// Scopes are the nested execution scopes of a run's hints: names that one hint sets and a later one reads.
type Scopes struct{ stack []map[string]any }

// NewScopes returns the main scope, without variables.
func NewScopes() Scopes { return Scopes{[]map[string]any{make(map[string]any)}} }

// Variables returns the innermost scope.
func (s *Scopes) Variables() map[string]any { return s.stack[len(s.stack)-1] }

// Enter opens a scope with the given variables.
func (s *Scopes) Enter(variables map[string]any) {
	if variables == nil {
		variables = make(map[string]any)
	}
	s.stack = append(s.stack, variables)
}

// Exit closes the innermost scope.
func (s *Scopes) Exit() error {
	if len(s.stack) <= 1 {
		return errors.New("cannot exit main scope")
	}
	s.stack = s.stack[:len(s.stack)-1]
	return nil
}

// Depth returns the number of open scopes, which is 1 for the main scope alone.
func (s *Scopes) Depth() int { return len(s.stack) }
