package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// relocate adds the distance of the target to the immediates of jumps, calls and pointers to constants.
func (c *code) relocate(consts *constSegments) {
	end := c.offsets[len(c.offsets)-1]
	offset, done := 0, 0
	for _, r := range c.relocations {
		for ; done < r.instruction; done++ {
			offset += c.instructions[done].Size()
		}
		target := end
		switch r.kind {
		case toStatement:
			target = c.offsets[r.target]
		case toSegment:
			target += consts.segment(r.target).offset
		case toConst:
			target += consts.constant(r.target, r.typ)
		case toCircuit:
			target += consts.circuit(r.typ)
		case toEnd:
			target += consts.size
		}
		i := &c.instructions[r.instruction]
		i.Res.Imm = new(big.Int).Add(i.Res.Imm, big.NewInt(int64(target-offset)))
	}
}

// callRel returns "call rel n", to be relocated.
func callRel(n int64) casm.Instruction {
	return casm.Instruction{Op: casm.Call, Relative: true, Res: casm.Imm(n)}
}

// pcPlus returns "[ap] = [ap - 1] + n, ap++". After a call of an empty function, [ap - 1] is the return address.
func pcPlus(n int64) casm.Instruction {
	return casm.Instruction{Op: casm.AssertEq, IncAP: true, Dst: casm.Cell{Reg: casm.AP},
		Res: casm.Operand{Kind: casm.BinOp, Op: casm.Add, Cell: casm.Cell{Reg: casm.AP, Off: -1}, Imm: big.NewInt(n)}}
}
