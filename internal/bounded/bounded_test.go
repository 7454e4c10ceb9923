package bounded

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// TestList checks lists at both bounds, and malformed ones.
func TestList(t *testing.T) {
	options := json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(List[point]("points", 3, len(`{"x":1,"y":1}`))))
	for text, want := range map[string]string{
		`[]`:              "",
		`[{"x":1,"y":1}]`: "",
		`[{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1}]`:               "",
		`[{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1},{"x":1,"y":1}]`: "more than 3 points",
		`[{}]`:                        "points 0 takes 2 bytes, at least 13",
		`[{"x":1,"y":1},{"x":12345}]`: "points 1 takes 12 bytes",
		`[{"x":1,"y":1,"x":2}]`:       "duplicate",
		`[{"X":1,"y":1}]`:             "unknown",
		`null`:                        "",
		`{}`:                          "want a list",
		`[{"x":1,"y":1}`:              "unexpected EOF",
		`[{"x":1,"y":1}] `:            "",
		`[{"x":1,"y":1}]]`:            "after top-level value",
	} {
		var list []point
		err := json.Unmarshal([]byte(text), &list, options)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestRaw checks the text of values at the bounds of length and of members.
func TestRaw(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("a", i) + `":1`)
		}
		return "{" + b.String()[1:] + "}"
	}
	for value, good := range map[string]bool{
		`1`: true, `"a b"`: true, `[]`: true, `{}`: true, `[[{"a":[1,{"b":2}]},3]]`: true, `null`: true,
		many(maxNames): true, many(maxNames + 1): false, `{"a":1,"a":2}`: false, `[{"a":1,"a":2}]`: false, `[`: false, `"a`: false,
	} {
		for _, around := range [][2]string{{`{"v":`, `,"w":7}`}, {`{ "v" : `, ` , "w":7}`}, {`{"v":`, `}`}} {
			input := []byte(around[0] + value + around[1])
			d := jsontext.NewDecoder(bytes.NewBuffer(input))
			d.ReadToken()
			d.ReadToken()
			got, err := Raw(d, input, len(value))
			if (err == nil) != good {
				t.Fatalf("%.80s: %v", input, err)
			}
			if !good {
				continue
			}
			if string(got) != value {
				t.Errorf("%.80s: got %.80s", input, got)
			}
			for err == nil {
				_, err = d.ReadToken()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%.80s: the rest: %v", input, err)
			}
			d = jsontext.NewDecoder(bytes.NewBuffer(input))
			d.ReadToken()
			d.ReadToken()
			if _, err := Raw(d, input, len(value)-1); err == nil {
				t.Errorf("%.80s: accepted above the bound", input)
			}
		}
	}
}
