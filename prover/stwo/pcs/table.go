package pcs

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// Table is a table of columns to which a prover has committed. A column of 2^n rows is committed on the canonic domain that is larger by the blowup.
//
// A table of ExtendedTable has the columns' values there. It does not change, and several proofs with the same parameters may use it. Other tables hold
// 2^n cells of a column, from which its committed values are computed again when they are needed: its values on the canonic domain of its own size until
// Interpolate replaces them by the polynomial's coefficients.
type Table struct {
	logs         []int // log2 of the number of rows of each column
	blowup       int   // log2
	extended     bool  // whether cells has the values on the larger domain
	coefficients []bool
	cells        [][]m31.M31 // nil for a column of zeros
	tree         *merkle.Tree

	// Release, if not nil, gives back the memory in which cells of a file were read. They are read again when they are needed. Several goroutines may
	// call it.
	Release func()
}

// release calls Release, if there is one.
func (t *Table) release() {
	if t.Release != nil {
		t.Release()
	}
}

// window is the number of cells of each column of a file that are read at once.
const window = 1 << 17

// windows calls f for consecutive ranges that cover the first n cells of the columns. There is more than one if they are those of a file.
func (t *Table) windows(n int, f func(start, end int)) {
	size := n
	if t.Release != nil {
		size = min(n, window)
	}
	for start := 0; start < n; start += size {
		f(start, start+size)
		t.release()
	}
}

// cut returns the cells from start to end of columns.
func cut(columns [][]m31.M31, start, end int) [][]m31.M31 {
	out := make([][]m31.M31, len(columns))
	for i, c := range columns {
		out[i] = c[start:end]
	}
	return out
}

// NewTable commits to columns of 2^logs[i] rows, given by their values on the canonic domains of their sizes. A column without values is 0. The table
// keeps the values: see Interpolate. NewTable returns ctx's error if ctx ends.
func (c *Config) NewTable(ctx context.Context, h channel.Hash, t *circle.Twiddles, logs []int, values [][]m31.M31) (*Table, error) {
	return c.newTable(ctx, h, 0, logs, values, func(dst []m31.M31, i, _ int) { t.Extend(dst, values[i]) })
}

// NewTableOfCoefficients does what NewTable does, for columns given by the coefficients of their polynomials, which the table keeps. A column is evaluated
// in 2^parts parts: more of them take less memory, and more than one for each block of as many cells as there are coefficients take longer.
func (c *Config) NewTableOfCoefficients(ctx context.Context, h channel.Hash, t *circle.Twiddles, parts int, logs []int, coefficients [][]m31.M31) (*Table, error) {
	table, err := c.newTable(ctx, h, parts, logs, coefficients, func(dst []m31.M31, i, part int) {
		size := min(len(dst), len(coefficients[i]))
		for k := range len(dst) / size {
			t.EvaluateBlock(dst[k*size:][:size], coefficients[i], logs[i]+int(c.LogBlowup), part*len(dst)/size+k)
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range table.coefficients {
		table.coefficients[i] = true
	}
	return table, nil
}

// newTable commits to columns, in 2^parts parts. extend sets dst to a part of the values of column i on the larger domain.
func (c *Config) newTable(ctx context.Context, h channel.Hash, parts int, logs []int, columns [][]m31.M31, extend func(dst []m31.M31, i, part int)) (*Table, error) {
	shape, err := c.shape(logs)
	if err != nil {
		return nil, err
	}
	for i, column := range columns {
		if column != nil && len(column) != 1<<logs[i] {
			return nil, fmt.Errorf("pcs: column %d has %d rows, and its size is 2^%d", i, len(column), logs[i])
		}
	}
	out := &Table{logs: logs, blowup: int(c.LogBlowup), cells: columns, coefficients: make([]bool, len(columns))}
	out.tree, err = shape.Commit(ctx, h, parts, func(i, part int, scratch []m31.M31) []m31.M31 {
		if columns[i] == nil {
			clear(scratch)
		} else {
			extend(scratch, i, part)
		}
		return scratch
	}, new(merkle.Memory))
	return out, err
}

// CommitMemory returns the bytes of memory that a commitment to columns of 2^logs[i] rows takes, in 2^parts parts and without the table.
func (c *Config) CommitMemory(h channel.Hash, parts int, logs []int) int64 {
	shape, err := c.shape(logs)
	if err != nil {
		return 0 // the commitment fails
	}
	return shape.CommitMemory(h, parts)
}

// Interpolate replaces the values of columns first to end-1, which NewTable got, by the coefficients of their polynomials, in the same memory.
func (t *Table) Interpolate(w *circle.Twiddles, first, end int) {
	if t.extended {
		return
	}
	parallel.Each(end-first, func(k int) {
		i := first + k
		if t.cells[i] != nil && !t.coefficients[i] {
			w.Interpolate(t.cells[i])
		}
		t.coefficients[i] = true
	})
}

// Part returns part c, of 2^log cells, of the values of column i on the canonic domain of twice its size, and nil for a column of zeros. They are in dst,
// which has that size, or where they are stored: the caller must not change them. The column has been interpolated.
func (t *Table) Part(w *circle.Twiddles, i, c int, dst []m31.M31) []m31.M31 {
	cells, rows := t.cells[i], 1<<t.logs[i]
	switch {
	case cells == nil:
		return nil
	case t.Stored():
		return t.StoredPart(i, c, len(dst))
	case t.extended:
		coefficients := make([]m31.M31, rows)
		w.InterpolatePrefix(coefficients, cells[:rows], t.logs[i]+t.blowup)
		w.EvaluateBlock(dst, coefficients, t.logs[i]+1, c)
	default:
		w.EvaluateBlock(dst, cells, t.logs[i]+1, c)
	}
	return dst
}

// Stored reports whether the values that Part returns are stored.
func (t *Table) Stored() bool { return t.extended && t.blowup == 1 }

// StoredPart does what Part does, for parts of the given size, if the values are stored.
func (t *Table) StoredPart(i, c, size int) []m31.M31 { return t.cells[i][c*size:][:size] }

// Doubled returns all values of which Part returns a part. dst has their number.
func (t *Table) Doubled(w *circle.Twiddles, i int, dst []m31.M31) []m31.M31 {
	half := len(dst) / 2
	if t.cells[i] == nil || t.Stored() {
		return t.cells[i]
	}
	for c := range 2 {
		t.Part(w, i, c, dst[c*half:][:half])
	}
	return dst
}

// shape returns the shape of the tree over columns of 2^logs[i] rows.
func (c *Config) shape(logs []int) (*merkle.Shape, error) {
	s := &merkle.Shape{Logs: make([]int, len(logs))}
	for i, log := range logs {
		if log < 1 || log+int(c.LogBlowup) > circle.MaxLog {
			return nil, fmt.Errorf("pcs: column %d has size 2^%d", i, log)
		}
		s.Logs[i] = log + int(c.LogBlowup)
		s.Height = max(s.Height, s.Logs[i])
	}
	if c.LiftingLogSize != nil {
		if int(*c.LiftingLogSize) < s.Height {
			return nil, fmt.Errorf("pcs: a column of 2^%d cells, and lifting_log_size is %d", s.Height, *c.LiftingLogSize)
		}
		s.Height = int(*c.LiftingLogSize)
	}
	return s, nil
}

// ExtendedTable returns the table of columns of 2^logs[i] rows, given by their values on the canonic domains that are larger by the blowup, which the
// table keeps. layer is the result of Layer of an earlier table of the same columns, or nil: then the columns are hashed. With a layer they are not
// read, and the caller must compare the root. release is the table's Release.
func (c *Config) ExtendedTable(ctx context.Context, h channel.Hash, logs []int, cells [][]m31.M31, layer []blake.State16, release func()) (*Table, error) {
	shape, err := c.shape(logs)
	if err != nil {
		return nil, err
	}
	for i := range cells {
		if len(cells[i]) != 1<<shape.Logs[i] {
			return nil, fmt.Errorf("pcs: column %d has %d cells, want 2^%d", i, len(cells[i]), shape.Logs[i])
		}
	}
	out := &Table{logs: logs, blowup: int(c.LogBlowup), extended: true, cells: cells, Release: release}
	if layer == nil {
		parts := shape.Parts(extendedParts)
		out.tree, err = shape.Commit(ctx, h, parts, func(i, part int, _ []m31.M31) []m31.M31 {
			out.release() // what was read before is hashed
			size := len(cells[i]) >> parts
			return cells[i][part*size:][:size]
		}, nil)
	} else {
		out.tree, err = shape.Restore(h, layer)
	}
	return out, err
}

// extendedParts is log2 of the number of parts in which ExtendedTable hashes columns.
const extendedParts = 3

// Layer returns a layer of the table's tree from which ExtendedTable makes it again.
func (t *Table) Layer() []blake.State16 { return t.tree.Layer() }

// LayerLen returns the length of Layer of a table of columns of 2^logs[i] rows.
func (c *Config) LayerLen(logs []int) (int, error) {
	shape, err := c.shape(logs)
	if err != nil {
		return 0, err
	}
	return shape.LayerLen(), nil
}

// Root returns the root of the table's tree.
func (t *Table) Root() channel.Digest { return t.tree.Root() }

// open returns the cells of the columns, which have been interpolated, at positions of the tree, and the witness.
func (t *Table) open(w *circle.Twiddles, positions []uint32) ([][]m31.M31, []channel.Digest) {
	scratch := make(chan []m31.M31, parallel.Workers())
	for range cap(scratch) {
		scratch <- nil
	}
	return t.tree.OpenColumns(positions, func(i int, cells []int) []m31.M31 {
		values := make([]m31.M31, len(cells))
		from := t.cells[i]
		if from == nil {
			return values
		}
		if !t.extended {
			memory := <-scratch
			defer func() { scratch <- memory }()
			if n := 1 << (t.logs[i] + t.blowup); len(memory) < n {
				memory = make([]m31.M31, n)
			}
			from = memory[:1<<(t.logs[i]+t.blowup)]
			w.EvaluateCells(from, t.cells[i], cells)
		}
		for k, cell := range cells {
			values[k] = from[cell]
		}
		t.release()
		return values
	})
}

// Accumulator sums up the composition polynomial: components add their quotients on the domains of their sizes.
type Accumulator struct {
	sums [circle.MaxLog + 1]*fri.Column // by log2 of the size
}

// At returns the sum on the canonic domain of size 2^log, to which the caller may add.
func (a *Accumulator) At(log int) *fri.Column {
	if a.sums[log] == nil {
		c := fri.NewColumn(1 << log)
		a.sums[log] = &c
	}
	return a.sums[log]
}

// Commit adds up the sums, each lifted to the largest size 2^n, and commits to the two halves of the coefficients: the polynomial is
// left + π(…π(x))·right with π applied n-2 times, and each half has the size of the largest component. parts is that of NewTableOfCoefficients. The accumulator
// must not be used again.
func (a *Accumulator) Commit(ctx context.Context, c *Config, h channel.Hash, t *circle.Twiddles, parts int) (*Table, error) {
	sum := liftSum(a.sums[:])
	if sum == nil {
		return nil, errors.New("pcs: no component has added to the composition")
	}
	parallel.For(len(sum), func(k int) { t.Interpolate(sum[k]) })
	half := len(sum[0]) / 2
	columns, logs := make([][]m31.M31, CompositionColumns), make([]int, CompositionColumns)
	for k := range columns {
		columns[k], logs[k] = sum[k%4][k/4*half:][:half], logLen(sum[0])-1
	}
	return c.NewTableOfCoefficients(ctx, h, t, parts, logs, columns)
}

// liftSum returns the sum of columns, the sizes of which ascend, lifted to the size of the largest. It is nil if all are nil. The columns are
// overwritten, and dropped from the list.
func liftSum(columns []*fri.Column) *fri.Column {
	var sum *fri.Column
	for i, c := range columns {
		if c == nil {
			continue
		}
		if sum != nil {
			addLifted(c, sum)
		}
		sum, columns[i] = c, nil
	}
	return sum
}

// addLifted adds src, lifted to the size of dst, to dst.
func addLifted(dst, src *fri.Column) {
	k := logLen(dst[0]) - logLen(src[0])
	for q := range dst {
		to, from := dst[q], src[q]
		parallel.Chunks(len(from)/2, max(1, 1<<10>>k), func(start, end int) {
			for pair := start; pair < end; pair++ {
				a, b := from[2*pair], from[2*pair+1]
				cells := to[pair<<(k+1):][:2<<k]
				for i := 0; i < len(cells); i += 2 {
					cells[i], cells[i+1] = cells[i].Add(a), cells[i+1].Add(b)
				}
			}
		})
	}
}

// logLen returns log2 of the length of a column, rounded down.
func logLen(c []m31.M31) int { return bits.Len(uint(len(c))) - 1 }
