package jsonrpc

import (
	"encoding/json"
	"fmt"
)

// Error is an error object as the client sees it. errors.Is compares errors by code only.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *Error) Error() string {
	if e.Data == nil {
		return fmt.Sprintf("rpc: %s (%d)", e.Message, e.Code)
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		data = fmt.Append(nil, e.Data)
	}
	return fmt.Sprintf("rpc: %s (%d): %s", e.Message, e.Code, data)
}

// Is reports whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns a copy of e with data, which gives details.
func (e *Error) With(data any) *Error { return &Error{Code: e.Code, Message: e.Message, Data: data} }

// The errors of JSON-RPC itself that methods also return.
var (
	ErrInvalidParams = &Error{Code: -32602, Message: "Invalid params"}
	ErrLimit         = &Error{Code: -32005, Message: "Limit exceeded"} // EIP-1474
)

var (
	errParse          = &Error{Code: -32700, Message: "Parse error"}
	errInvalidRequest = &Error{Code: -32600, Message: "Invalid Request"}
	errMethodNotFound = &Error{Code: -32601, Message: "Method not found"}
	errInternal       = &Error{Code: -32603, Message: "Internal error"}
)
