package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// FromTrace returns the input for a run in proof mode. The run may be padded, and its memory may have holes, which become 0. The segments of
// the builtins must have room for a power of two of instances, at least 16. In a run for another layout than all_cairo_stwo that is so if
// the layout has as many instances for the run's number of steps.
func FromTrace(t *cairo.Trace) (*Input, error) {
	in, err := fromTrace(t)
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	return in, nil
}

func fromTrace(t *cairo.Trace) (*Input, error) {
	steps := unpadded(t.Registers)
	if len(steps) == 0 {
		return nil, errors.New("a run without steps")
	}
	if len(t.Memory.Known) != len(t.Memory.Value) {
		return nil, fmt.Errorf("%d values, but %d flags that say which are known", len(t.Memory.Value), len(t.Memory.Known))
	}
	for i, r := range steps {
		if r.PC >= addressBound || r.AP >= addressBound || r.FP >= addressBound {
			return nil, fmt.Errorf("step %d: pc %d, ap %d or fp %d is not below 2^29", i, r.PC, r.AP, r.FP)
		}
	}
	in := &Input{}
	copies, err := in.extend(t)
	if err != nil {
		return nil, err
	}
	size := len(t.Memory.Value)
	for _, c := range copies {
		size = max(size, int(c.segment.End))
	}
	if size < 2 || size > addressBound {
		return nil, fmt.Errorf("memory ends at address %d, want 2 to 2^29", size)
	}
	in.Memory = number(size, smallCapacity, func(a int) value {
		for _, c := range copies {
			a = c.source(a)
		}
		if a >= len(t.Memory.Value) || !t.Memory.Known[a] {
			return value{}
		}
		return t.Memory.Value[a].Limbs()
	})
	state := func(i int) State {
		r := steps[i]
		return State{m31.M31(r.PC), m31.M31(r.AP), m31.M31(r.FP)}
	}
	last := len(steps) - 1
	in.Initial, in.Final = state(0), state(last)
	if err := in.sortSteps(last, state); err != nil {
		return nil, err
	}
	if err := in.findPresent(t.Public.Segments); err != nil {
		return nil, err
	}
	if in.Public, err = in.publicAddresses(); err != nil {
		return nil, err
	}
	return in, nil
}

// unpadded returns the states up to the first one from which the run does not change any more.
func unpadded(states []cairo.Registers) []cairo.Registers {
	n := len(states)
	for n > 1 && states[n-2] == states[n-1] {
		n--
	}
	return states[:n]
}

// leastInstances is the least number of instances in the segment of a builtin that is used.
const leastInstances = 16

// instancesCopy says that the cells of a segment are copies of the instance before it.
type instancesCopy struct {
	segment Segment
	cells   uint32 // of an instance
}

// source returns the address that address a is a copy of, which is a itself outside of the segment.
func (c *instancesCopy) source(a int) int {
	if a < int(c.segment.Begin) || a >= int(c.segment.End) {
		return a
	}
	return int(c.segment.Begin-c.cells) + (a-int(c.segment.Begin))%int(c.cells)
}

// extend sets in.Segments to the builtins' segments of a run, extended to a power of two of instances by copies of the last instance. It
// returns the copies.
func (in *Input) extend(t *cairo.Trace) ([]instancesCopy, error) {
	var copies []instancesCopy
	for _, s := range t.Public.Segments {
		b := slices.IndexFunc(builtins[:], func(b builtin) bool { return b.name == s.Name })
		if b < 0 || s.Begin == s.End {
			continue
		}
		cells := uint64(builtins[b].cells)
		size := uint64(len(t.Memory.Value))
		switch {
		case builtins[b].field == "":
			return nil, fmt.Errorf("the run uses the builtin %s, which S-two does not have", s.Name)
		case s.Begin == 0 || s.Begin > s.End || s.End > size:
			return nil, fmt.Errorf("the segment of %s is %d to %d, outside of memory, which ends at %d", s.Name, s.Begin, s.End, size)
		case in.Segments[b] != Segment{}:
			return nil, fmt.Errorf("two segments of %s", s.Name)
		case (s.End-s.Begin)%cells != 0:
			return nil, fmt.Errorf("the segment of %s has %d cells, want a multiple of %d", s.Name, s.End-s.Begin, cells)
		}
		for a := s.Begin; a < s.End && Builtin(b) != Output; a++ {
			if !t.Memory.Known[a] {
				return nil, fmt.Errorf("address %d in the segment of %s has no value", a, s.Name)
			}
		}
		end := s.End
		if Builtin(b) != Output {
			instances := (s.End - s.Begin) / cells
			end = s.Begin + cells*max(leastInstances, uint64(1)<<bits.Len64(instances-1))
		}
		if end > addressBound {
			return nil, fmt.Errorf("the segment of %s ends at %d, after the address 2^29", s.Name, end)
		}
		in.Segments[b] = Segment{uint32(s.Begin), uint32(end)}
		if end == s.End {
			continue
		}
		c := instancesCopy{Segment{uint32(s.End), uint32(end)}, uint32(cells)}
		for a := int(s.End); a < min(int(end), len(t.Memory.Value)); a++ {
			if t.Memory.Known[a] && t.Memory.Value[a] != t.Memory.Value[c.source(a)] {
				return nil, fmt.Errorf("address %d has another use: the layout %q has no room for the %d instances of %s that S-two needs", a, t.Layout, (end-s.Begin)/cells, s.Name)
			}
		}
		copies = append(copies, c)
	}
	return copies, in.disjoint()
}

// disjoint returns an error if two segments have an address in common.
func (in *Input) disjoint() error {
	order := make([]Builtin, 0, BuiltinCount)
	for b := range BuiltinCount {
		if in.Segments[b].Len() > 0 {
			order = append(order, b)
		}
	}
	slices.SortFunc(order, func(a, b Builtin) int { return cmp.Compare(in.Segments[a].Begin, in.Segments[b].Begin) })
	for k := 1; k < len(order); k++ {
		if in.Segments[order[k]].Begin < in.Segments[order[k-1]].End {
			return fmt.Errorf("the layout has no room for the instances of %v that S-two needs: %v begins at %d, before %d",
				order[k-1], order[k], in.Segments[order[k]].Begin, in.Segments[order[k-1]].End)
		}
	}
	return nil
}
