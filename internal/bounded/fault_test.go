package bounded

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestFault checks the text of an error for each kind of fault.
func TestFault(t *testing.T) {
	type outer struct {
		Block  uint64           `json:"block"`
		Signed int64            `json:"signed,string"`
		Name   string           `json:"name"`
		Bytes  []byte           `json:"bytes"`
		Flag   bool             `json:"flag"`
		Rate   float64          `json:"rate"`
		Points []point          `json:"points"`
		Map    map[string]uint8 `json:"map"`
		Inner  *point           `json:"inner"`
	}
	options := json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(List[point]("points", 2, len(`{"x":1,"y":1}`))))
	for text, want := range map[string]string{
		`[]`:                                  `want an object, got a list`,
		`{"block":"1"}`:                       `/block: want an unsigned integer of 64 bits, got a string`,
		`{"block":-1}`:                        `/block: "-1": invalid syntax`,
		`{"block":18446744073709551616}`:      `/block: "18446744073709551616": value out of range`,
		`{"signed":{}}`:                       `/signed: want an integer of 64 bits, got an object`,
		`{"name":1}`:                          `/name: want a string, got a number`,
		`{"bytes":[]}`:                        `/bytes: want a string, got a list`,
		`{"flag":0}`:                          `/flag: want true or false, got a number`,
		`{"rate":true}`:                       `/rate: want a number, got true`,
		`{"points":{}}`:                       `/points: points: want a list, got a JSON {`,
		`{"points":[{}]}`:                     `points 0 takes 2 bytes, at least 13 are needed for a complete one`,
		`{"points":[{"x":1,"y":1},{"x":""}]}`: `/points/1/x: want an integer of 64 bits, got a string`,
		`{"map":{"a\nb":256}}`:                `/map/a\nb: "256": value out of range`,
		`{"map":[]}`:                          `/map: want an object, got a list`,
		`{"inner":[]}`:                        `/inner: want an object, got a list`,
		`{"inner":{"z":1}}`:                   `/inner: unknown object member name "z"`,
		`{"BLOCK":1}`:                         `unknown object member name "BLOCK"`,
		`{"block":1,"block":1}`:               `duplicate object member name "block"`,
		`{`:                                   `unexpected EOF after offset 1`,
	} {
		var into outer
		err := Fault(json.Unmarshal([]byte(text), &into, options))
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if err := Fault(json.Unmarshal([]byte(`{"z":1}`), new(point), json.RejectUnknownMembers(true))); !errors.Is(err, json.ErrUnknownName) {
		t.Errorf("%v is not ErrUnknownName", err)
	}
	long := `{"map":{"` + strings.Repeat("a", 1000) + `":256}}`
	if err := Fault(json.Unmarshal([]byte(long), new(outer))); len(err.Error()) > 200 {
		t.Errorf("a fault of %d bytes", len(err.Error()))
	}
	if Fault(nil) != nil {
		t.Error("a fault without an error")
	}
}
