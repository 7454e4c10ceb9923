package proofstore_test

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/watcher/proofstore"
)

// The example stores the bundle of a block, then the record that names it, and reads both.
func Example() {
	ctx := context.Background()
	store, err := proofstore.Open(ctx, "mem://")
	if err != nil {
		panic(err)
	}
	defer store.Close()
	bundle, err := store.PutBundle(ctx, 7, []byte(`{"format":"…"}`))
	if err != nil {
		panic(err)
	}
	if err := store.PutRecord(ctx, &proofstore.Record{Block: 7, Status: "proved", Transactions: []string{"0xabc"}, Bundle: bundle}); err != nil {
		panic(err)
	}
	record, err := store.Record(ctx, 7)
	if err != nil {
		panic(err)
	}
	data, err := store.Bundle(ctx, record)
	fmt.Println(record.Transactions, len(data), err)
	// Output:
	// [0xabc] 16 <nil>
}
