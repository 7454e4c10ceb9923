package blake2s

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Lanes emits rounds of BLAKE2s for several messages at once: each has a lane of the registers of AVX-512 (16 lanes) or AVX2 (8 lanes).
type Lanes struct {
	Wide bool // AVX-512

	// AVX2 rotates bytes by a permutation, and other bits with a register in between. The state takes all 16 registers, so that one of them goes to spill for
	// that time.
	rotate16, rotate8, spill Mem
}

// Constants emits the constants of AVX2, once in a file.
func (l *Lanes) Constants() {
	order := func(name string, bytes int) Mem {
		m := GLOBL(name, RODATA|NOPTR)
		for i := range 8 {
			word := uint32(0)
			for b := range 4 {
				word |= uint32(i%4*4+(b+bytes)%4) << (8 * b)
			}
			DATA(4*i, U32(word))
		}
		return m
	}
	l.rotate16, l.rotate8 = order("rotate16", 2), order("rotate8", 1)
}

// Begin begins a function.
func (l *Lanes) Begin() {
	if !l.Wide {
		l.spill = AllocLocal(32)
	}
}

// Halves emits code for sixteen lanes: with AVX2 it runs twice, and the pointers go to the next 8 words in between.
func (l *Lanes) Halves(lanes func(), pointers ...Register) {
	if l.Wide {
		lanes()
		return
	}
	n := GP32()
	MOVL(U32(2), n)
	Label("half")
	lanes()
	for _, p := range pointers {
		ADDQ(U8(32), p)
	}
	DECL(n)
	JNZ(LabelRef("half"))
}

// Bits returns the width of a register.
func (l *Lanes) Bits() int {
	if l.Wide {
		return 512
	}
	return 256
}

// Vector returns a register.
func (l *Lanes) Vector() VecVirtual {
	if l.Wide {
		return ZMM()
	}
	return YMM()
}

// State returns sixteen registers.
func (l *Lanes) State() (v [16]VecVirtual) {
	for i := range v {
		v[i] = l.Vector()
	}
	return v
}

// Broadcast sets all lanes of v to x.
func (l *Lanes) Broadcast(x GPVirtual, v VecVirtual) {
	if l.Wide {
		VPBROADCASTD(x, v)
		return
	}
	VMOVD(x, v.AsX())
	VPBROADCASTD(v.AsX(), v)
}

// Load loads a vector.
func (l *Lanes) Load(m Mem, v VecVirtual) {
	if l.Wide {
		VMOVDQU32(m, v)
	} else {
		VMOVDQU(m, v)
	}
}

// Store stores a vector.
func (l *Lanes) Store(v VecVirtual, m Mem) {
	if l.Wide {
		VMOVDQU32(v, m)
	} else {
		VMOVDQU(v, m)
	}
}

// Xor sets v to v xor x.
func (l *Lanes) Xor(x Op, v VecVirtual) {
	if l.Wide {
		VPXORD(x, v, v)
	} else {
		VPXOR(x, v, v)
	}
}

// rotate rotates v to the right, with the register t in between.
func (l *Lanes) rotate(n int, v, t VecVirtual) {
	switch {
	case l.Wide:
		VPRORD(Imm(uint64(n)), v, v)
	case n == 16:
		VPSHUFB(l.rotate16, v, v)
	case n == 8:
		VPSHUFB(l.rotate8, v, v)
	default:
		VPSRLD(Imm(uint64(n)), v, t)
		VPSLLD(Imm(uint64(32-n)), v, v)
		VPOR(t, v, v)
	}
}

// Quarter is a quarter round: the numbers of its words of the state and of the message.
type Quarter struct{ A, B, C, D, X, Y int }

// Columns and Diagonals return the quarter rounds of the two halves of a round.
func Columns(round int) []Quarter {
	s := &Sigma[round]
	return []Quarter{{0, 4, 8, 12, s[0], s[1]}, {1, 5, 9, 13, s[2], s[3]}, {2, 6, 10, 14, s[4], s[5]}, {3, 7, 11, 15, s[6], s[7]}}
}

func Diagonals(round int) []Quarter {
	s := &Sigma[round]
	return []Quarter{{0, 5, 10, 15, s[8], s[9]}, {1, 6, 11, 12, s[10], s[11]}, {2, 7, 8, 13, s[12], s[13]}, {3, 4, 9, 14, s[14], s[15]}}
}

// Steps is the number of steps of a quarter round.
const Steps = 14

// Step emits a step of some quarter rounds, which do not depend on each other. add adds word k of the message to a register.
func (l *Lanes) Step(step int, v *[16]VecVirtual, quarters []Quarter, add func(k int, a VecVirtual)) {
	if len(quarters) == 0 {
		return
	}
	bits := map[int]int{3: 16, 6: 12, 10: 8, 13: 7}[step]
	t := v[quarters[0].A]
	spilled := !l.Wide && bits%8 != 0
	if spilled {
		l.Store(t, l.spill)
	}
	for _, q := range quarters {
		a, b, c, d := v[q.A], v[q.B], v[q.C], v[q.D]
		switch step {
		case 0, 7:
			VPADDD(b, a, a)
		case 1:
			add(q.X, a)
		case 8:
			add(q.Y, a)
		case 2, 9:
			l.Xor(a, d)
		case 3, 10:
			l.rotate(bits, d, t)
		case 4, 11:
			VPADDD(d, c, c)
		case 5, 12:
			l.Xor(c, b)
		case 6, 13:
			l.rotate(bits, b, t)
		}
	}
	if spilled {
		l.Load(l.spill, t)
	}
}

// Rounds emits the ten rounds. The four quarter rounds of half a round are interleaved for instruction-level parallelism.
func (l *Lanes) Rounds(v *[16]VecVirtual, add func(k int, a VecVirtual)) {
	for round := range Sigma {
		for _, quarters := range [][]Quarter{Columns(round), Diagonals(round)} {
			for step := range Steps {
				l.Step(step, v, quarters, add)
			}
		}
	}
}
