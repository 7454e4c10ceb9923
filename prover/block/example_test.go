package block_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
)

// A third party verifies the proof of a block. It trusts the validators of the chain's genesis and nothing else.
func Example() {
	packed, err := os.Open("../../cmd/verifier-wasm/testdata/least-stwo.json.gz")
	if err != nil {
		panic(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		panic(err)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile("../../cmd/verifier-wasm/testdata/least-stwo.genesis.json")
	if err != nil {
		panic(err)
	}
	genesis, err := headers.ParseGenesis(text)
	if err != nil {
		panic(err)
	}

	bundle, err := block.Parse(file)
	if err != nil {
		panic(err)
	}
	anchor, err := headers.Verify(bundle, &headers.Trust{Genesis: genesis})
	if err != nil {
		panic(err)
	}
	verdict, err := block.Verify(bundle, anchor, prover.Policy{MinBits: prover.AnyBits}) // the proof in testdata is a small one
	if err != nil {
		panic(err)
	}
	for _, tx := range verdict.Outcome.Transactions {
		fmt.Printf("block %d of %s: transaction %v %s\n", bundle.Block, bundle.Chain, tx.Hash, tx.Status())
	}

	bundle.Witness.Results[0].GasUsed++ // not what the validators signed
	if _, err := headers.Verify(bundle, &headers.Trust{Genesis: genesis}); err != nil {
		fmt.Println("a changed result is refused")
	}
	// Output:
	// block 1 of TEST: transaction 0x3bf1f424fe99d3488060788dbe3552431f41b958a01b5e97710f0feb64d1612 succeeded
	// a changed result is refused
}
