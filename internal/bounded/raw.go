package bounded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Object decodes an object into the texts of its members, which the caller decodes later. what is the object's name in an error.
func Object(what string, raw json.RawMessage) (members map[string]json.RawMessage, err error) {
	if err := jsonv2.Unmarshal(raw, &members); errors.Is(err, jsontext.ErrDuplicateName) {
		return members, fmt.Errorf("%s: %w", what, Brief(err))
	} else if err != nil || members == nil {
		return members, fmt.Errorf("%s: want an object, got %s", what, Clip(raw))
	}
	return members, nil
}

// First returns the first elements of a list, at most `most` of them, and whether the list has more.
func First(raw json.RawMessage, most int) (values []json.RawMessage, more bool, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if t, err := d.ReadToken(); err != nil {
		return nil, false, err
	} else if t.Kind() != '[' {
		return nil, false, fmt.Errorf("want a list, got %s", Clip(raw))
	}
	for d.PeekKind() != ']' {
		if len(values) == most {
			return values, true, nil
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil, false, err
		}
		values = append(values, json.RawMessage(value.Clone()))
	}
	return values, false, nil
}

// IsNull reports whether a JSON value is null.
func IsNull(raw json.RawMessage) bool { return bytes.Equal(raw, []byte("null")) }

// Clip shortens untrusted text to 60 bytes for an error message.
func Clip(b []byte) string {
	const most = 60
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
