// Package wide is the arithmetic that the witness of the 252-bit components needs, on 16 rows at once: numbers modulo the Stark prime
// P = 2^251 + 17·2^192 + 1, whose limbs are columns of a trace.
//
// Limbs are kept by limb, then row, and words of 64 bits by word, then row, so that a vector register holds the same part of several numbers. On
// processors with AVX-512 or AVX2 the kernels of _asm do the work, else Go code with the same results.
//
// Felts are below P and in no special form. Mul divides by 2^256 (Montgomery's multiplication), which the caller undoes where it has to: the
// product of a number and a number in Montgomery form, which is 2^256 times what it stands for, needs nothing.
package wide

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/m31"
)

const (
	Rows = 16 // rows of a group

	Bits  = 9  // of a limb
	Count = 28 // limbs of a number

	PackedBits  = 27 // of a limb of Packed
	PackedCount = 10
)

// Limbs are numbers in limbs of 9 bits, or sums and differences of such limbs.
type Limbs [Count][Rows]int32

// Packed are numbers in limbs of 27 bits.
type Packed [PackedCount][Rows]int32

// Felts are numbers below P in words of 64 bits, the lowest first.
type Felts [4][Rows]uint64

// Load reads the limbs from rows row to row+15 of the columns.
func (x *Limbs) Load(columns [][]m31.M31, row int) { load(x[:], columns, row) }

// Store writes the limbs, which must not be negative, to rows row to row+15 of the columns.
func (x *Limbs) Store(columns [][]m31.M31, row int) { store(x[:], columns, row) }

// Load reads the limbs from rows row to row+15 of the columns.
func (x *Packed) Load(columns [][]m31.M31, row int) { load(x[:], columns, row) }

// Store writes the limbs to rows row to row+15 of the columns.
func (x *Packed) Store(columns [][]m31.M31, row int) { store(x[:], columns, row) }

// Add sets z = x + y limb by limb.
func (z *Limbs) Add(x, y *Limbs) {
	if vectorBits > 0 {
		addLimbs((*[Count][Rows]int32)(z), (*[Count][Rows]int32)(x), (*[Count][Rows]int32)(y))
		return
	}
	for k := range z {
		for i := range z[k] {
			z[k][i] = x[k][i] + y[k][i]
		}
	}
}

// Sub sets z = x - y limb by limb.
func (z *Limbs) Sub(x, y *Limbs) {
	if vectorBits > 0 {
		subLimbs((*[Count][Rows]int32)(z), (*[Count][Rows]int32)(x), (*[Count][Rows]int32)(y))
		return
	}
	for k := range z {
		for i := range z[k] {
			z[k][i] = x[k][i] - y[k][i]
		}
	}
}

// Fold lists how 55 coefficients z of B^i, where B = 2^9, become 28 coefficients of the same number modulo P, times s = 2^5 + 2^9 + 2^64. It
// calls add for each term: coefficient to is increased by factor·z[from]. The factor s keeps the coefficients small:
//
//	s·B^i      = 32·B^i + B^(i+1) + 2·B^(i+7)                     for i < 21
//	s·B^i      ≡ -4·B^(i-21)                                      for 21 ≤ i < 49, since s = (P - 1)·2^-187
//	s·B^(i+49) ≡ -4·B^(i+28) ≡ 8·B^i + 64·B^(i+21) + 2·B^(i+22)   since B^28 = 2·2^251 ≡ -2 - 272·B^21
func Fold(add func(to int, factor int32, from int)) {
	for i := range 21 {
		add(i, 32, i)
		add(i+1, 1, i)
		add(i+7, 2, i)
	}
	for i := range 28 {
		add(i, -4, i+21)
	}
	for i := range 6 {
		add(i, 8, i+49)
		add(i+21, 64, i+49)
		add(i+22, 2, i+49)
	}
}

// prime holds the limbs of P.
var prime = [Count]int32{0: 1, 21: 136, 27: 256}

// Carries writes the quotient k and the carries of x·y - z, a multiple of P, to rows row to row+15 of the 28 columns. With the coefficients w
// of s·(x·y - z), see Fold, which are the number k·P:
//
//	w[j] + carry[j-1] - k·(limb j of P) = 512·carry[j],   carry[-1] = carry[27] = 0
//
// |k| is below 2^17. The factors have limbs of -2^15 to 2^15-1, and all sums must fit in 32 bits. Numbers below 0 are written modulo 2^31 - 1.
func Carries(columns [][]m31.M31, row int, x, y, z *Limbs) {
	if vectorBits > 0 {
		carries(words(columns, Count, row), row, (*[Count][Rows]int32)(x), (*[Count][Rows]int32)(y), (*[Count][Rows]int32)(z))
		return
	}
	for i := range Rows {
		// Two limbs of y are a number of 64 bits, so that one product adds to two sums of 32 bits. pairs[p] has the sums of the even limbs of x
		// for limbs 2j and 2j+1 of y, and those of the odd limbs.
		var factors [Count / 2]int64
		for j := range factors {
			factors[j] = int64(y[2*j][i]) + int64(y[2*j+1][i])<<32
		}
		var pairs [2][Count]int64
		for a := range x {
			v := int64(x[a][i])
			part := pairs[a%2][a/2 : a/2+Count/2]
			for j, f := range factors {
				part[j] += v * f
			}
		}
		var sums [2*Count + 1]int32
		for p := range pairs {
			for k, v := range pairs[p] {
				low := int32(v)
				sums[2*k+p] += low
				sums[2*k+p+1] += int32((v - int64(low)) >> 32)
			}
		}
		for j := range z {
			sums[j] -= z[j][i]
		}
		var w [Count]int32
		Fold(func(to int, factor int32, from int) { w[to] += factor * sums[from] })
		k := (w[0] + w[1]<<Bits) << 14 >> 14 // P is 1 modulo 2^18
		columns[0][row+i] = signed(k)
		carry := int32(0)
		for j := range Count - 1 {
			carry = (carry + w[j] - k*prime[j]) >> Bits
			columns[1+j][row+i] = signed(carry)
		}
	}
}

// signed returns v modulo 2^31 - 1, for |v| < 2^31 - 1.
func signed(v int32) m31.M31 {
	if v < 0 {
		return m31.M31(v + m31.P)
	}
	return m31.M31(v)
}

// FromLimbs sets z to numbers below 2^252 with limbs of 9 bits.
func (z *Felts) FromLimbs(x *Limbs) {
	if vectorBits > 0 {
		collectLimbs((*[4][Rows]uint64)(z), (*[Count][Rows]int32)(x))
		return
	}
	collect(z, x[:], Bits)
}

// FromPacked sets z to numbers below 2^252 with limbs of 27 bits.
func (z *Felts) FromPacked(x *Packed) {
	if vectorBits > 0 {
		collectPacked((*[4][Rows]uint64)(z), (*[PackedCount][Rows]int32)(x))
		return
	}
	collect(z, x[:], PackedBits)
}

// FromFelts sets x to the limbs of z.
func (x *Limbs) FromFelts(z *Felts) {
	if vectorBits > 0 {
		distributeLimbs((*[Count][Rows]int32)(x), (*[4][Rows]uint64)(z))
		return
	}
	distribute(x[:], z, Bits)
}

// FromFelts sets x to the limbs of z.
func (x *Packed) FromFelts(z *Felts) {
	if vectorBits > 0 {
		distributePacked((*[PackedCount][Rows]int32)(x), (*[4][Rows]uint64)(z))
		return
	}
	distribute(x[:], z, PackedBits)
}

// Mul sets z = x·y/2^256 modulo P.
func (z *Felts) Mul(x, y *Felts) {
	if vectorBits > 0 {
		mulFelts((*[4][Rows]uint64)(z), (*[4][Rows]uint64)(x), (*[4][Rows]uint64)(y))
		return
	}
	for i := range Rows {
		a, b := x.row(i), y.row(i)
		a.Mul(&a, &b)
		z.setRow(i, &a)
	}
}

// Add sets z = x + y modulo P.
func (z *Felts) Add(x, y *Felts) {
	if vectorBits > 0 {
		addFelts((*[4][Rows]uint64)(z), (*[4][Rows]uint64)(x), (*[4][Rows]uint64)(y))
		return
	}
	for i := range Rows {
		a, b := x.row(i), y.row(i)
		a.Add(&a, &b)
		z.setRow(i, &a)
	}
}

// Sub sets z = x - y modulo P.
func (z *Felts) Sub(x, y *Felts) {
	if vectorBits > 0 {
		subFelts((*[4][Rows]uint64)(z), (*[4][Rows]uint64)(x), (*[4][Rows]uint64)(y))
		return
	}
	for i := range Rows {
		a, b := x.row(i), y.row(i)
		a.Sub(&a, &b)
		z.setRow(i, &a)
	}
}

// row returns the words of number i as the representation of a Felt, which multiplies as Felts do.
func (z *Felts) row(i int) felt.Felt { return felt.Felt{z[0][i], z[1][i], z[2][i], z[3][i]} }

func (z *Felts) setRow(i int, x *felt.Felt) {
	for k, w := range x {
		z[k][i] = w
	}
}

// Set sets number i.
func (z *Felts) Set(i int, x felt.Felt) {
	for k, w := range x.Limbs() {
		z[k][i] = w
	}
}

// Constant returns the number x in all rows.
func Constant(x felt.Felt) (z Felts) {
	for i := range Rows {
		z.Set(i, x)
	}
	return z
}

// Montgomery returns the Montgomery form of x, which is 2^256·x modulo P, in all rows.
func Montgomery(x felt.Felt) (z Felts) {
	for i := range Rows {
		z.setRow(i, &x)
	}
	return z
}

// Split returns the limbs of x in n limbs of the given width.
func Split(x felt.Felt, n, width int) []uint32 {
	words := x.Limbs()
	limbs := make([]uint32, n)
	for k := range limbs {
		limbs[k] = uint32(limb(words[:], width*k) & (1<<width - 1))
	}
	return limbs
}

// limb returns bits at to at+63 of a number.
func limb(words []uint64, at int) uint64 {
	v := words[at/64] >> (at % 64)
	if at%64 > 0 && at/64+1 < len(words) {
		v |= words[at/64+1] << (64 - at%64)
	}
	return v
}

// InvertAll replaces each number d by 2^512/d modulo P, and leaves 0. A number is multiplied with those of its row in all groups before, and the
// products of the 16 rows with each other, so that one inversion is enough. scratch has the length of z.
func InvertAll(z, scratch []Felts) {
	one := Montgomery(felt.One)
	product := one
	for g := range z {
		scratch[g] = product
		factor := z[g]
		factor.replaceZeros(&z[g], &one)
		product.Mul(&product, &factor)
	}
	product.invert()
	for g := len(z) - 1; g >= 0; g-- {
		factor := z[g]
		factor.replaceZeros(&z[g], &one)
		var inverse Felts
		inverse.Mul(&product, &scratch[g])
		product.Mul(&product, &factor)
		inverse.replaceZeros(&z[g], &Felts{})
		z[g] = inverse
	}
}

// replaceZeros sets the numbers of z to those of v in rows in which x is 0.
func (z *Felts) replaceZeros(x, v *Felts) {
	for i := range Rows {
		if x[0][i]|x[1][i]|x[2][i]|x[3][i] == 0 {
			for k := range z {
				z[k][i] = v[k][i]
			}
		}
	}
}

// invert replaces each number d, none of which is 0, by 2^512/d.
func (z *Felts) invert() {
	var rows, before [Rows]felt.Felt
	product := felt.One
	for i := range rows {
		rows[i], before[i] = z.row(i), product
		product.Mul(&product, &rows[i])
	}
	product.Inverse(&product)
	for i := Rows - 1; i >= 0; i-- {
		before[i].Mul(&before[i], &product)
		product.Mul(&product, &rows[i])
		z.setRow(i, &before[i])
	}
}
