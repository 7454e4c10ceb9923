package cairoair

import "github.com/starkd/starkd/prover/stone/air"

// memory states that memory is read-only and contiguous: the accesses of the pool are a permutation of a list in which
// addresses start at 1, grow by 0 or 1, and keep their value while the address is the same. Public memory is (0, 0) in the
// pool; the final product of the permutation accounts for it. Whitepaper section 9.7.
func (b *builder) memory(m *Memory) {
	z, alpha := b.value(memoryZ), b.value(memoryAlpha)
	pair := func(u Units, i int) air.Expr { return b.at(u.Addr, i).Add(alpha.Mul(b.at(u.Value, i))) }
	product := func(i int) air.Expr { return b.at(m.Product, i) }
	period := m.Pool.Addr.Step
	next, end := every(period).Exempt(last(period)), air.On(last(period))

	b.Constrain("memory/multi_column_perm/perm/init0", z.Sub(pair(m.Sorted, 0)).Mul(product(0)).Add(pair(m.Pool, 0)).Sub(z), first())
	b.Constrain("memory/multi_column_perm/perm/step0",
		z.Sub(pair(m.Sorted, 1)).Mul(product(1)).Sub(z.Sub(pair(m.Pool, 1)).Mul(product(0))), next)
	b.Constrain("memory/multi_column_perm/perm/last", product(0).Sub(b.value(memoryProduct)), end)
	diff := b.at(m.Sorted.Addr, 1).Sub(b.at(m.Sorted.Addr, 0))
	b.Constrain("memory/diff_is_bit", diff.IsBit(), next)
	b.Constrain("memory/is_func", diff.SubConst(1).Mul(b.at(m.Sorted.Value, 0).Sub(b.at(m.Sorted.Value, 1))), next)
	b.Constrain("memory/initial_addr", b.at(m.Sorted.Addr, 0).SubConst(1), first())

	public := every(m.Public.Addr.Step)
	b.Constrain("public_memory_addr_zero", b.at(m.Public.Addr, 0), public)
	b.Constrain("public_memory_value_zero", b.at(m.Public.Value, 0), public)
}
