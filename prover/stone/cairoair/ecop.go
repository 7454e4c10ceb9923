package cairoair

import "github.com/starkd/starkd/prover/stone/air"

// units returns the memory units of an instance in order of address.
func (e *ECOp) units() [7]Units { return [7]Units{e.PX, e.PY, e.QX, e.QY, e.M, e.RX, e.RY} }

// ecOp states that each instance holds p, q, m and r = p + m·q, computed as a subset sum of q's doublings that starts at p. The
// program must ensure that p and q are on the curve. If a partial sum has the x coordinate of the next doubling, there is no
// proof.
func (b *builder) ecOp(e *ECOp) {
	const name = "ec_op"
	instance := every(e.M.Addr.Step)
	cells := e.units()
	b.Constrain(name+"/init_addr", b.at(e.PX.Addr, 0).Sub(b.value(initialECOp)), first())
	b.Constrain(name+"/p_x_addr", b.at(e.PX.Addr, 1).Sub(b.at(e.PX.Addr, 0).AddConst(uint64(len(cells)))), instance.Exempt(last(e.M.Addr.Step)))
	for i, cell := range []string{"p_y", "q_x", "q_y", "m", "r_x", "r_y"} {
		b.Constrain(name+"/"+cell+"_addr", b.follows(cells[i+1].Addr, 0, cells[i].Addr, 0), instance)
	}

	qx, qy := b.at(e.DoubledX, 0), b.at(e.DoubledY, 0)
	b.doubling(name+"/doubling_q", e.DoubledX, e.DoubledY, e.Slope)
	b.Constrain(name+"/get_q_x", b.at(e.QX.Value, 0).Sub(qx), instance)
	b.Constrain(name+"/get_q_y", b.at(e.QY.Value, 0).Sub(qy), instance)

	s := &e.Multiple.Sum
	b.unpacking(name+"/ec_subset_sum/bit_unpacking", &e.Multiple, instance)
	b.subsetSum(name+"/ec_subset_sum", s, qx, qy, pedersenBits)
	const end = subsetSumRows - 1
	for _, c := range []struct {
		name string
		e    air.Expr
	}{
		{"get_m", b.at(s.Selector, 0).Sub(b.at(e.M.Value, 0))},
		{"get_p_x", b.at(e.PX.Value, 0).Sub(b.at(s.X, 0))},
		{"get_p_y", b.at(e.PY.Value, 0).Sub(b.at(s.Y, 0))},
		{"set_r_x", b.at(e.RX.Value, 0).Sub(b.at(s.X, end))},
		{"set_r_y", b.at(e.RY.Value, 0).Sub(b.at(s.Y, end))},
	} {
		b.Constrain(name+"/"+c.name, c.e, instance)
	}
}
