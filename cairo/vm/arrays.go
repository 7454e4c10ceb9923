package vm

import (
	"reflect"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// Arrays that a contract hands on from call to call. A call costs the same gas whatever the length of its calldata, so a machine reads
// the words of an array once, and the machine of the inner call has the cells themselves: cells are written once.

// manyWords is from which length on arrays are handed on without copying.
const manyWords = 64

// array reads n field elements from a on. Callers do not modify them.
func (m *Machine) array(a Addr, n int) ([]felt.Felt, error) {
	s := m.Memory.segment(a.Segment)
	end := a.Offset + uint64(n)
	if n < manyWords || a.Segment < 0 || s == nil || end > uint64(len(s.cells)) {
		return m.Memory.Felts(a, n)
	}
	read := m.arrays[a.Segment]
	for off := uint64(len(read)); off < end; off++ {
		f, ok := m.Memory.integer(Addr{a.Segment, off})
		if !ok { // arrays that begin with the segment are those of compiled code
			return m.Memory.Felts(a, n)
		}
		read = append(read, f)
	}
	if m.arrays == nil {
		m.arrays = make(map[int32][]felt.Felt)
	}
	m.arrays[a.Segment] = read
	return read[a.Offset:end:end], nil
}

// handedKey is an array that is handed to an inner call: by the transaction's phase, which is one goroutine's, and the first word.
type handedKey struct {
	shared *any
	first  *felt.Felt
}

// hand makes the cells of an array, which array has read from a on, available to the calls within one. The caller calls release after it.
func (m *Machine) hand(a Addr, words []felt.Felt) (release func()) {
	read := m.arrays[a.Segment]
	if m.engine == nil || m.shared == nil || len(words) < manyWords || a.Offset >= uint64(len(read)) || &read[a.Offset] != &words[0] {
		return func() {}
	}
	end := a.Offset + uint64(len(words))
	return m.engine.hand(handedKey{m.shared, &words[0]}, m.Memory.segs[a.Segment].cells[a.Offset:end:end])
}

func (e *Engine) hand(key handedKey, cells []cell) (release func()) {
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
func (m *Machine) calldataSegment(call *cairo.Call) (start, end Addr, err error) {
	if m.engine != nil && call.Shared != nil && len(call.Calldata) >= manyWords {
		m.engine.mu.Lock()
		cells := m.engine.handed[handedKey{call.Shared, &call.Calldata[0]}]
		m.engine.mu.Unlock()
		if len(cells) == len(call.Calldata) {
			return m.sharedSegment(call.Calldata, cells)
		}
	}
	return m.readOnlySegment(call.Calldata...)
}

// returnedSegment is the segment of what a call returned. If that is a part of its calldata, which this machine read from a on, it is of the
// same cells.
func (m *Machine) returnedSegment(a Addr, calldata, list []felt.Felt) (start, end Addr, err error) {
	if len(list) >= manyWords && len(calldata) >= len(list) {
		first, at := reflect.ValueOf(calldata).Pointer(), reflect.ValueOf(list).Pointer()
		if skip := uint64(at-first) / felt.Bytes; at >= first && skip+uint64(len(list)) <= uint64(len(calldata)) && &calldata[skip] == &list[0] {
			from := a.Offset + skip
			to := from + uint64(len(list))
			return m.sharedSegment(list, m.Memory.segs[a.Segment].cells[from:to:to])
		}
	}
	return m.readOnlySegment(list...)
}

// sharedSegment is readOnlySegment for words, at least manyWords, whose cells there are.
func (m *Machine) sharedSegment(words []felt.Felt, cells []cell) (start, end Addr, err error) {
	start = m.Memory.AddSegment()
	if err := m.Memory.share(start, cells); err != nil {
		return start, start, err
	}
	if m.arrays == nil {
		m.arrays = make(map[int32][]felt.Felt)
	}
	m.arrays[start.Segment] = words[:len(words):len(words)]
	m.readOnly = append(m.readOnly, readOnly{start.Segment, uint64(len(words))})
	return start, start.Add(len(words)), nil
}

// share fills a new segment with known cells of another machine's or segment's memory. It counts them as grow does.
func (m *Memory) share(a Addr, cells []cell) error {
	s, n := m.segment(a.Segment), uint64(len(cells))
	if n > m.limit {
		return memErrorf(a, "the offset of %v is beyond the machine's %d cells", a.Add(len(cells)-1), m.limit)
	}
	if m.cells+n > m.limit {
		return memErrorf(a, "the run needs more than %d memory cells", m.limit)
	}
	m.cells += n
	s.cells, s.shared = cells, true
	return nil
}
