package node_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
)

// The example runs a chain of one validator in a temporary folder until it has made a block.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	network := home.Network{ChainID: "EXAMPLE", BlockTime: 100 * time.Millisecond, AnyPort: true}
	if err := network.Init(dir, "node"); err != nil {
		log.Fatal(err)
	}

	n, err := node.Open(node.Config{Home: dir})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Run(context.Background()) }()
	select {
	case <-n.Ready():
	case err := <-done:
		log.Fatal(err)
	}

	c := client.New("http://"+n.RPCAddress()+"/rpc", nil)
	for height := uint64(0); height < 1; time.Sleep(50 * time.Millisecond) {
		if height, err = c.BlockNumber(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	block, err := c.Block(context.Background(), rpc.BlockByNumber(1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("block", block.Number, "of", n.ChainID(), "has", len(block.Transactions), "transactions")

	fmt.Println("closed:", n.Close())
	fmt.Println("ended:", <-done)
	// Output:
	// block 1 of EXAMPLE has 0 transactions
	// closed: <nil>
	// ended: <nil>
}
