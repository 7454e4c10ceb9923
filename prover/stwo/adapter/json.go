package adapter

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// StarkWare's prover_input.json. Its members have a fixed order, which WriteJSON keeps, so that the texts of equal inputs are equal.

// opcodeOrder and builtinOrder are the orders in which the file lists opcodes and builtins.
var (
	opcodeOrder = [...]Opcode{
		Generic, AddAP, Add, AddSmall, AssertEq, AssertEqDoubleDeref, AssertEqImm, CallAbs, CallRelImm, JnzNonTaken, JnzTaken,
		JumpRelImm, JumpRel, JumpDoubleDeref, JumpAbs, MulSmall, Mul, Ret, BlakeCompress, QM31AddMul,
	}
	builtinOrder = [...]Builtin{AddMod, Bitwise, Output, MulMod, Pedersen, Poseidon, RangeCheck96, RangeCheck, ECOp}
)

const logSmallCapacity = 24

// smallMax returns the greatest small value, 2^72 - 1.
func smallMax() Uint128 { return Uint128{1<<64 - 1, 1<<8 - 1} }

// WriteJSON writes the input as prover_input.json.
func (in *Input) WriteJSON(w io.Writer) error {
	o := &output{w: bufio.NewWriterSize(w, 1<<16)}
	o.text(`{"state_transitions":{"initial_state":`)
	o.state(in.Initial)
	o.text(`,"final_state":`)
	o.state(in.Final)
	o.text(`,"casm_states_by_opcode":{`)
	for i, opcode := range opcodeOrder {
		s := &in.Opcodes[opcode]
		o.member(i, opcode.String())
		o.list(s.Len(), func(k int) { o.state(State{s.PC[k], s.AP[k], s.FP[k]}) })
	}
	o.text(`}},"memory":{"config":{"small_max":`)
	o.wide(smallMax())
	o.text(`,"log_small_value_capacity":`)
	o.number(logSmallCapacity)
	o.text(`},"address_to_id":`)
	o.list(len(in.Memory.IDs), func(k int) { o.number(uint64(in.Memory.IDs[k])) })
	o.text(`,"f252_values":`)
	o.list(len(in.Memory.Big), func(k int) {
		o.list(8, func(j int) { o.number(uint64(in.Memory.Big[k][j])) })
	})
	o.text(`,"small_values":`)
	o.list(len(in.Memory.Small), func(k int) { o.wide(in.Memory.Small[k]) })
	o.text(`},"pc_count":`)
	o.number(uint64(in.Instructions))
	o.text(`,"public_memory_addresses":`)
	o.list(len(in.Public), func(k int) { o.number(uint64(in.Public[k])) })
	o.text(`,"builtin_segments":{`)
	for i, b := range builtinOrder {
		o.member(i, builtins[b].field)
		if s := in.Segments[b]; s.Len() == 0 {
			o.text("null")
		} else {
			o.text(`{"begin_addr":`)
			o.number(uint64(s.Begin))
			o.text(`,"stop_ptr":`)
			o.number(uint64(s.End))
			o.text("}")
		}
	}
	o.text(`},"public_segment_context":{"present":`)
	o.list(len(in.Present), func(k int) { o.text(strconv.FormatBool(in.Present[k])) })
	o.text("}}")
	return o.w.Flush()
}

// output writes JSON. The bufio.Writer keeps the first error.
type output struct {
	w   *bufio.Writer
	buf []byte
}

func (o *output) text(s string) { _, _ = o.w.WriteString(s) }

func (o *output) number(v uint64) {
	o.buf = strconv.AppendUint(o.buf[:0], v, 10)
	_, _ = o.w.Write(o.buf)
}

func (o *output) wide(v Uint128) {
	if v.Hi == 0 {
		o.number(v.Lo)
		return
	}
	n := new(big.Int).SetUint64(v.Hi)
	o.text(n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(v.Lo)).String())
}

func (o *output) state(s State) {
	o.text(`{"pc":`)
	o.number(uint64(s.PC))
	o.text(`,"ap":`)
	o.number(uint64(s.AP))
	o.text(`,"fp":`)
	o.number(uint64(s.FP))
	o.text("}")
}

func (o *output) list(n int, element func(k int)) {
	o.text("[")
	for k := range n {
		if k > 0 {
			o.text(",")
		}
		element(k)
	}
	o.text("]")
}

func (o *output) member(i int, name string) {
	if i > 0 {
		o.text(",")
	}
	o.text(`"` + name + `":`)
}

// ReadJSON decodes prover_input.json and checks it. The file may be untrusted: ReadJSON returns an input with which the components can
// be filled, or an error, and allocates at most a small multiple of the file's size. It does not check that the run follows the rules of Cairo.
func ReadJSON(r io.Reader) (*Input, error) {
	d := jsontext.NewDecoder(r)
	in := &Input{}
	err := in.decode(d)
	if err == nil {
		if _, end := d.ReadToken(); end != io.EOF {
			err = fmt.Errorf("text after the input")
		}
	}
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return nil, fmt.Errorf("adapter: prover input: %w", err)
	}
	return in, nil
}

func (in *Input) decode(d *jsontext.Decoder) error {
	return members(d, member{"state_transitions", func() error {
		return members(d,
			member{"initial_state", func() error { return decodeState(d, &in.Initial) }},
			member{"final_state", func() error { return decodeState(d, &in.Final) }},
			member{"casm_states_by_opcode", func() error {
				var list []member
				for _, opcode := range opcodeOrder {
					s := &in.Opcodes[opcode]
					list = append(list, member{opcode.String(), func() error {
						return elements(d, addressBound, func() error {
							var state State
							err := decodeState(d, &state)
							s.PC, s.AP, s.FP = append(s.PC, state.PC), append(s.AP, state.AP), append(s.FP, state.FP)
							return err
						})
					}})
				}
				return members(d, list...)
			}})
	}}, member{"memory", func() error {
		m := &in.Memory
		return members(d, member{"config", func() error {
			var limit Uint128
			var log uint32
			err := members(d, member{"small_max", func() error { return decodeWide(d, &limit) }}, uintMember(d, "log_small_value_capacity", &log))
			if err == nil && (limit != smallMax() || log != logSmallCapacity) {
				err = fmt.Errorf("small values are at most %v and 2^%d, want 2^72 - 1 and 2^%d", limit, log, logSmallCapacity)
			}
			return err
		}}, member{"address_to_id", func() error {
			return elements(d, addressBound, func() error {
				var id m31.M31
				err := decodeUint(d, &id)
				m.IDs = append(m.IDs, id)
				return err
			})
		}}, member{"f252_values", func() error {
			return elements(d, addressBound, func() error {
				var v [8]uint32
				k := 0
				err := elements(d, len(v), func() error {
					k++
					return decodeUint(d, &v[k-1])
				})
				if err == nil && k != len(v) {
					err = fmt.Errorf("value %d has %d words, want %d", len(m.Big), k, len(v))
				}
				m.Big = append(m.Big, v)
				return err
			})
		}}, member{"small_values", func() error {
			return elements(d, smallCapacity, func() error {
				var v Uint128
				err := decodeWide(d, &v)
				m.Small = append(m.Small, v)
				return err
			})
		}})
	}}, member{"pc_count", func() error {
		var n uint32
		err := decodeUint(d, &n)
		in.Instructions = int(n)
		return err
	}}, member{"public_memory_addresses", func() error {
		return elements(d, addressBound, func() error {
			var a uint32
			err := decodeUint(d, &a)
			in.Public = append(in.Public, a)
			return err
		})
	}}, member{"builtin_segments", func() error {
		var list []member
		for _, b := range builtinOrder {
			s := &in.Segments[b]
			list = append(list, member{builtins[b].field, func() error {
				if d.PeekKind() == 'n' {
					_, err := d.ReadToken()
					return err
				}
				return members(d, uintMember(d, "begin_addr", &s.Begin), uintMember(d, "stop_ptr", &s.End))
			}})
		}
		return members(d, list...)
	}}, member{"public_segment_context", func() error {
		return members(d, member{"present", func() error { return json.UnmarshalDecode(d, &in.Present) }})
	}})
}

// member is a member of an object, and how to decode its value.
type member struct {
	name   string
	decode func() error
}

// members decodes an object that has exactly the given members.
func members(d *jsontext.Decoder, list ...member) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '{' {
		return fmt.Errorf("want an object, got a JSON %v", t.Kind())
	}
	n := 0
	for d.PeekKind() != '}' {
		t, err := d.ReadToken() // an error if the object has the name already
		if err != nil {
			return err
		}
		name := t.String()
		k := slices.IndexFunc(list, func(m member) bool { return m.name == name })
		if k < 0 {
			return fmt.Errorf("unknown name %.40q", name)
		}
		if err := list[k].decode(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n++
	}
	if n != len(list) {
		return fmt.Errorf("%d members, want %d", n, len(list))
	}
	_, err := d.ReadToken()
	return err
}

// elements decodes a list of at most `most` elements.
func elements(d *jsontext.Decoder, most int, decode func() error) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '[' {
		return fmt.Errorf("want a list, got a JSON %v", t.Kind())
	}
	for n := 0; d.PeekKind() != ']'; n++ {
		if n == most {
			return fmt.Errorf("more than %d elements", most)
		}
		if err := decode(); err != nil {
			return fmt.Errorf("element %d: %w", n, err)
		}
	}
	_, err := d.ReadToken()
	return err
}

// decodeUint decodes a number of at most 32 bits in decimal.
func decodeUint[T ~uint32](d *jsontext.Decoder, v *T) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != '0' {
		return fmt.Errorf("want a number, got a JSON %v", t.Kind())
	}
	n, err := strconv.ParseUint(t.String(), 10, 32)
	*v = T(n)
	return err
}

func uintMember[T ~uint32](d *jsontext.Decoder, name string, v *T) member {
	return member{name, func() error { return decodeUint(d, v) }}
}

// decodeWide decodes a number of at most 72 bits in decimal.
func decodeWide(d *jsontext.Decoder, v *Uint128) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	text := t.String()
	if t.Kind() != '0' || len(text) > 22 {
		return fmt.Errorf("want a number below 2^72, got %.40s", text)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		*v = Uint128{Lo: n}
		return nil
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 72 {
		return fmt.Errorf("want a number below 2^72, got %s", text)
	}
	v.Lo = new(big.Int).And(n, new(big.Int).SetUint64(1<<64-1)).Uint64()
	v.Hi = n.Rsh(n, 64).Uint64()
	return nil
}

// decodeState decodes a state. There is one for each step of a run, so the form in which files have them is read without a decoder.
func decodeState(d *jsontext.Decoder, s *State) error {
	text, err := d.ReadValue()
	if err != nil {
		return err
	}
	if cutState(text, s) {
		return nil
	}
	d = jsontext.NewDecoder(bytes.NewReader(text))
	return members(d, uintMember(d, "pc", &s.PC), uintMember(d, "ap", &s.AP), uintMember(d, "fp", &s.FP))
}

// cutState sets s to a state that has the form {"pc":1,"ap":2,"fp":3} with any white space. It reports whether text, a JSON value, has it.
func cutState(text []byte, s *State) bool {
	cut := func(token string) (ok bool) {
		text, ok = bytes.CutPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte(token))
		return ok
	}
	number := func(v *m31.M31) bool {
		text = bytes.TrimLeft(text, " \t\r\n")
		digits := 0
		for *v = 0; digits < len(text) && '0' <= text[digits] && text[digits] <= '9'; digits++ {
			*v = 10**v + m31.M31(text[digits]-'0')
		}
		text = text[digits:]
		return 0 < digits && digits < 10 // 10 digits may be more than 32 bits
	}
	return cut("{") && cut(`"pc"`) && cut(":") && number(&s.PC) && cut(",") && cut(`"ap"`) && cut(":") && number(&s.AP) &&
		cut(",") && cut(`"fp"`) && cut(":") && number(&s.FP) && cut("}")
}
