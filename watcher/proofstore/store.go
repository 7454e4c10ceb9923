// Package proofstore stores proofs by block and by transaction, and serves them over HTTP (REST). It uses gocloud.dev/blob: files on disk by
// default, or object storage by URL.
//
// A bundle, the proofs of a block with the witness that a verifier needs, is one object. The record of a block is written after its bundle
// and the index entries of its transactions, so a record that exists names a bundle that exists. The record is the commit point: a writer
// that crashes before it writes the same objects again. Blocks without transactions have no record; the cursor is the height up to which all
// blocks have been handled.
package proofstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/memblob"  // mem://
	"gocloud.dev/gcerrors"
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

// Bundle describes a stored bundle.
type Bundle struct {
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
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

// position is the index entry of a transaction: the place of its proof.
type position struct {
	Block uint64 `json:"block"`
	Part  int    `json:"part"` // index of the proof in the bundle; -1 if no proof covers the transaction
}

// Store stores records and bundles in a bucket. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	cursor atomic.Uint64

	mu     sync.Mutex
	newest []uint64  // blocks of the newest records, ascending, at most listed of them
	asOf   time.Time // when the bucket was last listed; zero if never
}

// Open opens the bucket at a gocloud.dev URL, such as file:///var/lib/starkd/proofs or mem://.
func Open(ctx context.Context, url string) (*Store, error) {
	bucket, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("proofstore: %q: %w", url, err)
	}
	s := &Store{bucket: bucket}
	var at cursor
	if err := s.readJSON(ctx, cursorKey, &at); err != nil && !errors.Is(err, ErrNotFound) {
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
		data, err := json.Marshal(identity{chain, genesis})
		if err != nil {
			return err
		}
		return s.write(ctx, chainKey, data)
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
		data, err := json.Marshal(cursor{height})
		if err != nil {
			return err
		}
		if err := s.write(ctx, cursorKey, data); err != nil {
			return err
		}
	}
	s.cursor.Store(height)
	return nil
}

func bundleKey(block uint64) string     { return fmt.Sprintf("bundles/%012d.json", block) }
func recordKey(block uint64) string     { return fmt.Sprintf("blocks/%012d.json", block) }
func transactionKey(hash string) string { return "transactions/" + hash }

// PutBundle stores the bundle of a block, and replaces an existing one.
func (s *Store) PutBundle(ctx context.Context, block uint64, bundle []byte) (*Bundle, error) {
	digest := sha256.Sum256(bundle)
	return &Bundle{Size: int64(len(bundle)), SHA256: hex.EncodeToString(digest[:])}, s.write(ctx, bundleKey(block), bundle)
}

// PutRecord stores the index entries of a block's transactions and then its record. The bundle must be stored already.
func (s *Store) PutRecord(ctx context.Context, r *Record) error {
	index := func(hash string, part int) error {
		data, err := json.Marshal(position{r.Block, part})
		if err != nil {
			return err
		}
		return s.write(ctx, transactionKey(hash), data)
	}
	for _, entry := range r.Proofs {
		for _, hash := range entry.Transactions {
			if err := index(hash, entry.Part); err != nil {
				return err
			}
		}
	}
	for _, exception := range r.Unproven {
		if err := index(exception.Transaction, -1); err != nil {
			return err
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.write(ctx, recordKey(r.Block), data); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asOf.IsZero() {
		s.remember(r.Block)
	}
	return nil
}

// Record returns the record of a block. It is Empty for a handled block without transactions. For a block that has not been handled the
// error is ErrNotFound.
func (s *Store) Record(ctx context.Context, block uint64) (*Record, error) {
	r := new(Record)
	err := s.readJSON(ctx, recordKey(block), r)
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
	for i := range r.Proofs {
		if r.Proofs[i].Part == p.Part {
			return r, i, nil
		}
	}
	return r, -1, nil
}

// Bundle returns the bundle of a record, after checking its digest.
func (s *Store) Bundle(ctx context.Context, r *Record) ([]byte, error) {
	if r.Bundle == nil {
		return nil, fmt.Errorf("%w: block %d (%s) has no proof", ErrNotFound, r.Block, r.Status)
	}
	data, err := s.read(ctx, bundleKey(r.Block))
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(data); hex.EncodeToString(digest[:]) != r.Bundle.SHA256 {
		return nil, fmt.Errorf("proofstore: the bundle of block %d has digest %x, its record says %s", r.Block, digest, r.Bundle.SHA256)
	}
	return data, nil
}

// Latest returns the records of the newest blocks that have transactions, newest first, at most limit of them.
func (s *Store) Latest(ctx context.Context, limit int) ([]*Record, error) {
	numbers, err := s.latest(ctx)
	if err != nil {
		return nil, err
	}
	var records []*Record
	for i := len(numbers) - 1; i >= 0 && len(records) < limit; i-- {
		r := new(Record)
		if err := s.readJSON(ctx, recordKey(numbers[i]), r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

const (
	// listed is the number of newest records whose blocks are kept in memory.
	listed = 100
	// listInterval is the age at which a listing is repeated, because another watcher may write to the same bucket.
	listInterval = time.Minute
)

// latest returns the blocks of the newest records, ascending. Listing the bucket takes time in proportion to its records, so it is done at
// most once in listInterval. Records that this process writes are added without listing.
func (s *Store) latest(ctx context.Context) ([]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asOf.IsZero() || time.Since(s.asOf) > listInterval {
		s.newest = nil
		it := s.bucket.List(&blob.ListOptions{Prefix: "blocks/"})
		for {
			object, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				s.asOf = time.Time{}
				return nil, fmt.Errorf("proofstore: blocks/: %w", err)
			}
			var block uint64
			if _, err := fmt.Sscanf(object.Key, "blocks/%d.json", &block); err == nil && recordKey(block) == object.Key {
				s.remember(block)
			}
		}
		s.asOf = time.Now()
	}
	return slices.Clone(s.newest), nil
}

// remember adds a block to the newest records. The caller holds s.mu.
func (s *Store) remember(block uint64) {
	at, found := slices.BinarySearch(s.newest, block)
	if found {
		return
	}
	s.newest = slices.Insert(s.newest, at, block)
	if len(s.newest) > listed {
		s.newest = s.newest[1:]
	}
}

// write stores an object atomically: fileblob renames a temporary file, and object stores replace whole objects.
func (s *Store) write(ctx context.Context, key string, data []byte) error {
	if err := s.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
		return fmt.Errorf("proofstore: %s: %w", key, err)
	}
	return nil
}

// read returns an object, or ErrNotFound.
func (s *Store) read(ctx context.Context, key string) ([]byte, error) {
	data, err := s.bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("proofstore: %s: %w", key, err)
	}
	return data, nil
}

// readJSON decodes an object, or returns ErrNotFound. Unknown members are an error.
func (s *Store) readJSON(ctx context.Context, key string, into any) error {
	data, err := s.read(ctx, key)
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
