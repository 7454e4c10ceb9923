// Package bounded reads JSON from strangers with a bound on what it can allocate. It adds to encoding/json/v2, whose rules it keeps
// (names match exactly, no name twice in an object), what a decoder of files needs: lists that end before they outgrow what their
// reader can use, and values that are passed over without being kept.
package bounded

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// List returns an unmarshaler of lists of T, nil for null, with at most `most` elements, each of which takes at least `least` bytes of text. The
// first bound is what the reader can use. The second is the length of the shortest complete element: it keeps the memory of a list
// in proportion to its text, since an empty object is shorter than any element that means something.
func List[T any](what string, most, least int) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(d *jsontext.Decoder, list *[]T) error {
		switch t, err := d.ReadToken(); {
		case err != nil:
			return err
		case t.Kind() == 'n':
			*list = nil
			return nil
		case t.Kind() != '[':
			return fmt.Errorf("%s: want a list, got a JSON %v", what, t.Kind())
		}
		*list = []T{}
		for d.PeekKind() != ']' {
			if len(*list) == most {
				return fmt.Errorf("more than %d %s", most, what)
			}
			before := d.InputOffset()
			var element T
			if err := json.UnmarshalDecode(d, &element); err != nil {
				return err
			}
			if size := d.InputOffset() - before; size < int64(least) {
				return fmt.Errorf("%s %d takes %d bytes, at least %d are needed for a complete one", what, len(*list), size, least)
			}
			if n := len(*list); n == cap(*list) {
				*list = slices.Grow(*list, min(n+1, most-n)) // append alone grows by a quarter, and leaves four times the list behind
			}
			*list = append(*list, element)
		}
		_, err := d.ReadToken()
		return err
	})
}

// maxNames bounds the members of an object in a value that Skip passes over.
const maxNames = 64

// Skip reads the next value, whose objects have at most 64 members each, and keeps nothing of it. (Decoder.SkipValue and ReadValue
// remember every name of an object until it ends, to find one that is there twice.)
func Skip(d *jsontext.Decoder) error {
	for depth := d.StackDepth(); ; {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		if kind, n := d.StackIndex(d.StackDepth()); kind == '{' && n > 2*maxNames {
			return fmt.Errorf("an object of more than %d members", maxNames)
		}
		if d.StackDepth() == depth && t.Kind() != '{' && t.Kind() != '[' {
			return nil
		}
	}
}

// Raw reads the next value as Skip does and returns its text, a part of input, which is what the decoder reads.
func Raw(d *jsontext.Decoder, input []byte, most int) (jsontext.Value, error) {
	d.PeekKind() // moves over white space and the comma or colon before the value; a fault is Skip's to report
	start := d.InputOffset()
	if err := Skip(d); err != nil {
		return nil, err
	}
	value := input[start:d.InputOffset()]
	for len(value) > 0 && (value[0] == ',' || value[0] == ':' || value[0] == ' ' || value[0] == '\t' || value[0] == '\n' || value[0] == '\r') {
		value = value[1:]
	}
	if len(value) > most {
		return nil, fmt.Errorf("a value of %d bytes, at most %d", len(value), most)
	}
	return jsontext.Value(value), nil
}
