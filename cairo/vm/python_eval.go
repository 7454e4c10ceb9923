package vm

import (
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// Python values are: nil, bool, *big.Int, string, pyBytes, Addr (a relocatable), pyTuple, *pyList, *pyDict, pyFunc,
// pyModule and what python_lib.go adds. Integers are never modified once made.
type (
	pyTuple []any
	pyList  struct{ v []any }
	pyBytes string
	pyFunc  func(e *pyEnv, args []any, kw map[string]any) (any, error)
	// pyModule is a module or any object that only has attributes.
	pyModule map[string]any
)

// pyDict keeps the order of insertion, as Python's do.
type pyDict struct {
	index   map[string]int
	keys    []any
	values  []any
	missing func() any // of a defaultdict
}

func newPyDict() *pyDict { return &pyDict{index: make(map[string]int)} }

// pyKey is a value's identity as a dictionary key.
func pyKey(k any) (string, error) {
	switch k := k.(type) {
	case bool:
		n, _ := pyInt(k)
		return "i" + string(n.Bytes()), nil
	case *big.Int:
		if k.Sign() < 0 {
			return "-" + string(k.Bytes()), nil
		}
		return "i" + string(k.Bytes()), nil
	case string:
		return "s" + k, nil
	case pyBytes:
		return "b" + string(k), nil
	case Addr:
		return "a" + k.String(), nil
	case nil:
		return "n", nil
	case pyTuple:
		var b strings.Builder
		b.WriteByte('t')
		for _, v := range k {
			s, err := pyKey(v)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%d:%s", len(s), s)
		}
		return b.String(), nil
	}
	return "", fmt.Errorf("unhashable type: %s", pyTypeName(k))
}

func (d *pyDict) get(k any) (any, bool, error) {
	s, err := pyKey(k)
	if err != nil {
		return nil, false, err
	}
	i, ok := d.index[s]
	if !ok {
		return nil, false, nil
	}
	return d.values[i], true, nil
}

// value is data[key], as Python has it: the default, or an error, for a key that is not there.
func (d *pyDict) value(key any) (any, error) {
	v, ok, err := d.get(key)
	if err != nil || ok {
		return v, err
	}
	if d.missing == nil {
		return nil, fmt.Errorf("KeyError: %s", pyStr(key))
	}
	v = d.missing()
	return v, d.set(key, v)
}

func (d *pyDict) set(k, v any) error {
	s, err := pyKey(k)
	if err != nil {
		return err
	}
	if i, ok := d.index[s]; ok {
		d.values[i] = v
		return nil
	}
	d.index[s] = len(d.keys)
	d.keys, d.values = append(d.keys, k), append(d.values, v)
	return nil
}

func (d *pyDict) copy() *pyDict {
	c := &pyDict{index: make(map[string]int, len(d.index)), missing: d.missing}
	for k, i := range d.index {
		c.index[k] = i
	}
	c.keys, c.values = append([]any{}, d.keys...), append([]any{}, d.values...)
	return c
}

func pyTypeName(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case *big.Int:
		return "int"
	case string:
		return "str"
	case pyBytes:
		return "bytes"
	case Addr:
		return "RelocatableValue"
	case pyTuple:
		return "tuple"
	case *pyList:
		return "list"
	case *pyDict:
		return "dict"
	case pyFunc:
		return "function"
	}
	return "object"
}

func pyStr(v any) string {
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
	case Addr:
		return v.String()
	}
	return pyTypeName(v)
}

func pyTrue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case *big.Int:
		return v.Sign() != 0
	case string:
		return v != ""
	case pyBytes:
		return v != ""
	case pyTuple:
		return len(v) > 0
	case *pyList:
		return len(v.v) > 0
	case *pyDict:
		return len(v.keys) > 0
	}
	return true
}

// pyInt is v as an integer; a structure is not one.
func pyInt(v any) (*big.Int, error) {
	switch v := v.(type) {
	case *big.Int:
		return v, nil
	case bool:
		if v {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	}
	return nil, fmt.Errorf("%s is not an integer", pyTypeName(v))
}

// pySmall is v as an int within ±limit.
func pySmall(v any, limit int64) (int, error) {
	n, err := pyInt(v)
	if err != nil {
		return 0, err
	}
	if !n.IsInt64() || n.Int64() > limit || n.Int64() < -limit {
		return 0, fmt.Errorf("%v is beyond %d", n, limit)
	}
	return int(n.Int64()), nil
}

// The bounds of one hint.
const (
	pyMaxIterations = 1 << 24
	pyMaxBits       = 1 << 16 // of an integer
	pyMaxList       = 1 << 24
)

func (e *pyEnv) spend() error {
	if e.budget--; e.budget < 0 {
		return errors.New("the hint runs too long")
	}
	return nil
}

// pyAddr is v as an address: a relocatable or a structure that stands for one.
func pyAddr(v any) (Addr, bool) {
	switch v := v.(type) {
	case Addr:
		return v, true
	case *pyStruct:
		return v.at, true
	}
	return Addr{}, false
}

func pyBinary(op string, a, b any) (any, error) {
	if x, ok := pyAddr(a); ok {
		return pyAddrBinary(op, x, b)
	}
	if y, ok := pyAddr(b); ok && op == "+" {
		return pyAddrBinary(op, y, a)
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok && op == "+" {
			return x + y, nil
		}
		if op == "%" {
			return x, nil
		}
	case pyBytes:
		if y, ok := b.(pyBytes); ok && op == "+" {
			return x + y, nil
		}
	case *pyList:
		if y, ok := b.(*pyList); ok && op == "+" {
			if len(x.v)+len(y.v) > pyMaxList {
				return nil, errors.New("the list is too long")
			}
			return &pyList{append(append([]any{}, x.v...), y.v...)}, nil
		}
		if op == "*" {
			n, err := pySmall(b, pyMaxList)
			if err != nil {
				return nil, err
			}
			if n > 0 && len(x.v) > pyMaxList/n {
				return nil, errors.New("the list is too long")
			}
			out := &pyList{}
			for range max(n, 0) {
				out.v = append(out.v, x.v...)
			}
			return out, nil
		}
	case pyTuple:
		if y, ok := b.(pyTuple); ok && op == "+" {
			return append(append(pyTuple{}, x...), y...), nil
		}
	}
	x, err := pyInt(a)
	if err != nil {
		return nil, fmt.Errorf("unsupported operand for %s: %w", op, err)
	}
	y, err := pyInt(b)
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
		if x.BitLen()+y.BitLen() > pyMaxBits {
			return nil, errors.New("the product is too large")
		}
		return r.Mul(x, y), nil
	case "//":
		q, _, err := pyDivMod(x, y)
		return q, err
	case "%":
		_, m, err := pyDivMod(x, y)
		return m, err
	case "&":
		return r.And(x, y), nil
	case "|":
		return r.Or(x, y), nil
	case "^":
		return r.Xor(x, y), nil
	case "<<", ">>":
		if y.Sign() < 0 || op == "<<" && (!y.IsInt64() || y.Int64()+int64(x.BitLen()) > pyMaxBits) {
			return nil, fmt.Errorf("shift by %v", y)
		}
		if op == "<<" {
			return r.Lsh(x, uint(y.Int64())), nil
		}
		if !y.IsInt64() || y.Int64() > pyMaxBits {
			y = big.NewInt(pyMaxBits)
		}
		return r.Rsh(x, uint(y.Int64())), nil
	case "**":
		if y.Sign() < 0 || !y.IsInt64() || int64(x.BitLen())*y.Int64() > pyMaxBits {
			return nil, fmt.Errorf("power of %v", y)
		}
		return r.Exp(x, y, nil), nil
	}
	return nil, fmt.Errorf("unsupported operation %s", op)
}

// pyDivMod rounds down, as Python does.
func pyDivMod(x, y *big.Int) (q, m *big.Int, err error) {
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

func pyAddrBinary(op string, a Addr, b any) (any, error) {
	if c, ok := pyAddr(b); ok {
		if op != "-" || a.Segment != c.Segment {
			return nil, fmt.Errorf("cannot compute %v %s %v", a, op, c)
		}
		return new(big.Int).Sub(new(big.Int).SetUint64(a.Offset), new(big.Int).SetUint64(c.Offset)), nil
	}
	n, err := pyInt(b)
	if err != nil {
		return nil, err
	}
	off := new(big.Int).SetUint64(a.Offset)
	switch op {
	case "+":
		off.Add(off, n)
	case "-":
		off.Sub(off, n)
	case "%": // reducing an address modulo the prime leaves it
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
	return Addr{a.Segment, off.Uint64()}, nil
}

func (e *pyEnv) compare(op string, a, b any) (bool, error) {
	switch op {
	case "in", "not in":
		ok, err := e.contains(b, a)
		return ok == (op == "in"), err
	case "==", "!=":
		ok := pyEqual(a, b)
		return ok == (op == "=="), nil
	}
	c, err := pyOrder(a, b)
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

func pyEqual(a, b any) bool {
	if x, ok := pyAddr(a); ok {
		y, ok := pyAddr(b)
		return ok && x == y
	}
	if x, ok := a.(*pyList); ok {
		y, ok := b.(*pyList)
		return ok && pyEqualLists(x.v, y.v)
	}
	if x, ok := a.(pyTuple); ok {
		y, ok := b.(pyTuple)
		return ok && pyEqualLists(x, y)
	}
	x, errX := pyInt(a)
	y, errY := pyInt(b)
	if errX == nil && errY == nil {
		return x.Cmp(y) == 0
	}
	if (errX == nil) != (errY == nil) {
		return false
	}
	p, errP := pyKey(a)
	q, errQ := pyKey(b)
	return errP == nil && errQ == nil && p == q
}

func pyEqualLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !pyEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func pyOrder(a, b any) (int, error) {
	if x, ok := pyAddr(a); ok {
		if y, ok := pyAddr(b); ok {
			switch {
			case x.Segment < y.Segment || x.Segment == y.Segment && x.Offset < y.Offset:
				return -1, nil
			case x == y:
				return 0, nil
			}
			return 1, nil
		}
	}
	if x, ok := a.(pyTuple); ok {
		if y, ok := b.(pyTuple); ok {
			for i := range min(len(x), len(y)) {
				if c, err := pyOrder(x[i], y[i]); c != 0 || err != nil {
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
	x, err := pyInt(a)
	if err != nil {
		return 0, fmt.Errorf("cannot order %s and %s", pyTypeName(a), pyTypeName(b))
	}
	y, err := pyInt(b)
	if err != nil {
		return 0, fmt.Errorf("cannot order %s and %s", pyTypeName(a), pyTypeName(b))
	}
	return x.Cmp(y), nil
}

func (e *pyEnv) contains(box, v any) (bool, error) {
	switch box := box.(type) {
	case *pyDict:
		_, ok, err := box.get(v)
		return ok, err
	case pyGlobals:
		name, ok := v.(string)
		if !ok {
			return false, nil
		}
		_, ok = e.ids.Scopes().Variables()[name]
		return ok, nil
	}
	list, err := e.list(box)
	for _, x := range list {
		if pyEqual(x, v) {
			return true, nil
		}
	}
	return false, err
}

// pyRange is range(start, stop, step).
type pyRange struct{ start, stop, step int }

// iterate calls f for every element until it says false.
func (e *pyEnv) iterate(v any, f func(any) (bool, error)) error {
	each := func(x any) (bool, error) {
		if err := e.spend(); err != nil {
			return false, err
		}
		return f(x)
	}
	switch v := v.(type) {
	case pyRange:
		for i := v.start; v.step > 0 && i < v.stop || v.step < 0 && i > v.stop; i += v.step {
			if ok, err := each(big.NewInt(int64(i))); err != nil || !ok {
				return err
			}
		}
		return nil
	case *pyList:
		for i := 0; i < len(v.v); i++ {
			if ok, err := each(v.v[i]); err != nil || !ok {
				return err
			}
		}
		return nil
	case pyTuple:
		for _, x := range v {
			if ok, err := each(x); err != nil || !ok {
				return err
			}
		}
		return nil
	case *pyDict:
		for _, x := range append([]any{}, v.keys...) {
			if ok, err := each(x); err != nil || !ok {
				return err
			}
		}
		return nil
	case pyBytes:
		for i := range len(v) {
			if ok, err := each(big.NewInt(int64(v[i]))); err != nil || !ok {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s is not iterable", pyTypeName(v))
}

// list is all elements of an iterable.
func (e *pyEnv) list(v any) ([]any, error) {
	switch v := v.(type) {
	case *pyList:
		return v.v, nil
	case pyTuple:
		return v, nil
	}
	var out []any
	err := e.iterate(v, func(x any) (bool, error) {
		out = append(out, x)
		return len(out) <= pyMaxList, nil
	})
	return out, err
}

func pyIndex(k any, n int) (int, error) {
	i, err := pySmall(k, pyMaxList)
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, fmt.Errorf("index %v out of range of %d", pyStr(k), n)
	}
	return i, nil
}

func (e *pyEnv) index(v, k any) (any, error) {
	switch v := v.(type) {
	case *pyList:
		i, err := pyIndex(k, len(v.v))
		if err != nil {
			return nil, err
		}
		return v.v[i], nil
	case pyTuple:
		i, err := pyIndex(k, len(v))
		if err != nil {
			return nil, err
		}
		return v[i], nil
	case pyBytes:
		i, err := pyIndex(k, len(v))
		if err != nil {
			return nil, err
		}
		return big.NewInt(int64(v[i])), nil
	case *pyDict:
		x, ok, err := v.get(k)
		if err != nil || ok {
			return x, err
		}
		if v.missing != nil {
			x = v.missing()
			return x, v.set(k, x)
		}
		return nil, fmt.Errorf("KeyError: %s", pyStr(k))
	case pyMemory:
		return e.memoryGet(k)
	case *pyStruct: // the k-th of an array of structures
		i, err := pySmall(k, pyMaxList)
		id := e.ids.Resolve(v.typ)
		if err != nil || id == nil || id.Size == nil || *id.Size < 0 || *id.Size > pyMaxList {
			return nil, errors.Join(fmt.Errorf("%s has no elements", v.typ), err)
		}
		return &pyStruct{v.at.Add(i * int(*id.Size)), v.typ}, nil
	case pyRunners:
		name, _ := k.(string)
		if b := e.m.Builtin(strings.TrimSuffix(name, "_builtin")); b != nil {
			return b, nil
		}
		return nil, fmt.Errorf("KeyError: %s", pyStr(k))
	case pyModule:
		name, _ := k.(string)
		if x, ok := v[name]; ok {
			return x, nil
		}
		return nil, fmt.Errorf("KeyError: %s", pyStr(k))
	}
	return nil, fmt.Errorf("%s has no elements", pyTypeName(v))
}

func (e *pyEnv) setIndex(v, k, w any) error {
	switch v := v.(type) {
	case *pyList:
		i, err := pyIndex(k, len(v.v))
		if err != nil {
			return err
		}
		v.v[i] = w
		return nil
	case *pyDict:
		return v.set(k, w)
	case pyMemory:
		return e.memorySet(k, w)
	}
	return fmt.Errorf("%s has no elements", pyTypeName(v))
}

func (e *pyEnv) slice(v any, b [3]any) (any, error) {
	var list []any
	text, isText := "", false
	switch v := v.(type) {
	case pyBytes:
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
		if step, err = pySmall(b[2], pyMaxList); err != nil || step == 0 {
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
		i, err := pySmall(k, pyMaxList)
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
	case pyBytes:
		return pyBytes(chars), nil
	case string:
		return string(chars), nil
	case pyTuple:
		return pyTuple(out), nil
	}
	return &pyList{out}, nil
}

// scope is where names are set: the innermost function or comprehension, or the hint's own scope.
func (e *pyEnv) scope() map[string]any {
	if n := len(e.locals); n > 0 {
		return e.locals[n-1]
	}
	return e.ids.Scopes().Variables()
}

func (e *pyEnv) set(name string, v any) { e.scope()[name] = v }

func (e *pyEnv) lookup(name string) (any, error) {
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
		return pyIDs{}, nil
	case "memory":
		return pyMemory{}, nil
	case "PRIME":
		return felt.Modulus(), nil
	case "program_input":
		return pyJSON(e.ids.ProgramInput())
	}
	if v, ok := pyBuiltins()[name]; ok {
		return v, nil
	}
	if strings.HasSuffix(name, "_builtin") {
		if b := e.m.Builtin(strings.TrimSuffix(name, "_builtin")); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("name '%s' is not defined", name)
}

// function makes a function of the hint.
func (e *pyEnv) function(params []string, defaults []pyExpr, body pyExpr) (pyFunc, error) {
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
	return func(e *pyEnv, args []any, kw map[string]any) (any, error) {
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

func (e *pyEnv) call(f any, args []any, kw map[string]any) (any, error) {
	fn, ok := pyCallable(f).(pyFunc)
	if !ok {
		return nil, fmt.Errorf("%s is not callable", pyTypeName(f))
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

func pySort(list []any, key func(any) (any, error), reverse bool) error {
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
		c, err := pyOrder(a, b)
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
