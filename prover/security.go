package prover

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Security is what a proof's parameters make of it, in bits: n bits mean that someone who computes 2^(n-k) hashes makes a false
// proof with probability 2^-k at most. Proven follows from theorems (and from the hashes' being random functions); Conjectured
// assumes more, see [Parameters.Security].
type Security struct {
	Conjectured uint
	Proven      uint
}

func (s Security) String() string {
	return fmt.Sprintf("%d bits of conjectured security, %d proven", s.Conjectured, s.Proven)
}

// Least returns the weaker of both in each measure.
func (s Security) Least(t Security) Security {
	return Security{min(s.Conjectured, t.Conjectured), min(s.Proven, t.Proven)}
}

// Bounds above which a parameter changes no result, so that arithmetic stays small for any parameters. Verification refuses
// most of what is beyond them.
const (
	mostQueries   = 512 // at the least blowup more than 240 bits are proven
	mostLogBlowup = 16
	mostLogTrace  = 64
)

// No layout has more constraints, or more cells in its mask.
const (
	mostConstraints = 1 << 10
	mostMask        = 1 << 10
)

// Security returns the security of a proof of so many Cairo steps. With s queries, blowup 2^b (rate ρ = 2^-b) and w bits of
// proof of work:
//
// Conjectured is s·b + w, as Stone and ethSTARK count (StarkWare, ePrint 2021/582). This takes each query to
// err with probability ρ, that is, that functions can be folded without loss up to a distance of 1-ρ. Crites and Stewart
// (ePrint 2025/2046) and Diamond and Gruen (ePrint 2025/2010) refuted the conjecture at that distance; no attack is known that
// gains more than about a bit.
//
// Proven is the better of two regimes, in each of which the weakest round counts:
//
//   - up to the Johnson bound, with gap √ρ/100 to it: s·(b/2 - log2 1.01) + w from the queries. Functions are folded
//     with the loss of Ben-Sasson, Carmon, Haböck, Kopparty and Saraf (ePrint 2025/2055, theorem 4.2, multiplicity m = 50);
//   - up to half the minimal distance: s·(1 - log2(1+ρ)) + w, with the loss of the same paper's corollary 1.4.
//
// The rounds in the field (batching, folds, ALI, DEEP) are those of Haböck, ePrint 2022/1216, theorem 8. They bind neither
// default nor preset. github.com/ethereum/soundcalc computes the same.
//
// Both are capped by the rounds in the field, and by the collision resistance of the hashes: half their output's length, so 80
// bits for commitments of 160.
func (p *Parameters) Security(steps uint64) Security {
	queries := uint(min(max(p.Queries, 0), mostQueries))
	blowup := min(p.LogBlowup, mostLogBlowup)
	work := min(p.WorkBits, transcript.MaxWorkBits)
	logTrace := uint(4) // rows per step
	if steps > 1 {
		logTrace += uint(bits.Len64(steps - 1))
	}
	fold := uint(0)
	for _, step := range p.FRISteps {
		fold = max(fold, step)
	}
	r := rounds{
		logBlowup: blowup, logTrace: min(logTrace, mostLogTrace), batch: mostMask + 2, fold: 1 << min(fold, mostLogTrace-1),
		constraints: mostConstraints, degree: 2, combo: mostMask,
	}
	unique, johnson := r.unique(), r.johnson()
	conjectured := min(queries*blowup+work, unique.least())
	proven := max(
		min(uniqueQueries(queries, blowup, work), unique.least()),
		min(johnsonQueries(queries, blowup, work), johnson.least()))
	// What is conjectured is never less than what is proven.
	collisions := p.collisionBits()
	return Security{min(max(conjectured, proven), collisions), min(proven, collisions)}
}

// collisionBits is the collision resistance of the hashes that a proof rests on.
func (p *Parameters) collisionBits() uint {
	least := min(collisionBits(p.Commitment), collisionBits(p.Channel))
	if p.FriendlyLayers > 0 || p.FriendlyUpdates {
		least = min(least, collisionBits(p.Friendly))
	}
	return least
}

func collisionBits(h transcript.Hash) uint {
	base, from, to := h.Base()
	if base.Algebraic() {
		return 125 // of an output of 251 bits
	}
	return uint(to-from) * 8 / 2
}

// uniqueQueries is the largest k with ((1+ρ)/2)^queries · 2^-work ≤ 2^-k.
func uniqueQueries(queries, logBlowup, work uint) uint {
	miss := power(1<<logBlowup+1, queries) // times 2^-((logBlowup+1)·queries)
	return floorLog2(new(big.Int).Lsh(one, (logBlowup+1)*queries+work), miss)
}

// johnsonQueries is the largest k with (1.01·√ρ)^queries · 2^-work ≤ 2^-k, found from the squares of both sides.
func johnsonQueries(queries, logBlowup, work uint) uint {
	good := power(100, 2*queries)
	return floorLog2(good.Lsh(good, logBlowup*queries+2*work), power(101, 2*queries)) / 2
}

// rounds are the sizes on which errors of the rounds in the field depend.
type rounds struct {
	logBlowup, logTrace uint
	batch               uint64 // functions that one random element combines
	fold                uint64 // the largest folding factor of a layer
	constraints, degree uint64
	combo               uint64 // most cells that a constraint reads of one column
}

// fieldBits are the bits of security of the rounds in the field.
type fieldBits struct{ batching, ali, deep uint }

func (b fieldBits) least() uint { return min(b.batching, b.ali, b.deep) }

// unique returns the bits up to half the minimal distance: γ = (1-ρ)/2, the error of a fold with one random element is
// (γ·n + 1)/|F|, the list has one element.
func (r *rounds) unique() fieldBits {
	n := new(big.Int).Lsh(one, r.logTrace+r.logBlowup)
	loss := new(big.Int).Sub(n, new(big.Int).Lsh(one, r.logTrace)) // 2γ·n
	loss.Rsh(loss.Add(loss, one), 1)
	return r.bits(loss.Add(loss, one), one)
}

// johnson returns the bits up to the Johnson bound with m = 50: the error of a fold with one random element is
//
//	((2·(m+½)^5 + 3·(m+½)·γρ)/(3·ρ^1.5)·n + (m+½)/√ρ) / |F|
//
// and the list has 1/(2·√ρ/100·√ρ) = 50/ρ elements. Here everything is rounded up: γρ to 1/4, √ρ to an integer's power of 1/2.
func (r *rounds) johnson() fieldBits {
	const numerator = (101*101*101*101*101/16 + 1 + 101*3/8 + 1) / 3 // of the first fraction, rounded up below
	loss := new(big.Int).Lsh(big.NewInt(numerator+1), r.logTrace+r.logBlowup+(3*r.logBlowup+1)/2)
	loss.Add(loss, new(big.Int).Lsh(big.NewInt(51), (r.logBlowup+1)/2))
	return r.bits(loss, new(big.Int).Lsh(big.NewInt(50), r.logBlowup))
}

// bits returns the bits for a loss per fold, times |F|, and a size of list.
func (r *rounds) bits(loss, list *big.Int) fieldBits {
	field := felt.Modulus()
	batching := new(big.Int).Mul(loss, number(max(r.batch, r.fold)-1))
	ali := new(big.Int).Mul(list, number(r.constraints))
	// degree·(trace + combo - 1) + trace - 1, over the field without the domains
	trace := new(big.Int).Lsh(one, r.logTrace)
	deep := new(big.Int).Add(trace, number(r.combo-1))
	deep.Mul(deep, number(r.degree))
	deep.Sub(deep.Add(deep, trace), one)
	deep.Mul(deep, list)
	outside := new(big.Int).Sub(field, trace)
	outside.Sub(outside, new(big.Int).Lsh(one, r.logTrace+r.logBlowup))
	return fieldBits{floorLog2(field, batching), floorLog2(field, ali), floorLog2(outside, deep)}
}

var one = big.NewInt(1)

func number(x uint64) *big.Int { return new(big.Int).SetUint64(x) }

func power(base, exponent uint) *big.Int {
	return new(big.Int).Exp(number(uint64(base)), number(uint64(exponent)), nil)
}

// floorLog2 is the largest k ≥ 0 with 2^k ≤ a/b, and 0 if there is none.
func floorLog2(a, b *big.Int) uint {
	q := new(big.Int).Quo(a, b)
	if q.Sign() == 0 {
		return 0
	}
	return uint(q.BitLen() - 1)
}
