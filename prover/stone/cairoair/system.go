package cairoair

import (
	"sync"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// Names of the run-time values of a statement: first the interaction elements, in the order in which the verifier draws them,
// then the values that follow from the public input.
const (
	memoryZ           = "memory/multi_column_perm/perm/interaction_elm"
	memoryAlpha       = "memory/multi_column_perm/hash_interaction_elm0"
	rangeCheckZ       = "range_check16/perm/interaction_elm"
	dilutedPermZ      = "diluted_check/permutation/interaction_elm"
	dilutedZ          = "diluted_check/interaction_z"
	dilutedAlpha      = "diluted_check/interaction_alpha"
	dilutedFinal      = "diluted_check/final_cum_val"
	memoryProduct     = "memory/multi_column_perm/perm/public_memory_prod"
	initialAP         = "initial_ap"
	finalAP           = "final_ap"
	initialPC         = "initial_pc"
	finalPC           = "final_pc"
	rangeCheckMin     = "range_check_min"
	rangeCheckMax     = "range_check_max"
	initialPedersen   = "initial_pedersen_addr"
	initialRangeCheck = "initial_range_check_addr"
	initialECDSA      = "initial_ecdsa_addr"
	initialBitwise    = "initial_bitwise_addr"
	initialECOp       = "initial_ec_op_addr"
	initialKeccak     = "initial_keccak_addr"
	initialPoseidon   = "initial_poseidon_addr"
)

// challenges returns the number of interaction elements.
func (l *Layout) challenges() int {
	if l.Diluted != nil {
		return 6
	}
	return 3
}

// systems builds the constraint system of each layout on first use.
var systems = func() map[*Layout]func() *air.System {
	m := map[*Layout]func() *air.System{}
	for _, l := range layouts {
		m[l] = sync.OnceValue(func() *air.System { return build(l) })
	}
	return m
}()

// System returns the layout's constraints.
func (l *Layout) System() *air.System { return systems[l]() }

// builder is an air.Builder with virtual columns and named run-time values.
type builder struct {
	*air.Builder
	named map[string]air.Expr
}

// build states the constraints of a layout. The order of the lines is the order of the constraints in Stone.
func build(l *Layout) *air.System {
	b := &builder{air.NewBuilder(l.Main, l.Interaction, l.challenges()), map[string]air.Expr{}}
	b.cpu(&l.CPU)
	b.memory(&l.Memory)
	b.rangeCheck(&l.RangeCheck)
	if l.Diluted != nil {
		b.diluted(l.Diluted)
	}
	if l.Pedersen != nil {
		b.pedersen(l.Pedersen)
	}
	if l.RangeCheckBuiltin != nil {
		b.rangeCheckBuiltin(l.RangeCheckBuiltin)
	}
	if l.ECDSA != nil {
		b.ecdsa(l.ECDSA)
	}
	if l.Bitwise != nil {
		b.bitwise(l.Bitwise)
	}
	if l.ECOp != nil {
		b.ecOp(l.ECOp)
	}
	if l.Keccak != nil {
		b.keccak(l.Keccak)
	}
	if l.Poseidon != nil {
		b.poseidon(l.Poseidon)
	}
	return b.Build()
}

// at returns the i-th cell of a virtual column, relative to row 0 of the component's instance.
func (b *builder) at(v View, i int) air.Expr { return b.Cell(v.Column, v.Row(i)) }

// value returns the run-time value with this name.
func (b *builder) value(name string) air.Expr {
	e, ok := b.named[name]
	if !ok {
		e = b.Value(name)
		b.named[name] = e
	}
	return e
}

// bit returns bit i of a virtual column in which cell i+1 holds cell i shifted right by one.
func (b *builder) bit(v View, i int) air.Expr {
	next := b.at(v, i+1)
	return b.at(v, i).Sub(next.Add(next))
}

// every returns the rows that are multiples of period, first the row 0, and last the last multiple of period.
func every(period int) air.Domain { return air.On(air.Every(uint64(period))) }

func first() air.Domain { return air.On(air.Row(0)) }

func last(period int) air.Rows { return air.Row(-int64(period)) }

// rowsAt returns the rows offset, offset+period, ….
func rowsAt(period, offset int) air.Rows { return air.RowsAt(uint64(period), int64(offset)) }

// powerOfTwo returns 2^k as a field element.
func powerOfTwo(k int) field.Element { return field.Pow(field.New(2), uint64(k)) }
