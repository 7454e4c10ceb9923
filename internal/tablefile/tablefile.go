// Package tablefile keeps the tables of preprocessed columns of S-two on disk. Their extensions and their tree are made once, which takes half a minute and 5 GiB of
// disk for the largest variant, and are mapped into memory by each process that proves. The pages of a map are memory that the system takes
// back when it needs it.
//
// A file has a header with the root of the tree, the cells of the columns in their order, the lowest layer of the tree that is stored, and
// the rows of the table of points. All numbers are in little-endian order.
package tablefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// Table is a table of preprocessed columns in a file.
type Table struct {
	*pcs.Table
	Columns []preprocessed.Column // whose values come from the file where that is faster

	data []byte
}

// Close unmaps the file. The table and the values of its columns must not be used afterwards.
func (t *Table) Close() error { return unmap(t.data) }

// headerSize is the size of the header: a page, so that the cells begin with one.
const headerSize = 4096

// layout describes a file.
type layout struct {
	variant preprocessed.Variant
	hash    channel.Hash
	config  pcs.Config
	columns []preprocessed.Column
	logs    []int

	cellsAt           []int64 // where each column begins
	layerAt, rowsAt   int64
	layerLen, rowsLen int
	size              int64
}

func newLayout(v preprocessed.Variant, h channel.Hash, c *pcs.Config) (*layout, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	l := &layout{variant: v, hash: h, config: *c, columns: v.Columns()}
	at := int64(headerSize)
	for i := range l.columns {
		l.logs = append(l.logs, l.columns[i].LogSize)
		l.cellsAt = append(l.cellsAt, at)
		at += int64(cellBytes) << (l.columns[i].LogSize + int(c.LogBlowup))
	}
	var err error
	if l.layerLen, err = c.LayerLen(l.logs); err != nil {
		return nil, err
	}
	l.layerAt = at
	l.rowsAt = at + int64(l.layerLen)*int64(unsafe.Sizeof(blake.State16{}))
	l.rowsLen, _ = v.Points()
	l.size = l.rowsAt + int64(l.rowsLen)*int64(unsafe.Sizeof(preprocessed.Row{}))
	return l, nil
}

const cellBytes = 4

// name returns the file's name. The root depends on all of its parts.
func (l *layout) name() string {
	name := fmt.Sprintf("%v-%v-blowup%d", l.variant, l.hash, l.config.LogBlowup)
	if l.config.LiftingLogSize != nil {
		name += fmt.Sprintf("-lifting%d", *l.config.LiftingLogSize)
	}
	return name + ".stwo"
}

// header returns the header of a file with the given root.
func (l *layout) header(root channel.Digest) []byte {
	h := fmt.Appendf(nil, "starkd preprocessed columns 1\n%s\n%d bytes\nroot %x\n", l.name(), l.size, root)
	return append(h, make([]byte, headerSize-len(h))...)
}

// Open maps the table of a variant in folder dir, for the given hash and parameters. If there is none, it makes the folder and the table first. It
// returns ctx's error if ctx ends. The caller must compare the root with one that it knows.
func Open(ctx context.Context, dir string, v preprocessed.Variant, h channel.Hash, c *pcs.Config) (*Table, error) {
	l, err := newLayout(v, h, c)
	if err != nil {
		return nil, err
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, errors.New("tablefile: the byte order of this machine is not little-endian")
	}
	path := filepath.Join(dir, l.name())
	t, err := l.open(ctx, path)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if err := l.create(ctx, path); err != nil {
		return nil, fmt.Errorf("tablefile: %w", err)
	}
	return l.open(ctx, path)
}

// open maps the file at path. The error is fs.ErrNotExist if there is none.
func (l *layout) open(ctx context.Context, path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := l.load(ctx, f, true)
	if err != nil {
		return nil, fmt.Errorf("tablefile: %s: %w; remove the file, and it is made again", path, err)
	}
	if root := t.Root(); !bytes.Equal(t.data[:headerSize], l.header(root)) {
		return nil, errors.Join(fmt.Errorf("tablefile: %s: its tree has root %x, which is not that of its header; remove the file, and it is made again", path, root), t.Close())
	}
	return t, nil
}

// load maps a file. Without hashed it computes the tree, else it reads the tree's stored layer.
func (l *layout) load(ctx context.Context, f *os.File, hashed bool) (*Table, error) {
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.Size() != l.size {
		return nil, fmt.Errorf("%d bytes, want %d", info.Size(), l.size)
	}
	data, err := mapFile(f, l.size)
	if err != nil {
		return nil, err
	}
	t := &Table{data: data, Columns: l.columns}
	if l.rowsLen > 0 {
		t.Columns = l.variant.ColumnsFrom(view[preprocessed.Row](data, l.rowsAt, l.rowsLen))
	}
	cells := make([][]m31.M31, len(l.columns))
	for i := range cells {
		cells[i] = view[m31.M31](data, l.cellsAt[i], 1<<(l.logs[i]+int(l.config.LogBlowup)))
	}
	var layer []blake.State16
	if hashed {
		layer = view[blake.State16](data, l.layerAt, l.layerLen)
	}
	if t.Table, err = l.config.ExtendedTable(ctx, l.hash, l.logs, cells, layer, t.release()); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if t.Release != nil {
		t.Release()
	}
	return t, nil
}

// release returns the function that gives back the memory in which the file was read, or nil if there is none.
func (t *Table) release() func() {
	if !mapped {
		return nil
	}
	return func() { unmapPages(t.data) }
}

// view returns n elements of data from at on. at is a multiple of T's alignment, and any bytes are an element.
func view[T any](data []byte, at int64, n int) []T {
	part := data[at : at+int64(n)*int64(unsafe.Sizeof(*new(T)))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(part))), n)
}

// bytesOf returns the memory of list.
func bytesOf[T any](list []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(list))), len(list)*int(unsafe.Sizeof(*new(T))))
}

// create makes the file at path, in a temporary file that is renamed when it is complete.
func (l *layout) create(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Truncate(l.size); err != nil {
		return err
	}
	if err := l.writeRows(ctx, f); err != nil {
		return err
	}
	if err := l.writeCells(ctx, f); err != nil {
		return err
	}
	t, err := l.load(ctx, f, false)
	if err != nil {
		return err
	}
	defer t.Close()
	if _, err := f.WriteAt(bytesOf(t.Layer()), l.layerAt); err != nil {
		return err
	}
	if _, err := f.WriteAt(l.header(t.Root()), 0); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// rowsAtOnce is the number of rows of the table of points that are made at once, those of a window.
const rowsAtOnce = 1 << 18

// writeRows writes the rows of the table of points.
func (l *layout) writeRows(ctx context.Context, f *os.File) error {
	_, rows := l.variant.Points()
	errs := make([]error, (l.rowsLen+rowsAtOnce-1)/rowsAtOnce)
	parallel.Each(len(errs), func(k int) {
		if errs[k] = ctx.Err(); errs[k] != nil {
			return
		}
		part := rows(k * rowsAtOnce)
		_, errs[k] = f.WriteAt(bytesOf(part), l.rowsAt+int64(k*rowsAtOnce)*int64(unsafe.Sizeof(part[0])))
	})
	return errors.Join(errs...)
}

// writeCells writes the columns' extensions. Each core has the memory for the values and the extension of one column, the first ones for the
// largest.
func (l *layout) writeCells(ctx context.Context, f *os.File) error {
	columns := l.columns
	if l.rowsLen > 0 {
		data, err := mapFile(f, l.size)
		if err != nil {
			return err
		}
		defer unmap(data)
		columns = l.variant.ColumnsFrom(view[preprocessed.Row](data, l.rowsAt, l.rowsLen))
	}
	blowup := int(l.config.LogBlowup)
	last := len(columns) - 1
	twiddles := circle.NewTwiddles(l.logs[last] + blowup)
	buffers := make(chan []m31.M31, parallel.Workers())
	for range cap(buffers) {
		buffers <- nil
	}
	errs := make([]error, len(columns))
	parallel.Each(len(columns), func(i int) {
		i = last - i
		if errs[i] = ctx.Err(); errs[i] != nil {
			return
		}
		rows := 1 << l.logs[i]
		buffer := <-buffers
		if need := rows + rows<<blowup; len(buffer) < need {
			buffer = make([]m31.M31, need)
		}
		values, cells := buffer[:rows], buffer[rows:][:rows<<blowup]
		columns[i].Fill(values, 0)
		twiddles.Extend(cells, values)
		_, errs[i] = f.WriteAt(bytesOf(cells), l.cellsAt[i])
		buffers <- buffer
	})
	return errors.Join(errs...)
}
