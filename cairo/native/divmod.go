package native

import "math/bits"

// divMod divides u by v, both unsigned with the lowest word first, and writes the quotient to u and the remainder to v. It is Knuth's
// algorithm D (The Art of Computer Programming 2, 4.3.1). u has at most eight words; v is not zero and not longer than u.
func divMod(u, v []uint64) {
	n, m := len(v), len(u)
	for v[n-1] == 0 {
		n--
	}
	for m > n && u[m-1] == 0 {
		m--
	}
	if n == 1 {
		r := uint64(0)
		for i := m - 1; i >= 0; i-- {
			u[i], r = bits.Div64(r, u[i], v[0])
		}
		v[0] = r
		return
	}
	// D1: normalize, so that the divisor's highest bit is set.
	shift := uint(bits.LeadingZeros64(v[n-1]))
	var ub [9]uint64
	var vb [8]uint64
	for i := n - 1; i > 0; i-- {
		vb[i] = v[i]<<shift | v[i-1]>>(64-shift)
	}
	vb[0] = v[0] << shift
	ub[m] = u[m-1] >> (64 - shift)
	for i := m - 1; i > 0; i-- {
		ub[i] = u[i]<<shift | u[i-1]>>(64-shift)
	}
	ub[0] = u[0] << shift
	top, below := vb[n-1], vb[n-2]
	clear(u)
	for j := m - n; j >= 0; j-- {
		// D3: estimate the digit from the two highest words; it is at most 2 too large.
		q := ^uint64(0)
		if ub[j+n] < top {
			var r uint64
			q, r = bits.Div64(ub[j+n], ub[j+n-1], top)
			for {
				hi, lo := bits.Mul64(q, below)
				if hi < r || hi == r && lo <= ub[j+n-2] {
					break
				}
				q--
				var carry uint64
				if r, carry = bits.Add64(r, top, 0); carry != 0 {
					break
				}
			}
		}
		// D4: multiply and subtract.
		var borrow, carry uint64
		for i := range n {
			hi, lo := bits.Mul64(q, vb[i])
			var c uint64
			lo, c = bits.Add64(lo, carry, 0)
			carry = hi + c
			ub[i+j], borrow = bits.Sub64(ub[i+j], lo, borrow)
		}
		ub[j+n], borrow = bits.Sub64(ub[j+n], carry, borrow)
		// D6: add back while the digit is too large.
		for borrow != 0 {
			q--
			carry = 0
			for i := range n {
				ub[i+j], carry = bits.Add64(ub[i+j], vb[i], carry)
			}
			ub[j+n], carry = bits.Add64(ub[j+n], 0, carry)
			borrow -= carry
		}
		u[j] = q
	}
	// D8: shift the remainder back.
	clear(v)
	for i := range n - 1 {
		v[i] = ub[i]>>shift | ub[i+1]<<(64-shift)
	}
	v[n-1] = ub[n-1]>>shift | ub[n]<<(64-shift)
}
