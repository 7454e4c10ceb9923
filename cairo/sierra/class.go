package sierra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/starkd/starkd/crypto/felt"
)

// ContractClass is a contract as it is declared: a Sierra program in felts, its entry points and its ABI.
type ContractClass struct {
	SierraProgram        []felt.Felt
	ContractClassVersion string
	EntryPoints          EntryPoints
	// ABI is the text that the class hash covers: what the RPC form has as a string, or the ABI array of a compiler's output
	// printed with a space after each colon and comma. Nothing here looks into it.
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
	FunctionIdx int
	// Wide is the selector if it is the field's prime or more, nil otherwise; Selector is its remainder then. The compiler
	// takes such a class, a network does not (CheckDeclarable).
	Wide *big.Int
}

// SelectorHex is the selector as hexadecimal, wide or not.
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

// DefaultContractClassVersion is the version that compilers write.
const DefaultContractClassVersion = "0.1.0"

// Program decodes the class's Sierra program. It does not validate it: see Validate.
func (c *ContractClass) Program() (*Program, error) { return DecodeFelts(c.SierraProgram) }

// DecodeClass decodes a class from JSON: a compiler's output (abi is an array, debug info may be present) or the RPC form (abi
// is a string). As with the official compiler unknown keys are ignored, hexadecimal digits may be upper case, and an entry
// point may be the array [selector, index]. Unlike with it, the ABI, which decides the class hash, may be given once only.
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
		return refuse(CodeJSON, "class is not UTF-8")
	}
	fields, err := jsonStruct(data, 5, "sierra_program", "sierra_program_debug_info", "contract_class_version", "entry_points_by_type", "abi")
	if err != nil {
		return refuse(CodeJSON, "class: %v", err)
	}
	var out ContractClass
	if out.SierraProgram, err = decodeFeltList(fields["sierra_program"]); err != nil {
		return err
	}
	if out.ContractClassVersion, err = jsonString(fields["contract_class_version"]); err != nil {
		return refuse(CodeJSON, "contract_class_version: %v", err)
	}
	if err = out.EntryPoints.decode(fields["entry_points_by_type"]); err != nil {
		return err
	}
	if err = checkDebugInfo(fields["sierra_program_debug_info"]); err != nil {
		return refuse(CodeJSON, "sierra_program_debug_info: %v", err)
	}
	if out.ABI, err = decodeABI(fields["abi"]); err != nil {
		return refuse(CodeJSON, "abi: %v", err)
	}
	*c = out
	return nil
}

// MarshalJSON implements json.Marshaler: the RPC form.
func (c ContractClass) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		SierraProgram []felt.Felt     `json:"sierra_program"`
		Version       string          `json:"contract_class_version"`
		EntryPoints   entryPointsJSON `json:"entry_points_by_type"`
		ABI           string          `json:"abi"`
	}{c.SierraProgram, c.ContractClassVersion, c.EntryPoints.json(), c.ABI})
}

type entryPointJSON struct {
	Selector    string `json:"selector"`
	FunctionIdx int    `json:"function_idx"`
}

type entryPointsJSON struct {
	External    []entryPointJSON `json:"EXTERNAL"`
	L1Handler   []entryPointJSON `json:"L1_HANDLER"`
	Constructor []entryPointJSON `json:"CONSTRUCTOR"`
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

func (e *EntryPoints) decode(data json.RawMessage) error {
	fields, err := jsonStruct(data, 3, "EXTERNAL", "L1_HANDLER", "CONSTRUCTOR")
	if err != nil {
		return refuse(CodeJSON, "entry_points_by_type: %v", err)
	}
	for _, l := range []struct {
		name string
		to   *[]EntryPoint
	}{{"EXTERNAL", &e.External}, {"L1_HANDLER", &e.L1Handler}, {"CONSTRUCTOR", &e.Constructor}} {
		items, err := jsonArray(fields[l.name])
		if err != nil {
			return refuse(CodeJSON, "entry_points_by_type.%s: %v", l.name, err)
		}
		*l.to = make([]EntryPoint, len(items))
		for i, item := range items {
			if err := (*l.to)[i].decode(item); err != nil {
				return refuse(CodeJSON, "entry_points_by_type.%s[%d]: %v", l.name, i, err)
			}
		}
	}
	return nil
}

func (e *EntryPoint) decode(data json.RawMessage) error {
	fields, err := jsonStruct(data, 2, "selector", "function_idx")
	if err != nil {
		return err
	}
	s, err := jsonString(fields["selector"])
	if err != nil {
		return fmt.Errorf("selector: %v", err)
	}
	if e.Selector, e.Wide, err = parseHex(s); err != nil {
		return fmt.Errorf("selector: %v", err)
	}
	if e.FunctionIdx, err = jsonIndex(fields["function_idx"]); err != nil {
		return fmt.Errorf("function_idx: %v", err)
	}
	return nil
}

// decodeFeltList decodes an array of strings by hand, as it is nearly all of a class. data is valid JSON.
func decodeFeltList(data json.RawMessage) ([]felt.Felt, error) {
	if len(data) == 0 || data[0] != '[' {
		return nil, refuse(CodeJSON, "sierra_program: got %s, want an array", clipJSON(data))
	}
	felts := []felt.Felt{}
	for rest := data[1:]; ; {
		rest = bytes.TrimLeft(rest, ", \t\r\n")
		if rest[0] == ']' {
			return felts, nil
		}
		if rest[0] != '"' {
			return nil, refuse(CodeJSON, "sierra_program[%d]: got %s, want a string", len(felts), clipJSON(rest))
		}
		end := stringEnd(rest)
		s := string(rest[1 : end-1])
		if strings.Contains(s, `\`) {
			var err error
			if s, err = jsonString(rest[:end]); err != nil {
				return nil, refuse(CodeJSON, "sierra_program[%d]: %v", len(felts), err)
			}
		}
		f, wide, err := parseHex(s)
		if err != nil {
			return nil, refuse(CodeJSON, "sierra_program[%d]: %v", len(felts), err)
		}
		if wide != nil {
			return nil, refuse(CodeFeltRange, "sierra_program[%d]: %s is not below the field's prime", len(felts), clipJSON([]byte(s)))
		}
		felts = append(felts, f)
		rest = rest[end:]
	}
}

// parseHex parses hexadecimal of any length, as loosely as the official compiler: after 0x there may be a plus sign, and
// underscores after the first digit. wide is the number if it is the field's prime or more, and f its remainder then.
func parseHex(s string) (f felt.Felt, wide *big.Int, err error) {
	if f, err = felt.FromHex(s); err == nil {
		return f, nil, nil
	}
	digits, ok := strings.CutPrefix(s, "0x")
	digits = strings.TrimPrefix(digits, "+")
	if !ok || digits == "" || digits[0] == '_' || strings.Trim(digits, "0123456789abcdefABCDEF_") != "" {
		return f, nil, err
	}
	v, _ := new(big.Int).SetString(strings.ReplaceAll(digits, "_", ""), 16)
	if v.Cmp(bigPrime) >= 0 {
		wide = v
	}
	return felt.FromBigInt(v), wide, nil
}

// decodeABI returns the text that is hashed.
func decodeABI(data json.RawMessage) (string, error) {
	switch {
	case data == nil || string(data) == "null":
		return "", nil
	case data[0] == '"':
		return jsonString(data)
	default:
		return spacedJSON(data), nil
	}
}
