package cairoair

import "github.com/starkd/starkd/prover/stone/air"

// rangeCheckParts is the number of 16-bit parts of a value of the range-check builtin.
const rangeCheckParts = 8

// rangeCheck states that every value of the pool is between range_check_min and range_check_max: the pool is a permutation of a
// list that starts at the minimum, ends at the maximum, and grows by 0 or 1. Whitepaper section 9.9.
func (b *builder) rangeCheck(r *RangeCheck) {
	z := b.value(rangeCheckZ)
	period := r.Pool.Step
	next, end := every(period).Exempt(last(period)), air.On(last(period))

	b.permutation("range_check16/perm", z, r.Pool, r.Sorted, r.Product)
	b.Constrain("range_check16/diff_is_bit", b.at(r.Sorted, 1).Sub(b.at(r.Sorted, 0)).IsBit(), next)
	b.Constrain("range_check16/minimum", b.at(r.Sorted, 0).Sub(b.value(rangeCheckMin)), first())
	b.Constrain("range_check16/maximum", b.at(r.Sorted, 0).Sub(b.value(rangeCheckMax)), end)
}

// permutation states that one virtual column is a permutation of another: Π (z - pool_i)/(z - sorted_i) = 1.
func (b *builder) permutation(name string, z air.Expr, pool, sorted, product View) {
	period := pool.Step
	p := func(i int) air.Expr { return b.at(product, i) }
	b.Constrain(name+"/init0", z.Sub(b.at(sorted, 0)).Mul(p(0)).Add(b.at(pool, 0)).Sub(z), first())
	b.Constrain(name+"/step0", z.Sub(b.at(sorted, 1)).Mul(p(1)).Sub(z.Sub(b.at(pool, 1)).Mul(p(0))), every(period).Exempt(last(period)))
	b.Constrain(name+"/last", p(0).SubConst(1), air.On(last(period)))
}

// rangeCheckBuiltin states that each value of the builtin's segment consists of eight values of the range-check pool.
func (b *builder) rangeCheckBuiltin(r *RangeCheckBuiltin) {
	period := r.Unit.Addr.Step
	value := b.at(r.Parts, 0)
	for i := 1; i < rangeCheckParts; i++ {
		value = value.Scale(1 << offsetBits).Add(b.at(r.Parts, i))
	}
	b.Constrain("range_check_builtin/value", value.Sub(b.at(r.Unit.Value, 0)), every(period))
	b.Constrain("range_check_builtin/addr_step", b.follows(r.Unit.Addr, 1, r.Unit.Addr, 0), every(period).Exempt(last(period)))
	b.Constrain("range_check_builtin/init_addr", b.at(r.Unit.Addr, 0).Sub(b.value(initialRangeCheck)), first())
}

// follows returns an expression that is zero if the address in cell i of v is one more than the address in cell j of w.
func (b *builder) follows(v View, i int, w View, j int) air.Expr {
	return b.at(v, i).Sub(b.at(w, j).AddConst(1))
}
