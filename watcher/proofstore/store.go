// Package proofstore stores proofs by block and by transaction, and serves them over HTTP (REST). It keeps them in a folder or in a cloud's
// object store (package blobs), which several watchers and workers may share.
//
// A bundle, the proofs of one or several blocks with the witness that a verifier needs, is one object, named by its digest, compressed, and
// never changed. The record of a block is written after its bundle, the index entries of its transactions and its entry in the list of
// blocks, so a record that exists names a bundle that exists. The record is the commit point: a writer that crashes before it writes the same
// objects again. Of several watchers that prove a block, the first record counts. Blocks without transactions have no record; the cursor is
// the height up to which all blocks have been handled.
//
// The store also carries what passes between watchers and workers: inputs of jobs, named by their digests, and finished proofs, named by their
// jobs. Of several workers that prove one job, the first proof counts.
package proofstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/starkd/starkd/watcher/blobs"
)

// ErrNotFound is the error of a block, transaction or bundle that is not stored.
var ErrNotFound = errors.New("proofstore: not found")

// Status is the result of proving a block or a transaction.
type Status string

// The values of Status.
const (
	Proved    Status = "proved"       // a stored proof covers the transaction, or at least one of the block
	Empty     Status = "empty"        // the block has no transactions
	NotProved Status = "not_provable" // no proof covers the transaction, or any of the block; Unproven.Reason says why
)

// Record is the stored record of a block.
type Record struct {
	Block        uint64     `json:"block"`
	Status       Status     `json:"status"`
	StateRoot    string     `json:"state_root,omitempty"` // signed state commitment after the block; empty without a proof
	Transactions []string   `json:"transactions"`
	Bundle       *Bundle    `json:"bundle,omitempty"` // nil without a proof
	Proofs       []Entry    `json:"proofs"`
	Unproven     []Unproven `json:"not_provable,omitempty"` // the transactions that no proof covers: all of them without a bundle
}

// Bundle describes a stored bundle. The records of all its blocks have the same description.
type Bundle struct {
	Block  uint64 `json:"block,omitempty"` // its first block; 0 means that of the record
	Size   int64  `json:"size"`            // bytes
	SHA256 string `json:"sha256"`
	Gzip   int64  `json:"gzip,omitempty"` // bytes of the compressed object; 0 for a bundle of an earlier version, which is not compressed
}

// Entry describes one proof of a bundle.
type Entry struct {
	Block         uint64   `json:"block"`
	Part          int      `json:"part"` // index of the proof in the bundle
	Transactions  []string `json:"transactions"`
	Proven        []string `json:"covered"`     // frames that the proof covers: constructor, __execute__, fee transfer
	UnprovenParts []string `json:"not_covered"` // frames that it does not cover: __validate__
	ProgramHash   string   `json:"program_hash"`
	Layout        string   `json:"layout"`
	Steps         uint64   `json:"steps"`
	SecurityBits  uint     `json:"security_bits"`         // conjectured
	ProvenBits    uint     `json:"proven_bits,omitempty"` // 0 in older records
	ProvingMS     int64    `json:"proving_ms"`
}

// Unproven is a transaction that no proof covers, with the reason. Builtin or Syscall is set if the reason is one; neither is set if the
// transaction is too long or proving the block failed.
type Unproven struct {
	Transaction string `json:"transaction"`
	Reason      string `json:"reason"`
	Builtin     string `json:"builtin,omitempty"`
	Syscall     string `json:"syscall,omitempty"`
}

// position is the index entry of a transaction. Part is the index of its proof in the bundle, -1 if no proof covers it, for the watcher that
// wrote the entry.
type position struct {
	Block uint64 `json:"block"`
	Part  int    `json:"part"`
}

// Store stores records and bundles in a bucket. It is safe for concurrent use.
type Store struct {
	bucket  *blobs.Bucket
	cursor  atomic.Uint64
	records *lru.Cache[uint64, *Record] // records with a bundle, by block; they never change

	mu   sync.Mutex
	log  *lru.Cache[uint64, uint64] // blocks of entries of the list, by position
	end  uint64                     // positions below it have entries
	asOf time.Time                  // when the end was last looked for; zero if never
}

// Bounds of what is read and remembered.
const (
	maxBundle  = 256 << 20 // bytes
	maxRecord  = 64 << 20  // bytes
	maxEntry   = 4 << 10   // bytes of an index entry
	cached     = 256       // records
	cachedLog  = 1 << 14   // entries of the list
	concurrent = 16        // requests to the bucket at once, for one operation
)

// Open opens the store at a URL of package blobs, such as file:///var/lib/starkd/proofs, s3://bucket?region=eu-central-1 or mem://. A store
// of an earlier version gets its list of blocks.
func Open(ctx context.Context, url string) (*Store, error) {
	bucket, err := blobs.Open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("proofstore: %w", err)
	}
	s := &Store{bucket: bucket}
	if s.records, err = lru.New[uint64, *Record](cached); err == nil {
		s.log, err = lru.New[uint64, uint64](cachedLog)
	}
	if err == nil {
		err = s.completeList(ctx)
	}
	var at cursor
	if err == nil {
		if err = s.readJSON(ctx, cursorKey, &at); errors.Is(err, ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	s.cursor.Store(at.Height)
	return s, nil
}

// Close releases the bucket.
func (s *Store) Close() error { return s.bucket.Close() }

const (
	cursorKey = "cursor.json"
	chainKey  = "chain.json"
)

// identity is the chain whose proofs a store holds.
type identity struct {
	ChainID string `json:"chain_id"`
	Genesis string `json:"genesis"` // digest of the genesis
}

// ChainError is the error of a store that has proofs of another chain.
type ChainError struct {
	Chain, Stored         string // chain ids
	Genesis, StoredDigest string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("proofstore: the store has proofs of chain %q with genesis %s, not of chain %q with genesis %s", e.Stored, e.StoredDigest, e.Chain, e.Genesis)
}

// Bind records the chain of an empty store, by its id and the digest of its genesis. It returns a ChainError if the store belongs to
// another chain.
func (s *Store) Bind(ctx context.Context, chain, genesis string) error {
	var is identity
	switch err := s.readJSON(ctx, chainKey, &is); {
	case errors.Is(err, ErrNotFound):
		err := s.create(ctx, chainKey, identity{chain, genesis})
		if errors.Is(err, blobs.ErrExists) { // another watcher has just bound it
			return s.Bind(ctx, chain, genesis)
		}
		return err
	case err != nil:
		return err
	case is != identity{chain, genesis}:
		return &ChainError{chain, is.ChainID, genesis, is.Genesis}
	}
	return nil
}

// cursor is the content of cursor.json.
type cursor struct {
	Height uint64 `json:"height"`
}

// Cursor returns the height up to which every block with transactions has a record.
func (s *Store) Cursor() uint64 { return s.cursor.Load() }

// SetCursor sets the cursor, durably only if sync is set. After a crash the cursor may therefore be lower, and blocks are handled again.
func (s *Store) SetCursor(ctx context.Context, height uint64, sync bool) error {
	if sync {
		if err := s.write(ctx, cursorKey, cursor{height}); err != nil {
			return err
		}
	}
	s.cursor.Store(height)
	return nil
}

func recordKey(block uint64) string     { return fmt.Sprintf("blocks/%012d.json", block) }
func transactionKey(hash string) string { return "transactions/" + hash }

// PutRecord stores the index entries of a block's transactions, its entry in the list of blocks, and then its record. The bundle must be
// stored already. If another watcher has stored a record of the block, that one counts, unless it has no bundle and r has one. A bundle that no
// record names stays in the store.
func (s *Store) PutRecord(ctx context.Context, r *Record) error {
	before, err := s.stored(ctx, r.Block)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	known := err == nil
	if known && (before.Bundle != nil || r.Bundle == nil) {
		return nil
	}
	if err := s.index(ctx, r); err != nil {
		return err
	}
	if known {
		return s.write(ctx, recordKey(r.Block), r)
	}
	if err := s.list(ctx, r.Block); err != nil {
		return err
	}
	err = s.create(ctx, recordKey(r.Block), r)
	if errors.Is(err, blobs.ErrExists) {
		return s.PutRecord(ctx, r)
	}
	return err
}

// index stores the index entries of the transactions of a block.
func (s *Store) index(ctx context.Context, r *Record) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
	put := func(hash string, part int) {
		group.Go(func() error { return s.write(ctx, transactionKey(hash), position{r.Block, part}) })
	}
	for _, entry := range r.Proofs {
		for _, hash := range entry.Transactions {
			put(hash, entry.Part)
		}
	}
	for _, exception := range r.Unproven {
		put(exception.Transaction, -1)
	}
	return group.Wait()
}

// stored returns the stored record of a block, or ErrNotFound.
func (s *Store) stored(ctx context.Context, block uint64) (*Record, error) {
	if r, ok := s.records.Get(block); ok {
		return r, nil
	}
	r := new(Record)
	if err := s.readJSON(ctx, recordKey(block), r); err != nil {
		return nil, err
	}
	if r.Bundle != nil {
		s.records.Add(block, r)
	}
	return r, nil
}

// Record returns the record of a block. It is Empty for a handled block without transactions. For a block that has not been handled the
// error is ErrNotFound. The caller must not change the record.
func (s *Store) Record(ctx context.Context, block uint64) (*Record, error) {
	r, err := s.stored(ctx, block)
	if errors.Is(err, ErrNotFound) && block <= s.Cursor() {
		return &Record{Block: block, Status: Empty, Transactions: []string{}, Proofs: []Entry{}}, nil
	}
	return r, err
}

// Transaction returns the record of the block of a transaction, and the index in Proofs of the entry that covers the transaction, or -1 if
// none does. The error is ErrNotFound until the block has a record.
func (s *Store) Transaction(ctx context.Context, hash string) (*Record, int, error) {
	var p position
	if err := s.readJSON(ctx, transactionKey(hash), &p); err != nil {
		return nil, 0, err
	}
	r, err := s.Record(ctx, p.Block)
	if err != nil {
		return nil, 0, err
	}
	// Another watcher may have split the block into other parts than the one whose record counts, so p.Part may be wrong.
	for i := range r.Proofs {
		if slices.Contains(r.Proofs[i].Transactions, hash) {
			return r, i, nil
		}
	}
	return r, -1, nil
}

// write stores an object as JSON, and replaces an existing one.
func (s *Store) write(ctx context.Context, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := s.bucket.Put(ctx, key, data); err != nil {
		return fmt.Errorf("proofstore: %w", err)
	}
	return nil
}

// create stores an object as JSON. The error is blobs.ErrExists if there is one already.
func (s *Store) create(ctx context.Context, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := s.bucket.Create(ctx, key, data); err != nil {
		return fmt.Errorf("proofstore: %w", err)
	}
	return nil
}

// read returns an object of at most limit bytes, or ErrNotFound.
func (s *Store) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	data, err := s.bucket.Get(ctx, key, limit)
	if errors.Is(err, blobs.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("proofstore: %w", err)
	}
	return data, nil
}

// readJSON decodes an object, or returns ErrNotFound. Unknown members are an error.
func (s *Store) readJSON(ctx context.Context, key string, into any) error {
	limit := int64(maxEntry)
	if _, ok := into.(*Record); ok {
		limit = maxRecord
	}
	data, err := s.read(ctx, key, limit)
	if err != nil {
		return err
	}
	if err := jsonv2.Unmarshal(data, into, jsonv2.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("proofstore: %s: %w", key, err)
	}
	return nil
}

// canonicalHash returns a transaction hash from a URL in the form of the keys: 0x, lower case, no leading zeros.
func canonicalHash(s string) (string, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || digits == "" || len(digits) > 64 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", fmt.Errorf("transaction hash %.80q is not 0x and 1 to 64 hexadecimal digits", s)
	}
	digits = strings.ToLower(strings.TrimLeft(digits, "0"))
	if digits == "" {
		digits = "0"
	}
	return "0x" + digits, nil
}
