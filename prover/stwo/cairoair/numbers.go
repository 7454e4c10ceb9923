package cairoair

import (
	"math/big"
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// The witness of arithmetic modulo P, on blocks of rows: functions from columns of limbs to columns of limbs.

// maxBlock is the largest number of rows of a block, and maxGroups that of its groups of 16 rows.
const (
	maxBlock  = 256
	maxGroups = maxBlock / wide.Rows
)

// packedBits and packed252 are the bits of a limb and the number of limbs of a number as Poseidon's components write it.
const (
	packedBits = wide.PackedBits
	packed252  = wide.PackedCount
)

// scratch is memory for the numbers of a block. It is large, so that the vectors in it are where the processor likes them.
type scratch struct {
	limbs  [9]wide.Limbs
	packed wide.Packed
	felts  [11][maxGroups]wide.Felts

	// Factors of wide.Felts.Mul, which divides by R = 2^256. unit takes a number out of Montgomery form, toProduct makes x·y of x·y/R, and
	// toCube makes x³ of x³/R².
	unit, toProduct, toCube wide.Felts
}

var scratches = sync.Pool{New: func() any {
	radix, two, exponent := felt.Felt{}, felt.FromUint64(2), big.NewInt(256)
	radix.Exp(&two, exponent)
	s := &scratch{unit: wide.Constant(felt.One), toProduct: wide.Montgomery(radix)}
	radix.Square(&radix)
	s.toCube = wide.Montgomery(radix)
	return s
}}

// blockwise returns an Eval that calls f with scratch memory and the number of rows, which is a multiple of 16 up to maxBlock.
func blockwise(f func(s *scratch, rows int, in, out [][]m31.M31)) func(env any, in, out [][]m31.M31) {
	return func(_ any, in, out [][]m31.M31) {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		rows := len(in[0])
		if rows <= maxBlock && rows%wide.Rows == 0 {
			f(s, rows, in, out)
			return
		}
		for from := 0; from < rows; from += maxBlock {
			to := min(from+maxBlock, rows)
			partIn, partOut := cutRows(in, from, to), cutRows(out, from, to)
			if n := to - from; n%wide.Rows == 0 {
				f(s, n, partIn, partOut)
			} else {
				// The last group is completed with copies of the first row.
				padded := (n + wide.Rows - 1) / wide.Rows * wide.Rows
				moreIn, moreOut := padRows(partIn, padded), padRows(partOut, padded)
				f(s, padded, moreIn, moreOut)
				for k, word := range partOut {
					copy(word, moreOut[k])
				}
			}
		}
	}
}

// cutRows returns a part of the rows of words, of which some may be nil.
func cutRows(words [][]m31.M31, from, to int) [][]m31.M31 {
	part := make([][]m31.M31, len(words))
	for k, word := range words {
		if word != nil {
			part[k] = word[from:to]
		}
	}
	return part
}

// padRows returns copies of words with n rows, of which those at the end are equal to the first one.
func padRows(words [][]m31.M31, n int) [][]m31.M31 {
	padded := make([][]m31.M31, len(words))
	for k, word := range words {
		if word != nil {
			padded[k] = make([]m31.M31, n)
			for i := copy(padded[k], word); i < n; i++ {
				padded[k][i] = word[0]
			}
		}
	}
	return padded
}

// carriesOf computes k and the carries of x·y - z from the limbs of x, y and z.
var carriesOf = &air.Function{Name: "carries of a product", In: 3 * limbs252, Out: limbs252,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		x, y, z := &s.limbs[0], &s.limbs[1], &s.limbs[2]
		for row := 0; row < rows; row += wide.Rows {
			x.Load(in, row)
			y.Load(in[limbs252:], row)
			z.Load(in[2*limbs252:], row)
			wide.Carries(out, row, x, y, z)
		}
	})}

// productOf computes the limbs of z = x·y modulo P, k and the carries from the limbs of x and y.
var productOf = &air.Function{Name: "product", In: 2 * limbs252, Out: 2 * limbs252,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		x, y, z := &s.limbs[0], &s.limbs[1], &s.limbs[2]
		a, b := &s.felts[0][0], &s.felts[0][1]
		for row := 0; row < rows; row += wide.Rows {
			x.Load(in, row)
			y.Load(in[limbs252:], row)
			a.FromLimbs(x)
			b.FromLimbs(y)
			a.Mul(a, b)
			a.Mul(a, &s.toProduct)
			z.FromFelts(a)
			z.Store(out, row)
			wide.Carries(out[limbs252:], row, x, y, z)
		}
	})}

// sumOf computes the limbs of x + y modulo P from the limbs of x and y.
var sumOf = &air.Function{Name: "sum", In: 2 * limbs252, Out: limbs252,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		x, a, b := &s.limbs[0], &s.felts[0][0], &s.felts[0][1]
		for row := 0; row < rows; row += wide.Rows {
			x.Load(in, row)
			a.FromLimbs(x)
			x.Load(in[limbs252:], row)
			b.FromLimbs(x)
			a.Add(a, b)
			x.FromFelts(a)
			x.Store(out, row)
		}
	})}

// cubeOf computes the cube of a packed number.
var cubeOf = &air.Function{Name: "cube", In: packed252, Out: packed252,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		x := &s.felts[0][0]
		for row := 0; row < rows; row += wide.Rows {
			s.loadPacked(x, in, row)
			s.cube(x, x, &s.felts[0][1])
			s.storePacked(out, row, x)
		}
	})}

// cube sets z to x³. It uses square.
func (s *scratch) cube(z, x, square *wide.Felts) {
	square.Mul(x, x)
	z.Mul(x, square)
	z.Mul(z, &s.toCube)
}

// loadPacked sets x to packed numbers in rows of the columns, storePacked writes them there.
func (s *scratch) loadPacked(x *wide.Felts, columns [][]m31.M31, row int) {
	s.packed.Load(columns, row)
	x.FromPacked(&s.packed)
}

func (s *scratch) storePacked(columns [][]m31.M31, row int, x *wide.Felts) {
	if columns[0] != nil { // the component needs them
		s.packed.FromFelts(x)
		s.packed.Store(columns, row)
	}
}

// combinationOf returns the function that computes Σ factors[i]·x[i] modulo P of packed numbers.
func combinationOf(factors []int) *air.Function {
	return &air.Function{Name: "combination", In: packed252 * len(factors), Out: packed252,
		Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
			x, sum := &s.felts[0][0], &s.felts[0][1]
			for row := 0; row < rows; row += wide.Rows {
				*sum = wide.Felts{}
				for i, f := range factors {
					s.loadPacked(x, in[packed252*i:], row)
					addTimes(sum, f, x)
				}
				s.storePacked(out, row, sum)
			}
		})}
}

// addTimes adds f·x to z, for a small f. It changes x.
func addTimes(z *wide.Felts, f int, x *wide.Felts) {
	for ; f > 0; f >>= 1 {
		if f&1 == 1 {
			z.Add(z, x)
		}
		if f > 1 {
			x.Add(x, x)
		}
	}
	for f = -f; f > 0; f >>= 1 {
		if f&1 == 1 {
			z.Sub(z, x)
		}
		if f > 1 {
			x.Add(x, x)
		}
	}
}
