// Command search generates ../search_amd64.s: the search for a proof of work with BLAKE2s, sixteen nonces at a time.
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

var (
	columns   = [4][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}}
	diagonals = [4][4]int{{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}
)

const zero = 10 // the first of the words that are 0

// digest0 is the first word of the state before the block.
var digest0 = blake2s.IV[0] ^ 0x01010020

// lanes holds the numbers of the lanes, and reversal the order of the bytes in a vector whose words are turned around.
var lanes, reversal Mem

// search generates a function whose word low counts. With reversed its bytes are in big-endian order. With reduce the digest's word is taken modulo
// 2^31 - 1.
func search(name string, low int, reversed, reduce bool) {
	TEXT(name, NOSPLIT, "func(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32")
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
		"bit of mask, or first + 16·count if there is none among so many. start is the state in the first round: see startState.")
	start, words := Load(Param("start"), GP64()), Load(Param("words"), GP64())
	next, count := Load(Param("first"), GP32()), Load(Param("count"), GP32())
	mask, nonce, step, counting := ZMM(), ZMM(), ZMM(), ZMM()
	VPBROADCASTD(Load(Param("mask"), GP32()).(Register), mask)
	VPBROADCASTD(next, nonce)
	VPADDD(lanes, nonce, nonce)
	sixteen := GP32()
	MOVL(U32(16), sixteen)
	VPBROADCASTD(sixteen, step)

	order16 := ZMM()
	if reversed {
		VMOVDQU32(reversal, order16)
	}

	Label("loop")
	if reversed {
		VPSHUFB(order16, nonce, counting)
	} else {
		counting = nonce
	}
	var v [16]VecVirtual
	for i := range v {
		v[i] = ZMM()
		VPBROADCASTD(Mem{Base: start, Disp: 4 * i}, v[i])
	}
	add := func(k int, a VecVirtual) {
		switch {
		case k == low:
			VPADDD(counting, a, a)
		case k < zero:
			VPADDD_BCST(Mem{Base: words, Disp: 4 * k}, a, a)
		}
	}
	// A quarter round has fourteen operations. Those of several quarter rounds are interleaved.
	operations := []func(a, b, c, d VecVirtual, x, y int){
		func(a, b, c, d VecVirtual, x, y int) { VPADDD(b, a, a) },
		func(a, b, c, d VecVirtual, x, y int) { add(x, a) },
		func(a, b, c, d VecVirtual, x, y int) { VPXORD(a, d, d) },
		func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(16), d, d) },
		func(a, b, c, d VecVirtual, x, y int) { VPADDD(d, c, c) },
		func(a, b, c, d VecVirtual, x, y int) { VPXORD(c, b, b) },
		func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(12), b, b) },
		func(a, b, c, d VecVirtual, x, y int) { VPADDD(b, a, a) },
		func(a, b, c, d VecVirtual, x, y int) { add(y, a) },
		func(a, b, c, d VecVirtual, x, y int) { VPXORD(a, d, d) },
		func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(8), d, d) },
		func(a, b, c, d VecVirtual, x, y int) { VPADDD(d, c, c) },
		func(a, b, c, d VecVirtual, x, y int) { VPXORD(c, b, b) },
		func(a, b, c, d VecVirtual, x, y int) { VPRORD(Imm(7), b, b) },
	}
	// quarter runs operation op of a quarter round.
	quarter := func(op int, q [4]int, x, y int) { operations[op](v[q[0]], v[q[1]], v[q[2]], v[q[3]], x, y) }
	// The first round: what start leaves of its first diagonal, the sum of a and b excepted.
	for op := 1; op < len(operations); op++ {
		quarter(op, diagonals[0], blake2s.Sigma[0][8], blake2s.Sigma[0][9])
	}
	for round := 1; round < 10; round++ {
		s := &blake2s.Sigma[round]
		for op := range operations {
			for k, q := range columns {
				quarter(op, q, s[2*k], s[2*k+1])
			}
		}
		for op := range operations {
			for k, q := range diagonals {
				if round == 9 && (k&1 == 1 || k == 0 && op > 8 || k == 2 && op > 11) {
					continue // v[0] and v[8] do not depend on it
				}
				quarter(op, q, s[8+2*k], s[8+2*k+1])
			}
		}
	}
	h := GP32()
	MOVL(U32(digest0), h)
	word := ZMM()
	VPBROADCASTD(h, word)
	VPXORD(v[0], word, word)
	VPXORD(v[8], word, word)
	if reduce {
		p, g, t := ZMM(), GP32(), ZMM()
		MOVL(U32(1<<31-1), g)
		VPBROADCASTD(g, p)
		VPSRLD(Imm(31), word, t)
		VPANDD(p, word, word)
		VPADDD(t, word, word)
		VPSUBD(p, word, t)
		VPMINUD(t, word, word)
	}
	good, bits := K(), GP32()
	VPTESTNMD(mask, word, good)
	KMOVW(good, bits)
	TESTL(bits, bits)
	JNZ(LabelRef("found"))
	VPADDD(step, nonce, nonce)
	ADDL(Imm(16), next)
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
	lanes = GLOBL("numbers", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	reversal = GLOBL("reversal", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(0x00010203+i%4*0x04040404))
	}
	search("searchWord8", 8, false, false)
	search("searchWord8M31", 8, false, true)
	search("searchWord9Reversed", 9, true, false)
	Generate()
}
