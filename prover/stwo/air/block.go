package air

import "github.com/starkd/starkd/prover/stwo/m31"

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

// cut returns the first n rows of b.
func (b secureBlock) cut(n int) secureBlock {
	for q := range b {
		b[q] = b[q][:n]
	}
	return b
}

func (b *secureBlock) at(i int) m31.QM31 {
	return m31.NewQM31(b[0][i], b[1][i], b[2][i], b[3][i])
}

func (b *secureBlock) set(i int, v m31.QM31) {
	c := v.Coordinates()
	b[0][i], b[1][i], b[2][i], b[3][i] = c[0], c[1], c[2], c[3]
}

// machine runs the instructions of a program on one block after another.
type machine struct {
	slots   []block // columns, cut to the block's rows; then registers
	columns [][]m31.M31
	memory  []m31.M31 // of the registers
	n       int       // rows of the block

	acc []uint64 // scratch of sums
}

// newMachine returns a machine for programs with the columns of t.
func newMachine(t *Table, registers int) *machine {
	m := &machine{columns: append(append([][]m31.M31{}, t.Columns...), t.Preprocessed...), memory: make([]m31.M31, registers*blockRows), acc: make([]uint64, blockRows)}
	m.slots = make([]block, len(m.columns)+registers)
	return m
}

// seek moves the machine to the rows first to first+n-1.
func (m *machine) seek(first, n int) {
	m.n = n
	for k, c := range m.columns {
		if c != nil {
			m.slots[k] = c[first : first+n]
		}
	}
	for k := len(m.columns); k < len(m.slots); k++ {
		at := (k - len(m.columns)) * blockRows
		m.slots[k] = m.memory[at : at+n]
	}
}

// run executes instructions.
func (m *machine) run(code []instruction) {
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

// secureSum computes s in all rows.
func (m *machine) secureSum(d *secureBlock, s *secureSum) {
	for q := range d {
		clear(d[q][:m.n])
	}
	m.addSecureSum(d, s)
}

// addSecureSum adds s to d in all rows.
func (m *machine) addSecureSum(d *secureBlock, s *secureSum) {
	constant := s.constant.Coordinates()
	acc := m.acc[:m.n]
	for q := range d {
		for r := range acc {
			acc[r] = uint64(constant[q]) + uint64(d[q][r])
		}
		for j, t := range s.terms {
			a, k := m.slots[t.slot], uint64(t.k.Coordinates()[q])
			for r := range acc {
				acc[r] += uint64(a[r]) * k
			}
			if j%3 == 2 {
				for r := range acc {
					acc[r] = fold(acc[r])
				}
			}
		}
		for r, v := range acc {
			d[q][r] = m31.New(v)
		}
	}
}

// machine returns a machine for the program on t.
func (p *program[R]) machine(t *Table) *machine { return newMachine(t, p.registers) }

// factor returns the values of f in a block, or nil if it is constant.
func (m *machine) factor(f factor) block {
	if f.slot < 0 {
		return nil
	}
	return m.slots[f.slot]
}
