// Package blobs stores objects by key: in a folder, or in an object store of Amazon S3 (and what speaks its protocol), Google Cloud or Azure.
//
// An object is written whole or not at all, and is durable when the write returns. Create is the conditional write on which immutability rests:
// of several writers of one key, in any number of processes, one succeeds. Objects that Create makes may be cached forever.
//
// The clouds are reached through gocloud.dev/blob, with the credentials that each cloud's own tools would use. Folders have code of our own:
// gocloud's does not write to the disk before it returns, and its conditional write lets two writers succeed.
package blobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"
)

// ErrNotFound is the error of a key without an object.
var ErrNotFound = errors.New("blobs: not found")

// ErrExists is the error of Create for a key that has an object.
var ErrExists = errors.New("blobs: the object exists")

// Schemes are the schemes of URLs. An object store in memory, mem://, is for tests.
var Schemes = []string{"file", "s3", "gs", "azblob", "mem"}

// Bucket is an open store of objects. It is safe for concurrent use.
type Bucket struct{ driver }

// driver is one kind of store. Keys are checked already. Errors are ErrNotFound and ErrExists, or say what went wrong.
type driver interface {
	create(ctx context.Context, key string, data []byte) error
	put(ctx context.Context, key string, data []byte) error
	read(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) // length -1 is up to the end
	size(ctx context.Context, key string) (int64, error)
	remove(ctx context.Context, key string) error
	list(ctx context.Context, prefix string) iter.Seq2[string, error]
	close() error
}

// Open opens the store at a URL:
//   - file:///PATH: a folder, which must exist unless ?create_dir=true is added.
//   - s3://BUCKET?region=REGION: credentials from AWS's environment variables, profile files or instance roles. For another server that speaks
//     the protocol add &endpoint=https://HOST&use_path_style=true.
//   - gs://BUCKET: Google's application default credentials.
//   - azblob://CONTAINER: the account from AZURE_STORAGE_ACCOUNT; the key from AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or Azure's default
//     credentials.
//
// &prefix=FOLDER/ puts all keys of a cloud's bucket into a folder. The caller must call Close.
func Open(ctx context.Context, text string) (*Bucket, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("blobs: the store's URL is malformed")
	}
	if u.Scheme == "file" {
		d, err := openFolder(u)
		if err != nil {
			return nil, fmt.Errorf("blobs: %s: %w", u.Redacted(), err)
		}
		return &Bucket{d}, nil
	}
	b, err := blob.OpenBucket(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("blobs: %s: %w", u.Redacted(), oneLine(err))
	}
	return &Bucket{&cloud{b}}, nil
}

// Close releases the store.
func (b *Bucket) Close() error { return b.close() }

// checkKey checks a key: names of letters, digits, -, _ and inner dots, separated by slashes.
func checkKey(key string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if len(key) > 500 || key == "" {
		return fmt.Errorf("blobs: a key of %d bytes, want 1 to 500", len(key))
	}
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || strings.Trim(name, letters) != "" || name[0] == '.' || name[len(name)-1] == '.' {
			return fmt.Errorf("blobs: %.80q is not a key of letters, digits, -, _ and . in parts separated by /", key)
		}
	}
	return nil
}

// wrap adds the operation and the key to an error, in one line.
func wrap(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("blobs: %s %s: %w", doing, key, oneLine(err))
}

// oneLine returns err with its text in one line: errors of the clouds' libraries have several.
func oneLine(err error) error {
	if text := err.Error(); strings.ContainsAny(text, "\r\n") {
		return &lineError{strings.Join(strings.Fields(text), " "), err}
	}
	return err
}

type lineError struct {
	text string
	err  error
}

func (e *lineError) Error() string { return e.text }
func (e *lineError) Unwrap() error { return e.err }

// Create makes an object that is never changed. If the key has an object already, the error is ErrExists, and nothing is changed.
func (b *Bucket) Create(ctx context.Context, key string, data []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return wrap("creating", key, b.create(ctx, key, data))
}

// Put makes or replaces an object.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return wrap("writing", key, b.put(ctx, key, data))
}

// Get returns an object of at most limit bytes; a larger one is an error. The error is ErrNotFound if there is none.
func (b *Bucket) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, err := b.Range(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	if err != nil {
		return nil, wrap("reading", key, err)
	}
	return data, nil
}

// Range returns a reader of length bytes of an object from offset on, or of all that follow if length is -1. The caller closes it. The error
// is ErrNotFound if there is no such object.
func (b *Bucket) Range(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := b.read(ctx, key, offset, length)
	if err != nil {
		return nil, wrap("reading", key, err)
	}
	return r, nil
}

// Size returns the size of an object in bytes, without reading it. The error is ErrNotFound if there is none.
func (b *Bucket) Size(ctx context.Context, key string) (int64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	n, err := b.size(ctx, key)
	return n, wrap("looking at", key, err)
}

// Delete deletes an object, if there is one.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := b.remove(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return wrap("deleting", key, err)
}

// List returns the keys in a folder, such as "blocks/", in ascending order. It takes time in proportion to the folder.
func (b *Bucket) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		name, ok := strings.CutSuffix(folder, "/")
		if err := checkKey(name); err != nil || !ok {
			yield("", fmt.Errorf("blobs: %.80q is not a folder, which ends in /", folder))
			return
		}
		for key, err := range b.list(ctx, folder) {
			if !yield(key, wrap("listing", folder, err)) || err != nil {
				return
			}
		}
	}
}

// cloud is a bucket of an object store.
type cloud struct{ bucket *blob.Bucket }

// fault returns the error of this package for one of gocloud.dev.
func fault(err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.OK:
		return nil
	case gcerrors.NotFound:
		return ErrNotFound
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return ErrExists
	}
	return err
}

// immutable tells caches that an object never changes: they need not ask again for a year.
const immutable = "public, max-age=31536000, immutable"

// contentType returns the media type of the object with a key.
func contentType(key string) string {
	switch path.Ext(key) {
	case ".json":
		return "application/json"
	case ".gz":
		return "application/gzip"
	}
	return "application/octet-stream"
}

// create asks first, because it saves the transfer, and some servers ignore the condition of a write.
func (c *cloud) create(ctx context.Context, key string, data []byte) error {
	switch _, err := c.size(ctx, key); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, ErrNotFound):
		return err
	}
	err := c.upload(ctx, key, data, &blob.WriterOptions{IfNotExist: true, CacheControl: immutable})
	if err == nil || errors.Is(err, ErrExists) {
		return err
	}
	// Stores report that two writers met in several ways, and an answer can be lost after the object was stored.
	if _, e := c.size(ctx, key); e == nil {
		return ErrExists
	}
	return err
}

func (c *cloud) put(ctx context.Context, key string, data []byte) error {
	return c.upload(ctx, key, data, &blob.WriterOptions{CacheControl: "no-cache"})
}

// upload writes an object. It does not use WriteAll: gocloud.dev v0.47.0 panics when Azure refuses what is written with that.
func (c *cloud) upload(ctx context.Context, key string, data []byte, options *blob.WriterOptions) error {
	options.ContentType = contentType(key)
	return fault(c.bucket.Upload(ctx, key, bytes.NewReader(data), options))
}

func (c *cloud) read(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := c.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, fault(err)
	}
	return r, nil
}

func (c *cloud) size(ctx context.Context, key string) (int64, error) {
	a, err := c.bucket.Attributes(ctx, key)
	if err != nil {
		return 0, fault(err)
	}
	return a.Size, nil
}

func (c *cloud) remove(ctx context.Context, key string) error {
	return fault(c.bucket.Delete(ctx, key))
}

func (c *cloud) list(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		it := c.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			object, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield("", fault(err))
				return
			}
			if !yield(object.Key, nil) {
				return
			}
		}
	}
}

func (c *cloud) close() error { return c.bucket.Close() }
