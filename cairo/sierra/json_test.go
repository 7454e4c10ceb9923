package sierra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/starkd/starkd/internal/golden"
)

// FuzzJSON checks that the reader accepts exactly what encoding/json accepts.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `null`, ` {"a" : [1, -0.5e+3, true, false, "\u00e9\n\"\\"] , "b":{"c":[[]]}} `, `"\ud83d\ude00"`, `"\ud83d"`,
		``, ` `, `[1,]`, `[,1]`, `{"a":1,}`, `{"a"}`, `{1:2}`, `{"a":1 "b":2}`, `[1 2]`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `nul`, `nullx`, `tru`,
		"\"\x01\"", `"\x"`, `"\u12g4"`, `"\u12"`, `"`, `"\`, `[`, `{"a":`, `1 1`, "\xef\xbb\xbf1", "[\v1]", `[[[[[[[[`, `NaN`, `'a'`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return // rejected before the reader runs
		}
		r := &jsonReader{data: data}
		err := r.skip()
		if err == nil {
			err = r.end()
		}
		if valid := json.Valid(data); valid != (err == nil) {
			t.Fatalf("encoding/json says %v, the reader %v", valid, err)
		}
		if r := (&jsonReader{data: data}); r.peek() == '"' && err == nil {
			var want string
			got, err := r.text()
			if json.Unmarshal(data, &want); err == nil && string(got) != want {
				t.Fatalf("encoding/json reads %q, the reader %q", want, got)
			}
		}
	})
}

// TestDifferentialJSON writes a class in many valid and invalid forms and compares with the official compiler, whose path
// is in STARKD_SIERRA_COMPILE, which forms are accepted.
func TestDifferentialJSON(t *testing.T) {
	compiler := os.Getenv("STARKD_SIERRA_COMPILE")
	if compiler == "" {
		t.Skip("set STARKD_SIERRA_COMPILE to the path of starknet-sierra-compile")
	}
	data, err := os.ReadFile(golden.Corpus(t, "sierra-casm", "hello_starknet__hello_starknet.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	class := compact.String()
	var fields struct {
		Program json.RawMessage `json:"sierra_program"`
		Debug   json.RawMessage `json:"sierra_program_debug_info"`
		Entries json.RawMessage `json:"entry_points_by_type"`
		ABI     json.RawMessage `json:"abi"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	var points struct {
		External []struct {
			Selector string
			Index    int `json:"function_idx"`
		} `json:"EXTERNAL"`
	}
	if err := json.Unmarshal(fields.Entries, &points); err != nil {
		t.Fatal(err)
	}
	var compactEntries, compactDebug bytes.Buffer
	_, _ = json.Compact(&compactEntries, fields.Entries), json.Compact(&compactDebug, fields.Debug)
	first := points.External[0]
	point := fmt.Sprintf(`{"selector":"%s","function_idx":%d}`, first.Selector, first.Index)
	debug, program := compactDebug.String(), `"sierra_program":["0x1",`
	array := func(parts ...string) string { return "[" + strings.Join(parts, ",") + "]" }
	change := func(from, to string) string {
		if !strings.Contains(class, from) {
			t.Fatalf("the class has no %.60s", from)
		}
		return strings.Replace(class, from, to, 1)
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	index := func(s string) string {
		return change(point, fmt.Sprintf(`{"selector":"%s","function_idx":%s}`, first.Selector, s))
	}
	variants := map[string]string{
		"as it is":                    class,
		"white space":                 " \t\r\n" + strings.ReplaceAll(class, ",", " ,\n\t"),
		"array":                       array(string(fields.Program), "null", `"0.1.0"`, string(fields.Entries), "null"),
		"array with debug info":       array(string(fields.Program), debug, `"0.1.0"`, string(fields.Entries), string(fields.ABI)),
		"short array":                 array(string(fields.Program), "null", `"0.1.0"`, string(fields.Entries)),
		"long array":                  array(string(fields.Program), "null", `"0.1.0"`, string(fields.Entries), "null", "null"),
		"trailing comma":              class[:len(class)-1] + ",}",
		"data behind":                 class + "x",
		"object behind":               class + "{}",
		"byte order mark":             "\xef\xbb\xbf" + class,
		"not closed":                  class[:len(class)-1],
		"unknown key":                 `{"more":{"a":[1,-2.5e3,null,true]},` + class[1:],
		"unknown key twice":           `{"more":1,"more":2,` + class[1:],
		"unknown key, bad number":     `{"more":01,` + class[1:],
		"unknown key, bad escape":     `{"more":"\q",` + class[1:],
		"unknown key, half surrogate": `{"more":"\ud800",` + class[1:],
		"unknown key, deep":           `{"more":` + deep(100) + "," + class[1:],
		"unknown key, deeper":         `{"more":` + deep(1000) + "," + class[1:],
		"key twice":                   `{"contract_class_version":"0.1.0",` + class[1:],
		"null key twice":              `{"sierra_program_debug_info":null,` + class[1:],
		"key in upper case":           change(`"contract_class_version"`, `"Contract_class_version"`),
		"escaped key":                 change(`"contract_class_version"`, `"\u0063ontract_class_version"`),
		"no version":                  change(`"contract_class_version":"0.1.0",`, ""),
		"version null":                change(`"contract_class_version":"0.1.0"`, `"contract_class_version":null`),
		"version a number":            change(`"contract_class_version":"0.1.0"`, `"contract_class_version":1`),
		"other version":               change(`"contract_class_version":"0.1.0"`, `"contract_class_version":"9"`),
		"no debug info":               change(`"sierra_program_debug_info":`+debug+",", ""),
		"debug info null":             change(debug, "null"),
		"debug info a number":         change(debug, "1"),
		"debug info empty":            change(debug, "{}"),
		"debug info an array":         change(debug, "[[],[],[]]"),
		"debug info a long array":     change(debug, "[[],[],[],{},{}]"),
		"debug info too long":         change(debug, "[[],[],[],{},{},{}]"),
		"debug info too short":        change(debug, "[[],[]]"),
		"debug name of three":         change(debug, `[[[0,"a",1]],[],[]]`),
		"debug name of one":           change(debug, `[[[0]],[],[]]`),
		"debug name":                  change(debug, `[[[0,"a"]],[],[]]`),
		"debug name, number a string": change(debug, `[[["0","a"]],[],[]]`),
		"debug name, half surrogate":  change(debug, `[[[0,"\udc00"]],[],[]]`),
		"debug name, whole surrogate": change(debug, `[[[0,"\ud83d\ude00"]],[],[]]`),
		"annotations null":            change(debug, `{"type_names":[],"libfunc_names":[],"user_func_names":[],"annotations":null}`),
		"annotations":                 change(debug, `{"type_names":[],"libfunc_names":[],"user_func_names":[],"annotations":{"a":[1]}}`),
		"annotations twice":           change(debug, `{"type_names":[],"libfunc_names":[],"user_func_names":[],"annotations":{},"annotations":{}}`),
		"executables an array":        change(debug, `{"type_names":[],"libfunc_names":[],"user_func_names":[],"executables":[]}`),
		"felt with leading zeros":     change(program, `"sierra_program":["0x0001",`),
		"felt with a plus":            change(program, `"sierra_program":["0x+1",`),
		"felt with an underscore":     change(program, `"sierra_program":["0x1_",`),
		"felt with two pluses":        change(program, `"sierra_program":["0x++1",`),
		"felt without digits":         change(program, `"sierra_program":["0x",`),
		"felt without prefix":         change(program, `"sierra_program":["1",`),
		"felt with prefix 0X":         change(program, `"sierra_program":["0X1",`),
		"felt negative":               change(program, `"sierra_program":["-0x1",`),
		"felt with a space":           change(program, `"sierra_program":["0x1 ",`),
		"felt escaped":                change(program, `"sierra_program":["0\u00781",`),
		"felt a number":               change(program, `"sierra_program":[1,`),
		"felt null":                   change(program, `"sierra_program":[null,`),
		"felt very long":              change(program, `"sierra_program":["0x`+strings.Repeat("0", 200)+`1",`),
		"felt of the prime":           change(program, `"sierra_program":["0x800000000000011000000000000000000000000000000000000000000000001",`),
		"entry point an array":        change(point, fmt.Sprintf(`["%s",%d]`, first.Selector, first.Index)),
		"entry point a long array":    change(point, fmt.Sprintf(`["%s",%d,0]`, first.Selector, first.Index)),
		"entry point, more keys":      change(point, point[:len(point)-1]+`,"x":null}`),
		"entry point, key twice":      change(point, point[:len(point)-1]+fmt.Sprintf(`,"function_idx":%d}`, first.Index)),
		"entry point null":            change(point, "null"),
		"index with a fraction":       index(fmt.Sprintf("%d.0", first.Index)),
		"index with an exponent":      index(fmt.Sprintf("%de0", first.Index)),
		"index with a zero":           index(fmt.Sprintf("0%d", first.Index)),
		"index -0":                    index("-0"),
		"index a string":              index(`"0"`),
		"index of 65 bits":            index("18446744073709551616"),
		"entries an array":            strings.Replace(class, compactEntries.String(), entriesAsArray(t, fields.Entries), 1),
		"no L1 handlers":              change(`"L1_HANDLER":[],`, ""),
		"L1 handlers null":            change(`"L1_HANDLER":[]`, `"L1_HANDLER":null`),
		"L1 handlers an object":       change(`"L1_HANDLER":[]`, `"L1_HANDLER":{}`),
		"control character":           change(`"0.1.0"`, "\"0.1.0\n\""),
		"delete character":            change(`"0.1.0"`, "\"0.1.0\x7f\""),
		"not UTF-8":                   change(`"0.1.0"`, "\"0.1.0\xff\""),
	}
	accepted := 0
	for name, text := range variants {
		c, ours := DecodeClass([]byte(text))
		if ours == nil {
			_, ours = c.Validate()
		}
		file := filepath.Join(t.TempDir(), "class.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, theirs := exec.CommandContext(t.Context(), compiler, file, os.DevNull).CombinedOutput()
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%s: we say %v, they say %v %s", name, ours, theirs, bytes.TrimSpace(out))
		}
		if theirs == nil {
			accepted++
		}
	}
	t.Logf("%d variants accepted, %d rejected by both", accepted, len(variants)-accepted)
}

func entriesAsArray(t *testing.T, entries json.RawMessage) string {
	t.Helper()
	var lists struct {
		External    json.RawMessage `json:"EXTERNAL"`
		L1Handler   json.RawMessage `json:"L1_HANDLER"`
		Constructor json.RawMessage `json:"CONSTRUCTOR"`
	}
	if err := json.Unmarshal(entries, &lists); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[%s,%s,%s]", lists.External, lists.L1Handler, lists.Constructor)
}
