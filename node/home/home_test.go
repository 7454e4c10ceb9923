package home

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/viper"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// TestTestnet checks that each node of a testnet names the others as peers, that all have the same genesis, and that every file can be
// read.
func TestTestnet(t *testing.T) {
	dir := t.TempDir()
	network := Network{ChainID: "HOMES", Seed: "homes", PortOffset: 100}
	if err := network.Testnet(dir, 3); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, "watcher", "config", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"node0", "node1", "node2"} {
		home := filepath.Join(dir, name)
		comet, err := Comet(home)
		if err != nil {
			t.Fatal(err)
		}
		if peers := strings.Split(comet.P2P.PersistentPeers, ","); len(peers) != 2 || strings.Contains(comet.P2P.PersistentPeers, strings.TrimPrefix(comet.P2P.ListenAddress, "tcp:")) {
			t.Errorf("%s listens on %s and has the peers %q, want the two others", name, comet.P2P.ListenAddress, peers)
		}
		if signer, err := Signer(comet); err != nil || signer == nil {
			t.Errorf("%s: signer %v, %v", name, signer, err)
		}
		genesis, err := Genesis(home)
		if err != nil || genesis.ChainID != "HOMES" || len(genesis.Validators) != 3 {
			t.Errorf("%s: genesis %+v, %v", name, genesis, err)
		}
		if data, err := os.ReadFile(filepath.Join(home, "config", "genesis.json")); err != nil || !bytes.Equal(data, first) {
			t.Errorf("%s: its genesis is not the watcher's (%v)", name, err)
		}
		settings, err := config.Load(home, viper.New())
		if want := DefaultPorts("127.0.0.1", i, 100).rpcURL(); err != nil || "http://"+settings.RPC.Address != want {
			t.Errorf("%s: JSON-RPC at %s, %v, want %s", name, settings.RPC.Address, err, want)
		}
	}
	if err := network.Testnet(dir, 3); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("a testnet over another: %v", err)
	}
}

// TestAccounts checks that a seed determines the accounts, that they are random without one, and that the genesis funds them.
func TestAccounts(t *testing.T) {
	accounts := func(seed string) []Account {
		t.Helper()
		dir := t.TempDir()
		if err := (Network{ChainID: "HOMES", Seed: seed}).Init(dir, "node"); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "accounts.json"))
		if err != nil {
			t.Fatal(err)
		}
		var list []Account
		if err := json.Unmarshal(data, &list); err != nil || len(list) != accountsInGenesis {
			t.Fatalf("%d accounts, %v, want %d", len(list), err, accountsInGenesis)
		}
		genesis, err := Genesis(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if !bytes.Contains(genesis.AppState, []byte(a.Address.String())) {
				t.Errorf("account %v is not in the genesis", a.Address)
			}
		}
		return list
	}
	seeded, again, other, random := accounts("a"), accounts("a"), accounts("b"), accounts("")
	if seeded[0] != again[0] || seeded[0] == other[0] || seeded[0] == random[0] || seeded[0] == seeded[1] || random[0] == random[1] {
		t.Errorf("accounts: seed a %v and %v, seed b %v, random %v", seeded[:2], again[:1], other[:1], random[:2])
	}
}

// TestDamagedFiles checks that a damaged file of a home is an error with advice.
func TestDamagedFiles(t *testing.T) {
	for _, c := range []struct {
		name, file string
		damage     func([]byte) []byte
		mode       fs.FileMode
		read       func(dir string) error
		want       string
	}{
		{"a genesis with a member twice", "config/genesis.json", func(b []byte) []byte { return bytes.Replace(b, []byte("{"), []byte(`{"chain_id":"A",`), 1) }, 0o644, readGenesis, "duplicate object member"},
		{"a genesis cut", "config/genesis.json", func(b []byte) []byte { return b[:len(b)/2] }, 0o644, readGenesis, "genesis.json: "},
		{"a setting of another type", "config/config.toml", func(b []byte) []byte { return append([]byte("fast_sync = []\n"), b...) }, 0o644, readComet, "fast_sync"},
		{"a key without an address", "config/priv_validator_key.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"address"`), []byte(`"addres"`), 1) }, 0o600, readSigner, "address is missing"},
		{"a key that others may read", "config/priv_validator_key.json", func(b []byte) []byte { return b }, 0o644, readSigner, "mode 0644"},
		{"a state of signing that is not JSON", "data/priv_validator_state.json", func(b []byte) []byte { return b[1:] }, 0o600, readSigner, "priv_validator_state.json: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.mode == 0o644 {
				t.Skip("files have no mode here")
			}
			dir := t.TempDir()
			if err := (Network{ChainID: "HOMES", Seed: "homes"}).Init(dir, "node"); err != nil {
				t.Fatal(err)
			}
			if err := c.read(dir); err != nil {
				t.Fatalf("before the damage: %v", err)
			}
			path := filepath.Join(dir, filepath.FromSlash(c.file))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(data), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			err = c.read(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if advice, ok := hint.Of(err); !ok || advice == "" {
				t.Errorf("%v has no advice", err)
			}
		})
	}
}

func readGenesis(dir string) error {
	_, err := Genesis(dir)
	return err
}

func readComet(dir string) error {
	_, err := Comet(dir)
	return err
}

func readSigner(dir string) error {
	comet, err := Comet(dir)
	if err != nil {
		return err
	}
	_, err = Signer(comet)
	return err
}

// TestSweep checks that Sweep removes temporary files of atomic writes and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	if err := (Network{ChainID: "HOMES"}).Init(dir, "node"); err != nil {
		t.Fatal(err)
	}
	litter := filepath.Join(dir, "data", "write-file-atomic-0123")
	if err := os.WriteFile(litter, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(litter); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the litter is still there: %v", err)
	}
	if err := readSigner(dir); err != nil {
		t.Errorf("after Sweep: %v", err)
	}
}
