package vm

import (
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// A contract may pass an array on from call to call, and the gas of a call does not depend on the length of its calldata.
// So a machine reads the words of a long array only once, and the machine of the inner call shares its cells. That is safe
// because a cell is written only once.

// manyWords is the length from which on an array's cells are shared instead of copied.
const manyWords = 64

// array reads n field elements, starting at a. The caller must not modify them.
func (f *frame) array(m *machine.Machine, a machine.Addr, n int) ([]felt.Felt, error) {
	end := a.Offset + uint64(n)
	if n < manyWords || a.Segment < 0 || m.Memory.Cell(a.Add(n-1)) == nil {
		return m.Memory.Felts(a, n)
	}
	read := f.arrays[a.Segment]
	for off := uint64(len(read)); off < end; off++ {
		word, err := m.Memory.Felt(machine.Addr{Segment: a.Segment, Offset: off})
		if err != nil { // not all cells up to end are felts; in compiled code they are, because an array has its own segment
			return m.Memory.Felts(a, n)
		}
		read = append(read, word)
	}
	if f.arrays == nil {
		f.arrays = make(map[int32][]felt.Felt)
	}
	f.arrays[a.Segment] = read
	return read[a.Offset:end:end], nil
}

// shareable returns the n cells that start at a, for another machine to share. It returns nil if they must be copied: there
// are fewer than manyWords, or array has not read them all.
func (f *frame) shareable(m *machine.Machine, a machine.Addr, n int) *machine.Cells {
	if n < manyWords || a.Offset+uint64(n) > uint64(len(f.arrays[a.Segment])) {
		return nil
	}
	return m.Memory.Cells(a, n)
}

// arraySegment adds a read-only segment with an array. It shares cells, the array's cells in another machine, if it can, and
// copies words otherwise.
func (f *frame) arraySegment(m *machine.Machine, words []felt.Felt, cells *machine.Cells) (start, end machine.Addr, err error) {
	if len(words) >= manyWords && len(words) == cells.Len() {
		return f.sharedSegment(m, words, cells)
	}
	return f.readOnlySegment(m, words...)
}

// sharedSegment adds a read-only segment that shares cells, which hold words.
func (f *frame) sharedSegment(m *machine.Machine, words []felt.Felt, cells *machine.Cells) (start, end machine.Addr, err error) {
	start = m.Memory.AddSegment()
	if err := m.Memory.Share(start, cells); err != nil {
		return start, start, err
	}
	if f.arrays == nil {
		f.arrays = make(map[int32][]felt.Felt)
	}
	f.arrays[start.Segment] = words[:len(words):len(words)]
	f.readOnly = append(f.readOnly, readOnly{start.Segment, uint64(len(words))})
	return start, start.Add(len(words)), nil
}
