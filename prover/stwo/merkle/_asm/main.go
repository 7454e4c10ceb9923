// Command _asm generates ../lanes_amd64.s: BLAKE2s for sixteen leaves or nodes of a tree at once. Each message has a lane of the AVX-512
// registers.
//
//	go run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg merkle
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var iv = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

var sigma = [10][16]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

// parameters is the parameter block of an unkeyed hash with a digest of 32 bytes.
const parameters = 0x01010020

// digest is the size of a BLAKE2s digest in words.
const digest = 8

func row(base Register, k int) Mem { return Mem{Base: base, Disp: 64 * k} }

// newState returns sixteen registers.
func newState() (v [16]VecVirtual) {
	for i := range v {
		v[i] = ZMM()
	}
	return v
}

func broadcast(x uint32, v VecVirtual) {
	g := GP32()
	MOVL(U32(x), g)
	VPBROADCASTD(g, v)
}

// rounds emits the ten rounds. add adds word k of the message to a register.
func rounds(v *[16]VecVirtual, add func(k int, a VecVirtual)) {
	// A column or a diagonal step is four independent quarter rounds, interleaved for instruction-level parallelism.
	quarters := func(q [4][4]int, s []int) {
		each := func(f func(a, b, c, d VecVirtual, x, y int)) {
			for k, i := range q {
				f(v[i[0]], v[i[1]], v[i[2]], v[i[3]], s[2*k], s[2*k+1])
			}
		}
		each(func(a, b, c, d VecVirtual, x, y int) { VPADDD(b, a, a) })
		each(func(a, b, c, d VecVirtual, x, y int) { add(x, a) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPXORD(a, d, d) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(16), d, d) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPADDD(d, c, c) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPXORD(c, b, b) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(12), b, b) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPADDD(b, a, a) })
		each(func(a, b, c, d VecVirtual, x, y int) { add(y, a) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPXORD(a, d, d) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(8), d, d) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPADDD(d, c, c) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPXORD(c, b, b) })
		each(func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(7), b, b) })
	}
	for _, s := range sigma {
		quarters([4][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}}, s[:8])
		quarters([4][4]int{{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}, s[8:])
	}
}

func compressColumns() {
	TEXT("compressColumns16", NOSPLIT, "func(h *[8][16]uint32, m *[16]*uint32, t uint64, final uint32)")
	Pragma("noescape")
	Doc("compressColumns16 compresses a block in sixteen lanes: m[k] points to word k of lane 0, which those of the other lanes follow. t is the",
		"number of bytes hashed so far, with this block; final is all ones for the last block and 0 otherwise.")
	h, m := Load(Param("h"), GP64()), Load(Param("m"), GP64())
	v := newState()
	for i := range digest {
		VMOVDQU32(row(h, i), v[i])
		x := GP32()
		MOVL(U32(iv[i]), x)
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
		VPBROADCASTD(x, v[digest+i])
	}
	rounds(&v, func(k int, a VecVirtual) {
		p := GP64()
		MOVQ(Mem{Base: m, Disp: 8 * k}, p)
		VPADDD(Mem{Base: p}, a, a)
	})
	for i := range digest {
		VPXORD(v[digest+i], v[i], v[i])
		VPXORD(row(h, i), v[i], v[i])
		VMOVDQU32(v[i], row(h, i))
	}
	VZEROUPPER()
	RET()
}

func pairs() {
	TEXT("pairs16", NOSPLIT, "func(dst, a, b *[8][16]uint32)")
	Pragma("noescape")
	Doc("pairs16 hashes pairs of digests: the first of dst are the hashes of digests 0 and 1, 2 and 3, … of a, then come those of b. dst may be a or b.")
	dst, a, b := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	even := GLOBL("even", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(2*i))
	}
	var message [16]VecVirtual // all registers hold the message or the state
	left, right, one := ZMM(), ZMM(), ZMM()
	VMOVDQU32(even, left)
	broadcast(1, one)
	VPADDD(one, left, right)
	for i := range digest {
		x, y, z := ZMM(), ZMM(), ZMM()
		VMOVDQU32(row(a, i), x)
		VMOVDQU32(row(b, i), y)
		VMOVDQA32(x, z)
		VPERMT2D(y, left, z)
		VPERMT2D(y, right, x)
		message[i], message[digest+i] = z, x
	}
	v := newState()
	for i := range digest {
		first := iv[i]
		if i == 0 {
			first ^= parameters
		}
		broadcast(first, v[i])
		x := iv[i]
		switch i {
		case 4:
			x ^= 64 // bytes of the message
		case 6:
			x = ^x // the only block is the last
		}
		broadcast(x, v[digest+i])
	}
	rounds(&v, func(k int, a VecVirtual) { VPADDD(message[k], a, a) })
	for i := range digest {
		VPXORD(v[digest+i], v[i], v[i])
		first := iv[i]
		if i == 0 {
			first ^= parameters
		}
		x := ZMM()
		broadcast(first, x)
		VPXORD(x, v[i], v[i])
		VMOVDQU32(v[i], row(dst, i))
	}
	VZEROUPPER()
	RET()
}

func reduce() {
	TEXT("reduce16", NOSPLIT, "func(h *[8][16]uint32)")
	Pragma("noescape")
	Doc("reduce16 reduces all words modulo 2^31 - 1.")
	h := Load(Param("h"), GP64())
	p := ZMM()
	broadcast(1<<31-1, p)
	for i := range digest {
		x, y := ZMM(), ZMM()
		VMOVDQU32(row(h, i), x)
		VPSRLD(Imm(31), x, y)
		VPANDD(p, x, x)
		VPADDD(y, x, x)
		VPSUBD(p, x, y)
		VPMINUD(y, x, x)
		VMOVDQU32(x, row(h, i))
	}
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	compressColumns()
	pairs()
	reduce()
	Generate()
}
