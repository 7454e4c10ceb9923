package vm

import (
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// Arrays that a contract passes on from call to call. A call costs the same gas whatever the length of its calldata, so a machine reads
// the words of an array once, and the machine of the inner call uses the same cells: cells are written once.

// manyWords is the length from which on arrays are passed on without copying.
const manyWords = 64

// array reads n field elements from a on. Callers do not modify them.
func (f *frame) array(m *machine.Machine, a machine.Addr, n int) ([]felt.Felt, error) {
	cells := m.Memory.Cells(a.Segment)
	end := a.Offset + uint64(n)
	if n < manyWords || a.Segment < 0 || end > uint64(len(cells)) {
		return m.Memory.Felts(a, n)
	}
	read := f.arrays[a.Segment]
	for off := uint64(len(read)); off < end; off++ {
		word, ok := cells[off].Felt()
		if !ok { // arrays that begin with the segment are those of compiled code
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

// shareable returns the n cells from a on, for another machine to have, nil where they are to be copied: where they are few, or array
// has not read them all.
func (f *frame) shareable(m *machine.Machine, a machine.Addr, n int) []machine.Cell {
	end := a.Offset + uint64(n)
	if n < manyWords || end > uint64(len(f.arrays[a.Segment])) {
		return nil
	}
	return m.Memory.Cells(a.Segment)[a.Offset:end:end]
}

// arraySegment returns a segment of an array that the code may only read: of the cells that another machine has for it, if there are
// any, else of new ones.
func (f *frame) arraySegment(m *machine.Machine, words []felt.Felt, cells []machine.Cell) (start, end machine.Addr, err error) {
	if len(words) >= manyWords && len(words) == len(cells) {
		return f.sharedSegment(m, words, cells)
	}
	return f.readOnlySegment(m, words...)
}

// sharedSegment is readOnlySegment for words, at least manyWords, that already have cells.
func (f *frame) sharedSegment(m *machine.Machine, words []felt.Felt, cells []machine.Cell) (start, end machine.Addr, err error) {
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
