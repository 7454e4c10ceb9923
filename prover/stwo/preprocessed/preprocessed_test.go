package preprocessed

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
)

// largest is the log2 of the largest columns that the tests look at.
var largest = flag.Int("largest", 18, "log2 of the largest columns to test")

// TestColumns compares the names, sizes and order of the columns with StarkWare's.
func TestColumns(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "stwo", "air", "_index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Preprocessed []struct {
			Variant string
			Columns [][2]any
		}
	}
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Preprocessed) != int(variantCount) {
		t.Fatalf("%d variants, want %d", len(index.Preprocessed), variantCount)
	}
	cells := map[Variant]int{Canonical: 543_100_528, CanonicalWithoutPedersen: 73_338_480, CanonicalSmall: 10_161_776}
	for _, want := range index.Preprocessed {
		v, err := ParseVariant(want.Variant)
		if err != nil {
			t.Error(err)
			continue
		}
		if v.String() != want.Variant {
			t.Errorf("ParseVariant(%q) is %v", want.Variant, v)
		}
		got := v.Columns()
		if len(got) != len(want.Columns) {
			t.Errorf("%v: %d columns, want %d", v, len(got), len(want.Columns))
			continue
		}
		total := 0
		for k, c := range got {
			if c.ID != want.Columns[k][0] || float64(c.LogSize) != want.Columns[k][1] {
				t.Errorf("%v: column %d is %s of size 2^%d, want %v of size 2^%v", v, k, c.ID, c.LogSize, want.Columns[k][0], want.Columns[k][1])
			}
			total += 1 << c.LogSize
		}
		if total != cells[v] {
			t.Errorf("%v: %d cells, want %d", v, total, cells[v])
		}
	}
	if _, err := ParseVariant("canonical_large"); err == nil {
		t.Error("ParseVariant of an unknown name: no error")
	}
}

// TestSamples compares the values of the columns at the point outside of the domain of StarkWare's proofs.
func TestSamples(t *testing.T) {
	var transcripts []string
	for _, pattern := range []string{"*", "*/*"} {
		found, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), filepath.FromSlash(pattern), "transcript.json.xz"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "proof.json.xz")); err == nil {
				transcripts = append(transcripts, path)
			}
		}
	}
	if len(transcripts) < 10 {
		t.Fatalf("%d transcripts, want 10", len(transcripts))
	}
	seen := make(map[string]bool)
	for _, path := range transcripts {
		compareSamples(t, filepath.Dir(path), seen)
	}
	for v := range variantCount {
		for _, c := range v.Columns() {
			// The rows of verify_bitwise_xor_12 and the larger row numbers are used by large runs only.
			if !seen[c.ID] && c.LogSize <= *largest && !strings.HasPrefix(c.ID, "seq_") {
				t.Errorf("no proof has a sample of column %s", c.ID)
			}
		}
	}
}

// compareSamples compares the columns with the samples of a proof. Each column is compared once.
func compareSamples(t *testing.T, dir string, seen map[string]bool) {
	t.Helper()
	var proof struct {
		Stark struct {
			Sampled [][][][2][2]m31.M31 `json:"sampled_values"`
			Config  struct {
				Fri struct {
					Blowup int `json:"log_blowup_factor"`
				} `json:"fri_config"`
			}
		} `json:"stark_proof"`
		Variant string `json:"preprocessed_trace_variant"`
	}
	var steps [][2]json.RawMessage
	for file, to := range map[string]any{"proof.json.xz": &proof, "transcript.json.xz": &steps} {
		if err := json.Unmarshal(golden.Unxz(t, filepath.Join(dir, file)), to); err != nil {
			t.Fatalf("%s/%s: %v", dir, file, err)
		}
	}
	v, err := ParseVariant(proof.Variant)
	if err != nil {
		t.Fatal(err)
	}
	var xy [2][4]m31.M31
	var domain int
	for _, step := range steps {
		switch string(step[0]) {
		case `"oods_point"`:
			err = json.Unmarshal(step[1], &xy)
		case `"L"`:
			err = json.Unmarshal(step[1], &domain)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	logRows := domain - proof.Stark.Config.Fri.Blowup
	point := circle.Point[m31.QM31]{X: m31.NewQM31(xy[0][0], xy[0][1], xy[0][2], xy[0][3]), Y: m31.NewQM31(xy[1][0], xy[1][1], xy[1][2], xy[1][3])}
	twiddles := circle.NewTwiddles(*largest)
	weights := make(map[int]*circle.Weights)
	for k, samples := range proof.Stark.Sampled[0] {
		c := v.Columns()[k]
		if len(samples) == 0 || seen[c.ID] || c.LogSize > *largest {
			continue
		}
		seen[c.ID] = true
		if weights[c.LogSize] == nil {
			weights[c.LogSize] = twiddles.Weights(c.LogSize, 0, point.DoubleN(logRows-c.LogSize))
		}
		got := weights[c.LogSize].Combine(c.Values())[0]
		if w := samples[0]; got != m31.NewQM31(w[0][0], w[0][1], w[1][0], w[1][1]) {
			t.Errorf("%s: column %s is %v at the point, want %v", dir, c.ID, got, w)
		}
	}
}

// TestRoot compares the root of the tree of canonical_small's extended columns with that of stwo-cairo-prover 1.3.0 (a constant in its tests).
func TestRoot(t *testing.T) {
	const want = "068d1166c9f9f0ec247641ca391ee8396170e69343dfcacc632f9638670d2bec"
	var values [][]m31.M31
	var logs []int
	for _, c := range CanonicalSmall.Columns() {
		values, logs = append(values, c.Values()), append(logs, c.LogSize)
	}
	config := pcs.Config{LogBlowup: 1}
	table, err := config.NewTable(t.Context(), channel.Blake2s, circle.NewTwiddles(21), logs, values)
	if err != nil {
		t.Fatal(err)
	}
	root := table.Root()
	if got := hex.EncodeToString(root[:]); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
}
