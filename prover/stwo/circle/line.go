package circle

import "github.com/starkd/starkd/prover/stwo/m31"

// Line polynomials are polynomials in x of degree below 2^n with coefficients in QM31, in the basis of products of x, π(x), π(π(x)), …: bit k of a
// coefficient's index stands for π applied k times to x. Their domain of size 2^n is the set of x coordinates of halfOdds(n), in storage order.

// LinePoint returns the x coordinate of storage cell i of the line domain of size 2^log.
func LinePoint(i, log int) m31.M31 { return halfOdds(log).At(bitReverse(i, log)).X }

// InterpolateLine replaces the values of a line polynomial on the domain of size len(v), in storage order, by its coefficients. FRI's last
// layer stores these in bit-reversed order: see BitReverseSlice. The length is a power of two.
func InterpolateLine(v []m31.QM31) {
	log := logSize(len(v))
	for k := range log {
		for h := range len(v) >> (k + 1) {
			inverse := LinePoint(2*h, log-k).Inverse()
			for i := h << (k + 1); i < h<<(k+1)+1<<k; i++ {
				a, b := v[i], v[i+1<<k]
				v[i], v[i+1<<k] = a.Add(b), a.Sub(b).Scale(inverse)
			}
		}
	}
	scale := m31.M31(1 << log % m31.P).Inverse()
	for i := range v {
		v[i] = v[i].Scale(scale)
	}
}

// EvaluateLine returns the value at x of the line polynomial with the given coefficients. Their number is a power of two.
func EvaluateLine(coefficients []m31.QM31, x m31.QM31) m31.QM31 {
	logSize(len(coefficients))
	return foldByX(append([]m31.QM31(nil), coefficients...), x)
}
