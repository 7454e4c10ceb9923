package bounded

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault rewords an error of the decoder for the author of the JSON text. It names the place of the fault and the JSON that is wanted there,
// not the Go type of the value. It returns other errors unchanged.
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
	case s.Err == json.ErrUnknownName: // an unknown name of this object; an error that wraps ErrUnknownName is about an inner one
		return located(at.Parent(), fmt.Errorf("%w %.100q", json.ErrUnknownName, at.LastToken()))
	case s.Err != nil && len(s.JSONValue) > 0:
		return located(at, fmt.Errorf("%.40q: %w", s.JSONValue, s.Err))
	case s.Err != nil:
		return located(at, s.Err)
	}
	return located(at, fmt.Errorf("want %s, got %s", wanted(s.GoType), found(s.JSONKind)))
}

// Brief rewords an error of the decoder for a client of JSON-RPC. It names the place of the fault and the error of the value's own decoder,
// without the value and the Go type. It returns other errors unchanged.
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

// located adds the place of a fault before err. It clips and quotes the place, because its names are untrusted.
func located(at jsontext.Pointer, err error) error {
	if at == "" {
		return err
	}
	place := strconv.Quote(string(at[:min(len(at), 100)]))
	return fmt.Errorf("%s: %w", place[1:len(place)-1], err)
}

// found returns a phrase for a JSON kind.
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

// wanted returns a phrase for the JSON from which a Go type is decoded.
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
