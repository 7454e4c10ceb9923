// Package download reads a file from a URL within bounds: of time, of bytes, and of what compressed bytes inflate to.
package download

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Limits of a download. A block's proof is mostly hexadecimal digits, which gzip halves; it reduces compiled classes to an eighth.
const (
	timeout      = 5 * time.Minute
	inflateRatio = 32      // the inflated data may have inflateRatio times the downloaded bytes
	inflateFree  = 1 << 20 // plus inflateFree bytes
	maxExcerpt   = 300     // bytes of the body of an HTTP error that are shown
)

// Get returns the body at url. It returns an error for more than most bytes, compressed or inflated, and for a status other
// than 200.
func Get(ctx context.Context, url string, most int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// With this header set the transport does not inflate the body itself, which it would do without a bound.
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := (&http.Client{Timeout: timeout}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	download := &meter{r: response.Body, most: most, what: "download"}
	var body io.Reader = download
	switch coding := response.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		unzip, err := gzip.NewReader(download)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", url, err)
		}
		body = &meter{r: unzip, most: most, what: "inflated download", from: download}
	default:
		return nil, fmt.Errorf("%s: Content-Encoding %.40q, want gzip or none", url, coding)
	}
	if response.StatusCode != http.StatusOK {
		excerpt, _ := io.ReadAll(io.LimitReader(body, maxExcerpt))
		return nil, fmt.Errorf("%s: status %.100q: %q", url, response.Status, bytes.TrimSpace(excerpt))
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
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
