package sierra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// JSON read as the official compiler's decoder does: keys compared exactly, known keys at most once, null only where it is
// spelled out, structs also as arrays of their fields. encoding/json by itself is laxer.

// checkDebugInfo accepts what the official compiler accepts as debug info, which nothing here uses: null, or an object with
// three lists of (id, name), and perhaps annotations and executables.
func checkDebugInfo(data json.RawMessage) error {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	keys := []string{"type_names", "libfunc_names", "user_func_names", "annotations", "executables"}
	lists, optional := keys[:3], keys[3:]
	fields, err := jsonStruct(data, len(lists), keys...)
	if err != nil {
		return err
	}
	for _, name := range lists {
		items, err := jsonArray(fields[name])
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		for i, item := range items {
			if err := checkNameOf(item); err != nil {
				return fmt.Errorf("%s[%d]: %v", name, i, err)
			}
		}
	}
	for _, name := range optional {
		if fields[name] == nil {
			continue
		}
		if _, err := jsonObject(fields[name]); err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	return nil
}

// checkNameOf requires the pair of an id and a name.
func checkNameOf(data json.RawMessage) error {
	pair, err := jsonArray(data)
	if err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("array of %d items, want [id, name]", len(pair))
	}
	if _, err := jsonIndex(pair[0]); err != nil {
		return err
	}
	_, err = jsonString(pair[1])
	return err
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

// jsonStruct is jsonObject, or an array of the values of the known keys in order, of which the first least are required.
func jsonStruct(data []byte, least int, known ...string) (map[string]json.RawMessage, error) {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '[' {
		return jsonObject(data, known...)
	}
	items, err := jsonArray(bytes.TrimSpace(data))
	if err != nil {
		return nil, err
	}
	if len(items) < least || len(items) > len(known) {
		return nil, fmt.Errorf("array of %d items, want the %d of %s", len(items), len(known), strings.Join(known, ", "))
	}
	fields := make(map[string]json.RawMessage, len(known))
	for i, item := range items {
		fields[known[i]] = item
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
	if err := json.Unmarshal(data, &s); err != nil {
		return "", err
	}
	if halfSurrogate(data) {
		return "", fmt.Errorf("string with half a surrogate pair")
	}
	return s, nil
}

// halfSurrogate reports whether a valid JSON string has an escaped half of a UTF-16 pair without the other half, which
// encoding/json replaces.
func halfSurrogate(data []byte) bool {
	unit := func(i int) uint64 { // of the escape at i, 0 if there is none
		if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
			return 0
		}
		v, _ := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
		return v
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		switch v := unit(i); {
		case v>>10 == 0xd800>>10:
			if unit(i+6)>>10 != 0xdc00>>10 {
				return true
			}
			i += 11
		case v>>10 == 0xdc00>>10:
			return true
		default:
			i++ // the escaped character
		}
	}
	return false
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
