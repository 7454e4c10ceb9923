// Package proofstore keeps proofs by block and by transaction and serves them by REST. It stores through gocloud.dev/blob:
// files on disk by default, object storage by URL.
//
// A bundle (a block's proofs with the witness that their check needs) is one object, named by block. A block's record is
// written after its bundle and its transactions' index entries, so a record that can be read names a bundle that can be
// read: the record is the commit point, and a writer that died before it simply writes the same objects again. Blocks
// without transactions have no record; the cursor says up to which height blocks have been handled.
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

// ErrNotFound is an absent block record, transaction or bundle.
var ErrNotFound = errors.New("proofstore: not found")

// Status says what became of a block or a transaction.
type Status string

// The fates of a block's transactions.
const (
	Proved    Status = "proved"       // covered by a stored proof; of a block: at least one transaction is
	Empty     Status = "empty"        // the block has no transactions
	NotProved Status = "not_provable" // executed on chain, outside what the layout can prove; Reason says why
)

// Record is what is stored of a block.
type Record struct {
	Block        uint64     `json:"block"`
	Status       Status     `json:"status"`
	StateRoot    string     `json:"state_root,omitempty"` // signed state commitment after the block, of one that is proved
	Transactions []string   `json:"transactions"`
	Bundle       *Bundle    `json:"bundle,omitempty"` // nil without a proof
	Proofs       []Entry    `json:"proofs"`
	Unproven     []Unproven `json:"not_provable,omitempty"` // of the transactions; all of them without a bundle
}

// Bundle describes a stored bundle.
type Bundle struct {
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Entry describes one proof of a block's bundle.
type Entry struct {
	Block         uint64   `json:"block"`
	Part          int      `json:"part"` // which of the bundle's proofs
	Transactions  []string `json:"transactions"`
	Proven        []string `json:"covered"`     // frames that the proof shows: constructor, __execute__, fee transfer
	UnprovenParts []string `json:"not_covered"` // frames that it does not: __validate__
	ProgramHash   string   `json:"program_hash"`
	Layout        string   `json:"layout"`
	Steps         uint64   `json:"steps"`
	SecurityBits  uint     `json:"security_bits"`         // conjectured
	ProvenBits    uint     `json:"proven_bits,omitempty"` // absent from older records
	ProvingMS     int64    `json:"proving_ms"`
}

// Unproven is a transaction that no proof covers, and why: a builtin or a syscall, or neither for one that is too long or
// whose block could not be proved.
type Unproven struct {
	Transaction string `json:"transaction"`
	Reason      string `json:"reason"`
	Builtin     string `json:"builtin,omitempty"`
	Syscall     string `json:"syscall,omitempty"`
}

// position is where a transaction's proof is.
type position struct {
	Block uint64 `json:"block"`
	Part  int    `json:"part"` // -1: not provable, the block's record says why
}

// Store keeps records and bundles in a bucket. Safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	cursor atomic.Uint64

	mu     sync.Mutex
	newest []uint64  // blocks of the newest records, ascending, at most listed
	asOf   time.Time // when the bucket was listed; zero if never
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
	Genesis string `json:"genesis"` // its digest
}

// ChainError is a store of another chain's proofs.
type ChainError struct {
	Chain, Stored         string // chain ids
	Genesis, StoredDigest string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("proofstore: it holds proofs of chain %q with genesis %s, not of chain %q with genesis %s", e.Stored, e.StoredDigest, e.Chain, e.Genesis)
}

// Bind makes the store that of a chain, named by its id and a digest of its genesis, or checks that it is.
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

type cursor struct {
	Height uint64 `json:"height"`
}

// Cursor returns the height up to which every block with transactions has a record.
func (s *Store) Cursor() uint64 { return s.cursor.Load() }

// SetCursor moves the cursor, durably only if sync is set: after a crash it may be lower, and blocks are looked at again.
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

// PutBundle stores a block's bundle. Writing it again replaces it.
func (s *Store) PutBundle(ctx context.Context, block uint64, bundle []byte) (*Bundle, error) {
	digest := sha256.Sum256(bundle)
	return &Bundle{Size: int64(len(bundle)), SHA256: hex.EncodeToString(digest[:])}, s.write(ctx, bundleKey(block), bundle)
}

// PutRecord stores a block's transaction index and then its record. Its bundle must have been stored.
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

// Record returns what is stored of a block, an Empty one for a handled block without transactions, or ErrNotFound.
func (s *Store) Record(ctx context.Context, block uint64) (*Record, error) {
	r := new(Record)
	err := s.readJSON(ctx, recordKey(block), r)
	if errors.Is(err, ErrNotFound) && block <= s.Cursor() {
		return &Record{Block: block, Status: Empty, Transactions: []string{}, Proofs: []Entry{}}, nil
	}
	return r, err
}

// Transaction returns the record of the transaction's block and the index in it of the entry that covers the transaction,
// -1 when none does. A transaction whose block's record is not complete yet is ErrNotFound.
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

// Bundle returns a record's bundle after checking its digest.
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
	// listed bounds what is remembered of the newest records.
	listed = 100
	// listInterval is how old a listing may be: another watcher may write to the same bucket.
	listInterval = time.Minute
)

// latest lists the newest records. The bucket is listed, which takes as long as it has records, at most once a minute; what this
// process writes is known without.
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

// remember adds a block to the newest records. The mutex is held.
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

// write is atomic: fileblob writes beside the target and renames, object stores replace whole objects.
func (s *Store) write(ctx context.Context, key string, data []byte) error {
	if err := s.bucket.WriteAll(ctx, key, data, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
		return fmt.Errorf("proofstore: %s: %w", key, err)
	}
	return nil
}

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

// canonicalHash brings a transaction hash from a URL into the form of the keys: 0x, lower case, no leading zeros.
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
