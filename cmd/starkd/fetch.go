package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/prover/stone"
)

// Limits of a download. A bundle is mostly hexadecimal digits, which gzip halves; it reduces compiled classes to an eighth.
const (
	downloadTimeout = 5 * time.Minute
	inflateRatio    = 32      // the inflated data may have inflateRatio times the downloaded bytes
	inflateFree     = 1 << 20 // plus inflateFree bytes
	maxExcerpt      = 300     // bytes of the body of an HTTP error that are shown
)

// fetch returns the content of a proof file, of standard input for "-", or of a URL. It returns an error for more than
// stone.MaxProofJSON bytes, compressed or inflated.
func fetch(cmd *cobra.Command, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		return readFile(cmd, from, stone.MaxProofJSON)
	}
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	// With this header set the transport does not inflate the body itself, which it would do without a bound.
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := (&http.Client{Timeout: downloadTimeout}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	download := &meter{r: response.Body, most: stone.MaxProofJSON, what: "download"}
	var body io.Reader = download
	switch coding := response.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		unzip, err := gzip.NewReader(download)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		body = &meter{r: unzip, most: stone.MaxProofJSON, what: "inflated download", from: download}
	default:
		return nil, fmt.Errorf("%s: Content-Encoding %.40q, want gzip or none", from, coding)
	}
	if response.StatusCode != http.StatusOK {
		excerpt, _ := io.ReadAll(io.LimitReader(body, maxExcerpt))
		return nil, fmt.Errorf("%s: status %.100q: %q", from, response.Status, bytes.TrimSpace(excerpt))
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return data, nil
}

// meter is a reader that counts its bytes and returns an error above a bound: most, or the bound on inflating from.
type meter struct {
	r    io.Reader
	n    int64
	most int64
	what string
	from *meter // nil if the bytes were not inflated
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.n > m.most {
		return n, fmt.Errorf("%s of more than %d bytes", m.what, m.most)
	}
	if m.from != nil && m.n > inflateRatio*m.from.n+inflateFree {
		return n, fmt.Errorf("%d bytes inflate to more than %d; the limit is %d times the download plus %d bytes", m.from.n, m.n-int64(n), inflateRatio, inflateFree)
	}
	return n, err
}

// boundMemory sets the memory limit of the garbage collector for verifying a file of n bytes, so that the process stays near 8n + 64 MB.
// Without a limit the heap would grow to twice the memory in use. release restores the previous limit.
func boundMemory(n int) (release func()) {
	before := debug.SetMemoryLimit(min(7*int64(n)+(48<<20), 1<<40))
	return func() { debug.SetMemoryLimit(before) }
}
