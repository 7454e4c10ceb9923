package blobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/s3server"
)

// open opens a store and closes it at the end of the test.
func open(t *testing.T, url string) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestStores runs the same checks on every kind of store. The S3 protocol is that of versitygw, a real server.
func TestStores(t *testing.T) {
	t.Run("memory", func(t *testing.T) { conform(t, open(t, "mem://")) })
	t.Run("folder", func(t *testing.T) { conform(t, open(t, "file://"+t.TempDir())) })
	t.Run("s3", func(t *testing.T) {
		b := open(t, s3server.Start(t))
		conform(t, b)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Get(ended, "listing", 100); err == nil {
			t.Error("an ended context does not end a request")
		}
	})
	t.Run("yours", func(t *testing.T) {
		url := os.Getenv("STARKD_TEST_BUCKET")
		if url == "" {
			t.Skip("STARKD_TEST_BUCKET is not the URL of an empty bucket")
		}
		conform(t, open(t, url))
	})
	t.Run("s3 with a prefix", func(t *testing.T) { conform(t, open(t, s3server.Start(t)+"&prefix=chain/proofs/")) })
}

// conform checks what Bucket promises.
func conform(t *testing.T, b *Bucket) {
	ctx := t.Context()
	get := func(key string) string {
		t.Helper()
		data, err := b.Get(ctx, key, 100)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if _, err := b.Get(ctx, "a/b.json", 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading what is not there: %v", err)
	}
	if _, err := b.Size(ctx, "a/b.json"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the size of what is not there: %v", err)
	}
	if err := b.Delete(ctx, "a/b.json"); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	if err := b.Create(ctx, "a/b.json", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := b.Create(ctx, "a/b.json", []byte("second")); !errors.Is(err, ErrExists) {
		t.Errorf("creating what is there: %v", err)
	}
	if got := get("a/b.json"); got != "first" {
		t.Errorf("%q, want the first", got)
	}
	for _, text := range []string{"third", "", "fourth"} {
		if err := b.Put(ctx, "a/b.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := get("a/b.json"); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	if n, err := b.Size(ctx, "a/b.json"); n != 6 || err != nil {
		t.Errorf("size %d, %v; want 6", n, err)
	}
	if _, err := b.Get(ctx, "a/b.json", 5); err == nil {
		t.Error("6 bytes were read with a bound of 5")
	}
	if data, err := b.Get(ctx, "a/b.json", 6); string(data) != "fourth" || err != nil {
		t.Errorf("%q, %v; want 6 bytes with a bound of 6", data, err)
	}
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "fourth"}, {2, 3, "urt"}, {4, -1, "th"}, {4, 100, "th"}} {
		r, err := b.Range(ctx, "a/b.json", c.offset, c.length)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); string(data) != c.want || err != nil {
			t.Errorf("range %d, %d: %q, %v; want %q", c.offset, c.length, data, err, c.want)
		}
	}
	for _, key := range []string{"list/2", "list/10", "list/1", "other/3", "listing"} {
		if err := b.Put(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for key, err := range b.List(ctx, "list/") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if want := []string{"list/1", "list/10", "list/2"}; !slices.Equal(keys, want) {
		t.Errorf("list %q, want %q", keys, want)
	}
	for range b.List(ctx, "list/") {
		break // the listing must bear that
	}
	for range b.List(ctx, "nothing/") {
		t.Error("a folder that is not there has keys")
	}
	if err := b.Delete(ctx, "list/1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "list/1", 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading what was deleted: %v", err)
	}
	if err := b.Create(ctx, "list/1", nil); err != nil {
		t.Errorf("creating what was deleted: %v", err)
	}

	// One of many writers succeeds, and its object stays. It is large enough for an upload in parts.
	const writers = 8
	var created atomic.Int64
	var winner atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			switch err := b.Create(ctx, "race", bytes.Repeat([]byte{byte(i)}, 9<<20)); {
			case err == nil:
				created.Add(1)
				winner.Store(int64(i))
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	all.Wait()
	data, err := b.Get(ctx, "race", 10<<20)
	if err != nil {
		t.Fatal(err)
	}
	if created.Load() != 1 || len(data) != 9<<20 || bytes.Count(data, []byte{byte(winner.Load())}) != len(data) {
		t.Errorf("%d of %d writers created the object, of %d bytes", created.Load(), writers, len(data))
	}
}

func TestKeys(t *testing.T) {
	b := open(t, "file://"+t.TempDir())
	for _, key := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".tmp/a", "a.", "a b", "a\x00", "ä", strings.Repeat("a", 501)} {
		for doing, err := range map[string]error{
			"put": b.Put(t.Context(), key, nil), "create": b.Create(t.Context(), key, nil), "delete": b.Delete(t.Context(), key),
		} {
			if err == nil {
				t.Errorf("%s %q", doing, key)
			}
		}
	}
	if err := b.Put(t.Context(), strings.Repeat("a/", 20)+"B_1-2.json.gz", nil); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"file://" + dir: "",
		"file://" + dir + "?no_tmp_dir=true&metadata=skip&create_dir=true": "",
		"file://" + dir + "/new?create_dir=true":                           "",
		"file://" + dir + "/missing":                                       "no such file",
		"file://" + file:                                                   "not a folder",
		"file://relative/path":                                             "three slashes",
		"file:///":                                                         "three slashes",
		"file://" + dir + "?colour=red":                                    "unknown parameter",
		"ftp://a":                                                          "ftp",
		"s3://":                                                            "",
		"\x7f":                                                             "malformed",
	} {
		b, err := Open(t.Context(), url)
		if err == nil {
			b.Close()
		}
		if url == "s3://" {
			if err == nil {
				t.Errorf("%q was opened", url)
			}
			continue
		}
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// writerFolder makes a test binary write objects into the folder that it names, until it is killed.
const writerFolder = "STARKD_TEST_BLOBS_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerFolder); dir != "" {
		if err := writeForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// objectOf returns the object that writers store under the number n.
func objectOf(n int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%08d", n)), 1000) }

// writeForever creates numbered objects, with an index object that is replaced after each, and prints the number of each that is stored.
func writeForever(dir string) error {
	ctx := context.Background()
	b, err := Open(ctx, "file://"+dir)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		switch err := b.Create(ctx, fmt.Sprintf("objects/%d", n), objectOf(n)); {
		case err == nil:
			if err := b.Put(ctx, "index.json", fmt.Appendf(nil, "%08d", n)); err != nil {
				return err
			}
			fmt.Println(n)
		case !errors.Is(err, ErrExists):
			return err
		}
	}
}

// TestKilledWriters kills processes that write to one folder at random instants, two at a time. Each object was created by one of them, every
// object is whole, and nothing that was reported as stored is lost.
func TestKilledWriters(t *testing.T) {
	dir := t.TempDir()
	rounds := 4
	if os.Getenv("STARKD_FULL") != "" {
		rounds = 50
	}
	made := map[string]int{}
	for round := range rounds {
		var outputs [2]bytes.Buffer
		var commands [2]*exec.Cmd
		for i := range commands {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), writerFolder+"="+dir)
			c.Stdout, c.Stderr = &outputs[i], &outputs[i]
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			commands[i] = c
		}
		time.Sleep(time.Duration(150+37*round%100) * time.Millisecond)
		for i, c := range commands {
			if err := c.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatalf("%v: %s", err, &outputs[i])
			}
			_ = c.Wait() // killed
			for line := range strings.Lines(outputs[i].String()) {
				if strings.HasSuffix(line, "\n") {
					made[strings.TrimSpace(line)]++
				}
			}
		}
	}
	b := open(t, "file://"+dir)
	stored := 0
	for key, err := range b.List(t.Context(), "objects/") {
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscanf(key, "objects/%d", &n); err != nil {
			t.Fatal(err)
		}
		data, err := b.Get(t.Context(), key, 1<<20)
		if err != nil || !bytes.Equal(data, objectOf(n)) {
			t.Errorf("%s is damaged: %d bytes, %v", key, len(data), err)
		}
		stored++
	}
	for n, times := range made {
		if times != 1 {
			t.Errorf("object %s was created %d times", n, times)
		}
		if _, err := b.Size(t.Context(), "objects/"+n); err != nil {
			t.Errorf("object %s: %v", n, err)
		}
	}
	index, err := b.Get(t.Context(), "index.json", 100)
	if err != nil || len(index) != 8 {
		t.Errorf("the index is %q, %v", index, err)
	}
	if len(made) < 2*rounds || stored < len(made) {
		t.Errorf("%d objects, of which %d were reported", stored, len(made))
	}
	t.Logf("%d objects, %d reported, %d kills", stored, len(made), 2*rounds)
	if err := os.Chtimes(filepath.Join(dir, temporary), time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	rest, err := os.ReadDir(filepath.Join(dir, temporary))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rest {
		old := time.Now().Add(-2 * staleAfter)
		if err := os.Chtimes(filepath.Join(dir, temporary, e.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	open(t, "file://"+dir)
	if rest, err = os.ReadDir(filepath.Join(dir, temporary)); err != nil || len(rest) != 0 {
		t.Errorf("%d files of killed writers are left, %v", len(rest), err)
	}
}
