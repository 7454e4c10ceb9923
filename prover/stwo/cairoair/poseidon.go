package cairoair

import (
	"fmt"
	"slices"
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// poseidonComponents are poseidon_aggregator and what it calls. A permutation of three numbers (Poseidon's instance for three felts, "Hades")
// is a row of poseidon_aggregator, 8 rows of poseidon_full_round_chain and 27 of poseidon_3_partial_rounds_chain; each of its 107 cubes is a
// row of cube_252. Numbers are written as 10 limbs of 27 bits.
var poseidonComponents = []*Component{
	define("poseidon_aggregator", DistinctInputs, poseidonAggregator),
	define("poseidon_3_partial_rounds_chain", PassedInputs, poseidon3PartialRoundsChain),
	define("poseidon_full_round_chain", PassedInputs, poseidonFullRoundChain),
	define("cube_252", PassedInputs, cube252),
	fixedTable("poseidon_round_keys", 6, append([]string{"seq_6"}, numbered("poseidon_round_keys_%d", 3*packed252)...), roundKeysRelation),
	define("range_check_252_width_27", PassedInputs, rangeCheck252Width27),
}

// The relations of Poseidon's components.
var (
	// poseidonRelation holds the ids of a permutation's inputs and outputs.
	poseidonRelation = air.NewRelation("PoseidonAggregator", 6)
	// fullRoundChainRelation and partialRoundsChainRelation hold a chain's number, the number of a round, and the state before that round.
	fullRoundChainRelation     = air.NewRelation("PoseidonFullRoundChain", 2+3*packed252)
	partialRoundsChainRelation = air.NewRelation("Poseidon3PartialRoundsChain", 2+4*packed252)
	roundKeysRelation          = air.NewRelation("PoseidonRoundKeys", 1+3*packed252)
	cubeRelation               = air.NewRelation("Cube252", 2*packed252)            // x and x³
	packedRelation             = air.NewRelation("RangeCheck252Width27", packed252) // numbers whose limbs have 27 bits, the last one 9
)

// A permutation has 91 rounds. A round adds constants to the state (x, y, z), takes the cube of z, in rounds 0 to 3 and 87 to 90 (the full ones)
// those of x and y too, and multiplies by the matrix
//
//	3  1  1
//	1 -1  1
//	1  1 -2
//
// The components add the constants of the next round at the end of a round, so that a state is what the cubes are taken of. Chains count from
// row 0 to 35 of the round keys: rows 0 to 3 and 31 to 34 are full rounds, rows 4 to 30 three partial rounds each.
//
// In a partial round only z is not linear. Let z[n] be the z of round n and c[n] its cube, and (k, l, m)[n] the constants of round n. Then,
// without x and y,
//
//	z[n+3] = 8·c[n] + 4·z[n+1] + 6·c[n+1] + 2·z[n+2] - 2·c[n+2] + 2·h[n+3]
//	h[n+3] = (k[n+2] + l[n+2] + m[n+3])/2 + k[n+1] - l[n+1] - 2·m[n+1] - m[n+2]
//
// so that (c[n], z[n+1], c[n+1], z[n+2]) is the state of the chain of partial rounds.
const (
	halfFullRounds = 4
	partialRows    = 27
	partialRounds  = 83
)

// keyRows is the number of rows of poseidon_round_keys.
const keyRows = 2*halfFullRounds + partialRows

// weigh returns Σ factors[i]·x[i].
func weigh(factors []int, x ...felt.Felt) felt.Felt {
	var sum felt.Felt
	for i, f := range factors {
		t := felt.FromInt64(int64(f))
		t.Mul(&t, &x[i])
		sum.Add(&sum, &t)
	}
	return sum
}

// numbered returns n names made from a format.
func numbered(format string, n int) []string {
	names := make([]string, n)
	for k := range names {
		names[k] = fmt.Sprintf(format, k)
	}
	return names
}

// packLimbs returns a number of 28 limbs of 9 bits as 10 limbs of 27.
func packLimbs(limbs []air.Expr) []air.Expr {
	var packed []air.Expr
	for group := range slices.Chunk(limbs, packedBits/limbBits) {
		packed = append(packed, number(group))
	}
	return packed
}

// unpackLimbs adds columns for two of three limbs of 9 bits of a number of 10 limbs of 27, and returns its 28 limbs. Each third one is what
// is left.
func unpackLimbs(b *air.Builder, packed []air.Expr) []air.Expr {
	var limbs []air.Expr
	for k, p := range packed {
		if k == packed252-1 {
			return append(limbs, p)
		}
		low := b.Column(limbName("unpacked", len(limbs)), p.Bits(0, limbBits))
		mid := b.Column(limbName("unpacked", len(limbs)+1), p.Bits(limbBits, limbBits))
		high := p.Sub(low).Sub(mid.Times(1 << limbBits)).Times(inverseOfPower(2 * limbBits))
		limbs = append(limbs, low, mid, high)
	}
	return limbs
}

// cube252 states that a number and its cube modulo P are such.
func cube252() *air.Component {
	b, in := newCallee("cube_252", packed252)
	x := unpackLimbs(b, in)
	rangeCheckLimbs(b, x)
	cube := multiply(b, x, multiply(b, x, x))
	b.Yield(enablerColumn(b), cubeRelation, append(in, packLimbs(cube)...)...)
	return b.Build()
}

// rangeCheck252Width27 states that a number is written as limbs of 27 bits, of which the last one has 9. Two limbs are split in four parts:
// 18 bits, the high 9 bits of one, the low 9 bits of the other, 18 bits.
func rangeCheck252Width27() *air.Component {
	b, in := newCallee("range_check_252_width_27", packed252)
	const half = 2 * limbBits
	split := make([]air.Expr, packed252) // of even limbs the high part, of odd ones the low part
	for k := range packed252 - 1 {
		if k%2 == 0 {
			split[k] = b.Column(fmt.Sprintf("limb_%d_high_part", k), in[k].Bits(half, limbBits))
		} else {
			split[k] = b.Column(fmt.Sprintf("limb_%d_low_part", k), in[k].Bits(0, limbBits))
		}
	}
	split[packed252-1] = in[packed252-1]
	for k := 0; k < packed252; k += 2 {
		b.Use(rangeCheck9x9[k/2], split[k], split[k+1])
		b.Use(rangeCheck18[k/2%2], in[k].Sub(split[k].Times(1<<half)))
		if k+1 < packed252-1 {
			b.Use(rangeCheck18[0], in[k+1].Sub(split[k+1]).Times(inverseOfPower(limbBits)))
		}
	}
	b.Yield(enablerColumn(b), packedRelation, in...)
	return b.Build()
}

// combination adds columns with Σ factors[i]·numbers[i] modulo P, whose limbs are the witness, and returns its limbs. The column p_coef is the
// multiple of P that is subtracted; it and the carries between limbs lie between -n - 1 and p - 1, where n and p are the sums of the negative
// and the positive factors. The constraints are equations of integers, though they hold modulo 2^31 - 1, because n + p and the range of a carry
// are below 16, and 16·2^27 is 2^31.
func combination(b *air.Builder, factors []int, numbers [][]air.Expr, witness []air.Expr) []air.Expr {
	z := limbColumns(b, "combination", witness)
	bias, values := uint32(1), 1
	for _, f := range factors {
		if f < 0 {
			bias += uint32(-f)
		}
		values += max(f, -f)
	}
	// word returns limb j of the combination, not reduced, minus limb j of z.
	word := func(j int) air.Expr {
		w := b.Const(0)
		for i, f := range factors {
			if f < 0 {
				w = w.Sub(numbers[i][j].Times(uint32(-f)))
			} else {
				w = w.Add(numbers[i][j].Times(uint32(f)))
			}
		}
		return w.Sub(z[j])
	}
	// P is 1 modulo 2^27, so that the low bits of word 0 are the multiple.
	p := b.Column("p_coef", word(0).Plus(bias<<packedBits+bias).Bits(0, 16).Minus(bias))
	checked := []air.Expr{p}
	carry := b.Const(0)
	for j := range z {
		carry = carry.Add(word(j)).Sub(p.Times(packedPrime[j]))
		if j == packed252-1 {
			break
		}
		carry = carry.Times(inverseOfPower(packedBits))
		checked = append(checked, carry)
	}
	b.Constrain("the combination has no last carry", carry)

	// They are checked together, in tables of tuples as large as their range allows.
	check := func(r *air.Relation) {
		tuple := make([]air.Expr, r.Arity)
		for i := range tuple {
			tuple[i] = checked[i].Plus(bias)
		}
		checked = checked[r.Arity:]
		b.Use(r, tuple...)
	}
	switch {
	case values <= 3:
		for i, c := range checked {
			b.Constrain(fmt.Sprintf("carry %d of the combination is -1, 0 or 1", i), c.Mul(c).Mul(c).Sub(c))
		}
	case values <= 8:
		check(rangeCheck3x3x3x3x3)
		check(rangeCheck3x3x3x3x3)
	default:
		check(rangeCheck4x4x4x4)
		check(rangeCheck4x4x4x4)
		check(rangeCheck4x4)
	}
	return z
}

// packedPrime holds the limbs of 27 bits of P.
var packedPrime = [packed252]uint32{0: 1, 7: 136, 9: 256}

// useCube adds columns with the cube of a packed number, whose limbs are the witness, and returns them.
func useCube(b *air.Builder, x, witness []air.Expr) []air.Expr {
	cube := limbColumns(b, "cube_252_output", witness)
	b.Use(cubeRelation, slices.Concat(x, cube)...)
	return cube
}

// numbersOf cuts words into packed numbers.
func numbersOf(words []air.Expr) [][]air.Expr { return slices.Collect(slices.Chunk(words, packed252)) }

// fullRoundFactors are the rows of the matrix, each with the factor 1 of the key.
var fullRoundFactors = [][]int{{3, 1, 1, 1}, {1, -1, 1, 1}, {1, 1, -2, 1}}

// roundChain is a chain of rounds: a component with a row for each step.
type roundChain struct {
	name     string
	numbers  int // of a state
	relation *air.Relation
	round    *air.Function                           // from a row number of the round keys and a state
	next     func(outputs [][]air.Expr) [][]air.Expr // the next state, of the numbers that round computes
}

var (
	fullChain = &roundChain{"poseidon_full_round_chain", 3, fullRoundChainRelation, fullRoundOf,
		func(o [][]air.Expr) [][]air.Expr { return o[6:] }}
	partialChain = &roundChain{"poseidon_3_partial_rounds_chain", 4, partialRoundsChainRelation, partialRoundsOf,
		func(o [][]air.Expr) [][]air.Expr { return [][]air.Expr{o[6], o[8], o[9], o[11]} }}
)

// begin begins the component. It returns the words of its input, which are the chain's number, a row number of the round keys and a state, the
// state, and the numbers that round computes.
func (c *roundChain) begin() (b *air.Builder, in []air.Expr, state, outputs [][]air.Expr) {
	b, in = newCallee(c.name, 2+c.numbers*packed252)
	return b, in, numbersOf(in[2:]), numbersOf(b.Compute(c.round, in[1:]...))
}

// finish adds the enabler and the step from the input to the next row, with the given state.
func (c *roundChain) finish(b *air.Builder, in []air.Expr, state [][]air.Expr) *air.Component {
	enabler := enablerColumn(b)
	b.UseTimes(enabler, c.relation, in...)
	b.Yield(enabler, c.relation, slices.Concat([]air.Expr{in[0], in[1].Plus(1)}, slices.Concat(state...))...)
	return b.Build()
}

// poseidonFullRoundChain has a row for each full round.
func poseidonFullRoundChain() *air.Component {
	b, in, state, round := fullChain.begin()
	terms := make([][]air.Expr, 3)
	for i, x := range state {
		terms[i] = useCube(b, x, round[i])
	}
	keys := limbColumns(b, "poseidon_round_keys_output", slices.Concat(round[3:6]...))
	b.Use(roundKeysRelation, append([]air.Expr{in[1]}, keys...)...)
	next := make([][]air.Expr, 3)
	for i, key := range numbersOf(keys) {
		next[i] = combination(b, fullRoundFactors[i], append(slices.Clone(terms), key), round[6+i])
	}
	return fullChain.finish(b, in, next)
}

// partialRoundFactors give half of z[n+3] from c[n], z[n+1], c[n+1], z[n+2], c[n+2] and h[n+3].
var partialRoundFactors = []int{4, 2, 3, 1, -1, 1}

// poseidon3PartialRoundsChain has a row for three partial rounds.
func poseidon3PartialRoundsChain() *air.Component {
	b, in, state, round := partialChain.begin()
	keys := limbColumns(b, "poseidon_round_keys_output", slices.Concat(round[:3]...))
	b.Use(roundKeysRelation, append([]air.Expr{in[1]}, keys...)...)
	for i, key := range numbersOf(keys) {
		witness := round[3+3*i:]
		cube := useCube(b, state[3], witness[0])
		half := combination(b, partialRoundFactors, append(slices.Clone(state), cube, key), witness[1])
		b.Use(packedRelation, half...)
		z := combination(b, []int{2}, [][]air.Expr{half}, witness[2])
		state = [][]air.Expr{state[2], state[3], cube, z}
	}
	return partialChain.finish(b, in, state)
}

// poseidonAggregator has a row for each distinct six ids of a permutation's inputs and outputs. It starts the chains and takes their ends.
func poseidonAggregator() *air.Component {
	b := air.NewBuilder("poseidon_aggregator", 7)
	ids := inputColumns(b, 6)
	row := b.RowNumber()
	constants := poseidon.RoundConstants()

	state := make([][]air.Expr, 3)
	for i, id := range ids[:3] {
		limbs := limbsOf(b, "value", id, limbs252)
		b.Use(memoryIDToValue, append([]air.Expr{id}, limbs...)...)
		state[i] = packLimbs(limbs)
	}
	combine := func(factors []int, numbers ...[]air.Expr) []air.Expr {
		witness := b.Compute(combinationOf(factors), slices.Concat(numbers...)...)
		return combination(b, factors, numbers, witness)
	}
	for i := range state {
		state[i] = combine([]int{1, 1}, state[i], constantLimbs(b, constants[0][i], packed252))
	}
	// run yields the start of a chain at row from of the round keys, passes each row to its component, and uses its end.
	run := func(c *roundChain, number air.Expr, from, to int, state ...[]air.Expr) [][]air.Expr {
		tuple := func(row int, words []air.Expr) []air.Expr {
			return append([]air.Expr{number, b.Const(uint32(row))}, words...)
		}
		words := slices.Concat(state...)
		b.Yield(b.Const(1), c.relation, tuple(from, words)...)
		for k := from; k < to; k++ {
			in := tuple(k, words)
			b.Feed(c.name, in...)
			words = slices.Concat(c.next(numbersOf(b.Compute(c.round, in[1:]...)))...)
		}
		words = limbColumns(b, c.name+"_output", words)
		b.UseTimes(b.Const(1), c.relation, tuple(to, words)...)
		return numbersOf(words)
	}
	const partial, last = halfFullRounds, halfFullRounds + partialRows
	state = run(fullChain, row.Times(2), 0, partial, state...)

	// From (x, y, z) of round 4 to the state of the partial rounds: z[5] and z[6], with the constants of rounds 5 and 6.
	x, y, z := state[0], state[1], state[2]
	b.Use(packedRelation, x...)
	b.Use(packedRelation, y...)
	c4 := useCube(b, z, b.Compute(cubeOf, z...))
	k := constants[halfFullRounds+1:]
	z5 := combine([]int{1, 1, -2, 1}, x, y, c4, constantLimbs(b, k[0][2], packed252))
	c5 := useCube(b, z5, b.Compute(cubeOf, z5...))
	z6 := combine([]int{4, 2, -2, 1}, x, c4, c5, constantLimbs(b, weigh([]int{1, 1, 1}, k[0][0], k[0][1], k[1][2]), packed252))
	state = run(partialChain, row, partial, last, c4, z5, c5, z6)

	// From c[85], z[86], c[86] and z[87] back to (x, y, z) of round 87.
	k = constants[halfFullRounds+partialRounds-1:]
	y = combine([]int{4, 2, 1, 1}, state[0], state[1], state[2], constantLimbs(b, weigh([]int{1, 1, -1, -2}, k[1][1], k[0][0], k[0][1], k[0][2]), packed252))
	x = combine([]int{4, 2, 1, 1}, state[2], state[3], y, constantLimbs(b, weigh([]int{1, -1, -2}, k[1][0], k[1][1], k[1][2]), packed252))
	state = run(fullChain, row.Times(2).Plus(1), last, keyRows, x, y, state[3])
	for i, id := range ids[3:] {
		b.Use(memoryIDToValue, append([]air.Expr{id}, unpackLimbs(b, state[i])...)...)
	}
	b.Yield(b.Column("multiplicity_0", b.Input(6)), poseidonRelation, ids...)
	return b.Build()
}

// poseidonBuiltin states that the six cells of an instance are the inputs and outputs of a permutation.
func poseidonBuiltin() *air.Component {
	b, address := newBuiltin("poseidon_builtin", 6)
	ids := make([]air.Expr, 6)
	for k := range ids {
		ids[k] = readID(b, fmt.Sprintf("%s_state_%d_id", []string{"input", "output"}[k/3], k%3), address.Plus(uint32(k)))
	}
	b.Use(poseidonRelation, ids...)
	return b.Build()
}

// keyNumbers are the round keys in all 16 rows of a group.
var keyNumbers = sync.OnceValue(func() *[keyRows][3]wide.Felts {
	numbers := new([keyRows][3]wide.Felts)
	for row, keys := range preprocessed.PoseidonKeys() {
		for i, key := range keys {
			numbers[row][i] = wide.Constant(key)
		}
	}
	return numbers
})

// loadKeys sets z to key i of the given rows of the round keys.
func loadKeys(z *wide.Felts, i int, rounds []m31.M31) {
	keys := keyNumbers()
	*z = keys[rounds[0]][i]
	for row, round := range rounds {
		if round != rounds[0] {
			for k := range z {
				z[k][row] = keys[round][i][k][row]
			}
		}
	}
}

// fullRoundOf computes, from a row number of the round keys and a state, the cubes of the state, the keys and the next state.
var fullRoundOf = &air.Function{Name: "full round", In: 1 + 3*packed252, Out: 9 * packed252, Partial: true,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		cubes, x, z := s.felts[0][:3], &s.felts[1][0], &s.felts[1][1]
		number := func(i int) [][]m31.M31 { return out[packed252*i:][:packed252] }
		for row := 0; row < rows; row += wide.Rows {
			for i := range cubes {
				s.loadPacked(x, in[1+packed252*i:], row)
				s.cube(&cubes[i], x, z)
				s.storePacked(number(i), row, &cubes[i])
			}
			for i, factors := range fullRoundFactors {
				loadKeys(z, i, in[0][row:row+wide.Rows])
				s.storePacked(number(3+i), row, z)
				for k := range cubes {
					*x = cubes[k]
					addTimes(z, factors[k], x)
				}
				s.storePacked(number(6+i), row, z)
			}
		}
	})}

// partialRoundsOf computes, from a row number of the round keys and a state of the partial rounds, the three keys, and then for each of three
// rounds the cube, half of the next z, and the next z.
var partialRoundsOf = &air.Function{Name: "partial rounds", In: 1 + 4*packed252, Out: 12 * packed252, Partial: true,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		state, x, z, c := s.felts[0][:4], &s.felts[1][0], &s.felts[1][1], &s.felts[1][2]
		number := func(i int) [][]m31.M31 { return out[packed252*i:][:packed252] }
		for row := 0; row < rows; row += wide.Rows {
			for i := range state {
				s.loadPacked(&state[i], in[1+packed252*i:], row)
			}
			for i := range 3 {
				loadKeys(z, i, in[0][row:row+wide.Rows])
				s.storePacked(number(i), row, z)
				s.cube(c, &state[3], x)
				s.storePacked(number(3+3*i), row, c)
				for k := range state {
					*x = state[k]
					addTimes(z, partialRoundFactors[k], x)
				}
				z.Sub(z, c)
				s.storePacked(number(4+3*i), row, z)
				z.Add(z, z)
				s.storePacked(number(5+3*i), row, z)
				state[0], state[1], state[2], state[3] = state[2], state[3], *c, *z
			}
		}
	})}
