package download

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func zip(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGet(t *testing.T) {
	good := []byte(`{"proof_hex":"0x` + strings.Repeat("ab", 1000) + `"}`)
	bomb := zip(t, bytes.Repeat([]byte(`{},`), 8<<20))
	answers := map[string]struct {
		status int
		coding string
		body   []byte
		want   string // in the error; "" if the file is read
	}{
		"/plain":    {200, "", good, ""},
		"/identity": {200, "identity", good, ""},
		"/gzip":     {200, "gzip", zip(t, good), ""},
		"/bomb":     {200, "gzip", bomb, "the limit is 32 times the download plus 1048576 bytes"},
		"/broken":   {200, "gzip", good, "gzip: invalid header"},
		"/cut":      {200, "gzip", zip(t, good)[:40], "unexpected EOF"},
		"/br":       {200, "br", good, `Content-Encoding "br", want gzip or none`},
		"/esc":      {500, "", []byte("\x1b[2K\x1b[1Avalid: block 7"), `status "500 Internal Server Error": "\x1b[2K\x1b[1Avalid: block 7"`},
		"/bomb500":  {500, "gzip", bomb, `status "500 Internal Server Error": "{},`},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[r.URL.Path]
		if a.coding != "" {
			w.Header().Set("Content-Encoding", a.coding)
		}
		w.WriteHeader(a.status)
		w.Write(a.body)
	}))
	defer server.Close()
	for path, a := range answers {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		data, err := Get(t.Context(), server.URL+path, 256<<20)
		runtime.ReadMemStats(&after)
		switch {
		case a.want == "" && (err != nil || !bytes.Equal(data, good)):
			t.Errorf("%s: %d bytes, %v", path, len(data), err)
		case a.want != "" && (err == nil || !strings.Contains(err.Error(), a.want) || strings.Contains(err.Error(), "\x1b")):
			t.Errorf("%s: %q, want %q", path, err, a.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8*uint64(len(a.body))+64<<20 {
			t.Errorf("%s: %d bytes allocated for a download of %d", path, used, len(a.body))
		}
	}
}

// The last size that is read and the first that is not.
func TestMeter(t *testing.T) {
	read := func(n, most int64, downloaded int64) error {
		m := &meter{r: io.LimitReader(rand.NewChaCha8([32]byte{}), n), most: most, what: "file"}
		if downloaded > 0 {
			m.from = &meter{n: downloaded}
		}
		got, err := io.ReadAll(m)
		if err == nil && int64(len(got)) != n {
			t.Errorf("%d bytes read of %d", len(got), n)
		}
		return err
	}
	const ratio = 32*1000 + 1<<20
	for _, c := range []struct {
		n, most, downloaded int64
		good                bool
	}{
		{1 << 16, 1 << 16, 0, true}, {1<<16 + 1, 1 << 16, 0, false}, {0, 0, 0, true}, {1, 0, 0, false},
		{ratio, 1 << 30, 1000, true}, {ratio + 1, 1 << 30, 1000, false}, {ratio, ratio - 1, 1000, false},
	} {
		if err := read(c.n, c.most, c.downloaded); (err == nil) != c.good {
			t.Errorf("%d bytes, at most %d, %d downloaded: %v", c.n, c.most, c.downloaded, err)
		}
	}
}
