package proofstore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watcherFolder makes a test binary store blocks in the store at the URL that it holds, like a watcher, until it is killed.
const watcherFolder = "STARKD_TEST_PROOFSTORE"

func TestMain(m *testing.M) {
	if url := os.Getenv(watcherFolder); url != "" {
		if err := watchForever(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// bundleOf returns the bundle that a process stores for a block. Two processes have different ones, as watchers with other settings have.
func bundleOf(block uint64, process int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d by %d,", block, process), 2000)
}

// hashesOf returns the hashes of the transactions of a block.
func hashesOf(block uint64) []string {
	var hashes []string
	for i := range 3 {
		hashes = append(hashes, fmt.Sprintf("0x%x", block*16+uint64(i)))
	}
	return hashes
}

// watchForever handles blocks after the cursor. Every third block is empty. It prints each block whose record it has stored.
func watchForever(url string) error {
	ctx := context.Background()
	s, err := Open(ctx, url)
	if err != nil {
		return err
	}
	if err := s.Bind(ctx, "TEST", "ab"); err != nil {
		return err
	}
	for block := s.Cursor() + 1; ; block++ {
		if block%3 != 0 {
			r := &Record{Block: block, Status: Proved, Transactions: hashesOf(block), Proofs: []Entry{{Block: block, Transactions: hashesOf(block)}}}
			if r.Bundle, err = s.PutBundle(ctx, block, bundleOf(block, os.Getpid())); err != nil {
				return err
			}
			if err := s.PutRecord(ctx, r); err != nil {
				return err
			}
			fmt.Println(block)
		}
		if err := s.SetCursor(ctx, block, block%3 != 0); err != nil {
			return err
		}
	}
}

// TestKilledWatchers kills two watchers that share a store at random instants. Every block up to the cursor has one record, its bundle, the index
// entries of its transactions and one entry in the list, and no record that was stored is lost.
func TestKilledWatchers(t *testing.T) {
	url := "file://" + t.TempDir()
	rounds := 4
	if os.Getenv("STARKD_FULL") != "" {
		rounds = 50
	}
	told := map[string]bool{}
	for round := range rounds {
		var outputs [2]bytes.Buffer
		var commands [2]*exec.Cmd
		for i := range commands {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), watcherFolder+"="+url)
			c.Stdout, c.Stderr = &outputs[i], &outputs[i]
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			commands[i] = c
		}
		time.Sleep(time.Duration(200+53*round%150) * time.Millisecond)
		for i, c := range commands {
			if err := c.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatalf("%v: %s", err, &outputs[i])
			}
			if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("%v: %s", err, &outputs[i])
			}
			for line := range strings.Lines(outputs[i].String()) {
				if strings.HasSuffix(line, "\n") {
					told[strings.TrimSpace(line)] = true
				}
			}
		}
	}
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	var want []uint64
	for block := uint64(1); block <= s.Cursor(); block++ {
		if block%3 != 0 {
			want = append(want, block)
		}
	}
	if len(want) < rounds || len(told) < rounds {
		t.Fatalf("the cursor is %d, %d blocks were reported", s.Cursor(), len(told))
	}
	blocks := slices.Clone(want)
	for line := range told {
		var block uint64
		if _, err := fmt.Sscan(line, &block); err != nil {
			t.Fatal(err)
		}
		if block > s.Cursor() {
			blocks = append(blocks, block)
		}
	}
	for _, block := range blocks {
		r, err := s.Record(ctx, block)
		if err != nil {
			t.Errorf("block %d: %v", block, err)
			continue
		}
		data, err := s.Bundle(ctx, r)
		var process int
		if err == nil {
			_, err = fmt.Sscanf(string(data), fmt.Sprintf("%d by %%d,", block), &process)
		}
		if err != nil || !bytes.Equal(data, bundleOf(block, process)) {
			t.Errorf("the bundle of block %d: %v", block, err)
		}
		for _, hash := range hashesOf(block) {
			if r, i, err := s.Transaction(ctx, hash); err != nil || r.Block != block || i != 0 {
				t.Errorf("transaction %s of block %d: %+v, %d, %v", hash, block, r, i, err)
			}
		}
	}
	listed := map[uint64]int{}
	for before := uint64(0); ; {
		records, next, err := s.Page(ctx, before, maxPageSize)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			listed[r.Block]++
		}
		if before = next; next == 0 {
			break
		}
	}
	for _, block := range blocks {
		if listed[block] != 1 {
			t.Errorf("block %d is in the list %d times", block, listed[block])
		}
	}
	t.Logf("%d blocks, %d kills", len(blocks), 2*rounds)
}
