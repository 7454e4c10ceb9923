// Package bounded reads untrusted JSON with a bound on its allocations. It keeps the rules of encoding/json/v2 (names match exactly, and an
// object has no name twice) and adds lists of bounded length and a way to skip values without storing them.
package bounded

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// List returns an unmarshaler of lists of T that returns an error for more than `most` elements and for elements with fewer than `least` bytes of
// text. null is decoded to nil. most is the number of elements that the caller can use. least is the length of the shortest complete
// element. It keeps the memory of a list in proportion to its text, because {} is shorter than any complete element.
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
				*list = slices.Grow(*list, min(n+1, most-n)) // append would grow a large list by a quarter, and the old copies would have four times its size
			}
			*list = append(*list, element)
		}
		_, err := d.ReadToken()
		return err
	})
}

// maxNames bounds the members of an object in a value that is skipped.
const maxNames = 64

// Skip reads the next value and discards it. It returns an error if an object in it has more than 64 members, because the decoder keeps the
// names of an object in memory until its end, to find duplicates.
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

// Raw reads the next value like Skip and returns its text, which has at most `most` bytes. input is the text that the decoder reads; the result
// is a part of it.
func Raw(d *jsontext.Decoder, input []byte, most int) (jsontext.Value, error) {
	d.PeekKind() // skips white space before the value; Skip reports an error
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
