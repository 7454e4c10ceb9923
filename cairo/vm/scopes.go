package vm

import "errors"

// scopes are the nested execution scopes of Cairo 0 hints: names that one hint sets and a later one reads.
type scopes struct{ stack []map[string]any }

func (s *scopes) enter(vars map[string]any) {
	if vars == nil {
		vars = make(map[string]any)
	}
	s.stack = append(s.stack, vars)
}

func (s *scopes) exit() error {
	if len(s.stack) <= 1 {
		return errors.New("cannot exit main scope")
	}
	s.stack = s.stack[:len(s.stack)-1]
	return nil
}

// Scope is the innermost scope of hint variables.
func (m *Machine) Scope() map[string]any { return m.scopes.stack[len(m.scopes.stack)-1] }

// EnterScope opens a scope with the given variables.
func (m *Machine) EnterScope(vars map[string]any) { m.scopes.enter(vars) }

// ExitScope closes the innermost scope.
func (m *Machine) ExitScope() error { return m.scopes.exit() }
