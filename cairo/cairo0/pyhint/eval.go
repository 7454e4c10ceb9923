package pyhint

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strings"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// A Python value is one of: nil (None), bool, *big.Int, string, byteString, machine.Addr (a relocatable), tuple, *List,
// *Dict, function, module, intRange, and the types of objects.go. A *big.Int is never modified after it is made.
type (
	tuple []any
	// List is a list. Copies of the pointer are the same list, as in Python.
	List       struct{ Items []any }
	byteString string
	function   func(e *env, args []any, kw map[string]any) (any, error)
	// module is a module, or any other object with attributes only.
	module map[string]any
)

// Dict is a dict. It keeps the order of insertion, as in Python. Keys and values that come from memory, as integers or addresses, are kept as
// they are in memory until a hint looks at them.
type Dict struct {
	cells   map[machine.Value]int // the keys that are integers from [0, P) or addresses
	index   map[string]int        // the others, by dictKey
	keys    []any
	values  []any
	missing func() any // makes the value of a missing key of a defaultdict; nil for other dicts
}

// NewDict returns an empty dictionary.
func NewDict() *Dict { return &Dict{cells: make(map[machine.Value]int)} }

// cellKey returns the value in memory that stands for the key k; false if there is none.
func cellKey(k any) (machine.Value, bool) {
	switch k := k.(type) {
	case machine.Value:
		return k, true
	case machine.Addr:
		return machine.AddrValue(k), true
	case bool:
		return machine.BoolValue(k), true
	case *big.Int:
		if k.IsUint64() {
			return machine.UintValue(k.Uint64()), true
		}
		if k.Sign() > 0 && k.Cmp(modulus) < 0 {
			return machine.FeltValue(felt.FromBigInt(k)), true
		}
	}
	return machine.Value{}, false
}

var modulus = felt.Modulus()

// find returns the position of the key k.
func (d *Dict) find(k any) (int, bool, error) {
	if v, ok := cellKey(k); ok {
		i, ok := d.cells[v]
		return i, ok, nil
	}
	s, err := dictKey(k)
	if err != nil {
		return 0, false, err
	}
	i, ok := d.index[s]
	return i, ok, nil
}

// item returns the key and the value at position i as a hint sees them.
func (d *Dict) item(i int) (key, value any) {
	if v, ok := d.keys[i].(machine.Value); ok {
		d.keys[i] = OfValue(v)
	}
	if v, ok := d.values[i].(machine.Value); ok {
		d.values[i] = OfValue(v)
	}
	return d.keys[i], d.values[i]
}

// len returns the number of keys.
func (d *Dict) len() int { return len(d.keys) }

// allKeys returns the keys in the order of insertion.
func (d *Dict) allKeys() []any {
	out := make([]any, len(d.keys))
	for i := range out {
		out[i], _ = d.item(i)
	}
	return out
}

// allValues returns the values in the order of their keys' insertion.
func (d *Dict) allValues() []any {
	out := make([]any, len(d.keys))
	for i := range out {
		_, out[i] = d.item(i)
	}
	return out
}

// dictKey returns the string that identifies k as a dictionary key: equal keys have equal strings.
func dictKey(k any) (string, error) {
	switch k := k.(type) {
	case bool:
		n, _ := toInt(k)
		return "i" + string(n.Bytes()), nil
	case *big.Int:
		if k.Sign() < 0 {
			return "-" + string(k.Bytes()), nil
		}
		return "i" + string(k.Bytes()), nil
	case machine.Value:
		return dictKey(OfValue(k))
	case string:
		return "s" + k, nil
	case byteString:
		return "b" + string(k), nil
	case machine.Addr:
		return "a" + k.String(), nil
	case nil:
		return "n", nil
	case tuple:
		var b strings.Builder
		b.WriteByte('t')
		for _, v := range k {
			s, err := dictKey(v)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%d:%s", len(s), s)
		}
		return b.String(), nil
	}
	return "", fmt.Errorf("unhashable type: %s", typeName(k))
}

func (d *Dict) get(k any) (any, bool, error) {
	i, ok, err := d.find(k)
	if !ok {
		return nil, false, err
	}
	_, v := d.item(i)
	return v, true, nil
}

// Value returns d[key]. For a missing key it adds and returns the default of a defaultdict; for other dicts it is an error.
func (d *Dict) Value(key any) (any, error) {
	v, ok, err := d.get(key)
	if err != nil || ok {
		return v, err
	}
	if d.missing == nil {
		return nil, fmt.Errorf("KeyError: %s", Str(key))
	}
	v = d.missing()
	return v, d.Set(key, v)
}

// Cell does what Value does for a key from memory, and returns the value as it is written to memory.
func (d *Dict) Cell(key machine.Value) (machine.Value, error) {
	if i, ok := d.cells[key]; ok {
		if v, ok := d.values[i].(machine.Value); ok {
			return v, nil
		}
	}
	v, err := d.Value(OfValue(key))
	if err != nil {
		return machine.Value{}, err
	}
	return ToValue(v)
}

// Set sets d[k] to v, or returns an error if k cannot be a key.
func (d *Dict) Set(k, v any) error {
	i, ok, err := d.find(k)
	if err != nil {
		return err
	}
	if ok {
		d.values[i] = v
		return nil
	}
	if key, ok := cellKey(k); ok {
		d.cells[key] = len(d.keys)
	} else {
		s, err := dictKey(k)
		if err != nil {
			return err
		}
		if d.index == nil {
			d.index = make(map[string]int)
		}
		d.index[s] = len(d.keys)
	}
	d.keys, d.values = append(d.keys, k), append(d.values, v)
	return nil
}

// SetCell sets d[key] to v, both from memory.
func (d *Dict) SetCell(key, v machine.Value) {
	if i, ok := d.cells[key]; ok {
		d.values[i] = v
		return
	}
	d.cells[key] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
}

func (d *Dict) copy() *Dict {
	return &Dict{maps.Clone(d.cells), maps.Clone(d.index), slices.Clone(d.keys), slices.Clone(d.values), d.missing}
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case *big.Int:
		return "int"
	case string:
		return "str"
	case byteString:
		return "bytes"
	case machine.Addr:
		return "RelocatableValue"
	case tuple:
		return "tuple"
	case *List:
		return "list"
	case *Dict:
		return "dict"
	case function:
		return "function"
	}
	return "object"
}

// Str returns str(v).
func Str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case *big.Int:
		return v.String()
	case machine.Addr:
		return v.String()
	}
	return typeName(v)
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case *big.Int:
		return v.Sign() != 0
	case string:
		return v != ""
	case byteString:
		return v != ""
	case tuple:
		return len(v) > 0
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return v.len() > 0
	}
	return true
}

// toInt returns v as an integer; v must be an int or a bool.
func toInt(v any) (*big.Int, error) {
	switch v := v.(type) {
	case *big.Int:
		return v, nil
	case bool:
		if v {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	}
	return nil, fmt.Errorf("%s is not an integer", typeName(v))
}

// toSmall returns v as an int, which must be from -limit to limit.
func toSmall(v any, limit int64) (int, error) {
	n, err := toInt(v)
	if err != nil {
		return 0, err
	}
	if !n.IsInt64() || n.Int64() > limit || n.Int64() < -limit {
		return 0, fmt.Errorf("%v is outside of ±%d", n, limit)
	}
	return int(n.Int64()), nil
}

// The bounds of one hint.
const (
	maxIterations = 1 << 24
	maxBits       = 1 << 16 // bits of an integer
	maxList       = 1 << 24 // elements of a list
)

func (e *env) spend() error {
	if e.budget--; e.budget < 0 {
		return errors.New("the hint runs too long")
	}
	return nil
}

// toAddr returns v as an address: a relocatable, or the address of a structure.
func toAddr(v any) (machine.Addr, bool) {
	switch v := v.(type) {
	case machine.Addr:
		return v, true
	case *structure:
		return v.at, true
	}
	return machine.Addr{}, false
}

func binaryOp(op string, a, b any) (any, error) {
	if x, ok := toAddr(a); ok {
		return addrOp(op, x, b)
	}
	if y, ok := toAddr(b); ok && op == "+" {
		return addrOp(op, y, a)
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok && op == "+" {
			return x + y, nil
		}
		if op == "%" {
			return x, nil
		}
	case byteString:
		if y, ok := b.(byteString); ok && op == "+" {
			return x + y, nil
		}
	case *List:
		if y, ok := b.(*List); ok && op == "+" {
			if len(x.Items)+len(y.Items) > maxList {
				return nil, errors.New("the list is too long")
			}
			return &List{append(append([]any{}, x.Items...), y.Items...)}, nil
		}
		if op == "*" {
			n, err := toSmall(b, maxList)
			if err != nil {
				return nil, err
			}
			if n > 0 && len(x.Items) > maxList/n {
				return nil, errors.New("the list is too long")
			}
			out := &List{}
			for range max(n, 0) {
				out.Items = append(out.Items, x.Items...)
			}
			return out, nil
		}
	case tuple:
		if y, ok := b.(tuple); ok && op == "+" {
			return append(append(tuple{}, x...), y...), nil
		}
	}
	x, err := toInt(a)
	if err != nil {
		return nil, fmt.Errorf("unsupported operand for %s: %w", op, err)
	}
	y, err := toInt(b)
	if err != nil {
		return nil, fmt.Errorf("unsupported operand for %s: %w", op, err)
	}
	r := new(big.Int)
	switch op {
	case "+":
		return r.Add(x, y), nil
	case "-":
		return r.Sub(x, y), nil
	case "*":
		if x.BitLen()+y.BitLen() > maxBits {
			return nil, errors.New("the product is too large")
		}
		return r.Mul(x, y), nil
	case "//":
		q, _, err := floorDivMod(x, y)
		return q, err
	case "%":
		_, m, err := floorDivMod(x, y)
		return m, err
	case "&":
		return r.And(x, y), nil
	case "|":
		return r.Or(x, y), nil
	case "^":
		return r.Xor(x, y), nil
	case "<<", ">>":
		if y.Sign() < 0 || op == "<<" && (!y.IsInt64() || y.Int64()+int64(x.BitLen()) > maxBits) {
			return nil, fmt.Errorf("shift by %v", y)
		}
		if op == "<<" {
			return r.Lsh(x, uint(y.Int64())), nil
		}
		if !y.IsInt64() || y.Int64() > maxBits {
			y = big.NewInt(maxBits)
		}
		return r.Rsh(x, uint(y.Int64())), nil
	case "**":
		if y.Sign() < 0 || !y.IsInt64() || int64(x.BitLen())*y.Int64() > maxBits {
			return nil, fmt.Errorf("power of %v", y)
		}
		return r.Exp(x, y, nil), nil
	}
	return nil, fmt.Errorf("unsupported operation %s", op)
}

// floorDivMod returns the quotient, rounded down as in Python, and the remainder.
func floorDivMod(x, y *big.Int) (q, m *big.Int, err error) {
	if y.Sign() == 0 {
		return nil, nil, errors.New("integer division or modulo by zero")
	}
	q, m = new(big.Int).DivMod(x, y, new(big.Int))
	if m.Sign() != 0 && y.Sign() < 0 { // Euclidean to floored
		q.Sub(q, big.NewInt(1))
		m.Add(m, y)
	}
	return q, m, nil
}

func addrOp(op string, a machine.Addr, b any) (any, error) {
	if c, ok := toAddr(b); ok {
		if op != "-" || a.Segment != c.Segment {
			return nil, fmt.Errorf("cannot compute %v %s %v", a, op, c)
		}
		return new(big.Int).Sub(new(big.Int).SetUint64(a.Offset), new(big.Int).SetUint64(c.Offset)), nil
	}
	n, err := toInt(b)
	if err != nil {
		return nil, err
	}
	off := new(big.Int).SetUint64(a.Offset)
	switch op {
	case "+":
		off.Add(off, n)
	case "-":
		off.Sub(off, n)
	case "%": // an address modulo the prime is the address
		return a, nil
	default:
		return nil, fmt.Errorf("cannot compute %v %s %v", a, op, n)
	}
	if off.CmpAbs(felt.Modulus()) < 0 && !off.IsUint64() {
		off.Mod(off, felt.Modulus())
	}
	if !off.IsUint64() {
		return nil, fmt.Errorf("cannot compute %v %s %v", a, op, n)
	}
	return machine.Addr{Segment: a.Segment, Offset: off.Uint64()}, nil
}

func (e *env) compare(op string, a, b any) (bool, error) {
	switch op {
	case "in", "not in":
		ok, err := e.contains(b, a)
		return ok == (op == "in"), err
	case "==", "!=":
		ok := equal(a, b)
		return ok == (op == "=="), nil
	}
	c, err := compareOrder(a, b)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case ">":
		return c > 0, nil
	case "<=":
		return c <= 0, nil
	}
	return c >= 0, nil
}

func equal(a, b any) bool {
	if x, ok := toAddr(a); ok {
		y, ok := toAddr(b)
		return ok && x == y
	}
	if x, ok := a.(*List); ok {
		y, ok := b.(*List)
		return ok && equalLists(x.Items, y.Items)
	}
	if x, ok := a.(tuple); ok {
		y, ok := b.(tuple)
		return ok && equalLists(x, y)
	}
	x, errX := toInt(a)
	y, errY := toInt(b)
	if errX == nil && errY == nil {
		return x.Cmp(y) == 0
	}
	if (errX == nil) != (errY == nil) {
		return false
	}
	p, errP := dictKey(a)
	q, errQ := dictKey(b)
	return errP == nil && errQ == nil && p == q
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func compareOrder(a, b any) (int, error) {
	if x, ok := toAddr(a); ok {
		if y, ok := toAddr(b); ok {
			switch {
			case x.Segment < y.Segment || x.Segment == y.Segment && x.Offset < y.Offset:
				return -1, nil
			case x == y:
				return 0, nil
			}
			return 1, nil
		}
	}
	if x, ok := a.(tuple); ok {
		if y, ok := b.(tuple); ok {
			for i := range min(len(x), len(y)) {
				if c, err := compareOrder(x[i], y[i]); c != 0 || err != nil {
					return c, err
				}
			}
			return len(x) - len(y), nil
		}
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	x, err := toInt(a)
	if err != nil {
		return 0, fmt.Errorf("cannot order %s and %s", typeName(a), typeName(b))
	}
	y, err := toInt(b)
	if err != nil {
		return 0, fmt.Errorf("cannot order %s and %s", typeName(a), typeName(b))
	}
	return x.Cmp(y), nil
}

func (e *env) contains(box, v any) (bool, error) {
	switch box := box.(type) {
	case *Dict:
		_, ok, err := box.get(v)
		return ok, err
	case globalsObject:
		name, ok := v.(string)
		if !ok {
			return false, nil
		}
		_, ok = e.ids.Scopes().Variables()[name]
		return ok, nil
	}
	list, err := e.list(box)
	for _, x := range list {
		if equal(x, v) {
			return true, nil
		}
	}
	return false, err
}

// intRange is the value of range(start, stop, step).
type intRange struct{ start, stop, step int }

// iterate calls f for every element of v until f returns false.
func (e *env) iterate(v any, f func(any) (bool, error)) error {
	each := func(x any) (bool, error) {
		if err := e.spend(); err != nil {
			return false, err
		}
		return f(x)
	}
	switch v := v.(type) {
	case intRange:
		for i := v.start; v.step > 0 && i < v.stop || v.step < 0 && i > v.stop; i += v.step {
			if ok, err := each(big.NewInt(int64(i))); err != nil || !ok {
				return err
			}
		}
		return nil
	case *List:
		for i := 0; i < len(v.Items); i++ {
			if ok, err := each(v.Items[i]); err != nil || !ok {
				return err
			}
		}
		return nil
	case tuple:
		for _, x := range v {
			if ok, err := each(x); err != nil || !ok {
				return err
			}
		}
		return nil
	case *Dict:
		for _, x := range v.allKeys() {
			if ok, err := each(x); err != nil || !ok {
				return err
			}
		}
		return nil
	case byteString:
		for i := range len(v) {
			if ok, err := each(big.NewInt(int64(v[i]))); err != nil || !ok {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s is not iterable", typeName(v))
}

// list returns all elements of an iterable.
func (e *env) list(v any) ([]any, error) {
	switch v := v.(type) {
	case *List:
		return v.Items, nil
	case tuple:
		return v, nil
	}
	var out []any
	err := e.iterate(v, func(x any) (bool, error) {
		out = append(out, x)
		return len(out) <= maxList, nil
	})
	return out, err
}

func toIndex(k any, n int) (int, error) {
	i, err := toSmall(k, maxList)
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, fmt.Errorf("index %v out of range of %d", Str(k), n)
	}
	return i, nil
}

func (e *env) index(v, k any) (any, error) {
	switch v := v.(type) {
	case *List:
		i, err := toIndex(k, len(v.Items))
		if err != nil {
			return nil, err
		}
		return v.Items[i], nil
	case tuple:
		i, err := toIndex(k, len(v))
		if err != nil {
			return nil, err
		}
		return v[i], nil
	case byteString:
		i, err := toIndex(k, len(v))
		if err != nil {
			return nil, err
		}
		return big.NewInt(int64(v[i])), nil
	case *Dict:
		x, ok, err := v.get(k)
		if err != nil || ok {
			return x, err
		}
		if v.missing != nil {
			x = v.missing()
			return x, v.Set(k, x)
		}
		return nil, fmt.Errorf("KeyError: %s", Str(k))
	case memoryObject:
		return e.memoryGet(k)
	case *structure: // element k of an array of structures
		i, err := toSmall(k, maxList)
		id := e.ids.Resolve(v.typ)
		if err != nil || id == nil || id.Size == nil || *id.Size < 0 || *id.Size > maxList {
			return nil, errors.Join(fmt.Errorf("%s has no elements", v.typ), err)
		}
		return &structure{v.at.Add(i * int(*id.Size)), v.typ}, nil
	case runnersObject:
		name, _ := k.(string)
		if b := e.m.Builtin(strings.TrimSuffix(name, "_builtin")); b != nil {
			return b, nil
		}
		return nil, fmt.Errorf("KeyError: %s", Str(k))
	case module:
		name, _ := k.(string)
		if x, ok := v[name]; ok {
			return x, nil
		}
		return nil, fmt.Errorf("KeyError: %s", Str(k))
	}
	return nil, fmt.Errorf("%s has no elements", typeName(v))
}

func (e *env) setIndex(v, k, w any) error {
	switch v := v.(type) {
	case *List:
		i, err := toIndex(k, len(v.Items))
		if err != nil {
			return err
		}
		v.Items[i] = w
		return nil
	case *Dict:
		return v.Set(k, w)
	case memoryObject:
		return e.memorySet(k, w)
	}
	return fmt.Errorf("%s has no elements", typeName(v))
}

func (e *env) slice(v any, b [3]any) (any, error) {
	var list []any
	text, isText := "", false
	switch v := v.(type) {
	case byteString:
		text, isText = string(v), true
	case string:
		text, isText = v, true
	default:
		var err error
		if list, err = e.list(v); err != nil {
			return nil, err
		}
	}
	n := len(list)
	if isText {
		n = len(text)
	}
	step := 1
	var err error
	if b[2] != nil {
		if step, err = toSmall(b[2], maxList); err != nil || step == 0 {
			return nil, errors.New("bad slice step")
		}
	}
	start, stop := 0, n
	if step < 0 {
		start, stop = n-1, -1
	}
	bound := func(k any, def int) (int, error) {
		if k == nil {
			return def, nil
		}
		i, err := toSmall(k, maxList)
		if i < 0 {
			i += n
		}
		if step < 0 {
			return min(max(i, -1), n-1), err
		}
		return min(max(i, 0), n), err
	}
	if start, err = bound(b[0], start); err != nil {
		return nil, err
	}
	if stop, err = bound(b[1], stop); err != nil {
		return nil, err
	}
	var out []any
	var chars []byte
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if isText {
			chars = append(chars, text[i])
		} else {
			out = append(out, list[i])
		}
	}
	switch v.(type) {
	case byteString:
		return byteString(chars), nil
	case string:
		return string(chars), nil
	case tuple:
		return tuple(out), nil
	}
	return &List{out}, nil
}

// scope returns the scope in which names are set: that of the innermost function or comprehension, else the hint's scope.
func (e *env) scope() map[string]any {
	if n := len(e.locals); n > 0 {
		return e.locals[n-1]
	}
	return e.ids.Scopes().Variables()
}

func (e *env) set(name string, v any) { e.scope()[name] = v }

func (e *env) lookup(name string) (any, error) {
	for i := len(e.locals) - 1; i >= 0; i-- {
		if v, ok := e.locals[i][name]; ok {
			return v, nil
		}
	}
	if v, ok := e.ids.Scopes().Variables()[name]; ok {
		return v, nil
	}
	switch name {
	case "ap":
		return e.m.APAddr(), nil
	case "fp":
		return e.m.FPAddr(), nil
	case "pc":
		return e.m.PC, nil
	case "ids":
		return idsObject{}, nil
	case "memory":
		return memoryObject{}, nil
	case "PRIME":
		return felt.Modulus(), nil
	case "program_input":
		return parseInput(e.ids.ProgramInput())
	}
	if v, ok := globalNames()[name]; ok {
		return v, nil
	}
	if strings.HasSuffix(name, "_builtin") {
		if b := e.m.Builtin(strings.TrimSuffix(name, "_builtin")); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("name '%s' is not defined", name)
}

// function makes the function of a def or a lambda, and evaluates the defaults of its parameters.
func (e *env) function(params []string, defaults []expr, body expr) (function, error) {
	values := make([]any, len(params))
	for i, d := range defaults {
		if d == nil {
			continue
		}
		v, err := d(e)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return func(e *env, args []any, kw map[string]any) (any, error) {
		if len(args) > len(params) {
			return nil, fmt.Errorf("%d arguments for %d parameters", len(args), len(params))
		}
		vars := make(map[string]any, len(params))
		for i, n := range params {
			v, ok := kw[n]
			switch {
			case i < len(args):
				v = args[i]
			case ok:
			case defaults[i] != nil:
				v = values[i]
			default:
				return nil, fmt.Errorf("missing argument %s", n)
			}
			vars[n] = v
		}
		e.locals = append(e.locals, vars)
		defer func() { e.locals = e.locals[:len(e.locals)-1] }()
		return body(e)
	}, nil
}

func (e *env) call(f any, args []any, kw map[string]any) (any, error) {
	fn, ok := callableObject(f).(function)
	if !ok {
		return nil, fmt.Errorf("%s is not callable", typeName(f))
	}
	if e.depth++; e.depth > 100 {
		return nil, errors.New("recursion too deep")
	}
	defer func() { e.depth-- }()
	if err := e.spend(); err != nil {
		return nil, err
	}
	return fn(e, args, kw)
}

func sortItems(list []any, key func(any) (any, error), reverse bool) error {
	keys := make([]any, len(list))
	for i, v := range list {
		keys[i] = v
		if key != nil {
			k, err := key(v)
			if err != nil {
				return err
			}
			keys[i] = k
		}
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	var failed error
	sort.SliceStable(order, func(i, j int) bool {
		a, b := keys[order[i]], keys[order[j]]
		if reverse {
			a, b = b, a
		}
		c, err := compareOrder(a, b)
		if err != nil {
			failed = err
		}
		return c < 0
	})
	out := make([]any, len(list))
	for i, k := range order {
		out[i] = list[k]
	}
	copy(list, out)
	return failed
}
