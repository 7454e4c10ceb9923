package air

import (
	"sync/atomic"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// blockRows is the number of rows in a block. A register of this size is 1 KiB, so that the registers of a small component are in the first
// cache and those of the largest in the second.
const blockRows = 256

// block is a vector of values, one for each row of a block.
type block = []m31.M31

// secureBlock is a vector of values of the secure field, by coordinates.
type secureBlock [4]block

func newSecureBlock() (b secureBlock) {
	values := make(block, 4*blockRows)
	for q := range b {
		b[q] = values[q*blockRows : (q+1)*blockRows]
	}
	return b
}

func (b *secureBlock) at(i int) m31.QM31 {
	return m31.NewQM31(b[0][i], b[1][i], b[2][i], b[3][i])
}

// machine runs the instructions of a program on one block after another.
type machine struct {
	columns  [][]m31.M31 // the first slots
	slots    []block     // columns, cut to the block's rows; then registers
	pointers []*m31.M31  // to the slots, for the kernels
	memory   []m31.M31   // of the registers
	n        int         // rows of the block
	vector   bool        // the kernels can run on blocks of n rows

	acc  []uint64  // scratch of sums
	pair pairBlock // scratch of addPair
}

// newMachine returns a machine for a program that reads the given columns.
func newMachine(columns [][]m31.M31, registers int) *machine {
	m := &machine{columns: columns, memory: make([]m31.M31, registers*blockRows), acc: make([]uint64, blockRows)}
	m.slots = make([]block, len(m.columns)+registers)
	m.pointers = make([]*m31.M31, len(m.slots))
	return m
}

// seek moves the machine to the rows first to first+n-1.
func (m *machine) seek(first, n int) {
	for k, c := range m.columns {
		if c != nil {
			m.set(k, c[first:first+n])
		}
	}
	if m.n == n {
		return
	}
	m.n = n
	m.vector = vectorized(n)
	for k := len(m.columns); k < len(m.slots); k++ {
		at := (k - len(m.columns)) * blockRows
		m.set(k, m.memory[at:at+n])
	}
}

// prefetch asks for the share of step k of n steps of the next block's columns, so that they are in the cache by then. Columns are too many, and a block
// too short, for the processor to foresee what comes next.
func (m *machine) prefetch(k, n int) {
	if m.vector {
		c := len(m.columns)
		vectorPrefetch(m.pointers[k*c/n:(k+1)*c/n], m.n)
	}
}

// set sets slot k.
func (m *machine) set(k int, b block) {
	m.slots[k] = b
	m.pointers[k] = &b[0]
}

// run carries out the instructions of a step.
func (m *machine) run(code []instruction, words []uint32) {
	if m.vector && len(code) > 0 {
		execute(words, m.pointers, m.n)
		return
	}
	for k := range code {
		i := &code[k]
		d := m.slots[i.dst]
		switch i.op {
		case codeAdd:
			a, b := m.slots[i.a], m.slots[i.b]
			for r := range d {
				d[r] = a[r].Add(b[r])
			}
		case codeSub:
			a, b := m.slots[i.a], m.slots[i.b]
			for r := range d {
				d[r] = a[r].Sub(b[r])
			}
		case codeMul:
			a, b := m.slots[i.a], m.slots[i.b]
			for r := range d {
				d[r] = a[r].Mul(b[r])
			}
		case codeAddConstant:
			a := m.slots[i.a]
			for r := range d {
				d[r] = a[r].Add(i.k)
			}
		case codeConstantMinus:
			a := m.slots[i.a]
			for r := range d {
				d[r] = i.k.Sub(a[r])
			}
		case codeScale:
			a := m.slots[i.a]
			for r := range d {
				d[r] = a[r].Mul(i.k)
			}
		case codeSum:
			m.sum(d, i.sum)
		}
	}
}

// Sums are accumulated as 64-bit integers. A product is below 2^62, a folded value below 2^34: three products can be added to one.

// fold returns a value below 2^34 that is v modulo P.
func fold(v uint64) uint64 { return v&m31.P + v>>31 }

// sum computes s in all rows. Terms that are subtracted are summed first.
func (m *machine) sum(d block, s *sum) {
	acc := m.acc[:m.n]
	clear(acc)
	for side := 1; side >= 0; side-- {
		count := 0
		next := func() {
			if count++; count%3 == 0 {
				for r := range acc {
					acc[r] = fold(acc[r])
				}
			}
		}
		for _, t := range s.scaled[side] {
			a := m.slots[t.slot]
			for r := range acc {
				acc[r] += uint64(a[r]) * uint64(t.k)
			}
			next()
		}
		for _, t := range s.products[side] {
			a, b := m.slots[t.a], m.slots[t.b]
			for r := range acc {
				acc[r] += uint64(a[r]) * uint64(b[r])
			}
			next()
		}
		if side == 1 && count > 0 {
			for r := range acc {
				acc[r] = 16*m31.P - fold(acc[r]) // 16·P is more than 2^34
			}
		}
	}
	for r := range d {
		acc[r] += uint64(s.constant)
		v := m31.New(acc[r])
		for _, t := range s.plain[0] {
			v = v.Add(m.slots[t][r])
		}
		for _, t := range s.plain[1] {
			v = v.Sub(m.slots[t][r])
		}
		d[r] = v
	}
}

// secureSum sets d to s in all rows. d is of newSecureBlock.
func (m *machine) secureSum(d *secureBlock, s *secureSum) {
	if m.vector {
		vectorSecureSum(&d[0][0], s, m.pointers, m.n)
		return
	}
	for q := range d {
		acc := m.acc[:m.n]
		clear(acc)
		m.accumulate(acc, s, q)
		for r, v := range acc {
			d[q][r] = m31.New(v + s.coordinates[q])
		}
	}
}

// accumulate adds coordinate q of the terms of s to acc, which is below 2^62 in each row before and below 2^34 after.
func (m *machine) accumulate(acc []uint64, s *secureSum, q int) {
	for j, t := range s.wide {
		a, k := m.slots[t.slot], t.k[q]
		for r := range acc {
			acc[r] += uint64(a[r]) * k
		}
		if j%3 == 2 || j == len(s.wide)-1 {
			for r := range acc {
				acc[r] = fold(acc[r])
			}
		}
	}
}

// secureSums are accumulators of the secure field for each row, of 64 bits for each coordinate. They are below 2^62. The kernels keep the
// accumulators of a vector of rows in an order of their own, which all of them share.
type secureSums []uint64

func newSecureSums() secureSums { return make(secureSums, 4*blockRows) }

// coordinate returns the accumulators of coordinate q in n rows.
func (s secureSums) coordinate(q, n int) []uint64 { return s[q*blockRows : q*blockRows+n] }

// addSecureSum adds the terms of s to sums in all rows.
func (m *machine) addSecureSum(sums secureSums, s *secureSum) {
	if m.vector {
		vectorAddSecureSum(sums, s, m.pointers, m.n)
		return
	}
	for q := range 4 {
		m.accumulate(sums.coordinate(q, m.n), s, q)
	}
}

// share calls work on all cores, at most once each, and returns when all calls have returned. A call takes numbers of blocks from next until that
// returns -1; together the calls take 0 to blocks-1.
func share(blocks int, work func(next func() int)) {
	const run = 8 // blocks that one call takes in a row
	var taken atomic.Int64
	parallel.For(min(parallel.Workers(), (blocks+run-1)/run), func(int) {
		at, end := 0, 0
		work(func() int {
			if at == end {
				end = int(taken.Add(run))
				at = end - run
				end = min(end, blocks)
			}
			if at >= end {
				end = at
				return -1
			}
			at++
			return at - 1
		})
	})
}
