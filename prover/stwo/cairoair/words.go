package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// word is a word of 32 bits, in two halves of 16 bits.
type word struct{ low, high air.Expr }

// constWord returns the word v.
func constWord(b *air.Builder, v uint32) word { return word{b.Const(v & 0xffff), b.Const(v >> 16)} }

// halves returns the halves of words, the low half of each first.
func halves(words ...word) []air.Expr {
	var e []air.Expr
	for _, w := range words {
		e = append(e, w.low, w.high)
	}
	return e
}

// words returns the words of which halves are the halves.
func words(halves []air.Expr) []word {
	w := make([]word, len(halves)/2)
	for k := range w {
		w[k] = word{halves[2*k], halves[2*k+1]}
	}
	return w
}

// join returns the number in two columns of 16 bits, and halve is its inverse.
func join(low, high m31.M31) uint32      { return uint32(low) | uint32(high)<<16 }
func halve(v uint32) (low, high m31.M31) { return m31.M31(v & 0xffff), m31.M31(v >> 16) }

// wordOf computes the halves of the value of an id.
var wordOf = &air.Function{Name: "word of id", In: 1, Out: 2, Eval: func(env any, in, out [][]m31.M31) {
	memory := env.(*memory)
	for i, id := range in[0] {
		out[0][i], out[1][i] = halve(wordAt(memory, id))
	}
}}

// wordAt returns the lowest 32 bits of the value of an id.
func wordAt(memory *memory, id m31.M31) uint32 {
	v := memory.Value(id)
	return uint32(v[0])
}

// readWord adds columns that read the word at address.
func readWord(b *air.Builder, idName string, address air.Expr) word {
	v := b.Compute(wordOf, b.Compute(idOf, address)[0])
	w := word{b.Column("low_16_bits", v[0]), b.Column("high_16_bits", v[1])}
	verifyWord(b, idName, address, w)
	return w
}

// verifyWord adds columns that show that the value at address is the word w. Its bits are cut as
//
//	low half:   9, 7
//	high half:  2, 9, 5
//
// from which the limbs of 9 bits are 9, 7+2, 9, 5. The memory has limbs of 9 bits only, so that 7, 2 and 5 bits are checked here.
func verifyWord(b *air.Builder, idName string, address air.Expr, w word) {
	low7 := b.Column("low_7_ms_bits", w.low.Bits(9, 7))
	high14 := b.Column("high_14_ms_bits", w.high.Bits(2, 14))
	high5 := b.Column("high_5_ms_bits", w.high.Bits(11, 5))
	high2 := w.high.Sub(high14.Times(1 << 2))
	b.Use(rangeCheck7x2x5, low7, high2, high5)
	verifyValue(b, idName, address,
		w.low.Sub(low7.Times(1<<9)), low7.Add(high2.Times(1<<7)), high14.Sub(high5.Times(1<<9)), high5)
}

// sumColumns adds columns with the sum of words modulo 2^32, of at most three words. The halves are range checked by whatever uses them next.
func sumColumns(b *air.Builder, terms ...word) word {
	var low, high []air.Expr
	for _, w := range terms {
		low, high = append(low, w.low), append(high, w.high)
	}
	const inverse = 1 << 15 // 1/2^16
	lowSum, highSum := air.Sum(low...), air.Sum(high...)
	r := word{b.Column("triple_sum32_res_limb_0", lowSum.Bits(0, 16)), b.Column("triple_sum32_res_limb_1", highSum.Add(lowSum.Bits(16, 2)).Bits(0, 16))}
	lowCarry := lowSum.Sub(r.low).Times(inverse)
	highCarry := highSum.Add(lowCarry).Sub(r.high).Times(inverse)
	b.Constrain("carry of the low halves is 0 to 2", lowCarry.Mul(lowCarry.Minus(1)).Mul(lowCarry.Minus(2)))
	b.Constrain("carry of the high halves is 0 to 2", highCarry.Mul(highCarry.Minus(1)).Mul(highCarry.Minus(2)))
	return r
}

// splitHalf adds a column with the bits of half from bit n on, and returns the n bits below them and these bits.
func splitHalf(b *air.Builder, half air.Expr, n int) [2]air.Expr {
	high := b.Column(fmt.Sprintf("ms_%d_bits", 16-n), half.Bits(n, 16-n))
	return [2]air.Expr{half.Sub(high.Times(1 << n)), high}
}

// xorTables returns the tables for xors of numbers of n bits, in the low half of a word and in the high half.
func xorTables(n int) [2]*air.Relation {
	switch n {
	case 4:
		return [2]*air.Relation{xor4, xor4}
	case 7:
		return [2]*air.Relation{xor7, xor7}
	case 8:
		return [2]*air.Relation{xor8[0], xor8[1]}
	case 9:
		return [2]*air.Relation{xor9, xor9}
	case 12:
		return [2]*air.Relation{xor12, xor12}
	}
	panic("cairoair: no xor table")
}

// xorRotate adds columns with the pieces of x ^ y and returns x ^ y rotated right by r bits, r being 7, 8, 12 or 16. Each half is split at bit
// r modulo 16 (bit 8 for 16), so that the rotation moves whole pieces:
//
//	x ^ y = p0, p1 | p2, p3    (pieces from the lowest)
//	by 16:  p2, p3 | p0, p1
//	others: p1, p2 | p3, p0
//
// The xor tables are range checks of the pieces too.
func xorRotate(b *air.Builder, x, y word, r int) word {
	n := r
	if r == 16 {
		n = 8
	}
	var split [4][2]air.Expr
	for k, half := range halves(x, y) {
		split[k] = splitHalf(b, half, n)
	}
	var p [4]air.Expr
	for half := range 2 {
		p[2*half] = xorColumn(b, xorTables(n)[half], split[half][0], split[2+half][0])
		p[2*half+1] = xorColumn(b, xorTables(16 - n)[half], split[half][1], split[2+half][1])
	}
	if r == 16 {
		return word{p[2].Add(p[3].Times(1 << 8)), p[0].Add(p[1].Times(1 << 8))}
	}
	return word{p[1].Add(p[2].Times(1 << (16 - n))), p[3].Add(p[0].Times(1 << (16 - n)))}
}
