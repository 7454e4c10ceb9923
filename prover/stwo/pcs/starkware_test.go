package pcs

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// starkwareProof is the STARK part of one of StarkWare's proofs, with the values that a verifier computes.
type starkwareProof struct {
	proof    *Proof
	trees    [][]Column
	ch       *channel.Channel // when the composition's commitment has been mixed
	point    Point
	queries  []uint32
	sums     map[uint32]m31.QM31
	folds    []map[uint32]m31.QM31
	previous int // log2 of the largest component's rows
}

// readStarkware reads a case of the corpus. It skips the test if the case's files are absent.
func readStarkware(t testing.TB, elem ...string) *starkwareProof {
	t.Helper()
	folder := golden.Corpus(t, append([]string{"stwo"}, elem...)...)
	if _, err := os.Stat(filepath.Join(folder, "transcript.json.xz")); err != nil {
		t.Skipf("the corpus does not have a transcript of this case: %v", err)
	}
	var file struct {
		Stark   jsonProof `json:"stark_proof"`
		Variant string    `json:"preprocessed_trace_variant"`
	}
	decode(t, golden.Unxz(t, filepath.Join(folder, "proof.json.xz")), &file)
	s := &starkwareProof{proof: file.Stark.proof()}
	s.trees = make([][]Column, 4)
	s.trees[0] = preprocessed(t, file.Variant)
	for i, samples := range s.proof.SampledValues[0] {
		s.trees[0][i].Sampling = Sampling(len(samples))
	}
	var params struct {
		Hash string `json:"channel_hash"`
	}
	raw, err := os.ReadFile(filepath.Join(folder, "params.json"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, raw, &params)
	hash, err := channel.ParseHash(params.Hash)
	if err != nil {
		t.Fatal(err)
	}

	var steps [][2]json.RawMessage
	decode(t, golden.Unxz(t, filepath.Join(folder, "transcript.json.xz")), &steps)
	var digest string
	for _, step := range steps {
		switch name := strings.Trim(string(step[0]), `"`); name {
		case "digest":
			decode(t, step[1], &digest)
		case "component":
			var component string
			var log, parameter, base, interaction int
			decode(t, step[1], &[]any{&component, &log, &parameter, &base, &interaction})
			s.previous = max(s.previous, log)
			for len(s.trees[1]) < base {
				s.trees[1] = append(s.trees[1], Column{log, AtPoint})
			}
			for len(s.trees[2]) < interaction {
				sampling := AtPoint
				if len(s.trees[2]) >= interaction-4 {
					sampling = AtPreviousAndPoint
				}
				s.trees[2] = append(s.trees[2], Column{log, sampling})
			}
		case "oods_t":
			bytes, err := hex.DecodeString(digest)
			if err != nil {
				t.Fatal(err)
			}
			s.ch = channel.Restore(hash, channel.Digest(bytes))
			s.point = DrawPoint(s.ch)
		case "oods_point":
			var want [2][4]m31.M31
			decode(t, step[1], &want)
			if got := [2][4]m31.M31{s.point.X.Coordinates(), s.point.Y.Coordinates()}; got != want {
				t.Fatalf("point out of the domain: got %v, want %v", got, want)
			}
		case "queries_in_order":
			decode(t, step[1], &s.queries)
		case "quotients_at_queries":
			s.sums = values(t, step[1])
		case "after_fri_layer":
			var layer, log int
			var folded json.RawMessage
			decode(t, step[1], &[]any{&layer, &log, &folded})
			s.folds = append(s.folds, values(t, folded))
		}
	}
	logRows := s.proof.Config.LogDomain(s.previous) - int(s.proof.Config.LogBlowup)
	s.trees[3] = slices.Repeat([]Column{{logRows, AtPoint}}, CompositionColumns)
	return s
}

// TestVerifyStarkware verifies the STARK part of StarkWare's proofs and compares all intermediate values.
func TestVerifyStarkware(t *testing.T) {
	for _, name := range []string{"c01_nothing", "c02_fib", "c04_rc_bitwise", "c07_mod/lift", "c09_blake", "starkware_all_builtins"} {
		t.Run(name, func(t *testing.T) {
			s := readStarkware(t, filepath.FromSlash(name))
			compare := func(what string, positions []uint32, got []m31.QM31, want map[uint32]m31.QM31) {
				t.Helper()
				if len(got) != len(want) {
					t.Errorf("%s: %d values, want %d", what, len(got), len(want))
				}
				for k, q := range positions {
					if got[k] != want[q] {
						t.Fatalf("%s at %d: got %v, want %v", what, q, got[k], want[q])
					}
				}
			}
			layer := 0
			err := verify(s.ch, s.trees, s.point, s.proof, &observer{
				queries: func(drawn []uint32) {
					if !slices.Equal(drawn, s.queries) {
						t.Fatalf("queries: got %v, want %v", drawn, s.queries)
					}
				},
				sums: func(positions []uint32, values []m31.QM31) { compare("sum", positions, values, s.sums) },
				folds: func(positions []uint32, values []m31.QM31) {
					compare(fmt.Sprint("layer ", layer), positions, values, s.folds[layer])
					layer++
				},
			})
			if err != nil || layer != len(s.folds) {
				t.Errorf("%d layers, want %d; %v", layer, len(s.folds), err)
			}
		})
	}
}

// preprocessed returns the columns of a variant of the preprocessed trace.
func preprocessed(t testing.TB, variant string) []Column {
	t.Helper()
	raw, err := os.ReadFile(golden.Corpus(t, "stwo", "air", "_index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Preprocessed []struct {
			Variant string
			Columns [][2]any
		}
	}
	decode(t, raw, &index)
	for _, p := range index.Preprocessed {
		if p.Variant == variant {
			out := make([]Column, len(p.Columns))
			for i, c := range p.Columns {
				out[i].Log = int(c[1].(float64))
			}
			return out
		}
	}
	t.Fatalf("no variant %s", variant)
	return nil
}

// values reads a list of positions and values.
func values(t testing.TB, raw []byte) map[uint32]m31.QM31 {
	t.Helper()
	var pairs [][2]json.RawMessage
	decode(t, raw, &pairs)
	out := map[uint32]m31.QM31{}
	for _, p := range pairs {
		var position uint32
		var v [4]m31.M31
		decode(t, p[0], &position)
		decode(t, p[1], &v)
		out[position] = m31.NewQM31(v[0], v[1], v[2], v[3])
	}
	return out
}

func decode(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%v in %.100s", err, data)
	}
}

// jsonProof is StarkWare's JSON form of a proof with BLAKE2s digests.
type jsonProof struct {
	Config struct {
		Pow uint32 `json:"pow_bits"`
		FRI struct {
			Blowup  uint32 `json:"log_blowup_factor"`
			Last    uint32 `json:"log_last_layer_degree_bound"`
			Queries uint32 `json:"n_queries"`
			Fold    uint32 `json:"fold_step"`
		} `json:"fri_config"`
		Lifting *uint32 `json:"lifting_log_size"`
	}
	Commitments   []channel.Digest
	Sampled       [][][]jsonElement  `json:"sampled_values"`
	Decommitments []jsonDecommitment `json:"decommitments"`
	Queried       [][][]m31.M31      `json:"queried_values"`
	Pow           uint64             `json:"proof_of_work"`
	FRI           struct {
		First jsonLayer   `json:"first_layer"`
		Inner []jsonLayer `json:"inner_layers"`
		Last  struct {
			Coefficients []jsonElement `json:"coeffs"`
		} `json:"last_layer_poly"`
	} `json:"fri_proof"`
}

type jsonElement [2][2]m31.M31

type jsonDecommitment struct {
	Witness []channel.Digest `json:"hash_witness"`
}

type jsonLayer struct {
	Witness      []jsonElement `json:"fri_witness"`
	Decommitment jsonDecommitment
	Commitment   channel.Digest
}

func (p *jsonProof) proof() *Proof {
	elements := func(xs []jsonElement) []m31.QM31 {
		out := make([]m31.QM31, len(xs))
		for i, x := range xs {
			out[i] = m31.NewQM31(x[0][0], x[0][1], x[1][0], x[1][1])
		}
		return out
	}
	layer := func(l *jsonLayer) fri.Layer {
		return fri.Layer{Witness: elements(l.Witness), Decommitment: l.Decommitment.Witness, Commitment: l.Commitment}
	}
	f := &p.Config.FRI
	out := &Proof{
		Config:        Config{PowBits: p.Config.Pow, LogBlowup: f.Blowup, LogLastLayerDegreeBound: f.Last, Queries: f.Queries, FoldStep: f.Fold, LiftingLogSize: p.Config.Lifting},
		Commitments:   p.Commitments,
		QueriedValues: p.Queried,
		ProofOfWork:   p.Pow,
		FRI:           fri.Proof{FirstLayer: layer(&p.FRI.First), LastLayer: elements(p.FRI.Last.Coefficients)},
	}
	for _, columns := range p.Sampled {
		var tree [][]m31.QM31
		for _, column := range columns {
			tree = append(tree, elements(column))
		}
		out.SampledValues = append(out.SampledValues, tree)
	}
	for _, d := range p.Decommitments {
		out.Decommitments = append(out.Decommitments, d.Witness)
	}
	for i := range p.FRI.Inner {
		out.FRI.InnerLayers = append(out.FRI.InnerLayers, layer(&p.FRI.Inner[i]))
	}
	return out
}
