package proofstore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		NotProvable: []Exception{{Transaction: "0xc", Reason: "entry point needs builtin poseidon", Builtin: "poseidon"}},
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
	healthy := true
	h := Handler(s, func() (any, bool) { return map[string]any{"chain_id": "TEST", "height": 8}, healthy })
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
	healthy = false
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a stopped watcher's /healthz = %d", w.Code)
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
