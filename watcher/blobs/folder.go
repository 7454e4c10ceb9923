package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folder is a store in a folder of the file system. The object of a key is the file with that path. Files are written under another name in
// the folder .tmp, flushed to the disk, and then renamed or linked, so readers see whole objects only, also after a crash.
type folder struct{ root string }

// temporary is the folder for files that are being written.
const temporary = ".tmp"

// staleAfter is the age at which a file in temporary is the rest of a crash.
const staleAfter = time.Hour

// openFolder opens the folder that a URL names. Its parameters are those of gocloud.dev/blob/fileblob: create_dir makes the folder, the others
// have no effect here.
func openFolder(u *url.URL) (*folder, error) {
	if u.Host != "" && u.Host != "localhost" && u.Host != "." || u.Path == "" || u.Path == "/" {
		return nil, errors.New("want file:///PATH, with three slashes")
	}
	root := filepath.FromSlash(u.Path)
	if u.Host == "." {
		root = strings.TrimPrefix(root, string(filepath.Separator))
	}
	create := false
	for key, values := range u.Query() {
		switch key {
		case "create_dir":
			create = values[0] != ""
		case "no_tmp_dir", "metadata", "dir_file_mode":
		default:
			return nil, fmt.Errorf("unknown parameter %.80q", key)
		}
	}
	if create {
		if err := os.MkdirAll(root, 0o777); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, errors.New("not a folder")
	}
	f := &folder{root}
	f.sweep()
	return f, nil
}

// sweep deletes what crashes have left in temporary.
func (f *folder) sweep() {
	entries, err := os.ReadDir(filepath.Join(f.root, temporary))
	if err != nil {
		return // there is none
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(f.root, temporary, e.Name())) // it only takes room
		}
	}
}

func (f *folder) path(key string) string { return filepath.Join(f.root, filepath.FromSlash(key)) }

// write writes data to a temporary file, which place moves to the path of a key.
func (f *folder) write(key string, data []byte, place func(from, to string) error) (err error) {
	to := f.path(key)
	if err := f.mkdir(filepath.Dir(to)); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(f.root, temporary), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	file, err := os.CreateTemp(filepath.Join(f.root, temporary), "")
	if err != nil {
		return err
	}
	defer func() {
		if e := os.Remove(file.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) && err == nil {
			err = e
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := place(file.Name(), to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// mkdir makes a folder and its parents in the root, durably.
func (f *folder) mkdir(dir string) error {
	if _, err := os.Stat(dir); err == nil || dir == f.root {
		return err
	}
	parent := filepath.Dir(dir)
	if err := f.mkdir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *folder) put(_ context.Context, key string, data []byte) error {
	return f.write(key, data, os.Rename)
}

// create links the finished file to its name, which fails if any process has taken the name.
func (f *folder) create(_ context.Context, key string, data []byte) error {
	_, err := os.Lstat(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		if err = f.write(key, data, os.Link); !errors.Is(err, fs.ErrExist) {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(f.path(key))); err != nil { // the other writer may not have made the name durable yet
		return err
	}
	return ErrExists
}

func (f *folder) read(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	file, err := os.Open(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	if length < 0 {
		return file, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, length), file}, nil
}

func (f *folder) size(_ context.Context, key string) (int64, error) {
	info, err := os.Stat(f.path(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, ErrNotFound
	case err != nil:
		return 0, err
	case info.IsDir():
		return 0, ErrNotFound
	}
	return info.Size(), nil
}

func (f *folder) remove(_ context.Context, key string) error {
	err := os.Remove(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// list returns the files of a folder and its subfolders. It skips names that cannot be keys, and fileblob's files of attributes.
func (f *folder) list(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stop := errors.New("stop")
		err := filepath.WalkDir(f.path(strings.TrimSuffix(prefix, "/")), func(path string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(f.root, path)
			if err != nil {
				return err
			}
			key := filepath.ToSlash(rel)
			if checkKey(key) != nil || strings.HasSuffix(key, ".attrs") {
				return nil
			}
			if !yield(key, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) && !errors.Is(err, fs.ErrNotExist) {
			yield("", err)
		}
	}
}

func (*folder) close() error { return nil }
