// Package fri is the low-degree test of Stone's STARK: Fast Reed–Solomon Interactive Oracle Proofs of Proximity (Ben-Sasson,
// Bentov, Horesh, Riabzev, 2018), with a separate folding factor for every layer.
//
// A layer is a function on the subgroup of order 2^k. Folding maps it to a function on the subgroup of squares: f'(x²) = f(x) +
// f(-x) + α·(f(x) - f(-x))/x, which is twice the usual sum of the even part and α times the odd part. Layer i is committed as a
// table whose rows are the cosets that the next fold of 2^Steps[i] consumes. The first layer is not committed; an oracle
// answers for it. The last layer is sent as coefficients. Positions in a layer, and so queries, rows and columns, are in
// bit-reversed order. Layers in memory are in natural order.
package fri

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/merkle"
)

// Params are the protocol's parameters.
type Params struct {
	Steps     []uint // Steps[0] may be 0
	LastBound uint64 // the last layer's degree bound, a power of two
	Queries   int
	PowBits   uint
	Merkle    merkle.Params
}

// Limits that Validate checks, above everything that Stone's verifiers accept.
const (
	maxStep    = 10
	maxSteps   = 64
	maxQueries = 1 << 12
	maxWork    = 64
	maxLastLog = 15
)

// Validate checks the parameters for a first layer of 2^log positions and functions of degree below 2^degree. After it
// succeeds, all sizes are known.
func (p *Params) Validate(log, degree uint) error {
	if len(p.Steps) == 0 || len(p.Steps) > maxSteps {
		return fmt.Errorf("fri: %d steps, want 1 to %d", len(p.Steps), maxSteps)
	}
	sum := uint(0)
	for i, s := range p.Steps {
		if s > maxStep || s == 0 && i > 0 {
			return fmt.Errorf("fri: step %d is %d, want 1 to %d (the first may be 0)", i, s, maxStep)
		}
		sum += s
	}
	last, ok := field.Log2(p.LastBound)
	if !ok || last+sum != degree {
		return fmt.Errorf("fri: steps sum to %d and the last layer has degree below %d, which does not give a degree below 2^%d",
			sum, p.LastBound, degree)
	}
	if last > maxLastLog {
		return fmt.Errorf("fri: last layer of degree below %d, want at most %d", p.LastBound, 1<<maxLastLog)
	}
	if log < degree {
		return fmt.Errorf("fri: degree bound 2^%d on 2^%d positions", degree, log)
	}
	if p.Queries < 1 || p.Queries > maxQueries {
		return fmt.Errorf("fri: %d queries, want 1 to %d", p.Queries, maxQueries)
	}
	if p.PowBits > maxWork {
		return fmt.Errorf("fri: %d bits of proof of work, want at most %d", p.PowBits, maxWork)
	}
	return nil
}

// sum returns the number of folds in steps 0 to i.
func (p *Params) sum(i int) uint {
	s := uint(0)
	for _, step := range p.Steps[:i+1] {
		s += step
	}
	return s
}

// layer returns the size and the table shape of committed layer i > 0, if the first layer has 2^log positions.
func (p *Params) layer(i int, log uint) (size uint, shape merkle.Shape) {
	size = log - p.sum(i-1)
	return size, merkle.Shape{LogRows: size - p.Steps[i], Columns: 1 << p.Steps[i]}
}

// positions maps queries (positions in the layer after the first fold) to layer i > 0. It returns the position of each query,
// and the sorted distinct rows that contain them.
func (p *Params) positions(queries []uint64, i int) (at, rows []uint64) {
	shift := p.sum(i-1) - p.Steps[0]
	at = make([]uint64, len(queries))
	for k, q := range queries {
		at[k] = q >> shift
		rows = append(rows, at[k]>>p.Steps[i])
	}
	return at, slices.Compact(rows) // rows are sorted because queries are
}

// firstPositions maps queries to the positions of the first layer that their first fold consumes.
func (p *Params) firstPositions(queries []uint64) []uint64 {
	var out []uint64
	for _, q := range queries {
		for k := range uint64(1) << p.Steps[0] {
			out = append(out, q<<p.Steps[0]|k)
		}
	}
	return out
}

// channel holds the methods of prover's and verifier's channel that drawQueries needs.
type channel interface {
	DrawIndex(label string, bound uint64) uint64
	Scope(name string) func()
	BeginQueries()
}

// drawQueries returns the sorted query positions, with repetitions.
func (p *Params) drawQueries(ch channel, log uint) []uint64 {
	leave := ch.Scope("QueryIndices")
	queries := make([]uint64, p.Queries)
	for i := range queries {
		queries[i] = ch.DrawIndex(strconv.Itoa(i), 1<<(log-p.Steps[0]))
	}
	leave()
	slices.Sort(queries)
	ch.BeginQueries()
	return queries
}

func layerName(i int) string { return "Layer " + strconv.Itoa(i) }
