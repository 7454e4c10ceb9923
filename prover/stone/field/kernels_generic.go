//go:build !amd64 || purego

package field

// vectorKernels reports whether the kernels of kernels_amd64.s can run.
const vectorKernels = false

// These functions are never called, because vectorKernels is false.

func mulVec(dst, a, b *[4]uint64, blocks int)                    { panic("field: no kernels") }
func scaleVec(dst, a, k *[4]uint64, blocks int)                  { panic("field: no kernels") }
func mulAddVec(dst, a, k *[4]uint64, blocks int)                 { panic("field: no kernels") }
func addMulVec(dst, a, b *[4]uint64, blocks int)                 { panic("field: no kernels") }
func innerProduct(sums *[80]uint64, a, b *[4]uint64, blocks int) { panic("field: no kernels") }

func hashWords(dst *[8][16]uint32, src *[4]uint64) { panic("field: no kernels") }

func butterflyEvaluate(e, o, w *[4]uint64, blocks int)                  { panic("field: no kernels") }
func evaluateLazy(e, o, w *[4]uint64, blocks int)                       { panic("field: no kernels") }
func interpolateLazy(e, o, w *[4]uint64, blocks int)                    { panic("field: no kernels") }
func evaluateSmall(dst, src, w0, w1, w2 *[4]uint64, blocks int)         { panic("field: no kernels") }
func interpolateSmall(a, w0, w1, w2 *[4]uint64, blocks int)             { panic("field: no kernels") }
func evaluateLazy4(a *[4]uint64, stride int, w, v *[4]uint64, n int)    { panic("field: no kernels") }
func interpolateLazy4(a *[4]uint64, stride int, w, v *[4]uint64, n int) { panic("field: no kernels") }
