package pcs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// toy is a proof system of components with two columns, of which the second is the square of the first, and of columns that are only opened.
type toy struct {
	config Config
	hash   channel.Hash
	logs   []int // of the components
	unused int   // log2 of the rows of a preprocessed column that is not sampled
}

// trees describes the columns, as a verifier knows them.
func (y *toy) trees() [][]Column {
	trees := make([][]Column, 4)
	trees[0] = []Column{{y.unused, NotSampled}, {y.logs[0], AtPoint}}
	for _, log := range y.logs {
		trees[1] = append(trees[1], Column{log, AtPoint}, Column{log, AtPoint})
		trees[2] = append(trees[2], Column{log, AtPoint}, Column{log, AtPreviousAndPoint})
	}
	rows := y.config.LogDomain(slices.Max(y.logs)) - int(y.config.LogBlowup)
	trees[3] = slices.Repeat([]Column{{rows, AtPoint}}, CompositionColumns)
	return trees
}

// prove returns a proof. change, if not nil, may change the values of the columns of a tree before they are committed.
func (y *toy) prove(ctx context.Context, change func(tree int, values [][]m31.M31)) (*Proof, error) {
	r := rand.New(rand.NewPCG(13, 14))
	t := circle.NewTwiddles(y.config.LogDomain(slices.Max(append(y.logs, y.unused))))
	ch := channel.New(y.hash)
	y.config.Mix(ch)
	var tables []*Table
	commit := func(values [][]m31.M31) error {
		if change != nil {
			change(len(tables), values)
		}
		logs := make([]int, len(values))
		for i, column := range values {
			logs[i] = logLen(column)
			if !slices.ContainsFunc(column, func(v m31.M31) bool { return v != 0 }) {
				values[i] = nil
			}
		}
		table, err := y.config.NewTable(ctx, y.hash, t, logs, values)
		if err != nil {
			return err
		}
		tables = append(tables, table)
		ch.MixDigest(table.Root())
		return nil
	}
	random := func(log int) []m31.M31 {
		c := make([]m31.M31, 1<<log)
		for i := range c {
			c[i] = m31.M31(r.Uint32N(m31.P))
		}
		return c
	}
	if err := commit([][]m31.M31{random(y.unused), random(y.logs[0])}); err != nil {
		return nil, err
	}
	var base, interaction [][]m31.M31
	for _, log := range y.logs {
		x := random(log)
		square := make([]m31.M31, len(x))
		for i := range x {
			square[i] = x[i].Square()
		}
		base = append(base, x, square)
		interaction = append(interaction, make([]m31.M31, 1<<log), random(log))
	}
	if err := commit(base); err != nil {
		return nil, err
	}
	if err := commit(interaction); err != nil {
		return nil, err
	}
	coefficient, power := ch.DrawFelt(), m31.FromM31(1)
	var sum Accumulator
	for k := len(y.logs) - 1; k >= 0; k-- {
		// On the domain of twice the size, which is the committed one if the blowup is 2.
		log := y.logs[k]
		x, square := make([]m31.M31, 2<<log), make([]m31.M31, 2<<log)
		t.Extend(x, base[2*k])
		t.Extend(square, base[2*k+1])
		acc := sum.At(log + 1)
		for i := range x {
			v := circle.Vanishing(log, circle.CellPoint(i, log+1)).Inverse()
			acc.Set(i, acc.At(i).Add(power.Scale(square[i].Sub(x[i].Square()).Mul(v))))
		}
		power = power.Mul(coefficient)
	}
	table, err := sum.Commit(ctx, &y.config, y.hash, t, 1)
	if err != nil {
		return nil, err
	}
	tables = append(tables, table)
	ch.MixDigest(table.Root())
	return Prove(ctx, ch, &y.config, tables, y.trees(), DrawPoint(ch), t, nil)
}

func (y *toy) verify(proof *Proof) error {
	trees := y.trees()
	if _, err := proof.Check(y.hash, trees); err != nil {
		return err
	}
	if !reflect.DeepEqual(proof.Config, y.config) {
		return errors.New("other parameters")
	}
	ch := channel.New(y.hash)
	proof.Config.Mix(ch)
	for _, root := range proof.Commitments[:3] {
		ch.MixDigest(root)
	}
	coefficient := ch.DrawFelt()
	ch.MixDigest(proof.Commitments[3])
	p := DrawPoint(ch)
	rows := trees[3][0].Log
	got, err := Composition(proof.SampledValues[3], p, rows)
	if err != nil {
		return err
	}
	var want m31.QM31
	for k := range y.logs {
		x, square := proof.SampledValues[1][2*k][0], proof.SampledValues[1][2*k+1][0]
		want = want.Mul(coefficient).Add(square.Sub(x.Square()))
	}
	if want = want.Mul(circle.Vanishing(rows, p).Inverse()); got != want {
		return fmt.Errorf("the composition is %v, the constraints give %v", got, want)
	}
	return Verify(ch, trees, p, proof)
}

func lifting(log uint32) *uint32 { return &log }

var toys = []toy{
	{Config{5, 1, 0, 3, 1, nil}, channel.Blake2s, []int{6, 4, 6, 5}, 6},
	{Config{0, 1, 2, 5, 3, nil}, channel.Blake2sM31, []int{4, 9, 7}, 10},
	{Config{1, 2, 1, 20, 2, nil}, channel.Blake2s, []int{8, 4}, 4},
	{Config{1, 1, 0, 4, 1, lifting(11)}, channel.Blake2s, []int{8, 4}, 5},
	{Config{1, 3, 0, 4, 4, lifting(12)}, channel.Blake2s, []int{9, 4}, 5},
	{Config{2, 1, 0, 3, 2, nil}, channel.Poseidon252, []int{5, 4}, 4},
	{Config{2, 1, 0, 3, 1, nil}, channel.Blake2s, []int{2, 3}, 1},
}

func TestToy(t *testing.T) {
	for _, y := range toys {
		t.Run(fmt.Sprintf("%v/%+v", y.hash, y.logs), func(t *testing.T) {
			proof, err := y.prove(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := y.verify(proof); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			for range 300 {
				changed := *proof
				what := mutate(r, reflect.ValueOf(&changed).Elem())
				if what == "" || reflect.DeepEqual(&changed, proof) {
					continue
				}
				if y.verify(&changed) == nil {
					t.Errorf("%s is accepted", what)
				}
			}
		})
	}
}

// TestToyWrongCell checks that a trace that breaks a constraint gives no proof: the composition is not of low degree.
func TestToyWrongCell(t *testing.T) {
	y := toys[0]
	proof, err := y.prove(t.Context(), func(tree int, values [][]m31.M31) {
		if tree == 1 {
			values[3][5]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if y.verify(proof) == nil {
		t.Error("accepted")
	}
}

func TestToyCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := toys[0].prove(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
