// Command _asm generates ../lanes_amd64.s, the BLAKE2s compression function for sixteen messages at once. Each message has a lane of the
// AVX-512 registers.
//
//	go run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg blake
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/starkd/starkd/crypto/blake/_asm/blake2s"
)

func main() {
	ConstraintExpr("!purego")
	TEXT("compress16", NOSPLIT, "func(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32)")
	Pragma("noescape")
	Doc("compress16 applies Compress in sixteen lanes; final is all ones for the last block and 0 otherwise.")
	h, m := Load(Param("h"), GP64()), Load(Param("m"), GP64())
	var v [16]VecVirtual
	row := func(base Register, k int) Mem { return Mem{Base: base, Disp: 64 * k} }
	for i := range v {
		v[i] = ZMM()
	}
	for i := range 8 {
		VMOVDQU32(row(h, i), v[i])
		x := GP32()
		MOVL(U32(blake2s.IV[i]), x)
		switch i {
		case 4: // low word of the counter
			t := GP64()
			Load(Param("t"), t)
			XORL(t.As32(), x)
		case 5: // high word
			t := GP64()
			Load(Param("t"), t)
			SHRQ(Imm(32), t)
			XORL(t.As32(), x)
		case 6:
			f := GP32()
			Load(Param("final"), f)
			XORL(f, x)
		}
		VPBROADCASTD(x, v[8+i])
	}
	// quarters emits a column or a diagonal step: four independent quarter rounds, interleaved for instruction-level parallelism.
	quarters := func(q [4][4]int, s []int) {
		each := func(f func(a, b, c, d VecVirtual, x, y Mem)) {
			for k, i := range q {
				f(v[i[0]], v[i[1]], v[i[2]], v[i[3]], row(m, s[2*k]), row(m, s[2*k+1]))
			}
		}
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(b, a, a) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(x, a, a) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPXORD(a, d, d) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPRORD(Imm(16), d, d) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(d, c, c) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPXORD(c, b, b) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPRORD(Imm(12), b, b) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(b, a, a) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(y, a, a) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPXORD(a, d, d) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPRORD(Imm(8), d, d) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPADDD(d, c, c) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPXORD(c, b, b) })
		each(func(a, b, c, d VecVirtual, x, y Mem) { VPRORD(Imm(7), b, b) })
	}
	for _, s := range blake2s.Sigma {
		quarters([4][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}}, s[:8])
		quarters([4][4]int{{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}, s[8:])
	}
	for i := range 8 {
		VPXORD(v[8+i], v[i], v[i])
		VPXORD(row(h, i), v[i], v[i])
		VMOVDQU32(v[i], row(h, i))
	}
	VZEROUPPER()
	RET()
	Generate()
}
