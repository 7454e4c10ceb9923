package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	dbm "github.com/cometbft/cometbft-db"
	cmtconfig "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/pebbledb"
)

// openDB opens a database in the data folder of a home. Its error has advice.
func openDB(home, name, backend string, log *slog.Logger) (db dbm.DB, err error) {
	if err := checkBackend(home, name, backend); err != nil {
		return nil, err
	}
	err = guard(log, func() (err error) {
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

// checkBackend returns an error if another backend has written the database. goleveldb would use up all memory on pebble's files.
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
			return nil // a damaged database of pebble
		}
	}
	if writer == backend || backend != "pebbledb" && backend != "goleveldb" {
		return nil
	}
	return hint.With(fmt.Errorf("%s was written by %s, db_backend is %s", dir, writer, backend),
		"set db_backend back, or remove the database: the node makes it again from the blocks of its peers")
}

// databases are the databases that a node opens for CometBFT. CometBFT closes them when it stops, but not if it fails to start: closeAll
// closes the rest.
type databases struct {
	home    string
	genesis *cmttypes.GenesisDoc // from the genesis file
	log     *slog.Logger
	open    []*database
}

// database is a database that may be closed twice, and read after it is closed.
//
// Goroutines of CometBFT outlive its Stop by up to two of their pauses (consensus.Reactor.queryMaj23Routine and others). They panic if a read
// of a store fails, which would end the process. A goroutine that reads a closed database therefore ends there.
type database struct {
	dbm.DB
	reading sync.RWMutex // held for writing by Close
	closed  bool
	close   func() error
}

// newDatabase returns db as a database.
func newDatabase(db dbm.DB) *database { return &database{DB: db, close: sync.OnceValue(db.Close)} }

// Close implements dbm.DB. It waits for the reads that have begun.
func (d *database) Close() error {
	d.reading.Lock()
	d.closed = true
	d.reading.Unlock()
	return d.close()
}

// begin begins a read, which ends with reading.RUnlock. If the database is closed, begin ends the goroutine.
func (d *database) begin() {
	d.reading.RLock()
	if d.closed {
		d.reading.RUnlock()
		runtime.Goexit()
	}
}

// Get implements dbm.DB.
func (d *database) Get(key []byte) ([]byte, error) {
	d.begin()
	defer d.reading.RUnlock()
	return d.DB.Get(key)
}

// Has implements dbm.DB.
func (d *database) Has(key []byte) (bool, error) {
	d.begin()
	defer d.reading.RUnlock()
	return d.DB.Has(key)
}

// Iterator implements dbm.DB.
func (d *database) Iterator(start, end []byte) (dbm.Iterator, error) {
	d.begin()
	defer d.reading.RUnlock()
	return d.DB.Iterator(start, end)
}

// ReverseIterator implements dbm.DB.
func (d *database) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	d.begin()
	defer d.reading.RUnlock()
	return d.DB.ReverseIterator(start, end)
}

// provide returns the cmtconfig.DBProvider of the node.
func (d *databases) provide(c *cmtconfig.DBContext) (dbm.DB, error) {
	db, err := openDB(d.home, c.ID, c.Config.DBBackend, d.log)
	if err != nil {
		return nil, err
	}
	if c.ID == "state" {
		if err := checkGenesis(d.home, db, d.genesis); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	opened := newDatabase(db)
	d.open = append(d.open, opened)
	return opened, nil
}

// closeAll closes the databases that CometBFT has not closed.
func (d *databases) closeAll() error {
	var errs []error
	for _, db := range d.open {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

// storedGenesis is the key under which CometBFT stores the genesis of a chain (node/setup.go of CometBFT).
var storedGenesis = []byte("genesisDoc")

// checkGenesis returns an error if the genesis is not the stored one. CometBFT would silently use the stored one.
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

// genesisHash returns the SHA-256 of the JSON of a genesis, independent of spaces and of the order of members.
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
