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

// Limits of a download. A bundle is hexadecimal digits for the most part, which gzip halves; compiled classes shrink to an eighth.
const (
	downloadTimeout = 5 * time.Minute
	inflateRatio    = 32      // what is inflated may be so many times what was downloaded
	inflateFree     = 1 << 20 // and so many bytes more
	maxExcerpt      = 300     // bytes of an error's body that are shown
)

// fetch reads a proof file, standard input for "-", or a URL. It reads at most stone.MaxProofJSON bytes, before and after they are
// inflated.
func fetch(cmd *cobra.Command, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		return readFile(cmd, from, stone.MaxProofJSON)
	}
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	// Asking for gzip by hand keeps the transport from inflating, which it does without a bound.
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

// meter is a reader that counts, and fails above a bound: most, or what inflating from may give.
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
		return n, fmt.Errorf("%d bytes inflate to more than %d, at most %d times and %d more are taken", m.from.n, m.n-int64(n), inflateRatio, inflateFree)
	}
	return n, err
}

// boundMemory has the garbage collector keep the process near 8 times the n bytes of a file and 64 MB, which is what judging it may
// take; by itself it would let the heap grow to twice what is in use. The function that it returns takes the bound back.
func boundMemory(n int) (release func()) {
	before := debug.SetMemoryLimit(min(7*int64(n)+(48<<20), 1<<40))
	return func() { debug.SetMemoryLimit(before) }
}
