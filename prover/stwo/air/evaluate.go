package air

import "github.com/starkd/starkd/prover/stwo/m31"

// ring is a field in which a component's program can be evaluated.
type ring[E any] interface {
	Add(E) E
	Sub(E) E
	Mul(E) E
	Neg() E
}

// evaluate returns the value of each polynomial node. Nodes that exist only in witnesses have the value 0.
func evaluate[E ring[E]](c *Component, lift func(m31.M31) E, columns, preprocessed []E, parameter m31.M31, logSize int) []E {
	v := make([]E, len(c.nodes))
	for i, n := range c.nodes {
		switch n.op {
		case opConst:
			v[i] = lift(m31.M31(n.k))
		case opColumn:
			v[i] = columns[n.k]
		case opPreprocessed:
			v[i] = preprocessed[n.k]
		case opParameter:
			v[i] = lift(parameter)
		case opSize:
			v[i] = lift(m31.New(uint64(n.k) << logSize))
		case opAdd:
			v[i] = v[n.a].Add(v[n.b])
		case opSub:
			v[i] = v[n.a].Sub(v[n.b])
		case opMul:
			v[i] = v[n.a].Mul(v[n.b])
		case opNeg:
			v[i] = v[n.a].Neg()
		}
	}
	return v
}

// Mask is what a component's constraints are evaluated on: the values of its columns at one point.
type Mask struct {
	LogSize      int
	Parameter    m31.M31
	Columns      []m31.QM31
	Preprocessed []m31.QM31 // in the order of Component.Preprocessed
	// Interaction holds the interaction columns as elements of the secure field, one for each pair of lookups, and Previous the last of
	// them at the previous row.
	Interaction []m31.QM31
	Previous    m31.QM31
	Shift       m31.QM31 // the component's claimed sum divided by its number of rows
}

// Challenges are the two elements that the verifier draws for the LogUp argument.
type Challenges struct {
	Z     m31.QM31
	Alpha []m31.QM31 // powers of α from the power 0 on, MaxArity+1 of them
}

// MaxArity is the largest arity of a relation.
const MaxArity = 127

// NewChallenges returns the challenges z and α.
func NewChallenges(z, alpha m31.QM31) *Challenges {
	c := &Challenges{Z: z, Alpha: make([]m31.QM31, MaxArity+1)}
	c.Alpha[0] = m31.FromM31(1)
	for k := 1; k < len(c.Alpha); k++ {
		c.Alpha[k] = c.Alpha[k-1].Mul(alpha)
	}
	return c
}

// Evaluate calls yield with the value of each constraint, in order: those of the component, then those of LogUp.
func (c *Component) Evaluate(m *Mask, ch *Challenges, yield func(m31.QM31)) {
	v := evaluate(c, m31.FromM31, m.Columns, m.Preprocessed, m.Parameter, m.LogSize)
	for _, k := range c.Constraints {
		yield(v[k.expr])
	}
	c.logUpConstraints(v, m, ch, yield)
}
