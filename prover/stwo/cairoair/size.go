package cairoair

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Size is the size of a component's table in a base trace.
type Size struct {
	*Component
	LogSize int // log2 of the number of rows
	Inputs  int // rows with an input of their own, of a component that others pass inputs to; else 0
}

// Sizes returns the sizes of the tables that Fill would return for the run, in the same order, without filling them. It returns the errors of Fill
// that depend on sizes only.
func Sizes(in *adapter.Input, narrow bool) ([]Size, error) {
	t := newTrace(in, narrow)
	var sizes []Size
	for _, c := range Components() {
		if !t.present[c] {
			continue
		}
		add := func(rows, inputs int) {
			t.rows[c] = rows
			sizes = append(sizes, Size{c, bits.Len(uint(rows)) - 1, inputs})
		}
		switch c.Source {
		case OpcodeStates:
			add(size(in.Opcodes[opcodeOf[c.Name]].Len()), 0)
		case BuiltinSegment:
			instances, err := t.instances(c)
			if err != nil {
				return nil, err
			}
			add(instances, 0)
		case PassedInputs:
			n := t.inputs(c)
			add(size(n), n)
		case DistinctInputs:
			n := in.Instructions
			if c.Name != "verify_instruction" {
				n = t.distinctTuples(c)
			}
			add(size(n), t.inputs(c))
		case MemoryTable:
			switch c.Name {
			case "memory_address_to_id":
				add(addressRows(in), 0)
			case "memory_id_to_big":
				for from := 0; from < len(in.Memory.Big); from += 1 << maxLogValues {
					add(size(min(len(in.Memory.Big)-from, 1<<maxLogValues)), 0)
				}
			case "memory_id_to_small":
				add(size(len(in.Memory.Small)), 0)
			}
		case FixedTable:
			add(1<<c.AIR().LogSize, 0)
		}
	}
	return sizes, nil
}

// instances returns the number of instances of a builtin's component.
func (t *trace) instances(c *Component) (int, error) {
	builtin := builtinOf[c.Name]
	segment := t.in.Segments[builtin]
	n := segment.Len() / builtin.Cells()
	if n*builtin.Cells() != segment.Len() || n != size(n) {
		return 0, fmt.Errorf("cairoair: the segment of %s has %d cells, which is not a power of two of at least %d instances", builtin, segment.Len(), 1<<minLogSize)
	}
	return n, nil
}

// addressRows returns the number of rows of memory_address_to_id.
func addressRows(in *adapter.Input) int {
	return size((len(in.Memory.IDs) - 1 + addressParts - 1) / addressParts)
}

// distinctTuples returns the number of distinct tuples that a builtin's instances pass to its aggregator: the ids of an instance's cells.
func (t *trace) distinctTuples(c *Component) int {
	total := 0
	for caller := range t.present {
		if caller.Source != BuiltinSegment || !slices.ContainsFunc(caller.AIR().Lookups, t.passesTo(c)) {
			continue
		}
		builtin := builtinOf[caller.Name]
		segment, cells := t.in.Segments[builtin], builtin.Cells()
		id := func(instance int32, k int) m31.M31 {
			return t.memory.ID(m31.M31(segment.Begin) + m31.M31(int(instance)*cells+k))
		}
		compare := func(a, b int32) int {
			for k := range cells {
				if c := cmp.Compare(id(a, k), id(b, k)); c != 0 {
					return c
				}
			}
			return 0
		}
		order := make([]int32, segment.Len()/cells)
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, compare)
		total += len(slices.CompactFunc(order, func(a, b int32) bool { return compare(a, b) == 0 }))
	}
	return total
}

// UsedRelations returns the relations whose tuples the tables of a run count: the multiplicities of those that a fixed table yields are not all 0.
func UsedRelations(sizes []Size) map[*air.Relation]bool {
	used := map[*air.Relation]bool{}
	for i := range sizes {
		for _, l := range sizes[i].AIR().Lookups {
			if l.Count {
				used[l.Relation] = true
			}
		}
	}
	return used
}

// Used returns how many base and interaction columns of a fixed table are not 0, given the relations that are used.
func (s *Size) Used(relations map[*air.Relation]bool) (base, interaction int) {
	a := s.AIR()
	interaction = a.InteractionColumns()
	first := -1
	for k, l := range a.Lookups {
		if relations[l.Relation] {
			base++
			if first < 0 {
				first = k
			}
		}
	}
	if first < 0 {
		return 0, 0
	}
	return base, interaction - first/2*4
}

// PassesTo returns the names of the components to which the rows of c pass inputs.
func PassesTo(c *Component) []string { return passesTo()[c] }

var passesTo = sync.OnceValue(func() map[*Component][]string {
	m, yielder := map[*Component][]string{}, yielders()
	for _, c := range Components() {
		a := c.AIR()
		for _, l := range a.Lookups {
			if target := yielder[l.Relation]; l.Count && target != nil && (target.Source == PassedInputs || target.Source == DistinctInputs && target.Name != "verify_instruction") {
				m[c] = append(m[c], target.Name)
			}
		}
		for _, f := range a.Feeds {
			m[c] = append(m[c], f.Component)
		}
	}
	return m
})
