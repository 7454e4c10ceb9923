package casm

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/crypto/felt"
)

// DecodeClass decodes and validates a compiled contract class in the official compiler's JSON. It ignores pythonic_hints, which
// follows from hints.
func DecodeClass(data []byte) (*Class, error) {
	c, err := decodeClass(data, true)
	if err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// DecodeToHash decodes the same JSON only to compute class hashes. Like the official compiler it accepts classes that cannot run:
// entry points and hints may have any offset below 2^64, builtins any name, and prime any value; numbers are reduced modulo the
// field's prime. The result is not validated and must not be run. Offsets from 2^63 on are negative in it.
func DecodeToHash(data []byte) (*Class, error) {
	c, err := decodeClass(data, false)
	if err != nil {
		return nil, err
	}
	return c, c.checkSegments()
}

// decodeClass decodes a class. If strict is set, it rejects numbers that are not below the prime, and other primes.
func decodeClass(data []byte, strict bool) (*Class, error) {
	var wire struct {
		Prime           *string           `json:"prime"`
		CompilerVersion *string           `json:"compiler_version"`
		Bytecode        *[]string         `json:"bytecode"`
		Segments        jsontext.Value    `json:"bytecode_segment_lengths"`
		Hints           *[]hintsAtJSON    `json:"hints"`
		EntryPoints     *entryPointsByTag `json:"entry_points_by_type"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return nil, asClassError(err)
	}
	for _, required := range [...]struct {
		name   string
		absent bool
	}{
		{"prime", wire.Prime == nil}, {"compiler_version", wire.CompilerVersion == nil}, {"bytecode", wire.Bytecode == nil},
		{"hints", wire.Hints == nil}, {"entry_points_by_type", wire.EntryPoints == nil},
	} {
		if required.absent {
			return nil, classErrorf("compiled class has no %s", required.name)
		}
	}
	number := func(s string) (f felt.Felt, err error) {
		f, _, err = felt.FromWideHex(s)
		return f, err
	}
	if strict {
		number = felt.FromHex
		if prime, err := parseHex(*wire.Prime); err != nil || prime.Cmp(felt.Modulus()) != 0 {
			return nil, classErrorf("compiled class is for prime %.80q", *wire.Prime)
		}
	} else if _, err := number(*wire.Prime); err != nil {
		return nil, classErrorf("prime: %v", err)
	}
	c := &Class{CompilerVersion: *wire.CompilerVersion}
	if n := len(*wire.Bytecode); n > MaxBytecode {
		return nil, classErrorf("bytecode of %d felts exceeds %d", n, MaxBytecode)
	}
	c.Bytecode = make([]felt.Felt, len(*wire.Bytecode))
	for i, s := range *wire.Bytecode {
		var err error
		if c.Bytecode[i], err = number(s); err != nil {
			return nil, classErrorf("bytecode[%d]: %v", i, err)
		}
	}
	if len(wire.Segments) > 0 && string(wire.Segments) != "null" {
		s, err := decodeSegments(wire.Segments, 0)
		if err != nil {
			return nil, err
		}
		c.Segments = &s
	}
	c.Hints = make([]HintsAt, len(*wire.Hints))
	for i, h := range *wire.Hints {
		c.Hints[i] = HintsAt(h)
	}
	var err error
	for _, list := range [...]struct {
		name string
		from *[]entryPointJSON
		to   *[]EntryPoint
	}{
		{"EXTERNAL", wire.EntryPoints.External, &c.EntryPoints.External},
		{"L1_HANDLER", wire.EntryPoints.L1Handler, &c.EntryPoints.L1Handler},
		{"CONSTRUCTOR", wire.EntryPoints.Constructor, &c.EntryPoints.Constructor},
	} {
		if *list.to, err = decodeEntryPoints(list.name, list.from, number); err != nil {
			return nil, err
		}
	}
	return c, nil
}

type entryPointsByTag struct {
	External    *[]entryPointJSON `json:"EXTERNAL"`
	L1Handler   *[]entryPointJSON `json:"L1_HANDLER"`
	Constructor *[]entryPointJSON `json:"CONSTRUCTOR"`
}

type entryPointJSON struct {
	Selector string    `json:"selector"`
	Offset   *uint64   `json:"offset"`
	Builtins []*string `json:"builtins"`
}

// decodeEntryPoints converts one list of entry points. number parses selectors.
func decodeEntryPoints(name string, from *[]entryPointJSON, number func(string) (felt.Felt, error)) ([]EntryPoint, error) {
	if from == nil {
		return nil, classErrorf("compiled class has no %s entry points list", name)
	}
	list := make([]EntryPoint, len(*from))
	for i, ep := range *from {
		selector, err := number(ep.Selector)
		if err != nil {
			return nil, classErrorf("%s entry point %d: selector: %v", name, i, err)
		}
		if ep.Offset == nil {
			return nil, classErrorf("%s entry point %d has no offset", name, i)
		}
		if ep.Builtins == nil {
			return nil, classErrorf("%s entry point %d has no builtins", name, i)
		}
		list[i] = EntryPoint{Selector: selector, Offset: int(*ep.Offset), Builtins: make([]string, len(ep.Builtins))}
		for k, builtin := range ep.Builtins {
			if builtin == nil {
				return nil, classErrorf("%s entry point %d: builtin %d is null", name, i, k)
			}
			list[i].Builtins[k] = *builtin
		}
	}
	return list, nil
}

// decodeSegments decodes a number or a list of segments.
func decodeSegments(data jsontext.Value, depth int) (Segments, error) {
	if depth > maxSegmentDepth {
		return Segments{}, classErrorf("bytecode segments are nested deeper than %d", maxSegmentDepth)
	}
	var list []jsontext.Value
	if json.Unmarshal(data, &list) == nil && list != nil {
		s := Segments{Children: make([]Segments, len(list))}
		for i := range list {
			var err error
			if s.Children[i], err = decodeSegments(list[i], depth+1); err != nil {
				return Segments{}, err
			}
		}
		return s, nil
	}
	n, err := strconv.ParseUint(string(data), 10, 32)
	if err != nil || n > MaxBytecode {
		return Segments{}, classErrorf("bytecode segment length %.40s is not a number up to %d", data, MaxBytecode)
	}
	return Segments{Length: int(n)}, nil
}

// hintsAtJSON is a HintsAt in the JSON form [offset, [hint, …]].
type hintsAtJSON HintsAt

// UnmarshalJSON decodes an offset and a list of hints.
func (h *hintsAtJSON) UnmarshalJSON(data []byte) error {
	var pair []jsontext.Value
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return classErrorf("hints entry of %d elements, not offset and list", len(pair))
	}
	var offset *uint64
	var list []jsontext.Value
	if err := json.Unmarshal(pair[0], &offset); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[1], &list); err != nil {
		return err
	}
	if offset == nil || list == nil {
		return classErrorf("hints entry without an offset or a list")
	}
	h.Offset, h.Hints = int(*offset), make([]Hint, len(list))
	for i := range list {
		if err := h.Hints[i].UnmarshalJSON(list[i]); err != nil {
			return fmt.Errorf("hint %d at offset %d: %w", i, *offset, err)
		}
	}
	return nil
}

// UnmarshalJSON decodes a hint: {"Name": {field: operand, …}}, or "Name" for a hint without fields.
func (h *Hint) UnmarshalJSON(data []byte) error {
	var name string
	var body map[string]jsontext.Value
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &name); err != nil {
			return err
		}
	} else {
		var fields jsontext.Value
		var err error
		if name, fields, err = decodeVariant(data); err != nil {
			return err
		}
		if err := json.Unmarshal(fields, &body); err != nil {
			return err
		}
	}
	for kind := range hintTable {
		row := &hintTable[kind]
		if row.name != name {
			continue
		}
		if (body == nil) != (row.fields == nil) {
			return classErrorf("hint %s: fields expected: %v", name, row.fields != nil)
		}
		h.Kind, h.In, h.Out = HintKind(kind), nil, nil
		for _, f := range row.fields {
			if err := h.decodeField(f, body[f.name]); err != nil {
				return fmt.Errorf("hint %s: field %s: %w", name, f.name, err)
			}
		}
		return nil
	}
	return classErrorf("unknown hint %.60q", name)
}

// decodeField decodes a field and appends it to In or Out.
func (h *Hint) decodeField(f field, data jsontext.Value) (err error) {
	if data == nil {
		return classErrorf("missing")
	}
	switch f.kind {
	case output:
		cell, err := decodeCell(data)
		h.Out = append(h.Out, cell)
		return err
	case value:
		var v *big.Int
		if v, err = decodeNumber(data); err == nil {
			h.In = append(h.In, ImmBig(v))
		}
		return err
	}
	o, err := decodeOperand(data)
	h.In = append(h.In, o)
	return err
}

func decodeCell(data jsontext.Value) (Cell, error) {
	var wire struct {
		Register string `json:"register"`
		Offset   *int16 `json:"offset"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Cell{}, err
	}
	if wire.Offset == nil {
		return Cell{}, classErrorf("cell without an offset")
	}
	switch wire.Register {
	case "AP":
		return Cell{AP, *wire.Offset}, nil
	case "FP":
		return Cell{FP, *wire.Offset}, nil
	}
	return Cell{}, classErrorf("unknown register %.20q", wire.Register)
}

// decodeVariant decodes an object with one member, whose name is the form of its value.
func decodeVariant(data jsontext.Value) (form string, body jsontext.Value, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(data, &members); err != nil {
		return "", nil, err
	}
	if len(members) != 1 {
		return "", nil, classErrorf("%.60s has %d members, want the name of one form", data, len(members))
	}
	for form, body = range members {
		break
	}
	return form, body, nil
}

func decodeOperand(data jsontext.Value) (Operand, error) {
	form, body, err := decodeVariant(data)
	if err != nil {
		return Operand{}, err
	}
	switch form {
	case "Deref":
		c, err := decodeCell(body)
		return At(c), err
	case "DoubleDeref":
		var pair []jsontext.Value
		if err := json.Unmarshal(body, &pair); err != nil {
			return Operand{}, err
		}
		if len(pair) != 2 {
			return Operand{}, classErrorf("double deref of %d elements", len(pair))
		}
		o := Operand{Kind: DoubleDeref}
		if err := json.Unmarshal(pair[1], &o.Off); err != nil {
			return Operand{}, err
		}
		o.Cell, err = decodeCell(pair[0])
		return o, err
	case "Immediate":
		v, err := decodeNumber(body)
		return ImmBig(v), err
	case "BinOp":
		return decodeBinOp(body)
	}
	return Operand{}, classErrorf("operand %.60s has no known form", data)
}

func decodeBinOp(data jsontext.Value) (Operand, error) {
	var wire struct {
		Op string         `json:"op"`
		A  jsontext.Value `json:"a"`
		B  jsontext.Value `json:"b"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Operand{}, err
	}
	if wire.A == nil || wire.B == nil {
		return Operand{}, classErrorf("operation without two operands")
	}
	o := Operand{Kind: BinOp}
	switch wire.Op {
	case "Add":
	case "Mul":
		o.Op = Mul
	default:
		return Operand{}, classErrorf("unknown operation %.20q", wire.Op)
	}
	var err error
	if o.Cell, err = decodeCell(wire.A); err != nil {
		return Operand{}, err
	}
	form, body, err := decodeVariant(wire.B)
	if err != nil {
		return Operand{}, err
	}
	switch form {
	case "Deref":
		o.B, err = decodeCell(body)
	case "Immediate":
		o.Imm, err = decodeNumber(body)
	default:
		err = classErrorf("second operand %.60s has no known form", wire.B)
	}
	return o, err
}

// decodeNumber decodes a quoted hexadecimal number of at most 512 bits, which may be negative.
func decodeNumber(data jsontext.Value) (*big.Int, error) {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	abs, negative := strings.CutPrefix(s, "-")
	v, err := parseHex(abs)
	if err == nil && negative {
		v.Neg(v)
	}
	return v, err
}

// parseHex returns a hexadecimal number of at most 512 bits with the prefix 0x.
func parseHex(s string) (*big.Int, error) {
	digits, prefixed := strings.CutPrefix(s, "0x")
	if !prefixed || digits == "" || len(digits) > 128 || strings.ContainsAny(digits, "+-_") {
		return nil, classErrorf("%.80q is not a hexadecimal number of up to 512 bits", s)
	}
	v, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, classErrorf("%.80q is not a hexadecimal number", s)
	}
	return v, nil
}

// MarshalJSON returns the official compiler's JSON, without pythonic_hints.
func (c *Class) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil, false), nil }

// AppendJSON appends the official compiler's JSON to b, without white space. If pythonic is set, it includes pythonic_hints.
func (c *Class) AppendJSON(b []byte, pythonic bool) []byte {
	b = slices.Grow(b, 28*len(c.Bytecode)) // about the size of a contract's JSON with its hints
	b = append(b, `{"prime":"0x`+felt.Modulus().Text(16)+`","compiler_version":`...)
	b = appendString(b, c.CompilerVersion)
	b = append(b, `,"bytecode":[`...)
	for i := range c.Bytecode {
		b = comma(b, i)
		b = append(b, '"')
		b = c.Bytecode[i].AppendHex(b)
		b = append(b, '"')
	}
	b = append(b, ']')
	if c.Segments != nil {
		b = append(b, `,"bytecode_segment_lengths":`...)
		b = c.Segments.appendJSON(b)
	}
	b = append(b, `,"hints":[`...)
	b = c.appendHints(b, func(b []byte, h *Hint) []byte { return h.appendJSON(b) })
	if pythonic {
		b = append(b, `],"pythonic_hints":[`...)
		b = c.appendHints(b, func(b []byte, h *Hint) []byte { return appendString(b, h.python()) })
	}
	b = append(b, `],"entry_points_by_type":{"EXTERNAL":`...)
	b = appendEntryPoints(b, c.EntryPoints.External)
	b = append(b, `,"L1_HANDLER":`...)
	b = appendEntryPoints(b, c.EntryPoints.L1Handler)
	b = append(b, `,"CONSTRUCTOR":`...)
	b = appendEntryPoints(b, c.EntryPoints.Constructor)
	return append(b, "}}"...)
}

func (c *Class) appendHints(b []byte, appendHint func([]byte, *Hint) []byte) []byte {
	for i, at := range c.Hints {
		b = append(comma(b, i), '[')
		b = strconv.AppendInt(b, int64(at.Offset), 10)
		b = append(b, ",["...)
		for k := range at.Hints {
			b = appendHint(comma(b, k), &at.Hints[k])
		}
		b = append(b, "]]"...)
	}
	return b
}

func appendEntryPoints(b []byte, list []EntryPoint) []byte {
	b = append(b, '[')
	for i, ep := range list {
		b = append(comma(b, i), `{"selector":"`+ep.selectorHex()+`","offset":`...)
		b = strconv.AppendInt(b, int64(ep.Offset), 10)
		b = append(b, `,"builtins":[`...)
		for k, name := range ep.Builtins {
			b = appendString(comma(b, k), name)
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

func (s *Segments) appendJSON(b []byte) []byte {
	if s.Children == nil {
		return strconv.AppendInt(b, int64(s.Length), 10)
	}
	b = append(b, '[')
	for i := range s.Children {
		b = s.Children[i].appendJSON(comma(b, i))
	}
	return append(b, ']')
}

// appendJSON appends the hint's JSON.
func (h *Hint) appendJSON(b []byte) []byte {
	row := &hintTable[h.Kind]
	if row.fields == nil {
		return appendString(b, row.name)
	}
	b = append(b, `{"`+row.name+`":{`...)
	nIn, nOut := 0, 0
	for i, f := range row.fields {
		b = append(comma(b, i), `"`+f.name+`":`...)
		switch f.kind {
		case output:
			b = h.Out[nOut].appendJSON(b)
			nOut++
		case value:
			b = append(b, `"`+hex(h.In[nIn].Imm)+`"`...)
			nIn++
		default:
			b = h.In[nIn].appendJSON(b)
			nIn++
		}
	}
	return append(b, "}}"...)
}

func (c Cell) appendJSON(b []byte) []byte {
	b = append(b, `{"register":"`+strings.ToUpper(c.Reg.String())+`","offset":`...)
	b = strconv.AppendInt(b, int64(c.Off), 10)
	return append(b, '}')
}

func (o *Operand) appendJSON(b []byte) []byte {
	switch o.Kind {
	case Deref:
		return append(o.Cell.appendJSON(append(b, `{"Deref":`...)), '}')
	case DoubleDeref:
		b = append(o.Cell.appendJSON(append(b, `{"DoubleDeref":[`...)), ',')
		return append(strconv.AppendInt(b, int64(o.Off), 10), "]}"...)
	case Immediate:
		return append(b, `{"Immediate":"`+hex(o.Imm)+`"}`...)
	}
	op := "Add"
	if o.Op == Mul {
		op = "Mul"
	}
	b = o.Cell.appendJSON(append(b, `{"BinOp":{"op":"`+op+`","a":`...))
	if o.Imm != nil {
		return append(b, `,"b":{"Immediate":"`+hex(o.Imm)+`"}}}`...)
	}
	return append(o.B.appendJSON(append(b, `,"b":{"Deref":`...)), "}}}"...)
}

// comma appends a comma unless i is the first index.
func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendString appends s in quotes as serde does, with only the escapes that JSON needs. Invalid UTF-8 is replaced by U+FFFD.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // an error only reports replaced bytes
	return b
}
