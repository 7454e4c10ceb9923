package explorer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func newTestHandler(t *testing.T, assets fs.FS) http.Handler {
	t.Helper()
	h, err := handler(Chain{ID: "CHAIN", FeeToken: "0x1", Version: "v", Genesis: []byte(`{"chain_id":"CHAIN"}`)}, assets)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://host/", nil)
	r.URL.Path = target // not cleaned
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func pageAssets(t *testing.T) fs.FS {
	t.Helper()
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		t.Fatal(err)
	}
	return assets
}

// withVerifier returns the page's assets with a stub of the verifier, or without a verifier. It does not depend on make build.
func withVerifier(t *testing.T, has bool) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	assets := pageAssets(t)
	names, err := fs.Glob(assets, "*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "verifier.wasm" || name == "wasm_exec.js" || strings.HasPrefix(name, ".") {
			continue
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	if has {
		out["verifier.wasm"] = &fstest.MapFile{Data: []byte("\x00asm\x01\x00\x00\x00")}
		out["wasm_exec.js"] = &fstest.MapFile{Data: []byte("globalThis.Go = class {};")}
	}
	return out
}

// TestPathsAndTypes checks the content types of all kinds of files.
func TestPathsAndTypes(t *testing.T) {
	h := newTestHandler(t, withVerifier(t, true))
	for target, want := range map[string]string{
		"/":                     "text/html; charset=utf-8",
		"/assets/style.css":     "text/css; charset=utf-8",
		"/assets/main.js":       "text/javascript; charset=utf-8",
		"/assets/worker.js":     "text/javascript; charset=utf-8",
		"/assets/wasm_exec.js":  "text/javascript; charset=utf-8",
		"/assets/verifier.wasm": "application/wasm",
		"/assets/icon.svg":      "image/svg+xml",
		"/chain.json":           "application/json",
		"/genesis.json":         "application/json",
	} {
		r := ask(h, "GET", target)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != want {
			t.Errorf("GET %s: %d %q, want 200 %q", target, r.StatusCode, r.Header.Get("Content-Type"), want)
		}
		if len(body(t, r)) == 0 {
			t.Errorf("GET %s: empty", target)
		}
		if head := ask(h, "HEAD", target); head.StatusCode != http.StatusOK || body(t, head) != "" {
			t.Errorf("HEAD %s: %d, or a body", target, head.StatusCode)
		}
	}
}

// TestOtherPathsAreRefused checks that other paths give 404 and other methods 405.
func TestOtherPathsAreRefused(t *testing.T) {
	h := newTestHandler(t, withVerifier(t, true))
	for _, target := range []string{
		"/index.html", "/assets", "/assets/", "/assets/index.html", "/assets/../explorer.go", "/assets/../../go.mod", "/../go.mod",
		"/assets/..%2fexplorer.go", "/assets//main.js", "/assets/./main.js", "//", "/assets/.gitignore", "/main.js", "/assets/main.js/",
		"/assets\\main.js", "/etc/passwd", "",
	} {
		if r := ask(h, "GET", target); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %q: %d, want 404", target, r.StatusCode)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := ask(h, method, "/"); r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /: %d, want 405", method, r.StatusCode)
		}
	}
}

// TestSecurityHeadersAreOnEveryAnswer checks the security headers of responses, including errors.
func TestSecurityHeadersAreOnEveryAnswer(t *testing.T) {
	h := newTestHandler(t, withVerifier(t, true))
	for _, target := range []string{"/", "/assets/worker.js", "/chain.json", "/nowhere"} {
		header := ask(h, "GET", target).Header
		csp := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval';", "require-trusted-types-for 'script'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("GET %s: policy %q lacks %q", target, csp, want)
			}
		}
		for _, never := range []string{"unsafe-inline", "'unsafe-eval'", "http:", "https:", "*", "data:", "blob:"} {
			if strings.Contains(csp, never) {
				t.Errorf("GET %s: policy %q has %q", target, csp, never)
			}
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("GET %s: headers %v", target, header)
		}
	}
}

// TestCaching checks that an unchanged file gives 304.
func TestCaching(t *testing.T) {
	h := newTestHandler(t, withVerifier(t, true))
	first := ask(h, "GET", "/assets/main.js")
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("ETag %q, Cache-Control %q", tag, first.Header.Get("Cache-Control"))
	}
	if again := ask(h, "GET", "/assets/main.js", "If-None-Match", tag); again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("with its tag: %d, want 304", again.StatusCode)
	}
	if other := ask(h, "GET", "/assets/main.js", "If-None-Match", `"other"`); other.StatusCode != http.StatusOK {
		t.Errorf("with another tag: %d, want 200", other.StatusCode)
	}
}

// TestGzip checks which responses are compressed, and that they decompress to the file.
func TestGzip(t *testing.T) {
	h := newTestHandler(t, withVerifier(t, true))
	plain := ask(h, "GET", "/assets/main.js")
	want := body(t, plain)
	for accept, packed := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "deflate,GZIP": true, "gzip; q=1.0": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "xgzip": false,
	} {
		r := ask(h, "GET", "/assets/main.js", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("Accept-Encoding %q: packed %v, want %v", accept, got, packed)
			continue
		}
		if !packed {
			continue
		}
		if r.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("Accept-Encoding %q: the tag of the plain file", accept)
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != want {
			t.Errorf("Accept-Encoding %q: %d bytes and %v, want the file's %d", accept, len(got), err, len(want))
		}
	}
}

// TestChain checks chain.json and genesis.json.
func TestChain(t *testing.T) {
	for _, has := range []bool{true, false} {
		h := newTestHandler(t, withVerifier(t, has))
		var got map[string]any
		if err := json.NewDecoder(ask(h, "GET", "/chain.json").Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got["chain_id"] != "CHAIN" || got["fee_token"] != "0x1" || got["version"] != "v" || got["verifier"] != has || got["genesis"] != true {
			t.Errorf("verifier %v: chain.json is %v", has, got)
		}
		status := http.StatusNotFound
		if has {
			status = http.StatusOK
		}
		if r := ask(h, "GET", "/assets/verifier.wasm"); r.StatusCode != status {
			t.Errorf("verifier %v: GET verifier.wasm: %d, want %d", has, r.StatusCode, status)
		}
	}
	h, err := handler(Chain{ID: "CHAIN"}, withVerifier(t, false))
	if err != nil {
		t.Fatal(err)
	}
	if r := ask(h, "GET", "/genesis.json"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a genesis that was not given: %d, want 404", r.StatusCode)
	}
}

// TestHalfAVerifierIsNone checks that the verifier needs both of its files.
func TestHalfAVerifierIsNone(t *testing.T) {
	assets := withVerifier(t, true).(fstest.MapFS)
	delete(assets, "wasm_exec.js")
	if got := body(t, ask(newTestHandler(t, assets), "GET", "/chain.json")); !strings.Contains(got, `"verifier":false`) {
		t.Errorf("chain.json without wasm_exec.js: %s", got)
	}
}

// TestUnknownAssetIsAnError checks that an asset without a known content type is an error.
func TestUnknownAssetIsAnError(t *testing.T) {
	if _, err := handler(Chain{}, fstest.MapFS{"notes.txt": {Data: []byte("x")}}); err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("an asset without a content type: %v", err)
	}
}

// TestAssetsNameNoOtherHost checks that assets do not refer to other hosts, do not make markup or code from strings, and have no inline code.
func TestAssetsNameNoOtherHost(t *testing.T) {
	external := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}|(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment|setHTML|srcdoc`)
	inline := regexp.MustCompile(`(?i)<script(?:\s+type="module")?>|\son[a-z]+=|\sstyle=|javascript:`)
	checked := 0
	assets := withVerifier(t, false)
	names, _ := fs.Glob(assets, "*")
	for _, name := range names {
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		data = bytes.ReplaceAll(data, []byte("http://www.w3.org/2000/svg"), nil) // a namespace, which browsers do not fetch
		if hit := external.Find(data); hit != nil {
			t.Errorf("%s names another host: %s", name, hit)
		}
		if hit := markup.Find(data); strings.HasSuffix(name, ".js") && hit != nil {
			t.Errorf("%s makes markup or code from strings: %s", name, hit)
		}
		if hit := inline.Find(data); strings.HasSuffix(name, ".html") && hit != nil {
			t.Errorf("%s has inline code or style, which the policy forbids: %s", name, hit)
		}
	}
	if checked < 8 {
		t.Errorf("only %d assets", checked)
	}
}
