package starknet

import (
	"bytes"
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// A class has two JSON forms. The compiler writes abi as an array and may add debug info; the RPC carries abi as a string. Both mean the
// same class: an array becomes the text that Python's json.dumps writes, as in wallets.
// cairo/sierra reads the same forms for the compiler. This package does not import it, so that packages that only carry classes (stores,
// RPC, consensus) do not depend on the compiler.

type classJSON struct {
	SierraProgram []felt.Felt     `json:"sierra_program"`
	Version       string          `json:"contract_class_version"`
	EntryPoints   entryPointsJSON `json:"entry_points_by_type"`
	ABI           json.RawMessage `json:"abi,omitempty"`
}

type entryPointsJSON struct {
	Constructor []entryPointJSON `json:"CONSTRUCTOR"`
	External    []entryPointJSON `json:"EXTERNAL"`
	L1Handler   []entryPointJSON `json:"L1_HANDLER"`
}

type entryPointJSON struct {
	Selector    felt.Felt `json:"selector"`
	FunctionIdx uint64    `json:"function_idx"`
}

// UnmarshalJSON decodes either JSON form and checks the limits of a class.
func (c *ContractClass) UnmarshalJSON(b []byte) error {
	if len(b) > constants.MaxClassBytes {
		return fmt.Errorf("starknet: %w: %d bytes, at most %d", ErrClassTooLarge, len(b), constants.MaxClassBytes)
	}
	var j classJSON
	if err := jsonv2.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("starknet: contract class: %w", err)
	}
	abi, err := abiText(j.ABI)
	if err != nil {
		return err
	}
	d := ContractClass{
		SierraProgram: j.SierraProgram,
		Version:       j.Version,
		EntryPoints: EntryPoints{
			Constructor: fromEntryPointsJSON(j.EntryPoints.Constructor),
			External:    fromEntryPointsJSON(j.EntryPoints.External),
			L1Handler:   fromEntryPointsJSON(j.EntryPoints.L1Handler),
		},
		ABI: abi,
	}
	if err := d.Validate(); err != nil {
		return err
	}
	*c = d
	return nil
}

// MarshalJSON encodes the class in the form of the RPC.
func (c *ContractClass) MarshalJSON() ([]byte, error) {
	program := c.SierraProgram
	if program == nil {
		program = []felt.Felt{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // ABIs are full of angle brackets
	err := enc.Encode(struct {
		classJSON
		ABI string `json:"abi"`
	}{
		classJSON{
			SierraProgram: program,
			Version:       c.Version,
			EntryPoints: entryPointsJSON{
				Constructor: toEntryPointsJSON(c.EntryPoints.Constructor),
				External:    toEntryPointsJSON(c.EntryPoints.External),
				L1Handler:   toEntryPointsJSON(c.EntryPoints.L1Handler),
			},
		},
		c.ABI,
	})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func fromEntryPointsJSON(js []entryPointJSON) []EntryPoint {
	if len(js) == 0 {
		return nil
	}
	eps := make([]EntryPoint, len(js))
	for i, j := range js {
		eps[i] = EntryPoint(j)
	}
	return eps
}

func toEntryPointsJSON(eps []EntryPoint) []entryPointJSON {
	js := make([]entryPointJSON, len(eps))
	for i, ep := range eps {
		js[i] = entryPointJSON(ep)
	}
	return js
}

// abiText returns the ABI as text: the value of a JSON string, or an array with the spacing of Python's json.dumps.
func abiText(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return "", nil
	}
	if raw[0] == '"' {
		var s string
		err := jsonv2.Unmarshal(raw, &s)
		return s, err
	}
	if raw[0] != '[' {
		return "", fmt.Errorf("starknet: contract class: abi is neither a string nor an array")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", err
	}
	text := make([]byte, 0, compact.Len()+compact.Len()/8)
	quoted, escaped := false, false
	for _, c := range compact.Bytes() {
		text = append(text, c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			text = append(text, ' ')
		}
	}
	return string(text), nil
}
