// Command _asm generates ../lanes_amd64.s, the BLAKE2s compression function for sixteen messages at once, with AVX-512 or AVX2.
//
//	go run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg blake
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/starkd/starkd/crypto/blake/_asm/blake2s"
)

func compress(l *blake2s.Lanes) {
	TEXT(fmt.Sprintf("compress%d", l.Bits()), 0, "func(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("compress%d applies Compress in sixteen lanes; final is all ones for the last block and 0 otherwise.", l.Bits()))
	l.Begin()
	h, m := Load(Param("h"), GP64()), Load(Param("m"), GP64())
	row := func(base Register, k int) Mem { return Mem{Base: base, Disp: 64 * k} }
	lanes := func() {
		v := l.State()
		for i := range 8 {
			l.Load(row(h, i), v[i])
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
			l.Broadcast(x, v[8+i])
		}
		l.Rounds(&v, func(k int, a VecVirtual) { VPADDD(row(m, k), a, a) })
		for i := range 8 {
			l.Xor(v[8+i], v[i])
			l.Xor(row(h, i), v[i])
			l.Store(v[i], row(h, i))
		}
	}
	l.Halves(lanes, h, m)
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	compress(&blake2s.Lanes{Wide: true})
	narrow := &blake2s.Lanes{}
	narrow.Constants()
	compress(narrow)
	Generate()
}
