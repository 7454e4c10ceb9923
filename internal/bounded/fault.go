package bounded

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault rewords an error of the decoder for the author of the text: where the fault is and what belongs there, instead of the Go type that
// the value was read into. Other errors are returned as they are.
func Fault(err error) error {
	s, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return err
	}
	if inner, ok := errors.AsType[*json.SemanticError](s.Err); ok {
		return Fault(inner)
	}
	at := s.JSONPointer
	switch {
	case s.Err == json.ErrUnknownName: // of this object; in an error that wraps it, of one within
		return located(at.Parent(), fmt.Errorf("%w %.100q", json.ErrUnknownName, at.LastToken()))
	case s.Err != nil && len(s.JSONValue) > 0:
		return located(at, fmt.Errorf("%.40q: %w", s.JSONValue, s.Err))
	case s.Err != nil:
		return located(at, s.Err)
	}
	return located(at, fmt.Errorf("want %s, got %s", wanted(s.GoType), found(s.JSONKind)))
}

// Brief rewords an error of the decoder for a client of JSON-RPC: where the fault is, and what the value's own decoder says of it, without
// the value and without the Go type. Other errors are returned as they are.
func Brief(err error) error {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		switch at := string(s.JSONPointer); {
		case s.Err != nil && at != "":
			return fmt.Errorf("%s: %w", Clip([]byte(at)), s.Err)
		case s.Err != nil:
			return s.Err
		default:
			return fmt.Errorf("a JSON %v does not belong here", s.JSONKind)
		}
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok && s.Err != nil {
		return fmt.Errorf("%s: %w", Clip([]byte(s.JSONPointer)), s.Err)
	}
	return err
}

// located puts the place of a fault before it. Names in it are a stranger's.
func located(at jsontext.Pointer, err error) error {
	if at == "" {
		return err
	}
	place := strconv.Quote(string(at[:min(len(at), 100)]))
	return fmt.Errorf("%s: %w", place[1:len(place)-1], err)
}

func found(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	}
	return kind.String() // null, true, false
}

// wanted says what JSON a Go type is read from.
func wanted(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string"
		}
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("an unsigned integer of %d bits", t.Bits())
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "another value"
}
