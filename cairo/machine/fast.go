package machine

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// The shapes: groups of instructions that make up nearly all steps. fast executes an instruction of a shape if no operand is
// missing, except one that the shape itself deduces. Otherwise fast changes nothing and returns false, and step executes the
// instruction. So fast is only an optimisation; FuzzStep runs programs with it and without it.
const (
	shapeNone uint8 = iota
	shapeAssert
	shapeJnz
	shapeCallRel
	shapeRet
	shapeJump
	shapeAddAP
)

func shapeOf(in *instruction) uint8 {
	if in.ext != casm.ExtNone {
		return shapeNone
	}
	switch {
	case in.opcode == opAssertEq && in.pc == pcRegular && in.ap != apAdd:
		return shapeAssert
	case in.opcode == opNop && in.pc == pcJnz && in.op1 == op1Imm && in.ap != apAdd:
		return shapeJnz
	case in.opcode == opCall && in.pc == pcJumpRel && in.op1 == op1Imm && in.res == resOp1:
		return shapeCallRel
	case in.opcode == opRet && in.ap == apRegular:
		return shapeRet
	case in.opcode == opNop && in.pc == pcJumpRel && in.op1 == op1Imm && in.res == resOp1 && in.ap != apAdd:
		return shapeJump
	case in.opcode == opNop && in.pc == pcRegular && in.ap == apAdd && in.op1 == op1Imm && in.res == resOp1:
		return shapeAddAP
	}
	return shapeNone
}

// fast executes in if it can, and reports whether it did. A negative offset wraps to one beyond every segment.
func (m *Machine) fast(in *instruction) bool {
	if m.AP > maxOffset {
		return false
	}
	cells := m.exec.chunks
	base := m.AP
	if in.dstFP {
		base = m.FP
	}
	dst := cellOf(cells, base+uint64(int64(in.off0)))
	if dst == nil {
		return false
	}
	base = m.AP
	if in.op0FP {
		base = m.FP
	}
	op0 := cellOf(cells, base+uint64(int64(in.off1)))
	if op0 == nil {
		return false
	}

	switch in.shape {
	case shapeAssert:
		if op0[3]&knownBit == 0 {
			return false
		}
		op1, where := m.fastOp1(in, cells, op0)
		if op1 == nil {
			return false
		}
		if m.Memory.rules != nil && (op0.temporary() || op1.temporary() || dst.temporary()) {
			return false // a relocation rule may apply
		}
		if op1[3]&knownBit == 0 {
			if in.res != resOp1 || where == nil || where.shared {
				return false
			}
			if b := where.builtin; b != nil && op1[3]&deducedBit == 0 {
				// A rule may deduce op1 or restrict it.
				if in.op1 != op1Op0 {
					return false
				}
				offset := op0[0] + uint64(int64(in.off2))
				switch {
				case b.rule.deduce == nil || offset%b.rule.cells < b.rule.inputs:
					if b.check != nil && !b.rule.allows(dst) {
						return false
					}
				case !b.rule.remembers:
					return false
				default:
					if _, ok, err := b.deduceAt(&m.Memory, Addr{b.Base.Segment, offset}); !ok || err != nil {
						return false
					}
					op1 = where.at(offset) // its chunk may have moved
				}
			}
			switch known := dst[3]&knownBit != 0; {
			case op1[3]&deducedBit != 0:
				if known && (dst[0] != op1[0] || dst[1] != op1[1] || dst[2] != op1[2] || (dst[3]^op1[3])&^cellBits != 0) {
					return false
				}
				op1[3] |= knownBit // then it is like any known cell
			case !known:
				return false
			default: // op1 is dst
				if m.Tracing || m.Accessing {
					m.observe(in, dst, op0, op1)
				}
				op1[0], op1[1], op1[2], op1[3] = dst[0], dst[1], dst[2], dst[3]&^accessedBit|op1[3]
				m.advance(in)
				return true
			}
		}
		var r [4]uint64
		switch in.res {
		case resOp1:
			r = *op1
			r[3] &^= cellBits
		case resAdd:
			switch (op0[3] | op1[3]) & addrBit {
			case 0:
				a := felt.Felt{op0[0], op0[1], op0[2], op0[3] &^ cellBits}
				b := felt.Felt{op1[0], op1[1], op1[2], op1[3] &^ cellBits}
				a.Add(&a, &b)
				r = a
			default:
				if !in.immSmall || op0[3]&addrBit == 0 {
					return false
				}
				off := op0[0] + uint64(in.imm)
				if off >= 1<<62 || op0[0] >= 1<<62 {
					return false
				}
				r = [4]uint64{off, op0[1], 0, addrBit}
			}
		case resMul:
			if (op0[3]|op1[3])&addrBit != 0 {
				return false
			}
			a := felt.Felt{op0[0], op0[1], op0[2], op0[3] &^ cellBits}
			b := felt.Felt{op1[0], op1[1], op1[2], op1[3] &^ cellBits}
			a.Mul(&a, &b)
			r = a
		}
		if dst[3]&knownBit == 0 {
			if m.Tracing || m.Accessing {
				m.observe(in, dst, op0, op1)
			}
			dst[0], dst[1], dst[2], dst[3] = r[0], r[1], r[2], r[3]|knownBit|dst[3]
		} else {
			if dst[0] != r[0] || dst[1] != r[1] || dst[2] != r[2] || dst[3]&^cellBits != r[3] {
				return false
			}
			if m.Tracing || m.Accessing {
				m.observe(in, dst, op0, op1)
			}
		}
		m.advance(in)
		return true

	case shapeJnz:
		if dst[3]&op0[3]&knownBit == 0 || !in.immSmall {
			return false
		}
		pc := m.PC.Offset + 2
		if dst[0]|dst[1]|dst[2]|dst[3]&^cellBits != 0 {
			pc = m.PC.Offset + uint64(in.imm)
			if pc >= 1<<62 {
				return false
			}
		}
		if m.Tracing || m.Accessing {
			m.observe(in, dst, op0, nil)
		}
		if in.ap == apAdd1 {
			m.AP++
		}
		m.PC.Offset = pc
		m.Steps++
		return true

	case shapeCallRel:
		// dst is [ap], op0 is [ap + 1].
		pc := m.PC.Offset + uint64(in.imm)
		if (dst[3]|op0[3])&knownBit != 0 || !in.immSmall || pc >= 1<<62 {
			return false
		}
		if m.Tracing || m.Accessing {
			m.observe(in, dst, op0, nil)
		}
		dst[0], dst[1], dst[2], dst[3] = m.FP, 1, 0, addrBit|knownBit|dst[3]
		op0[0], op0[1], op0[2], op0[3] = m.PC.Offset+2, uint64(int64(m.PC.Segment)), 0, addrBit|knownBit|op0[3]
		m.AP += 2
		m.FP = m.AP
		m.PC.Offset = pc
		m.Steps++
		return true

	case shapeRet:
		// dst is [fp - 2], op1 is [fp - 1].
		op1 := cellOf(cells, m.FP-1)
		if op1 == nil || dst[3]&op1[3]&(knownBit|addrBit) != knownBit|addrBit || op0[3]&knownBit == 0 || dst[0] > maxOffset {
			return false
		}
		if m.Memory.rules != nil && (dst.temporary() || op1.temporary()) {
			return false
		}
		if m.Tracing || m.Accessing {
			m.observe(in, dst, op0, op1)
		}
		m.FP = dst[0]
		m.PC = Addr{int32(int64(op1[1])), op1[0]}
		m.Steps++
		return true

	case shapeJump:
		pc := m.PC.Offset + uint64(in.imm)
		if dst[3]&op0[3]&knownBit == 0 || !in.immSmall || pc >= 1<<62 {
			return false
		}
		if m.Tracing || m.Accessing {
			m.observe(in, dst, op0, nil)
		}
		if in.ap == apAdd1 {
			m.AP++
		}
		m.PC.Offset = pc
		m.Steps++
		return true

	case shapeAddAP:
		ap := m.AP + uint64(in.imm)
		if dst[3]&op0[3]&knownBit == 0 || !in.immSmall || ap > maxOffset {
			return false
		}
		if m.Tracing || m.Accessing {
			m.observe(in, dst, op0, nil)
		}
		m.AP = ap
		m.PC.Offset += 2
		m.Steps++
		return true
	}
	return false
}

// temporary reports whether the cell is an address in a temporary segment.
func (c *Cell) temporary() bool { return c[3]&addrBit != 0 && int64(c[1]) < 0 }

// fastOp1 returns op1's cell, or nil if it does not exist, and the cell's segment, or nil for an immediate.
func (m *Machine) fastOp1(in *instruction, cells [][]Cell, op0 *Cell) (*Cell, *segment) {
	switch in.op1 {
	case op1Imm:
		if in.off2 != 1 {
			return nil, nil
		}
		return m.Memory.segment(m.PC.Segment).at(m.PC.Offset + 1), nil
	case op1FP:
		return cellOf(cells, m.FP+uint64(int64(in.off2))), m.exec
	case op1AP:
		return cellOf(cells, m.AP+uint64(int64(in.off2))), m.exec
	}
	if op0[3]&addrBit == 0 || op0[0] >= 1<<62 {
		return nil, nil
	}
	s := m.Memory.segment(int32(int64(op0[1])))
	if s == nil {
		return nil, nil
	}
	return s.at(op0[0] + uint64(int64(in.off2))), s
}

// advance updates ap and pc and counts the step, for an instruction that does not jump.
func (m *Machine) advance(in *instruction) {
	if in.ap == apAdd1 {
		m.AP++
	}
	m.PC.Offset += uint64(in.size)
	m.Steps++
}

// observe records a step for Tracing and Accessing.
func (m *Machine) observe(in *instruction, dst, op0, op1 *Cell) {
	if m.Tracing {
		m.record(in)
	}
	m.mark3(in, dst, op0, op1)
}

// mark3 marks the operands and the instruction as accessed. It does not write shared cells. op1 is nil for an immediate; it is marked with
// the instruction, when that runs for the first time.
func (m *Machine) mark3(in *instruction, dst, op0, op1 *Cell) {
	dst[3] |= accessedBit
	op0[3] |= accessedBit
	if op1 != nil && in.op1 != op1Imm {
		op1[3] |= accessedBit
	}
	if in.marked {
		return
	}
	s := m.Memory.segment(m.PC.Segment)
	if s.shared {
		return
	}
	s.at(m.PC.Offset)[3] |= accessedBit
	if in.op1 == op1Imm {
		s.at(m.PC.Offset + 1)[3] |= accessedBit
	}
	in.marked = !s.code.sealed
}
