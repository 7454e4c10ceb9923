package proofstore

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

//go:embed openapi.json
var openAPI []byte

// latestLimit is the largest number of blocks in the answer of GET /v1/proofs without a block.
const latestLimit = 50

// Handler returns the HTTP handler of the store, which openapi.json describes. status returns the body of GET /v1/status. health returns nil
// if the watcher is healthy, or the reason why it is not.
func Handler(s *Store, status func() any, health func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/proofs", func(w http.ResponseWriter, r *http.Request) {
		block := r.URL.Query().Get("block")
		if block == "" {
			records, err := s.Latest(r.Context(), latestLimit)
			answer(w, map[string]any{"blocks": records}, err)
			return
		}
		number, err := parseBlock(block)
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		record, err := s.Record(r.Context(), number)
		if err != nil {
			answer(w, nil, err)
			return
		}
		answer(w, map[string]any{"block": record.Block, "status": record.Status, "state_root": record.StateRoot, "bundle": record.Bundle, "proofs": nonNil(record.Proofs), "not_provable": record.Unproven}, nil)
	})
	mux.HandleFunc("GET /v1/proofs/{tx_hash}", func(w http.ResponseWriter, r *http.Request) {
		record, i, ok := transaction(s, w, r)
		if !ok {
			return
		}
		hash, _ := canonicalHash(r.PathValue("tx_hash"))
		if i >= 0 {
			answer(w, struct {
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
		answer(w, struct {
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
			answer(w, nil, err)
			return
		}
		serveBundle(s, w, r, record)
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		answer(w, status(), nil)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := health(); err != nil {
			fail(w, http.StatusServiceUnavailable, err)
			return
		}
		answer(w, map[string]string{"status": "ok"}, nil)
	})
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(openAPI)
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
		answer(w, nil, err)
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

// serveBundle writes the bundle of a record to w. It supports HEAD, ranges and ETags.
func serveBundle(s *Store, w http.ResponseWriter, r *http.Request, record *Record) {
	if record.Bundle == nil {
		fail(w, http.StatusNotFound, fmt.Errorf("block %d (%s) has no proof", record.Block, record.Status))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Starkd-Proof-Parts", strconv.Itoa(len(record.Proofs)))
	w.Header().Set("ETag", `"`+record.Bundle.SHA256+`"`)
	if r.Method == http.MethodHead { // without reading the bundle
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", strconv.FormatInt(record.Bundle.Size, 10))
		return
	}
	data, err := s.Bundle(r.Context(), record)
	if err != nil {
		w.Header().Del("ETag")
		answer(w, nil, err)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data)) // ranges, If-None-Match
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
func answer(w http.ResponseWriter, body any, err error) {
	if errors.Is(err, ErrNotFound) {
		fail(w, http.StatusNotFound, errors.New("not found; /v1/status has the height up to which blocks have been handled"))
		return
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

// fail writes an error as JSON.
func fail(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
