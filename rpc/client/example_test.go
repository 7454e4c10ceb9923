package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
)

// This example requests a nonce. errors.Is matches errors from the node by their code.
func ExampleClient() {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":20,"message":"Contract not found"}}`)
	}))
	defer node.Close()

	c := client.New(node.URL, nil)
	_, err := c.Nonce(context.Background(), rpc.LatestBlock, felt.MustHex("0xdead"))
	fmt.Println(err)
	fmt.Println(errors.Is(err, rpc.ErrContractNotFound))
	// Output:
	// rpc: Contract not found (20)
	// true
}
