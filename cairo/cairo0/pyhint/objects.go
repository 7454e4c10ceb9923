package pyhint

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// The objects that a hint finds in its scope.
type (
	idsObject      struct{}
	memoryObject   struct{}
	segmentsObject struct{}
	globalsObject  struct{}
	// structure is a struct in memory or a typed pointer to one. Hints cannot distinguish the two.
	structure struct {
		at  machine.Addr
		typ string
	}
	// structDef is the definition of a struct.
	structDef struct{ id *Identifier }
	// typeObject is a type, with its name.
	typeObject string
)

// OfValue returns the Python value of a memory cell: a machine.Addr or a *big.Int.
func OfValue(v machine.Value) any {
	if a, ok := v.Addr(); ok {
		return a
	}
	f, _ := v.Felt()
	return f.BigInt()
}

// ToValue returns a Python value as the value of a memory cell. Integers are reduced modulo P.
func ToValue(v any) (machine.Value, error) {
	if a, ok := toAddr(v); ok {
		return machine.AddrValue(a), nil
	}
	n, err := toInt(v)
	if err != nil {
		return machine.Value{}, err
	}
	if n.IsUint64() {
		return machine.UintValue(n.Uint64()), nil
	}
	return machine.FeltValue(felt.FromBigInt(n)), nil
}

// typed returns the Python value of a cell with the Cairo type typ: a structure for a pointer to a struct.
func (e *env) typed(v machine.Value, typ string) any {
	if base, ok := strings.CutSuffix(typ, "*"); ok && base != "felt" && !strings.HasSuffix(base, "*") && !strings.HasPrefix(base, "(") {
		if a, ok := v.Addr(); ok {
			return &structure{a, base}
		}
	}
	return OfValue(v)
}

// IsStruct returns whether the Cairo type typ is a struct.
func IsStruct(typ string) bool {
	return typ != "" && typ != "felt" && typ != "codeoffset" && !strings.HasSuffix(typ, "*") && !strings.HasPrefix(typ, "(")
}

func (e *env) idsGet(name string) (any, error) {
	if r, ok := e.ids.Reference(name); ok {
		if r.Tuple > 0 {
			return e.tupleStruct(name, r)
		}
		if IsStruct(r.Type) {
			a, err := e.ids.Addr(e.m, name)
			if err != nil {
				return nil, err
			}
			return &structure{a, r.Type}, nil
		}
		v, err := e.ids.Value(e.m, name)
		if err != nil {
			return nil, err
		}
		return e.typed(v, r.Type), nil
	}
	id := e.ids.Lookup(name)
	switch {
	case id == nil:
		return nil, fmt.Errorf("unknown identifier ids.%s", name)
	case id.Type == "const" && id.Value != nil:
		return &id.Value.Int, nil
	case id.Type == "struct":
		return structDef{id}, nil
	case id.PC != nil:
		return machine.Addr{Offset: *id.PC}, nil
	}
	return nil, fmt.Errorf("ids.%s is a %s", name, id.Type)
}

// tupleStruct returns the struct ids.name, which is not in memory, as an object with its members as attributes.
func (e *env) tupleStruct(name string, r Reference) (any, error) {
	id := e.ids.Resolve(r.Type)
	if id == nil || len(id.Members) != r.Tuple {
		return nil, fmt.Errorf("ids.%s is a tuple of %d, not a %s", name, r.Tuple, r.Type)
	}
	names := sortedKeys(id.Members)
	sort.SliceStable(names, func(i, j int) bool { return id.Members[names[i]].Offset < id.Members[names[j]].Offset })
	out := make(module)
	for i, member := range names {
		v, err := e.ids.TupleMember(e.m, name, i)
		if err != nil {
			return nil, err
		}
		out[member] = e.typed(v, id.Members[member].CairoType)
	}
	return out, nil
}

// member returns the address and the type of a member of s.
func (e *env) member(s *structure, name string) (machine.Addr, string, error) {
	m, err := FindMember(e.ids, s.typ, name)
	return s.at.Add(int(m.Offset)), m.CairoType, err
}

func (e *env) memoryGet(k any) (any, error) {
	a, ok := toAddr(k)
	if !ok {
		return nil, fmt.Errorf("%s is not an address", Str(k))
	}
	v, err := e.m.Memory.Value(a)
	if err != nil {
		return nil, err
	}
	return OfValue(v), nil
}

func (e *env) memorySet(k, w any) error {
	a, ok := toAddr(k)
	if !ok {
		return fmt.Errorf("%s is not an address", Str(k))
	}
	v, err := ToValue(w)
	if err != nil {
		return err
	}
	return e.m.Memory.Insert(a, v)
}

// method makes a function whose parameters have the given names, separated by spaces. The first required ones must be
// given; a missing argument is nil.
func method(required int, names string, f func(e *env, a []any) (any, error)) function {
	params := strings.Fields(names)
	return func(e *env, args []any, kw map[string]any) (any, error) {
		if len(args) > len(params) {
			return nil, fmt.Errorf("%d arguments, want at most %d", len(args), len(params))
		}
		all := make([]any, len(params))
		given := len(args)
		copy(all, args)
		for i, n := range params {
			if v, ok := kw[n]; ok && i >= len(args) {
				all[i] = v
				given = max(given, i+1)
			}
		}
		if given < required {
			return nil, fmt.Errorf("%d arguments, want %d", given, required)
		}
		return f(e, all)
	}
}

func (e *env) attr(v any, name string) (any, error) {
	switch v := v.(type) {
	case idsObject:
		return e.idsGet(name)
	case *structure:
		if name == "address_" {
			return v.at, nil
		}
		if name == "SIZE" {
			if id := e.ids.Resolve(v.typ); id != nil && id.Size != nil {
				return big.NewInt(*id.Size), nil
			}
		}
		if name == "segment_index" || name == "offset" {
			return e.attr(v.at, name)
		}
		a, typ, err := e.member(v, name)
		if err != nil {
			return nil, err
		}
		if IsStruct(typ) {
			return &structure{a, typ}, nil
		}
		x, err := e.m.Memory.Value(a)
		if err != nil {
			return nil, err
		}
		return e.typed(x, typ), nil
	case structDef:
		if name == "SIZE" && v.id.Size != nil {
			return big.NewInt(*v.id.Size), nil
		}
		if m, ok := v.id.Members[name]; ok {
			return big.NewInt(m.Offset), nil
		}
	case machine.Addr:
		switch name {
		case "segment_index":
			return big.NewInt(int64(v.Segment)), nil
		case "offset":
			return new(big.Int).SetUint64(v.Offset), nil
		case "address_":
			return v, nil
		}
	case module:
		if x, ok := v[name]; ok {
			return x, nil
		}
	case *machine.Builtin:
		if x, ok := builtinAttr(v, name); ok {
			return x, nil
		}
	case *DictManager:
		if x, ok := v.attr(name); ok {
			return x, nil
		}
	case *Tracker:
		switch name {
		case "data":
			return v.Data, nil
		case "current_ptr":
			return v.At, nil
		}
	default:
		if f, ok := valueMethod(v, name); ok {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s has no attribute '%s'", typeName(v), name)
}

func (e *env) setAttr(v any, name string, w any) error {
	switch v := v.(type) {
	case idsObject:
		x, err := ToValue(w)
		if err != nil {
			return err
		}
		return e.ids.Set(e.m, name, x)
	case *structure:
		a, _, err := e.member(v, name)
		if err != nil {
			return err
		}
		return e.memorySet(a, w)
	case *Tracker:
		if a, ok := toAddr(w); ok && name == "current_ptr" {
			v.At = a
			return nil
		}
		if d, ok := w.(*Dict); ok && name == "data" {
			v.Data = d
			return nil
		}
	}
	return fmt.Errorf("cannot set %s of %s", name, typeName(v))
}

func builtinAttr(b *machine.Builtin, name string) (any, bool) {
	switch name {
	case "bound":
		switch b.Name {
		case machine.BuiltinRangeCheck:
			return new(big.Int).Lsh(big.NewInt(1), 128), true
		case machine.BuiltinRangeCheck96:
			return new(big.Int).Lsh(big.NewInt(1), 96), true
		}
	case "base":
		return b.Base, true
	case "instance_def":
		return module{"batch_size": big.NewInt(1)}, true
	case "add_signature":
		return method(2, "addr signature", func(e *env, a []any) (any, error) {
			at, ok := toAddr(a[0])
			rs, err := e.list(a[1])
			if err != nil || !ok || len(rs) != 2 {
				return nil, errors.New("add_signature wants an address and (r, s)")
			}
			var s machine.Signature
			for i, out := range []*felt.Felt{&s.R, &s.S} {
				n, err := toInt(rs[i])
				if err != nil {
					return nil, err
				}
				*out = felt.FromBigInt(n)
			}
			return nil, b.AddSignature(at, s)
		}), true
	}
	return nil, false
}

// valueMethod returns the method of v with that name, for values whose attributes are all methods.
func valueMethod(v any, name string) (function, bool) {
	switch v := v.(type) {
	case memoryObject:
		switch name {
		case "get":
			return method(1, "addr default", func(e *env, a []any) (any, error) {
				at, ok := toAddr(a[0])
				if x, known := e.m.Memory.Get(at); ok && known {
					return OfValue(x), nil
				}
				return a[1], nil
			}), true
		case "get_range", "get_range_as_ints":
			return method(2, "addr size", func(e *env, a []any) (any, error) {
				n, err := toSmall(a[1], maxList)
				at, ok := toAddr(a[0])
				if err != nil || !ok {
					return nil, errors.New("get_range wants an address and a size")
				}
				out := &List{}
				for i := range n {
					x, err := e.memoryGet(at.Add(i))
					if err != nil {
						return nil, err
					}
					out.Items = append(out.Items, x)
				}
				return out, nil
			}), true
		case "add_relocation_rule":
			return method(2, "src_ptr dest_ptr", func(e *env, a []any) (any, error) {
				src, ok1 := toAddr(a[0])
				dst, ok2 := toAddr(a[1])
				if !ok1 || !ok2 {
					return nil, errors.New("add_relocation_rule wants two addresses")
				}
				return nil, e.m.Memory.AddRelocationRule(src, dst)
			}), true
		}
	case segmentsObject:
		return segmentsMethod(name)
	case globalsObject:
		if name == "get" {
			return method(1, "name default", func(e *env, a []any) (any, error) {
				n, _ := a[0].(string)
				if x, ok := e.ids.Scopes().Variables()[n]; ok {
					return x, nil
				}
				return a[1], nil
			}), true
		}
	case *List:
		return listMethod(v, name)
	case *Dict:
		return dictMethod(v, name)
	case *big.Int, bool:
		n, _ := toInt(v)
		switch name {
		case "bit_length":
			return method(0, "", func(*env, []any) (any, error) { return big.NewInt(int64(n.BitLen())), nil }), true
		case "to_bytes":
			return method(2, "length byteorder", func(e *env, a []any) (any, error) {
				size, err := toSmall(a[0], maxBits)
				if err != nil || n.Sign() < 0 || n.BitLen() > 8*size {
					return nil, fmt.Errorf("%v does not fit in %s bytes", n, Str(a[0]))
				}
				b := n.FillBytes(make([]byte, size))
				if a[1] == "little" {
					reverseBytes(b)
				}
				return byteString(b), nil
			}), true
		}
	case string:
		switch name {
		case "join":
			return method(1, "parts", func(e *env, a []any) (any, error) {
				list, err := e.list(a[0])
				var parts []string
				for _, x := range list {
					parts = append(parts, Str(x))
				}
				return strings.Join(parts, v), err
			}), true
		}
	case byteString:
		if name == "join" {
			return method(1, "parts", func(e *env, a []any) (any, error) {
				list, err := e.list(a[0])
				var parts []string
				for _, x := range list {
					b, ok := x.(byteString)
					if !ok {
						return nil, errors.New("join wants bytes")
					}
					parts = append(parts, string(b))
				}
				return byteString(strings.Join(parts, string(v))), err
			}), true
		}
	case typeObject:
		if v == "int" && name == "from_bytes" {
			return method(2, "bytes byteorder", func(e *env, a []any) (any, error) {
				b, ok := a[0].(byteString)
				if !ok {
					return nil, errors.New("from_bytes wants bytes")
				}
				raw := []byte(b)
				if a[1] == "little" {
					reverseBytes(raw)
				}
				return new(big.Int).SetBytes(raw), nil
			}), true
		}
	}
	return nil, false
}

func reverseBytes(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func segmentsMethod(name string) (function, bool) {
	switch name {
	case "add":
		return method(0, "size", func(e *env, _ []any) (any, error) { return e.m.Memory.AddSegment(), nil }), true
	case "add_temp_segment":
		return method(0, "", func(e *env, _ []any) (any, error) { return e.m.Memory.AddTemporarySegment(), nil }), true
	case "gen_arg":
		return method(1, "arg", func(e *env, a []any) (any, error) { return e.genArg(a[0], 0) }), true
	case "write_arg", "load_data":
		return method(2, "ptr arg", func(e *env, a []any) (any, error) {
			at, ok := toAddr(a[0])
			if !ok {
				return nil, fmt.Errorf("%s wants an address", name)
			}
			return e.writeArg(at, a[1], 0)
		}), true
	}
	return nil, false
}

// genArg writes a list to a new segment and returns the segment's start; lists in the list get segments, too. It returns any
// other value unchanged.
func (e *env) genArg(v any, depth int) (any, error) {
	switch v.(type) {
	case *List, tuple, *Dict, intRange:
		at := e.m.Memory.AddSegment()
		_, err := e.writeArg(at, v, depth+1)
		return at, err
	}
	return v, nil
}

func (e *env) writeArg(at machine.Addr, v any, depth int) (any, error) {
	if depth > 16 {
		return nil, errors.New("nested too deep")
	}
	list, err := e.list(v)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		if x, err = e.genArg(x, depth); err != nil {
			return nil, err
		}
		if err := e.memorySet(at, x); err != nil {
			return nil, err
		}
		at.Offset++
	}
	return at, nil
}

func listMethod(l *List, name string) (function, bool) {
	switch name {
	case "append":
		return method(1, "x", func(e *env, a []any) (any, error) {
			l.Items = append(l.Items, a[0])
			return nil, nil
		}), true
	case "extend":
		return method(1, "x", func(e *env, a []any) (any, error) {
			more, err := e.list(a[0])
			l.Items = append(l.Items, more...)
			return nil, err
		}), true
	case "pop":
		return method(0, "i", func(e *env, a []any) (any, error) {
			i := len(l.Items) - 1
			if a[0] != nil {
				var err error
				if i, err = toIndex(a[0], len(l.Items)); err != nil {
					return nil, err
				}
			}
			if i < 0 {
				return nil, errors.New("pop from empty list")
			}
			x := l.Items[i]
			l.Items = append(l.Items[:i:i], l.Items[i+1:]...)
			return x, nil
		}), true
	case "sort":
		return method(0, "key reverse", func(e *env, a []any) (any, error) {
			return nil, sortItems(l.Items, e.keyFunc(a[0]), truth(a[1]))
		}), true
	case "reverse":
		return method(0, "", func(*env, []any) (any, error) {
			for i, j := 0, len(l.Items)-1; i < j; i, j = i+1, j-1 {
				l.Items[i], l.Items[j] = l.Items[j], l.Items[i]
			}
			return nil, nil
		}), true
	}
	return nil, false
}

func (e *env) keyFunc(f any) func(any) (any, error) {
	if f == nil {
		return nil
	}
	return func(v any) (any, error) { return e.call(f, []any{v}, nil) }
}

func dictMethod(d *Dict, name string) (function, bool) {
	switch name {
	case "keys":
		return method(0, "", func(*env, []any) (any, error) { return &List{d.allKeys()}, nil }), true
	case "values":
		return method(0, "", func(*env, []any) (any, error) { return &List{d.allValues()}, nil }), true
	case "items":
		return method(0, "", func(*env, []any) (any, error) {
			out := &List{}
			for i := range d.len() {
				k, v := d.item(i)
				out.Items = append(out.Items, tuple{k, v})
			}
			return out, nil
		}), true
	case "get", "setdefault":
		return method(1, "key default", func(e *env, a []any) (any, error) {
			v, ok, err := d.get(a[0])
			if err != nil || ok {
				return v, err
			}
			if name == "setdefault" {
				return a[1], d.Set(a[0], a[1])
			}
			return a[1], nil
		}), true
	case "copy":
		return method(0, "", func(*env, []any) (any, error) { return d.copy(), nil }), true
	}
	return nil, false
}

// DictManager holds the dictionaries of a run (starkware.cairo.common.dict).
type DictManager struct{ trackers map[int32]*Tracker } // by segment

// Tracker is the state of a dictionary: its data, and the address after its last access.
type Tracker struct {
	Data *Dict
	At   machine.Addr
}

// Tracker returns the dictionary whose last access ends at v, which must be an address.
func (d *DictManager) Tracker(v any) (*Tracker, error) {
	a, ok := toAddr(v)
	if !ok {
		return nil, errors.New("a dictionary pointer must be an address")
	}
	t := d.trackers[a.Segment]
	if t == nil {
		return nil, fmt.Errorf("dictionary pointer %v was not created using DictManager", a)
	}
	if t.At != a {
		return nil, fmt.Errorf("Wrong dict pointer supplied. Got %v, expected %v.", a, t.At)
	}
	return t, nil
}

func (d *DictManager) attr(name string) (function, bool) {
	switch name {
	case "new_dict":
		return method(2, "segments initial_dict temp_segment", func(e *env, a []any) (any, error) {
			return d.add(e, a[1], truth(a[2]), nil)
		}), true
	case "new_default_dict":
		return method(2, "segments default_value initial_dict temp_segment", func(e *env, a []any) (any, error) {
			def := a[1]
			if s, ok := def.(*structure); ok {
				def = s.at
			}
			if a[2] == nil {
				a[2] = NewDict()
			}
			return d.add(e, a[2], truth(a[3]), func() any { return def })
		}), true
	case "get_tracker":
		return method(1, "dict_ptr", func(e *env, a []any) (any, error) { return d.Tracker(a[0]) }), true
	case "get_dict":
		return method(1, "dict_ptr", func(e *env, a []any) (any, error) {
			t, err := d.Tracker(a[0])
			if err != nil {
				return nil, err
			}
			return t.Data, nil
		}), true
	}
	return nil, false
}

func (d *DictManager) add(e *env, data any, temporary bool, missing func() any) (any, error) {
	dict, ok := data.(*Dict)
	if !ok {
		return nil, errors.New("the initial value of a dictionary must be a dict")
	}
	c := dict.copy()
	if missing != nil {
		c.missing = missing
	}
	at := e.m.Memory.AddSegment
	if temporary {
		at = e.m.Memory.AddTemporarySegment
	}
	start := at()
	d.trackers[start.Segment] = &Tracker{c, start}
	return start, nil
}

// parseInput returns program_input as a Python value.
func parseInput(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, errors.New("the run has no program_input")
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("program_input: %w", err)
	}
	return fromJSON(v)
}

func fromJSON(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		n, ok := new(big.Int).SetString(v.String(), 10)
		if !ok || len(v.String()) > 10000 {
			return nil, fmt.Errorf("program_input: %s is not an integer", v)
		}
		return n, nil
	case []any:
		out := &List{}
		for _, x := range v {
			y, err := fromJSON(x)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, y)
		}
		return out, nil
	case map[string]any:
		d := NewDict()
		for _, k := range sortedKeys(v) {
			y, err := fromJSON(v[k])
			if err != nil {
				return nil, err
			}
			if err := d.Set(k, y); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return v, nil
}
