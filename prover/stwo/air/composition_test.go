package air

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// extend returns the columns extended to twice their size.
func extend(tw *circle.Twiddles, columns [][]m31.M31) [][]m31.M31 {
	extended := make([][]m31.M31, len(columns))
	for k, c := range columns {
		if c != nil {
			extended[k] = make([]m31.M31, 2*len(c))
			tw.Extend(extended[k], c)
		}
	}
	return extended
}

func makeColumns(n, size int) [][]m31.M31 {
	columns := make([][]m31.M31, n)
	for k := range columns {
		columns[k] = make([]m31.M31, size)
	}
	return columns
}

// TestComposition compares the composition polynomial of each component, at the out-of-domain point, with what StarkWare's proof has there.
func TestComposition(t *testing.T) {
	tw := circle.NewTwiddles(19)
	for _, name := range []string{"c01_nothing", "c03_opcodes", "starkware_all_opcodes"} {
		r := readRun(t, name)
		ch := NewChallenges(r.z, r.alpha)
		largest := 0
		for _, i := range r.instances {
			largest = max(largest, i.logSize)
		}
		compared := 0
		for _, i := range r.instances {
			c := recordedComponent(t, i.name)
			table := i.table(c)
			if table == nil || i.logSize > 12 && (name != "c01_nothing" || i.name != "range_check_3_6_6_3") {
				continue
			}
			s := c.Interaction(table, ch)
			s.Columns = extend(tw, s.Columns)
			table.Columns, table.Preprocessed = extend(tw, table.Columns), extend(tw, table.Preprocessed)
			n := c.ConstraintCount()
			powers := make([]m31.QM31, n)
			power := m31.FromM31(1)
			for k := n - 1; k >= 0; k-- {
				powers[k], power = power, power.Mul(r.coefficient)
			}
			acc := [4][]m31.M31(makeColumns(4, 2<<i.logSize))
			c.Composition(table, s, ch, powers, acc)

			// The component's polynomial is lifted to the largest domain.
			p := r.point.DoubleN(largest - i.logSize)
			got := m31.QM31{}
			for q, unit := range []m31.QM31{m31.NewQM31(1, 0, 0, 0), m31.NewQM31(0, 1, 0, 0), m31.NewQM31(0, 0, 1, 0), m31.NewQM31(0, 0, 0, 1)} {
				tw.Interpolate(acc[q])
				got = got.Add(unit.Mul(circle.EvaluateAt(acc[q], p)))
			}
			if want := i.accumulators[1].Sub(i.accumulators[0].Mul(power)); got != want {
				t.Errorf("%s/%s: got %v, want %v", name, i.name, got, want)
			}
			compared++
		}
		t.Logf("%s: %d of %d components compared", name, compared, len(r.instances))
	}
}

// randomTable returns a table and interactions with random cells on the domain of twice the trace's size.
func randomTable(c *Component, logSize int, random *rand.Rand) (*Table, *Interactions) {
	element := func() m31.M31 { return m31.New(random.Uint64()) }
	columns := func(n int) [][]m31.M31 {
		v := makeColumns(n, 2<<logSize)
		for _, column := range v {
			for i := range column {
				column[i] = element()
			}
		}
		return v
	}
	t := &Table{LogSize: logSize, Parameter: element(), Columns: columns(len(c.Columns)), Preprocessed: columns(len(c.Preprocessed))}
	return t, &Interactions{Columns: columns(c.InteractionColumns()), ClaimedSum: randomSecure(random)}
}

func randomSecure(random *rand.Rand) m31.QM31 {
	element := func() m31.M31 { return m31.New(random.Uint64()) }
	return m31.NewQM31(element(), element(), element(), element())
}

// eachWidth runs f with the kernels for each width of registers that this CPU has, and with none.
func eachWidth(t *testing.T, f func(t *testing.T)) {
	have := vectorBits
	defer func() { vectorBits = have }()
	for _, bits := range []int{512, 256, 0} {
		if bits > have {
			t.Logf("no kernels of %d bits", bits)
			continue
		}
		vectorBits = bits
		t.Run(fmt.Sprint(bits), f)
	}
}

// componentNames returns the names of all components of the corpus.
func componentNames(t testing.TB) []string {
	var index struct {
		Names []string `json:"claim_order"`
	}
	readCorpus(t, &index, "air", "_index.json")
	return index.Names
}

// TestCompositionRows compares the composition of all components in random rows with Evaluate.
func TestCompositionRows(t *testing.T) {
	eachWidth(t, testCompositionRows)
}

func testCompositionRows(t *testing.T) {
	for k, name := range componentNames(t) {
		random := rand.New(rand.NewPCG(uint64(k), 0))
		c := recordedComponent(t, name)
		logSize := 4 + k%6
		table, s := randomTable(c, logSize, random)
		if k%2 == 1 && len(c.Lookups) > 2 {
			// A column of zeros need not be there, nor the first pair's interaction columns.
			for i := range table.Columns[0] {
				table.Columns[0][i] = 0
				for q := range 4 {
					s.Columns[q][i] = 0
				}
			}
		}
		ch := NewChallenges(randomSecure(random), randomSecure(random))
		powers := make([]m31.QM31, c.ConstraintCount())
		for i := range powers {
			powers[i] = randomSecure(random)
		}
		acc := [4][]m31.M31(makeColumns(4, 2<<logSize))
		for range 2 { // it adds to what is there
			sparse, sparseInteractions := *table, *s
			if k%2 == 1 && len(c.Lookups) > 2 {
				sparse.Columns = append([][]m31.M31{nil}, table.Columns[1:]...)
				sparseInteractions.Columns = append([][]m31.M31{nil, nil, nil, nil}, s.Columns[4:]...)
			}
			c.Composition(&sparse, &sparseInteractions, ch, powers, acc)
		}
		for range 10 {
			i := random.IntN(2 << logSize)
			m := &Mask{LogSize: logSize, Parameter: table.Parameter, Shift: s.ClaimedSum.Scale(m31.New(1 << logSize).Inverse())}
			for _, column := range table.Columns {
				m.Columns = append(m.Columns, m31.FromM31(column[i]))
			}
			for _, column := range table.Preprocessed {
				m.Preprocessed = append(m.Preprocessed, m31.FromM31(column[i]))
			}
			at := func(pair, i int) m31.QM31 {
				return m31.NewQM31(s.Columns[4*pair][i], s.Columns[4*pair+1][i], s.Columns[4*pair+2][i], s.Columns[4*pair+3][i])
			}
			for pair := range c.batches() {
				m.Interaction = append(m.Interaction, at(pair, i))
			}
			m.Previous = at(c.batches()-1, circle.PreviousCell(i, logSize, logSize+1))
			want, number := m31.QM31{}, 0
			c.Evaluate(m, ch, func(v m31.QM31) {
				want = want.Add(powers[number].Mul(v))
				number++
			})
			want = want.Scale(circle.Vanishing(logSize, circle.CellPoint(i, logSize+1)).Inverse()).Double()
			if got := m31.NewQM31(acc[0][i], acc[1][i], acc[2][i], acc[3][i]); got != want {
				t.Errorf("%s: row %d of 2^%d: got %v, want %v", name, i, logSize+1, got, want)
				break
			}
		}
	}
}
