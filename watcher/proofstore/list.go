package proofstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/starkd/starkd/watcher/blobs"
)

// The list of blocks with transactions is a sequence of objects, one for each block, in the order in which they were stored. An object is
// created only if it does not exist, so several watchers can append to one list. Pages are read from it without listing the bucket.

func listKey(position uint64) string { return fmt.Sprintf("list/%012d.json", position) }

// listed is an entry of the list.
type listed struct {
	Block uint64 `json:"block"`
}

const (
	// completeKey is an object that exists once all records are in the list. Stores of earlier versions have no list.
	completeKey = "list/complete.json"
	// lookBack is the number of entries in which an appended block is looked for. A watcher that crashed between the entry and the record
	// appends again; its entry is one of the last.
	lookBack = 64
	// listInterval is the age at which the end of the list is looked for again, because another watcher may append to it.
	listInterval = time.Second
)

// entry returns the block at a position of the list, or ErrNotFound.
func (s *Store) entry(ctx context.Context, position uint64) (uint64, error) {
	if block, ok := s.log.Get(position); ok {
		return block, nil
	}
	var e listed
	if err := s.readJSON(ctx, listKey(position), &e); err != nil {
		return 0, err
	}
	s.log.Add(position, e.Block)
	return e.Block, nil
}

// findEnd sets s.end to the number of entries. The caller holds s.mu.
func (s *Store) findEnd(ctx context.Context) error {
	has := func(position uint64) (bool, error) {
		_, err := s.entry(ctx, position)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	// Entries below low exist, the one at high does not.
	low, step := s.end, uint64(1)
	high := low
	for {
		ok, err := has(high)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		low, high, step = high+1, high+step, 2*step
	}
	for low < high {
		middle := low + (high-low)/2
		ok, err := has(middle)
		if err != nil {
			return err
		}
		if ok {
			low = middle + 1
		} else {
			high = middle
		}
	}
	s.end, s.asOf = low, time.Now()
	return nil
}

// list appends a block to the list, unless it is one of the last.
func (s *Store) list(ctx context.Context, block uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.findEnd(ctx); err != nil {
			return err
		}
		for position := s.end; position > 0 && position+lookBack > s.end; position-- {
			switch is, err := s.entry(ctx, position-1); {
			case err != nil:
				return err
			case is == block:
				return nil
			}
		}
		err := s.create(ctx, listKey(s.end), listed{block})
		if err == nil {
			s.log.Add(s.end, block)
			s.end++
			return nil
		}
		if !errors.Is(err, blobs.ErrExists) {
			return err
		}
	}
}

// completeList lists the records of a store of an earlier version, once. A crash in the middle repeats it.
func (s *Store) completeList(ctx context.Context) error {
	switch _, err := s.bucket.Size(ctx, completeKey); {
	case err == nil:
		return nil
	case !errors.Is(err, blobs.ErrNotFound):
		return fmt.Errorf("proofstore: %w", err)
	}
	var blocks []uint64
	for key, err := range s.bucket.List(ctx, "blocks/") {
		if err != nil {
			return fmt.Errorf("proofstore: %w", err)
		}
		var block uint64
		if _, err := fmt.Sscanf(key, "blocks/%d.json", &block); err == nil && recordKey(block) == key {
			blocks = append(blocks, block)
		}
	}
	slices.Sort(blocks)
	for {
		// A crash may have left gaps, so the entries up to the first gap are those that count.
		have := map[uint64]bool{}
		end := uint64(0)
		for ; ; end++ {
			block, err := s.entry(ctx, end)
			if errors.Is(err, ErrNotFound) {
				break
			}
			if err != nil {
				return err
			}
			have[block] = true
		}
		missing := slices.DeleteFunc(slices.Clone(blocks), func(block uint64) bool { return have[block] })
		if len(missing) == 0 {
			break
		}
		if err := s.append(ctx, end, missing); err != nil {
			return err
		}
	}
	if err := s.create(ctx, completeKey, struct{}{}); err != nil && !errors.Is(err, blobs.ErrExists) {
		return err
	}
	return nil
}

// append creates entries of the list from a position on. Entries that exist stay.
func (s *Store) append(ctx context.Context, position uint64, blocks []uint64) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
	for i, block := range blocks {
		group.Go(func() error {
			err := s.create(ctx, listKey(position+uint64(i)), listed{block})
			if errors.Is(err, blobs.ErrExists) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// Latest returns the records of the newest blocks that have transactions, newest first, at most limit of them.
func (s *Store) Latest(ctx context.Context, limit int) ([]*Record, error) {
	records, _, err := s.Page(ctx, 0, limit)
	return records, err
}

// Page returns records of blocks that have transactions, those that were stored last first, at most limit of them. before is 0 for the first
// page, and for each other page the second result of the page before it, which is 0 after the last page. The caller must not change the
// records.
func (s *Store) Page(ctx context.Context, before uint64, limit int) ([]*Record, uint64, error) {
	s.mu.Lock()
	if s.asOf.IsZero() || time.Since(s.asOf) > listInterval {
		if err := s.findEnd(ctx); err != nil {
			s.mu.Unlock()
			return nil, 0, err
		}
	}
	at := s.end
	s.mu.Unlock()
	if before != 0 {
		at = min(at, before)
	}
	records := []*Record{}
	for at > 0 && len(records) < limit {
		window := make([]*Record, min(at, uint64(limit-len(records))))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(concurrent)
		for i := range window {
			group.Go(func() error {
				block, err := s.entry(ctx, at-1-uint64(i))
				if err != nil {
					return err
				}
				if window[i], err = s.stored(ctx, block); errors.Is(err, ErrNotFound) {
					return nil // its watcher has not finished, or crashed
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, 0, err
		}
		at -= uint64(len(window))
		records = append(records, slices.DeleteFunc(window, func(r *Record) bool { return r == nil })...)
	}
	return records, at, nil
}
