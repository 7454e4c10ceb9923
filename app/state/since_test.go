package state

import (
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// TestOverlaySince checks that Since compares with the snapshot, not with the base, and leaves out values that were restored.
func TestOverlaySince(t *testing.T) {
	store, err := Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	u := felt.FromUint64
	o := NewOverlay(NewOverlay(store.At(0)))
	o.SetStorage(u(1), u(1), u(5))
	o.SetClassHash(u(1), u(7))
	at := o.Snapshot()
	o.SetStorage(u(1), u(1), u(6))
	o.SetStorage(u(1), u(1), u(0)) // the base's value, not the snapshot's
	o.SetStorage(u(1), u(2), u(8))
	o.SetStorage(u(1), u(2), u(0)) // the snapshot's value
	undone := o.Snapshot()
	o.SetStorage(u(1), u(3), u(9))
	o.Rollback(undone)
	o.SetStorage(u(2), u(4), u(4))
	o.SetClassHash(u(1), u(8))
	o.SetClassHash(u(3), u(8))
	o.SetNonce(u(1), u(1))
	got, err := o.Since(at)
	if err != nil {
		t.Fatal(err)
	}
	want := &starknet.StateDiff{
		Storage: []starknet.ContractStorage{
			{Address: u(1), Entries: []starknet.StorageEntry{{Key: u(1)}}}, {Address: u(2), Entries: []starknet.StorageEntry{{Key: u(4), Value: u(4)}}},
		},
		Deployed: []starknet.ContractClassHash{{Address: u(3), ClassHash: u(8)}},
		Replaced: []starknet.ContractClassHash{{Address: u(1), ClassHash: u(8)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
