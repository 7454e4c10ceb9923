package stark

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/fri"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/poly"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// fibonacci states that a Fibonacci-like sequence from (1, 1) has a given last element. With shuffle it has a second phase: a
// running product that compares the first column with its reverse, as a permutation argument would.
type fibonacci struct {
	system  *air.System
	rows    uint64
	last    field.Element
	columns [][]field.Element
}

func newFibonacci(rows uint64, shuffle bool) *fibonacci {
	second, challenges := 0, 0
	if shuffle {
		second, challenges = 1, 1
	}
	b := air.NewBuilder(2, second, challenges)
	x, y := b.Cell(0, 0), b.Cell(1, 0)
	last := b.Value("last")
	b.Constrain("x", b.Cell(0, 1).Sub(y), air.On(air.Every(1)).Exempt(air.Row(-1)))
	b.Constrain("y", b.Cell(1, 1).Sub(x.Add(y)), air.On(air.Every(1)).Exempt(air.Row(-1)))
	b.Constrain("first", x.SubConst(1).Add(y.SubConst(1).Scale(7)), air.On(air.Row(0)))
	b.Constrain("last", y.Sub(last), air.On(air.Row(-1)))
	if shuffle {
		z := b.Value("z")
		p := b.Cell(2, 0)
		b.Constrain("product", b.Cell(2, 1).Sub(p.Mul(z.Sub(b.Cell(0, 1)))), air.On(air.Every(1)).Exempt(air.Row(-1)))
		b.Constrain("product first", p.Sub(z.Sub(x)), air.On(air.Row(0)))
	}
	f := &fibonacci{system: b.Build(), rows: rows}
	u, v := field.One(), field.One()
	f.columns = [][]field.Element{make([]field.Element, rows), make([]field.Element, rows)}
	for i := range rows {
		f.columns[0][i], f.columns[1][i] = u, v
		u.Add(&u, &v)
		u, v = v, u
	}
	f.last = f.columns[1][rows-1]
	return f
}

func (f *fibonacci) System() *air.System { return f.system }
func (f *fibonacci) TraceLength() uint64 { return f.rows }
func (f *fibonacci) Values(challenges []field.Element) ([]field.Element, error) {
	if len(challenges) != f.system.Challenges {
		return nil, errors.New("wrong number of challenges")
	}
	return append([]field.Element{f.last}, challenges...), nil
}
func (f *fibonacci) Main(context.Context) ([][]field.Element, error) { return f.columns, nil }
func (f *fibonacci) Interaction(_ context.Context, challenges []field.Element) ([][]field.Element, error) {
	if f.system.Interaction == 0 {
		return nil, nil
	}
	p := make([]field.Element, f.rows)
	acc := field.One()
	for i := range p {
		var t field.Element
		t.Sub(&challenges[0], &f.columns[0][i])
		acc.Mul(&acc, &t)
		p[i] = acc
	}
	return [][]field.Element{p}, nil
}

var configurations = []struct {
	name string
	p    Params
}{
	{"bytes", Params{
		LogBlowup: 2, Channel: transcript.Config{Channel: transcript.Keccak256}, Statement: "fibonacci",
		FRI: fri.Params{Steps: []uint{0, 2, 1}, LastBound: 8, Queries: 7, PowBits: 4, Merkle: merkle.Params{Hash: transcript.Keccak256Masked160LSB}},
	}},
	{"felts", Params{
		LogBlowup: 3, Channel: transcript.Config{Channel: transcript.Poseidon3, PowHash: transcript.Blake256}, FriendlyUpdates: true, Statement: "fibonacci",
		FRI: fri.Params{Steps: []uint{1, 3}, LastBound: 4, Queries: 40, Merkle: merkle.Params{
			Hash: transcript.Blake256Masked248LSB, Friendly: transcript.Poseidon3, FriendlyLayers: 2}},
	}},
	{"one by one", Params{
		LogBlowup: 1, Channel: transcript.Config{Channel: transcript.Poseidon3, PowHash: transcript.Keccak256}, Statement: "fibonacci",
		FRI: fri.Params{Steps: []uint{2, 4}, LastBound: 1, Queries: 3, Merkle: merkle.Params{Hash: transcript.Pedersen}},
	}},
}

func TestProveVerify(t *testing.T) {
	for _, c := range configurations {
		for _, shuffle := range []bool{false, true} {
			f := newFibonacci(64, shuffle)
			seed := transcript.Digest{31: 5}
			var log, log2 transcript.Annotations
			proof, err := Prove(t.Context(), f, &c.p, seed, &log, nil)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if err := Verify(f, &c.p, seed, proof, &log2); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got, want := strings.Join(log2.Lines("x"), "\n"), strings.Join(log.Lines("x"), "\n")
			if got != want {
				t.Errorf("%s: the verifier's annotations differ from the prover's", c.name)
			}
			if Verify(f, &c.p, transcript.Digest{31: 6}, proof, nil) == nil {
				t.Errorf("%s: accepted under another seed", c.name)
			}
			f.last.Double(&f.last)
			if Verify(f, &c.p, seed, proof, nil) == nil {
				t.Errorf("%s: accepted for another statement", c.name)
			}
		}
	}
}

func TestProveRefusesWrongTrace(t *testing.T) {
	for _, c := range configurations {
		f := newFibonacci(64, true)
		f.columns[0][17] = field.New(3)
		proof, err := Prove(t.Context(), f, &c.p, transcript.Digest{}, nil, nil)
		if err == nil {
			// A composition of too high a degree passes the prover's own check only if it is split into wrong halves, which
			// out-of-domain sampling detects.
			err = Verify(f, &c.p, transcript.Digest{}, proof, nil)
		}
		if err == nil {
			t.Errorf("%s: a trace that violates a constraint was proved", c.name)
		}
	}
	f := newFibonacci(64, true)
	f.columns = f.columns[:1]
	if _, err := Prove(t.Context(), f, &configurations[0].p, transcript.Digest{}, nil, nil); err == nil || !strings.Contains(err.Error(), "1 columns, want 2") {
		t.Errorf("got error %v, want one about the number of columns", err)
	}
}

func TestProgressNamesEveryStage(t *testing.T) {
	var seen []string
	_, err := Prove(t.Context(), newFibonacci(64, true), &configurations[0].p, transcript.Digest{}, nil, &Progress{
		Stage: func(name string, number, total int) {
			if number != len(seen) || total != len(stages) {
				t.Errorf("stage %q is %d of %d, want %d of %d", name, number, total, len(seen), len(stages))
			}
			seen = append(seen, name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(seen, ","), strings.Join(stages, ","); got != want {
		t.Errorf("got stages %s, want %s", got, want)
	}
}

// TestQuotientsAgree compares the prover's quotients, computed by rotating one vector, with the verifier's, computed point by
// point.
func TestQuotientsAgree(t *testing.T) {
	f := newFibonacci(64, true)
	p := &configurations[0].p
	s := p.sizes(f)
	ext := newExtender(&s, p.LogBlowup)
	second, err := f.Interaction(t.Context(), []field.Element{field.New(77)})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(columns [][]field.Element) *table {
		tb, err := ext.table(t.Context(), columns, poly.NewInversePlan(s.trace), p.FRI.Merkle)
		if err != nil {
			t.Fatal(err)
		}
		return tb
	}
	tables := []*table{commit(f.columns), commit(second), commit([][]field.Element{second[0], f.columns[1]})}
	z, gamma := field.New(123456789), field.New(987)
	values, err := evalSamples(t.Context(), f.system, &s, tables, z)
	if err != nil {
		t.Fatal(err)
	}
	places := samples(f.system, &s, z, values)
	columns, err := ext.coset(t.Context(), tables, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := deepQuotients(t.Context(), &s, places, columns, f.system, gamma)
	if err != nil {
		t.Fatal(err)
	}
	domain := s.trace.Shift(field.Generator())
	for i := range got {
		var row []field.Element
		for _, column := range columns {
			row = append(row, column[i])
		}
		want, ok := deepQuotient(places, row, domain.At(uint64(i)), gamma)
		if !ok || got[i] != want {
			t.Fatalf("point %d: got %v, want %v", i, got[i], want)
		}
	}
}
