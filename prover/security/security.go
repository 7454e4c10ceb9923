// Package security computes the bits of security of STARKs whose low-degree test is FRI, over any field.
package security

import (
	"fmt"
	"math/big"
)

// Bits holds the bits of security of a proof: with n bits, an attacker who computes 2^(n-k) hashes finds a false proof with
// probability 2^-k at most. Proven follows from theorems, with hashes modelled as random functions. Conjectured assumes more;
// see [STARK.Bits].
type Bits struct {
	Conjectured uint
	Proven      uint
}

func (s Bits) String() string {
	return fmt.Sprintf("%d bits of conjectured security, %d proven", s.Conjectured, s.Proven)
}

// Least returns the smaller number of bits in each measure.
func (s Bits) Least(t Bits) Bits {
	return Bits{min(s.Conjectured, t.Conjectured), min(s.Proven, t.Proven)}
}

// Sizes above these bounds change no result, so Bits clamps them and its numbers stay small. Verification rejects most larger
// sizes.
const (
	maxQueries   = 512 // with the smallest blowup, 512 queries already prove more than 240 bits
	maxLogBlowup = 16
	maxLogTrace  = 64
)

// STARK holds the sizes on which the security of a proof depends.
type STARK struct {
	Field       *big.Int // order of the field from which the verifier draws random elements
	LogBlowup   uint
	LogTrace    uint // log2 of the number of rows
	Queries     uint
	PowBits     uint   // proof-of-work bits
	LogFold     uint   // log2 of the largest folding factor of a layer
	Batch       uint64 // number of functions that one random element combines
	Constraints uint64
	Degree      uint64 // degree of the constraints
	Combo       uint64 // the most cells of one column that a constraint reads
	Collisions  uint   // bits of collision resistance of the hashes
}

// Bits returns the security of a proof. With q queries, blowup 2^b (rate ρ = 2^-b) and w proof-of-work bits:
//
// Conjectured is q·b + w, as Stone and ethSTARK compute it (StarkWare, ePrint 2021/582). It assumes that each query fails with
// probability ρ, that is, that functions can be folded without loss up to a distance of 1-ρ. Crites and Stewart (ePrint
// 2025/2046) and Diamond and Gruen (ePrint 2025/2010) refuted the conjecture at that distance. No known attack gains more than
// about a bit. The conjecture's other term is one chance in the field for each point of the domain.
//
// Proven is the better of two regimes. In each, the weakest round counts:
//
//   - up to the Johnson bound, with a gap of √ρ/100: q·(b/2 - log2 1.01) + w from the queries. Functions are folded
//     with the loss of Ben-Sasson, Carmon, Haböck, Kopparty and Saraf (ePrint 2025/2055, theorem 4.2, multiplicity m = 50);
//   - up to half the minimal distance: q·(1 - log2(1+ρ)) + w, with the loss of corollary 1.4 of the same paper.
//
// The rounds in the field (batching, folds, ALI, DEEP) are those of theorem 8 of Haböck, ePrint 2022/1216. They are not the
// weakest round for the default parameters or a preset. github.com/ethereum/soundcalc computes the same numbers.
//
// The collision resistance of the hashes bounds both measures. It is half the output length: 80 bits for commitments of 160 bits.
func (s STARK) Bits() Bits {
	s.Queries, s.LogBlowup = min(s.Queries, maxQueries), min(s.LogBlowup, maxLogBlowup)
	s.LogTrace, s.LogFold = min(s.LogTrace, maxLogTrace), min(s.LogFold, maxLogTrace-1)
	unique, johnson := s.unique(), s.johnson()
	conjectured := min(s.Queries*s.LogBlowup+s.PowBits, floorLog2(s.Field, new(big.Int).Lsh(one, s.LogTrace+s.LogBlowup)))
	proven := max(
		min(uniqueQueries(s.Queries, s.LogBlowup, s.PowBits), unique.least()),
		min(johnsonQueries(s.Queries, s.LogBlowup, s.PowBits), johnson.least()))
	// Conjectured is never less than proven.
	return Bits{min(max(conjectured, proven), s.Collisions), min(proven, s.Collisions)}
}

// uniqueQueries returns the largest k with ((1+ρ)/2)^queries · 2^-work ≤ 2^-k.
func uniqueQueries(queries, logBlowup, work uint) uint {
	miss := power(1<<logBlowup+1, queries) // times 2^-((logBlowup+1)·queries)
	return floorLog2(new(big.Int).Lsh(one, (logBlowup+1)*queries+work), miss)
}

// johnsonQueries returns the largest k with (1.01·√ρ)^queries · 2^-work ≤ 2^-k. It compares the squares of both sides.
func johnsonQueries(queries, logBlowup, work uint) uint {
	good := power(100, 2*queries)
	return floorLog2(good.Lsh(good, logBlowup*queries+2*work), power(101, 2*queries)) / 2
}

// fieldBits holds the bits of security of the rounds in the field.
type fieldBits struct{ batching, ali, deep uint }

func (b fieldBits) least() uint { return min(b.batching, b.ali, b.deep) }

// unique returns the bits up to half the minimal distance, γ = (1-ρ)/2. A fold with one random element errs with probability
// (γ·n + 1)/|F|, and the list has one element.
func (s *STARK) unique() fieldBits {
	n := new(big.Int).Lsh(one, s.LogTrace+s.LogBlowup)
	loss := new(big.Int).Sub(n, new(big.Int).Lsh(one, s.LogTrace)) // 2γ·n
	loss.Rsh(loss.Add(loss, one), 1)
	return s.bits(loss.Add(loss, one), one)
}

// johnson returns the bits up to the Johnson bound with m = 50. A fold with one random element errs with probability
//
//	((2·(m+½)^5 + 3·(m+½)·γρ)/(3·ρ^1.5)·n + (m+½)/√ρ) / |F|
//
// and the list has 1/(2·√ρ/100·√ρ) = 50/ρ elements. The code rounds up: γρ to 1/4, and √ρ to an integral power of 1/2.
func (s *STARK) johnson() fieldBits {
	const numerator = (101*101*101*101*101/16 + 1 + 101*3/8 + 1) / 3 // numerator of the first fraction; numerator+1 is used, to round up
	loss := new(big.Int).Lsh(big.NewInt(numerator+1), s.LogTrace+s.LogBlowup+(3*s.LogBlowup+1)/2)
	loss.Add(loss, new(big.Int).Lsh(big.NewInt(51), (s.LogBlowup+1)/2))
	return s.bits(loss, new(big.Int).Lsh(big.NewInt(50), s.LogBlowup))
}

// bits returns the bits for a loss per fold, multiplied by |F|, and a list size.
func (s *STARK) bits(loss, list *big.Int) fieldBits {
	field := s.Field
	batching := new(big.Int).Mul(loss, number(max(s.Batch, 1<<s.LogFold)-1))
	ali := new(big.Int).Mul(list, number(s.Constraints))
	// DEEP: degree·(trace + combo - 1) + trace - 1, over the field without the domains.
	trace := new(big.Int).Lsh(one, s.LogTrace)
	deep := new(big.Int).Add(trace, number(s.Combo-1))
	deep.Mul(deep, number(s.Degree))
	deep.Sub(deep.Add(deep, trace), one)
	deep.Mul(deep, list)
	outside := new(big.Int).Sub(field, trace)
	outside.Sub(outside, new(big.Int).Lsh(one, s.LogTrace+s.LogBlowup))
	return fieldBits{floorLog2(field, batching), floorLog2(field, ali), floorLog2(outside, deep)}
}

var one = big.NewInt(1)

func number(x uint64) *big.Int { return new(big.Int).SetUint64(x) }

func power(base, exponent uint) *big.Int {
	return new(big.Int).Exp(number(uint64(base)), number(uint64(exponent)), nil)
}

// floorLog2 returns the largest k ≥ 0 with 2^k ≤ a/b, or 0 if a < b.
func floorLog2(a, b *big.Int) uint {
	q := new(big.Int).Quo(a, b)
	if q.Sign() == 0 {
		return 0
	}
	return uint(q.BitLen() - 1)
}
