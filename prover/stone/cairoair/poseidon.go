package cairoair

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// The Hades permutation of Poseidon has four full rounds, partialRounds partial rounds, and four full rounds. The partial
// rounds are in two parts; the second part repeats the last three rounds of the first.
const (
	poseidonWidth = 3
	halfRounds    = 4
	partialRounds = 83
	poseidonRows  = 2 * halfRounds // number of cells of an instance in each column of the full rounds
	part0Rounds   = 64
	part1Rounds   = partialRounds - part0Rounds + poseidonWidth
	part1Rows     = 32
)

// poseidonKeys returns the constants that each round adds: number i is sha256("Hades" ‖ decimal i) modulo p.
var poseidonKeys = sync.OnceValue(func() (keys [2*halfRounds + partialRounds][poseidonWidth]field.Element) {
	for i := range poseidonWidth * len(keys) {
		digest := sha256.Sum256([]byte("Hades" + strconv.Itoa(i)))
		keys[i/poseidonWidth][i%poseidonWidth].SetBytes(digest[:])
	}
	return keys
})

// linear returns Σ factors[i]·keys[i].
func linear(factors []int64, keys ...field.Element) (sum field.Element) {
	for i := range keys {
		var f field.Element
		f.SetInt64(factors[i])
		f.Mul(&f, &keys[i])
		sum.Add(&sum, &f)
	}
	return sum
}

// partialKey returns the constant in the recurrence of the partial rounds that computes the element of round r+2 from those of
// the three rounds before it. A round maps (a, b, s) with t = s³ to (3a + b + t, a - b + t, a + b - 2t) + key. Eliminating a
// and b, which no partial round cubes, gives
//
//	s_{r+2} = 8·t_{r-1} + 4·s_r + 6·t_r + 2·s_{r+1} - 2·t_{r+1} + partialKey(r).
func partialKey(r int) field.Element {
	k := poseidonKeys()
	return linear([]int64{2, -2, -4, 1, 1, -2, 1}, k[r][0], k[r][1], k[r][2], k[r+1][0], k[r+1][1], k[r+1][2], k[r+2][2])
}

// poseidon states that each instance holds three felts and their image under the Hades permutation.
func (b *builder) poseidon(p *Poseidon) {
	keys := poseidonKeys()
	half := p.InOut[0].Addr.Step
	instance := every(2 * half)

	for i, u := range p.InOut {
		name := fmt.Sprintf("poseidon/param_%d", i)
		begin := b.value(initialPoseidon)
		if i > 0 {
			begin = begin.AddConst(uint64(i))
		}
		b.Constrain(name+"/init_input_output_addr", b.at(u.Addr, 0).Sub(begin), first())
		b.Constrain(name+"/addr_input_output_step", b.at(u.Addr, 1).Sub(b.at(u.Addr, 0).AddConst(poseidonWidth)), every(half).Exempt(last(half)))
	}

	// Squares, so that a cube has degree 2.
	const name = "poseidon/poseidon"
	full := every(p.Full[0].Step)
	for i := range p.Full {
		b.Constrain(fmt.Sprintf("%s/full_rounds_state%d_squaring", name, i), b.at(p.Full[i], 0).Square().Sub(b.at(p.FullSquared[i], 0)), full)
	}
	b.Constrain(name+"/partial_rounds_state0_squaring", b.at(p.Partial0, 0).Square().Sub(b.at(p.Partial0Squared, 0)), every(p.Partial0.Step))
	part1 := func(from int) air.Domain { // the rounds of part 1 before round from
		d := every(p.Partial1.Step)
		for i := from; i < part1Rows; i++ {
			d = d.Exempt(rowsAt(2*half, i*p.Partial1.Step))
		}
		return d
	}
	b.Constrain(name+"/partial_rounds_state1_squaring", b.at(p.Partial1, 0).Square().Sub(b.at(p.Partial1Squared, 0)), part1(part1Rounds))

	// Full rounds: the state includes the round's key.
	for i := range p.Full {
		b.Constrain(fmt.Sprintf("%s/add_first_round_key%d", name, i),
			b.at(p.InOut[i].Value, 0).Add(b.Element(keys[0][i])).Sub(b.at(p.Full[i], 0)), instance)
	}
	cube := func(i, round int) air.Expr { return b.at(p.Full[i], round).Mul(b.at(p.FullSquared[i], round)) }
	// mixed returns an expression that is zero if x is the round's cubes times row i of the MDS matrix ((3,1,1), (1,-1,1),
	// (1,1,-2)), plus key.
	mixed := func(i, round int, x air.Expr, key *air.Expr) air.Expr {
		c0, c1, c2 := cube(0, round), cube(1, round), cube(2, round)
		switch i {
		case 0:
			x = x.Sub(c0.Add(c0).Add(c0).Add(c1).Add(c2))
		case 1:
			x = x.Add(c1).Sub(c0.Add(c2))
		case 2:
			x = x.Add(c2).Add(c2).Sub(c0.Add(c1))
		}
		if key != nil {
			x = x.Sub(*key)
		}
		return x
	}
	rounds := full.Exempt(rowsAt(half, (halfRounds-1)*p.Full[0].Step))
	for i := range p.Full {
		next := make([]field.Element, poseidonRows) // the key of the next round, if that is a full round
		for r := range halfRounds - 1 {
			next[r], next[halfRounds+r] = keys[1+r][i], keys[halfRounds+partialRounds+1+r][i]
		}
		key := b.Periodic(next, uint64(p.Full[i].Step))
		b.Constrain(fmt.Sprintf("%s/full_round%d", name, i), mixed(i, 0, b.at(p.Full[i], 1), &key), rounds)
	}
	for i := range p.Full {
		b.Constrain(fmt.Sprintf("%s/last_full_round%d", name, i), mixed(i, poseidonRows-1, b.at(p.InOut[i].Value, 1), nil), instance)
	}

	// Partial rounds: s(j) is the cubed element of round j and t(j) its cube, with j relative to the start of a part.
	s0, t0 := func(j int) air.Expr { return b.at(p.Partial0, j) }, func(j int) air.Expr { return b.at(p.Partial0, j).Mul(b.at(p.Partial0Squared, j)) }
	s1, t1 := func(j int) air.Expr { return b.at(p.Partial1, j) }, func(j int) air.Expr { return b.at(p.Partial1, j).Mul(b.at(p.Partial1Squared, j)) }
	for i := range poseidonWidth {
		b.Constrain(fmt.Sprintf("%s/copy_partial_rounds0_i%d", name, i), s0(part0Rounds-poseidonWidth+i).Sub(s1(i)), instance)
	}
	// step returns 8·t_before + 4·s_j + 6·t_j + 2·s_{j+1} - 2·t_{j+1}.
	step := func(before air.Expr, s, t func(int) air.Expr, j int) air.Expr {
		return before.Scale(8).Add(s(j).Scale(4)).Add(t(j).Scale(6)).Add(s(j + 1)).Add(s(j + 1)).Sub(t(j + 1).Scale(2))
	}
	k := keys[halfRounds:]
	c1, c2 := cube(1, halfRounds-1), cube(2, halfRounds-1)
	key := b.Element(k[0][2])
	b.Constrain(name+"/margin_full_to_partial0", mixed(2, halfRounds-1, s0(0), &key), instance)
	b.Constrain(name+"/margin_full_to_partial1",
		s0(1).Sub(c2.Scale(10).Sub(c1.Scale(4)).Add(s0(0).Scale(4)).Sub(t0(0).Scale(2)).Add(b.Element(linear([]int64{1, 1, -4, 1}, k[0][0], k[0][1], k[0][2], k[1][2])))), instance)
	b.Constrain(name+"/margin_full_to_partial2", s0(2).Sub(step(c2, s0, t0, 0).Add(b.Element(partialKey(halfRounds)))), instance)

	part0 := every(p.Partial0.Step)
	key0, key1 := make([]field.Element, part0Rounds), make([]field.Element, part1Rows)
	for j := range part0Rounds - poseidonWidth {
		key0[j] = partialKey(halfRounds + 1 + j)
	}
	for j := range part1Rounds - poseidonWidth {
		key1[j] = partialKey(halfRounds + 1 + part0Rounds - poseidonWidth + j)
	}
	for j := part0Rounds - poseidonWidth; j < part0Rounds; j++ {
		part0 = part0.Exempt(rowsAt(2*half, j*p.Partial0.Step))
	}
	k0, k1 := b.Periodic(key0, uint64(p.Partial0.Step)), b.Periodic(key1, uint64(p.Partial1.Step))
	b.Constrain(name+"/partial_round0", s0(3).Sub(step(t0(0), s0, t0, 1).Add(k0)), part0)
	b.Constrain(name+"/partial_round1", s1(3).Sub(step(t1(0), s1, t1, 1).Add(k1)), part1(part1Rounds-poseidonWidth))

	// The first full round after the partial rounds: its three elements follow by the same elimination from the last three
	// partial rounds.
	const j = part1Rounds - poseidonWidth
	k = keys[halfRounds+partialRounds-2:] // keys of the last two partial rounds and of the full round
	full4 := func(i int) air.Expr { return b.at(p.Full[i], halfRounds) }
	b.Constrain(name+"/margin_partial_to_full0",
		full4(0).Sub(t1(j).Scale(16).Add(s1(j+1).Scale(8)).Add(t1(j+1).Scale(16)).Add(s1(j+2).Scale(6)).Add(t1(j+2)).
			Add(b.Element(linear([]int64{4, -4, -8, 3, 1, -6, 1}, k[0][0], k[0][1], k[0][2], k[1][0], k[1][1], k[1][2], k[2][0])))), instance)
	b.Constrain(name+"/margin_partial_to_full1",
		full4(1).Sub(t1(j+1).Scale(4).Add(s1(j+2)).Add(s1(j+2)).Add(t1(j+2)).
			Add(b.Element(linear([]int64{1, -1, -2, 1}, k[1][0], k[1][1], k[1][2], k[2][1])))), instance)
	b.Constrain(name+"/margin_partial_to_full2",
		full4(2).Sub(step(t1(j), s1, t1, j+1).Add(b.Element(partialKey(halfRounds+partialRounds-2)))), instance)
}
