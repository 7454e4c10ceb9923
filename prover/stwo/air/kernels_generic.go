//go:build !amd64 || purego

package air

import "github.com/starkd/starkd/prover/stwo/m31"

// vectorBits is 0, because this build has no kernels.
var vectorBits = 0

func execute(code []uint32, slots []*m31.M31, n int)                    { panic("air: no kernels") }
func vectorSecureSum(d *m31.M31, s *secureSum, slots []*m31.M31, n int) { panic("air: no kernels") }
func vectorAddSecureSum(sums []uint64, s *secureSum, slots []*m31.M31, n int) {
	panic("air: no kernels")
}
func vectorAddPair(b *pairBlock, n int)                  { panic("air: no kernels") }
func vectorFinish(d []m31.M31, sums []uint64, k m31.M31) { panic("air: no kernels") }
func vectorNorms(norms []m31.M31, w, x *m31.M31)         { panic("air: no kernels") }
func vectorInvert(v, scratch []m31.M31)                  { panic("air: no kernels") }
func vectorAddFraction(dst, src *[4]*m31.M31, x, w *m31.M31, inverse []m31.M31, multiplicity *m31.M31, k m31.M31) {
	panic("air: no kernels")
}

func vectorInterleave(dst, even, odd []m31.M31)  { panic("air: no kernels") }
func vectorPairSums(s, v []m31.M31, k m31.M31)   { panic("air: no kernels") }
func vectorSpreadSums(v, s []m31.M31, k m31.M31) { panic("air: no kernels") }
func vectorSumsUp(low, high []m31.M31)           { panic("air: no kernels") }
func vectorSumsDown(low, high []m31.M31)         { panic("air: no kernels") }

func vectorPrefetch(columns []*m31.M31, n int) { panic("air: no kernels") }
