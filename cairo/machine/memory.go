package machine

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// Cell is a Value with three more bits in its top limb. The known bit is set when the cell is written, the accessed bit when
// an instruction uses it. A cell below its segment's end that is never accessed is a hole, which the trace must fill. The deduced
// bit means that the cell holds what its builtin's rule gives, whether the cell is known or not yet.
type Cell [4]uint64

const (
	knownBit    = 1 << 62
	accessedBit = 1 << 61
	deducedBit  = 1 << 60
	cellBits    = knownBit | accessedBit | deducedBit
)

// Known reports whether the cell has been written.
func (c *Cell) Known() bool { return c[3]&knownBit != 0 }

// Accessed reports whether an instruction has used the cell.
func (c *Cell) Accessed() bool { return c[3]&accessedBit != 0 }

// Value returns the cell's value, which means nothing if the cell is not known.
func (c *Cell) Value() Value { return Value{[4]uint64{c[0], c[1], c[2], c[3] &^ cellBits}} }

// Felt returns the cell's field element; ok is false if the cell holds an address or is not known.
func (c *Cell) Felt() (f felt.Felt, ok bool) {
	if c[3]&(knownBit|addrBit) != knownBit {
		return f, false
	}
	return felt.Felt{c[0], c[1], c[2], c[3] &^ cellBits}, true
}

func (c *Cell) set(v *Value) { *c = Cell{v.l[0], v.l[1], v.l[2], v.l[3] | knownBit} }
func (c *Cell) is(v *Value) bool {
	return c[0] == v.l[0] && c[1] == v.l[1] && c[2] == v.l[2] && c[3]&^cellBits == v.l[3]
}

// A segment's cells are in chunks, which are allocated one by one and never move, except the first one while it is small. So a
// growing segment costs no copies, and memory that nobody writes costs nothing.
const (
	chunkBits  = 15
	chunkCells = 1 << chunkBits // 1 MB
)

// segment is one segment of memory. Cells that have no chunk, and cells after the last written one, are unknown.
type segment struct {
	chunks  [][]Cell // the cell at offset has number offset + skew; chunks that do not exist yet are nil or short
	skew    uint64   // not 0 only in a segment whose cells are shared
	counted uint64   // number of cells that count towards the limit; none exists from this offset on
	builtin *Builtin // the builtin whose segment this is, or nil
	code    *code    // decoded instructions and hints; nil until there are any
	shared  bool     // other machines or segments use the cells too: copied before the first write
}

// at returns the cell at offset, or nil if it does not exist.
func (s *segment) at(offset uint64) *Cell {
	if offset >= s.counted {
		return nil
	}
	return cellOf(s.chunks, offset+s.skew)
}

// cellOf returns the cell with that number, or nil if it does not exist.
func cellOf(chunks [][]Cell, number uint64) *Cell {
	if number>>chunkBits >= uint64(len(chunks)) {
		return nil
	}
	c := chunks[number>>chunkBits]
	if number%chunkCells >= uint64(len(c)) {
		return nil
	}
	return &c[number%chunkCells]
}

// size returns the offset after the last written cell.
func (s *segment) size() uint64 {
	for i := len(s.chunks) - 1; i >= 0; i-- {
		c := s.chunks[i]
		for k := len(c); k > 0; k-- {
			if c[k-1].Known() {
				return max(uint64(i)<<chunkBits+uint64(k), s.skew) - s.skew
			}
		}
	}
	return 0
}

// ensure makes the cell at offset, which is below s.counted, exist. The segment must not be shared.
func (s *segment) ensure(offset uint64) {
	i := offset >> chunkBits
	for uint64(len(s.chunks)) <= i {
		s.chunks = append(s.chunks, nil)
	}
	c, n := s.chunks[i], offset%chunkCells+1
	if n > uint64(cap(c)) {
		size := uint64(chunkCells)
		if i == 0 {
			size = min(size, max(n, 2*uint64(len(c)), 16))
		}
		c = append(make([]Cell, 0, size), c...)
	}
	// The cells between len and cap are zero: cells are only written below len.
	s.chunks[i] = c[:min(uint64(cap(c)), s.counted-i<<chunkBits)]
}

// Memory is the machine's memory. All runners put the program in segment 0; segment 1 is the execution segment.
type Memory struct {
	// Limit bounds the cells of all segments. NewMachine sets it to MaxCells.
	Limit uint64
	// MaxWork bounds Work: a rule that makes it larger fails with ErrMaxWork. 0 means no bound.
	MaxWork uint64

	work  uint64
	segs  []*segment
	temp  []*segment     // temporary segment -1-i
	rules map[int32]Addr // temporary segment → the address that its start moves to
	cells uint64         // number of cells allocated in all segments
}

// MaxCells bounds the cells of one machine: 2^26 cells of 32 bytes are 2 GiB. The outputs that builtins remember add at
// most half of that. A program that needs more cells fails with a memory error.
const MaxCells = 1 << 26

// ErrMaxCells is the error of a run that needs more cells than its machine may have.
var ErrMaxCells = errors.New("vm: the run needs too many memory cells")

// memoryError is a failed access to memory.
type memoryError struct {
	Addr   Addr
	Reason string
	full   bool // because of Memory.Limit
}

func (e *memoryError) Error() string { return e.Reason }

// Is implements errors.Is for ErrMaxCells.
func (e *memoryError) Is(target error) bool { return e.full && target == ErrMaxCells }

func memErrorf(a Addr, format string, args ...any) error {
	return &memoryError{Addr: a, Reason: fmt.Sprintf(format, args...)}
}

// beyond returns the error of an access beyond the limit of cells.
func (m *Memory) beyond(a Addr) error {
	return &memoryError{a, fmt.Sprintf("the offset of %v is beyond the machine's %d cells", a, m.Limit), true}
}

// overfull returns the error of a run whose segments together need more cells than the limit.
func (m *Memory) overfull(a Addr) error {
	return &memoryError{a, fmt.Sprintf("the run needs more than %d memory cells", m.Limit), true}
}

// ErrMaxWork is the error of a builtin's rule beyond MaxWork.
var ErrMaxWork = errors.New("vm: work limit reached")

// Work returns the time that the rules of builtins took, as a number of steps that take about as long.
func (m *Memory) Work() uint64 { return m.work }

// spend adds work.
func (m *Memory) spend(work uint64) error {
	if m.work += work; m.MaxWork != 0 && m.work > m.MaxWork {
		return ErrMaxWork
	}
	return nil
}

// AddSegment adds an empty segment and returns its start.
func (m *Memory) AddSegment() Addr {
	m.segs = append(m.segs, &segment{})
	return Addr{int32(len(m.segs) - 1), 0}
}

// AddTemporarySegment adds a temporary segment and returns its start. A call of AddRelocationRule must map it before the
// run ends.
func (m *Memory) AddTemporarySegment() Addr {
	m.temp = append(m.temp, &segment{})
	return Addr{int32(-len(m.temp)), 0}
}

// Cells is a range of cells that machines can share.
type Cells struct {
	chunks  [][]Cell
	skew, n uint64
}

// Len returns the number of cells, 0 if c is nil.
func (c *Cells) Len() int {
	if c == nil {
		return 0
	}
	return int(c.n)
}

// CellsOf returns list as Cells. The caller must not change list afterwards.
func CellsOf(list []Cell) *Cells {
	c := &Cells{n: uint64(len(list)), chunks: make([][]Cell, 0, len(list)/chunkCells+1)}
	for ; len(list) > chunkCells; list = list[chunkCells:] {
		c.chunks = append(c.chunks, list[:chunkCells])
	}
	c.chunks = append(c.chunks, list)
	return c
}

// Cells returns the n cells that start at a, all of which must be written.
func (m *Memory) Cells(a Addr, n int) *Cells {
	s := m.segment(a.Segment)
	first := a.Offset + s.skew
	end := first + uint64(n)
	c := &Cells{slices.Clone(s.chunks[first>>chunkBits : (end+chunkCells-1)>>chunkBits]), first % chunkCells, uint64(n)}
	if k := end % chunkCells; k != 0 {
		last := &c.chunks[len(c.chunks)-1]
		*last = (*last)[:k:k]
	}
	return c
}

// Written yields the cells of a segment up to the last written one in pieces, with the offset of the first cell of each. Cells that are in no
// piece are unknown. The caller must not write to them.
func (m *Memory) Written(segment int32) iter.Seq2[uint64, []Cell] {
	return func(yield func(uint64, []Cell) bool) {
		s := m.segment(segment)
		if s == nil {
			return
		}
		end := s.size() + s.skew
		for i, c := range s.chunks {
			first := uint64(i) << chunkBits
			if first >= end {
				return
			}
			c = c[:min(uint64(len(c)), end-first)]
			offset := first - s.skew
			if first < s.skew {
				c, offset = c[min(uint64(len(c)), s.skew-first):], 0
			}
			if len(c) > 0 && !yield(offset, c) {
				return
			}
		}
	}
}

// Cell returns the cell at a, or nil if it does not exist. The caller must not write to it.
func (m *Memory) Cell(a Addr) *Cell { return m.cell(a) }

// Segments returns the number of segments that are not temporary.
func (m *Memory) Segments() int { return len(m.segs) }

// SegmentSize returns the offset after the last written cell of a segment, or 0 if the segment does not exist.
func (m *Memory) SegmentSize(index int32) uint64 {
	if s := m.segment(index); s != nil {
		return s.size()
	}
	return 0
}

func (m *Memory) segment(index int32) *segment {
	if index >= 0 {
		if int(index) < len(m.segs) {
			return m.segs[index]
		}
		return nil
	}
	if i := -1 - int64(index); i < int64(len(m.temp)) {
		return m.temp[i]
	}
	return nil
}

// AddRelocationRule maps the temporary segment that starts at src to dst. From then on an address in the segment is read
// as one that is counted from dst. RelocateTemporary moves the cells there at the end of the run.
func (m *Memory) AddRelocationRule(src, dst Addr) error {
	switch {
	case src.Segment >= 0:
		return memErrorf(src, "the address %v is not in a temporary segment", src)
	case src.Offset != 0:
		return memErrorf(src, "relocation rule from %v: a temporary segment moves from its start", src)
	case m.segment(src.Segment) == nil:
		return memErrorf(src, "relocation rule from the unknown segment %d", src.Segment)
	}
	if old, ok := m.rules[src.Segment]; ok {
		return memErrorf(src, "the relocation rule for segment %d exists already: %v", src.Segment, old)
	}
	if m.rules == nil {
		m.rules = make(map[int32]Addr)
	}
	m.rules[src.Segment] = dst
	return nil
}

// relocate applies the rules to a value, repeatedly if a rule leads to another temporary segment.
func (m *Memory) relocate(v Value) Value {
	for range len(m.rules) {
		if !v.IsAddr() {
			return v
		}
		a := v.addr()
		if a.Segment >= 0 {
			return v
		}
		to, ok := m.rules[a.Segment]
		if !ok {
			return v
		}
		to.Offset += a.Offset
		v = AddrValue(to)
	}
	return v
}

func (m *Memory) cell(a Addr) *Cell {
	s := m.segment(a.Segment)
	if s == nil {
		return nil
	}
	return s.at(a.Offset)
}

// Get returns the value at a, or false if the cell has not been written.
func (m *Memory) Get(a Addr) (Value, bool) {
	c := m.cell(a)
	if c == nil || !c.Known() {
		return Value{}, false
	}
	v := c.Value()
	if m.rules != nil {
		v = m.relocate(v)
	}
	return v, true
}

// integer reads a field element; false if the cell is unknown or holds an address.
func (m *Memory) integer(a Addr) (f felt.Felt, ok bool) {
	c := m.cell(a)
	if c == nil {
		return f, false
	}
	return c.Felt()
}

// Value reads a value, or returns an error if the cell has not been written.
func (m *Memory) Value(a Addr) (Value, error) {
	v, ok := m.Get(a)
	if !ok {
		return Value{}, memErrorf(a, "unknown value for memory cell %v", a)
	}
	return v, nil
}

// Felt reads a field element.
func (m *Memory) Felt(a Addr) (felt.Felt, error) {
	f, ok := m.integer(a)
	if ok {
		return f, nil
	}
	if c := m.cell(a); c == nil || !c.Known() {
		return f, memErrorf(a, "unknown value for memory cell %v", a)
	}
	return f, memErrorf(a, "expected integer at address %v", a)
}

// Uint64 reads a number below 2^64.
func (m *Memory) Uint64(a Addr) (uint64, error) {
	f, err := m.Felt(a)
	if err != nil {
		return 0, err
	}
	if !f.IsUint64() {
		return 0, memErrorf(a, "the value %v at %v does not fit in 64 bits", FeltValue(f), a)
	}
	return f.Uint64(), nil
}

// Pointer reads an address.
func (m *Memory) Pointer(a Addr) (Addr, error) {
	v, ok := m.Get(a)
	if !ok {
		return Addr{}, memErrorf(a, "unknown value for memory cell %v", a)
	}
	p, ok := v.Addr()
	if !ok {
		return Addr{}, memErrorf(a, "expected relocatable at address %v", a)
	}
	return p, nil
}

// Felts reads n field elements, starting at a.
func (m *Memory) Felts(a Addr, n int) ([]felt.Felt, error) {
	if s := m.segment(a.Segment); n < 0 || n > 0 && (s == nil || uint64(n) > s.counted) {
		return nil, memErrorf(a, "no %d integers at %v", n, a)
	}
	out := make([]felt.Felt, n)
	for i := range out {
		f, err := m.Felt(a.Add(i))
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

// Insert writes a cell. A cell that is already written may only be written with the same value. In a builtin's segment
// the builtin's rule checks the value.
func (m *Memory) Insert(a Addr, v Value) error {
	s := m.segment(a.Segment)
	if s == nil {
		return memErrorf(a, "cannot insert into the unallocated segment %d", a.Segment)
	}
	c := s.at(a.Offset)
	if c == nil {
		if err := m.grow(s, a); err != nil {
			return err
		}
		c = s.at(a.Offset)
	}
	if c.Known() {
		if c.is(&v) {
			return nil
		}
		old := c.Value()
		if m.rules == nil || m.relocate(old) != m.relocate(v) {
			return memErrorf(a, "inconsistent memory assignment at address %v. %v != %v", a, old, v)
		}
		return nil
	}
	if s.shared {
		m.unshare(s)
		c = s.at(a.Offset)
	}
	if c[3]&deducedBit != 0 && !c.is(&v) {
		c[3] &^= deducedBit
	}
	c[0], c[1], c[2], c[3] = v.l[0], v.l[1], v.l[2], v.l[3]|knownBit|c[3]&(accessedBit|deducedBit)
	if s.builtin != nil && s.builtin.check != nil {
		return s.builtin.check(m, a, v)
	}
	return nil
}

// grow extends s so that it includes a.
func (m *Memory) grow(s *segment, a Addr) error {
	if a.Offset >= m.Limit {
		return m.beyond(a)
	}
	if s.shared {
		m.unshare(s)
	}
	if n, have := a.Offset+1, s.counted; n > have {
		if m.cells+n-have > m.Limit {
			return m.overfull(a)
		}
		// A segment counts as twice what it needs, whatever is allocated: the count must be deterministic.
		size := max(n, 2*have, 16)
		if left := m.Limit - (m.cells + n - have); size > n+left {
			size = n + left/2 // other segments get the other half
		}
		m.cells += size - have
		s.counted = size
	}
	s.ensure(a.Offset)
	return nil
}

// unshare gives s its own copy of its cells.
func (m *Memory) unshare(s *segment) {
	shared := Cells{s.chunks, s.skew, s.counted}
	s.chunks, s.skew, s.shared = nil, 0, false
	for off := range shared.n {
		if c := cellOf(shared.chunks, off+shared.skew); c != nil {
			s.ensure(off)
			*s.at(off) = *c
		}
	}
}

// reserve extends the segment of a so that it includes the n cells from a on, in one step.
func (m *Memory) reserve(a Addr, n int) error {
	if n == 0 {
		return nil
	}
	last := a.Add(n - 1)
	if s := m.segment(a.Segment); s != nil && s.at(last.Offset) == nil {
		return m.grow(s, last)
	}
	return nil
}

// Load writes values to consecutive cells, starting at a, and returns the address after them.
func (m *Memory) Load(a Addr, values ...Value) (Addr, error) {
	if err := m.reserve(a, len(values)); err != nil {
		return a, err
	}
	for _, v := range values {
		if err := m.Insert(a, v); err != nil {
			return a, err
		}
		a.Offset++
	}
	return a, nil
}

// LoadFelts does what Load does, for field elements.
func (m *Memory) LoadFelts(a Addr, values ...felt.Felt) (Addr, error) {
	if err := m.reserve(a, len(values)); err != nil {
		return a, err
	}
	for _, f := range values {
		if err := m.Insert(a, Value{f}); err != nil {
			return a, err
		}
		a.Offset++
	}
	return a, nil
}

// MarkAccessed marks n cells, starting at a, as accessed, as if an instruction had used them.
func (m *Memory) MarkAccessed(a Addr, n int) {
	s := m.segment(a.Segment)
	if s == nil || s.shared {
		return
	}
	for off := a.Offset; off < a.Offset+uint64(n); off++ {
		c := s.at(off)
		if c == nil {
			return
		}
		c[3] |= accessedBit
	}
}

// Holes returns the number of memory holes as Starknet bills them: the cells below the end of a segment that are not written or that no
// instruction has accessed. Segments without accessed cells, the segments of builtins, and segments that share their cells do not count.
// A program, and an array that a machine shares with another one, are wholly accessed. Machine.Tracing or Accessing must have been set.
func (m *Memory) Holes() uint64 {
	holes := uint64(0)
	for i, s := range m.segs {
		if s.shared || s.builtin != nil {
			continue
		}
		size, accessed := s.size(), uint64(0)
		for _, cells := range m.Written(int32(i)) {
			for k := range cells {
				if cells[k][3]&(knownBit|accessedBit) == knownBit|accessedBit {
					accessed++
				}
			}
		}
		if accessed > 0 {
			holes += size - accessed
		}
	}
	return holes
}

// RelocateTemporary applies the relocation rules to all of memory: it rewrites the addresses that point into temporary
// segments and moves the cells of those segments.
func (m *Memory) RelocateTemporary() error {
	if m.rules == nil {
		return nil
	}
	for _, list := range [][]*segment{m.segs, m.temp} {
		for _, s := range list {
			if s.shared {
				continue // shared cells hold no temporary addresses
			}
			for _, cells := range s.chunks {
				for i := range cells {
					c := &cells[i]
					if c[3]&(knownBit|addrBit) == knownBit|addrBit {
						v := m.relocate(c.Value())
						c[0], c[1] = v.l[0], v.l[1]
					}
				}
			}
		}
	}
	for i, s := range m.temp {
		to := m.relocate(AddrValue(Addr{int32(-1 - i), 0})).addr()
		if to.Segment < 0 {
			continue
		}
		for first, cells := range m.Written(int32(-1 - i)) {
			for k := range cells {
				c := &cells[k]
				if !c.Known() {
					continue
				}
				dst := to.Add(int(first) + k)
				if err := m.Insert(dst, c.Value()); err != nil {
					return err
				}
				if c[3]&accessedBit != 0 {
					m.MarkAccessed(dst, 1)
				}
			}
		}
		s.chunks, s.counted = nil, 0
	}
	return nil
}

// NoTemporary returns an error if a cell still holds an address in a temporary segment.
func (m *Memory) NoTemporary() error {
	if len(m.temp) == 0 {
		return nil
	}
	for i, s := range m.segs {
		if s.shared {
			continue
		}
		for n, cells := range s.chunks {
			for k := range cells {
				if c := &cells[k]; c[3]&(knownBit|addrBit) == knownBit|addrBit && int64(c[1]) < 0 {
					return fmt.Errorf("vm: temporary address %v at %v", c.Value(), Addr{int32(i), uint64(n)<<chunkBits + uint64(k)})
				}
			}
		}
	}
	return nil
}

// Share fills the new segment at a with cells of another machine or segment, all of which must be known. Both use the same
// cells; the limit counts them as if they were copied.
func (m *Memory) Share(a Addr, cells *Cells) error {
	s, n := m.segment(a.Segment), cells.n
	if n > m.Limit {
		return m.beyond(a.Add(int(n) - 1))
	}
	if m.cells+n > m.Limit {
		return m.overfull(a)
	}
	m.cells += n
	s.chunks, s.skew, s.counted, s.shared = cells.chunks, cells.skew, n, true
	return nil
}
