package pebbledb

import (
	"archive/zip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/vfs"
	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestEmptyKeysAndNilValues checks that empty keys and nil values are rejected, and that an empty value is not nil.
func TestEmptyKeysAndNilValues(t *testing.T) {
	db := must(Open("x", t.TempDir()))
	defer db.Close()
	b := db.NewBatch()
	defer b.Close()
	v := []byte{1}
	for _, key := range [][]byte{nil, {}} {
		for name, f := range map[string]func() error{
			"Get":          func() error { _, err := db.Get(key); return err },
			"Has":          func() error { _, err := db.Has(key); return err },
			"Set":          func() error { return db.Set(key, v) },
			"SetSync":      func() error { return db.SetSync(key, v) },
			"Delete":       func() error { return db.Delete(key) },
			"DeleteSync":   func() error { return db.DeleteSync(key) },
			"Batch.Set":    func() error { return b.Set(key, v) },
			"Batch.Delete": func() error { return b.Delete(key) },
		} {
			if err := f(); !errors.Is(err, ErrKeyEmpty) {
				t.Errorf("%s of key %#v: %v, want %v", name, key, err, ErrKeyEmpty)
			}
		}
	}
	for _, bounds := range [][2][]byte{{{}, nil}, {nil, {}}} {
		if _, err := db.Iterator(bounds[0], bounds[1]); !errors.Is(err, ErrKeyEmpty) {
			t.Errorf("Iterator(%#v, %#v): %v, want %v", bounds[0], bounds[1], err, ErrKeyEmpty)
		}
		if _, err := db.ReverseIterator(bounds[0], bounds[1]); !errors.Is(err, ErrKeyEmpty) {
			t.Errorf("ReverseIterator(%#v, %#v): %v, want %v", bounds[0], bounds[1], err, ErrKeyEmpty)
		}
	}
	for name, err := range map[string]error{
		"Set": db.Set([]byte("k"), nil), "SetSync": db.SetSync([]byte("k"), nil), "Batch.Set": b.Set([]byte("k"), nil),
	} {
		if !errors.Is(err, ErrValueNil) {
			t.Errorf("%s of a nil value: %v, want %v", name, err, ErrValueNil)
		}
	}
	if err := db.Set([]byte("k"), []byte{}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Get([]byte("k")); got == nil || len(got) != 0 || err != nil {
		t.Errorf("an empty value reads as %#v, %v", got, err)
	}
	if got, err := db.Get([]byte("absent")); got != nil || err != nil {
		t.Errorf("an absent key reads as %#v, %v", got, err)
	}
}

// TestWrittenBatchIsClosed checks that a batch cannot be used after Write, WriteSync or Close.
func TestWrittenBatchIsClosed(t *testing.T) {
	db := must(Open("x", t.TempDir()))
	defer db.Close()
	for name, end := range map[string]func(dbm.Batch) error{
		"Write": dbm.Batch.Write, "WriteSync": dbm.Batch.WriteSync, "Close": dbm.Batch.Close,
	} {
		b := db.NewBatch()
		if err := errors.Join(b.Set([]byte(name), []byte{1}), end(b)); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"Set": b.Set([]byte("a"), []byte{1}), "Delete": b.Delete([]byte("a")), "Write": b.Write(), "WriteSync": b.WriteSync(),
		} {
			if !errors.Is(err, ErrBatchClosed) {
				t.Errorf("%s after %s: %v, want %v", what, name, err, ErrBatchClosed)
			}
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close after %s: %v", name, err)
		}
	}
	want := map[string]string{"Write": "\x01", "WriteSync": "\x01"}
	if diff := cmp.Diff(want, contents(t, db)); diff != "" {
		t.Error(diff)
	}
}

// TestIteratorPastItsEndPanics checks that methods of an invalid iterator panic.
func TestIteratorPastItsEndPanics(t *testing.T) {
	db := must(Open("x", t.TempDir()))
	defer db.Close()
	it := must(db.Iterator(nil, nil))
	defer it.Close()
	for name, f := range map[string]func(){"Key": func() { it.Key() }, "Value": func() { it.Value() }, "Next": it.Next} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of an invalid iterator does not panic", name)
				}
			}()
			f()
		}()
	}
}

// TestSameAsMemDB applies random operations to a database and to cometbft-db's in-memory database, and checks that their contents and
// iterators are the same.
func TestSameAsMemDB(t *testing.T) {
	key := rapid.SliceOfN(rapid.ByteRange(0, 3), 1, 3)
	bound := rapid.OneOf(rapid.Just([]byte(nil)), key)
	value := rapid.SliceOfN(rapid.Byte(), 0, 3)
	rapid.Check(t, func(r *rapid.T) {
		disk := vfs.NewMem()
		ours, theirs := must(open("x.db", &pebble.Options{FS: disk})), dbm.NewMemDB()
		defer func() { ours.Close() }()
		same := func(what string, a, b error) {
			if a != nil || b != nil {
				r.Fatalf("%s: %v and %v", what, a, b)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"set": func(r *rapid.T) {
				k, v := key.Draw(r, "key"), value.Draw(r, "value")
				if rapid.Bool().Draw(r, "sync") {
					same("SetSync", ours.SetSync(k, v), theirs.SetSync(k, v))
				} else {
					same("Set", ours.Set(k, v), theirs.Set(k, v))
				}
			},
			"delete": func(r *rapid.T) {
				k := key.Draw(r, "key")
				if rapid.Bool().Draw(r, "sync") {
					same("DeleteSync", ours.DeleteSync(k), theirs.DeleteSync(k))
				} else {
					same("Delete", ours.Delete(k), theirs.Delete(k))
				}
			},
			"batch": func(r *rapid.T) {
				a, b := ours.NewBatch(), theirs.NewBatch()
				for range rapid.IntRange(0, 5).Draw(r, "changes") {
					k := key.Draw(r, "key")
					if rapid.Bool().Draw(r, "set") {
						v := value.Draw(r, "value")
						same("Batch.Set", a.Set(k, v), b.Set(k, v))
					} else {
						same("Batch.Delete", a.Delete(k), b.Delete(k))
					}
				}
				if rapid.Bool().Draw(r, "write") {
					same("Batch.Write", a.Write(), b.Write())
				}
				same("Batch.Close", a.Close(), b.Close())
			},
			"iterate": func(r *rapid.T) {
				start, end := bound.Draw(r, "start"), bound.Draw(r, "end")
				up := [2][]string{pairs(r, must(ours.Iterator(start, end))), pairs(r, must(theirs.Iterator(start, end)))}
				down := [2][]string{pairs(r, must(ours.ReverseIterator(start, end))), pairs(r, must(theirs.ReverseIterator(start, end)))}
				if !slices.Equal(up[0], up[1]) || !slices.Equal(down[0], down[1]) {
					r.Fatalf("from %x to %x: up %q, want %q; down %q, want %q", start, end, up[0], up[1], down[0], down[1])
				}
			},
			"compact": func(r *rapid.T) {
				if len(pairs(r, must(theirs.Iterator(nil, nil)))) > 1 { // Pebble returns an error for a range of one key.
					same("Compact", ours.Compact(nil, nil), nil)
				}
			},
			"reopen": func(r *rapid.T) {
				same("Close", ours.Close(), nil)
				ours = must(open("x.db", &pebble.Options{FS: disk}))
			},
			"": func(r *rapid.T) {
				k := key.Draw(r, "key")
				a, errA := ours.Get(k)
				b, errB := theirs.Get(k)
				same("Get", errA, errB)
				if string(a) != string(b) || (a == nil) != (b == nil) {
					r.Fatalf("Get(%x) = %#v, want %#v", k, a, b)
				}
				hasA, errA := ours.Has(k)
				hasB, errB := theirs.Has(k)
				same("Has", errA, errB)
				if hasA != hasB {
					r.Fatalf("Has(%x) = %t, want %t", k, hasA, hasB)
				}
			},
		})
	})
}

// TestPowerFailure simulates a power failure, after which only synced data is left. It checks that a batch of WriteSync is left, and that a
// later batch of Write is left completely or not at all.
func TestPowerFailure(t *testing.T) {
	for after := range 2 {
		disk := vfs.NewStrictMem()
		// Pebble does not sync the parent of its own folder.
		if err := errors.Join(disk.MkdirAll("x.db", 0o755), must(disk.OpenDir("/")).Sync()); err != nil {
			t.Fatal(err)
		}
		db := must(open("x.db", &pebble.Options{FS: disk}))
		write := func(from int, end func(dbm.Batch) error) {
			b := db.NewBatch()
			for i := range 100 {
				if err := b.Set(fmt.Append(nil, from+i), []byte{1}); err != nil {
					t.Fatal(err)
				}
			}
			if err := end(b); err != nil {
				t.Fatal(err)
			}
		}
		write(1000, dbm.Batch.WriteSync)
		write(2000, dbm.Batch.Write)
		want := []int{100, 200}
		if after == 1 {
			if err := db.SetSync([]byte("3000"), []byte{1}); err != nil {
				t.Fatal(err)
			}
			want = []int{201}
		}
		disk.SetIgnoreSyncs(true)
		db.Close()
		disk.ResetToSyncedState()
		disk.SetIgnoreSyncs(false)
		db = must(open("x.db", &pebble.Options{FS: disk}))
		got := contents(t, db)
		if !slices.Contains(want, len(got)) || got["1099"] == "" {
			t.Errorf("after a power failure %d keys are left, want one of %d", len(got), want)
		}
		db.Close()
	}
}

// TestOpensCometDBsFiles opens a database that was written by cometbft-db v0.14.1, built with the tag pebbledb: 50 keys, a compaction, and
// removal of the first and the last key.
func TestOpensCometDBsFiles(t *testing.T) {
	dir := t.TempDir()
	archive := must(zip.OpenReader(filepath.Join("testdata", "cometbft-db.zip")))
	defer archive.Close()
	if err := os.CopyFS(dir, archive); err != nil {
		t.Fatal(err)
	}
	db := must(Open("made", dir))
	defer db.Close()
	want := map[string]string{}
	for i := 1; i < 49; i++ {
		want[fmt.Sprintf("key%02d", i)] = strings.Repeat("v", i)
	}
	if diff := cmp.Diff(want, contents(t, db)); diff != "" {
		t.Error(diff)
	}
	if err := db.SetSync([]byte("new"), []byte{}); err != nil {
		t.Error(err)
	}
}

// TestOneProcessAtATime checks that an open database cannot be opened again.
func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	db := must(Open("x", dir))
	defer db.Close()
	if second, err := Open("x", dir); err == nil {
		second.Close()
		t.Error("an open database opened a second time")
	}
}

// contents returns all keys and values that an iterator yields, and checks that Get returns the same.
func contents(t *testing.T, db dbm.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pair := range pairs(t, must(db.Iterator(nil, nil))) {
		key, value, _ := strings.Cut(pair, "=")
		all[key] = value
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if got := must(db.Get([]byte(key))); string(got) != all[key] {
			t.Errorf("Get(%q) = %q, an iterator says %q", key, got, all[key])
		}
	}
	return all
}

// pairs returns the keys and values that it yields, as key=value, and closes it.
func pairs(t interface{ Fatal(...any) }, it dbm.Iterator) []string {
	list := []string{}
	for ; it.Valid(); it.Next() {
		list = append(list, string(it.Key())+"="+string(it.Value()))
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
