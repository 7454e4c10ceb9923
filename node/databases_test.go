package node

import (
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	cmtstate "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/node/home"
)

// TestGenesisHash checks that the hash of a genesis depends on every value, but not on spaces or the order of members.
func TestGenesisHash(t *testing.T) {
	dir := t.TempDir()
	if err := (home.Network{ChainID: "HASHED", Seed: "hash"}).Init(dir, "node"); err != nil {
		t.Fatal(err)
	}
	doc, err := cmttypes.GenesisDocFromFile(filepath.Join(dir, "config", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	hash := func() string {
		t.Helper()
		h, err := genesisHash(doc)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := hash()
	var state map[string]any // encoded in the order of the names
	if err := json.Unmarshal(doc.AppState, &state); err != nil {
		t.Fatal(err)
	}
	if doc.AppState, err = json.MarshalIndent(state, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	if got := hash(); got != want {
		t.Errorf("with other spaces: %s, want %s", got, want)
	}
	state["balances"].([]any)[1].(map[string]any)["amount"] = "0x1"
	if doc.AppState, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if got := hash(); got == want {
		t.Error("another balance has the same hash")
	}
}

// TestReadAfterClose checks that goroutines of CometBFT that read a closed block or state store end there, instead of panicking and ending
// the process. Without database, CometBFT's stores panic.
func TestReadAfterClose(t *testing.T) {
	for name, read := range map[string]func(db dbm.DB){
		"block store": func(db dbm.DB) { cmtstore.NewBlockStore(db).LoadSeenCommit(1) },
		"state store": func(db dbm.DB) { cmtstate.NewStore(db, cmtstate.StoreOptions{}).LoadValidators(1) },
		"key":         func(db dbm.DB) { db.Has([]byte("key")) },
		"forward":     func(db dbm.DB) { db.Iterator(nil, nil) },
		"backward":    func(db dbm.DB) { db.ReverseIterator(nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			inner, err := dbm.NewDB("store", dbm.GoLevelDBBackend, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			db := newDatabase(inner)
			read(db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatalf("second close: %v", err)
			}
			var running sync.WaitGroup
			returned := false
			running.Go(func() {
				read(db)
				returned = true
			})
			running.Wait()
			if returned {
				t.Error("the read of the closed database returned")
			}
		})
	}
}
