package pyhint

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/starkd/starkd/cairo/machine"
)

// Names gives a hint access to the names of its program (the object ids) and to the run's scopes and input.
type Names interface {
	// Reference describes the reference ids.name; false if the hint has none of that name.
	Reference(name string) (Reference, bool)
	// Addr returns the address of ids.name, Value returns its value, and Set writes it.
	Addr(m *machine.Machine, name string) (machine.Addr, error)
	Value(m *machine.Machine, name string) (machine.Value, error)
	Set(m *machine.Machine, name string, v machine.Value) error
	// TupleMember returns member i of ids.name, which must be a tuple.
	TupleMember(m *machine.Machine, name string, i int) (machine.Value, error)
	// Lookup returns the constant, struct or label with that name in the hint's scopes, or nil.
	Lookup(name string) *Identifier
	// Resolve returns the identifier with that full name, or nil.
	Resolve(name string) *Identifier
	// Scopes returns the run's execution scopes.
	Scopes() *Scopes
	// ProgramInput returns the run's program_input as JSON.
	ProgramInput() []byte
}

// Reference describes a reference.
type Reference struct {
	Type string // "felt", "T" or "T*"
	// Tuple is the number of members if the reference is a struct that is not in memory, else 0.
	Tuple int
}

// Identifier is a name of the program: a label or function, a constant, a struct, a reference or an alias.
type Identifier struct {
	Type        string            `json:"type"`
	PC          *uint64           `json:"pc"`
	Value       *number           `json:"value"`
	Destination string            `json:"destination"`
	FullName    string            `json:"full_name"`
	Size        *int64            `json:"size"`
	CairoType   string            `json:"cairo_type"`
	Members     map[string]Member `json:"members"`
}

// Member is a member of a struct.
type Member struct {
	CairoType string `json:"cairo_type"`
	Offset    int64  `json:"offset"`
}

// number is an integer of any size, in JSON a number or a string.
type number struct{ big.Int }

func (n *number) UnmarshalJSON(b []byte) error {
	if len(b) > 1000 {
		return fmt.Errorf("cairo0: a number of %d digits", len(b))
	}
	if _, ok := n.SetString(strings.Trim(string(b), `"`), 0); !ok {
		return fmt.Errorf("cairo0: %s is not an integer", b)
	}
	return nil
}

// FindMember returns a member of the struct whose full name is typ.
func FindMember(ids Names, typ, member string) (Member, error) {
	id := ids.Resolve(typ)
	if id == nil || id.Type != "struct" {
		return Member{}, fmt.Errorf("unknown struct %s", typ)
	}
	m, ok := id.Members[member]
	if !ok {
		return Member{}, fmt.Errorf("'%s' is not a member of '%s'", member, typ)
	}
	return m, nil
}
