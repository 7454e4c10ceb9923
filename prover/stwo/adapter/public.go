package adapter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Public data: what a verifier learns of a run. The verifier requires a certain frame of every program:
//
//	address 1          ap += n     n is the number of builtins whose pointers main takes
//	        3          call main
//	        5          jmp rel 0   the run ends here
//	initial ap - 2     initial ap
//	initial ap - 1     0
//	initial ap         n pointers to the first instances
//	final ap - n       n pointers after the last instances
//	final ap           the output
const (
	initialPC, finalPC = 1, 5

	addAPWord    = 0x40780017fff7fff  // ap += [pc + 1]
	callWord     = 0x1104800180018000 // call rel [pc + 1]
	jumpRelWord  = 0x10780017fff7fff  // jmp rel [pc + 1]
	pointersAt   = initialPC + 1      // the address of n
	jumpOffsetAt = finalPC + 1        // the address of the jump's offset
)

// small returns the value at an address if it is below 2^63.
func (m *Memory) small(address int) (v uint64, ok bool) {
	if address <= 0 || address >= len(m.IDs) || m.IDs[address] == Empty {
		return 0, false
	}
	w := m.Value(m.IDs[address])
	return uint64(w[1])<<32 | uint64(w[0]), w[2]|w[3]|w[4]|w[5]|w[6]|w[7] == 0 && w[1]>>31 == 0
}

// Program returns the addresses of the program.
func (in *Input) Program() Segment { return Segment{initialPC, uint32(in.Initial.AP) - 2} }

// Pointers returns the addresses at which main takes and returns its pointer to b. Both are 0 if main has no such pointer.
func (in *Input) Pointers(b Builtin) (start, stop m31.M31) {
	if !in.Present[b] {
		return 0, 0
	}
	n, before := m31.M31(0), m31.M31(0)
	for c, present := range in.Present {
		if present {
			n++
			if Builtin(c) < b {
				before++
			}
		}
	}
	return in.Initial.AP + before, in.Final.AP - n + before
}

// findPresent sets in.Present. Main takes pointers in the order of the builtins. A pointer to the beginning of a builtin's segment belongs to
// that builtin, and 0 to ecdsa or keccak, which have no segment. A segment that is not used begins where the next one does, and main returns
// its pointer as it is.
func (in *Input) findPresent(segments []cairo.Segment) error {
	var begin [BuiltinCount]uint64
	for _, s := range segments {
		if b := slices.IndexFunc(builtins[:], func(b builtin) bool { return b.name == s.Name }); b >= 0 {
			begin[b] = s.Begin
		}
	}
	n, ok := in.Memory.small(pointersAt)
	if !ok || n > uint64(BuiltinCount) {
		return fmt.Errorf("the value at address %d is not a number of pointers, want at most %d", pointersAt, BuiltinCount)
	}
	b := Builtin(0)
	for k := range int(n) {
		at := int(in.Initial.AP) + k
		start, ok := in.Memory.small(at)
		if !ok {
			return fmt.Errorf("the value at address %d is not a pointer", at)
		}
		stop, ok := in.Memory.small(int(in.Final.AP) - int(n) + k)
		used := ok && stop != start
		// The remaining pointers need as many builtins.
		last := BuiltinCount - Builtin(int(n)-k)
		for c := b; c <= last; c++ {
			if begin[c] == start && (start == 0 && builtins[c].field == "" || start != 0 && used == (in.Segments[c].Len() > 0)) {
				b = c
				break
			}
		}
		if b > last {
			return fmt.Errorf("the pointer %d at address %d belongs to no builtin", start, at)
		}
		in.Present[b] = true
		b++
	}
	return nil
}

// publicAddresses checks the frame of the run and returns the addresses of the public memory, ascending.
func (in *Input) publicAddresses() ([]uint32, error) {
	n := 0
	for _, present := range in.Present {
		if present {
			n++
		}
	}
	ap := int(in.Initial.AP)
	switch {
	case in.Initial.PC != initialPC || in.Final.PC != finalPC:
		return nil, fmt.Errorf("the run is from pc %d to %d, want %d to %d", in.Initial.PC, in.Final.PC, initialPC, finalPC)
	case in.Initial.FP != in.Initial.AP || in.Final.FP != in.Initial.AP:
		return nil, fmt.Errorf("the run begins with ap %d and fp %d and ends with fp %d, want the same number", in.Initial.AP, in.Initial.FP, in.Final.FP)
	case ap <= jumpOffsetAt+2 || int(in.Final.AP) < ap+n:
		return nil, fmt.Errorf("the run is from ap %d to %d, which is not possible", in.Initial.AP, in.Final.AP)
	case int(in.Final.AP) > len(in.Memory.IDs):
		return nil, fmt.Errorf("the final ap is %d, outside of memory, which ends at %d", in.Final.AP, len(in.Memory.IDs))
	case !in.Present[Output]:
		return nil, errors.New("main has no pointer to the output")
	}
	for _, want := range []struct {
		address int
		value   uint64
	}{
		{initialPC, addAPWord}, {pointersAt, uint64(n)}, {initialPC + 2, callWord}, {finalPC, jumpRelWord}, {jumpOffsetAt, 0}, {ap - 2, uint64(ap)}, {ap - 1, 0},
	} {
		if v, ok := in.Memory.small(want.address); !ok || v != want.value {
			return nil, fmt.Errorf("the value at address %d is %#x, want %#x: the program does not begin as a verifier requires it", want.address, v, want.value)
		}
	}
	var list []uint32
	add := func(from, to int) {
		for a := from; a < to; a++ {
			list = append(list, uint32(a))
		}
	}
	add(initialPC, ap+n)
	add(int(in.Final.AP)-n, int(in.Final.AP))
	for b := range BuiltinCount {
		s := in.Segments[b]
		if !in.Present[b] {
			if s.Len() > 0 {
				return nil, fmt.Errorf("the run uses the builtin %v, but main has no pointer to it", b)
			}
			continue
		}
		startAt, stopAt := in.Pointers(b)
		start, ok1 := in.Memory.small(int(startAt))
		stop, ok2 := in.Memory.small(int(stopAt))
		switch {
		case !ok1 || !ok2 || start > stop || stop >= addressBound:
			return nil, fmt.Errorf("the pointers to %v are %d and %d, not a segment", b, start, stop)
		case s.Len() == 0 && start != stop:
			return nil, fmt.Errorf("the pointers to %v are %d and %d, but it has no segment", b, start, stop)
		case s.Len() > 0 && (start != uint64(s.Begin) || stop > uint64(s.End)):
			return nil, fmt.Errorf("the pointers to %v are %d and %d, outside of its segment, which is %d to %d", b, start, stop, s.Begin, s.End)
		case (stop-start)%uint64(b.Cells()) != 0:
			return nil, fmt.Errorf("the pointers to %v are %d and %d, which is no whole number of instances", b, start, stop)
		}
		if b == Output && start != stop {
			if start != uint64(in.Final.AP) {
				return nil, fmt.Errorf("the output begins at %d, want it at the final ap, %d", start, in.Final.AP)
			}
			add(int(start), int(stop))
		}
	}
	return list, nil
}
