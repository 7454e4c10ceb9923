package cairo0

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// Program is a compiled Cairo 0 program, which cairo-compile writes as JSON.
type Program struct {
	Data        []felt.Felt
	Builtins    []string
	Hints       map[uint64][]HintCode
	Identifiers map[string]*pyhint.Identifier
	MainScope   string
	references  []reference
	attributes  []attribute
}

// HintCode is a hint in the program's JSON.
type HintCode struct {
	Code   string
	Scopes []string
	ap     apTracking
	refs   map[string]int // full name → index in Program.references
}

type apTracking struct {
	Group  int64 `json:"group"`
	Offset int64 `json:"offset"`
}

type reference struct {
	ap   apTracking
	pc   uint64
	expr refExpr
	typ  string // type of the value: "felt", "T" or "T*"
}

type attribute struct {
	Name  string `json:"name"`
	Start uint64 `json:"start_pc"`
	End   uint64 `json:"end_pc"`
	Value string `json:"value"`
}

type flowJSON struct {
	APTracking   apTracking     `json:"ap_tracking"`
	ReferenceIDs map[string]int `json:"reference_ids"`
}

type programJSON struct {
	Prime       string         `json:"prime"`
	Data        []string       `json:"data"`
	Builtins    []string       `json:"builtins"`
	MainScope   string         `json:"main_scope"`
	Attributes  []attribute    `json:"attributes"`
	Identifiers jsontext.Value `json:"identifiers"`
	Hints       map[string][]struct {
		Code   string   `json:"code"`
		Scopes []string `json:"accessible_scopes"`
		Flow   flowJSON `json:"flow_tracking_data"`
	} `json:"hints"`
	ReferenceManager struct {
		References []struct {
			AP    apTracking `json:"ap_tracking_data"`
			PC    uint64     `json:"pc"`
			Value string     `json:"value"`
		} `json:"references"`
	} `json:"reference_manager"`
}

// ParseProgram decodes a compiled program. Any input gives a program or an error.
func ParseProgram(b []byte) (*Program, error) {
	var raw programJSON
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("cairo0: program: %w", err)
	}
	p := &Program{Builtins: raw.Builtins, MainScope: raw.MainScope, Hints: make(map[uint64][]HintCode)}
	if p.MainScope == "" {
		p.MainScope = "__main__"
	}
	prime, ok := new(big.Int).SetString(strings.TrimPrefix(raw.Prime, "0x"), 16)
	if !ok || prime.Cmp(felt.Modulus()) != 0 {
		return nil, fmt.Errorf("cairo0: the program's prime %q is not the Cairo prime", raw.Prime)
	}
	if len(raw.Data) > machine.MaxCells/4 {
		return nil, fmt.Errorf("cairo0: a program of %d words, want at most %d", len(raw.Data), machine.MaxCells/4)
	}
	p.Data = make([]felt.Felt, len(raw.Data))
	for i, s := range raw.Data {
		f, err := felt.FromHex(s)
		if err != nil {
			return nil, fmt.Errorf("cairo0: program word %d: %w", i, err)
		}
		p.Data[i] = f
	}
	if err := checkBuiltinOrder(p.Builtins); err != nil {
		return nil, err
	}
	if len(raw.Identifiers) > 0 {
		if err := json.Unmarshal(raw.Identifiers, &p.Identifiers); err != nil {
			return nil, fmt.Errorf("cairo0: identifiers: %w", err)
		}
		for name, id := range p.Identifiers {
			if id == nil {
				return nil, fmt.Errorf("cairo0: identifier %q is null", name)
			}
		}
	}
	for i, r := range raw.ReferenceManager.References {
		expr, typ, err := parseReference(r.Value)
		if err != nil {
			expr = refBad{fmt.Errorf("cairo0: reference %d: %w", i, err)}
		}
		p.references = append(p.references, reference{r.AP, r.PC, expr, typ})
	}
	for key, list := range raw.Hints {
		pc, err := strconv.ParseUint(key, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("cairo0: hint at %q: %w", key, err)
		}
		if len(p.Hints[pc]) > 0 {
			return nil, fmt.Errorf("cairo0: hints at %d are given twice", pc)
		}
		for _, h := range list {
			for name, id := range h.Flow.ReferenceIDs {
				if id < 0 || id >= len(p.references) {
					return nil, fmt.Errorf("cairo0: hint at %d: reference %d of %q does not exist", pc, id, name)
				}
			}
			p.Hints[pc] = append(p.Hints[pc], HintCode{h.Code, h.Scopes, h.Flow.APTracking, h.Flow.ReferenceIDs})
		}
	}
	p.attributes = raw.Attributes
	return p, nil
}

func checkBuiltinOrder(names []string) error {
	next := 0
	for i, name := range names {
		k := slices.Index(machine.BuiltinOrder, name)
		if k < 0 {
			return fmt.Errorf("cairo0: unknown builtin %q", name)
		}
		if k < next {
			return fmt.Errorf("cairo0: builtin %q at place %d is not in the order of the builtins", name, i)
		}
		next = k + 1
	}
	return nil
}

// Label returns the pc of a function or label in the main scope.
func (p *Program) Label(name string) (uint64, error) {
	id := p.Resolve(p.MainScope + "." + name)
	if id == nil || id.PC == nil {
		return 0, fmt.Errorf("cairo0: the program has no %s.%s", p.MainScope, name)
	}
	if *id.PC > uint64(len(p.Data)) {
		return 0, fmt.Errorf("cairo0: %s.%s is at %d, after the program's %d words", p.MainScope, name, *id.PC, len(p.Data))
	}
	return *id.PC, nil
}

// Resolve returns the identifier with that full name and follows aliases; nil if there is none.
func (p *Program) Resolve(name string) *pyhint.Identifier {
	for range 32 {
		id := p.Identifiers[name]
		if id == nil || id.Type != "alias" {
			return id
		}
		name = id.Destination
	}
	return nil
}

// ErrorMessages returns the error_message attributes whose range contains pc.
func (p *Program) ErrorMessages(pc uint64) []string {
	var out []string
	for _, a := range p.attributes {
		if a.Name == "error_message" && a.Start <= pc && pc < a.End {
			out = append(out, a.Value)
		}
	}
	return out
}

// refExpr is the expression of a reference, such as `[cast([fp + (-3)] + 2, felt*)]`.
type refExpr interface {
	// eval computes the expression; ap is the value that the register ap has in it.
	eval(m *machine.Machine, ap machine.Addr) (machine.Value, error)
}

type (
	refReg   struct{ fp bool }
	refConst struct{ v felt.Felt }
	refDeref struct{ x refExpr }
	refBin   struct {
		op   byte
		x, y refExpr
		// A number y that is added or subtracted and is below 2^31 has the form of an integer, with its sign.
		small bool
		n     int64
	}
	// refTuple is a struct that is not in memory: the expressions of its members.
	refTuple []refExpr
	// refBad is an expression that did not parse. It fails when a hint evaluates it.
	refBad struct{ err error }
)

func (r refTuple) eval(*machine.Machine, machine.Addr) (machine.Value, error) {
	return machine.Value{}, errors.New("a tuple is not one value")
}

func (r refBad) eval(*machine.Machine, machine.Addr) (machine.Value, error) {
	return machine.Value{}, r.err
}

func (r refReg) eval(m *machine.Machine, ap machine.Addr) (machine.Value, error) {
	if r.fp {
		return machine.AddrValue(m.FPAddr()), nil
	}
	return machine.AddrValue(ap), nil
}

func (r refConst) eval(*machine.Machine, machine.Addr) (machine.Value, error) {
	return machine.FeltValue(r.v), nil
}

func (r refDeref) eval(m *machine.Machine, ap machine.Addr) (machine.Value, error) {
	v, err := r.x.eval(m, ap)
	if err != nil {
		return machine.Value{}, err
	}
	a, ok := v.Addr()
	if !ok {
		return machine.Value{}, fmt.Errorf("dereference of %v, which is not an address", v)
	}
	return m.Memory.Value(a)
}

func (r refBin) eval(m *machine.Machine, ap machine.Addr) (machine.Value, error) {
	x, err := r.x.eval(m, ap)
	if err != nil {
		return machine.Value{}, err
	}
	if a, ok := x.Addr(); ok && r.small && a.Offset < 1<<62 && int64(a.Offset)+r.n >= 0 {
		a.Offset += uint64(r.n)
		return machine.AddrValue(a), nil
	}
	y, err := r.y.eval(m, ap)
	if err != nil {
		return machine.Value{}, err
	}
	switch r.op {
	case '+':
		return x.Add(y)
	case '-':
		return x.Sub(y)
	case '/':
		a, okA := x.Felt()
		b, okB := y.Felt()
		if !okA || !okB || b.IsZero() {
			return machine.Value{}, fmt.Errorf("cannot divide %v by %v", x, y)
		}
		return machine.FeltValue(*a.Div(&a, &b)), nil
	}
	return x.Mul(y)
}

// newRefBin returns the expression x op y.
func newRefBin(op byte, x, y refExpr) refBin {
	r := refBin{op: op, x: x, y: y}
	c, ok := y.(refConst)
	if !ok || op != '+' && op != '-' {
		return r
	}
	v, sign := c.v, int64(1)
	if op == '-' {
		sign = -1
	}
	if !v.IsUint64() {
		v.Neg(&v)
		sign = -sign
	}
	if v.IsUint64() && v.Uint64() < 1<<31 {
		r.small, r.n = true, sign*int64(v.Uint64())
	}
	return r
}

// refParser is a recursive-descent parser of reference expressions.
type refParser struct {
	s     string
	typ   string // the type of the last cast that was parsed; at the end that is the outermost cast
	depth int
}

// parseReference parses a reference's expression and returns it and the type of its value.
func parseReference(s string) (refExpr, string, error) {
	p := &refParser{s: s}
	x, err := p.sum()
	if err != nil {
		return nil, "", fmt.Errorf("%w in %q", err, s)
	}
	if p.peek() != 0 {
		return nil, "", fmt.Errorf("unexpected %q in %q", p.s, s)
	}
	// [cast(address, T*)] is a T in memory; cast([address], T*) is a pointer.
	if _, ok := x.(refDeref); ok && strings.HasPrefix(s, "[") {
		p.typ = strings.TrimSuffix(p.typ, "*")
	}
	return x, p.typ, nil
}

func (p *refParser) peek() byte {
	p.s = strings.TrimLeft(p.s, " \n\t\r")
	if p.s == "" {
		return 0
	}
	return p.s[0]
}

func (p *refParser) take(c byte) error {
	if p.peek() != c {
		return fmt.Errorf("want %q", c)
	}
	p.s = p.s[1:]
	return nil
}

func (p *refParser) sum() (refExpr, error) {
	if p.depth++; p.depth > 64 {
		return nil, errors.New("nested too deep")
	}
	defer func() { p.depth-- }()
	return p.chain("+-", func() (refExpr, error) { return p.chain("*/", p.term) })
}

// chain parses operands joined by operators of one precedence, which associate to the left.
func (p *refParser) chain(ops string, operand func() (refExpr, error)) (refExpr, error) {
	x, err := operand()
	for err == nil {
		op := p.peek()
		if op == 0 || strings.IndexByte(ops, op) < 0 {
			return x, nil
		}
		p.s = p.s[1:]
		var y refExpr
		y, err = operand()
		x = newRefBin(op, x, y)
	}
	return nil, err
}

func (p *refParser) term() (refExpr, error) {
	switch c := p.peek(); {
	case c == '[':
		p.s = p.s[1:]
		x, err := p.sum()
		if err != nil {
			return nil, err
		}
		return refDeref{x}, p.take(']')
	case c == '(':
		p.s = p.s[1:]
		x, err := p.sum()
		if err != nil || p.peek() != ',' {
			return x, errors.Join(err, p.take(')'))
		}
		tuple := refTuple{x}
		for p.peek() == ',' {
			p.s = p.s[1:]
			if p.peek() == ')' {
				break
			}
			if x, err = p.sum(); err != nil {
				return nil, err
			}
			tuple = append(tuple, x)
		}
		return tuple, p.take(')')
	case strings.HasPrefix(p.s, "cast("):
		p.s = p.s[5:]
		x, err := p.sum()
		if err != nil {
			return nil, err
		}
		if err := p.take(','); err != nil {
			return nil, err
		}
		// The type may contain parentheses (tuples). It ends at the parenthesis that closes the cast.
		typ := p.s
		for depth := 0; p.s != ""; p.s = p.s[1:] {
			if p.s[0] == '(' {
				depth++
			}
			if p.s[0] == ')' {
				if depth == 0 {
					break
				}
				depth--
			}
		}
		p.typ = strings.TrimSpace(typ[:len(typ)-len(p.s)])
		return x, p.take(')')
	case strings.HasPrefix(p.s, "ap"):
		p.s = p.s[2:]
		return refReg{}, nil
	case strings.HasPrefix(p.s, "fp"):
		p.s = p.s[2:]
		return refReg{fp: true}, nil
	case c == '-' || '0' <= c && c <= '9':
		n := 1
		for n < len(p.s) && '0' <= p.s[n] && p.s[n] <= '9' {
			n++
		}
		v, ok := new(big.Int).SetString(p.s[:n], 10)
		if !ok || n > 100 {
			return nil, fmt.Errorf("bad number %q", p.s[:n])
		}
		p.s = p.s[n:]
		return refConst{felt.FromBigInt(v)}, nil
	}
	return nil, fmt.Errorf("unexpected %q", p.s)
}
