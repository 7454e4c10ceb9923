package starknet

import (
	"bytes"
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// A class has two JSON forms. The compiler writes abi as an array and may add debug info; the RPC carries abi as a string. Both mean the
// same class: an array becomes the text that Python's json.dumps writes, as in wallets.
// cairo/sierra reads the same forms by the official compiler's rules: it accepts more selectors and requires every field.

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
		EntryPoints: sierra.EntryPoints{
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
	return (*sierra.ContractClass)(c).MarshalJSON()
}

func fromEntryPointsJSON(js []entryPointJSON) []sierra.EntryPoint {
	if len(js) == 0 {
		return nil
	}
	eps := make([]sierra.EntryPoint, len(js))
	for i, j := range js {
		eps[i] = sierra.EntryPoint{Selector: j.Selector, FunctionIdx: j.FunctionIdx}
	}
	return eps
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
	return sierra.SpacedJSON(raw), nil
}
