package jsonrpc

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// testTable has two methods without parameters.
var testTable = Table{
	"number": {Run: func(*Call) (any, error) { return 4, nil }},
	"flag":   {Run: func(*Call) (any, error) { return false, nil }},
}

// post sends a body and returns the status and the answer.
func post(h http.Handler, body string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// TestJSONRPC checks the answers to the examples of the JSON-RPC specification and to other valid and invalid requests.
func TestJSONRPC(t *testing.T) {
	s := NewServer(Config{MaxBatch: 3}, nil).Handler(testTable)
	for _, c := range []struct{ body, want string }{
		{`{"jsonrpc":"2.0","id":"a","method":"number"}`, `{"jsonrpc":"2.0","id":"a","result":4}`},
		{` {"jsonrpc":"2.0","id":null,"method":"number","params":null}`, `{"jsonrpc":"2.0","id":null,"result":4}`},
		{`{"jsonrpc":"2.0","id":1.5e3,"method":"number","params":{"unknown":1}}`, `{"jsonrpc":"2.0","id":1.5e3,"result":4}`},
		{`{"jsonrpc":"2.0","id":1,"method":"number","params":[1,2]}`, `{"jsonrpc":"2.0","id":1,"result":4}`},
		{`{"jsonrpc":"2.0","method":"number"}`, ``},
		{`[{"jsonrpc":"2.0","method":"number"}]`, ``},
		{`{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found","data":"eth_blockNumber"}}`},
		{`{"jsonrpc":"2.0","id":1,"method":"number","params":"x"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request","data":"params are neither an object nor an array"}}`},
		{`{"jsonrpc":"2.0","id":1}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request","data":"method is missing"}}`},
		{`{"id":1,"method":"number"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request","data":"jsonrpc is not \"2.0\""}}`},
		{`{"jsonrpc":"2.0","id":{},"method":"number"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"id is neither a string nor a number"}}`},
		{`{"jsonrpc":"2.0","id":true,"method":"number"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"id is neither a string nor a number"}}`},
		{`{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{``, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{`[`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{`[1] 2`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{`{"JSONRPC":"2.0","ID":1,"METHOD":"number"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"jsonrpc is not \"2.0\""}}`},
		{`{"jsonrpc":"2.0","id":1,"Method":"number"}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request","data":"method is missing"}}`},
		{`{"jsonrpc":"2.0","id":1,"method":"number","method":"number"}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"/method: duplicate object member name"}}`},
		{`[{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1,"a":2}}]`, `[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"/params/a: duplicate object member name"}}]`},
		{`{"jsonrpc":"2.0","id":1,"method":"number"}{}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{`[]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"empty batch"}}`},
		{`[1]`, `[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"a JSON number does not belong here"}}]`},
		{`[{"jsonrpc":"2.0","id":1,"method":"number"},{"jsonrpc":"2.0","method":"number"},{"jsonrpc":"2.0","id":2,"method":"flag"}]`,
			`[{"jsonrpc":"2.0","id":1,"result":4},{"jsonrpc":"2.0","id":2,"result":false}]`},
		{`[1,2,3,4]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"batch of more than 3 requests"}}`},
	} {
		status, got := post(s, c.body)
		wantStatus := http.StatusOK
		if c.want == "" {
			wantStatus = http.StatusNoContent
		}
		if got != c.want || status != wantStatus {
			t.Errorf("%s:\n got %d %s\nwant %d %s", c.body, status, got, wantStatus, c.want)
		}
	}
}

// TestDefaultGate checks that a method without a gate waits while MaxReads others run, and that the answer after its timeout is that the
// node is busy.
func TestDefaultGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		own := NewGate(1)
		s := NewServer(Config{MaxReads: 2, Timeout: time.Second}, nil).Handler(Table{
			"wait":   {Run: func(*Call) (any, error) { <-release; return nil, nil }},
			"number": testTable["number"],
			"gated":  {Gate: own, Run: func(*Call) (any, error) { return len(own), nil }},
		})
		done := make(chan struct{})
		for range 2 {
			go func() {
				post(s, `{"jsonrpc":"2.0","id":1,"method":"wait"}`)
				done <- struct{}{}
			}()
		}
		synctest.Wait()
		if _, got := post(s, `{"jsonrpc":"2.0","id":1,"method":"number"}`); !strings.Contains(got, "the node is busy") {
			t.Errorf("a third of two: %s", got)
		}
		if _, got := post(s, `{"jsonrpc":"2.0","id":1,"method":"gated"}`); !strings.Contains(got, `"result":1`) {
			t.Errorf("a method with a gate of its own: %s", got)
		}
		close(release)
		<-done
		<-done
		if _, got := post(s, `{"jsonrpc":"2.0","id":1,"method":"number"}`); !strings.Contains(got, `"result":4`) || len(own) != 0 {
			t.Errorf("after them: %s, %d tokens held", got, len(own))
		}
	})
}

// This example serves a table of one method over HTTP.
func ExampleServer() {
	s := NewServer(Config{}, nil)
	h := httptest.NewServer(s.Handler(Table{
		"greet": {Params: []string{"name"}, Run: func(c *Call) (any, error) { return c.Params["name"], nil }},
	}))
	defer h.Close()
	response, err := http.Post(h.URL, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"greet","params":["world"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	fmt.Println(string(answer), err)
	// Output: {"jsonrpc":"2.0","id":1,"result":"world"} <nil>
}
