package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// The Keccak component computes keccakAtOnce permutations in parallel: a cell of its state holds one bit of each, as a diluted
// value. A position of the state is bit k of lane (i, j), and its cells are the rounds. Positions are in order of j + 5i + 32k.
const (
	keccakAtOnce    = 16
	keccakRounds    = 24
	keccakRoundRows = 32 // number of cells of a position
	keccakLanes     = 25
	keccakLaneRows  = 32 // number of positions of one k
	keccakBits      = 64
	keccakWords     = 8 // number of field elements of a state
	keccakWordBits  = 200
	keccakSplit     = 8 // number of rounds in a part of a split column
)

// keccakRotations are the offsets of the rho step.
var keccakRotations = [5][5]int{
	{0, 1, 62, 28, 27}, {36, 44, 6, 55, 20}, {3, 10, 43, 25, 39}, {41, 45, 15, 21, 8}, {18, 2, 61, 56, 14},
}

// keccakRoundBit returns output t of the linear feedback register of FIPS 202, algorithm 5, which generates the round
// constants: bit 2^j - 1 of the constant of round r is output j + 7r.
func keccakRoundBit(t int) bool {
	r := 1
	for range t % 255 {
		r <<= 1
		if r&0x100 != 0 {
			r ^= 0x171
		}
	}
	return r&1 == 1
}

// Keccak holds the Keccak builtin.
type Keccak struct {
	InOut               Units // the eight words of an input and those of its output, alternating
	Intermediate, Final View  // the same words, grouped by permutation and then by component
	Cumulative          View  // prefixes of the bits of inputs and outputs, accumulated over permutations

	State, AfterThetaRhoPi View       // state before each round, and within it
	Parity                 [3][5]View // bits of the columns' sums: the parity and the carries
	Rotated                [5]View    // the parities, rotated by one bit
	ThetaAux               [5][5]View // carries of theta; those of (4, 1) to (4, 4) are in ThetaAuxSplit
	ThetaAuxSplit          [5][3]View // [j] for (4, j): rounds 0–7, 8–15, 16–23
	ChiAux0, ChiAux2       View       // low and high bit of chi's sums
}

// keccakDomain holds distances in rows: from a cell to the next, from a position to the next, from a bit to the next, and the
// period of the component. Below, (k, p, t) is cell t of position p of bit k.
type keccakDomain struct{ row, position, bit, period int }

func (k *Keccak) domain() keccakDomain {
	row := k.State.Step
	position := row * keccakRoundRows
	bit := position * keccakLaneRows
	return keccakDomain{row, position, bit, bit * keccakBits}
}

// some returns the rows of the bits, positions and cells in the given half-open ranges.
func (d keccakDomain) some(k0, k1, p0, p1, t0, t1 int) []air.Rows {
	var rows []air.Rows
	for k := k0; k < k1; k++ {
		for p := p0; p < p1; p++ {
			for t := t0; t < t1; t++ {
				rows = append(rows, rowsAt(d.period, k*d.bit+p*d.position+t*d.row))
			}
		}
	}
	return rows
}

// all returns the rows of every bit, for the positions and cells in the given half-open ranges.
func (d keccakDomain) all(p0, p1, t0, t1 int) []air.Rows {
	var rows []air.Rows
	for p := p0; p < p1; p++ {
		for t := t0; t < t1; t++ {
			rows = append(rows, rowsAt(d.bit, p*d.position+t*d.row))
		}
	}
	return rows
}

// cells returns the domain of cells 0 to t1-1 of every position. It chooses the shorter of two equivalent forms.
func (d keccakDomain) cells(t1 int) air.Domain {
	var in, out []air.Rows
	for t := range keccakRoundRows {
		if t < t1 {
			in = append(in, rowsAt(d.position, t*d.row))
		} else {
			out = append(out, rowsAt(d.position, t*d.row))
		}
	}
	if len(in) <= len(out) {
		return air.On(in...)
	}
	return every(d.row).Exempt(out...)
}

// bits returns the domain of the first rounds of position 0 in bits 0 to n-1. It chooses the shorter of two equivalent forms.
func (d keccakDomain) bits(n, rounds int) air.Domain {
	if n > keccakBits/2 {
		return air.On(d.all(0, 1, 0, rounds)...).Exempt(d.some(n, keccakBits, 0, 1, 0, rounds)...)
	}
	return air.On(d.some(0, n, 0, 1, 0, rounds)...)
}

// keccak states that each instance holds a state and its image under Keccak-f[1600].
func (b *builder) keccak(k *Keccak) {
	d := k.domain()
	step := k.InOut.Addr.Step
	b.Constrain("keccak/init_input_output_addr", b.at(k.InOut.Addr, 0).Sub(b.value(initialKeccak)), first())
	b.Constrain("keccak/addr_input_output_step", b.follows(k.InOut.Addr, 1, k.InOut.Addr, 0), every(step).Exempt(last(step)))
	b.keccakParse(k, d)
	b.keccakTheta(k, d)
	b.keccakChi(k, d)
}

// keccakParse states that the bits of inputs and outputs, diluted, are the state before the first round and after the last.
func (b *builder) keccakParse(k *Keccak, d keccakDomain) {
	const name = "keccak/keccak/parse_to_diluted"
	permutation := 2 * keccakWords * k.InOut.Addr.Step // number of rows of a permutation's words in InOut and Intermediate
	for n := range 2 {
		for w := range keccakWords {
			i := n*keccakWords + w
			b.Constrain(fmt.Sprintf("%s/reshape_intermediate%d_w%d", name, n, w),
				b.at(k.InOut.Value, i).Sub(b.at(k.Intermediate, i)), every(permutation))
		}
	}
	var words []air.Rows
	for w := range 2 * keccakWords {
		words = append(words, rowsAt(d.period, w*k.Final.Step))
	}
	for i := range keccakAtOnce {
		b.Constrain(fmt.Sprintf("%s/reshape_final%d", name, i),
			b.at(k.Intermediate, i*permutation/k.Intermediate.Step).Sub(b.at(k.Final, i*2*keccakWords)), air.On(words...))
	}

	// Cumulative cell (m, t) is the number that bits m and up of the input (t even) or output (t odd) of permutation t/2 form,
	// plus 2^dilutedSpacing times the same number of the permutation before it. Bit m of all permutations is at bit m%64,
	// position m/64.
	const both = 2 * keccakAtOnce
	at := func(m, t int) air.Expr { return b.at(k.Cumulative, t+both*(m%keccakBits*keccakLaneRows+m/keccakBits)) }
	b.Constrain(name+"/start_accumulation", at(keccakWords*keccakWordBits, 0), air.On(d.some(0, 1, 0, 1, 0, both)...))
	word := func(w, t int) air.Expr {
		return at(keccakWordBits*w, t).Sub(at(keccakWordBits*(w+1), t).Mul(b.Element(powerOfTwo(keccakWordBits))))
	}
	for w := range keccakWords {
		b.Constrain(fmt.Sprintf("%s/init_first_invocation%d", name, w),
			b.at(k.Final, w).Sub(word(w, 0)), air.On(d.some(0, 1, 0, 1, 0, 2)...))
		b.Constrain(fmt.Sprintf("%s/init_other_invocations%d", name, w),
			b.at(k.Final, 2*keccakWords+w).Add(word(w, 0).Scale(1<<dilutedSpacing)).Sub(word(w, 2)), air.On(d.some(0, 1, 0, 1, 0, both-2)...))
	}

	// The bit at a position: within a lane, the next bit is at the next k; at the end of a lane, it is at k = 0 of the next
	// lane.
	begin := View{k.State.Column, d.position, k.State.Offset}
	end := View{k.State.Column, d.position, k.State.Offset + keccakRounds*k.State.Step}
	const lastBit = keccakBits - 1
	across := func(t int) air.Expr { next := at(keccakBits, t); return at(lastBit, t).Sub(next.Add(next)) }
	within := func(t int) air.Expr { next := at(1, t); return at(0, t).Sub(next.Add(next)) }
	other := func(bit func(int) air.Expr) air.Expr { return bit(2).Sub(bit(0).Scale(1 << dilutedSpacing)).IsBit() }
	b.Constrain(name+"/extract_bit_first_invocation1", across(0).IsBit(), air.On(d.some(0, 1, 0, keccakLanes, 0, 2)...))
	b.Constrain(name+"/extract_bit_other_invocations1", other(across), air.On(d.some(0, 1, 0, keccakLanes, 0, both-2)...))
	lanes := air.On(d.some(0, 1, 0, keccakLanes, 0, 1)...)
	b.Constrain(name+"/to_diluted0_p1", across(both-2).Sub(b.at(begin, lastBit*keccakLaneRows)), lanes)
	b.Constrain(name+"/to_diluted1_p1", across(both-1).Sub(b.at(end, lastBit*keccakLaneRows)), lanes)
	// inside returns cells 0 to t1-1 of all bits but the last of each lane. The lane after the last one is a margin of zeros.
	inside := func(t1, lanes int) air.Domain {
		return d.cells(t1).Exempt(d.some(lastBit, keccakBits, 0, lanes, 0, t1)...).Exempt(d.all(lanes, keccakLaneRows, 0, t1)...)
	}
	b.Constrain(name+"/extract_bit_first_invocation0", within(0).IsBit(), inside(2, keccakLanes+1))
	b.Constrain(name+"/extract_bit_other_invocations0", other(within), inside(both-2, keccakLanes+1))
	b.Constrain(name+"/to_diluted0_p0", within(both-2).Sub(b.at(begin, 0)), inside(1, keccakLanes))
	b.Constrain(name+"/to_diluted1_p0", within(both-1).Sub(b.at(end, 0)), inside(1, keccakLanes))
}

// keccakCell returns the cell of a virtual column of the state at bit k of lane (i, j), round r.
func (b *builder) keccakCell(v View, i, j, k, r int) air.Expr {
	return b.at(v, r+keccakRoundRows*(j+5*i+keccakLaneRows*k))
}

// keccakTheta states the parities, and then theta, rho and pi in one step.
func (b *builder) keccakTheta(k *Keccak, d keccakDomain) {
	const name = "keccak/keccak"
	for j := range 5 {
		sum := b.keccakCell(k.State, 0, j, 0, 0)
		for i := 1; i < 5; i++ {
			sum = sum.Add(b.keccakCell(k.State, i, j, 0, 0))
		}
		carry := b.at(k.Parity[1][j], 0)
		b.Constrain(fmt.Sprintf("%s/parity%d", name, j),
			sum.Sub(b.at(k.Parity[0][j], 0).Add(carry).Add(carry).Add(b.at(k.Parity[2][j], 0).Scale(4))), d.bits(keccakBits, keccakRounds))
	}
	for j := range 5 {
		b.Constrain(fmt.Sprintf("%s/rotate_parity%d/n0", name, j),
			b.at(k.Rotated[j], 0).Sub(b.keccakCell(k.Parity[0][j], 0, 0, keccakBits-1, 0)), d.bits(1, keccakRounds))
		b.Constrain(fmt.Sprintf("%s/rotate_parity%d/n1", name, j),
			b.keccakCell(k.Rotated[j], 0, 0, 1, 0).Sub(b.at(k.Parity[0][j], 0)), d.bits(keccakBits-1, keccakRounds))
	}
	for i := range 5 {
		for j := range 5 {
			label := fmt.Sprintf("%s/theta_rho_pi_i%d_j%d", name, i, j)
			toI, toJ, by := (3*i+2*j)%5, i, keccakRotations[i][j]
			parts, rounds := []View{k.ThetaAux[toI][toJ]}, keccakRounds
			if toI == 4 && toJ > 0 {
				parts, rounds = k.ThetaAuxSplit[toJ][:], keccakSplit
			}
			// moved returns an expression that is zero if bit `from` of (i, j) moves to bit `to`, in part n of the rounds.
			moved := func(from, to, n int) air.Expr {
				r := n * keccakSplit
				sum := b.keccakCell(k.Parity[0][(j+4)%5], 0, 0, from, r).Add(b.keccakCell(k.Rotated[(j+1)%5], 0, 0, from, r)).
					Add(b.keccakCell(k.State, i, j, from, r))
				carry := b.keccakCell(parts[n], 0, 0, to, 0)
				return sum.Sub(b.keccakCell(k.AfterThetaRhoPi, toI, toJ, to, r).Add(carry).Add(carry))
			}
			if by == 0 {
				b.Constrain(label, moved(0, 0, 0), d.bits(keccakBits, rounds))
				continue
			}
			// First the bits that move up, then the bits that wrap around. In both cases the rows start at k = 0 and the cells
			// differ.
			for n := range parts {
				b.Constrain(fmt.Sprintf("%s/n%d", label, n), moved(0, by, n), d.bits(keccakBits-by, rounds))
			}
			for n := range parts {
				b.Constrain(fmt.Sprintf("%s/n%d", label, len(parts)+n), moved(keccakBits-by, 0, n), d.bits(by, rounds))
			}
		}
	}
}

// keccakChi states chi and iota. With bits x, y, z of lanes j, j+1, j+2, the new bit is the middle bit of the sum 2x + (1 - y)
// + z + 2·(round constant).
func (b *builder) keccakChi(k *Keccak, d keccakDomain) {
	const name = "keccak/keccak"
	mask := b.Const(dilutedMask)
	// chi returns the constraint for lane j relative to the row's lane, with the next lanes y and z (minus five if they wrap
	// around).
	chi := func(j, y, z, bit int) air.Expr {
		cell := func(v View, j, r int) air.Expr { return b.keccakCell(v, 0, j, bit, r) }
		x, next := cell(k.AfterThetaRhoPi, j, 0), cell(k.State, j, 1)
		sum := x.Add(x).Add(mask.Sub(cell(k.AfterThetaRhoPi, y, 0))).Add(cell(k.AfterThetaRhoPi, z, 0))
		return sum.Sub(cell(k.ChiAux0, j, 0).Add(next).Add(next).Add(cell(k.ChiAux2, j, 0).Scale(4)))
	}
	var constants []air.Rows // the bits that round constants can set
	for l := range 7 {
		bit := 1<<l - 1
		values := make([]field.Element, keccakRoundRows)
		for r := range values {
			if keccakRoundBit(l + 7*r) {
				values[r] = field.New(2 * dilutedMask)
			}
		}
		key := b.Periodic(values, uint64(k.State.Step))
		b.Constrain(fmt.Sprintf("%s/chi_iota%d", name, bit), chi(0, 1, 2, bit).Add(key), d.bits(1, keccakRounds))
		constants = append(constants, d.some(bit, bit+1, 0, 1, 0, keccakRounds)...)
	}
	lanes := func(js ...int) air.Domain { // lanes (i, j) for all i and the given j
		var rows []air.Rows
		for i := range 5 {
			for _, j := range js {
				rows = append(rows, d.all(5*i+j, 5*i+j+1, 0, keccakRounds)...)
			}
		}
		return air.On(rows...)
	}
	b.Constrain(name+"/chi0", chi(0, 1, 2, 0), lanes(0, 1, 2).Exempt(constants...))
	b.Constrain(name+"/chi1", chi(4, 0, 1, 0), lanes(0))
	b.Constrain(name+"/chi2", chi(3, 4, 0, 0), lanes(0))
}
