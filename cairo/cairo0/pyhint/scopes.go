package pyhint

import "errors"

// Scopes is the stack of execution scopes of a run. Hints set variables in the innermost scope, and later hints read them.
type Scopes struct{ stack []map[string]any }

// NewScopes returns a stack with the main scope, which has no variables.
func NewScopes() Scopes { return Scopes{[]map[string]any{make(map[string]any)}} }

// Variables returns the variables of the innermost scope.
func (s *Scopes) Variables() map[string]any { return s.stack[len(s.stack)-1] }

// Enter adds a scope with the given variables; nil means none.
func (s *Scopes) Enter(variables map[string]any) {
	if variables == nil {
		variables = make(map[string]any)
	}
	s.stack = append(s.stack, variables)
}

// Exit removes the innermost scope. The main scope cannot be removed.
func (s *Scopes) Exit() error {
	if len(s.stack) <= 1 {
		return errors.New("cannot exit main scope")
	}
	s.stack = s.stack[:len(s.stack)-1]
	return nil
}

// Depth returns the number of scopes, including the main scope.
func (s *Scopes) Depth() int { return len(s.stack) }
