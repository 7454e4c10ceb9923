package sierra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
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
// point may be the array [selector, index].
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
	fields, err := jsonStruct(data, "sierra_program", "sierra_program_debug_info", "contract_class_version", "entry_points_by_type", "abi")
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
	fields, err := jsonStruct(data, "EXTERNAL", "L1_HANDLER", "CONSTRUCTOR")
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
	fields, err := jsonStruct(data, "selector", "function_idx")
	if err != nil {
		return err
	}
	s, err := jsonString(fields["selector"])
	if err != nil {
		return fmt.Errorf("selector: %v", err)
	}
	if e.Selector, err = felt.FromHex(s); err != nil {
		if !isHex(s) {
			return fmt.Errorf("selector: %v", err)
		}
		e.Wide, _ = new(big.Int).SetString(s[2:], 16)
		e.Selector = felt.FromBigInt(e.Wide)
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
		f, err := felt.FromHex(s)
		if err != nil {
			code := CodeJSON
			if isHex(s) {
				code = CodeFeltRange
			}
			return nil, refuse(code, "sierra_program[%d]: %v", len(felts), err)
		}
		felts = append(felts, f)
		rest = rest[end:]
	}
}

// stringEnd is the length of the JSON string at the head of valid JSON, quotes included.
func stringEnd(data []byte) int {
	end := 1
	for data[end] != '"' {
		if data[end] == '\\' {
			end++
		}
		end++
	}
	return end + 1
}

func isHex(s string) bool {
	digits, ok := strings.CutPrefix(s, "0x")
	return ok && digits != "" && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// checkDebugInfo accepts what the official compiler accepts as debug info, which nothing here uses: null, or an object with
// three lists of (id, name) and perhaps annotations.
func checkDebugInfo(data json.RawMessage) error {
	if data == nil || string(data) == "null" {
		return nil
	}
	lists := []string{"type_names", "libfunc_names", "user_func_names"}
	fields, err := jsonObject(data, append(lists, "annotations", "executables")...)
	if err != nil {
		return err
	}
	for _, name := range lists {
		items, err := jsonArray(fields[name])
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		for i, item := range items {
			pair, err := jsonArray(item)
			if err == nil && len(pair) != 2 {
				err = fmt.Errorf("array of %d items, want [id, name]", len(pair))
			}
			if err == nil {
				_, err = jsonIndex(pair[0])
			}
			if err == nil {
				_, err = jsonString(pair[1])
			}
			if err != nil {
				return fmt.Errorf("%s[%d]: %v", name, i, err)
			}
		}
	}
	return nil
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

// spacedJSON prints valid JSON on one line with ", " and ": " as separators, everything else as it stands.
func spacedJSON(data []byte) string {
	var b strings.Builder
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case ' ', '\t', '\n', '\r':
		case ',', ':':
			b.WriteByte(c)
			b.WriteByte(' ')
		case '"':
			end := i + stringEnd(data[i:])
			b.Write(data[i:end])
			i = end - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// jsonObject splits an object into its raw members, keys compared exactly, refusing a second occurrence of the known ones.
func jsonObject(data []byte, known ...string) (map[string]json.RawMessage, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("missing, want an object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('{') {
		return nil, fmt.Errorf("got %s, want an object", clipJSON(data))
	}
	fields := make(map[string]json.RawMessage)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if _, ok := fields[key]; ok && slices.Contains(known, key) {
			return nil, fmt.Errorf("duplicate key %q", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("data after the object")
	}
	return fields, nil
}

// jsonStruct is jsonObject, or an array of the values of all known keys in order.
func jsonStruct(data []byte, known ...string) (map[string]json.RawMessage, error) {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
		return jsonObject(data, known...)
	}
	items, err := jsonArray(bytes.TrimSpace(data))
	if err != nil {
		return nil, err
	}
	if len(items) != len(known) {
		return nil, fmt.Errorf("array of %d items, want the %d of %s", len(items), len(known), strings.Join(known, ", "))
	}
	fields := make(map[string]json.RawMessage, len(known))
	for i, key := range known {
		fields[key] = items[i]
	}
	return fields, nil
}

func jsonArray(data json.RawMessage) ([]json.RawMessage, error) {
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("missing, want an array")
	case data[0] != '[':
		return nil, fmt.Errorf("got %s, want an array", clipJSON(data))
	}
	var items []json.RawMessage
	err := json.Unmarshal(data, &items)
	return items, err
}

func jsonString(data json.RawMessage) (string, error) {
	switch {
	case len(data) == 0:
		return "", fmt.Errorf("missing, want a string")
	case data[0] != '"':
		return "", fmt.Errorf("got %s, want a string", clipJSON(data))
	}
	var s string
	err := json.Unmarshal(data, &s)
	return s, err
}

// jsonIndex reads a number without sign, fraction or exponent; one that does not fit an int becomes the largest.
func jsonIndex(data json.RawMessage) (int, error) {
	if len(data) == 0 {
		return 0, fmt.Errorf("missing, want a number")
	}
	v, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("got %s, want an unsigned 64-bit integer", clipJSON(data))
	}
	return clampInt(v), nil
}

func clipJSON(data []byte) string {
	const most = 40
	if len(data) == 0 {
		return "nothing"
	}
	if len(data) > most {
		return string(data[:most]) + "…"
	}
	return string(data)
}
