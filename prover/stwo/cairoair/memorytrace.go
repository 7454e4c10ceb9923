package cairoair

import (
	"math/bits"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// fillMemory fills a table of the memory. Nothing after it may use the memory.
func (t *trace) fillMemory(c *Component) {
	m := &t.in.Memory
	switch c.Name {
	case "memory_address_to_id":
		// The public memory is used by the verifier.
		for _, address := range t.in.Public {
			if address == 0 || int(address) >= len(m.IDs) {
				t.fail(&lookupError{"public memory", 0, memoryAddressToID.Name, m31.M31(address)})
				return
			}
			t.addresses.of(0).add(m31.M31(address))
			switch id := m.IDs[address]; {
			case id < m31.M31(len(m.Small)):
				t.small.of(0).add(id)
			case id >= adapter.BigID && int(id-adapter.BigID) < len(m.Big):
				t.big.of(0).add(id - adapter.BigID)
			default:
				t.fail(&lookupError{"public memory", 0, memoryIDToValue.Name, id})
				return
			}
		}
		times := t.addresses.column()
		rows := (len(times) - 1) / addressParts
		inputs := make([][]m31.M31, 2*addressParts)
		for k := range addressParts {
			from, to := 1+k*rows, 1+(k+1)*rows
			ids := make([]m31.M31, rows)
			copy(ids, m.IDs[min(from, len(m.IDs)):min(to, len(m.IDs))])
			inputs[2*k], inputs[2*k+1] = ids, times[from:to:to]
		}
		t.fillRows(c, 0, bits.Len(uint(rows))-1, rows, inputs)
	case "memory_id_to_big":
		times := t.big.column()
		for from := 0; from < len(m.Big); from += 1 << maxLogValues {
			values := m.Big[from:min(from+1<<maxLogValues, len(m.Big))]
			limbs := limbTable(limbs252, len(values), func(i int) [4]uint64 { return words64(values[i]) })
			rows := len(limbs[0])
			t.fillRows(c, m31.M31(from), bits.Len(uint(rows))-1, rows, append(limbs, times[from:from+rows:from+rows]))
		}
	case "memory_id_to_small":
		limbs := limbTable(limbs72, len(m.Small), func(i int) [4]uint64 { return [4]uint64{m.Small[i].Lo, m.Small[i].Hi} })
		t.fillRows(c, 0, bits.Len(uint(len(limbs[0])))-1, len(limbs[0]), append(limbs, t.small.column()))
	}
}

// limbTable returns columns of the k lowest limbs of n values, padded with zeros.
func limbTable(k, n int, value func(i int) [4]uint64) [][]m31.M31 {
	limbs := make([][]m31.M31, k, k+1)
	for j := range limbs {
		limbs[j] = make([]m31.M31, size(n))
	}
	parallel.Chunks(n, 1<<10, func(from, to int) {
		for i := from; i < to; i++ {
			v := value(i)
			for j := range limbs {
				limbs[j][i] = limb(&v, j)
			}
		}
	})
	return limbs
}

// limb returns limb k of a value.
func limb(v *[4]uint64, k int) m31.M31 {
	at := uint(k * limbBits)
	l := v[at/64] >> (at % 64)
	if at%64 > 64-limbBits && at/64 < 3 {
		l |= v[at/64+1] << (64 - at%64)
	}
	return m31.M31(l & (1<<limbBits - 1))
}

func words64(v [8]uint32) [4]uint64 {
	var w [4]uint64
	for k := range w {
		w[k] = uint64(v[2*k]) | uint64(v[2*k+1])<<32
	}
	return w
}

// memory gives the witness the ids and values of a run's memory.
type memory struct{ m *adapter.Memory }

// newMemory returns the memory m for the witness.
func newMemory(m *adapter.Memory) *memory { return &memory{m} }

// ID returns the id of the value at an address, and adapter.Empty if there is none.
func (m *memory) ID(address m31.M31) m31.M31 {
	if int(address) >= len(m.m.IDs) {
		return adapter.Empty
	}
	return m.m.IDs[address]
}

// Value returns the value of an id in words of 64 bits, the lowest first, and 0 if there is none.
func (m *memory) Value(id m31.M31) [4]uint64 {
	if int(id) < len(m.m.Small) {
		s := m.m.Small[id]
		return [4]uint64{s.Lo, s.Hi}
	}
	if id >= adapter.BigID && int(id-adapter.BigID) < len(m.m.Big) {
		return words64(m.m.Big[id-adapter.BigID])
	}
	return [4]uint64{}
}
