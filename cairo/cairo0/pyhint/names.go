package pyhint

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/starkd/starkd/cairo/machine"
)

// Names gives a hint the names of its program: what the hint calls ids, and the run's scopes and input.
type Names interface {
	// Reference describes ids.name, and reports whether the hint has a reference of that name.
	Reference(name string) (Reference, bool)
	// Addr returns where ids.name is, Value returns its value, and Set writes it.
	Addr(m *machine.Machine, name string) (machine.Addr, error)
	Value(m *machine.Machine, name string) (machine.Value, error)
	Set(m *machine.Machine, name string, v machine.Value) error
	// TupleMember computes a member of ids.name, which is a tuple.
	TupleMember(m *machine.Machine, name string, i int) (machine.Value, error)
	// Lookup finds a constant, a struct or a label that the hint's scopes can see, or returns nil.
	Lookup(name string) *Identifier
	// Resolve finds an identifier by its full name, or returns nil.
	Resolve(name string) *Identifier
	// Scopes returns the scopes of the run.
	Scopes() *Scopes
	// ProgramInput returns the run's program_input, JSON.
	ProgramInput() []byte
}

// Reference is the type of a reference: "felt", "T" or "T*".
type Reference struct {
	Type string
	// Tuple is the number of members of a structure that is in no memory, and 0 for any other reference.
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

// number is an integer of any size, as JSON writes constants.
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

// FindMember finds a member of the structure whose full name is typ.
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
