package vm

import (
	"reflect"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// Arrays that a contract hands on from call to call. A call costs the same gas whatever the length of its calldata, so a machine reads
// the words of an array once, and the machine of the inner call has the cells themselves: cells are written once.

// manyWords is from which length on arrays are handed on without copying.
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

// handedKey is an array that is handed to an inner call: by the transaction's phase, which is one goroutine's, and the first word.
type handedKey struct {
	shared *any
	first  *felt.Felt
}

// hand makes the cells of an array, which array has read from a on, available to the calls within one. The caller calls release after it.
func (f *frame) hand(m *machine.Machine, a machine.Addr, words []felt.Felt) (release func()) {
	read := f.arrays[a.Segment]
	if f.engine == nil || f.shared == nil || len(words) < manyWords || a.Offset >= uint64(len(read)) || &read[a.Offset] != &words[0] {
		return func() {}
	}
	end := a.Offset + uint64(len(words))
	return f.engine.hand(handedKey{f.shared, &words[0]}, m.Memory.Cells(a.Segment)[a.Offset:end:end])
}

func (e *Engine) hand(key handedKey, cells []machine.Cell) (release func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before, nested := e.handed[key]
	e.handed[key] = cells
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if nested {
			e.handed[key] = before
		} else {
			delete(e.handed, key)
		}
	}
}

// calldataSegment is the segment of a call's calldata, of the caller's cells if it has handed them on.
func (f *frame) calldataSegment(m *machine.Machine, call *cairo.Call) (start, end machine.Addr, err error) {
	if f.engine != nil && call.Shared != nil && len(call.Calldata) >= manyWords {
		f.engine.mu.Lock()
		cells := f.engine.handed[handedKey{call.Shared, &call.Calldata[0]}]
		f.engine.mu.Unlock()
		if len(cells) == len(call.Calldata) {
			return f.sharedSegment(m, call.Calldata, cells)
		}
	}
	return f.readOnlySegment(m, call.Calldata...)
}

// returnedSegment is the segment of what a call returned. If that is a part of its calldata, which this machine read from a on, it is of the
// same cells.
func (f *frame) returnedSegment(m *machine.Machine, a machine.Addr, calldata, list []felt.Felt) (start, end machine.Addr, err error) {
	if len(list) >= manyWords && len(calldata) >= len(list) {
		first, at := reflect.ValueOf(calldata).Pointer(), reflect.ValueOf(list).Pointer()
		if skip := uint64(at-first) / felt.Bytes; at >= first && skip+uint64(len(list)) <= uint64(len(calldata)) && &calldata[skip] == &list[0] {
			from := a.Offset + skip
			to := from + uint64(len(list))
			return f.sharedSegment(m, list, m.Memory.Cells(a.Segment)[from:to:to])
		}
	}
	return f.readOnlySegment(m, list...)
}

// sharedSegment is readOnlySegment for words, at least manyWords, whose cells there are.
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
