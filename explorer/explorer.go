// Package explorer is the web page that a watcher serves: it shows blocks, transactions and contracts, and verifies proofs in the
// browser with our own verifier compiled to WebAssembly.
//
// The page is HTML, CSS and ES modules as they are in assets, with no framework, no build step and no request to another host.
// What it shows comes from the address that serves it: Starknet JSON-RPC at /rpc and proofs at /v1. Everything on a chain is
// written by strangers, so nothing is ever parsed as markup: assets/dom.js makes every element, and the content security
// policy with trusted types forbids the other ways. The verifier, assets/verifier.wasm and wasm_exec.js, is put there by make build;
// a binary without it says so and shows the command that verifies.
package explorer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed assets
var embedded embed.FS

// Chain is what the page is told of the chain that it shows: the body of GET /chain.json.
type Chain struct {
	ID       string `json:"chain_id"`
	FeeToken string `json:"fee_token"` // address of the ERC20 contract that fees are paid in
	Version  string `json:"version"`   // of the program that serves the page
	Verifier bool   `json:"verifier"`  // filled in by Handler: the binary holds the verifier
	// Genesis is the chain's genesis file, served as /genesis.json for readers who trust this server. Empty: none is offered.
	Genesis []byte `json:"-"`
}

// policy is the content security policy of every answer: our own files, and WebAssembly, which the verifier is. Trusted types
// leave no way to make markup or a script from a string; the policy named starkd makes the address of the one worker.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types starkd"

// contentTypes are those of the assets, by extension. The system's own table is not asked: a module or a WebAssembly file with
// another type does not start.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// file is what is served under one path.
type file struct {
	contentType string
	data        []byte
	etag        string
	gzipped     func() []byte // made when it is first asked for
}

func newFile(name string, data []byte) *file {
	digest := sha256.Sum256(data)
	return &file{
		contentType: contentTypes[path.Ext(name)], data: data, etag: hex.EncodeToString(digest[:16]),
		gzipped: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(data) // into memory: there is nothing to fail
			w.Close()
			return b.Bytes()
		}),
	}
}

// Handler serves the page at /, its files below /assets/, and what it is told of the chain as /chain.json and /genesis.json.
func Handler(chain Chain) (http.Handler, error) {
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		return nil, err
	}
	return handler(chain, assets)
}

func handler(chain Chain, assets fs.FS) (http.Handler, error) {
	files := map[string]*file{}
	err := fs.WalkDir(assets, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		if contentTypes[path.Ext(name)] == "" {
			return fmt.Errorf("explorer: asset %s has no content type", name)
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			files["/"] = newFile(name, data)
			return nil
		}
		files["/assets/"+name] = newFile(name, data)
		return nil
	})
	if err != nil {
		return nil, err
	}
	chain.Verifier = files["/assets/verifier.wasm"] != nil && files["/assets/wasm_exec.js"] != nil
	about, err := json.Marshal(struct {
		Chain
		Genesis bool `json:"genesis"` // it is offered
	}{chain, len(chain.Genesis) > 0})
	if err != nil {
		return nil, err
	}
	files["/chain.json"] = newFile("chain.json", about)
	if len(chain.Genesis) > 0 {
		files["/genesis.json"] = newFile("genesis.json", chain.Genesis)
	}
	return server(files), nil
}

// server answers for exactly these paths: what is not a key of the map does not exist, however it is spelled.
type server map[string]*file

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the explorer is only read", http.StatusMethodNotAllowed)
		return
	}
	f := s[r.URL.Path]
	if f == nil {
		http.Error(w, "not found; the explorer is at /", http.StatusNotFound)
		return
	}
	// A new binary has new files under the same names, so each use asks again; an unchanged file costs a 304.
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Type", f.contentType)
	header.Set("Vary", "Accept-Encoding")
	data, etag := f.data, f.etag
	if len(data) > 1024 && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		data, etag = f.gzipped(), etag+"-gzip"
	}
	header.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// acceptsGzip reads an Accept-Encoding header: gzip is listed, and not with weight 0.
func acceptsGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.ReplaceAll(strings.TrimSpace(weight), " ", "")
			return strings.TrimRight(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
