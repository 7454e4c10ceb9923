package machine

import "sync"

// code holds the decoded instructions of a segment and their hints.
type code struct {
	at     []instruction // by offset; grown and decoded on demand unless sealed
	hints  [][]HintFunc
	index  map[uint64]uint32 // offset → 1 + index in hints
	sealed bool              // the machines that run a Code share it: never written
}

// add attaches hints to the instruction at offset.
func (c *code) add(offset uint64, hints []HintFunc) {
	if c.index == nil {
		c.index = make(map[uint64]uint32)
	}
	i := c.index[offset]
	if i == 0 {
		c.hints = append(c.hints, nil)
		i = uint32(len(c.hints))
		c.index[offset] = i
	}
	c.hints[i-1] = append(c.hints[i-1], hints...)
	if offset < uint64(len(c.at)) {
		c.at[offset].hints = i
	}
}

// decodeAt decodes the instruction at pc, which is in s, and stores it in s.code unless that is sealed.
func (m *Machine) decodeAt(s *segment, pc Addr) (*instruction, error) {
	v, ok := m.Memory.Get(pc)
	if !ok {
		return nil, memErrorf(pc, "unknown value for memory cell %v", pc)
	}
	word, ok := v.Felt()
	if !ok {
		return nil, memErrorf(pc, "instruction should be an int (found: %v)", v)
	}
	in, err := decode(word)
	if err != nil {
		return nil, err
	}
	if in.op1 == op1Imm && in.off2 == 1 {
		if v, ok := m.Memory.Get(pc.Add(1)); ok {
			if f, ok := v.Felt(); ok {
				in.imm, in.immSmall = smallFelt(f)
			}
		}
	}
	if s.code == nil {
		s.code = &code{}
	}
	c := s.code
	in.hints = c.index[pc.Offset]
	if c.sealed {
		return &in, nil
	}
	if n := pc.Offset + 1; n > uint64(len(c.at)) {
		// Double, because the segment may hold much data after its code.
		c.at = append(c.at, make([]instruction, max(n, min(2*n, s.counted))-uint64(len(c.at)))...)
	}
	c.at[pc.Offset] = in
	return &c.at[pc.Offset], nil
}

// Code is a program prepared for many machines: its cells, its decoded instructions and their hints. The machines share
// the cells; a machine that writes one gets its own copy first.
type Code struct {
	cells *Cells
	code  *code
}

// NewCode decodes words. A word that is not an instruction is an error only when a machine reaches it.
func NewCode(words []Value) *Code {
	cells := make([]Cell, len(words))
	for i := range words {
		cells[i].set(&words[i])
	}
	c := &Code{CellsOf(cells), &code{at: make([]instruction, len(words)), sealed: true}}
	for i := range words {
		f, ok := words[i].Felt()
		if !ok {
			continue
		}
		in, err := decode(f)
		if err != nil {
			continue
		}
		if in.op1 == op1Imm && in.off2 == 1 && i+1 < len(words) {
			if f, ok := words[i+1].Felt(); ok {
				in.imm, in.immSmall = smallFelt(f)
			}
		}
		c.code.at[i] = in
	}
	return c
}

// AddHint attaches a hint to the instruction at offset, after its other hints. It must be called before a machine runs the
// code.
func (c *Code) AddHint(offset uint64, h HintFunc) { c.code.add(offset, []HintFunc{h}) }

// Size returns the number of words.
func (c *Code) Size() int { return c.cells.Len() }

// Pool makes machines and reuses their execution segments. It is safe for concurrent use; the zero Pool is ready to use.
type Pool struct{ segments sync.Pool } // of *[][]Cell

// maxPooledCells is the size of the largest execution segment that a Pool keeps (32 MB).
const maxPooledCells = 1 << 20

// Get returns a new machine with code in segment 0. The caller must call Put after the last use of the machine.
func (p *Pool) Get(code *Code) *Machine {
	m := NewMachine()
	cells := code.cells
	m.Memory.segs[0] = &segment{chunks: cells.chunks, counted: cells.n, code: code.code, shared: true}
	if chunks, ok := p.segments.Get().(*[][]Cell); ok {
		m.exec.chunks = *chunks
	} else {
		m.exec.chunks = [][]Cell{make([]Cell, 0, 1<<12)}
	}
	return m
}

// Put zeroes the machine's execution segment and keeps it for a later machine.
func (p *Pool) Put(m *Machine) {
	chunks := m.exec.chunks
	if len(chunks) > maxPooledCells/chunkCells {
		return
	}
	for i := range chunks {
		clear(chunks[i])
		chunks[i] = chunks[i][:0]
	}
	m.exec.chunks, m.exec.counted = nil, 0
	p.segments.Put(&chunks)
}
