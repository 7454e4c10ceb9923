package air

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestInteraction compares interaction columns and claimed sums with those of StarkWare's prover.
func TestInteraction(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c03_opcodes", "c04_rc_bitwise", "starkware_all_opcodes"} {
		r := readRun(t, name)
		ch := NewChallenges(r.z, r.alpha)
		compared := 0
		for _, i := range r.instances {
			c := recordedComponent(t, i.name)
			table := i.table(c)
			if table == nil || i.logSize > 16 && name != "c01_nothing" {
				continue
			}
			s := c.Interaction(table, ch)
			if s.ClaimedSum != i.claimedSum {
				t.Errorf("%s/%s: claimed sum %v, want %v", name, i.name, s.ClaimedSum, i.claimedSum)
			}
			for k, column := range s.Columns {
				if column == nil {
					column = make([]m31.M31, 1<<i.logSize)
				}
				if h := columnHash(column); h != i.hashes[k] {
					t.Errorf("%s/%s: column %d of %d differs", name, i.name, k, len(s.Columns))
				}
			}
			compared++
		}
		t.Logf("%s: %d of %d components compared", name, compared, len(r.instances))
	}
}

// TestInteractionKernels compares the interaction columns of all components with those of the plain code, on random cells.
func TestInteractionKernels(t *testing.T) {
	want := map[string]*Interactions{}
	run := func(bits int) {
		vectorBits = bits
		for k, name := range componentNames(t) {
			random := rand.New(rand.NewPCG(uint64(k), 1))
			c := recordedComponent(t, name)
			logSize := 4 + k%6
			table, _ := randomTable(c, logSize-1, random)
			table.LogSize = logSize
			ch := NewChallenges(randomSecure(random), randomSecure(random))
			if k%2 == 1 {
				table.Columns[0] = nil // zeros
			}
			if last := table.Columns[len(table.Columns)-1]; k%3 == 1 && last != nil {
				clear(last[:min(1<<logSize, blockRows)])
			}
			s := c.Interaction(table, ch)
			if bits == 0 {
				want[name] = s
			} else if w := want[name]; s.ClaimedSum != w.ClaimedSum || !slices.EqualFunc(s.Columns, w.Columns, slices.Equal) {
				t.Errorf("%s: kernels of %d bits and plain code differ", name, bits)
			}
		}
	}
	have := vectorBits
	defer func() { vectorBits = have }()
	for _, bits := range []int{0, 256, 512} {
		if bits <= have {
			run(bits)
		}
	}
}

// TestPrefixSums compares prefix sums with sums along the coset.
func TestPrefixSums(t *testing.T) {
	eachWidth(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(0, 2))
		for log := 1; log <= 10; log++ {
			v := make([]m31.M31, 1<<log)
			want := make([]m31.M31, 1<<log)
			total := m31.M31(0)
			for i := range v {
				v[i] = m31.New(random.Uint64())
				total = total.Add(v[i])
			}
			mean := total.Mul(m31.New(1 << log).Inverse())
			sum := m31.M31(0)
			for j := range v {
				i := circle.CosetCell(j, log)
				sum = sum.Add(v[i]).Sub(mean)
				want[i] = sum
			}
			if got := prefixSums(v); got != total || !slices.Equal(v, want) {
				t.Errorf("2^%d cells: got the total %d and cells %v, want %d, %v", log, got, v[:2], total, want[:2])
			}
		}
	})
}

// TestGeneratedColumns compares the interaction columns for generated preprocessed columns with those for stored ones, where most multiplicities are 0.
func TestGeneratedColumns(t *testing.T) {
	for k, name := range componentNames(t) {
		random := rand.New(rand.NewPCG(uint64(k), 3))
		c := recordedComponent(t, name)
		if len(c.Preprocessed) == 0 {
			continue
		}
		logSize := 4 + k%7
		table, _ := randomTable(c, logSize-1, random)
		table.LogSize = logSize
		multiplicities, _ := c.multiplicityColumns()
		for _, column := range multiplicities {
			for row := range table.Columns[column] {
				if row/generateRows%5 != 1 || random.IntN(2) == 0 {
					table.Columns[column][row] = 0
				}
			}
		}
		ch := NewChallenges(randomSecure(random), randomSecure(random))
		want := c.Interaction(table, ch)
		stored := table.Preprocessed
		table.Preprocessed = make([][]m31.M31, len(stored))
		table.Generate = func(k int, dst []m31.M31, first int) { copy(dst, stored[k][first:]) }
		got := c.Interaction(table, ch)
		if got.ClaimedSum != want.ClaimedSum {
			t.Errorf("%s: claimed sum %v, want %v", name, got.ClaimedSum, want.ClaimedSum)
		}
		for k := range want.Columns {
			if !slices.Equal(got.Columns[k], want.Columns[k]) {
				t.Errorf("%s: column %d of %d differs", name, k, len(want.Columns))
			}
		}
	}
}
