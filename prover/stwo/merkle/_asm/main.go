// Command _asm generates ../lanes_amd64.s: BLAKE2s for sixteen leaves or nodes of a tree at once, with AVX-512 or AVX2.
//
//	go run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg merkle
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/starkd/starkd/crypto/blake/_asm/blake2s"
)

// parameters is the parameter block of an unkeyed hash with a digest of 32 bytes.
const parameters = 0x01010020

// digest is the size of a BLAKE2s digest in words.
const digest = 8

func row(base Register, k int) Mem { return Mem{Base: base, Disp: 64 * k} }

func broadcast(l *blake2s.Lanes, x uint32, v VecVirtual) {
	g := GP32()
	MOVL(U32(x), g)
	l.Broadcast(g, v)
}

func compressColumns(l *blake2s.Lanes) {
	name := fmt.Sprint("compressColumns", l.Bits())
	TEXT(name, 0, "func(h *[8][16]uint32, m *[16]*uint32, t uint64, final uint32)")
	Pragma("noescape")
	Doc(name+" compresses a block in sixteen lanes: m[k] points to word k of lane 0, which those of the other lanes follow. t is the",
		"number of bytes hashed so far, with this block; final is all ones for the last block and 0 otherwise.")
	l.Begin()
	h, m, offset := Load(Param("h"), GP64()), Load(Param("m"), GP64()), GP64()
	XORQ(offset, offset)
	l.Halves(func() {
		v := l.State()
		for i := range digest {
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
			l.Broadcast(x, v[digest+i])
		}
		l.Rounds(&v, func(k int, a VecVirtual) {
			p := GP64()
			MOVQ(Mem{Base: m, Disp: 8 * k}, p)
			VPADDD(Mem{Base: p, Index: offset, Scale: 1}, a, a)
		})
		for i := range digest {
			l.Xor(v[digest+i], v[i])
			l.Xor(row(h, i), v[i])
			l.Store(v[i], row(h, i))
		}
	}, h, offset)
	VZEROUPPER()
	RET()
}

func pairs(l *blake2s.Lanes) {
	name := fmt.Sprint("pairs", l.Bits())
	TEXT(name, 0, "func(dst, a, b *[8][16]uint32)")
	Pragma("noescape")
	Doc(name + " hashes pairs of digests: the first of dst are the hashes of digests 0 and 1, 2 and 3, … of a, then come those of b. dst may be a or b.")
	l.Begin()
	dst, a, b := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	var add func(k int, v VecVirtual)
	var message Register
	if l.Wide {
		even := GLOBL("even", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(2*i))
		}
		var words [16]VecVirtual // all registers hold the message or the state
		left, right, one := ZMM(), ZMM(), ZMM()
		VMOVDQU32(even, left)
		broadcast(l, 1, one)
		VPADDD(one, left, right)
		for i := range digest {
			x, y, z := ZMM(), ZMM(), ZMM()
			VMOVDQU32(row(a, i), x)
			VMOVDQU32(row(b, i), y)
			VMOVDQA32(x, z)
			VPERMT2D(y, left, z)
			VPERMT2D(y, right, x)
			words[i], words[digest+i] = z, x
		}
		add = func(k int, v VecVirtual) { VPADDD(words[k], v, v) }
	} else {
		// The messages of both halves are made before the first result is stored. A half has the digests of a or of b. Word k is at 64·k.
		memory := AllocLocal(64 * 16)
		message = GP64()
		LEAQ(memory, message)
		for half, src := range []Register{a, b} {
			for i := range digest {
				x, y, z := YMM(), YMM(), YMM()
				VMOVDQU(row(src, i), x)
				VMOVDQU(row(src, i).Offset(32), y)
				VSHUFPS(Imm(0x88), y, x, z) // the even words, in the order 0 1 4 5 2 3 6 7
				VSHUFPS(Imm(0xdd), y, x, x)
				VPERMQ(Imm(0xd8), z, z)
				VPERMQ(Imm(0xd8), x, x)
				VMOVDQU(z, row(message, i).Offset(32*half))
				VMOVDQU(x, row(message, digest+i).Offset(32*half))
			}
		}
		add = func(k int, v VecVirtual) { VPADDD(row(message, k), v, v) }
	}
	hash := func() {
		v := l.State()
		for i := range digest {
			first := blake2s.IV[i]
			if i == 0 {
				first ^= parameters
			}
			broadcast(l, first, v[i])
			x := blake2s.IV[i]
			switch i {
			case 4:
				x ^= 64 // bytes of the message
			case 6:
				x = ^x // the only block is the last
			}
			broadcast(l, x, v[digest+i])
		}
		l.Rounds(&v, add)
		for i := range digest {
			l.Xor(v[digest+i], v[i])
			first := blake2s.IV[i]
			if i == 0 {
				first ^= parameters
			}
			broadcast(l, first, v[digest+i])
			l.Xor(v[digest+i], v[i])
			l.Store(v[i], row(dst, i))
		}
	}
	if l.Wide {
		hash()
	} else {
		l.Halves(hash, message, dst)
	}
	VZEROUPPER()
	RET()
}

func reduce(l *blake2s.Lanes) {
	name := fmt.Sprint("reduce", l.Bits())
	TEXT(name, NOSPLIT, "func(h *[8][16]uint32)")
	Pragma("noescape")
	Doc(name + " reduces all words modulo 2^31 - 1.")
	h := Load(Param("h"), GP64())
	p := l.Vector()
	broadcast(l, 1<<31-1, p)
	bytes := l.Bits() / 8
	for at := 0; at < 4*16*digest; at += bytes {
		m := Mem{Base: h, Disp: at}
		x, y := l.Vector(), l.Vector()
		l.Load(m, x)
		VPSRLD(Imm(31), x, y)
		if l.Wide {
			VPANDD(p, x, x)
		} else {
			VPAND(p, x, x)
		}
		VPADDD(y, x, x)
		VPSUBD(p, x, y)
		VPMINUD(y, x, x)
		l.Store(x, m)
	}
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	narrow := &blake2s.Lanes{}
	for _, l := range []*blake2s.Lanes{{Wide: true}, narrow} {
		if !l.Wide {
			l.Constants()
		}
		compressColumns(l)
		pairs(l)
		reduce(l)
	}
	Generate()
}
