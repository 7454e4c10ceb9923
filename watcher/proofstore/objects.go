package proofstore

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/starkd/starkd/watcher/blobs"
)

// bundleKey returns the key of the bundle of a block.
func bundleKey(block uint64, b *Bundle) string {
	if b.Gzip == 0 {
		return fmt.Sprintf("bundles/%012d.json", block) // of an earlier version
	}
	return fmt.Sprintf("bundles/%s.json.gz", b.SHA256)
}

// PutBundle stores a bundle that has the proof of a block and returns its description, for the record of the block. A bundle of several blocks
// is stored once.
func (s *Store) PutBundle(ctx context.Context, block uint64, bundle []byte) (*Bundle, error) {
	if len(bundle) > maxBundle {
		return nil, fmt.Errorf("proofstore: the bundle of block %d has %d bytes, at most %d are stored", block, len(bundle), maxBundle)
	}
	packed, err := compressed(bundle)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Size: int64(len(bundle)), SHA256: digest(bundle), Gzip: int64(len(packed))}
	key := bundleKey(block, b)
	err = s.bucket.Create(ctx, key, packed)
	if errors.Is(err, blobs.ErrExists) { // equal contents, but maybe compressed by another version of Go
		b.Gzip, err = s.bucket.Size(ctx, key)
	}
	if err != nil {
		return nil, fmt.Errorf("proofstore: %w", err)
	}
	return b, nil
}

// Bundle returns the bundle of a record, after checking its digest.
func (s *Store) Bundle(ctx context.Context, r *Record) ([]byte, error) {
	_, data, err := s.bundle(ctx, r)
	return data, err
}

// bundle returns the bundle of a record as it is stored, and decompressed, after checking its digest. Both are equal for a bundle of an
// earlier version.
func (s *Store) bundle(ctx context.Context, r *Record) (stored, data []byte, err error) {
	if r.Bundle == nil {
		return nil, nil, fmt.Errorf("%w: block %d (%s) has no proof", ErrNotFound, r.Block, r.Status)
	}
	if stored, err = s.read(ctx, bundleKey(cmp.Or(r.Bundle.Block, r.Block), r.Bundle), maxBundle); err != nil {
		return nil, nil, err
	}
	if data = stored; r.Bundle.Gzip > 0 {
		data, err = decompressed(stored, min(r.Bundle.Size, maxBundle))
	}
	if err == nil && digest(data) != r.Bundle.SHA256 {
		err = fmt.Errorf("it has digest %s, its record says %s", digest(data), r.Bundle.SHA256)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("proofstore: the bundle of block %d: %w", r.Block, err)
	}
	return stored, data, nil
}

// maxInput bounds the input of a job and a finished proof, in bytes.
const maxInput = 256 << 20

// InputKey returns the key of the input with a SHA-256 in hexadecimal.
func InputKey(digest string) string { return "inputs/" + digest + ".gz" }

// PutInput stores the input of a job and returns its key and its SHA-256 in hexadecimal. Storing it again changes nothing.
func (s *Store) PutInput(ctx context.Context, input []byte) (key, sum string, err error) {
	if len(input) > maxInput {
		return "", "", fmt.Errorf("proofstore: an input of %d bytes exceeds %d", len(input), maxInput)
	}
	sum = digest(input)
	key = InputKey(sum)
	return key, sum, s.createPacked(ctx, key, input)
}

// createPacked stores an object in compressed form, unless it exists.
func (s *Store) createPacked(ctx context.Context, key string, data []byte) error {
	if _, err := s.bucket.Size(ctx, key); err == nil {
		return nil
	}
	packed, err := compressed(data)
	if err != nil {
		return err
	}
	if err := s.bucket.Create(ctx, key, packed); err != nil && !errors.Is(err, blobs.ErrExists) {
		return fmt.Errorf("proofstore: %w", err)
	}
	return nil
}

// Input returns the input of a job, after checking its size and its digest. The error is ErrNotFound if it is not stored.
func (s *Store) Input(ctx context.Context, key, sum string, size int64) ([]byte, error) {
	if key != InputKey(sum) || size < 0 || size > maxInput {
		return nil, fmt.Errorf("proofstore: the input of %d bytes with digest %.80q cannot be at %.80q", size, sum, key)
	}
	packed, err := s.read(ctx, key, maxInput)
	if err != nil {
		return nil, err
	}
	data, err := decompressed(packed, size)
	if err == nil && (int64(len(data)) != size || digest(data) != sum) {
		err = fmt.Errorf("%d bytes with digest %s, want %d", len(data), digest(data), size)
	}
	if err != nil {
		return nil, fmt.Errorf("proofstore: %s: %w", key, err)
	}
	return data, nil
}

// DeleteInput deletes the input of a job that is done.
func (s *Store) DeleteInput(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, "inputs/") {
		return fmt.Errorf("proofstore: %.80q is not the key of an input", key)
	}
	return s.bucket.Delete(ctx, key)
}

// proofKey returns the key of the proof of a job.
func proofKey(job string) string { return "proofs/" + job + ".gz" }

// PutProof stores the proof of a job, and reports whether it did: false means that the job has a stored proof already, which stays.
func (s *Store) PutProof(ctx context.Context, job string, proof []byte) (bool, error) {
	if len(proof) > maxInput {
		return false, fmt.Errorf("proofstore: a proof of %d bytes exceeds %d", len(proof), maxInput)
	}
	packed, err := compressed(proof)
	if err != nil {
		return false, err
	}
	err = s.bucket.Create(ctx, proofKey(job), packed)
	if errors.Is(err, blobs.ErrExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("proofstore: %w", err)
	}
	return true, nil
}

// HasProof reports whether the proof of a job is stored, without reading it.
func (s *Store) HasProof(ctx context.Context, job string) (bool, error) {
	_, err := s.bucket.Size(ctx, proofKey(job))
	if errors.Is(err, blobs.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("proofstore: %w", err)
	}
	return true, nil
}

// Proof returns the proof of a job, or ErrNotFound. Any worker could have written it: the caller verifies it.
func (s *Store) Proof(ctx context.Context, job string) ([]byte, error) {
	packed, err := s.read(ctx, proofKey(job), maxInput)
	if err != nil {
		return nil, err
	}
	proof, err := decompressed(packed, maxInput)
	if err != nil {
		return nil, fmt.Errorf("proofstore: %s: %w", proofKey(job), err)
	}
	return proof, nil
}

// DeleteProof deletes the proof of a job: one that is part of bundles by now, or one that is wrong, so that the job can be done again.
func (s *Store) DeleteProof(ctx context.Context, job string) error {
	return s.bucket.Delete(ctx, proofKey(job))
}

// Proofs returns the names of the jobs with stored proofs. It takes time in proportion to their number.
func (s *Store) Proofs(ctx context.Context) (jobs []string, err error) {
	for key, err := range s.bucket.List(ctx, "proofs/") {
		if err != nil {
			return nil, fmt.Errorf("proofstore: %w", err)
		}
		jobs = append(jobs, strings.TrimSuffix(strings.TrimPrefix(key, "proofs/"), ".gz"))
	}
	return jobs, nil
}

// planKey returns the key of the plan whose first block is first.
func planKey(first uint64) string { return fmt.Sprintf("plans/%012d.json", first) }

// Plan says what a job proves.
type Plan struct {
	Blocks   []uint64 `json:"blocks"`             // at least one, in ascending order
	Settings string   `json:"settings,omitempty"` // of the watcher that made the plan, in its own form
}

// PutPlan stores a plan, unless there is one with the same first block, and returns the stored plan.
func (s *Store) PutPlan(ctx context.Context, p *Plan) (*Plan, error) {
	key := planKey(p.Blocks[0])
	err := s.create(ctx, key, p)
	if errors.Is(err, blobs.ErrExists) {
		return s.readPlan(ctx, key)
	}
	return p, err
}

// readPlan returns a plan, or ErrNotFound.
func (s *Store) readPlan(ctx context.Context, key string) (*Plan, error) {
	p := new(Plan)
	if err := s.readJSON(ctx, key, p); err != nil {
		return nil, err
	}
	if len(p.Blocks) == 0 || planKey(p.Blocks[0]) != key || !slices.IsSorted(p.Blocks) {
		return nil, fmt.Errorf("proofstore: %s has the blocks %.200v, want ascending ones from its own on", key, p.Blocks)
	}
	return p, nil
}

// Plans returns the stored plans, in ascending order of their first blocks.
func (s *Store) Plans(ctx context.Context) (plans []*Plan, err error) {
	for key, err := range s.bucket.List(ctx, "plans/") {
		if err != nil {
			return nil, fmt.Errorf("proofstore: %w", err)
		}
		p, err := s.readPlan(ctx, key)
		if errors.Is(err, ErrNotFound) { // another watcher has just deleted it
			continue
		}
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// DeletePlan deletes the plan whose first block is first, whose blocks have records by now.
func (s *Store) DeletePlan(ctx context.Context, first uint64) error {
	return s.bucket.Delete(ctx, planKey(first))
}

// digest returns the SHA-256 of data in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// compressed returns data in gzip's format.
func compressed(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decompressed returns the contents of packed, which are gzip's format. More than limit bytes are an error.
func decompressed(packed []byte, limit int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return data, nil
}
