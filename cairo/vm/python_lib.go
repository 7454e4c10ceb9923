package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// The objects that a hint finds in its scope.
type (
	pyIDs      struct{}
	pyMemory   struct{}
	pySegments struct{}
	pyGlobals  struct{}
	// pyStruct is a structure in memory, or a typed pointer to one, which hints do not tell apart.
	pyStruct struct {
		at  Addr
		typ string
	}
	// pyStructDef is a structure's definition.
	pyStructDef struct{ id *Identifier }
	// pyType is what isinstance compares with.
	pyType string
)

func pyValue(v Value) any {
	if a, ok := v.Addr(); ok {
		return a
	}
	f, _ := v.Felt()
	return f.BigInt()
}

// toValue is what a Python value is in a memory cell.
func toValue(v any) (Value, error) {
	if a, ok := pyAddr(v); ok {
		return AddrValue(a), nil
	}
	n, err := pyInt(v)
	if err != nil {
		return Value{}, err
	}
	if n.IsUint64() {
		return UintValue(n.Uint64()), nil
	}
	return FeltValue(felt.FromBigInt(n)), nil
}

// typed is the value of a cell that the program declares with a type.
func (e *pyEnv) typed(v Value, typ string) any {
	if base, ok := strings.CutSuffix(typ, "*"); ok && base != "felt" && !strings.HasSuffix(base, "*") && !strings.HasPrefix(base, "(") {
		if a, ok := v.Addr(); ok {
			return &pyStruct{a, base}
		}
	}
	return pyValue(v)
}

func isStructType(typ string) bool {
	return typ != "" && typ != "felt" && typ != "codeoffset" && !strings.HasSuffix(typ, "*") && !strings.HasPrefix(typ, "(")
}

func (e *pyEnv) idsGet(name string) (any, error) {
	if r, ok := e.ids.Reference(name); ok {
		if r.Tuple > 0 {
			return e.tupleStruct(name, r)
		}
		if isStructType(r.Type) {
			a, err := e.ids.Addr(e.m, name)
			if err != nil {
				return nil, err
			}
			return &pyStruct{a, r.Type}, nil
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
		return pyStructDef{id}, nil
	case id.PC != nil:
		return Addr{0, *id.PC}, nil
	}
	return nil, fmt.Errorf("ids.%s is a %s", name, id.Type)
}

// tupleStruct is a structure that is computed and in no memory.
func (e *pyEnv) tupleStruct(name string, r Reference) (any, error) {
	id := e.ids.Resolve(r.Type)
	if id == nil || len(id.Members) != r.Tuple {
		return nil, fmt.Errorf("ids.%s is a tuple of %d, no %s", name, r.Tuple, r.Type)
	}
	names := sortedKeys(id.Members)
	sort.SliceStable(names, func(i, j int) bool { return id.Members[names[i]].Offset < id.Members[names[j]].Offset })
	out := make(pyModule)
	for i, member := range names {
		v, err := e.ids.TupleMember(e.m, name, i)
		if err != nil {
			return nil, err
		}
		out[member] = e.typed(v, id.Members[member].CairoType)
	}
	return out, nil
}

// member finds a structure's member: where it is and its type.
func (e *pyEnv) member(s *pyStruct, name string) (Addr, string, error) {
	m, err := FindMember(e.ids, s.typ, name)
	return s.at.Add(int(m.Offset)), m.CairoType, err
}

func (e *pyEnv) memoryGet(k any) (any, error) {
	a, ok := pyAddr(k)
	if !ok {
		return nil, fmt.Errorf("%s is no address", pyStr(k))
	}
	v, err := e.m.Memory.Value(a)
	if err != nil {
		return nil, err
	}
	return pyValue(v), nil
}

func (e *pyEnv) memorySet(k, w any) error {
	a, ok := pyAddr(k)
	if !ok {
		return fmt.Errorf("%s is no address", pyStr(k))
	}
	v, err := toValue(w)
	if err != nil {
		return err
	}
	return e.m.Memory.Insert(a, v)
}

// method wraps a function of positional arguments; names are theirs, for keyword calls. The ones after required may be
// left out and are nil then.
func method(required int, names string, f func(e *pyEnv, a []any) (any, error)) pyFunc {
	params := strings.Fields(names)
	return func(e *pyEnv, args []any, kw map[string]any) (any, error) {
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

func (e *pyEnv) attr(v any, name string) (any, error) {
	switch v := v.(type) {
	case pyIDs:
		return e.idsGet(name)
	case *pyStruct:
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
		if isStructType(typ) {
			return &pyStruct{a, typ}, nil
		}
		x, err := e.m.Memory.Value(a)
		if err != nil {
			return nil, err
		}
		return e.typed(x, typ), nil
	case pyStructDef:
		if name == "SIZE" && v.id.Size != nil {
			return big.NewInt(*v.id.Size), nil
		}
		if m, ok := v.id.Members[name]; ok {
			return big.NewInt(m.Offset), nil
		}
	case Addr:
		switch name {
		case "segment_index":
			return big.NewInt(int64(v.Segment)), nil
		case "offset":
			return new(big.Int).SetUint64(v.Offset), nil
		case "address_":
			return v, nil
		}
	case pyModule:
		if x, ok := v[name]; ok {
			return x, nil
		}
	case *Builtin:
		if x, ok := builtinAttr(v, name); ok {
			return x, nil
		}
	case *pyDictManager:
		if x, ok := v.attr(name); ok {
			return x, nil
		}
	case *pyTracker:
		switch name {
		case "data":
			return v.data, nil
		case "current_ptr":
			return v.at, nil
		}
	default:
		if f, ok := pyMethod(v, name); ok {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s has no attribute '%s'", pyTypeName(v), name)
}

func (e *pyEnv) setAttr(v any, name string, w any) error {
	switch v := v.(type) {
	case pyIDs:
		x, err := toValue(w)
		if err != nil {
			return err
		}
		return e.ids.Set(e.m, name, x)
	case *pyStruct:
		a, _, err := e.member(v, name)
		if err != nil {
			return err
		}
		return e.memorySet(a, w)
	case *pyTracker:
		if a, ok := pyAddr(w); ok && name == "current_ptr" {
			v.at = a
			return nil
		}
		if d, ok := w.(*pyDict); ok && name == "data" {
			v.data = d
			return nil
		}
	}
	return fmt.Errorf("cannot set %s of %s", name, pyTypeName(v))
}

func builtinAttr(b *Builtin, name string) (any, bool) {
	switch name {
	case "bound":
		switch b.Name {
		case BuiltinRangeCheck:
			return new(big.Int).Lsh(big.NewInt(1), 128), true
		case BuiltinRangeCheck96:
			return new(big.Int).Lsh(big.NewInt(1), 96), true
		}
	case "base":
		return b.Base, true
	case "instance_def":
		return pyModule{"batch_size": big.NewInt(1)}, true
	case "add_signature":
		return method(2, "addr signature", func(e *pyEnv, a []any) (any, error) {
			at, ok := pyAddr(a[0])
			rs, err := e.list(a[1])
			if err != nil || !ok || len(rs) != 2 {
				return nil, errors.New("add_signature wants an address and (r, s)")
			}
			var s Signature
			for i, out := range []*felt.Felt{&s.R, &s.S} {
				n, err := pyInt(rs[i])
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

// pyMethod is a method of a plain value.
func pyMethod(v any, name string) (pyFunc, bool) {
	switch v := v.(type) {
	case pyMemory:
		switch name {
		case "get":
			return method(1, "addr default", func(e *pyEnv, a []any) (any, error) {
				at, ok := pyAddr(a[0])
				if x, known := e.m.Memory.Get(at); ok && known {
					return pyValue(x), nil
				}
				return a[1], nil
			}), true
		case "get_range", "get_range_as_ints":
			return method(2, "addr size", func(e *pyEnv, a []any) (any, error) {
				n, err := pySmall(a[1], pyMaxList)
				at, ok := pyAddr(a[0])
				if err != nil || !ok {
					return nil, errors.New("get_range wants an address and a size")
				}
				out := &pyList{}
				for i := range n {
					x, err := e.memoryGet(at.Add(i))
					if err != nil {
						return nil, err
					}
					out.v = append(out.v, x)
				}
				return out, nil
			}), true
		case "add_relocation_rule":
			return method(2, "src_ptr dest_ptr", func(e *pyEnv, a []any) (any, error) {
				src, ok1 := pyAddr(a[0])
				dst, ok2 := pyAddr(a[1])
				if !ok1 || !ok2 {
					return nil, errors.New("add_relocation_rule wants two addresses")
				}
				return nil, e.m.Memory.AddRelocationRule(src, dst)
			}), true
		}
	case pySegments:
		return segmentsMethod(name)
	case pyGlobals:
		if name == "get" {
			return method(1, "name default", func(e *pyEnv, a []any) (any, error) {
				n, _ := a[0].(string)
				if x, ok := e.ids.Scopes().Variables()[n]; ok {
					return x, nil
				}
				return a[1], nil
			}), true
		}
	case *pyList:
		return listMethod(v, name)
	case *pyDict:
		return dictMethod(v, name)
	case *big.Int, bool:
		n, _ := pyInt(v)
		switch name {
		case "bit_length":
			return method(0, "", func(*pyEnv, []any) (any, error) { return big.NewInt(int64(n.BitLen())), nil }), true
		case "to_bytes":
			return method(2, "length byteorder", func(e *pyEnv, a []any) (any, error) {
				size, err := pySmall(a[0], pyMaxBits)
				if err != nil || n.Sign() < 0 || n.BitLen() > 8*size {
					return nil, fmt.Errorf("%v does not fit in %s bytes", n, pyStr(a[0]))
				}
				b := n.FillBytes(make([]byte, size))
				if a[1] == "little" {
					reverseBytes(b)
				}
				return pyBytes(b), nil
			}), true
		}
	case string:
		switch name {
		case "join":
			return method(1, "parts", func(e *pyEnv, a []any) (any, error) {
				list, err := e.list(a[0])
				var parts []string
				for _, x := range list {
					parts = append(parts, pyStr(x))
				}
				return strings.Join(parts, v), err
			}), true
		}
	case pyBytes:
		if name == "join" {
			return method(1, "parts", func(e *pyEnv, a []any) (any, error) {
				list, err := e.list(a[0])
				var parts []string
				for _, x := range list {
					b, ok := x.(pyBytes)
					if !ok {
						return nil, errors.New("join wants bytes")
					}
					parts = append(parts, string(b))
				}
				return pyBytes(strings.Join(parts, string(v))), err
			}), true
		}
	case pyType:
		if v == "int" && name == "from_bytes" {
			return method(2, "bytes byteorder", func(e *pyEnv, a []any) (any, error) {
				b, ok := a[0].(pyBytes)
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

func segmentsMethod(name string) (pyFunc, bool) {
	switch name {
	case "add":
		return method(0, "size", func(e *pyEnv, _ []any) (any, error) { return e.m.Memory.AddSegment(), nil }), true
	case "add_temp_segment":
		return method(0, "", func(e *pyEnv, _ []any) (any, error) { return e.m.Memory.AddTemporarySegment(), nil }), true
	case "gen_arg":
		return method(1, "arg", func(e *pyEnv, a []any) (any, error) { return e.genArg(a[0], 0) }), true
	case "write_arg", "load_data":
		return method(2, "ptr arg", func(e *pyEnv, a []any) (any, error) {
			at, ok := pyAddr(a[0])
			if !ok {
				return nil, fmt.Errorf("%s wants an address", name)
			}
			return e.writeArg(at, a[1], 0)
		}), true
	}
	return nil, false
}

// genArg puts a list into a segment of its own, and lists in it likewise.
func (e *pyEnv) genArg(v any, depth int) (any, error) {
	switch v.(type) {
	case *pyList, pyTuple, *pyDict, pyRange:
		at := e.m.Memory.AddSegment()
		_, err := e.writeArg(at, v, depth+1)
		return at, err
	}
	return v, nil
}

func (e *pyEnv) writeArg(at Addr, v any, depth int) (any, error) {
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

func listMethod(l *pyList, name string) (pyFunc, bool) {
	switch name {
	case "append":
		return method(1, "x", func(e *pyEnv, a []any) (any, error) {
			l.v = append(l.v, a[0])
			return nil, nil
		}), true
	case "extend":
		return method(1, "x", func(e *pyEnv, a []any) (any, error) {
			more, err := e.list(a[0])
			l.v = append(l.v, more...)
			return nil, err
		}), true
	case "pop":
		return method(0, "i", func(e *pyEnv, a []any) (any, error) {
			i := len(l.v) - 1
			if a[0] != nil {
				var err error
				if i, err = pyIndex(a[0], len(l.v)); err != nil {
					return nil, err
				}
			}
			if i < 0 {
				return nil, errors.New("pop from empty list")
			}
			x := l.v[i]
			l.v = append(l.v[:i:i], l.v[i+1:]...)
			return x, nil
		}), true
	case "sort":
		return method(0, "key reverse", func(e *pyEnv, a []any) (any, error) {
			return nil, pySort(l.v, e.keyFunc(a[0]), pyTrue(a[1]))
		}), true
	case "reverse":
		return method(0, "", func(*pyEnv, []any) (any, error) {
			for i, j := 0, len(l.v)-1; i < j; i, j = i+1, j-1 {
				l.v[i], l.v[j] = l.v[j], l.v[i]
			}
			return nil, nil
		}), true
	}
	return nil, false
}

func (e *pyEnv) keyFunc(f any) func(any) (any, error) {
	if f == nil {
		return nil
	}
	return func(v any) (any, error) { return e.call(f, []any{v}, nil) }
}

func dictMethod(d *pyDict, name string) (pyFunc, bool) {
	switch name {
	case "keys":
		return method(0, "", func(*pyEnv, []any) (any, error) { return &pyList{append([]any{}, d.keys...)}, nil }), true
	case "values":
		return method(0, "", func(*pyEnv, []any) (any, error) { return &pyList{append([]any{}, d.values...)}, nil }), true
	case "items":
		return method(0, "", func(*pyEnv, []any) (any, error) {
			out := &pyList{}
			for i, k := range d.keys {
				out.v = append(out.v, pyTuple{k, d.values[i]})
			}
			return out, nil
		}), true
	case "get", "setdefault":
		return method(1, "key default", func(e *pyEnv, a []any) (any, error) {
			v, ok, err := d.get(a[0])
			if err != nil || ok {
				return v, err
			}
			if name == "setdefault" {
				return a[1], d.set(a[0], a[1])
			}
			return a[1], nil
		}), true
	case "copy":
		return method(0, "", func(*pyEnv, []any) (any, error) { return d.copy(), nil }), true
	}
	return nil, false
}

// pyDictManager follows the dictionaries of a run (starkware.cairo.common.dict).
type pyDictManager struct{ trackers map[int32]*pyTracker }

type pyTracker struct {
	data *pyDict
	at   Addr
}

func (d *pyDictManager) tracker(v any) (*pyTracker, error) {
	a, ok := pyAddr(v)
	if !ok {
		return nil, errors.New("a dictionary pointer is an address")
	}
	t := d.trackers[a.Segment]
	if t == nil {
		return nil, fmt.Errorf("dictionary pointer %v was not created using DictManager", a)
	}
	if t.at != a {
		return nil, fmt.Errorf("Wrong dict pointer supplied. Got %v, expected %v.", a, t.at)
	}
	return t, nil
}

func (d *pyDictManager) attr(name string) (pyFunc, bool) {
	switch name {
	case "new_dict":
		return method(2, "segments initial_dict temp_segment", func(e *pyEnv, a []any) (any, error) {
			return d.add(e, a[1], pyTrue(a[2]), nil)
		}), true
	case "new_default_dict":
		return method(2, "segments default_value initial_dict temp_segment", func(e *pyEnv, a []any) (any, error) {
			def := a[1]
			if s, ok := def.(*pyStruct); ok {
				def = s.at
			}
			if a[2] == nil {
				a[2] = newPyDict()
			}
			return d.add(e, a[2], pyTrue(a[3]), func() any { return def })
		}), true
	case "get_tracker":
		return method(1, "dict_ptr", func(e *pyEnv, a []any) (any, error) { return d.tracker(a[0]) }), true
	case "get_dict":
		return method(1, "dict_ptr", func(e *pyEnv, a []any) (any, error) {
			t, err := d.tracker(a[0])
			if err != nil {
				return nil, err
			}
			return t.data, nil
		}), true
	}
	return nil, false
}

func (d *pyDictManager) add(e *pyEnv, data any, temporary bool, missing func() any) (any, error) {
	dict, ok := data.(*pyDict)
	if !ok {
		return nil, errors.New("a new dictionary wants a dict")
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
	d.trackers[start.Segment] = &pyTracker{c, start}
	return start, nil
}

// pyJSON is program_input.
func pyJSON(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, errors.New("the run has no program_input")
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("program_input: %w", err)
	}
	return pyOfJSON(v)
}

func pyOfJSON(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		n, ok := new(big.Int).SetString(v.String(), 10)
		if !ok || len(v.String()) > 10000 {
			return nil, fmt.Errorf("program_input: %s is not an integer", v)
		}
		return n, nil
	case []any:
		out := &pyList{}
		for _, x := range v {
			y, err := pyOfJSON(x)
			if err != nil {
				return nil, err
			}
			out.v = append(out.v, y)
		}
		return out, nil
	case map[string]any:
		d := newPyDict()
		for _, k := range sortedKeys(v) {
			y, err := pyOfJSON(v[k])
			if err != nil {
				return nil, err
			}
			if err := d.set(k, y); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return v, nil
}
