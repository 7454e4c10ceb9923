package proofstore

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

//go:embed openapi.json
var openAPI []byte

// The number of blocks in the answer of GET /v1/proofs without a block: by default, and at most.
const (
	pageSize    = 50
	maxPageSize = 100
)

// Caching of answers. A bundle never changes. A record changes until its block is proved, so a client asks whether it has.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAsk     = "no-cache"
)

// Handler returns the HTTP handler of the store, which openapi.json describes. status returns the body of GET /v1/status. health returns nil
// if the watcher is healthy, or the reason why it is not.
func Handler(s *Store, status func() any, health func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/proofs", func(w http.ResponseWriter, r *http.Request) {
		block := r.URL.Query().Get("block")
		if block == "" {
			limit, before, err := page(r)
			if err != nil {
				fail(w, http.StatusBadRequest, err)
				return
			}
			records, next, err := s.Page(r.Context(), before, limit)
			body := map[string]any{"blocks": records}
			if next > 0 {
				body["next"] = fmt.Sprintf("/v1/proofs?limit=%d&before=%d", limit, next)
			}
			answer(w, r, body, err)
			return
		}
		number, err := parseBlock(block)
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		record, err := s.Record(r.Context(), number)
		if err != nil {
			answer(w, r, nil, err)
			return
		}
		answer(w, r, map[string]any{"block": record.Block, "status": record.Status, "state_root": record.StateRoot, "bundle": record.Bundle, "proofs": nonNil(record.Proofs), "not_provable": record.Unproven}, nil)
	})
	mux.HandleFunc("GET /v1/proofs/{tx_hash}", func(w http.ResponseWriter, r *http.Request) {
		record, i, ok := transaction(s, w, r)
		if !ok {
			return
		}
		hash, _ := canonicalHash(r.PathValue("tx_hash"))
		if i >= 0 {
			answer(w, r, struct {
				Transaction string  `json:"transaction"`
				Status      Status  `json:"status"`
				Block       uint64  `json:"block"`
				StateRoot   string  `json:"state_root"`
				Raw         string  `json:"raw"`
				Bundle      *Bundle `json:"bundle"`
				Proof       *Entry  `json:"proof"`
			}{hash, Proved, record.Block, record.StateRoot, "/v1/proofs/" + hash + "/raw", record.Bundle, &record.Proofs[i]}, nil)
			return
		}
		answer(w, r, struct {
			Transaction string   `json:"transaction"`
			Block       uint64   `json:"block"`
			Status      Status   `json:"status"`
			Unproven    Unproven `json:"exception"`
		}{hash, record.Block, NotProved, exception(record, hash)}, nil)
	})
	mux.HandleFunc("GET /v1/proofs/{tx_hash}/raw", func(w http.ResponseWriter, r *http.Request) {
		record, i, ok := transaction(s, w, r)
		if !ok {
			return
		}
		if i < 0 {
			hash, _ := canonicalHash(r.PathValue("tx_hash"))
			fail(w, http.StatusNotFound, fmt.Errorf("transaction %s of block %d has no proof: %s", hash, record.Block, exception(record, hash).Reason))
			return
		}
		serveBundle(s, w, r, record)
	})
	mux.HandleFunc("GET /v1/blocks/{n}/proof", func(w http.ResponseWriter, r *http.Request) {
		number, err := parseBlock(r.PathValue("n"))
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		record, err := s.Record(r.Context(), number)
		if err != nil {
			answer(w, r, nil, err)
			return
		}
		serveBundle(s, w, r, record)
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, status(), nil)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := health(); err != nil {
			fail(w, http.StatusServiceUnavailable, err)
			return
		}
		answer(w, r, map[string]string{"status": "ok"}, nil)
	})
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		serveJSON(w, r, openAPI)
	})
	return cors(mux)
}

// cors lets pages of all origins read proofs, which are public. The handler only reads.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// transaction looks up the transaction in the path of r. If there is none, it writes an error to w and returns false.
func transaction(s *Store, w http.ResponseWriter, r *http.Request) (*Record, int, bool) {
	hash, err := canonicalHash(r.PathValue("tx_hash"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return nil, 0, false
	}
	record, i, err := s.Transaction(r.Context(), hash)
	if err != nil {
		answer(w, r, nil, err)
		return nil, 0, false
	}
	return record, i, true
}

// exception returns the reason why no proof covers the transaction.
func exception(record *Record, hash string) Unproven {
	for _, e := range record.Unproven {
		if e.Transaction == hash {
			return e
		}
	}
	return Unproven{Transaction: hash, Reason: "not covered"}
}

// serveBundle writes the bundle of a record to w: compressed for a client that takes gzip and wants the whole of it. It supports HEAD, without
// reading the bundle, ranges, and ETags.
func serveBundle(s *Store, w http.ResponseWriter, r *http.Request, record *Record) {
	if record.Bundle == nil {
		fail(w, http.StatusNotFound, fmt.Errorf("block %d (%s) has no proof", record.Block, record.Status))
		return
	}
	packed := record.Bundle.Gzip > 0 && r.Header.Get("Range") == "" && takesGzip(r)
	tag, size := `"`+record.Bundle.SHA256+`"`, record.Bundle.Size
	if packed {
		tag, size = `"`+record.Bundle.SHA256+`-gzip"`, record.Bundle.Gzip
	}
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Starkd-Proof-Parts", strconv.Itoa(len(record.Proofs)))
	head.Set("ETag", tag)
	head.Set("Cache-Control", cacheForever)
	head.Set("Vary", "Accept-Encoding")
	head.Set("Accept-Ranges", "bytes")
	if has(r, `"`+record.Bundle.SHA256+`"`) || has(r, `"`+record.Bundle.SHA256+`-gzip"`) {
		head.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if packed {
		head.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead { // without reading the bundle
		head.Set("Content-Length", strconv.FormatInt(size, 10))
		return
	}
	stored, data, err := s.bundle(r.Context(), record)
	if err != nil {
		for _, name := range []string{"ETag", "Cache-Control", "Content-Encoding", "Accept-Ranges", "Starkd-Proof-Parts"} {
			head.Del(name)
		}
		answer(w, r, nil, err)
		return
	}
	if packed {
		head.Set("Content-Length", strconv.Itoa(len(stored)))
		w.Write(stored)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data)) // ranges, If-Range
}

// takesGzip reports whether the client accepts gzip.
func takesGzip(r *http.Request) bool {
	for _, field := range r.Header["Accept-Encoding"] {
		for coding := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(coding, ";")
			if name = strings.ToLower(textproto.TrimString(name)); name != "gzip" && name != "*" {
				continue
			}
			quality, given := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			q, err := strconv.ParseFloat(quality, 64)
			return !given || err == nil && q > 0
		}
	}
	return false
}

// has reports whether the client has the content with an ETag already.
func has(r *http.Request, tag string) bool {
	for _, field := range r.Header["If-None-Match"] {
		for candidate := range strings.SplitSeq(field, ",") {
			if candidate = strings.TrimPrefix(textproto.TrimString(candidate), "W/"); candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// page returns the parameters limit and before of a page of the list.
func page(r *http.Request) (limit int, before uint64, err error) {
	limit = pageSize
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPageSize {
			return 0, 0, fmt.Errorf("limit %.80q is not between 1 and %d", text, maxPageSize)
		}
	}
	if text := r.URL.Query().Get("before"); text != "" {
		if before, err = strconv.ParseUint(text, 10, 63); err != nil || before == 0 {
			return 0, 0, fmt.Errorf("before %.80q is not a position from an answer's next", text)
		}
	}
	return limit, before, nil
}

func parseBlock(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("block %.80q is not a decimal number below 2^63", s)
	}
	return n, nil
}

func nonNil(entries []Entry) []Entry {
	if entries == nil {
		return []Entry{}
	}
	return entries
}

// answer writes body as JSON, or an error.
func answer(w http.ResponseWriter, r *http.Request, body any, err error) {
	if errors.Is(err, ErrNotFound) {
		fail(w, http.StatusNotFound, errors.New("not found; /v1/status has the height up to which blocks have been handled"))
		return
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(body)
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	serveJSON(w, r, append(data, '\n'))
}

// leastPacked is the size in bytes from which an answer is compressed.
const leastPacked = 1 << 10

// serveJSON writes an answer, with an ETag, compressed if it is large and the client takes gzip.
func serveJSON(w http.ResponseWriter, r *http.Request, data []byte) {
	head := w.Header()
	tag := `"` + digest(data)[:32] + `"`
	head.Set("ETag", "W/"+tag) // weak: the same for both encodings
	head.Set("Cache-Control", cacheAsk)
	head.Set("Vary", "Accept-Encoding")
	if has(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head.Set("Content-Type", "application/json")
	if len(data) < leastPacked || !takesGzip(r) {
		head.Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
		return
	}
	head.Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	defer packed.Close() // an error here is a client that has gone
	packed.Write(data)
}

// fail writes an error as JSON.
func fail(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
