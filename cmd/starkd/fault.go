package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	dbm "github.com/cometbft/cometbft-db"
	cmtconfig "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/starkd/starkd/internal/hint"

	"github.com/starkd/starkd/internal/pebbledb"
)

// What is said of a home that is damaged, or used at the wrong time. CometBFT and pebble report much of it by panics; guard is the one
// place where those become errors.

// guard calls f, which assembles something from a home's files, and returns a panic as an error of one line.
func guard(log *slog.Logger, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		log.Debug("panic", "value", p, "stack", string(debug.Stack()))
		if bug, ok := p.(runtime.Error); ok {
			err = fmt.Errorf("a file is damaged or missing (%w)", bug)
		} else {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// faultHint is the advice for a fault that home's files or the system gave. CometBFT's panics are texts, so texts are looked at.
func faultHint(home, fault string) string {
	has := func(text string) bool { return strings.Contains(fault, text) }
	data := filepath.Join(home, "data")
	anew := "remove the databases in " + data + " (all of it but priv_validator_state.json) and sync anew, or restore a copy of the whole folder"
	switch {
	case has("no space left on device"), has("disk quota exceeded"):
		return "the disk of " + data + " is full: make room and start again; what was committed is safe"
	case has("too many open files"):
		return "the process may open too few files: raise the limit (ulimit -n, LimitNOFILE=); 8192 is plenty"
	case has("read-only file system"), has("permission denied"):
		return "the user who runs starkd must be able to write " + home
	case has("resource temporarily unavailable"):
		return "another starkd is running on this home"
	case has("addrbook"), has("AddrBook"):
		return filepath.Join(home, "config", "addrbook.json") + " is damaged: remove it, the node makes a new one"
	case has("priv_validator_state"):
		return "what this validator has signed is in that file: restore the newest copy; a validator that forgets it may sign twice"
	case has("address already in use"), has("cannot assign requested address"):
		return "config.toml chooses the addresses: laddr of [rpc] and [p2p]"
	case has("out of memory"), has("cannot allocate memory"):
		return "the machine has too little memory"
	case has("AppHash does not match"), has("wrong Block.Header.AppHash"):
		return "this node's state is not the one that the validators signed, or not of the blocks in its store: keep " + data + " for examination, then " + anew
	case has("StoreBlockHeight"), has("app block height"), has("AppBlockHeight"):
		return "a part of " + data + " is missing or of another age: " + anew
	}
	return "a file of " + data + " may be damaged or missing: " + anew
}

// homeFault adds a hint to an error of assembling something from home's files.
func homeFault(home string, err error) error {
	if _, hinted := hint.Of(err); err == nil || hinted {
		return err
	}
	return hint.With(err, "%s", faultHint(home, err.Error()))
}

// openDB opens a database in home's data folder. Its error has a hint.
func openDB(home, name, backend string) (db dbm.DB, err error) {
	if err := checkBackend(home, name, backend); err != nil {
		return nil, err
	}
	err = guard(slog.Default(), func() (err error) {
		if dir := filepath.Join(home, "data"); backend == pebbledb.Backend {
			db, err = pebbledb.Open(name, dir)
		} else {
			db, err = dbm.NewDB(name, dbm.BackendType(backend), dir)
		}
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case strings.Contains(err.Error(), "unknown db_backend"):
		return nil, hint.With(fmt.Errorf("database %s: %w", name, err), "the databases of this build are pebbledb and goleveldb")
	}
	return nil, homeFault(home, fmt.Errorf("database %s: %w", filepath.Join(home, "data", name+".db"), err))
}

// checkBackend refuses a database that another backend has written: goleveldb takes all memory over pebble's files.
func checkBackend(home, name, backend string) error {
	dir := filepath.Join(home, "data", name+".db")
	is := func(pattern string) bool {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		return err == nil && len(found) > 0
	}
	writer := backend
	switch {
	case is("OPTIONS-*"):
		writer = "pebbledb"
	case is("CURRENT"), is("*.ldb"):
		writer = "goleveldb"
		if backend == "pebbledb" && !is("*.ldb") && !is("LOG") {
			return nil // pebble's, damaged
		}
	}
	if writer == backend || backend != "pebbledb" && backend != "goleveldb" {
		return nil
	}
	return hint.With(fmt.Errorf("%s was written by %s, db_backend is %s", dir, writer, backend),
		"set db_backend back, or remove the database: the node makes it anew from its peers' blocks")
}

// cometDBs opens CometBFT's databases for a node whose genesis file holds genesis.
func cometDBs(home string, genesis *cmttypes.GenesisDoc) cmtconfig.DBProvider {
	return func(c *cmtconfig.DBContext) (dbm.DB, error) {
		db, err := openDB(home, c.ID, c.Config.DBBackend)
		if err != nil {
			return nil, err
		}
		if c.ID == "state" {
			if err := checkGenesis(home, db, genesis); err != nil {
				return nil, errors.Join(err, db.Close())
			}
		}
		return db, nil
	}
}

// storedGenesis is CometBFT's key of the genesis that a chain began with (node/setup.go).
var storedGenesis = []byte("genesisDoc")

// checkGenesis refuses a genesis that is not the one that the databases began with: CometBFT would go on with that one and say nothing.
func checkGenesis(home string, stateDB dbm.DB, genesis *cmttypes.GenesisDoc) error {
	stored, err := stateDB.Get(storedGenesis)
	if err != nil || len(stored) == 0 {
		return err
	}
	var began *cmttypes.GenesisDoc
	if err := cmtjson.Unmarshal(stored, &began); err != nil {
		return fmt.Errorf("the stored genesis: %w", err)
	}
	had, err := genesisHash(began)
	if err != nil {
		return err
	}
	has, err := genesisHash(genesis)
	if err != nil || had == has {
		return err
	}
	return hint.With(fmt.Errorf("%s hashes to %s (chain %s), this home's chain %s began with %s",
		filepath.Join(home, "config", "genesis.json"), has, genesis.ChainID, began.ChainID, had),
		"put the chain's own genesis.json back; for another chain use another home")
}

// genesisHash is the SHA-256 of a genesis as CometBFT encodes it, so that spaces and the order of members do not count.
func genesisHash(doc *cmttypes.GenesisDoc) (string, error) {
	data, err := cmtjson.Marshal(doc)
	if err != nil {
		return "", err
	}
	var state any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&state); err != nil {
		return "", err
	}
	if data, err = json.Marshal(state); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

// checkSecret refuses a file with a private key that others than its owner may touch. Windows has no such bits.
func checkSecret(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return hint.With(fmt.Errorf("%s: mode %04o lets others at a private key", path, mode), "chmod 600 %s", path)
	}
	return nil
}

// loadSigner reads the validator's key and what it has signed. It is nil if config.toml names a remote signer.
func loadSigner(c *cmtconfig.Config) (cmttypes.PrivValidator, error) {
	if c.PrivValidatorListenAddr != "" {
		return nil, nil
	}
	keyFile, stateFile := c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()
	advice := "starkd init or testnet makes a validator's keys; restore them from a copy"
	if err := checkSecret(keyFile); err != nil {
		return nil, homeFaultFile(err, advice)
	}
	// CometBFT's own function ends the process on what it cannot read.
	var key privval.FilePVKey
	if err := readCometJSON(keyFile, &key); err != nil {
		return nil, homeFaultFile(err, advice)
	}
	if key.PrivKey == nil || key.PubKey == nil || len(key.Address) == 0 {
		return nil, hint.With(fmt.Errorf("%s: priv_key, pub_key or address is missing", keyFile), "%s", advice)
	}
	if key.PubKey = key.PrivKey.PubKey(); !bytes.Equal(key.PubKey.Address(), key.Address) {
		return nil, hint.With(fmt.Errorf("%s: address %s is not the key's, %s", keyFile, key.Address, key.PubKey.Address()), "%s", advice)
	}
	var state privval.FilePVLastSignState
	if err := readCometJSON(stateFile, &state); err != nil {
		return nil, homeFaultFile(err, "what this validator has signed is in that file: restore the newest copy; a validator that forgets it may sign twice")
	}
	return privval.LoadFilePV(keyFile, stateFile), nil
}

func readCometJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := cmtjson.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func homeFaultFile(err error, advice string) error {
	if _, hinted := hint.Of(err); hinted {
		return err
	}
	return hint.With(err, "%s", advice)
}

// sweep removes what CometBFT's atomic writes leave behind when the process ends in their middle. The home must not be in use.
func sweep(home string) error {
	for _, dir := range []string{"config", "data"} {
		left, err := filepath.Glob(filepath.Join(home, dir, "write-file-atomic-*"))
		if err != nil {
			return err
		}
		for _, path := range left {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
