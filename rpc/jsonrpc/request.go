package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/internal/bounded"
)

// JSON-RPC 2.0 (jsonrpc.org/specification). Requests are read by the rules of encoding/json/v2: member names match exactly, duplicate
// names are rejected, and nothing may follow the value. As JSON-RPC allows, unknown members are ignored.

// request is a request object. Without an id it is a notification, which gets no response.
type request struct {
	ID     json.RawMessage // a string, a number or null; nil for a notification
	Method string
	Params json.RawMessage // object, array, or nil
}

// response is a response object. It has either Result or Err.
type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Err     *Error          `json:"error,omitempty"`
}

func newResponse(id json.RawMessage, result any, err *Error) *response {
	return &response{"2.0", id, result, err}
}

var nullID = json.RawMessage("null")

// parseRequests decodes a body with one request or a batch. err is errParse or errInvalidRequest for the whole body; errs has an error
// for each invalid request, else nil.
func parseRequests(body []byte, maxBatch int) (reqs []request, errs []*Error, batch bool, err *Error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '[' {
		if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) { // parseRequest rejects duplicate names
			return nil, nil, false, errParse
		}
		req, err := parseRequest(body)
		return []request{req}, []*Error{err}, false, nil
	}
	// A batch is read element by element, so that a batch with too many requests is rejected before all of them are allocated.
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return nil, nil, true, errParse
	}
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return nil, nil, true, errParse
		}
		raw := json.RawMessage(value.Clone())
		if len(reqs) == maxBatch {
			return nil, nil, true, errInvalidRequest.With(fmt.Sprintf("batch of more than %d requests", maxBatch))
		}
		req, fault := parseRequest(raw)
		reqs, errs = append(reqs, req), append(errs, fault)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, nil, true, errParse
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, nil, true, errParse
	}
	if len(reqs) == 0 {
		return nil, nil, true, errInvalidRequest.With("empty batch")
	}
	return reqs, errs, true, nil
}

// Bounds of a request's shape. Small values take many times the size of their text in memory, and the names of an object are kept to
// find duplicates. The largest class has a tenth of maxValues.
const (
	maxMembers = 64      // members of an object
	maxValues  = 1 << 20 // lists, objects, numbers and literals in a request
)

// checkShape rejects a request that exceeds these bounds, before its values are allocated.
func checkShape(raw json.RawMessage) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	for values := 0; ; {
		t, err := d.ReadToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if k := t.Kind(); k != '"' && k != '}' && k != ']' {
			values++
		}
		if values > maxValues {
			return fmt.Errorf("more than %d lists, objects, numbers and literals", maxValues)
		}
		if kind, n := d.StackIndex(d.StackDepth()); kind == '{' && n > 2*maxMembers {
			return fmt.Errorf("an object of more than %d members", maxMembers)
		}
	}
}

// parseRequest decodes one request object.
func parseRequest(raw json.RawMessage) (request, *Error) {
	var j struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	if err := checkShape(raw); err != nil {
		return request{ID: nullID}, errInvalidRequest.With(err.Error())
	}
	if err := jsonv2.Unmarshal(raw, &j); err != nil {
		return request{ID: nullID}, errInvalidRequest.With(bounded.Brief(err).Error())
	}
	req := request{ID: j.ID, Params: j.Params}
	if len(j.ID) > 0 && (j.ID[0] == '{' || j.ID[0] == '[' || j.ID[0] == 't' || j.ID[0] == 'f') {
		return request{ID: nullID}, errInvalidRequest.With("id is neither a string nor a number")
	}
	const maxID = 1000
	if len(j.ID) > maxID {
		return request{ID: nullID}, errInvalidRequest.With(fmt.Sprintf("id of %d bytes, at most %d", len(j.ID), maxID))
	}
	invalid := func(reason string) (request, *Error) {
		if req.ID == nil {
			req.ID = nullID
		}
		return req, errInvalidRequest.With(reason)
	}
	if j.Version != "2.0" {
		return invalid(`jsonrpc is not "2.0"`)
	}
	if j.Method == nil {
		return invalid("method is missing")
	}
	req.Method = *j.Method
	if bounded.IsNull(req.Params) {
		req.Params = nil
	}
	if len(req.Params) > 0 && req.Params[0] != '{' && req.Params[0] != '[' {
		return invalid("params are neither an object nor an array")
	}
	return req, nil
}

// parseParams returns parameters by name. It ignores positions after the last name; methods ignore unknown names.
func parseParams(raw json.RawMessage, names []string) (map[string]json.RawMessage, error) {
	if len(raw) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if raw[0] == '{' {
		return bounded.Object("params", raw)
	}
	params := make(map[string]json.RawMessage, len(names))
	values, _, err := bounded.First(raw, len(names))
	if err != nil {
		return nil, bounded.Brief(err)
	}
	for i := range values {
		params[names[i]] = values[i]
	}
	return params, nil
}

// Marshal encodes v like json.Marshal but does not escape angle brackets and ampersands, which are frequent in ABIs.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
