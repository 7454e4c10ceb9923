package cairoair

// ecdsa states that each instance holds a public key Q and a message z for which the prover knows a signature (r, w = 1/s): the
// x coordinate of w·(z·G + r·Q) is r. Partial sums start at the shift point (for z·G at its negative), so that no addition
// meets equal points. r and w are the selectors of two consecutive multiplications in the same columns. Whitepaper section
// 9.11.
func (b *builder) ecdsa(e *ECDSA) {
	const name = "ecdsa/signature0"
	keyRows := subsetSumRows * e.KeyX.Step
	instance := every(e.PubKey.Addr.Step)
	gx, gy := b.periodicPoints([][]point{generatorPoints()}, e.Generator.X.Step)

	x, y := b.at(e.KeyX, 0), b.at(e.KeyY, 0)
	b.doubling(name+"/doubling_key", e.KeyX, e.KeyY, e.DoublingSlope)

	// Multiplications: z·G - shift, and then r·Q + shift and w·B + shift.
	b.subsetSum(name+"/exponentiate_generator", &e.Generator, gx, gy, ecdsaBits)
	b.subsetSum(name+"/exponentiate_key", &e.Key, x, y, ecdsaBits)
	shiftX, shiftY := b.Element(shiftPoint.x), b.Element(shiftPoint.y)
	b.Constrain(name+"/init_gen/x", b.at(e.Generator.X, 0).Sub(shiftX), instance)
	b.Constrain(name+"/init_gen/y", b.at(e.Generator.Y, 0).Add(shiftY), instance)
	b.Constrain(name+"/init_key/x", b.at(e.Key.X, 0).Sub(shiftX), every(keyRows))
	b.Constrain(name+"/init_key/y", b.at(e.Key.Y, 0).Sub(shiftY), every(keyRows))

	// B = z·G + r·Q is the key of the second multiplication.
	const end = subsetSumRows - 1
	zx, zy := b.at(e.Generator.X, end), b.at(e.Generator.Y, end)
	rx, ry := b.at(e.Key.X, end), b.at(e.Key.Y, end)
	bx, by := b.at(e.KeyX, subsetSumRows), b.at(e.KeyY, subsetSumRows)
	add := b.at(e.AddResultsSlope, 0)
	b.Constrain(name+"/add_results/slope", zy.Sub(ry.Add(add.Mul(zx.Sub(rx)))), instance)
	b.Constrain(name+"/add_results/x", add.Square().Sub(zx.Add(rx).Add(bx)), instance)
	b.Constrain(name+"/add_results/y", zy.Add(by).Sub(add.Mul(zx.Sub(bx))), instance)
	b.Constrain(name+"/add_results/x_diff_inv", b.at(e.AddResultsInv, 0).Mul(zx.Sub(rx)).SubConst(1), instance)

	// w·B, without the shift, has x coordinate r.
	wx, wy := b.at(e.Key.X, subsetSumRows+end), b.at(e.Key.Y, subsetSumRows+end)
	extract := b.at(e.ExtractRSlope, 0)
	z, r := b.at(e.Generator.Selector, 0), b.at(e.Key.Selector, 0)
	b.Constrain(name+"/extract_r/slope", wy.Add(shiftY).Sub(extract.Mul(wx.Sub(shiftX))), instance)
	b.Constrain(name+"/extract_r/x", extract.Square().Sub(wx.Add(shiftX).Add(r)), instance)
	b.Constrain(name+"/extract_r/x_diff_inv", b.at(e.ExtractRInv, 0).Mul(wx.Sub(shiftX)).SubConst(1), instance)
	b.Constrain(name+"/z_nonzero", z.Mul(b.at(e.ZInv, 0)).SubConst(1), instance)
	b.Constrain(name+"/r_and_w_nonzero", r.Mul(b.at(e.RWInv, 0)).SubConst(1), every(keyRows))

	// Q is on the curve.
	qx2 := b.at(e.QXSquared, 0)
	b.Constrain(name+"/q_on_curve/x_squared", qx2.Sub(x.Square()), instance)
	b.Constrain(name+"/q_on_curve/on_curve",
		y.Square().Sub(x.Mul(qx2).Add(x.Mul(b.Element(curveAlpha))).Add(b.Element(curveBeta))), instance)

	b.Constrain("ecdsa/init_addr", b.at(e.PubKey.Addr, 0).Sub(b.value(initialECDSA)), first())
	b.Constrain("ecdsa/message_addr", b.follows(e.Message.Addr, 0, e.PubKey.Addr, 0), instance)
	b.Constrain("ecdsa/pubkey_addr", b.follows(e.PubKey.Addr, 1, e.Message.Addr, 0), instance.Exempt(last(e.PubKey.Addr.Step)))
	b.Constrain("ecdsa/message_value0", b.at(e.Message.Value, 0).Sub(z), instance)
	b.Constrain("ecdsa/pubkey_value0", b.at(e.PubKey.Value, 0).Sub(x), instance)
}

// doubling states that, in a list of subsetSumRows points, each point is twice the point before it.
func (b *builder) doubling(name string, vx, vy, vslope View) {
	rows := subsetSumRows * vx.Step
	inside := every(vx.Step).Exempt(rowsAt(rows, rows-vx.Step))
	x, y, slope := b.at(vx, 0), b.at(vy, 0), b.at(vslope, 0)
	nextX, nextY := b.at(vx, 1), b.at(vy, 1)
	x2 := x.Square()
	b.Constrain(name+"/slope", x2.Add(x2).Add(x2).Add(b.Element(curveAlpha)).Sub(y.Add(y).Mul(slope)), inside)
	b.Constrain(name+"/x", slope.Square().Sub(x.Add(x).Add(nextX)), inside)
	b.Constrain(name+"/y", y.Add(nextY).Sub(slope.Mul(x.Sub(nextX))), inside)
}
