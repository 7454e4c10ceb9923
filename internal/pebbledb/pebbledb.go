// Package pebbledb implements cometbft-db's interface with pebble databases. cometbft-db has the same adapter, but only under the build tag
// pebbledb: a binary built without the tag could not open the default database. The files are the same as those of cometbft-db's adapter:
// pebble's default options, in a folder NAME.db.
//
// Set, Delete and Batch.Write append to the write-ahead log without a sync: if the process ends nothing is lost, but a power failure may
// lose the newest writes. SetSync, DeleteSync and Batch.WriteSync return after the sync. A batch is written completely or not at all.
package pebbledb

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble"
	dbm "github.com/cometbft/cometbft-db"
)

// Errors for wrong use of the package.
var (
	ErrKeyEmpty    = errors.New("pebbledb: the key is empty")
	ErrValueNil    = errors.New("pebbledb: the value is nil")
	ErrBatchClosed = errors.New("pebbledb: the batch was written or closed")
)

// Backend is the name of these databases in configuration files.
const Backend = string(dbm.PebbleDBBackend)

// DB is a pebble database. It is safe for concurrent use. No method may be called after Close.
type DB struct{ pebble *pebble.DB }

var _ dbm.DB = (*DB)(nil)

// Open opens the database in the folder dir/name.db and creates it if it does not exist.
func Open(name, dir string) (*DB, error) {
	return open(filepath.Join(dir, name+".db"), &pebble.Options{})
}

func open(path string, options *pebble.Options) (*DB, error) {
	p, err := pebble.Open(path, options)
	if err != nil {
		return nil, err
	}
	return &DB{p}, nil
}

// Get returns a copy of the value of key, or nil if there is none. An empty value is not nil.
func (db *DB) Get(key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, ErrKeyEmpty
	}
	value, closer, err := db.pebble.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// Has reports whether key has a value.
func (db *DB) Has(key []byte) (bool, error) {
	value, err := db.Get(key)
	return value != nil, err
}

// Set sets the value of key, without a sync.
func (db *DB) Set(key, value []byte) error { return db.set(key, value, pebble.NoSync) }

// SetSync sets the value of key and returns when it is on disk.
func (db *DB) SetSync(key, value []byte) error { return db.set(key, value, pebble.Sync) }

func (db *DB) set(key, value []byte, options *pebble.WriteOptions) error {
	if err := check(key, value); err != nil {
		return err
	}
	return db.pebble.Set(key, value, options)
}

// Delete removes key if it exists, without a sync.
func (db *DB) Delete(key []byte) error { return db.delete(key, pebble.NoSync) }

// DeleteSync removes key if it exists, and returns when the removal is on disk.
func (db *DB) DeleteSync(key []byte) error { return db.delete(key, pebble.Sync) }

func (db *DB) delete(key []byte, options *pebble.WriteOptions) error {
	if len(key) == 0 {
		return ErrKeyEmpty
	}
	return db.pebble.Delete(key, options)
}

func check(key, value []byte) error {
	switch {
	case len(key) == 0:
		return ErrKeyEmpty
	case value == nil:
		return ErrValueNil
	}
	return nil
}

// Compact compacts the files with keys from start to end. A nil bound stands for the first or the last key of the database.
func (db *DB) Compact(start, end []byte) (err error) {
	if start == nil || end == nil {
		// Pebble has no open ranges: github.com/cockroachdb/pebble/issues/1474.
		iter, err := db.pebble.NewIter(nil)
		if err != nil {
			return err
		}
		if start == nil && iter.First() {
			start = bytes.Clone(iter.Key())
		}
		if end == nil && iter.Last() {
			end = bytes.Clone(iter.Key())
		}
		if err := iter.Close(); err != nil {
			return err
		}
	}
	return db.pebble.Compact(start, end, true)
}

// Close waits for compactions and closes the files. All iterators must already be closed.
func (db *DB) Close() error { return db.pebble.Close() }

// Print prints every key and value.
func (db *DB) Print() error {
	iter, err := db.Iterator(nil, nil)
	if err != nil {
		return err
	}
	for ; iter.Valid(); iter.Next() {
		fmt.Printf("[%X]:\t[%X]\n", iter.Key(), iter.Value())
	}
	return errors.Join(iter.Error(), iter.Close())
}

// Stats returns pebble's metrics as one text.
func (db *DB) Stats() map[string]string {
	return map[string]string{"pebble": db.pebble.Metrics().String()}
}

// NewBatch returns an empty batch. It must be closed.
func (db *DB) NewBatch() dbm.Batch { return &batch{db.pebble.NewBatch()} }

// Iterator returns an iterator over the keys in [start, end), in ascending order. A nil bound does not limit the range.
func (db *DB) Iterator(start, end []byte) (dbm.Iterator, error) {
	return db.iterator(start, end, false)
}

// ReverseIterator returns an iterator over the keys in [start, end), in descending order.
func (db *DB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return db.iterator(start, end, true)
}

func (db *DB) iterator(start, end []byte, reverse bool) (dbm.Iterator, error) {
	if start != nil && len(start) == 0 || end != nil && len(end) == 0 {
		return nil, ErrKeyEmpty
	}
	source, err := db.pebble.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, err
	}
	it := &iterator{source: source, start: start, end: end, reverse: reverse}
	switch {
	case start != nil && end != nil && bytes.Compare(start, end) >= 0: // Pebble does not define such a range.
	case reverse:
		it.valid = source.Last()
	default:
		it.valid = source.First()
	}
	return it, nil
}

// batch is a list of changes that are written together. pebble is nil after the batch was written or closed.
type batch struct{ pebble *pebble.Batch }

func (b *batch) Set(key, value []byte) error {
	if err := check(key, value); err != nil {
		return err
	}
	if b.pebble == nil {
		return ErrBatchClosed
	}
	return b.pebble.Set(key, value, nil)
}

func (b *batch) Delete(key []byte) error {
	if len(key) == 0 {
		return ErrKeyEmpty
	}
	if b.pebble == nil {
		return ErrBatchClosed
	}
	return b.pebble.Delete(key, nil)
}

func (b *batch) Write() error { return b.commit(pebble.NoSync) }

func (b *batch) WriteSync() error { return b.commit(pebble.Sync) }

func (b *batch) commit(options *pebble.WriteOptions) error {
	if b.pebble == nil {
		return ErrBatchClosed
	}
	if err := b.pebble.Commit(options); err != nil {
		return err
	}
	return b.Close()
}

func (b *batch) Close() error {
	if b.pebble == nil {
		return nil
	}
	err := b.pebble.Close()
	b.pebble = nil
	return err
}

// iterator iterates over a range of keys. An invalid iterator never becomes valid again.
type iterator struct {
	source     *pebble.Iterator
	start, end []byte
	reverse    bool
	valid      bool
}

func (it *iterator) Domain() (start, end []byte) { return it.start, it.end }

func (it *iterator) Valid() bool { return it.valid && it.source.Error() == nil }

func (it *iterator) Next() {
	it.mustBeValid()
	if it.reverse {
		it.valid = it.source.Prev()
	} else {
		it.valid = it.source.Next()
	}
}

func (it *iterator) Key() []byte {
	it.mustBeValid()
	return it.source.Key()
}

func (it *iterator) Value() []byte {
	it.mustBeValid()
	return it.source.Value()
}

func (it *iterator) Error() error { return it.source.Error() }

func (it *iterator) Close() error { return it.source.Close() }

// mustBeValid panics if the iterator is not valid, as cometbft-db's interface requires.
func (it *iterator) mustBeValid() {
	if !it.Valid() {
		panic("pebbledb: the iterator is at its end")
	}
}
