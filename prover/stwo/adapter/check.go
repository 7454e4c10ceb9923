package adapter

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// check returns an error if an input from outside is not one that FromTrace could return: components read only what is in memory.
func (in *Input) check() error {
	if err := in.Memory.check(); err != nil {
		return err
	}
	if err := in.checkSegments(); err != nil {
		return err
	}
	if err := in.checkMod(); err != nil {
		return err
	}
	public, err := in.publicAddresses()
	if err != nil {
		return err
	}
	if given := slices.Sorted(slices.Values(in.Public)); !slices.Equal(given, public) {
		return fmt.Errorf("%d public addresses, which are not the %d of program, pointers and output", len(given), len(public))
	}
	return in.checkSteps()
}

// check returns an error if an address has no value, or if a value is not as an id says.
func (m *Memory) check() error {
	if len(m.IDs) < 2 || m.IDs[0] != Empty {
		return errors.New("memory does not begin at address 1")
	}
	for a, id := range m.IDs[1:] {
		if id < BigID && int(id) >= len(m.Small) || id >= BigID && int(id-BigID) >= len(m.Big) {
			return fmt.Errorf("the id of address %d is %d, but there are %d small and %d big values", a+1, id, len(m.Small), len(m.Big))
		}
	}
	for k, v := range m.Big {
		prime := [8]uint32{1, 0, 0, 0, 0, 0, 17, 1 << 27}
		for i := 7; ; i-- {
			if i < 0 || v[i] > prime[i] {
				return fmt.Errorf("big value %d is not below the Stark prime", k)
			}
			if v[i] < prime[i] {
				break
			}
		}
	}
	return nil
}

func (in *Input) checkSegments() error {
	for b := range BuiltinCount {
		s, cells := in.Segments[b], uint32(b.Cells())
		if s == (Segment{}) {
			continue
		}
		if s.Begin == 0 || s.Begin >= s.End || int(s.End) > len(in.Memory.IDs) {
			return fmt.Errorf("the segment of %v is %d to %d, outside of memory, which ends at %d", b, s.Begin, s.End, len(in.Memory.IDs))
		}
		if n := uint32(s.Len()) / cells; b != Output && (uint32(s.Len())%cells != 0 || n < leastInstances || bits.OnesCount32(n) != 1) {
			return fmt.Errorf("the segment of %v has %d cells, want a power of two of instances of %d cells, at least %d", b, s.Len(), cells, leastInstances)
		}
	}
	return nil
}

// checkMod returns an error if an instance of add_mod or mul_mod has an operand outside of memory. An instance is: four words of the modulus,
// the pointer to the values, the pointer to the offsets of the three operands, and the number of remaining operations.
func (in *Input) checkMod() error {
	const values, offsets, words = 4, 5, 4
	for _, b := range []Builtin{AddMod, MulMod} {
		s := in.Segments[b]
		for at := s.Begin; at < s.End; at += uint32(b.Cells()) {
			r := operands{memory: &in.Memory}
			list := r.pointer("the pointer to the values", m31.M31(at), values)
			from := r.pointer("the pointer to the offsets", m31.M31(at), offsets)
			for k := range 3 {
				offset := r.pointer("an offset", from, k)
				r.block("an operand", list+offset, words)
			}
			if r.err != nil {
				return fmt.Errorf("the instance of %v at address %d: %w", b, at, r.err)
			}
		}
	}
	return nil
}

// checkSteps returns an error if a step is not in the list of its component.
func (in *Input) checkSteps() error {
	p, err := decode(&in.Memory, func(yield func(m31.M31) bool) {
		for o := range in.Opcodes {
			for _, pc := range in.Opcodes[o].PC {
				if !yield(pc) {
					return
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if in.Instructions != len(p.instructions) {
		return fmt.Errorf("%d instructions, but the steps have %d program counters", in.Instructions, len(p.instructions))
	}
	for o := range OpcodeCount {
		s := &in.Opcodes[o]
		blocks := max(1, min(parallel.Workers(), s.Len()/leastSteps))
		errs := make([]error, blocks)
		parallel.For(blocks, func(k int) {
			for i := s.Len() * k / blocks; i < s.Len()*(k+1)/blocks; i++ {
				opcode, err := p.step(&in.Memory, State{s.PC[i], s.AP[i], s.FP[i]})
				if err == nil && opcode != o {
					err = fmt.Errorf("it belongs to %v", opcode)
				}
				if err != nil {
					errs[k] = fmt.Errorf("step %d of %v at pc %d: %w", i, o, s.PC[i], err)
					return
				}
			}
		})
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
