package air

import "github.com/starkd/starkd/prover/stwo/m31"

// vectorRows is the number of rows of which a block must have a multiple for the vector kernels.
const vectorRows = 32

// words returns instructions in the form in which execute reads them: the opcode, dst, and operands; of a sum its constant, the numbers of
// groups that are subtracted and added and of slots that are added and subtracted, then the groups and the slots (see _asm/main.go).
func words(code []instruction) []uint32 {
	var w []uint32
	for k := range code {
		i := &code[k]
		w = append(w, uint32(i.op), uint32(i.dst))
		switch i.op {
		case codeAdd, codeSub, codeMul:
			w = append(w, uint32(i.a), uint32(i.b))
		case codeAddConstant, codeConstantMinus, codeScale:
			w = append(w, uint32(i.a), uint32(i.k))
		case codeSum:
			s := i.sum
			head := len(w)
			w = append(w, uint32(s.constant), 0, 0, uint32(len(s.plain[0])), uint32(len(s.plain[1])))
			var subtracted, added uint32
			w, subtracted = s.groups(w, 1)
			w, added = s.groups(w, 0)
			w[head+1], w[head+2] = subtracted, added
			for _, side := range s.plain {
				for _, slot := range side {
					w = append(w, uint32(slot))
				}
			}
		}
	}
	return append(w, codeEnd)
}

// codeEnd is the opcode at the end of instructions.
const codeEnd = uint32(codeSum) + 1

// groups appends one side of the sum in groups, after each of which the accumulators are folded, and returns the number of groups.
func (s *sum) groups(w []uint32, side int) ([]uint32, uint32) {
	const most = 1<<64 - 1<<36 // an accumulator is below 2^36 before a group
	scaled, products := s.scaled[side], s.products[side]
	count := uint32(0)
	for len(scaled)+len(products) > 0 {
		bound := uint64(0)
		ns, np := 0, 0
		for ns < len(scaled) && bound <= most-uint64(scaled[ns].k)*m31.P {
			bound += uint64(scaled[ns].k) * m31.P
			ns++
		}
		for ns == len(scaled) && np < len(products) && bound <= most-m31.P*m31.P {
			bound += m31.P * m31.P
			np++
		}
		w = append(w, uint32(ns), uint32(np))
		for _, t := range scaled[:ns] {
			w = append(w, uint32(t.slot), uint32(t.k))
		}
		for _, t := range products[:np] {
			w = append(w, uint32(t.a), uint32(t.b))
		}
		scaled, products = scaled[ns:], products[np:]
		count++
	}
	return w, count
}

// wideTerm is a secureTerm as the kernels read it.
type wideTerm struct {
	slot uint64
	k    [4]uint64
}

// widen sets s.wide.
func (s *secureSum) widen() {
	s.wide = make([]wideTerm, len(s.terms))
	for j, t := range s.terms {
		s.wide[j].slot = uint64(t.slot)
		for q, v := range t.k.Coordinates() {
			s.wide[j].k[q] = uint64(v)
		}
	}
	s.coordinates = s.constant.Coordinates()
}

// pairBlock is the operands of addPair: in each row it adds to the sums
//
//	(step·d1 + constant·m1)·d2 ± m2·d1
type pairBlock struct {
	step        [4]*m31.M31
	denominator [2]*m31.M31 // four blocks each
	factor      [2]*m31.M31 // m1 and m2; a nil m1 is 1, a nil m2 is 0 or 1
	sums        *uint64
	constant    [4]uint64
	mode        uint32
}

const (
	pairSingle  = 1 << iota // there is no d2: the sum is step·d1 + constant·m1
	pairSecond              // m2 is not 0
	pairUnit                // m2 is 1
	pairNegated             // m2·d1 is subtracted
)
