package air

import (
	"fmt"

	"github.com/starkd/starkd/prover/stone/field"
)

// degrees returns, for each constraint, a bound on the degree of its quotient in trace lengths (rounded up), if every column
// has a degree below the trace length n.
func (s *System) degrees() []int {
	deg := make([]int, len(s.nodes))
	for i, n := range s.nodes { // operands precede their users
		switch n.op {
		case opCell, opPeriodic:
			deg[i] = 1
		case opAdd, opSub:
			deg[i] = max(deg[n.a], deg[n.b])
		case opMul:
			deg[i] = deg[n.a] + deg[n.b]
		}
	}
	// The divisor of rows with period p has n/p zeros, so it lowers the degree by a fraction of n. The bound is exact for the
	// test that matters: degree·(n-1) - Σ n/p over On + Σ n/p over Exemptions < 2n.
	out := make([]int, len(s.Constraints))
	const n = 1 << 30
	for i, c := range s.Constraints {
		d := int64(deg[c.expr]) * (n - 1)
		for _, r := range c.Domain.On {
			d -= zeros(r, n)
		}
		for _, r := range c.Domain.Exemptions {
			d += zeros(r, n)
		}
		out[i] = int((max(d, 0) + n - 1 + 1) / n)
	}
	return out
}

func zeros(r Rows, n int64) int64 {
	if r.Period == 0 {
		return 1
	}
	return n / int64(r.Period)
}

// Failure is a row on which a constraint does not hold.
type Failure struct {
	Constraint string
	Row        uint64
	Value      field.Element
}

func (f Failure) String() string {
	return fmt.Sprintf("%s at row %d: %s, want 0", f.Constraint, f.Row, f.Value.String())
}

// CheckRows evaluates every constraint on every row of its domain. It returns the failures in order of constraint and row, at
// most limit for each constraint. columns holds the columns of both phases. CheckRows is for tests; the prover does not call
// it.
func (s *System) CheckRows(columns [][]field.Element, values []field.Element, limit int) []Failure {
	n := uint64(len(columns[0]))
	periodic := make([][]field.Element, len(s.Periodic))
	for i, p := range s.Periodic {
		periodic[i] = p.evaluate(n, field.One())
	}
	var failures []Failure
	for _, c := range s.Constraints {
		needed := s.reach(c.expr)
		vals := make([]field.Element, len(needed))
		at := make(map[int32]int, len(needed))
		for k, id := range needed {
			at[id] = k
		}
		found := 0
		for row := uint64(0); row < n && found < limit; row++ {
			if !c.Domain.contains(row, n) {
				continue
			}
			for k, id := range needed {
				nd := &s.nodes[id]
				switch nd.op {
				case opCell:
					vals[k] = columns[nd.a][(row+uint64(nd.b))&(n-1)]
				case opPeriodic:
					vals[k] = periodic[nd.a][row%uint64(len(periodic[nd.a]))]
				case opValue:
					vals[k] = values[nd.a]
				case opConst:
					vals[k] = nd.value
				case opAdd:
					vals[k].Add(&vals[at[nd.a]], &vals[at[nd.b]])
				case opSub:
					vals[k].Sub(&vals[at[nd.a]], &vals[at[nd.b]])
				case opMul:
					vals[k].Mul(&vals[at[nd.a]], &vals[at[nd.b]])
				}
			}
			if v := vals[len(vals)-1]; !v.IsZero() {
				failures = append(failures, Failure{c.Name, row, v})
				found++
			}
		}
	}
	return failures
}

// reach returns the nodes that id depends on: operands before their users, and id last.
func (s *System) reach(id int32) []int32 {
	used := make([]bool, id+1)
	used[id] = true
	count := 0
	for i := id; i >= 0; i-- {
		if !used[i] {
			continue
		}
		count++
		if n := s.nodes[i]; n.op >= opAdd {
			used[n.a], used[n.b] = true, true
		}
	}
	out := make([]int32, 0, count)
	for i := range used {
		if used[i] {
			out = append(out, int32(i))
		}
	}
	return out
}

func (d Domain) contains(row, n uint64) bool {
	for _, r := range d.Exemptions {
		if r.contains(row, n) {
			return false
		}
	}
	for _, r := range d.On {
		if r.contains(row, n) {
			return true
		}
	}
	return false
}

func (r Rows) contains(row, n uint64) bool {
	period, offset := r.resolve(n)
	return row%period == offset
}

// resolve returns the class in a trace of n rows, with a period of at most n and an offset below the period.
func (r Rows) resolve(n uint64) (period, offset uint64) {
	if r.Period != 0 {
		return r.Period, uint64(r.Offset)
	}
	return n, uint64(r.Offset) & (n - 1)
}
