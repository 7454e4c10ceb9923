package proofstore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func fill(t *testing.T, url string) *Store {
	t.Helper()
	ctx := context.Background()
	s, err := Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	entry := Entry{Block: 7, Part: 0, Transactions: []string{"0xa", "0xb"}, Layout: "recursive"}
	bundle, err := s.PutBundle(ctx, 7, []byte(`{"bundle":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Transaction(ctx, "0xa"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a transaction is found before its block's record is stored: %v", err)
	}
	record := &Record{
		Block: 7, Status: Proved, StateRoot: "0x1", Bundle: bundle, Proofs: []Entry{entry}, Transactions: []string{"0xa", "0xb", "0xc"},
		Unproven: []Unproven{{Transaction: "0xc", Reason: "entry point needs builtin poseidon", Builtin: "poseidon"}},
	}
	for range 2 { // storing again changes nothing
		if err := s.PutRecord(ctx, record); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Record(ctx, 8); !errors.Is(err, ErrNotFound) {
		t.Fatalf("a block that was not handled: %v", err)
	}
	if err := s.SetCursor(ctx, 8, true); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestREST(t *testing.T) {
	s := fill(t, "mem://")
	var fault error
	h := Handler(s, func() any { return map[string]any{"chain_id": "TEST", "height": 8} }, func() error { return fault })
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/v1/proofs?block=7", 200, `"transactions":["0xa","0xb"]`},
		{"/v1/proofs?block=8", 200, `"proofs":[]`},
		{"/v1/proofs?block=9", 404, "not found"},
		{"/v1/proofs?block=x", 400, `block \"x\" is not`},
		{"/v1/proofs", 200, `"blocks":[{"block":7`},
		{"/v1/proofs/0x0A", 200, `"raw":"/v1/proofs/0xa/raw"`},
		{"/v1/proofs/0xc", 200, `"builtin":"poseidon"`},
		{"/v1/proofs/0xd", 404, "not found"},
		{"/v1/proofs/0xg", 400, "hexadecimal"},
		{"/v1/proofs/0xa/raw", 200, `{"bundle":7}`},
		{"/v1/proofs/0xc/raw", 404, "poseidon"},
		{"/v1/blocks/7/proof", 200, `{"bundle":7}`},
		{"/v1/blocks/8/proof", 404, "(empty)"},
		{"/v1/blocks/-1/proof", 400, "decimal"},
		{"/v1/status", 200, `"chain_id":"TEST"`},
		{"/healthz", 200, "ok"},
		{"/openapi.json", 200, "openapi"},
		{"/nothing", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, c.path, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("GET %s = %d %s; want %d and %q", c.path, w.Code, w.Body, c.code, c.want)
		}
		if c.code == 200 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("GET %s: not JSON: %s", c.path, w.Body)
		}
	}
	fault = errors.New("halted: app hash after block 7")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), fault.Error()) {
		t.Errorf("a stopped watcher's /healthz = %d %s", w.Code, w.Body)
	}
}

func TestFilesAndDigests(t *testing.T) {
	dir := t.TempDir()
	s := fill(t, "file://"+dir+"?no_tmp_dir=true&metadata=skip")
	ctx := context.Background()
	record, i, err := s.Transaction(ctx, "0xb")
	if err != nil || i != 0 {
		t.Fatalf("Transaction = %v, %d, %v", record, i, err)
	}
	if data, err := s.Bundle(ctx, record); err != nil || string(data) != `{"bundle":7}` {
		t.Fatalf("Bundle = %s, %v", data, err)
	}
	path := filepath.Join(dir, "bundles", "000000000007.json")
	if err := os.WriteFile(path, []byte(`{"bundle":8}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bundle(ctx, record); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("a bundle changed on disk is served: %v", err)
	}
	again, err := Open(ctx, "file://"+dir+"?no_tmp_dir=true&metadata=skip")
	if err != nil || again.Cursor() != 8 {
		t.Errorf("reopened: cursor %d, %v", again.Cursor(), err)
	}
}

// TestBundleRequests checks that the server does not send the body for HEAD, a bundle that the client has, or more than the requested range.
func TestBundleRequests(t *testing.T) {
	dir := t.TempDir()
	s := fill(t, "file://"+dir+"?no_tmp_dir=true&metadata=skip")
	h := Handler(s, func() any { return nil }, func() error { return nil })
	ask := func(method string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/v1/blocks/7/proof", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	whole := ask("GET")
	tag := whole.Header().Get("ETag")
	if whole.Code != 200 || whole.Body.String() != `{"bundle":7}` || len(tag) != 66 || whole.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("GET: %d %s %v", whole.Code, whole.Body, whole.Header())
	}
	if w := ask("GET", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("GET of what the client has: %d %s", w.Code, w.Body)
	}
	if w := ask("GET", "Range", "bytes=2-7"); w.Code != http.StatusPartialContent || w.Body.String() != "bundle" {
		t.Errorf("GET of a range: %d %s", w.Code, w.Body)
	}
	if err := os.Remove(filepath.Join(dir, "bundles", "000000000007.json")); err != nil {
		t.Fatal(err)
	}
	if w := ask("HEAD"); w.Code != 200 || w.Header().Get("Content-Length") != "12" || w.Header().Get("ETag") != tag || w.Body.Len() != 0 {
		t.Errorf("HEAD reads the bundle: %d %v", w.Code, w.Header())
	}
	if w := ask("GET"); w.Code != http.StatusNotFound || w.Header().Get("ETag") != "" {
		t.Errorf("GET of a lost bundle: %d %v", w.Code, w.Header())
	}
}

// TestLatest checks that Latest knows records of this process at once, and those of another process within a minute.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fill(t, "mem://")
		latest := func(limit int) (blocks []uint64) {
			t.Helper()
			records, err := s.Latest(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				blocks = append(blocks, r.Block)
			}
			return blocks
		}
		put := func(block uint64) {
			t.Helper()
			if err := s.PutRecord(t.Context(), &Record{Block: block, Status: NotProved}); err != nil {
				t.Fatal(err)
			}
		}
		if got := latest(5); !slices.Equal(got, []uint64{7}) {
			t.Errorf("at first %v", got)
		}
		put(12)
		put(9)
		put(9)
		if got := latest(5); !slices.Equal(got, []uint64{12, 9, 7}) {
			t.Errorf("after three more %v", got)
		}
		if err := s.bucket.WriteAll(t.Context(), recordKey(10), []byte(`{"block":10}`), nil); err != nil {
			t.Fatal(err)
		}
		if got := latest(2); !slices.Equal(got, []uint64{12, 9}) {
			t.Errorf("the bucket is listed again at once: %v", got)
		}
		time.Sleep(listInterval + 1)
		if got := latest(3); !slices.Equal(got, []uint64{12, 10, 9}) {
			t.Errorf("after a minute %v", got)
		}
		for block := range uint64(listed) {
			put(100 + block)
		}
		if got := latest(2 * listed); len(got) != listed || got[0] != 100+listed-1 || got[listed-1] != 100 {
			t.Errorf("%d are remembered: %v", len(got), got)
		}
	})
}

// TestBind checks that a store accepts the proofs of one chain only.
func TestBind(t *testing.T) {
	s := fill(t, "mem://")
	for range 2 {
		if err := s.Bind(t.Context(), "TEST", "ab"); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range [][2]string{{"OTHER", "ab"}, {"TEST", "ac"}} {
		err := s.Bind(t.Context(), other[0], other[1])
		if e, ok := errors.AsType[*ChainError](err); !ok || e.Stored != "TEST" || e.StoredDigest != "ab" {
			t.Errorf("as the store of %v: %v", other, err)
		}
	}
}
