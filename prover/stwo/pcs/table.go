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

// Table is a table of columns to which a prover has committed. It does not change, and several proofs with the same parameters may use it.
//
// A column of 2^n rows is committed on the canonic domain that is larger by the blowup. The table keeps its first 2^n cells there, from which the
// others are computed again when they are needed, or all of them if it was made by ExtendedTable.
type Table struct {
	logs     []int // log2 of the number of rows of each column
	blowup   int   // log2
	extended bool  // whether cells has all cells
	cells    [][]m31.M31
	tree     *merkle.Tree
}

// NewTable commits to columns of 2^logs[i] rows, given by their values on the canonic domains of their sizes. A column without values is 0. The table
// keeps its cells in the memory of the values, or in other memory if keep is set: then the values do not change. NewTable returns ctx's error if ctx
// ends.
func (c *Config) NewTable(ctx context.Context, h channel.Hash, t *circle.Twiddles, logs []int, values [][]m31.M31, keep bool, m *merkle.Memory) (*Table, error) {
	return c.newTable(ctx, h, logs, values, t.Extend, keep, m)
}

// newTable commits to columns that extend evaluates on the larger domain.
func (c *Config) newTable(ctx context.Context, h channel.Hash, logs []int, columns [][]m31.M31, extend func(dst, src []m31.M31), keep bool, m *merkle.Memory) (*Table, error) {
	shape, err := c.shape(logs)
	if err != nil {
		return nil, err
	}
	largestZero := 0
	for i, column := range columns {
		if column != nil && len(column) != 1<<logs[i] {
			return nil, fmt.Errorf("pcs: column %d has %d rows, and its size is 2^%d", i, len(column), logs[i])
		}
		if column == nil {
			largestZero = max(largestZero, 1<<shape.Logs[i])
		}
	}
	zeros := make([]m31.M31, largestZero)
	out := &Table{logs: logs, blowup: int(c.LogBlowup), cells: make([][]m31.M31, len(columns))}
	out.tree, err = shape.Commit(ctx, h, func(i int, scratch []m31.M31) []m31.M31 {
		if columns[i] == nil {
			return zeros[:len(scratch)]
		}
		extend(scratch, columns[i])
		if out.cells[i] = columns[i]; keep {
			out.cells[i] = make([]m31.M31, 1<<logs[i])
		}
		copy(out.cells[i], scratch)
		return scratch
	}, m)
	return out, err
}

// Doubled returns the values of column i on the canonic domain of twice its size, and nil for a column of zeros. They are in dst, which has that size, or
// where they are stored: the caller must not change them.
func (t *Table) Doubled(w *circle.Twiddles, i int, dst []m31.M31) []m31.M31 {
	cells := t.cells[i]
	switch rows := 1 << t.logs[i]; {
	case cells == nil || t.extended && t.blowup == 1:
		return cells
	case t.blowup == 1:
		copy(dst, cells)
		w.Complete(dst, t.logs[i])
	default:
		w.InterpolatePrefix(dst[:rows], cells[:rows], t.logs[i]+t.blowup)
		w.Evaluate(dst, dst[:rows])
	}
	return dst
}

// Half returns half 0 or 1 of Doubled: the first or the second 2^n cells for a column of 2^n rows. They are in dst, which has that size, or where they
// are stored.
func (t *Table) Half(w *circle.Twiddles, i, half int, dst []m31.M31) []m31.M31 {
	cells := t.cells[i]
	switch rows := 1 << t.logs[i]; {
	case cells == nil:
		return nil
	case t.blowup == 1 && (half == 0 || t.extended):
		return cells[half*rows:][:rows]
	default:
		w.InterpolatePrefix(dst, cells[:rows], t.logs[i]+t.blowup)
		w.EvaluateHalf(dst, dst, half)
		return dst
	}
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
// read, and the caller must compare the root.
func (c *Config) ExtendedTable(ctx context.Context, h channel.Hash, logs []int, cells [][]m31.M31, layer []blake.State16) (*Table, error) {
	shape, err := c.shape(logs)
	if err != nil {
		return nil, err
	}
	for i := range cells {
		if len(cells[i]) != 1<<shape.Logs[i] {
			return nil, fmt.Errorf("pcs: column %d has %d cells, want 2^%d", i, len(cells[i]), shape.Logs[i])
		}
	}
	out := &Table{logs: logs, blowup: int(c.LogBlowup), extended: true, cells: cells}
	if layer == nil {
		out.tree, err = shape.Commit(ctx, h, func(i int, _ []m31.M31) []m31.M31 { return cells[i] }, new(merkle.Memory))
	} else {
		out.tree, err = shape.Restore(h, layer)
	}
	return out, err
}

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

// open returns the cells of the columns at positions of the tree, and the witness.
func (t *Table) open(w *circle.Twiddles, positions []uint32) ([][]m31.M31, []channel.Digest) {
	return t.tree.OpenColumns(positions, func(i int, scratch []m31.M31, cells []int) []m31.M31 {
		switch {
		case t.extended:
			return t.cells[i]
		case t.cells[i] == nil:
			for _, c := range cells {
				scratch[c] = 0
			}
		default:
			copy(scratch, t.cells[i])
			w.CompleteAt(scratch, t.logs[i], cells)
		}
		return scratch
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
// left + π(…π(x))·right with π applied n-2 times, and each half has the size of the largest component. The accumulator must not be used again.
func (a *Accumulator) Commit(ctx context.Context, c *Config, h channel.Hash, t *circle.Twiddles, m *merkle.Memory) (*Table, error) {
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
	return c.newTable(ctx, h, logs, columns, t.Evaluate, false, m)
}

// liftSum returns the sum of columns, the sizes of which ascend, lifted to the size of the largest. It is nil if all are nil. The columns are
// overwritten.
func liftSum(columns []*fri.Column) *fri.Column {
	var sum *fri.Column
	for _, c := range columns {
		if c == nil {
			continue
		}
		if sum != nil {
			addLifted(c, sum)
		}
		sum = c
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
