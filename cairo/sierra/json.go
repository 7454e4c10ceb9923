package sierra

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// jsonReader reads JSON in one pass with the rules of the official compiler's decoder: keys are compared exactly, known
// keys occur at most once, null is allowed only where it is listed, and structs may be arrays of their fields.
// encoding/json is laxer and scans every value three times, which took a quarter of a compilation. The data is UTF-8.
type jsonReader struct {
	data  []byte
	pos   int
	depth int // nesting depth at pos
}

// maxJSONDepth bounds the nesting of values, as in encoding/json.
const maxJSONDepth = 10000

// peek skips white space and returns the next character, 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// here returns the start of the remaining data, for error texts.
func (r *jsonReader) here() string {
	r.peek()
	return clipJSON(r.data[r.pos:])
}

// want reads the character c.
func (r *jsonReader) want(c byte) error {
	if r.peek() != c {
		return fmt.Errorf("got %s at offset %d, want %q", r.here(), r.pos, c)
	}
	r.pos++
	return nil
}

// end requires that only white space remains.
func (r *jsonReader) end() error {
	if r.peek() != 0 || r.pos < len(r.data) {
		return fmt.Errorf("got %s at offset %d, want the end", r.here(), r.pos)
	}
	return nil
}

// list reads items separated by commas between two brackets.
func (r *jsonReader) list(open, closing byte, item func(i int) error) error {
	if err := r.want(open); err != nil {
		return err
	}
	if r.depth++; r.depth > maxJSONDepth {
		return fmt.Errorf("values nest deeper than %d at offset %d", maxJSONDepth, r.pos)
	}
	for i := 0; ; i++ {
		if i == 0 && r.peek() == closing {
			break
		}
		if err := item(i); err != nil {
			return err
		}
		if r.peek() != ',' {
			break
		}
		r.pos++
	}
	r.depth--
	return r.want(closing)
}

// array reads an array; item reads each of its items.
func (r *jsonReader) array(item func(i int) error) error {
	if r.peek() != '[' {
		return fmt.Errorf("got %s, want an array", r.here())
	}
	return r.list('[', ']', item)
}

// object reads an object; member reads the value of each key.
func (r *jsonReader) object(member func(key string) error) error {
	if r.peek() != '{' {
		return fmt.Errorf("got %s, want an object", r.here())
	}
	return r.list('{', '}', func(int) error {
		key, err := r.text()
		if err != nil {
			return err
		}
		if err := r.want(':'); err != nil {
			return err
		}
		return member(string(key))
	})
}

// jsonField is a field of a struct; read reads its value.
type jsonField struct {
	name string
	must presence
	read func() error
}

// presence says where a field may be missing.
type presence int

const (
	required  presence = iota
	nullable           // may be missing in an object
	defaulted          // may be missing in an object and at the end of an array
)

// fields reads a struct: an object, whose unknown keys are ignored, or an array of the fields in order.
func (r *jsonReader) fields(fields []jsonField) error {
	if r.peek() == '[' {
		given := 0
		err := r.array(func(i int) error {
			if given++; i >= len(fields) {
				return fmt.Errorf("array of more than %d items", len(fields))
			}
			return fields[i].take()
		})
		if err == nil && given < len(fields) && fields[given].must != defaulted {
			err = fmt.Errorf("array of %d items, want %s as the next", given, fields[given].name)
		}
		return err
	}
	var seen uint
	err := r.object(func(key string) error {
		for i := range fields {
			if fields[i].name != key {
				continue
			}
			if seen&(1<<i) != 0 {
				return fmt.Errorf("duplicate key %q", key)
			}
			seen |= 1 << i
			return fields[i].take()
		}
		return r.skip()
	})
	for i := range fields {
		if err == nil && fields[i].must == required && seen&(1<<i) == 0 {
			err = fmt.Errorf("%s is missing", fields[i].name)
		}
	}
	return err
}

// take reads the field's value. It returns a *ClassError unchanged and prefixes other errors with the field's name.
func (f *jsonField) take() error {
	err := f.read()
	if _, ok := err.(*ClassError); ok || err == nil {
		return err
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

// null reads a null if it comes next.
func (r *jsonReader) null() bool {
	if r.peek() != 'n' {
		return false
	}
	return r.word("null") == nil
}

// word reads null, true or false.
func (r *jsonReader) word(word string) error {
	if !strings.HasPrefix(string(r.data[r.pos:min(len(r.data), r.pos+len(word))]), word) {
		return fmt.Errorf("got %s at offset %d, want a value", r.here(), r.pos)
	}
	r.pos += len(word)
	return nil
}

// text reads a string and returns its content, which may alias the data.
func (r *jsonReader) text() ([]byte, error) {
	literal, escapes, err := r.literal()
	if err != nil || !escapes {
		return literal[min(1, len(literal)) : max(1, len(literal))-1], err
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		return nil, err
	}
	if halfSurrogate(literal) {
		return nil, fmt.Errorf("string with half a surrogate pair")
	}
	return []byte(s), nil
}

// literal reads a string and returns it as written, with its quotes. It checks escapes and reports whether there are any.
func (r *jsonReader) literal() (literal []byte, escapes bool, err error) {
	if r.peek() != '"' {
		return nil, false, fmt.Errorf("got %s, want a string", r.here())
	}
	for i := r.pos + 1; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			literal = r.data[r.pos : i+1]
			r.pos = i + 1
			return literal, escapes, nil
		case c < 0x20:
			return nil, false, fmt.Errorf("control character %#x in a string at offset %d", c, i)
		case c == '\\':
			n := escapeLen(r.data[i+1:])
			if n == 0 {
				return nil, false, fmt.Errorf("unknown escape in a string at offset %d", i)
			}
			escapes = true
			i += n
		}
	}
	return nil, false, fmt.Errorf("string at offset %d does not end", r.pos)
}

// escapeLen returns the number of characters of an escape after its backslash, 0 if it is invalid.
func escapeLen(after []byte) int {
	if len(after) == 0 {
		return 0
	}
	switch after[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(after) < 5 {
			return 0
		}
		if _, err := strconv.ParseUint(string(after[1:5]), 16, 16); err != nil {
			return 0
		}
		return 5
	}
	return 0
}

// number reads a number and returns it as written.
func (r *jsonReader) number() ([]byte, error) {
	c, start := r.peek(), r.pos
	if c == '-' {
		r.pos++
	}
	whole := r.digits()
	ok := whole == 1 || whole > 1 && r.data[r.pos-whole] != '0'
	if ok && r.at('.') {
		r.pos++
		ok = r.digits() > 0
	}
	if ok && (r.at('e') || r.at('E')) {
		if r.pos++; r.at('+') || r.at('-') {
			r.pos++
		}
		ok = r.digits() > 0
	}
	if !ok {
		return nil, fmt.Errorf("got %s, want a number", clipJSON(r.data[start:]))
	}
	return r.data[start:r.pos], nil
}

func (r *jsonReader) at(c byte) bool { return r.pos < len(r.data) && r.data[r.pos] == c }

// digits reads digits and returns their number.
func (r *jsonReader) digits() (n int) {
	for r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9' {
		r.pos++
		n++
	}
	return n
}

// index reads a 64-bit number without sign, fraction or exponent.
func (r *jsonReader) index() (uint64, error) {
	if c := r.peek(); c != '-' && (c < '0' || c > '9') {
		return 0, fmt.Errorf("got %s, want a number", r.here())
	}
	digits, err := r.number()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("got %s, want an unsigned 64-bit integer", clipJSON(digits))
	}
	return v, nil
}

// skip reads and checks any value.
func (r *jsonReader) skip() error {
	switch c := r.peek(); c {
	case '{':
		return r.object(func(string) error { return r.skip() })
	case '[':
		return r.array(func(int) error { return r.skip() })
	case '"':
		_, _, err := r.literal()
		return err
	case 'n':
		return r.word("null")
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	default:
		_, err := r.number()
		return err
	}
}

// raw reads any value and returns it as written.
func (r *jsonReader) raw() ([]byte, error) {
	r.peek()
	start := r.pos
	err := r.skip()
	return r.data[start:r.pos], err
}

// debugInfo reads and drops the debug info that the official compiler accepts: null, or an object with three lists of
// (id, name) and optional annotations and executables.
func (r *jsonReader) debugInfo() error {
	if r.null() {
		return nil
	}
	names := func() error { return r.array(r.nameOf) }
	object := func() error { return r.object(func(string) error { return r.skip() }) }
	return r.fields([]jsonField{
		{"type_names", required, names},
		{"libfunc_names", required, names},
		{"user_func_names", required, names},
		{"annotations", defaulted, object},
		{"executables", defaulted, object},
	})
}

// nameOf reads a pair of id and name.
func (r *jsonReader) nameOf(at int) error {
	given := 0
	err := r.array(func(i int) (err error) {
		switch given++; i {
		case 0:
			_, err = r.index()
		case 1:
			_, err = r.text()
		default:
			err = fmt.Errorf("array of more than 2 items, want [id, name]")
		}
		return err
	})
	if err == nil && given < 2 {
		err = fmt.Errorf("array of %d items, want [id, name]", given)
	}
	if err != nil {
		err = fmt.Errorf("[%d]: %w", at, err)
	}
	return err
}

// SpacedJSON prints valid JSON on one line with the separators ", " and ": ", as Python's json.dumps does.
func SpacedJSON(data []byte) string {
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

// stringEnd returns the length of the JSON string at the start of valid JSON, with its quotes.
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

// halfSurrogate reports whether a valid JSON string has an escaped half of a UTF-16 pair without the other half.
// encoding/json replaces such halves.
func halfSurrogate(data []byte) bool {
	unit := func(i int) uint64 { // returns the value of the escape at i, 0 if there is none
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
