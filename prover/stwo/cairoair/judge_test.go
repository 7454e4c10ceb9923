package cairoair

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// assignedValue returns the value that StarkWare's regression test gives a variable: SipHash-1-3 of its name under the key 0.
func assignedValue(name []byte) m31.M31 {
	data := append(make([]byte, 8), name...)
	v := [4]uint64{0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573}
	round := func() {
		v[0] += v[1]
		v[2] += v[3]
		v[1], v[3] = bits.RotateLeft64(v[1], 13)^v[0], bits.RotateLeft64(v[3], 16)^v[2]
		v[0] = bits.RotateLeft64(v[0], 32)
		v[2] += v[1]
		v[0] += v[3]
		v[1], v[3] = bits.RotateLeft64(v[1], 17)^v[2], bits.RotateLeft64(v[3], 21)^v[0]
		v[2] = bits.RotateLeft64(v[2], 32)
	}
	n := len(data)
	last := make([]byte, 8)
	copy(last, data[n-n%8:])
	last[7] = byte(n)
	for _, block := range append(chunks(data[:n-n%8]), last) {
		m := binary.LittleEndian.Uint64(block)
		v[3] ^= m
		round()
		v[0] ^= m
	}
	v[2] ^= 0xff
	round()
	round()
	round()
	return m31.New((v[0] ^ v[1] ^ v[2] ^ v[3]) & 0xffffffff)
}

func chunks(data []byte) [][]byte {
	var c [][]byte
	for ; len(data) > 0; data = data[8:] {
		c = append(c, data[:8])
	}
	return c
}

func assignedName(name string) m31.M31 { return assignedValue(append([]byte(name), 0xff)) }

func assignedCell(tree, column, offset int) m31.QM31 {
	var name []byte
	for _, v := range []int{tree, column, offset} {
		name = binary.LittleEndian.AppendUint64(name, uint64(v))
	}
	return m31.FromM31(assignedValue(name))
}

// TestComponents compares the names and order of the components with StarkWare's.
func TestComponents(t *testing.T) {
	var want struct {
		Order []string `json:"claim_order"`
	}
	readJSON(t, filepath.Join(golden.Corpus(t), "stwo", "air", "_index.json"), &want)
	if !slices.Equal(claimOrder, want.Order) {
		t.Errorf("got the order %v, want %v", claimOrder, want.Order)
	}
	defined := 0
	for _, family := range families {
		defined += len(family)
	}
	have := map[string]bool{}
	for _, c := range Components() {
		have[c.Name] = true
	}
	if defined != len(have) {
		t.Errorf("%d components are listed, %d of them in the claim order", defined, len(have))
	}
	for _, name := range want.Order {
		if !have[name] {
			t.Errorf("missing: %s", name)
		}
	}
}

// TestConstraints compares the value of every constraint with StarkWare's, at the assignment of StarkWare's regression test.
func TestConstraints(t *testing.T) {
	dir := filepath.Join(golden.Corpus(t), "stwo", "air")
	var want map[string]struct {
		LogSize     int          `json:"log_size"`
		Parameter   m31.M31      `json:"parameter"`
		Constraints [][4]m31.M31 `json:"constraints"`
	}
	readJSON(t, filepath.Join(dir, "_vectors.json"), &want)
	var names map[string]struct {
		Columns [][2]string `json:"columns"`
	}
	readJSON(t, filepath.Join(dir, "columns.json"), &names)

	challenges := &air.Challenges{Z: m31.FromM31(assignedName("CommonLookupElements_z"))}
	for k := range air.MaxArity + 1 {
		challenges.Alpha = append(challenges.Alpha, m31.FromM31(assignedName(fmt.Sprintf("CommonLookupElements_alpha%d", k))))
	}
	for _, component := range Components() {
		c := component.AIR()
		t.Run(c.Name, func(t *testing.T) {
			w := want[c.Name]
			if fixed := component.Source == FixedTable; fixed != (c.LogSize != 0) || fixed && c.LogSize != w.LogSize {
				t.Errorf("2^%d rows, want 2^%d", c.LogSize, w.LogSize)
			}
			m := &air.Mask{LogSize: w.LogSize, Parameter: w.Parameter}
			for k := range c.Columns {
				m.Columns = append(m.Columns, assignedCell(1, k, 0))
			}
			for _, id := range c.Preprocessed {
				if id == air.RowNumber {
					id = fmt.Sprintf("seq_%d", w.LogSize)
				}
				m.Preprocessed = append(m.Preprocessed, m31.FromM31(assignedName(id)))
			}
			secure := func(k, offset int) m31.QM31 {
				var v m31.QM31
				for i, unit := range []m31.QM31{m31.NewQM31(1, 0, 0, 0), m31.NewQM31(0, 1, 0, 0), m31.NewQM31(0, 0, 1, 0), m31.NewQM31(0, 0, 0, 1)} {
					v = v.Add(unit.Mul(assignedCell(2, len(c.Columns)+4*k+i, offset)))
				}
				return v
			}
			batches := c.InteractionColumns() / 4
			for k := range batches {
				m.Interaction = append(m.Interaction, secure(k, 0))
			}
			m.Previous = secure(batches-1, -1)
			m.Shift = m31.FromM31(assignedName("claimed_sum").Mul(assignedName("column_size").Inverse()))

			var got []m31.QM31
			c.Evaluate(m, challenges, func(v m31.QM31) { got = append(got, v) })
			if len(got) != len(w.Constraints) {
				t.Errorf("%d constraints, want %d", len(got), len(w.Constraints))
			}
			for i := range min(len(got), len(w.Constraints)) {
				if g := got[i].Coordinates(); g != w.Constraints[i] {
					label := "LogUp"
					if i < len(c.Constraints) {
						label = c.Constraints[i].Label
					}
					t.Errorf("constraint %d (%s): got %v, want %v", i, label, g, w.Constraints[i])
				}
			}
			columns := names[c.Name].Columns
			if len(c.Columns) != len(columns) {
				t.Errorf("%d columns, want %d", len(c.Columns), len(columns))
			}
			for k := range min(len(c.Columns), len(columns)) {
				// The columns of memory tables have numbers there, and a word is misspelt.
				ours, theirs := c.Columns[k].Name, strings.Replace(columns[k][0], "acculumator", "accumulator", 1)
				if ours != theirs && component.Source != MemoryTable {
					t.Errorf("column %d is called %s, theirs %s", k, ours, theirs)
				}
			}
		})
	}
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
