package cairo0

import (
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strings"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// ProgramHint is a Go implementation of the hint with a certain code. ids is the object that the code calls ids.
type ProgramHint func(m *machine.Machine, ids *IDs) error

// IDs gives a hint access to the names of its program: references, constants and struct sizes. It searches the hint's scopes
// from the innermost to the outermost.
type IDs struct {
	p    *Program
	hint *HintCode
	pc   uint64
	refs map[string]*reference // by the last part of the name
	// Input is the run's program_input as JSON.
	Input []byte

	scopes  *pyhint.Scopes // the run's execution scopes
	checked bool           // a native hint has checked the program's constants
	sizes   map[string]int // results of Size
	members map[string]int // offsets of members, by name.member
	// interpreted is the interpreted hint, once a native implementation has left the work to it.
	interpreted ProgramHint
}

// unknownHintError is a hint whose code has no native implementation and does not parse.
type unknownHintError struct{ Code string }

func (e *unknownHintError) Error() string { return "Unknown Hint: " + e.Code }

// attachHints attaches the program's hints to its instructions. A hint is the function of opt.Hints for its code, else a
// native implementation, else interpreted.
func (p *Program) attachHints(m *machine.Machine, opt RunOptions, scopes *pyhint.Scopes) error {
	pcs := make([]uint64, 0, len(p.Hints))
	for pc := range p.Hints {
		pcs = append(pcs, pc)
	}
	sort.Slice(pcs, func(i, j int) bool { return pcs[i] < pcs[j] })
	for _, pc := range pcs {
		for i := range p.Hints[pc] {
			h := &p.Hints[pc][i]
			ids := &IDs{p: p, hint: h, pc: pc, refs: make(map[string]*reference), Input: opt.Input, scopes: scopes}
			for name, id := range h.refs {
				ids.refs[name[strings.LastIndexByte(name, '.')+1:]] = &p.references[id]
			}
			f := opt.Hints[h.Code]
			if f == nil {
				f = nativeHints[hintKey(h.Code)]
			}
			if f == nil {
				f = interpretHint(h.Code)
			}
			if err := m.AddHints(machine.Addr{Offset: pc}, func(m *machine.Machine) error { return f(m, ids) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// interpretHint makes a hint that interprets code. If code does not parse the hint fails when it runs.
func interpretHint(code string) ProgramHint {
	h, err := pyhint.Parse(code)
	if err != nil {
		return func(*machine.Machine, *IDs) error { return fmt.Errorf("%w (%w)", &unknownHintError{code}, err) }
	}
	return func(m *machine.Machine, ids *IDs) error { return h.Run(m, ids) }
}

// find returns the reference ids.name and the ap that its expression is relative to.
func (ids *IDs) find(m *machine.Machine, name string) (*reference, machine.Addr, error) {
	r := ids.refs[name]
	if r == nil {
		return nil, machine.Addr{}, fmt.Errorf("unknown identifier ids.%s", name)
	}
	// A reference is relative to ap at its definition; the compiler tracks the change of ap since then.
	ap := m.APAddr()
	if r.ap.Group == ids.hint.ap.Group {
		ap = ap.Add(int(r.ap.Offset - ids.hint.ap.Offset))
	} else if usesAP(r.expr) {
		return nil, machine.Addr{}, fmt.Errorf("ids.%s is relative to an ap that is not known here", name)
	}
	return r, ap, nil
}

func usesAP(x refExpr) bool {
	switch x := x.(type) {
	case refReg:
		return !x.fp
	case refDeref:
		return usesAP(x.x)
	case refBin:
		return usesAP(x.x) || usesAP(x.y)
	case refTuple:
		return slices.ContainsFunc(x, usesAP)
	}
	return false
}

// Value returns the value of ids.name.
func (ids *IDs) Value(m *machine.Machine, name string) (machine.Value, error) {
	r, ap, err := ids.find(m, name)
	if err != nil {
		return machine.Value{}, err
	}
	return r.expr.eval(m, ap)
}

// Addr returns the address of ids.name: of the cell of a variable, or of the start of a struct (ids.name.address_).
func (ids *IDs) Addr(m *machine.Machine, name string) (machine.Addr, error) {
	r, ap, err := ids.find(m, name)
	if err != nil {
		return machine.Addr{}, err
	}
	x := r.expr
	if d, ok := x.(refDeref); ok {
		x = d.x
	}
	v, err := x.eval(m, ap)
	if err != nil {
		return machine.Addr{}, err
	}
	return addressOf(name, v)
}

// Pointer returns the value of ids.name, which must be an address.
func (ids *IDs) Pointer(m *machine.Machine, name string) (machine.Addr, error) {
	v, err := ids.Value(m, name)
	if err != nil {
		return machine.Addr{}, err
	}
	return addressOf(name, v)
}

// addressOf returns v, the value of ids.name, as an address.
func addressOf(name string, v machine.Value) (machine.Addr, error) {
	a, ok := v.Addr()
	if !ok {
		return machine.Addr{}, fmt.Errorf("ids.%s is %v, want an address", name, v)
	}
	return a, nil
}

// Felt returns the value of ids.name, which must be a field element.
func (ids *IDs) Felt(m *machine.Machine, name string) (felt.Felt, error) {
	v, err := ids.Value(m, name)
	if err != nil {
		return felt.Felt{}, err
	}
	f, ok := v.Felt()
	if !ok {
		return felt.Felt{}, fmt.Errorf("ids.%s is %v, want an integer", name, v)
	}
	return f, nil
}

// Int returns the value of ids.name, which must be a field element, as an integer in [0, P).
func (ids *IDs) Int(m *machine.Machine, name string) (*big.Int, error) {
	f, err := ids.Felt(m, name)
	if err != nil {
		return nil, err
	}
	return f.BigInt(), nil
}

// Uint64 returns the value of ids.name, which must be below 2^64.
func (ids *IDs) Uint64(m *machine.Machine, name string) (uint64, error) {
	f, err := ids.Felt(m, name)
	if err != nil {
		return 0, err
	}
	if !f.IsUint64() {
		return 0, fmt.Errorf("ids.%s is %v, want less than 2^64", name, machine.FeltValue(f))
	}
	return f.Uint64(), nil
}

// Set writes v to the cell of ids.name.
func (ids *IDs) Set(m *machine.Machine, name string, v machine.Value) error {
	r, ap, err := ids.find(m, name)
	if err != nil {
		return err
	}
	d, ok := r.expr.(refDeref)
	if !ok {
		return fmt.Errorf("ids.%s cannot be assigned", name)
	}
	at, err := d.x.eval(m, ap)
	if err != nil {
		return err
	}
	a, err := addressOf(name, at)
	if err != nil {
		return err
	}
	return m.Memory.Insert(a, v)
}

// SetInt writes n modulo P to the cell of ids.name.
func (ids *IDs) SetInt(m *machine.Machine, name string, n *big.Int) error {
	return ids.Set(m, name, machine.FeltValue(felt.FromBigInt(n)))
}

// Struct returns the address of the struct ids.name. If ids.name is a pointer it returns the pointer. A member is at that
// address plus the member's offset.
func (ids *IDs) Struct(m *machine.Machine, name string) (machine.Addr, error) {
	r, _, err := ids.find(m, name)
	if err != nil {
		return machine.Addr{}, err
	}
	if !strings.HasSuffix(r.typ, "*") {
		return ids.Addr(m, name)
	}
	return ids.Pointer(m, name)
}

// Const returns the constant with that name in the hint's scopes.
func (ids *IDs) Const(name string) (*big.Int, error) {
	if id := ids.Lookup(name); id != nil && id.Type == "const" && id.Value != nil {
		return new(big.Int).Set(&id.Value.Int), nil
	}
	return nil, fmt.Errorf("missing constant: %s", name)
}

// Size returns the size of the struct with that name in the hint's scopes.
func (ids *IDs) Size(name string) (int, error) {
	if n, ok := ids.sizes[name]; ok {
		return n, nil
	}
	if id := ids.Lookup(name); id != nil && id.Size != nil && *id.Size >= 0 && *id.Size < 1<<31 {
		if ids.sizes == nil {
			ids.sizes = make(map[string]int)
		}
		ids.sizes[name] = int(*id.Size)
		return int(*id.Size), nil
	}
	return 0, fmt.Errorf("missing struct: %s", name)
}

// Lookup returns the constant, struct or label with that name in the hint's scopes, or nil.
func (ids *IDs) Lookup(name string) *pyhint.Identifier {
	for i := len(ids.hint.Scopes) - 1; i >= 0; i-- {
		if id := ids.p.Resolve(ids.hint.Scopes[i] + "." + name); id != nil {
			return id
		}
	}
	return nil
}

// Reference describes the reference ids.name; false if the hint has none of that name.
func (ids *IDs) Reference(name string) (pyhint.Reference, bool) {
	r := ids.refs[name]
	if r == nil {
		return pyhint.Reference{}, false
	}
	tuple, _ := r.expr.(refTuple)
	return pyhint.Reference{Type: r.typ, Tuple: len(tuple)}, true
}

// TupleMember returns member i of ids.name, which must be a tuple.
func (ids *IDs) TupleMember(m *machine.Machine, name string, i int) (machine.Value, error) {
	r, ap, err := ids.find(m, name)
	if err != nil {
		return machine.Value{}, err
	}
	return r.expr.(refTuple)[i].eval(m, ap)
}

// Resolve returns the identifier with that full name, or nil.
func (ids *IDs) Resolve(name string) *pyhint.Identifier { return ids.p.Resolve(name) }

// Scopes returns the run's execution scopes.
func (ids *IDs) Scopes() *pyhint.Scopes { return ids.scopes }

// ProgramInput returns the run's program_input as JSON.
func (ids *IDs) ProgramInput() []byte { return ids.Input }
