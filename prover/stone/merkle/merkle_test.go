package merkle

import (
	"fmt"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/transcript"
)

func sampleTable(logRows uint, columns, cosets int) *Table {
	t := &Table{Cosets: make([][][]field.Element, cosets)}
	x := field.New(3)
	for c := range t.Cosets {
		for range columns {
			v := make([]field.Element, 1<<logRows/cosets)
			for i := range v {
				x.Square(&x)
				k := field.New(uint64(i))
				x.Add(&x, &k)
				v[i] = x
			}
			t.Cosets[c] = append(t.Cosets[c], v)
		}
	}
	return t
}

// root computes the root by the definition: it hashes every row's bytes, then pairs.
func root(t *testing.T, p Params, table *Table) transcript.Digest {
	t.Helper()
	log, _ := field.Log2(uint64(len(table.Cosets) * len(table.Cosets[0][0])))
	s := Shape{LogRows: log, Columns: len(table.Cosets[0])}
	layer := make([]transcript.Digest, 1<<s.depth())
	dst := make([]field.Element, s.Columns)
	for i := range layer {
		var b []byte
		for k := range uint64(1) << s.logRowsPerLeaf() {
			table.row(uint64(i)<<s.logRowsPerLeaf()|k, s.LogRows, dst)
			for c := range dst {
				b = append(b, make([]byte, 32)...)
				field.PutMontgomery(b[len(b)-32:], &dst[c])
			}
		}
		var err error
		if layer[i], err = s.leaf(p.at(s.depth()), b); err != nil {
			t.Fatal(err)
		}
	}
	for d := s.depth(); d > 0; d-- {
		for i := range layer[:len(layer)/2] {
			var err error
			if layer[i], err = p.at(d-1).Pair(&layer[2*i], &layer[2*i+1]); err != nil {
				t.Fatal(err)
			}
		}
		layer = layer[:len(layer)/2]
	}
	return layer[0]
}

func TestBuildOpenCheck(t *testing.T) {
	const (
		blake    = transcript.Blake256Masked248LSB
		keccak   = transcript.Keccak256Masked160MSB
		poseidon = transcript.Poseidon3
	)
	for _, c := range []struct {
		logRows uint
		columns int
		cosets  int
		params  Params
	}{
		{0, 1, 1, Params{Hash: blake}},
		{0, 3, 1, Params{Hash: keccak}},
		{1, 1, 1, Params{Hash: blake}},
		{2, 16, 1, Params{Hash: blake}},
		{5, 2, 4, Params{Hash: keccak}},
		{9, 7, 4, Params{Hash: blake}},
		{9, 1, 2, Params{Hash: blake}},
		{10, 2, 1, Params{Hash: transcript.Blake256}},
		{11, 3, 8, Params{Hash: transcript.Blake256Masked160MSB}},
		{10, 6, 4, Params{Hash: blake, Friendly: poseidon, FriendlyLayers: 3}},
		{10, 2, 4, Params{Hash: blake, Friendly: poseidon, FriendlyLayers: 8}},
		{6, 1, 4, Params{Hash: blake, Friendly: poseidon, FriendlyLayers: 99}},
		{3, 1, 1, Params{Hash: transcript.Pedersen, Friendly: transcript.Pedersen}},
	} {
		t.Run(fmt.Sprintf("2^%dx%d %v friendly %d", c.logRows, c.columns, c.params.Hash, c.params.FriendlyLayers), func(t *testing.T) {
			table := sampleTable(c.logRows, c.columns, c.cosets)
			tree, err := Build(t.Context(), c.params, table)
			if err != nil {
				t.Fatal(err)
			}
			if want := root(t, c.params, table); tree.nodes[1] != want {
				t.Fatalf("got root %x, want %x", tree.nodes[1], want)
			}
			// The same with one coset in memory at a time.
			buffer := sampleTable(c.logRows, c.columns, c.cosets).Cosets[0]
			coset := func(i int) ([][]field.Element, error) {
				for k := range buffer {
					copy(buffer[k], table.Cosets[i][k])
				}
				return buffer, nil
			}
			byCoset, err := BuildCosets(t.Context(), c.params, c.cosets, coset)
			if err != nil || byCoset.nodes[1] != tree.nodes[1] {
				t.Fatalf("coset by coset: root %x, want %x (%v)", byCoset.nodes[1], tree.nodes[1], err)
			}
			n := uint64(1) << c.logRows
			for _, rows := range [][]uint64{{0}, {n - 1}, {0, n / 2, n - 1}, {n / 3, n/3 + 1}} {
				slices.Sort(rows)
				rows = slices.Compact(rows)
				if rows[len(rows)-1] >= n {
					continue
				}
				known := func(r uint64, column int) bool { return r == rows[0] && column == 0 }
				checkOpening(t, tree, rows, known)
				if err := byCoset.Fetch(rows, coset); err != nil {
					t.Fatal(err)
				}
				checkOpening(t, byCoset, rows, known)
			}
		})
	}
}

// checkOpening opens and checks rows, and checks that a change of any byte is noticed.
func checkOpening(t *testing.T, tree *Tree, rows []uint64, known func(uint64, int) bool) {
	t.Helper()
	cfg := transcript.Config{Channel: transcript.Keccak256}
	p, err := transcript.NewProver(cfg, transcript.Digest{})
	if err != nil {
		t.Fatal(err)
	}
	tree.Commit(p)
	if err := tree.Open(p, rows, known); err != nil {
		t.Fatal(err)
	}
	check := func(proof []byte) error {
		v, err := transcript.NewVerifier(cfg, transcript.Digest{}, proof)
		if err != nil {
			return err
		}
		c, err := ReadCommitment(v, tree.params, tree.shape)
		if err != nil {
			return err
		}
		dst := make([]field.Element, tree.shape.Columns)
		values, err := c.Check(v, rows, func(r uint64, column int) (field.Element, bool) {
			tree.table.row(r, tree.shape.LogRows, dst)
			return dst[column], known(r, column)
		})
		if err != nil {
			return err
		}
		for k, r := range rows {
			tree.table.row(r, tree.shape.LogRows, dst)
			if !slices.Equal(values[k], dst) {
				t.Errorf("row %d: got %v, want %v", r, values[k], dst)
			}
		}
		return v.End()
	}
	if err := check(p.Proof()); err != nil {
		t.Fatalf("rows %v: %v", rows, err)
	}
	for i := 0; i < len(p.Proof()); i += 1 + len(p.Proof())/40 {
		bad := slices.Clone(p.Proof())
		bad[i] ^= 1 << (i % 3)
		if check(bad) == nil {
			t.Errorf("rows %v: byte %d of %d changed unnoticed", rows, i, len(bad))
		}
	}
	if check(p.Proof()[:len(p.Proof())-1]) == nil || check(append(slices.Clone(p.Proof()), 0)) == nil {
		t.Errorf("rows %v: a cut or extended proof was accepted", rows)
	}
}
