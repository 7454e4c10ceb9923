package sierra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"unicode/utf8"

	"github.com/starkd/starkd/crypto/felt"
)

// ContractClass is a declared contract class: a Sierra program in felts, its entry points and its ABI. Its methods follow the
// official compiler; starknet.ContractClass is the same struct with the rules of a network.
type ContractClass struct {
	SierraProgram []felt.Felt
	Version       string // contract_class_version, "0.1.0"
	EntryPoints   EntryPoints
	// ABI is the text that the class hash covers: the string of the RPC form, or the ABI array of a compiler's output
	// printed with a space after each colon and comma. This package does not parse it.
	ABI string
}

// EntryPoints are a class's entry points by kind, each list sorted by selector.
type EntryPoints struct {
	External    []EntryPoint
	L1Handler   []EntryPoint
	Constructor []EntryPoint
}

// EntryPoint binds a selector to a function of the program.
type EntryPoint struct {
	Selector    felt.Felt
	FunctionIdx uint64
	// Wide is the selector if it is at least the field's prime, nil otherwise; Selector is then its remainder. The
	// compiler accepts such a class, networks do not (CheckDeclarable).
	Wide *big.Int
}

// SelectorHex returns the selector in hexadecimal, wide or not.
func (e *EntryPoint) SelectorHex() string {
	if e.Wide != nil {
		return "0x" + e.Wide.Text(16)
	}
	return e.Selector.String()
}

// cmpSelector orders entry points by selector.
func (e *EntryPoint) cmpSelector(o *EntryPoint) int {
	if e.Wide == nil && o.Wide == nil {
		return e.Selector.Cmp(&o.Selector)
	}
	number := func(e *EntryPoint) *big.Int {
		if e.Wide != nil {
			return e.Wide
		}
		return e.Selector.BigInt()
	}
	return number(e).Cmp(number(o))
}

// Program decodes the class's Sierra program without validating it; see Validate.
func (c *ContractClass) Program() (*Program, error) { return DecodeFelts(c.SierraProgram) }

// DecodeClass decodes a class from JSON: a compiler's output (abi is an array, debug info may be present) or the RPC form
// (abi is a string). As in the official compiler, unknown keys are ignored, hexadecimal digits may be upper case, and an
// entry point may be the array [selector, index]. Unlike there, a second abi is an error, because the ABI determines the
// class hash.
func DecodeClass(data []byte) (*ContractClass, error) {
	c := &ContractClass{}
	if err := c.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return c, nil
}

// UnmarshalJSON implements json.Unmarshaler; see DecodeClass.
func (c *ContractClass) UnmarshalJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errorf(CodeJSON, "class is not UTF-8")
	}
	var out ContractClass
	r := &jsonReader{data: data}
	err := r.fields([]jsonField{
		{"sierra_program", required, func() (err error) { out.SierraProgram, err = r.felts(); return err }},
		{"sierra_program_debug_info", nullable, r.debugInfo},
		{"contract_class_version", required, func() error {
			version, err := r.text()
			out.Version = string(version)
			return err
		}},
		{"entry_points_by_type", required, func() error { return out.EntryPoints.read(r) }},
		{"abi", nullable, func() (err error) { out.ABI, err = r.abi(); return err }},
	})
	if err == nil {
		err = r.end()
	}
	if _, ok := err.(*ClassError); ok {
		return err
	} else if err != nil {
		return errorf(CodeJSON, "class: %v", err)
	}
	*c = out
	return nil
}

// MarshalJSON implements json.Marshaler. It writes the RPC form.
func (c ContractClass) MarshalJSON() ([]byte, error) {
	program := c.SierraProgram
	if program == nil {
		program = []felt.Felt{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // ABIs are full of angle brackets
	err := enc.Encode(struct {
		SierraProgram []felt.Felt     `json:"sierra_program"`
		Version       string          `json:"contract_class_version"`
		EntryPoints   entryPointsJSON `json:"entry_points_by_type"`
		ABI           string          `json:"abi"`
	}{program, c.Version, c.EntryPoints.json(), c.ABI})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

type entryPointJSON struct {
	Selector    string `json:"selector"`
	FunctionIdx uint64 `json:"function_idx"`
}

type entryPointsJSON struct {
	Constructor []entryPointJSON `json:"CONSTRUCTOR"`
	External    []entryPointJSON `json:"EXTERNAL"`
	L1Handler   []entryPointJSON `json:"L1_HANDLER"`
}

func (e *EntryPoints) json() (out entryPointsJSON) {
	for _, l := range []struct {
		to   *[]entryPointJSON
		from []EntryPoint
	}{{&out.External, e.External}, {&out.L1Handler, e.L1Handler}, {&out.Constructor, e.Constructor}} {
		*l.to = make([]entryPointJSON, len(l.from))
		for i, ep := range l.from {
			(*l.to)[i] = entryPointJSON{ep.SelectorHex(), ep.FunctionIdx}
		}
	}
	return out
}

func (e *EntryPoints) read(r *jsonReader) error {
	list := func(to *[]EntryPoint) func() error {
		return func() error {
			*to = []EntryPoint{}
			return r.array(func(i int) error {
				var ep EntryPoint
				if err := ep.read(r); err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
				*to = append(*to, ep)
				return nil
			})
		}
	}
	return r.fields([]jsonField{
		{"EXTERNAL", required, list(&e.External)},
		{"L1_HANDLER", required, list(&e.L1Handler)},
		{"CONSTRUCTOR", required, list(&e.Constructor)},
	})
}

func (e *EntryPoint) read(r *jsonReader) error {
	return r.fields([]jsonField{
		{"selector", required, func() error {
			text, err := r.text()
			if err == nil {
				e.Selector, e.Wide, err = felt.FromWideHex(string(text))
			}
			return err
		}},
		{"function_idx", required, func() (err error) { e.FunctionIdx, err = r.index(); return err }},
	})
}

// felts reads an array of hexadecimal numbers below the field's prime.
func (r *jsonReader) felts() ([]felt.Felt, error) {
	felts := make([]felt.Felt, 0, bytes.Count(r.data[r.pos:], []byte(`"0x`)))
	err := r.array(func(i int) error {
		text, err := r.text()
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		f, err := felt.FromHexBytes(text)
		if err != nil { // written in a form that FromHexBytes does not accept, or too large
			var wide *big.Int
			if f, wide, err = felt.FromWideHex(string(text)); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
			if wide != nil {
				return errorf(CodeFeltRange, "sierra_program[%d]: %s is not below the field's prime", i, clipJSON(text))
			}
		}
		felts = append(felts, f)
		return nil
	})
	return felts, err
}

// abi reads the text that the class hash covers: the content of a string, or any other value printed on one line.
func (r *jsonReader) abi() (string, error) {
	if r.null() {
		return "", nil
	}
	if r.peek() == '"' {
		text, err := r.text()
		return string(text), err
	}
	value, err := r.raw()
	return SpacedJSON(value), err
}
