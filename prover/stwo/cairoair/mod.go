package cairoair

import (
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// The builtins add_mod and mul_mod state a + b ≡ c and a·b ≡ c modulo p for numbers of 384 bits. A number stands in four words of 96 bits in
// consecutive cells, the lowest first. An instance has the cells
//
//	p0, p1, p2, p3, values_ptr, offsets_ptr, n
//
// where n is the number of operations until the end of a batch: instances of a batch have the same p and values_ptr, n decreases by 1 and
// offsets_ptr increases by 3 from one to the next. At offsets_ptr stand three offsets; a, b and c are at values_ptr plus an offset.

const (
	modWords = 4  // words of a number
	modCells = 7  // cells of an instance
	modLimbs = 11 // limbs of 9 bits of a word; the highest has 6 bits, which the builtin range_check96 sees to
)

// modNumber is a number of 384 bits: the ids and limbs of its words.
type modNumber struct {
	ids   []air.Expr
	words [modWords][]air.Expr
}

// readModNumber adds columns that read a number at address.
func readModNumber(b *air.Builder, name string, address air.Expr) modNumber {
	n := modNumber{ids: make([]air.Expr, modWords)}
	for k := range n.words {
		n.ids[k], n.words[k] = readPositive(b, fmt.Sprint(name, k), address.Plus(uint32(k)), modLimbs*limbBits)
	}
	return n
}

// modOperation adds the columns that the two builtins share, and returns the numbers of the row's instance.
func modOperation(b *air.Builder) (p, x, y, z modNumber) {
	row := b.RowNumber()
	first := b.Column("is_instance_0", row.IsZero())
	b.Constrain("is_instance_0 is a bit", first.Mul(first.Minus(1)))
	b.Constrain("is_instance_0 only in the first row", first.Mul(row))
	notFirst := first.Minus(1) // -1, and 0 in the first row
	instance := b.Parameter().Add(row.Times(modCells))
	previous := instance.Add(notFirst.Times(modCells))

	p = readModNumber(b, "p", instance)
	read := func(name string, base air.Expr, cell uint32) (id, v air.Expr) {
		id, limbs := readPositive(b, name, base.Plus(cell), addressBits)
		return id, number(limbs)
	}
	const valuesCell, offsetsCell, countCell = 4, 5, 6
	valuesID, values := read("values_ptr", instance, valuesCell)
	_, offsets := read("offsets_ptr", instance, offsetsCell)
	_, previousOffsets := read("offsets_ptr_prev", previous, offsetsCell)
	_, count := read("n", instance, countCell)
	_, previousCount := read("n_prev", previous, countCell)

	// A batch continues unless the previous n is 1 or this is the first row.
	countdown := previousCount.Minus(1)
	continues := countdown.Mul(notFirst)
	b.Constrain("n counts down in a batch", continues.Mul(countdown.Sub(count)))
	b.Constrain("offsets_ptr goes on in a batch", continues.Mul(offsets.Minus(3).Sub(previousOffsets)))
	same := func(name string, cell uint32, id air.Expr) {
		b.Constrain(name+" is the same in a batch", readID(b, name, previous.Plus(cell)).Sub(id).Mul(continues))
	}
	same("values_ptr_prev_id", valuesCell, valuesID)
	for k, id := range p.ids {
		same(fmt.Sprintf("p_prev%d_id", k), uint32(k), id)
	}

	var at [3]air.Expr
	for k, name := range []string{"offsets_a", "offsets_b", "offsets_c"} {
		at[k] = values.Add(readSmall(b, name, offsets.Plus(uint32(k))))
	}
	return p, readModNumber(b, "a", at[0]), readModNumber(b, "b", at[1]), readModNumber(b, "c", at[2])
}

// addModBuiltin states a + b = c + p·(0 or 1). Three limbs at a time are added up, with a carry of -1, 0 or 1: the sum of three limbs, less
// than 4·2^27 in absolute value, is 0 in M31 only if it is 0.
func addModBuiltin() *air.Component {
	b := air.NewBuilder("add_mod_builtin", 0)
	p, x, y, z := modOperation(b)
	reduce := b.Column("sub_p_bit", b.Compute(sumDiffers, slices.Concat(x.ids, y.ids, z.ids)...)[0])
	b.Constrain("sub_p_bit is a bit", reduce.Minus(1).Mul(reduce))

	// position is the bit at which limb k begins. The last limb of a word is followed by the next word, after 6 bits.
	position := func(k int) int { return 96*(k/modLimbs) + limbBits*(k%modLimbs) }
	limb := func(k int) air.Expr {
		w, l := k/modLimbs, k%modLimbs
		return x.words[w][l].Add(y.words[w][l]).Sub(z.words[w][l]).Sub(p.words[w][l].Mul(reduce))
	}
	carry := b.Const(0)
	for k := 0; k < modWords*modLimbs; k += 3 {
		s := carry
		for j := k; j < min(k+3, modWords*modLimbs); j++ {
			s = s.Add(limb(j).Times(1 << (position(j) - position(k))))
		}
		if k+3 >= modWords*modLimbs {
			b.Constrain("the last carry is 0", s)
			break
		}
		s = s.Times(inverseOfPower(position(k+3) - position(k)))
		carry = b.Column(fmt.Sprintf("carry_%d", k/3), s)
		b.Constrain(fmt.Sprintf("carry_%d", k/3), carry.Sub(s))
		b.Constrain("a carry is -1, 0 or 1", carry.Mul(carry.Mul(carry).Minus(1)))
	}
	return b.Build()
}

// The words of 12 bits in which mul_mod multiplies.
const (
	mulBits  = 12
	mulWords = 384 / mulBits
)

// mulModBuiltin states a·b - c = p·q, with q a number of 32 words of 12 bits. With all numbers in such words, carries go from one coefficient
// of the products to the next:
//
//	carry[k-1] + (a·b)[k] - c[k] - (q·p)[k] = 2^12·carry[k]
//
// A coefficient is at most 32·2^24, so a carry is from -2^17 to 2^17 - 1.
func mulModBuiltin() *air.Component {
	b := air.NewBuilder("mul_mod_builtin", 0)
	p, x, y, z := modOperation(b)
	witness := b.Compute(quotientAndCarries, slices.Concat(p.ids, x.ids, y.ids, z.ids)...)
	q := make([]air.Expr, mulWords)
	for k := range q {
		q[k] = b.Column(limbName("ab_minus_c_div_p", k), witness[k])
	}
	for _, word := range q {
		b.Use(rangeCheck12, word)
	}
	p12, x12, y12, z12 := recut(b, p), recut(b, x), recut(b, y), recut(b, z)
	product, multiple := convolve(x12, y12), convolve(q, p12)
	carry := b.Const(0)
	for k := range product {
		s := carry.Add(product[k]).Sub(multiple[k])
		if k < mulWords {
			s = s.Sub(z12[k])
		}
		if k == len(product)-1 {
			b.Constrain("the last carry is 0", s)
			break
		}
		carry = b.Column(fmt.Sprintf("carry_%d", k), witness[mulWords+k])
		b.Constrain(fmt.Sprintf("carry_%d", k), carry.Sub(s.Times(inverseOfPower(mulBits))))
		b.Use(rangeCheck18[0], carry.Plus(1<<17))
	}
	return b.Build()
}

// recut adds columns that cut the limbs of a number, and returns its words of 12 bits. Four limbs are three words, and the three last limbs
// of a word of 96 bits are two:
//
//	limb 0 | 1a, 1b | 2a, 2b | limb 3    9, 3+6, 6+3, 9 bits
//	limb 8 | 9a, 9b | limb 10            9, 3+6, 6 bits
//
// Two words of 96 bits share a range check of their limbs 9.
func recut(b *air.Builder, x modNumber) []air.Expr {
	var words []air.Expr
	for pair := 0; pair < modWords; pair += 2 {
		var nine [2][2]air.Expr
		for k := range nine {
			l := x.words[pair+k]
			for i := 0; i < 8; i += 4 {
				oneB := b.Column(fmt.Sprintf("limb%db_%d", i+1, k), l[i+1].Bits(3, 6))
				twoB := b.Column(fmt.Sprintf("limb%db_%d", i+2, k), l[i+2].Bits(6, 3))
				oneA, twoA := l[i+1].Sub(oneB.Times(1<<3)), l[i+2].Sub(twoB.Times(1<<6))
				b.Use(rangeCheck3x6x6x3, oneA, oneB, twoA, twoB)
				words = append(words, l[i].Add(oneA.Times(1<<9)), oneB.Add(twoA.Times(1<<6)), twoB.Add(l[i+3].Times(1<<3)))
			}
			nineB := b.Column(fmt.Sprintf("limb9b_%d", k), l[9].Bits(3, 6))
			nineA := l[9].Sub(nineB.Times(1 << 3))
			nine[k] = [2]air.Expr{nineA, nineB}
			words = append(words, l[8].Add(nineA.Times(1<<9)), nineB.Add(l[10].Times(1<<6)))
		}
		b.Use(rangeCheck3x6x6x3, nine[0][0], nine[0][1], nine[1][1], nine[1][0])
	}
	return words
}

// uint384 is a number of 384 bits, the lowest 64 first.
type uint384 [6]uint64

// readWords returns the number whose words have the ids of row i of four columns.
func readWords(memory *memory, ids [][]m31.M31, i int) uint384 {
	var lo, hi [modWords]uint64 // the words' lower 64 and upper 32 bits
	for w := range lo {
		v := memory.Value(ids[w][i])
		lo[w], hi[w] = v[0], v[1]&(1<<32-1)
	}
	return uint384{lo[0], hi[0] | lo[1]<<32, lo[1]>>32 | hi[1]<<32, lo[2], hi[2] | lo[3]<<32, lo[3]>>32 | hi[3]<<32}
}

// sumDiffers computes 0 if a + b = c modulo 2^384, else 1, from the ids of the words of a, b and c.
var sumDiffers = &air.Function{Name: "sum differs", In: 3 * modWords, Out: 1, Eval: func(env any, in, out [][]m31.M31) {
	memory := env.(*memory)
	for i := range out[0] {
		x, y, z := readWords(memory, in[0:], i), readWords(memory, in[modWords:], i), readWords(memory, in[2*modWords:], i)
		var carry uint64
		for k := range x {
			x[k], carry = bits.Add64(x[k], y[k], carry)
		}
		out[0][i] = 0
		if x != z {
			out[0][i] = 1
		}
	}
}}

// quotientAndCarries computes q = (a·b - c)/p in words of 12 bits, and the carries of a·b - c - p·q, from the ids of the words of p, a, b and c.
var quotientAndCarries = &air.Function{Name: "quotient modulo p", In: 4 * modWords, Out: mulWords + 2*mulWords - 2, Eval: func(env any, in, out [][]m31.M31) {
	memory := env.(*memory)
	for i := range out[0] {
		var n [4]uint384
		for k := range n {
			n[k] = readWords(memory, in[modWords*k:], i)
		}
		q, carries := divide(&n[0], &n[1], &n[2], &n[3])
		for k, w := range q {
			out[k][i] = m31.M31(w)
		}
		for k, c := range carries {
			out[mulWords+k][i] = c
		}
	}
}}

// divide returns q = (x·y - z)/p in words of 12 bits, and the carries of x·y - z - p·q.
func divide(p, x, y, z *uint384) (words [mulWords]uint32, carries [2*mulWords - 2]m31.M31) {
	q := quotient(p, x, y, z)
	product, multiple, zWords := coefficients(x, y), coefficients(&q, p), cut(z)
	carry := int64(0)
	for k := range carries {
		carry += int64(product[k]) - int64(multiple[k])
		if k < mulWords {
			carry -= int64(zWords[k])
		}
		carry >>= mulBits
		carries[k] = m31.M31(carry)
		if carry < 0 {
			carries[k] = m31.M31(carry + m31.P)
		}
	}
	return cut(&q), carries
}

// cut returns the words of 12 bits of x.
func cut(x *uint384) [mulWords]uint32 {
	var w [mulWords]uint32
	for k := range w {
		at, shift := mulBits*k/64, mulBits*k%64
		v := x[at] >> shift
		if shift > 64-mulBits {
			v |= x[at+1] << (64 - shift)
		}
		w[k] = uint32(v) & (1<<mulBits - 1)
	}
	return w
}

// coefficients returns the coefficients of x·y as polynomials whose coefficients are the words of 12 bits. Two words are taken at a time, 32
// bits apart, so that a product of pairs is three coefficients.
func coefficients(x, y *uint384) [2*mulWords - 1]uint32 {
	const pairs = mulWords / 2
	wx, wy := cut(x), cut(y)
	var px, py [pairs]uint64 // py from the highest pair down
	for k := range pairs {
		px[k] = uint64(wx[2*k]) | uint64(wx[2*k+1])<<32
		py[pairs-1-k] = uint64(wy[2*k]) | uint64(wy[2*k+1])<<32
	}
	var z [2*mulWords - 1]uint32
	for k := range 2*pairs - 1 {
		first, last := max(0, k-pairs+1), min(k, pairs-1)
		a, b := px[first:last+1], py[pairs-1-k+first:]
		b = b[:len(a)]
		var low, high uint64
		for i := range a {
			h, l := bits.Mul64(a[i], b[i])
			low += l
			high += h
		}
		z[2*k] += uint32(low)
		z[2*k+1] = uint32(low >> 32)
		z[2*k+2] = uint32(high)
	}
	return z
}

// quotient returns (x·y - z)/p, which must be a whole number below 2^384. For an odd p it divides from the lowest bit up (Jebelean, "An
// algorithm for exact division"), which needs nothing above 2^384 of the dividend.
func quotient(p, x, y, z *uint384) uint384 {
	if p[0]&1 == 0 {
		return quotientEven(p, x, y, z)
	}
	// t = x·y - z modulo 2^384
	var t uint384
	for i := range x {
		var carry uint64
		for j := 0; i+j < len(t); j++ {
			hi, lo := bits.Mul64(x[i], y[j])
			var c uint64
			lo, c = bits.Add64(lo, carry, 0)
			hi += c
			t[i+j], c = bits.Add64(t[i+j], lo, 0)
			carry = hi + c
		}
	}
	var borrow uint64
	for k := range t {
		t[k], borrow = bits.Sub64(t[k], z[k], borrow)
	}
	inverse := p[0] // of p[0] modulo 2^3, then 2^6, 2^12, …
	for range 5 {
		inverse *= 2 - p[0]*inverse
	}
	var q uint384
	for i := range q {
		q[i] = t[i] * inverse
		var carry uint64
		for j := 0; i+j < len(t); j++ {
			hi, lo := bits.Mul64(q[i], p[j])
			var c uint64
			lo, c = bits.Add64(lo, carry, 0)
			hi += c
			t[i+j], c = bits.Sub64(t[i+j], lo, 0)
			carry = hi + c
		}
	}
	return q
}

// quotientEven returns the same for an even p, which is not 0 in an execution.
func quotientEven(p, x, y, z *uint384) uint384 {
	whole := func(x *uint384) *big.Int {
		v := new(big.Int)
		for k := len(x) - 1; k >= 0; k-- {
			v.Add(v.Lsh(v, 64), new(big.Int).SetUint64(x[k]))
		}
		return v
	}
	v := whole(x)
	v.Sub(v.Mul(v, whole(y)), whole(z))
	var q uint384
	if m := whole(p); m.Sign() > 0 {
		v.Quo(v, m)
		mask := new(big.Int).SetUint64(^uint64(0))
		for k := range q {
			q[k] = new(big.Int).And(v, mask).Uint64()
			v.Rsh(v, 64)
		}
	}
	return q
}
