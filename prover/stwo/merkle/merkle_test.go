package merkle

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

func randomColumn(r *rand.Rand, log int) []m31.M31 {
	c := make([]m31.M31, 1<<log)
	for i := range c {
		c[i] = m31.M31(r.Uint32N(m31.P))
	}
	return c
}

// stored loads columns that are in memory.
func stored(columns [][]m31.M31) Load {
	return func(c, _ int, _ []m31.M31) []m31.M31 { return columns[c] }
}

// needed returns the cells of columns as OpenColumns wants them.
func needed(columns [][]m31.M31) func(int, []int) []m31.M31 {
	return func(c int, cells []int) []m31.M31 {
		out := make([]m31.M31, len(cells))
		for k, i := range cells {
			out[k] = columns[c][i]
		}
		return out
	}
}

// naive returns all layers of a tree, from the definition.
func naive(h channel.Hash, leaves []channel.Digest) [][]channel.Digest {
	layers := [][]channel.Digest{leaves}
	for len(leaves) > 1 {
		up := make([]channel.Digest, len(leaves)/2)
		for i := range up {
			up[i] = h.Pair(&leaves[2*i], &leaves[2*i+1])
		}
		leaves = up
		layers = append(layers, leaves)
	}
	return layers
}

// eachWidth runs a test or a benchmark with the portable code, and with each width of vector code that the CPU can run.
func eachWidth[T interface{ Run(string, func(T)) bool }](t T, f func(t T)) {
	defer func(old int) { vectorBits = old }(vectorBits)
	widest := vectorBits
	for _, v := range []struct {
		name string
		bits int
	}{{"Go", 0}, {"AVX2", 256}, {"AVX-512", 512}} {
		if v.bits <= widest {
			vectorBits = v.bits
			t.Run(v.name, f)
		}
	}
}

// TestCommit compares trees of all shapes with the definition: root, witnesses and openings.
func TestCommit(t *testing.T) {
	eachWidth(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		var memory Memory
		for _, shape := range []Shape{
			{0, nil},
			{1, []int{1}},
			{2, []int{1, 2, 1}},
			{3, []int{3, 3, 2, 1}},
			{4, []int{4}},
			{5, []int{5, 3}},
			{6, slices.Repeat([]int{4, 6, 2}, 7)},
			{8, slices.Repeat([]int{5, 3, 8}, 16)},
			{10, slices.Concat(slices.Repeat([]int{10}, 15), slices.Repeat([]int{4}, 35), slices.Repeat([]int{8}, 17))},
			{11, slices.Repeat([]int{6}, 32)},
			{4, []int{2, 1}},
			{7, []int{4, 2}},
			{9, []int{5, 5, 1}},
			{12, slices.Concat(slices.Repeat([]int{10}, 16), slices.Repeat([]int{4}, 16))},
			{13, slices.Concat(slices.Repeat([]int{12}, 20), slices.Repeat([]int{5}, 16), slices.Repeat([]int{2}, 3), []int{13, 8})},
		} {
			hashes := []channel.Hash{channel.Blake2s, channel.Blake2sM31}
			if shape.Height <= 8 {
				hashes = append(hashes, channel.Poseidon252)
			}
			for _, h := range hashes {
				columns := make([][]m31.M31, len(shape.Logs))
				for c, log := range shape.Logs {
					columns[c] = randomColumn(r, log)
				}
				load := func(c, part int, scratch []m31.M31) []m31.M31 {
					copy(scratch, columns[c][part*len(scratch):])
					return scratch
				}
				tree, err := shape.Commit(t.Context(), h, 0, load, &memory)
				if err != nil {
					t.Fatal(err)
				}
				for parts := 1; parts <= 3; parts++ {
					parted, err := shape.Commit(t.Context(), h, parts, load, &memory)
					if err != nil {
						t.Fatal(err)
					}
					if parted.Root() != tree.Root() || !slices.Equal(parted.Layer(), tree.Layer()) {
						t.Errorf("%v, %v: another tree in 2^%d parts", shape, h, shape.Parts(parts))
					}
				}
				order := shape.order()
				leaves := make([]channel.Digest, 1<<shape.Height)
				for j := range leaves {
					var words []m31.M31
					for _, c := range order {
						words = append(words, columns[c][circle.LiftedCell(j, shape.Height-shape.Logs[c])])
					}
					leaves[j] = h.Leaf(words)
				}
				layers := naive(h, leaves)
				if got, want := tree.Root(), layers[shape.Height][0]; got != want {
					t.Fatalf("%v, %v: root %x, want %x", shape, h, got, want)
				}
				for _, n := range []int{1, 2, 5, 40} {
					var positions []uint32
					for range n {
						positions = append(positions, r.Uint32N(1<<shape.Height))
					}
					slices.Sort(positions)
					values := make([][]m31.M31, len(columns))
					for c := range values {
						for _, p := range positions {
							values[c] = append(values[c], columns[c][circle.LiftedCell(int(p), shape.Height-shape.Logs[c])])
						}
					}
					opened, witness := tree.OpenColumns(positions, needed(columns))
					if len(columns) > 0 && !reflect.DeepEqual(opened, values) {
						t.Fatalf("%v, %v, positions %v: other cells", shape, h, positions)
					}
					if layer := tree.Layer(); layer != nil {
						restored, err := shape.Restore(h, layer)
						if err != nil || restored.Root() != tree.Root() {
							t.Fatalf("%v, %v: Restore returns another tree (%v)", shape, h, err)
						}
						if _, again := restored.OpenColumns(positions, needed(columns)); !slices.Equal(again, witness) {
							t.Fatalf("%v, %v: Restore returns a tree with other witnesses", shape, h)
						}
					}
					if len(columns) == 0 {
						positions = nil
					}
					if err := shape.Verify(h, tree.Root(), positions, values, witness); err != nil {
						t.Fatalf("%v, %v, positions %v: %v", shape, h, positions, err)
					}
				}
			}
		}
	})
}

// TestCommitSecure compares trees of FRI layers with the definition.
func TestCommitSecure(t *testing.T) {
	eachWidth(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for log := 2; log <= 11; log++ {
			for _, packed := range []int{0, LogPacked} {
				for _, h := range []channel.Hash{channel.Blake2s, channel.Blake2sM31, channel.Poseidon252} {
					if h == channel.Poseidon252 && log > 7 {
						continue
					}
					var values [4][]m31.M31
					for c := range values {
						values[c] = randomColumn(r, log)
					}
					leaves := make([]channel.Digest, 1<<(log-packed))
					for j := range leaves {
						var words []m31.M31
						for i := j << packed; i < (j+1)<<packed; i++ {
							for c := range values {
								words = append(words, values[c][i])
							}
						}
						leaves[j] = h.Leaf(words)
					}
					layers := naive(h, leaves)
					tree, err := CommitSecure(t.Context(), h, values, packed)
					if err != nil {
						t.Fatal(err)
					}
					if got, want := tree.Root(), layers[len(layers)-1][0]; got != want {
						t.Fatalf("2^%d values, packed %d, %v: root %x, want %x", log, packed, h, got, want)
					}
					positions := []uint32{0, uint32(len(leaves) - 1)}
					positions = slices.Compact(positions)
					opened := []channel.Digest{leaves[0], leaves[len(leaves)-1]}[:len(positions)]
					if err := VerifyLeaves(h, tree.Root(), log-packed, positions, opened, tree.Open(positions)); err != nil {
						t.Fatalf("2^%d values, packed %d, %v: %v", log, packed, h, err)
					}
				}
			}
		}
	})
}

// TestCancel checks that a commitment ends with its context.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	shape := Shape{10, []int{10, 4}}
	columns := [][]m31.M31{make([]m31.M31, 1<<10), make([]m31.M31, 1<<4)}
	if _, err := shape.Commit(ctx, channel.Blake2s, 0, stored(columns), new(Memory)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestVerifyRefuses checks openings that differ in one place.
func TestVerifyRefuses(t *testing.T) {
	shape := Shape{6, []int{6, 3, 6}}
	r := rand.New(rand.NewPCG(9, 10))
	columns := [][]m31.M31{randomColumn(r, 6), randomColumn(r, 3), randomColumn(r, 6)}
	tree, err := shape.Commit(t.Context(), channel.Blake2s, 0, stored(columns), new(Memory))
	if err != nil {
		t.Fatal(err)
	}
	positions := []uint32{3, 17, 17, 40}
	type opening struct {
		root      channel.Digest
		positions []uint32
		values    [][]m31.M31
		witness   []channel.Digest
	}
	fresh := func() *opening {
		_, witness := tree.OpenColumns(positions, needed(columns))
		o := &opening{root: tree.Root(), positions: slices.Clone(positions), witness: witness}
		for c, column := range columns {
			o.values = append(o.values, nil)
			for _, p := range positions {
				o.values[c] = append(o.values[c], column[circle.LiftedCell(int(p), 6-shape.Logs[c])])
			}
		}
		return o
	}
	for name, change := range map[string]func(*opening){
		"root":              func(o *opening) { o.root[0]++ },
		"value":             func(o *opening) { o.values[1][0]++ },
		"repeated value":    func(o *opening) { o.values[2][2]++ },
		"column missing":    func(o *opening) { o.values = o.values[:2] },
		"value missing":     func(o *opening) { o.values[0] = o.values[0][:3] },
		"witness":           func(o *opening) { o.witness[2][31]++ },
		"witness too short": func(o *opening) { o.witness = o.witness[:len(o.witness)-1] },
		"witness too long":  func(o *opening) { o.witness = append(o.witness, channel.Digest{}) },
		"position":          func(o *opening) { o.positions[0]++ },
		"too far":           func(o *opening) { o.positions[3] = 64 },
		"order":             func(o *opening) { o.positions[0] = 41 },
		"no positions":      func(o *opening) { o.positions, o.values = nil, [][]m31.M31{nil, nil, nil} },
	} {
		o := fresh()
		if err := shape.Verify(channel.Blake2s, o.root, o.positions, o.values, o.witness); err != nil {
			t.Fatal(err)
		}
		change(o)
		if shape.Verify(channel.Blake2s, o.root, o.positions, o.values, o.witness) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzVerify gives arbitrary witnesses and positions to a verification.
func FuzzVerify(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint32(5), 4)
	f.Fuzz(func(t *testing.T, data []byte, position uint32, height int) {
		if height < 0 || height > 40 {
			return
		}
		var witness []channel.Digest
		for len(data) > 0 {
			var d channel.Digest
			data = data[copy(d[:], data):]
			witness = append(witness, d)
		}
		positions := []uint32{position, position * 3}
		leaves := make([]channel.Digest, 2)
		if VerifyLeaves(channel.Blake2s, channel.Digest{}, height, positions, leaves, witness) == nil {
			t.Error("accepted")
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	shape := Shape{18, slices.Repeat([]int{18}, 64)}
	columns := make([][]m31.M31, len(shape.Logs))
	for c, log := range shape.Logs {
		columns[c] = randomColumn(r, log)
	}
	var memory Memory
	for b.Loop() {
		if _, err := shape.Commit(context.Background(), channel.Blake2s, 0, stored(columns), &memory); err != nil {
			b.Fatal(err)
		}
	}
	compressions := float64(5 << 18)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/compressions, "ns/compression")
}

func BenchmarkPairs(b *testing.B) {
	eachWidth(b, func(b *testing.B) {
		var x digests
		for b.Loop() {
			x = pairs(channel.Blake2s, &x, &x)
		}
	})
}

func BenchmarkColumns(b *testing.B) {
	h := blake.Initial16()
	var m [16][]m31.M31
	for k := range m {
		m[k] = make([]m31.M31, 16)
	}
	eachWidth(b, func(b *testing.B) {
		for b.Loop() {
			compressColumns(&h, &m, 64, true)
		}
	})
}

// TestMaxWitness checks that no set of leaves of a small tree has a larger witness, and that a single leaf has one of that size.
func TestMaxWitness(t *testing.T) {
	for height := range 5 {
		most := make([]int, 1<<height+1) // by the number of leaves
		for set := 1; set < 1<<(1<<height); set++ {
			known, missing := set, 0
			for layer := height; layer > 0; layer-- {
				above := 0
				for pair := range 1 << (layer - 1) {
					switch known >> (2 * pair) & 3 {
					case 1, 2:
						missing++
						above |= 1 << pair
					case 3:
						above |= 1 << pair
					}
				}
				known = above
			}
			n := bits.OnesCount(uint(set))
			most[n] = max(most[n], missing)
		}
		for n := 1; n < len(most); n++ {
			if got := MaxWitness(height, n); got < most[n] || n == 1 && got != most[n] {
				t.Errorf("%d leaves of a tree of height %d: got %d, a witness has up to %d nodes", n, height, got, most[n])
			}
		}
	}
}
