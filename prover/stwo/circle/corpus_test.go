package circle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestStarkware interpolates and extends the base trace of StarkWare's proofs. The values at the point out of the domain and at the queried
// positions must be those of the proof. The columns have 2^4 to 2^20 rows.
func TestStarkware(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c02_fib"} {
		t.Run(name, func(t *testing.T) { testStarkware(t, name) })
	}
}

func testStarkware(t *testing.T, name string) {
	folder := golden.Corpus(t, "stwo", name)
	var proof struct {
		Stark struct {
			Sampled [][][][2][2]m31.M31 `json:"sampled_values"`
			Queried [][][]m31.M31       `json:"queried_values"`
		} `json:"stark_proof"`
	}
	var steps [][2]json.RawMessage
	decode := func(data []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatal(err)
		}
	}
	decode(golden.Unxz(t, filepath.Join(folder, "proof.json.xz")), &proof)
	decode(golden.Unxz(t, filepath.Join(folder, "transcript.json.xz")), &steps)
	var point [2][4]m31.M31
	var random [4]m31.M31
	var queries []int
	var domain int
	for _, step := range steps {
		switch string(step[0]) {
		case `"oods_t"`:
			decode(step[1], &random)
		case `"oods_point"`:
			decode(step[1], &point)
		case `"queries_in_order"`:
			decode(step[1], &queries)
		case `"L"`:
			decode(step[1], &domain)
		}
	}
	p := RandomPoint(m31.NewQM31(random[0], random[1], random[2], random[3]))
	if got := [2][4]m31.M31{p.X.Coordinates(), p.Y.Coordinates()}; got != point {
		t.Fatalf("point of %v: got %v, want %v", random, got, point)
	}
	rows := domain - 1 // log2 of the largest number of rows: the blowup is 2
	twiddles := NewTwiddles(domain)
	weights := make([]*Weights, domain)
	for k, column := range readColumns(t, golden.Unxz(t, filepath.Join(folder, "base_trace.txt.xz"))) {
		if column == nil {
			continue
		}
		w := proof.Stark.Sampled[1][k][0]
		want := m31.NewQM31(w[0][0], w[0][1], w[1][0], w[1][1])
		log := logSize(len(column))
		q := p.DoubleN(rows - log)
		if weights[log] == nil {
			weights[log] = twiddles.Weights(log, 0, q)
		}
		if got := weights[log].Combine(column)[0]; got != want {
			t.Fatalf("column %d of 2^%d rows at the point, from values: got %v, want %v", k, log, got, want)
		}
		extended := make([]m31.M31, 2*len(column))
		twiddles.Extend(extended, column)
		twiddles.Interpolate(column)
		if log > 18 {
			// Evaluation from coefficients is slow.
		} else if got := EvaluateAt(column, q); got != want {
			t.Fatalf("column %d of 2^%d rows at the point, from coefficients: got %v, want %v", k, log, got, want)
		}
		// The values stand in ascending order of the queries.
		rank := func(q int) (n int) {
			for _, other := range queries {
				if other < q {
					n++
				}
			}
			return n
		}
		for _, q := range queries {
			if got, want := extended[LiftedCell(q, rows-log)], proof.Stark.Queried[1][k][rank(q)]; got != want {
				t.Fatalf("column %d of 2^%d rows, extended, at %d: got %d, want %d", k, log, q, got, want)
			}
		}
	}
}

// readColumns reads the columns of a file of cells: "d LOG v…" holds all cells, "s LOG row:value…" those that are not 0,
// "h LOG …" not all: its column is nil.
func readColumns(t *testing.T, data []byte) (columns [][]m31.M31) {
	t.Helper()
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, len(data)+1)
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for scanner.Scan() {
		words := strings.Fields(scanner.Text())
		switch words[0] {
		case "component":
			continue
		case "h":
			columns = append(columns, nil)
			continue
		}
		column := make([]m31.M31, 1<<number(words[1]))
		for i, word := range words[2:] {
			row, value, sparse := strings.Cut(word, ":")
			if sparse != (words[0] == "s") {
				t.Fatalf("cell %q in a column of kind %s", word, words[0])
			}
			if sparse {
				column[number(row)] = m31.M31(number(value))
			} else {
				column[i] = m31.M31(number(word))
			}
		}
		columns = append(columns, column)
	}
	return columns
}
