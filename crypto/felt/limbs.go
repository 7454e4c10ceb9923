package felt

import "math/bits"

// This file has field arithmetic for machines without a 128-bit product, such as WebAssembly. A multiplication splits the four 64-bit words
// into nine limbs of 29 bits, so that sums of products of limbs fit in 64 bits, and packs the result again. Values stay in
// Montgomery form with R = 2^256: eight steps of the reduction remove 29 bits each, the ninth removes 24.
//
// Since p = 2^251 + 17·2^192 + 1, a step clears the low bits of column k by adding m·p, where m is the negative of these bits modulo 2^29: it
// adds m to column k, 17·m·2^18 to column k+6 (192 = 6·29 + 18) and m·2^19 to column k+8 (251 = 8·29 + 19). A column is at most
// 9·2^58 + 2^53 + 2^49 and a carry, which is below 2^62.

const (
	mask   = 1<<29 - 1
	mask24 = 1<<24 - 1
	hi17   = 17 << 18

	topWord = 1<<59 | 17 // the highest word of p; the others are 0, 0 and 1
)

// mulLimbs sets z = x·y. The words of x and y may be any whose product is below 2^256·P.
func mulLimbs(z, x, y *Felt) {
	x0, x1 := x[0]&mask, x[0]>>29&mask
	x2, x3 := (x[0]>>58|x[1]<<6)&mask, x[1]>>23&mask
	x4, x5 := (x[1]>>52|x[2]<<12)&mask, x[2]>>17&mask
	x6, x7 := (x[2]>>46|x[3]<<18)&mask, x[3]>>11&mask
	x8 := x[3] >> 40
	y0, y1 := y[0]&mask, y[0]>>29&mask
	y2, y3 := (y[0]>>58|y[1]<<6)&mask, y[1]>>23&mask
	y4, y5 := (y[1]>>52|y[2]<<12)&mask, y[2]>>17&mask
	y6, y7 := (y[2]>>46|y[3]<<18)&mask, y[3]>>11&mask
	y8 := y[3] >> 40
	t := x0 * y0
	m0, c := -t&mask, (t+mask)>>29
	t = x0*y1 + x1*y0 + c
	m1 := -t & mask
	c = (t + mask) >> 29
	t = x0*y2 + x1*y1 + x2*y0 + c
	m2 := -t & mask
	c = (t + mask) >> 29
	t = x0*y3 + x1*y2 + x2*y1 + x3*y0 + c
	m3 := -t & mask
	c = (t + mask) >> 29
	t = x0*y4 + x1*y3 + x2*y2 + x3*y1 + x4*y0 + c
	m4 := -t & mask
	c = (t + mask) >> 29
	t = x0*y5 + x1*y4 + x2*y3 + x3*y2 + x4*y1 + x5*y0 + c
	m5 := -t & mask
	c = (t + mask) >> 29
	t = x0*y6 + x1*y5 + x2*y4 + x3*y3 + x4*y2 + x5*y1 + x6*y0 + c + m0*hi17
	m6 := -t & mask
	c = (t + mask) >> 29
	t = x0*y7 + x1*y6 + x2*y5 + x3*y4 + x4*y3 + x5*y2 + x6*y1 + x7*y0 + c + m1*hi17
	m7 := -t & mask
	c = (t + mask) >> 29
	t = x0*y8 + x1*y7 + x2*y6 + x3*y5 + x4*y4 + x5*y3 + x6*y2 + x7*y1 + x8*y0 + c + m2*hi17 + m0<<19
	m8 := -t & mask24
	c = (t + mask24) >> 24
	low := c & 31
	t = x1*y8 + x2*y7 + x3*y6 + x4*y5 + x5*y4 + x6*y3 + x7*y2 + x8*y1 + c>>5 + m3*hi17 + m1<<19
	u0 := t & mask
	c = t >> 29
	t = x2*y8 + x3*y7 + x4*y6 + x5*y5 + x6*y4 + x7*y3 + x8*y2 + c + m4*hi17 + m2<<19
	u1 := t & mask
	c = t >> 29
	t = x3*y8 + x4*y7 + x5*y6 + x6*y5 + x7*y4 + x8*y3 + c + m5*hi17 + m3<<19
	u2 := t & mask
	c = t >> 29
	t = x4*y8 + x5*y7 + x6*y6 + x7*y5 + x8*y4 + c + m6*hi17 + m4<<19
	u3 := t & mask
	c = t >> 29
	t = x5*y8 + x6*y7 + x7*y6 + x8*y5 + c + m7*hi17 + m5<<19
	u4 := t & mask
	c = t >> 29
	t = x6*y8 + x7*y7 + x8*y6 + c + m8*hi17 + m6<<19
	u5 := t & mask
	c = t >> 29
	t = x7*y8 + x8*y7 + c + m7<<19
	u6 := t & mask
	c = t >> 29
	t = x8*y8 + c + m8<<19
	u7 := t
	pack(z, low|u0<<5|u1<<34|u2<<63, u2>>1|u3<<28|u4<<57, u4>>7|u5<<22|u6<<51, u6>>13|u7<<16)
}

// squareLimbs sets z = x². The words of x may be any whose square is below 2^256·P.
func squareLimbs(z, x *Felt) {
	x0, x1 := x[0]&mask, x[0]>>29&mask
	x2, x3 := (x[0]>>58|x[1]<<6)&mask, x[1]>>23&mask
	x4, x5 := (x[1]>>52|x[2]<<12)&mask, x[2]>>17&mask
	x6, x7 := (x[2]>>46|x[3]<<18)&mask, x[3]>>11&mask
	x8 := x[3] >> 40
	d1, d2, d3, d4, d5, d6, d7, d8 := 2*x1, 2*x2, 2*x3, 2*x4, 2*x5, 2*x6, 2*x7, 2*x8
	t := x0 * x0
	m0, c := -t&mask, (t+mask)>>29
	t = x0*d1 + c
	m1 := -t & mask
	c = (t + mask) >> 29
	t = x0*d2 + x1*x1 + c
	m2 := -t & mask
	c = (t + mask) >> 29
	t = x0*d3 + x1*d2 + c
	m3 := -t & mask
	c = (t + mask) >> 29
	t = x0*d4 + x1*d3 + x2*x2 + c
	m4 := -t & mask
	c = (t + mask) >> 29
	t = x0*d5 + x1*d4 + x2*d3 + c
	m5 := -t & mask
	c = (t + mask) >> 29
	t = x0*d6 + x1*d5 + x2*d4 + x3*x3 + c + m0*hi17
	m6 := -t & mask
	c = (t + mask) >> 29
	t = x0*d7 + x1*d6 + x2*d5 + x3*d4 + c + m1*hi17
	m7 := -t & mask
	c = (t + mask) >> 29
	t = x0*d8 + x1*d7 + x2*d6 + x3*d5 + x4*x4 + c + m2*hi17 + m0<<19
	m8 := -t & mask24
	c = (t + mask24) >> 24
	low := c & 31
	t = x1*d8 + x2*d7 + x3*d6 + x4*d5 + c>>5 + m3*hi17 + m1<<19
	u0 := t & mask
	c = t >> 29
	t = x2*d8 + x3*d7 + x4*d6 + x5*x5 + c + m4*hi17 + m2<<19
	u1 := t & mask
	c = t >> 29
	t = x3*d8 + x4*d7 + x5*d6 + c + m5*hi17 + m3<<19
	u2 := t & mask
	c = t >> 29
	t = x4*d8 + x5*d7 + x6*x6 + c + m6*hi17 + m4<<19
	u3 := t & mask
	c = t >> 29
	t = x5*d8 + x6*d7 + c + m7*hi17 + m5<<19
	u4 := t & mask
	c = t >> 29
	t = x6*d8 + x7*x7 + c + m8*hi17 + m6<<19
	u5 := t & mask
	c = t >> 29
	t = x7*d8 + c + m7<<19
	u6 := t & mask
	c = t >> 29
	t = x8*x8 + c + m8<<19
	u7 := t
	pack(z, low|u0<<5|u1<<34|u2<<63, u2>>1|u3<<28|u4<<57, u4>>7|u5<<22|u6<<51, u6>>13|u7<<16)
}

// pack sets z to the number with the given words modulo p. The number must be below 2p.
func pack(z *Felt, w0, w1, w2, w3 uint64) {
	// The number is at least p if its top word is greater than p's, or equal and the words below are not all 0.
	if w3 > topWord || w3 == topWord && w0|w1|w2 != 0 {
		var borrow uint64
		w0, borrow = bits.Sub64(w0, 1, 0)
		w1, borrow = bits.Sub64(w1, 0, borrow)
		w2, borrow = bits.Sub64(w2, 0, borrow)
		w3, _ = bits.Sub64(w3, topWord, borrow)
	}
	z[0], z[1], z[2], z[3] = w0, w1, w2, w3
}

// subLimbs sets z = x - y. It avoids a branch, which would be mispredicted often.
func subLimbs(z, x, y *Felt) {
	var borrow, carry uint64
	w0, borrow := bits.Sub64(x[0], y[0], 0)
	w1, borrow := bits.Sub64(x[1], y[1], borrow)
	w2, borrow := bits.Sub64(x[2], y[2], borrow)
	w3, borrow := bits.Sub64(x[3], y[3], borrow)
	w0, carry = bits.Add64(w0, borrow, 0) // add p, whose words are 1, 0, 0 and topWord
	w1, carry = bits.Add64(w1, 0, carry)
	w2, carry = bits.Add64(w2, 0, carry)
	z[0], z[1], z[2], z[3] = w0, w1, w2, w3+carry+-borrow&topWord
}

// addLimbs sets z = x + y, without a branch as subLimbs.
func addLimbs(z, x, y *Felt) {
	var carry, borrow uint64
	w0, carry := bits.Add64(x[0], y[0], 0)
	w1, carry := bits.Add64(x[1], y[1], carry)
	w2, carry := bits.Add64(x[2], y[2], carry)
	w3 := x[3] + y[3] + carry
	w0, borrow = bits.Sub64(w0, 1, 0) // subtract p
	w1, borrow = bits.Sub64(w1, 0, borrow)
	w2, borrow = bits.Sub64(w2, 0, borrow)
	w3, borrow = bits.Sub64(w3, topWord, borrow)
	w0, carry = bits.Add64(w0, borrow, 0) // and add it again if the sum was smaller
	w1, carry = bits.Add64(w1, 0, carry)
	w2, carry = bits.Add64(w2, 0, carry)
	z[0], z[1], z[2], z[3] = w0, w1, w2, w3+carry+-borrow&topWord
}

// fromMontgomeryLimbs returns the words of z/R: the integer that z stands for.
func fromMontgomeryLimbs(z *Felt) [4]uint64 {
	x0, x1 := z[0]&mask, z[0]>>29&mask
	x2, x3 := (z[0]>>58|z[1]<<6)&mask, z[1]>>23&mask
	x4, x5 := (z[1]>>52|z[2]<<12)&mask, z[2]>>17&mask
	x6, x7 := (z[2]>>46|z[3]<<18)&mask, z[3]>>11&mask
	x8 := z[3] >> 40
	m0, c := -x0&mask, (x0+mask)>>29
	t := x1 + c
	m1 := -t & mask
	c = (t + mask) >> 29
	t = x2 + c
	m2 := -t & mask
	c = (t + mask) >> 29
	t = x3 + c
	m3 := -t & mask
	c = (t + mask) >> 29
	t = x4 + c
	m4 := -t & mask
	c = (t + mask) >> 29
	t = x5 + c
	m5 := -t & mask
	c = (t + mask) >> 29
	t = x6 + c + m0*hi17
	m6 := -t & mask
	c = (t + mask) >> 29
	t = x7 + c + m1*hi17
	m7 := -t & mask
	c = (t + mask) >> 29
	t = x8 + c + m2*hi17 + m0<<19
	m8 := -t & mask24
	c = (t + mask24) >> 24
	low := c & 31
	t = c>>5 + m3*hi17 + m1<<19
	u0 := t & mask
	t = t>>29 + m4*hi17 + m2<<19
	u1 := t & mask
	t = t>>29 + m5*hi17 + m3<<19
	u2 := t & mask
	t = t>>29 + m6*hi17 + m4<<19
	u3 := t & mask
	t = t>>29 + m7*hi17 + m5<<19
	u4 := t & mask
	t = t>>29 + m8*hi17 + m6<<19
	u5 := t & mask
	t = t>>29 + m7<<19
	u6 := t & mask
	u7 := t>>29 + m8<<19
	var words Felt
	pack(&words, low|u0<<5|u1<<34|u2<<63, u2>>1|u3<<28|u4<<57, u4>>7|u5<<22|u6<<51, u6>>13|u7<<16)
	return words
}
