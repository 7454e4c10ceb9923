package state_test

import (
	"fmt"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Each block changes one storage slot. The earlier height stays readable.
func Example() {
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		panic(err)
	}
	contract, slot := felt.MustHex("0x100"), felt.MustHex("0x1")
	for height := range uint64(2) {
		overlay := state.NewOverlay(store.Latest())
		overlay.SetClassHash(contract, felt.MustHex("0xc1a55"))
		overlay.SetStorage(contract, slot, felt.FromUint64(10+height))

		snapshot := overlay.Snapshot()
		overlay.SetStorage(contract, slot, felt.FromUint64(999))
		overlay.Rollback(snapshot)

		diff, err := overlay.Diff()
		if err != nil {
			panic(err)
		}
		change, err := store.Apply(diff)
		if err != nil {
			panic(err)
		}
		block := &starknet.Block{Header: starknet.Header{Number: height, StateRoot: change.Commitment, Version: starknet.Version}}
		if err := store.Commit(block, change, nil); err != nil {
			panic(err)
		}
	}
	for height := range uint64(2) {
		value, err := store.At(height).StorageAt(contract, slot)
		fmt.Println(height, value, err)
	}
	// Output:
	// 0 0xa <nil>
	// 1 0xb <nil>
}
