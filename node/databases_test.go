package node

import (
	"encoding/json"
	"path/filepath"
	"testing"

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
