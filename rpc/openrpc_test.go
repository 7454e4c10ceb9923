package rpc

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"

	"github.com/starkd/starkd/rpc/jsonrpc"
)

// openRPC is one version of the specification: its documents by file name, and the methods of all documents.
type openRPC struct {
	t         testing.TB
	documents map[string]map[string]any
	methods   map[string]openRPCMethod
	patterns  map[string]*regexp.Regexp
}

type openRPCMethod struct {
	document string
	params   []map[string]any
	result   any
	errors   []any
}

func loadOpenRPC(t testing.TB, version string) *openRPC {
	t.Helper()
	dir := golden.Corpus(t, "rpc-spec", version)
	o := &openRPC{t: t, documents: map[string]map[string]any{}, methods: map[string]openRPCMethod{}, patterns: map[string]*regexp.Regexp{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents in %s: %v", dir, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(b, &document); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := filepath.Base(file)
		o.documents[name] = document
		methods, _ := document["methods"].([]any)
		for _, m := range methods {
			m := m.(map[string]any)
			method := openRPCMethod{document: name}
			if result, ok := m["result"].(map[string]any); ok {
				method.result = result["schema"]
			}
			for _, p := range m["params"].([]any) {
				method.params = append(method.params, p.(map[string]any))
			}
			method.errors, _ = m["errors"].([]any)
			o.methods[m["name"].(string)] = method
		}
	}
	// The specification requires the offsets of a hint from ap and fp to be non-negative, but the official compiler's can be negative.
	_, offset := o.resolve("starknet_executables.json", "#/components/schemas/CellRef/properties/offset")
	delete(offset.(map[string]any), "minimum")
	return o
}

// resolve follows a $ref from a document.
func (o *openRPC) resolve(document, ref string) (string, any) {
	o.t.Helper()
	file, pointer, _ := strings.Cut(ref, "#/")
	if file != "" {
		document = filepath.Base(file)
	}
	var node any = o.documents[document]
	for _, key := range strings.Split(pointer, "/") {
		m, ok := node.(map[string]any)
		if !ok || m[key] == nil {
			o.t.Fatalf("%s: no %s", document, ref)
		}
		node = m[key]
	}
	return document, node
}

// result checks the result of a method and returns its violations of the schema, each with a path.
func (o *openRPC) result(method string, raw json.RawMessage) []string {
	o.t.Helper()
	m, ok := o.methods[method]
	if !ok {
		o.t.Fatalf("no method %s in the specification", method)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return []string{err.Error()}
	}
	return o.value(m.document, m.result, value, "$")
}

// error checks that an error is one of the method's, with the code and message of the specification, and returns the fault or "".
func (o *openRPC) error(method string, e *jsonrpc.Error) string {
	o.t.Helper()
	m := o.methods[method]
	for _, ref := range m.errors {
		_, node := o.resolve(m.document, ref.(map[string]any)["$ref"].(string))
		spec := node.(map[string]any)
		if spec["code"] == float64(e.Code) {
			if spec["message"] != e.Message {
				return fmt.Sprintf("message %q, want %q", e.Message, spec["message"])
			}
			return ""
		}
	}
	return fmt.Sprintf("error %d is not one of the method's", e.Code)
}

// value checks a value with everything inside it, and that objects have no members that the schema does not have.
func (o *openRPC) value(document string, schema, value any, path string) []string {
	faults, seen := o.node(document, schema, value, path)
	if object, ok := value.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !seen[name] {
				faults = append(faults, fmt.Sprintf("%s.%s: not in the schema", path, name))
			}
		}
	}
	return faults
}

// node checks a value against one schema node. seen are the members of an object that the node has.
//
// oneOf is taken as "at least one": a confirmed block also matches the schema of a pre-confirmed one, so "exactly one" would
// reject every block.
func (o *openRPC) node(document string, schema, value any, path string) (faults []string, seen map[string]bool) {
	o.t.Helper()
	seen = map[string]bool{}
	s, ok := schema.(map[string]any)
	if !ok {
		o.t.Fatalf("%s: schema is %T", path, schema)
	}
	fault := func(format string, args ...any) { faults = append(faults, path+": "+fmt.Sprintf(format, args...)) }
	include := func(f []string, members map[string]bool) {
		faults = append(faults, f...)
		maps.Copy(seen, members)
	}
	for _, keyword := range slices.Sorted(maps.Keys(s)) {
		arg := s[keyword]
		switch keyword {
		case "title", "description", "summary", "name", "$comment", "default", "example", "examples":
		case "$ref":
			doc, node := o.resolve(document, arg.(string))
			include(o.node(doc, node, value, path))
		case "schema": // a node that the specification wraps by mistake
			include(o.node(document, arg, value, path))
		case "allOf":
			for _, sub := range arg.([]any) {
				include(o.node(document, sub, value, path))
			}
		case "oneOf", "anyOf":
			var reasons []string
			matched := false
			for _, sub := range arg.([]any) {
				f, members := o.node(document, sub, value, path)
				if len(f) == 0 {
					matched = true
					maps.Copy(seen, members)
				}
				reasons = append(reasons, strings.Join(f, ", "))
			}
			if !matched {
				fault("none of %d alternatives: %s", len(reasons), strings.Join(reasons, " | "))
			}
		case "not":
			if f, _ := o.node(document, arg, value, path); len(f) == 0 {
				fault("matches what it must not")
			}
		case "type":
			if !hasType(arg.(string), value) {
				fault("%T, want %s", value, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				fault("%v is not among %v", value, arg)
			}
		case "pattern":
			if text, ok := value.(string); ok && !o.pattern(arg.(string)).MatchString(text) {
				fault("%q does not match %s", text, arg)
			}
		case "minimum":
			if n, ok := value.(float64); ok && n < arg.(float64) {
				fault("%v is below %v", n, arg)
			}
		case "minItems":
			if list, ok := value.([]any); ok && float64(len(list)) < arg.(float64) {
				fault("%d items, at least %v", len(list), arg)
			}
		case "maxItems":
			if list, ok := value.([]any); ok && float64(len(list)) > arg.(float64) {
				fault("%d items, at most %v", len(list), arg)
			}
		case "items":
			list, _ := value.([]any)
			for i, item := range list {
				faults = append(faults, o.value(document, arg, item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		case "properties":
			object, _ := value.(map[string]any)
			for name, sub := range arg.(map[string]any) {
				seen[name] = true
				if member, ok := object[name]; ok {
					faults = append(faults, o.value(document, sub, member, path+"."+name)...)
				}
			}
		case "required":
			object, _ := value.(map[string]any)
			names, ok := arg.([]any)
			if !ok { // a single name, where the specification lacks the brackets
				names = []any{arg}
			}
			for _, name := range names {
				if _, ok := object[name.(string)]; !ok {
					fault("no %s", name)
				}
			}
		case "additionalProperties":
			if arg != false {
				o.t.Fatalf("%s: additionalProperties %v", path, arg)
			}
			object, _ := value.(map[string]any)
			for name := range object {
				if _, ok := s["properties"].(map[string]any)[name]; !ok {
					fault("additional member %s", name)
				}
			}
		default:
			o.t.Fatalf("%s: schema keyword %q is not supported", path, keyword)
		}
	}
	return faults, seen
}

func (o *openRPC) pattern(p string) *regexp.Regexp {
	if o.patterns[p] == nil {
		o.patterns[p] = regexp.MustCompile(p)
	}
	return o.patterns[p]
}

func hasType(want string, value any) bool {
	switch v := value.(type) {
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return want == "null"
}

// TestSchemaCheck checks that the schema check finds violations.
func TestSchemaCheck(t *testing.T) {
	o := loadOpenRPC(t, "v0.10.2")
	for _, c := range []struct{ method, result, want string }{
		{"starknet_getNonce", `"0x1"`, ""},
		{"starknet_getNonce", `"0x01"`, "does not match"},
		{"starknet_getNonce", `1`, "want string"},
		{"starknet_blockNumber", `-1`, "below"},
		{"starknet_blockNumber", `1.5`, "want integer"},
		{"starknet_blockHashAndNumber", `{"block_hash":"0x1"}`, "no block_number"},
		{"starknet_blockHashAndNumber", `{"block_hash":"0x1","block_number":1,"x":1}`, "x: not in the schema"},
		{"starknet_getTransactionStatus", `{"finality_status":"DONE"}`, "not among"},
		{"starknet_getEvents", `{"events":[{"from_address":"0x1","keys":[],"data":[],"transaction_hash":"0x1","transaction_index":0}]}`, "no event_index"},
		{"starknet_getStateUpdate", `{"state_diff":{}}`, "alternatives"},
	} {
		faults := strings.Join(o.result(c.method, json.RawMessage(c.result)), "; ")
		if c.want == "" && faults != "" || !strings.Contains(faults, c.want) {
			t.Errorf("%s %s: %q, want %q", c.method, c.result, faults, c.want)
		}
	}
}
