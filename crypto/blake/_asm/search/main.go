// Command search generates ../search_amd64.s: the search for a proof of work with BLAKE2s, sixteen nonces at a time with AVX-512, eight with AVX2.
//
//	go run ./search -out ../search_amd64.s -stubs ../search_amd64.go -pkg blake
//
// The message is one block of 40 bytes. One of the words 8 and 9 counts, the others are the same for all nonces, words 10 to 15 are 0. Only the
// first word of the digest is needed. So most of the first round is done once for all nonces, and of the last round only what the
// first word depends on.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/starkd/starkd/crypto/blake/_asm/blake2s"
)

const zero = 10 // the first of the words that are 0

// digest0 is the first word of the state before the block.
var digest0 = blake2s.IV[0] ^ 0x01010020

// numbers holds the numbers of the lanes, and reversal the order of the bytes in a vector whose words are turned around.
var numbers, reversal Mem

// search generates a function whose word low counts. With reversed its bytes are in big-endian order. With reduce the digest's word is taken modulo
// 2^31 - 1.
func search(l *blake2s.Lanes, name string, low int, reversed, reduce bool) {
	name, lanes := fmt.Sprint(name, "x", l.Bits()), l.Bits()/32
	TEXT(name, 0, "func(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32")
	Pragma("noescape")
	modulo := ""
	if reduce {
		modulo = " modulo 2^31 - 1"
	}
	order := ""
	if reversed {
		order = ", with its bytes reversed,"
	}
	Doc(fmt.Sprintf("%s returns the first number from first on that, as word %d%s gives a digest whose first word%s has no", name, low, order, modulo),
		fmt.Sprintf("bit of mask, or first + %d·count if there is none among so many. start is the state in the first round: see startState.", lanes))
	l.Begin()
	start, words := Load(Param("start"), GP64()), Load(Param("words"), GP64())
	next, count := Load(Param("first"), GP32()), Load(Param("count"), GP32())
	v := l.State()
	nonce, counting := l.Vector(), l.Vector()
	broadcast := func(x Op, v VecVirtual) {
		g := GP32()
		MOVL(x, g)
		l.Broadcast(g, v)
	}
	// With AVX2 all registers hold the state, and the rest is in memory.
	var add func(k int, a VecVirtual)
	var advance func()
	var mask Op
	if l.Wide {
		step, m, turn := ZMM(), ZMM(), ZMM()
		VPBROADCASTD(Load(Param("mask"), GP32()).(Register), m)
		mask = m
		VPBROADCASTD(next, nonce)
		VPADDD(numbers, nonce, nonce)
		broadcast(U32(lanes), step)
		if reversed {
			VMOVDQU32(reversal, turn)
		}
		Label("loop")
		if reversed {
			VPSHUFB(turn, nonce, counting)
		} else {
			counting = nonce
		}
		add = func(k int, a VecVirtual) {
			switch {
			case k == low:
				VPADDD(counting, a, a)
			case k < zero:
				VPADDD_BCST(Mem{Base: words, Disp: 4 * k}, a, a)
			}
		}
		advance = func() { VPADDD(step, nonce, nonce) }
	} else {
		table, nonces, m := AllocLocal(32*zero), AllocLocal(32), AllocLocal(32)
		mask = m
		t := l.Vector()
		for k := range zero {
			VPBROADCASTD(Mem{Base: words, Disp: 4 * k}, t)
			VMOVDQU(t, table.Offset(32*k))
		}
		g := GP32()
		Load(Param("mask"), g)
		l.Broadcast(g, t)
		VMOVDQU(t, m)
		MOVL(next, g)
		l.Broadcast(g, t)
		VPADDD(numbers, t, t)
		VMOVDQU(t, nonces)
		Label("loop")
		VMOVDQU(nonces, counting)
		if reversed {
			VPSHUFB(reversal, counting, counting)
		}
		VMOVDQU(counting, table.Offset(32*low))
		add = func(k int, a VecVirtual) {
			if k < zero {
				VPADDD(table.Offset(32*k), a, a)
			}
		}
		advance = func() {
			broadcast(U32(lanes), nonce)
			VPADDD(nonces, nonce, nonce)
			VMOVDQU(nonce, nonces)
		}
	}
	for i := range v {
		VPBROADCASTD(Mem{Base: start, Disp: 4 * i}, v[i])
	}
	// The first round: what start leaves of its first diagonal, the sum of a and b excepted.
	for step := 1; step < blake2s.Steps; step++ {
		l.Step(step, &v, blake2s.Diagonals(0)[:1], add)
	}
	for round := 1; round < 10; round++ {
		for step := range blake2s.Steps {
			l.Step(step, &v, blake2s.Columns(round), add)
		}
		for step := range blake2s.Steps {
			diagonals := blake2s.Diagonals(round)
			if round == 9 { // v[0] and v[8] do not depend on the others
				switch {
				case step <= 8:
					diagonals = []blake2s.Quarter{diagonals[0], diagonals[2]}
				case step <= 11:
					diagonals = diagonals[2:3]
				default:
					diagonals = nil
				}
			}
			l.Step(step, &v, diagonals, add)
		}
	}
	word := l.Vector()
	broadcast(U32(digest0), word)
	l.Xor(v[0], word)
	l.Xor(v[8], word)
	if reduce {
		p, t := l.Vector(), l.Vector()
		broadcast(U32(1<<31-1), p)
		VPSRLD(Imm(31), word, t)
		if l.Wide {
			VPANDD(p, word, word)
		} else {
			VPAND(p, word, word)
		}
		VPADDD(t, word, word)
		VPSUBD(p, word, t)
		VPMINUD(t, word, word)
	}
	bits := GP32()
	if l.Wide {
		good := K()
		VPTESTNMD(mask, word, good)
		KMOVW(good, bits)
	} else {
		none := YMM()
		VPXOR(none, none, none)
		VPAND(mask, word, word)
		VPCMPEQD(none, word, word)
		VMOVMSKPS(word, bits)
	}
	TESTL(bits, bits)
	JNZ(LabelRef("found"))
	advance()
	ADDL(Imm(uint64(lanes)), next)
	DECL(count)
	JNZ(LabelRef("loop"))
	Store(next, ReturnIndex(0))
	VZEROUPPER()
	RET()
	Label("found")
	lane := GP32()
	BSFL(bits, lane)
	ADDL(lane, next)
	Store(next, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	numbers = GLOBL("numbers", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	reversal = GLOBL("reversal", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(0x00010203+i%4*0x04040404))
	}
	narrow := &blake2s.Lanes{}
	for _, l := range []*blake2s.Lanes{{Wide: true}, narrow} {
		if !l.Wide {
			l.Constants()
		}
		search(l, "searchWord8", 8, false, false)
		search(l, "searchWord8M31", 8, false, true)
		search(l, "searchWord9Reversed", 9, true, false)
	}
	Generate()
}
