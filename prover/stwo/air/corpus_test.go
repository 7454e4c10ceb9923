package air

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// The components of these tests are read from the recorded programs of the corpus, so that the readers are tested with all of them,
// whichever of ours exist.

// recorded is a component of the corpus, air/NAME.json.
type recorded struct {
	Name         string   `json:"name"`
	LogSize      int      `json:"fixed_log_size"`
	TraceColumns int      `json:"trace_columns"`
	Preprocessed []string `json:"preprocessed"`
	Ops          [][]any  `json:"ops"`
	Constraints  []int    `json:"constraints"`
	Lookups      []struct {
		M int   `json:"m"`
		V []int `json:"v"`
	} `json:"lookups"`
}

// recordedComponent returns the component name of the corpus, without witness.
func recordedComponent(t testing.TB, name string) *Component {
	t.Helper()
	var r recorded
	readCorpus(t, &r, "air", name+".json")
	b := NewBuilder(name, 0)
	columns := make([]Expr, r.TraceColumns)
	for k := range columns {
		columns[k] = b.Column(fmt.Sprint("column ", k), b.Const(0))
	}
	number := func(v any) int { return int(v.(float64)) }
	e := make([]Expr, len(r.Ops))
	for i, o := range r.Ops {
		switch o[0].(string) {
		case "c":
			e[i] = columns[number(o[1])]
		case "p":
			e[i] = b.Preprocessed(r.Preprocessed[number(o[1])])
		case "k":
			e[i] = b.Const(uint32(number(o[1])))
		case "s":
			e[i] = b.Parameter()
		case "r":
			e[i] = b.Rows(uint32(number(o[1])))
		case "+":
			e[i] = e[number(o[1])].Add(e[number(o[2])])
		case "-":
			e[i] = e[number(o[1])].Sub(e[number(o[2])])
		case "*":
			e[i] = e[number(o[1])].Mul(e[number(o[2])])
		case "n":
			e[i] = e[number(o[1])].Neg()
		default:
			t.Fatalf("%s: operation %v", name, o)
		}
	}
	for k, c := range r.Constraints {
		b.Constrain(fmt.Sprint("constraint ", k), e[c])
	}
	for _, l := range r.Lookups {
		id, _ := e[l.V[0]].constant()
		values := make([]Expr, len(l.V)-1)
		for k := range values {
			values[k] = e[l.V[k+1]]
		}
		b.UseTimes(e[l.M], &Relation{ID: id, Arity: MaxArity}, values...)
	}
	return b.Build()
}

func readCorpus(t testing.TB, v any, elem ...string) {
	t.Helper()
	path := filepath.Join(append([]string{golden.Corpus(t, "stwo")}, elem...)...)
	if err := json.Unmarshal(corpusFile(t, path), v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// corpusFile returns the content of path, or of path.xz.
func corpusFile(t testing.TB, path string) []byte {
	t.Helper()
	if data, err := os.ReadFile(path); err == nil {
		return data
	}
	return golden.Unxz(t, path+".xz")
}

// run is a recorded run of StarkWare's prover.
type run struct {
	z, alpha, coefficient m31.QM31
	point                 circle.Point[m31.QM31]
	instances             []*instance
}

// instance is a component of a run.
type instance struct {
	name         string
	logSize      int
	parameter    m31.M31
	base         [][]m31.M31 // nil if the corpus holds only a part
	interaction  [][]m31.M31 // as base, for each column
	hashes       []string    // of the interaction columns
	claimedSum   m31.QM31
	accumulators [2]m31.QM31 // composition at the out-of-domain point, before and after this component
}

func secure(v []any) m31.QM31 {
	return m31.NewQM31(m31.M31(v[0].(float64)), m31.M31(v[1].(float64)), m31.M31(v[2].(float64)), m31.M31(v[3].(float64)))
}

func readRun(t testing.TB, elem ...string) *run {
	t.Helper()
	dir := filepath.Join(append([]string{golden.Corpus(t, "stwo")}, elem...)...)
	r := &run{}
	var events [][2]any
	decode := func(v any, name string) {
		if err := json.Unmarshal(corpusFile(t, filepath.Join(dir, name)), v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	decode(&events, "transcript.json")
	var accumulator m31.QM31
	for _, e := range events {
		switch e[0].(string) {
		case "z":
			r.z = secure(e[1].([]any))
		case "alpha":
			r.alpha = secure(e[1].([]any))
		case "composition_random_coefficient":
			r.coefficient = secure(e[1].([]any))
		case "oods_point":
			r.point.X, r.point.Y = secure(e[1].([]any)[0].([]any)), secure(e[1].([]any)[1].([]any))
		case "component":
			v := e[1].([]any)
			r.instances = append(r.instances, &instance{name: v[0].(string), logSize: int(v[1].(float64)), parameter: m31.M31(v[2].(float64))})
		case "composition_accumulator_after":
			i := r.instances[len(r.instances)-1]
			i.accumulators[0] = accumulator
			accumulator = secure(e[1].([]any))
			i.accumulators[1] = accumulator
		}
	}
	var hashes []struct {
		Component string   `json:"component"`
		First8    []string `json:"blake2s_first8"`
	}
	decode(&hashes, "interaction_column_hashes.json")
	base := readCells(t, corpusFile(t, filepath.Join(dir, "base_trace.txt")))
	interaction := readCells(t, corpusFile(t, filepath.Join(dir, "interaction_trace.txt")))
	var sums map[string]json.RawMessage
	decode(&sums, "interaction_claim.json")
	for k, i := range r.instances {
		if i.name != hashes[k].Component || i.name != base[k].component || i.name != interaction[k].component {
			t.Fatalf("component %d is %s, elsewhere %s, %s, %s", k, i.name, hashes[k].Component, base[k].component, interaction[k].component)
		}
		i.hashes, i.base, i.interaction = hashes[k].First8, base[k].columns, interaction[k].columns
		for _, c := range i.base {
			if c == nil {
				i.base = nil
				break
			}
		}
		type claim struct {
			ClaimedSum [2][2]m31.M31 `json:"claimed_sum"`
		}
		var one claim
		if err := json.Unmarshal(sums[i.name], &one); err != nil {
			t.Fatal(err)
		}
		s := one.ClaimedSum
		if i.name == "memory_id_to_big" {
			var parts struct {
				ClaimedSums [][2][2]m31.M31 `json:"big_claimed_sums"`
			}
			if err := json.Unmarshal(sums[i.name], &parts); err != nil {
				t.Fatal(err)
			}
			s = parts.ClaimedSums[0]
		}
		i.claimedSum = m31.NewQM31(s[0][0], s[0][1], s[1][0], s[1][1])
	}
	return r
}

// cells are the columns of one component. A column of which the corpus has not all cells is nil.
type cells struct {
	component string
	columns   [][]m31.M31
}

// readCells reads base_trace.txt or interaction_trace.txt (corpus/stwo/README.md).
func readCells(t testing.TB, data []byte) (all []cells) {
	t.Helper()
	number := func(s string) m31.M31 {
		v, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return m31.M31(v)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if f[0] == "component" {
			all = append(all, cells{component: f[1]})
			continue
		}
		log, _ := strconv.Atoi(f[1])
		var column []m31.M31
		switch f[0] {
		case "d":
			for _, v := range f[2:] {
				column = append(column, number(v))
			}
		case "s":
			column = make([]m31.M31, 1<<log)
			for _, v := range f[2:] {
				row, value, _ := strings.Cut(v, ":")
				column[number(row)] = number(value)
			}
		}
		c := &all[len(all)-1].columns
		*c = append(*c, column)
	}
	return all
}

// columnHash returns the first 8 bytes of Blake2s over the cells, in hex.
func columnHash(c []m31.M31) string {
	data := make([]byte, 0, 4*len(c))
	for _, v := range c {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	h := blake.Sum256s(data)
	return hex.EncodeToString(h[:8])
}

// table returns the trace of i as a table, or nil if the corpus has only a part of it, or if the test cannot make its preprocessed columns.
func (i *instance) table(c *Component) *Table {
	t := &Table{LogSize: i.logSize, Parameter: i.parameter, Columns: i.base}
	if i.base == nil {
		return nil
	}
	for _, id := range c.Preprocessed {
		p := preprocessed(id, i.logSize)
		if p == nil {
			return nil
		}
		t.Preprocessed = append(t.Preprocessed, p)
	}
	return t
}

// preprocessed returns the preprocessed column id of the given size, or nil (facts/stwo.md, section 13).
func preprocessed(id string, logSize int) []m31.M31 {
	v := make([]m31.M31, 1<<logSize)
	var bits, n int
	switch {
	case strings.HasPrefix(id, RowNumber):
		for r := range v {
			v[r] = m31.M31(r)
		}
	case strings.HasPrefix(id, "bitwise_xor_"):
		fmt.Sscanf(id, "bitwise_xor_%d_%d", &bits, &n)
		for r := range v {
			a, b := r>>bits, r&(1<<bits-1)
			v[r] = m31.M31([]int{a, b, a ^ b}[n])
		}
	case strings.HasPrefix(id, "range_check_"):
		fields, index, _ := strings.Cut(strings.TrimPrefix(id, "range_check_"), "_column_")
		n, _ = strconv.Atoi(index)
		low := 0
		widths := strings.Split(fields, "_")
		for k := len(widths) - 1; k > n; k-- {
			w, _ := strconv.Atoi(widths[k])
			low += w
		}
		w, _ := strconv.Atoi(widths[n])
		for r := range v {
			v[r] = m31.M31(r >> low & (1<<w - 1))
		}
	default:
		return nil
	}
	return v
}
