package starkcurve

import (
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
)

// Instance is a claim that Sum = P + M·Q in the group of the curve, for points other than infinity.
type Instance struct {
	P, Q, Sum Affine
	M         felt.Felt
}

// CheckInstances reports for each instance whether it holds. P and Q that are not on the curve make an instance false. It is a batch because a point that
// is multiplied often (the generator, the key of an account) gets a table of multiples, and other points share field inversions.
func CheckInstances(list []Instance) []bool {
	holds := make([]bool, len(list))
	parallel.For(len(list), func(i int) { holds[i] = list[i].P.onCurve() && list[i].Q.onCurve() })
	byPoint := map[Affine][]int{}
	var points []Affine // in the order of their first instances
	for i := range list {
		if !holds[i] {
			continue
		}
		q := list[i].Q
		if len(byPoint[q]) == 0 {
			points = append(points, q)
		}
		byPoint[q] = append(byPoint[q], i)
	}
	var rest []int // instances whose Q gets no table
	for _, q := range points {
		indices := byPoint[q]
		var table windows // kept only for its instances, since untrusted instances may have many points
		switch {
		case q == Affine{Generator.X, Generator.Y}:
			table = generatorWindows()
		case len(indices) >= usesForTable:
			table = newWindows(q)
		default:
			rest = append(rest, indices...)
			continue
		}
		parallel.Chunks(len(indices), usesForTable, func(start, end int) {
			for _, i := range indices[start:end] {
				sum := NewSum(&list[i].P)
				table.addMultiple(&sum, list[i].M)
				holds[i] = sum.Is(&list[i].Sum)
			}
		})
	}
	parallel.Chunks(len(rest), 1, func(start, end int) {
		for ; start < end; start += together {
			checkEach(list, rest[start:min(start+together, end)], holds)
		}
	})
	return holds
}

// onCurve reports whether p satisfies the curve's equation.
func (p *Affine) onCurve() bool {
	right := rightHandSide(&p.X)
	var left felt.Felt
	left.Square(&p.Y)
	return left == right
}

// windows holds the multiples of a point for windows of windowBits bits: [i][d-1] is d·2^(i·windowBits) times the point.
type windows [][]Affine

const (
	windowBits  = 5
	windowCount = (252 + windowBits - 1) / windowBits
	// usesForTable is how often a point must be multiplied for a table to save time: making it takes as long as five multiplications.
	usesForTable = 8
	// together is the number of instances that share field inversions. It bounds the memory.
	together = 128
)

func newWindows(q Affine) windows {
	counts := make([]int, windowCount)
	for i := range counts {
		counts[i] = 1<<windowBits - 1
	}
	return Multiples(Powers(q, windowBits, windowCount), counts)
}

// generatorWindows holds the multiples of Generator, by which every check of a signature multiplies.
var generatorWindows = sync.OnceValue(func() windows { return newWindows(Affine{Generator.X, Generator.Y}) })

// addMultiple adds m times the point to sum.
func (w windows) addMultiple(sum *Sum, m felt.Felt) {
	limbs := m.Limbs()
	for i := range w {
		if digit := window(&limbs, i*windowBits, windowBits); digit != 0 {
			sum.Add(&w[i][digit-1])
		}
	}
}

// window returns n bits of a number, from the given bit on.
func window(limbs *[4]uint64, from, n int) int {
	word := limbs[from/64] >> (from % 64)
	if from/64 < 3 && from%64 != 0 {
		word |= limbs[from/64+1] << (64 - from%64)
	}
	return int(word & (1<<n - 1))
}

// oddMultiples is the number of odd multiples of a point with which checkEach multiplies it: 1, 3, …, 15.
const oddMultiples = 8

// checkEach checks the instances with the given indices, by doubling and adding odd multiples of Q.
func checkEach(list []Instance, indices []int, holds []bool) {
	odd := make([][oddMultiples]Affine, len(indices))
	twice := make([]Affine, len(indices))
	pairs := make([]Pair, len(indices))
	for k, i := range indices {
		odd[k][0] = list[i].Q
		pairs[k] = Pair{&twice[k], &odd[k][0], &odd[k][0]}
	}
	AddPairs(pairs)
	for n := 1; n < oddMultiples; n++ {
		for k := range pairs {
			pairs[k] = Pair{&odd[k][n], &odd[k][n-1], &twice[k]}
		}
		AddPairs(pairs)
	}
	for k, i := range indices {
		var sum Sum
		digits := signedDigits(list[i].M)
		for at := len(digits) - 1; at >= 0; at-- {
			sum.Double()
			if d := digits[at]; d > 0 {
				sum.Add(&odd[k][d/2])
			} else if d < 0 {
				sum.Subtract(&odd[k][-d/2])
			}
		}
		sum.Add(&list[i].P)
		holds[i] = sum.Is(&list[i].Sum)
	}
}

// signedDigits returns the digits of m to the base 2, lowest first, in the non-adjacent form of width 5: of five consecutive digits at most one is not 0, and that one
// is odd and between -15 and 15.
func signedDigits(m felt.Felt) (digits [253]int8) {
	limbs := m.Limbs()
	carry := 0
	for at := 0; at < len(digits); {
		if bit := window(&limbs, at, 1); bit == carry { // the rest is even
			at++
			continue
		}
		d := window(&limbs, at, 5) + carry
		if carry = 0; d > 15 {
			d, carry = d-32, 1
		}
		digits[at] = int8(d)
		at += 5
	}
	return digits
}
