package cairoair

import (
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// blakeComponents are the components of the Blake2s opcodes: blake_compress_opcode and what it calls.
var blakeComponents = []*Component{
	define("blake_compress_opcode", OpcodeStates, blakeCompressOpcode),
	define("blake_round", PassedInputs, blakeRound),
	define("blake_g", PassedInputs, blakeG),
	fixedTable("blake_round_sigma", 4, sigmaColumns(), blakeSigma),
	define("triple_xor_32", PassedInputs, tripleXor32),
}

// The relations of Blake2s (RFC 7693). A tuple of blakeRounds is a chain, a number of rounds, the 16 words v of the work vector after these
// rounds, and the address of the message: a chain begins with round 0 at the opcode, each row of blake_round takes it one round further,
// and it ends with round 10 at the opcode. blakeMix is the function G, with (a, b, c, d), the two words of the message, and the new
// (a, b, c, d). blakeSigma is a round and its permutation of the message. tripleXor is (x, y, z, x ^ y ^ z).
var (
	blakeRounds = air.NewRelation("BlakeRound", 35)
	blakeMix    = air.NewRelation("BlakeG", 20)
	blakeSigma  = air.NewRelation("BlakeRoundSigma", 17)
	tripleXor   = air.NewRelation("TripleXor32", 8)
)

const blakeRoundCount = 10

// blakeIV is the initial value of Blake2s.
var blakeIV = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// sigmaColumns returns the preprocessed columns of a round and its permutation. Rounds 10 to 15 do not exist, and have that of round 0.
func sigmaColumns() []string {
	columns := []string{"seq_4"}
	for k := range 16 {
		columns = append(columns, fmt.Sprintf("blake_sigma_%d", k))
	}
	return columns
}

// mixed are the words of the work vector that the eight calls of G of a round take: columns, then diagonals.
var mixed = [8][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}, {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}

// blakeCompressOpcode returns the component of one compression of Blake2s. The instruction gives
//
//	[op0 address]  the address of the 8 words h of the state
//	[op1 address]  the address of the 16 words of the message
//	[ap]           the address of the 8 words of the new state
//	[dst address]  the number t of bytes until now, a word
//
// and the extension says whether the block is the last.
func blakeCompressOpcode() *air.Component {
	b, s := newOpcode("blake_compress_opcode")
	in := decode(b, s.pc, pattern{free: []int{dstBaseFP, op0BaseFP, op1BaseFP, apUpdateAdd1}, op1FromAP: true, extended: true})
	const block, lastBlock = 1, 2
	b.Constrain("the extension is one of Blake2s", in.extension.Minus(block).Mul(in.extension.Minus(lastBlock)))
	last := in.extension.Minus(block)

	statePointer := readAddress(b, "op0", s.op0(b, in))
	messagePointer := readAddress(b, "op1", s.op1(b, in))
	resultPointer := readAddress(b, "ap", s.ap)
	t := readWord(b, "dst_id", s.dst(b, in))
	var h [8]word
	for k := range h {
		h[k] = readWord(b, fmt.Sprintf("state_%d_id", k), statePointer.Plus(uint32(k)))
	}

	// The work vector is h, then the initial value with t in word 12 and all bits of word 14 inverted in the last block.
	v := h[:]
	for _, iv := range blakeIV {
		v = append(v, constWord(b, iv))
	}
	v[12] = xorConstant(b, t, blakeIV[4])
	inverted := constWord(b, ^blakeIV[6])
	v[14] = word{v[14].low.Add(last.Mul(inverted.low.Sub(v[14].low))), v[14].high.Add(last.Mul(inverted.high.Sub(v[14].high)))}

	// Rounds. The chain's number is the number of the row.
	chain := b.RowNumber()
	begin := append(halves(v...), messagePointer)
	states := b.Compute(allRounds, begin...)
	end := make([]air.Expr, len(begin))
	for k := range end {
		witness := messagePointer
		if k < 32 {
			witness = states[32*(blakeRoundCount-1)+k]
		}
		end[k] = b.Column(fmt.Sprintf("blake_round_output_limb_%d", k), witness)
	}
	b.Yield(b.Const(1), blakeRounds, append([]air.Expr{chain, b.Const(0)}, begin...)...)
	b.UseTimes(b.Const(1), blakeRounds, append([]air.Expr{chain, b.Const(blakeRoundCount)}, end...)...)
	for r := range blakeRoundCount {
		before := begin[:32]
		if r > 0 {
			before = states[32*(r-1) : 32*r]
		}
		row := append([]air.Expr{chain, b.Const(uint32(r))}, before...)
		b.Feed("blake_round", append(row, messagePointer)...)
	}

	// The new state is h ^ v[0 to 7] ^ v[8 to 15].
	v = words(end[:32])
	var arguments [8][]air.Expr
	var result [8]word
	for k := range result {
		arguments[k] = halves(v[k], v[k+8], h[k])
		x := b.Compute(xorOfThree, arguments[k]...)
		result[k] = word{b.Column("triple_xor_32_output_limb_0", x[0]), b.Column("triple_xor_32_output_limb_1", x[1])}
	}
	for k := range result {
		b.UseTimes(b.Const(1), tripleXor, append(arguments[k][:6:6], halves(result[k])...)...)
		b.Feed("triple_xor_32", arguments[k]...)
	}
	for k := range result {
		verifyWord(b, fmt.Sprintf("new_state_%d_id", k), resultPointer.Plus(uint32(k)), result[k])
	}
	return finish(b, s, s.next(in))
}

// xorConstant adds columns with the bytes of w ^ c, and returns w ^ c.
func xorConstant(b *air.Builder, w word, c uint32) word {
	low, high := splitHalf(b, w.low, 8), splitHalf(b, w.high, 8)
	var x [4]air.Expr
	for k, piece := range []air.Expr{low[0], low[1], high[0], high[1]} {
		x[k] = xorColumn(b, xor8[0], piece, b.Const(c>>(8*k)&0xff))
	}
	return word{x[0].Add(x[1].Times(1 << 8)), x[2].Add(x[3].Times(1 << 8))}
}

// allRounds computes the work vector after each round, from the one before the first and the address of the message.
var allRounds = &air.Function{Name: "rounds of Blake2s", In: 33, Out: 32 * blakeRoundCount, Eval: func(env any, in, out [][]m31.M31) {
	memory := env.(*memory)
	var v, message [16]uint32
	for i := range in[0] {
		for k := range v {
			v[k] = join(in[2*k][i], in[2*k+1][i])
		}
		for k := range message {
			message[k] = wordAt(memory, memory.ID(in[32][i].Add(m31.M31(k))))
		}
		for r := range blakeRoundCount {
			for g, w := range mixed {
				v[w[0]], v[w[1]], v[w[2]], v[w[3]] = mix(v[w[0]], v[w[1]], v[w[2]], v[w[3]], message[blake.Sigma[r][2*g]], message[blake.Sigma[r][2*g+1]])
			}
			o := out[32*r : 32*(r+1)]
			for k := range v {
				o[2*k][i], o[2*k+1][i] = halve(v[k])
			}
		}
	}
}}

// mix computes the function G of Blake2s.
func mix(a, b, c, d, m0, m1 uint32) (uint32, uint32, uint32, uint32) {
	a += b + m0
	d = bits.RotateLeft32(d^a, -16)
	c += d
	b = bits.RotateLeft32(b^c, -12)
	a += b + m1
	d = bits.RotateLeft32(d^a, -8)
	c += d
	b = bits.RotateLeft32(b^c, -7)
	return a, b, c, d
}

// blakeRound returns the component of one round of Blake2s: a row takes a chain from some round to the next.
func blakeRound() *air.Component {
	b, in := newCallee("blake_round", 35)
	chain, round, v, messagePointer := in[0], in[1], words(in[2:34]), in[34]

	permutation := b.Compute(sigmaOf, round)
	for k := range permutation {
		permutation[k] = b.Column(fmt.Sprintf("blake_round_sigma_output_limb_%d", k), permutation[k])
	}
	b.Use(blakeSigma, append([]air.Expr{round}, permutation...)...)
	var message [16]word
	for k := range message {
		message[k] = readWord(b, fmt.Sprintf("message_word_%d_id", k), messagePointer.Add(permutation[k]))
	}

	for g, w := range mixed {
		arguments := halves(v[w[0]], v[w[1]], v[w[2]], v[w[3]], message[2*g], message[2*g+1])
		results := b.Compute(mixOf, arguments...)
		for k := range results {
			results[k] = b.Column(fmt.Sprintf("blake_g_output_limb_%d", k), results[k])
		}
		b.UseTimes(b.Const(1), blakeMix, append(arguments[:12:12], results...)...)
		b.Feed("blake_g", arguments...)
		for k, x := range words(results) {
			v[w[k]] = x
		}
	}

	enabler := enablerColumn(b)
	b.UseTimes(enabler, blakeRounds, in...)
	next := append([]air.Expr{chain, round.Plus(1)}, halves(v...)...)
	b.Yield(enabler, blakeRounds, append(next, messagePointer)...)
	return b.Build()
}

// sigmaOf computes the permutation of the message words of a round.
var sigmaOf = &air.Function{Name: "permutation of Blake2s", In: 1, Out: 16, Eval: func(_ any, in, out [][]m31.M31) {
	for i, round := range in[0] {
		for k, w := range blake.Sigma[round] {
			out[k][i] = m31.M31(w)
		}
	}
}}

// mixOf computes G.
var mixOf = &air.Function{Name: "G of Blake2s", In: 12, Out: 8, Eval: func(_ any, in, out [][]m31.M31) {
	for i := range in[0] {
		var w [6]uint32
		for k := range w {
			w[k] = join(in[2*k][i], in[2*k+1][i])
		}
		w[0], w[1], w[2], w[3] = mix(w[0], w[1], w[2], w[3], w[4], w[5])
		for k := range 4 {
			out[2*k][i], out[2*k+1][i] = halve(w[k])
		}
	}
}}

// blakeG returns the component of the function G of Blake2s.
func blakeG() *air.Component {
	b, in := newCallee("blake_g", 12)
	w := words(in)
	va, vb, vc, vd, m0, m1 := w[0], w[1], w[2], w[3], w[4], w[5]
	va = sumColumns(b, va, vb, m0)
	vd = xorRotate(b, va, vd, 16)
	vc = sumColumns(b, vc, vd)
	vb = xorRotate(b, vb, vc, 12)
	va = sumColumns(b, va, vb, m1)
	vd = xorRotate(b, va, vd, 8)
	vc = sumColumns(b, vc, vd)
	vb = xorRotate(b, vb, vc, 7)
	b.Yield(enablerColumn(b), blakeMix, append(in[:12:12], halves(va, vb, vc, vd)...)...)
	return b.Build()
}

// tripleXor32 returns the component of x ^ y ^ z of three words, byte by byte.
func tripleXor32() *air.Component {
	b, in := newCallee("triple_xor_32", 6)
	var bytes [6][2]air.Expr // of x.low, x.high, y.low, …
	for k, half := range in {
		bytes[k] = splitHalf(b, half, 8)
	}
	var result [2]air.Expr
	for half := range result {
		var x [2]air.Expr
		for k := range x {
			xy := xorColumn(b, xor8[half], bytes[half][k], bytes[2+half][k])
			x[k] = xorColumn(b, xor8[half], xy, bytes[4+half][k])
		}
		result[half] = x[0].Add(x[1].Times(1 << 8))
	}
	b.Yield(enablerColumn(b), tripleXor, append(in[:6:6], result[:]...)...)
	return b.Build()
}

// xorOfThree computes x ^ y ^ z of words.
var xorOfThree = &air.Function{Name: "xor of three", In: 6, Out: 2, Eval: func(_ any, in, out [][]m31.M31) {
	for half := range out {
		x, y, z := in[half], in[2+half], in[4+half]
		for i := range out[half] {
			out[half][i] = x[i] ^ y[i] ^ z[i]
		}
	}
}}
