package proofstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/s3server"
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
	if _, err := s.Record(ctx, 7); errors.Is(err, ErrNotFound) {
		if _, _, err := s.Transaction(ctx, "0xa"); !errors.Is(err, ErrNotFound) {
			t.Fatalf("a transaction is found before its block's record is stored: %v", err)
		}
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
	if _, err := s.Record(ctx, 9); !errors.Is(err, ErrNotFound) {
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
	path := filepath.Join(dir, bundleKey(7, record.Bundle))
	other, err := compressed([]byte(`{"bundle":8}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{"digest": other, "gzip": []byte(`{"bundle":8}`), "EOF": other[:len(other)-1]} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Bundle(ctx, record); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a bundle changed on disk is served: %v, want %q", err, want)
		}
	}
	again, err := Open(ctx, "file://"+dir+"?no_tmp_dir=true&metadata=skip")
	if err != nil || again.Cursor() != 8 {
		t.Errorf("reopened: cursor %d, %v", again.Cursor(), err)
	}
}

// asker returns a function that sends a request with pairs of header fields to the handler of s.
func asker(s *Store) func(method, path string, header ...string) *httptest.ResponseRecorder {
	h := Handler(s, func() any { return nil }, func() error { return nil })
	return func(method, path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
}

// TestBundleRequests checks that the server does not send the body for HEAD, a bundle that the client has, or more than the requested range,
// and that it sends the bundle compressed to clients that take that.
func TestBundleRequests(t *testing.T) {
	dir := t.TempDir()
	s := fill(t, "file://"+dir)
	const path = "/v1/blocks/7/proof"
	ask := asker(s)
	whole := ask("GET", path)
	tag := whole.Header().Get("ETag")
	if whole.Code != 200 || whole.Body.String() != `{"bundle":7}` || len(tag) != 66 || whole.Header().Get("Content-Type") != "application/json" ||
		whole.Header().Get("Content-Encoding") != "" || !strings.Contains(whole.Header().Get("Cache-Control"), "immutable") {
		t.Fatalf("GET: %d %s %v", whole.Code, whole.Body, whole.Header())
	}
	packed := ask("GET", path, "Accept-Encoding", "br;q=1.0, gzip;q=0.5")
	data, err := decompressed(packed.Body.Bytes(), 100)
	packedTag := packed.Header().Get("ETag")
	if packed.Code != 200 || string(data) != `{"bundle":7}` || err != nil || packed.Header().Get("Content-Encoding") != "gzip" || packedTag == tag ||
		packed.Header().Get("Content-Length") != strconv.Itoa(packed.Body.Len()) || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("GET with gzip: %d %v %v", packed.Code, packed.Header(), err)
	}
	for _, encoding := range []string{"br", "gzip;q=0", "gzip; q=0.0", ""} {
		if w := ask("GET", path, "Accept-Encoding", encoding); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("GET with %q is compressed", encoding)
		}
	}
	for _, known := range []string{tag, packedTag, "*", `"other", W/` + tag} {
		for _, encoding := range []string{"", "gzip"} {
			if w := ask("GET", path, "If-None-Match", known, "Accept-Encoding", encoding); w.Code != http.StatusNotModified || w.Body.Len() != 0 || w.Header().Get("ETag") == "" {
				t.Errorf("GET of what the client has, %s: %d %s", known, w.Code, w.Body)
			}
		}
	}
	if w := ask("GET", path, "If-None-Match", `"other"`); w.Code != 200 {
		t.Errorf("GET of what the client does not have: %d", w.Code)
	}
	for _, encoding := range []string{"", "gzip"} {
		if w := ask("GET", path, "Range", "bytes=2-7", "Accept-Encoding", encoding); w.Code != http.StatusPartialContent || w.Body.String() != "bundle" ||
			w.Header().Get("Content-Range") != "bytes 2-7/12" || w.Header().Get("ETag") != tag {
			t.Errorf("GET of a range: %d %s %v", w.Code, w.Body, w.Header())
		}
	}
	if w := ask("GET", path, "Range", "bytes=2-7", "If-Range", `"other"`); w.Code != 200 || w.Body.Len() != 12 {
		t.Errorf("GET of a range of another bundle: %d %s", w.Code, w.Body)
	}
	if w := ask("GET", path, "Range", "bytes=12-"); w.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("GET of a range after the end: %d %s", w.Code, w.Body)
	}
	record, err := s.Record(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, bundleKey(7, record.Bundle))); err != nil {
		t.Fatal(err)
	}
	for encoding, want := range map[string]*httptest.ResponseRecorder{"": whole, "gzip": packed} {
		w := ask("HEAD", path, "Accept-Encoding", encoding)
		if w.Code != 200 || w.Header().Get("Content-Length") != strconv.Itoa(want.Body.Len()) || w.Header().Get("ETag") != want.Header().Get("ETag") || w.Body.Len() != 0 {
			t.Errorf("HEAD reads the bundle: %d %v", w.Code, w.Header())
		}
		if w := ask("GET", path, "Accept-Encoding", encoding); w.Code != http.StatusNotFound || w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "" {
			t.Errorf("GET of a lost bundle: %d %v", w.Code, w.Header())
		}
	}
}

// TestAnswers checks that an answer that the client has is not sent again, and that large ones are compressed.
func TestAnswers(t *testing.T) {
	s := fill(t, "mem://")
	ask := asker(s)
	w := ask("GET", "/v1/proofs?block=7", "Accept-Encoding", "gzip")
	tag := w.Header().Get("ETag")
	if tag == "" || w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("GET: %v", w.Header())
	}
	if w := ask("GET", "/v1/proofs?block=7", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("GET of what the client has: %d %s", w.Code, w.Body)
	}
	record := &Record{Block: 9, Status: NotProved}
	for i := range 100 {
		record.Unproven = append(record.Unproven, Unproven{Transaction: fmt.Sprintf("0x%x", 1<<40+i), Reason: "the day is too long"})
	}
	if err := s.PutRecord(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if w := ask("GET", "/v1/proofs?block=7", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("GET of what the client has: %d %s", w.Code, w.Body)
	}
	plain := ask("GET", "/v1/proofs").Body.String()
	w = ask("GET", "/v1/proofs", "Accept-Encoding", "gzip")
	data, err := decompressed(w.Body.Bytes(), 1<<20)
	if string(data) != plain || err != nil || w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > len(plain)/4 {
		t.Errorf("GET with gzip: %d bytes of %d, %v", w.Body.Len(), len(plain), err)
	}
}

// TestPages checks that pages have all records once, newest first, and that appending between two requests moves nothing.
func TestPages(t *testing.T) {
	s := fill(t, "mem://")
	ask := asker(s)
	ctx := t.Context()
	want := []uint64{7}
	for block := uint64(10); block < 134; block += 1 + block%3 {
		if err := s.PutRecord(ctx, &Record{Block: block, Status: NotProved}); err != nil {
			t.Fatal(err)
		}
		want = append(want, block)
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 7, len(want) - 1, len(want), 100} {
		var got []uint64
		for path := fmt.Sprintf("/v1/proofs?limit=%d", limit); path != ""; {
			w := ask("GET", path)
			var page struct {
				Blocks []Record `json:"blocks"`
				Next   string   `json:"next"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Blocks) > limit || len(page.Blocks) == 0 {
				t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
			}
			for _, r := range page.Blocks {
				got = append(got, r.Block)
			}
			path = page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", limit, got, want)
		}
	}
	if w := ask("GET", "/v1/proofs"); strings.Count(w.Body.String(), `"block":`) != pageSize {
		t.Errorf("%d blocks without a limit, want %d", strings.Count(w.Body.String(), `"block":`), pageSize)
	}
	_, next, err := s.Page(ctx, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutRecord(ctx, &Record{Block: 500, Status: NotProved}); err != nil {
		t.Fatal(err)
	}
	if records, _, err := s.Page(ctx, next, 1); err != nil || len(records) != 1 || records[0].Block != want[2] {
		t.Errorf("the second page has %v after a block was added, want block %d", records, want[2])
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "before=0", "before=-1", "before=x"} {
		if w := ask("GET", "/v1/proofs?"+query); w.Code != http.StatusBadRequest {
			t.Errorf("GET with %s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := ask("GET", "/v1/proofs?before=9223372036854775807&limit=100"); w.Code != 200 || !strings.Contains(w.Body.String(), `"block":500`) {
		t.Errorf("GET with a position after the end: %d %s", w.Code, w.Body)
	}
}

// TestTwoWatchers checks that two watchers that share a bucket have one list, and that the first record of a block counts.
func TestTwoWatchers(t *testing.T) {
	dir := t.TempDir()
	url := "file://" + dir
	a, b := fill(t, url), fill(t, url) // the second stores block 7 again
	ctx := t.Context()
	store := func(s *Store, block uint64, text string, parts int) *Record {
		t.Helper()
		r := &Record{Block: block, Status: NotProved, Transactions: []string{"0x1", "0x2"}}
		if text != "" {
			bundle, err := s.PutBundle(ctx, block, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			r.Status, r.Bundle = Proved, bundle
			for part := range parts {
				r.Proofs = append(r.Proofs, Entry{Block: block, Part: part, Transactions: r.Transactions[part*2/parts : (part+1)*2/parts]})
			}
		} else {
			r.Unproven = []Unproven{{Transaction: "0x1"}, {Transaction: "0x2"}}
		}
		if err := s.PutRecord(ctx, r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := store(a, 20, "whole", 1)
	store(b, 20, "in parts", 2)
	for _, s := range []*Store{a, b} {
		got, i, err := s.Transaction(ctx, "0x2")
		if err != nil || i != 0 || got.Bundle.SHA256 != first.Bundle.SHA256 {
			t.Errorf("transaction 0x2: %+v, %d, %v; want the first watcher's", got, i, err)
		}
	}
	if data, err := b.Bundle(ctx, first); err != nil || string(data) != "whole" {
		t.Errorf("the bundle that counts: %q, %v", data, err)
	}
	// A block that could not be proved may be proved later. A proof stays.
	store(a, 21, "", 0)
	if _, i, err := b.Transaction(ctx, "0x1"); i != -1 || err != nil {
		t.Errorf("transaction of a block without a proof: %d, %v", i, err)
	}
	store(b, 21, "proved", 2)
	store(a, 21, "", 0)
	if got, i, err := a.Transaction(ctx, "0x2"); err != nil || i != 1 || got.Status != Proved {
		t.Errorf("transaction of a block that was proved later: %+v, %d, %v", got, i, err)
	}
	store(b, 22, "last", 1)
	time.Sleep(listInterval + 10*time.Millisecond)
	for _, s := range []*Store{a, b} {
		records, err := s.Latest(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []uint64
		for _, r := range records {
			blocks = append(blocks, r.Block)
		}
		if want := []uint64{22, 21, 20, 7}; !slices.Equal(blocks, want) {
			t.Errorf("blocks %v, want %v", blocks, want)
		}
	}
}

// TestEarlierVersion checks that a folder of an earlier version works: it has no list, and its bundles are not compressed.
func TestEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	url := "file://" + dir + "?no_tmp_dir=true&metadata=skip"
	write := func(key, text string) {
		t.Helper()
		path := filepath.Join(dir, key)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bundle := []byte(`{"bundle":3}`)
	write("cursor.json", `{"height":40}`)
	write("chain.json", `{"chain_id":"TEST","genesis":"ab"}`)
	write("bundles/000000000003.json", string(bundle))
	write("bundles/000000000003.json.attrs", `{}`) // gocloud.dev's attributes
	write("blocks/000000000003.json", fmt.Sprintf(`{"block":3,"status":"proved","state_root":"0x1","transactions":["0xa"],"bundle":{"size":12,"sha256":%q},`+
		`"proofs":[{"block":3,"part":0,"transactions":["0xa"],"covered":["__execute__"],"not_covered":["__validate__"],"program_hash":"0x5","layout":"recursive","steps":131072,"security_bits":96,"proving_ms":9}]}`, digest(bundle)))
	write("transactions/0xa", `{"block":3,"part":0}`)
	want := []uint64{3}
	for block := uint64(4); block < 40; block += 5 {
		write(recordKey(block), fmt.Sprintf(`{"block":%d,"status":"not_provable","transactions":[],"proofs":[]}`, block))
		want = append(want, block)
	}
	write("blocks/readme.txt", "no record")
	// An attempt to complete the list crashed: it has a gap.
	write(listKey(0), `{"block":3}`)
	write(listKey(2), `{"block":9}`)
	for range 2 {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Bind(t.Context(), "TEST", "ab"); err != nil || s.Cursor() != 40 {
			t.Errorf("cursor %d, %v", s.Cursor(), err)
		}
		records, err := s.Latest(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []uint64
		for i := range records {
			blocks = append(blocks, records[len(records)-1-i].Block)
		}
		if !slices.Equal(blocks, want) {
			t.Errorf("blocks %v, want %v", blocks, want)
		}
		w := asker(s)("GET", "/v1/proofs/0xa/raw", "Accept-Encoding", "gzip")
		if w.Code != 200 || w.Body.String() != string(bundle) || w.Header().Get("Content-Encoding") != "" || w.Header().Get("ETag") != `"`+digest(bundle)+`"` {
			t.Errorf("the bundle of an earlier version: %d %s %v", w.Code, w.Body, w.Header())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlans checks that the first plan of a block stays, that plans are listed in order, and that a damaged one is refused.
func TestPlans(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s, err := Open(ctx, "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, blocks := range [][]uint64{{12, 15}, {7, 8, 11}, {1_000_000_000_000}} {
		if got, err := s.PutPlan(ctx, &Plan{Blocks: blocks, Settings: "{}"}); err != nil || !slices.Equal(got.Blocks, blocks) {
			t.Errorf("%v is stored as %v, %v", blocks, got, err)
		}
	}
	if got, err := s.PutPlan(ctx, &Plan{Blocks: []uint64{7, 8}}); err != nil || !slices.Equal(got.Blocks, []uint64{7, 8, 11}) || got.Settings != "{}" {
		t.Errorf("the second plan of block 7: got %v, %v", got, err)
	}
	if err := s.DeletePlan(ctx, 1_000_000_000_000); err != nil {
		t.Fatal(err)
	}
	if plans, err := s.Plans(ctx); err != nil || len(plans) != 2 || plans[0].Blocks[0] != 7 || plans[1].Blocks[0] != 12 {
		t.Errorf("got the plans %v, %v", plans, err)
	}
	for _, damaged := range []string{`{"blocks":[]}`, `{"blocks":[8]}`, `{"blocks":[7,6]}`, `{"blocks":[7],"x":1}`, `[7]`, ""} {
		if err := os.WriteFile(filepath.Join(dir, "plans", "000000000007.json"), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if plans, err := s.Plans(ctx); err == nil || !strings.Contains(err.Error(), "plans/000000000007.json") {
			t.Errorf("%s: got the plans %v, %v", damaged, plans, err)
		}
	}
}

// TestInputsAndProofs checks what passes between watchers and workers.
func TestInputsAndProofs(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	input := bytes.Repeat([]byte("input "), 1000)
	key, sum, err := s.PutInput(ctx, input)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.PutInput(ctx, input); again != key || err != nil {
		t.Errorf("storing again: %s, %v", again, err)
	}
	if got, err := s.Input(ctx, key, sum, int64(len(input))); !bytes.Equal(got, input) || err != nil {
		t.Errorf("input of %d bytes, %v", len(got), err)
	}
	for _, size := range []int64{-1, 0, 5999, 6001, maxInput + 1} {
		if _, err := s.Input(ctx, key, sum, size); err == nil {
			t.Errorf("an input of 6000 bytes was read as one of %d", size)
		}
	}
	if _, err := s.Input(ctx, "cursor.json", sum, 5); err == nil {
		t.Error("another object was read as an input")
	}
	if err := s.DeleteInput(ctx, "cursor.json"); err == nil {
		t.Error("another object was deleted as an input")
	}
	if err := s.DeleteInput(ctx, key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Input(ctx, key, sum, int64(len(input))); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted input: %v", err)
	}

	if ok, err := s.HasProof(ctx, "a"); ok || err != nil {
		t.Errorf("a job without a proof: %t, %v", ok, err)
	}
	if _, err := s.Proof(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the proof of a job without one: %v", err)
	}
	for i, want := range []bool{true, false, false} {
		if ok, err := s.PutProof(ctx, "a", fmt.Append(nil, "proof ", i)); ok != want || err != nil {
			t.Errorf("proof %d was stored: %t, %v", i, ok, err)
		}
	}
	if got, err := s.Proof(ctx, "a"); string(got) != "proof 0" || err != nil {
		t.Errorf("%q, %v; want the first proof", got, err)
	}
	if ok, err := s.HasProof(ctx, "a"); !ok || err != nil {
		t.Errorf("a job with a proof: %t, %v", ok, err)
	}
	if err := os.WriteFile(filepath.Join(dir, proofKey("a")), []byte("no gzip"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Proof(ctx, "a"); err == nil {
		t.Error("a damaged proof was read")
	}
	if err := s.DeleteProof(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.PutProof(ctx, "a", nil); !ok || err != nil {
		t.Errorf("a proof after the wrong one was deleted: %t, %v", ok, err)
	}
}

// TestS3 checks a store on a real server of the S3 protocol.
func TestS3(t *testing.T) {
	url := s3server.Start(t)
	s := fill(t, url)
	ask := asker(s)
	if w := ask("GET", "/v1/blocks/7/proof", "Range", "bytes=2-7"); w.Code != http.StatusPartialContent || w.Body.String() != "bundle" {
		t.Errorf("GET of a range: %d %s", w.Code, w.Body)
	}
	again := fill(t, url)
	if records, err := again.Latest(t.Context(), 5); err != nil || len(records) != 1 || again.Cursor() != 8 {
		t.Errorf("%d records, cursor %d, %v", len(records), again.Cursor(), err)
	}
	if err := again.Bind(t.Context(), "TEST", "ab"); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), "OTHER", "ab"); err == nil {
		t.Error("the store was bound to two chains")
	}
}

// TestBundleOfBlocks checks that a bundle of several blocks is one object, which each of the blocks has.
func TestBundleOfBlocks(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for block := uint64(5); block < 9; block++ {
		bundle, err := s.PutBundle(t.Context(), block, []byte("5 to 8"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PutRecord(t.Context(), &Record{Block: block, Status: Proved, Bundle: bundle}); err != nil {
			t.Fatal(err)
		}
		if w := asker(s)("GET", fmt.Sprintf("/v1/blocks/%d/proof", block)); w.Body.String() != "5 to 8" {
			t.Errorf("block %d: %d %s", block, w.Code, w.Body)
		}
	}
	if files, err := os.ReadDir(filepath.Join(dir, "bundles")); err != nil || len(files) != 1 {
		t.Errorf("%d files, %v; want 1", len(files), err)
	}
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
