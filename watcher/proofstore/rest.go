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

// latestLimit bounds the list of GET /v1/proofs without a block.
const latestLimit = 50

// Handler serves the store by REST (openapi.json is its description). status returns the body of GET /v1/status, health why the watcher
// does not do its work, or nil.
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

// cors lets pages of other origins read proofs: they are public and the handler only reads.
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

func exception(record *Record, hash string) Unproven {
	for _, e := range record.Unproven {
		if e.Transaction == hash {
			return e
		}
	}
	return Unproven{Transaction: hash, Reason: "not covered"}
}

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

func answer(w http.ResponseWriter, body any, err error) {
	if errors.Is(err, ErrNotFound) {
		fail(w, http.StatusNotFound, errors.New("not found; /v1/status says how far proving has come"))
		return
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
