// Package explorer is the web page that a watcher serves. It shows blocks, transactions and contracts, and verifies proofs in the browser
// with our own verifier, compiled to WebAssembly.
//
// The page consists of the HTML, CSS and ES modules in assets. It uses no framework, no build step and no other host. Its data comes from
// the address that serves it: Starknet JSON-RPC at /rpc and proofs at /v1. All data of a chain is untrusted, so none of it is ever parsed
// as markup: assets/dom.js makes every element, and the content security policy with trusted types forbids other ways. make build writes
// the verifier to assets/verifier.wasm and wasm_exec.js; without it, the page says so and shows the command that verifies.
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

// Chain describes the chain to the page. It is the body of GET /chain.json.
type Chain struct {
	ID       string `json:"chain_id"`
	FeeToken string `json:"fee_token"` // address of the ERC20 contract that fees are paid in
	Version  string `json:"version"`   // of the program that serves the page
	Verifier bool   `json:"verifier"`  // set by Handler: the binary contains the verifier
	// Genesis is the chain's genesis file, served as /genesis.json for users who trust this server. If it is empty, it is not served.
	Genesis []byte `json:"-"`
}

// policy is the content security policy of every response. It allows the page's own files, and WebAssembly for the verifier. With trusted
// types no string becomes markup or a script; the trusted types policy starkd allows only the address of the page's worker.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types starkd"

// contentTypes maps the extensions of assets to content types. The system's table is not used, because browsers do not start a module or a
// WebAssembly file with another type.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".wasm": "application/wasm",
}

// file is the response for one path.
type file struct {
	contentType string
	data        []byte
	etag        string
	gzipped     func() []byte // compressed at the first call
}

func newFile(name string, data []byte) *file {
	digest := sha256.Sum256(data)
	return &file{
		contentType: contentTypes[path.Ext(name)], data: data, etag: hex.EncodeToString(digest[:16]),
		gzipped: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(data) // into memory, which cannot fail
			w.Close()
			return b.Bytes()
		}),
	}
}

// Handler returns a handler that serves the page at /, its files below /assets/, and chain as /chain.json and /genesis.json.
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
		Genesis bool `json:"genesis"` // whether it is served
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

// server serves files by their exact paths.
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
		http.Error(w, "the explorer allows only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	f := s[r.URL.Path]
	if f == nil {
		http.Error(w, "not found; the explorer is at /", http.StatusNotFound)
		return
	}
	// A new binary has new files under the same names, so browsers must revalidate each time. An unchanged file gets a 304.
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

// acceptsGzip reports whether an Accept-Encoding header lists gzip with a weight other than 0.
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
