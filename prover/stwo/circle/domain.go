package circle

import (
	"math/bits"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// MaxLog is log2 of the size of the largest canonic domain.
const MaxLog = logOrder - 1

// Coset is the set of points Initial + j·Step, for j from 0 to 2^Log - 1, in this order. Step is the index of the generator of the subgroup of
// order 2^Log.
type Coset struct {
	Initial Index
	Log     int
}

// Odds returns the canonic coset of size 2^log: the odd multiples of a point of order 2^(log+1). log is at most MaxLog.
func Odds(log int) Coset { return Coset{subgroup(log + 1), log} }

// halfOdds returns the coset of size 2^log which, together with its conjugate, is Odds(log+1). log is at most MaxLog-1.
func halfOdds(log int) Coset { return Coset{subgroup(log + 2), log} }

// Step returns the index of the difference of consecutive points.
func (c Coset) Step() Index { return subgroup(c.Log) }

// Index returns the index of point j.
func (c Coset) Index(j int) Index { return (c.Initial + Index(j)*c.Step()).reduce() }

// At returns point j.
func (c Coset) At(j int) Point[m31.M31] { return c.Index(j).Point() }

// Double returns the coset of the doubled points, half as large.
func (c Coset) Double() Coset { return Coset{(2 * c.Initial).reduce(), c.Log - 1} }

// domainIndex returns the index of point d of the canonic domain of size 2^log: first the points of halfOdds(log-1), then their conjugates.
// log is at least 1.
func domainIndex(d, log int) Index {
	half := halfOdds(log - 1)
	if d>>half.Log == 0 {
		return half.Index(d)
	}
	return half.Index(d - 1<<half.Log).Neg()
}

// CellPoint returns the point of storage cell i of a column of size 2^log.
func CellPoint(i, log int) Point[m31.M31] { return domainIndex(bitReverse(i, log), log).Point() }

// bitReverse returns the number whose log low bits are those of i in reverse order. i is below 2^log.
func bitReverse(i, log int) int { return int(bits.Reverse64(uint64(i)) >> 1 >> (63 - log)) }

// BitReverseSlice swaps v[i] and v[bitReverse(i)] for all i. The length is a power of two.
func BitReverseSlice[T any](v []T) {
	log := logSize(len(v))
	for i := range v {
		if j := bitReverse(i, log); i < j {
			v[i], v[j] = v[j], v[i]
		}
	}
}

// logSize returns log2 of n, which is a power of two.
func logSize(n int) int {
	if n <= 0 || n&(n-1) != 0 {
		panic("circle: a length is not a power of two")
	}
	return bits.TrailingZeros(uint(n))
}

// CosetCell returns the storage cell of the point Odds(log).At(j): j counts in coset order, in which neighbours differ by the coset's step.
func CosetCell(j, log int) int {
	d := j / 2
	if j&1 == 1 {
		d = 1<<log - 1 - j/2
	}
	return bitReverse(d, log)
}

// PreviousCell returns the storage cell, in a column on the canonic domain of size 2^evalLog, of the point of cell i minus the step of the
// canonic coset of size 2^log. evalLog is greater than log, or equal to it.
func PreviousCell(i, log, evalLog int) int {
	// The half coset's step is twice the step of the canonic coset of the same domain, so a step of the coset of size 2^log is
	// 2^(evalLog-log-1) steps of the half coset; if evalLog = log it is half a step and leads into the other half.
	if evalLog == log {
		j := cosetIndex(bitReverse(i, log), log)
		return CosetCell((j-1)&(1<<log-1), log)
	}
	d, half := bitReverse(i, evalLog), 1<<(evalLog-1)
	step := 1 << (evalLog - log - 1)
	if d >= half {
		step = -step
	}
	return bitReverse(d&half|(d-step)&(half-1), evalLog)
}

// cosetIndex returns the position in Odds(log) of point d of the canonic domain.
func cosetIndex(d, log int) int {
	if d>>(log-1) == 0 {
		return 2 * d
	}
	return 2*(1<<log-1-d) + 1
}

// LiftedCell returns the cell of a column f whose value is that of cell j of the lifted column f(2^k·P), on a domain 2^k times as large.
func LiftedCell(j, k int) int { return j>>(k+1)<<1 | j&1 }

// Vanishing returns the value at p of the vanishing polynomial of the canonic coset of size 2^log: π applied log-1 times to p.X.
func Vanishing[F field[F]](log int, p Point[F]) F {
	x := p.X
	for range log - 1 {
		x = doubleX(x)
	}
	return x
}
