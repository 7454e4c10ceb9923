package adapter

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// addressBound is the first number that is not an address.
const addressBound = 1 << 29

// classify returns the component that proves an instruction, whatever its operands: Add stands for Add and AddSmall, Mul for Mul and MulSmall,
// and JnzTaken for JnzTaken and JnzNonTaken. A component fixes the offsets and flags that its instructions share. An instruction that fits no
// component is generic.
func classify(w casm.Word) (Opcode, error) {
	const (
		op1  = casm.FlagOp1Imm | casm.FlagOp1FP | casm.FlagOp1AP
		regs = casm.FlagDstFP | casm.FlagOp0FP | op1
	)
	has := func(f casm.Flags) bool { return w.Flags&f != 0 }
	// The next two name an operand that an instruction does not use: it is then [fp - 1].
	noDst := w.Off0 == -1 && has(casm.FlagDstFP)
	noOp0 := w.Off1 == -1 && has(casm.FlagOp0FP)
	imm := has(casm.FlagOp1Imm) && w.Off2 == 1
	cell := has(casm.FlagOp1FP | casm.FlagOp1AP) // op1 is [fp + off2] or [ap + off2]

	switch w.Extension {
	case casm.ExtBlake2s, casm.ExtBlake2sLast:
		return BlakeCompress, nil
	case casm.ExtQM31:
		if !imm && !cell {
			return 0, fmt.Errorf("the immediate operand of a QM31 instruction has offset %d, want 1", w.Off2)
		}
		return QM31AddMul, nil
	}
	// What the instruction does, without its operands.
	switch action := w.Flags &^ regs; action {
	case casm.FlagRet | casm.FlagJumpAbs:
		if w.Off1 == -1 && has(casm.FlagOp0FP) {
			return Ret, nil // DecodeWord has checked the other offsets and flags
		}
	case casm.FlagAPAdd:
		if noDst && noOp0 && (imm || cell) {
			return AddAP, nil
		}
	case casm.FlagJumpRel, casm.FlagJumpRel | casm.FlagAPAdd1:
		switch {
		case noDst && noOp0 && imm:
			return JumpRelImm, nil
		case noDst && noOp0 && cell:
			return JumpRel, nil
		}
	case casm.FlagJumpAbs, casm.FlagJumpAbs | casm.FlagAPAdd1:
		switch {
		case noDst && noOp0 && cell:
			return JumpAbs, nil
		case noDst && !has(op1):
			return JumpDoubleDeref, nil
		}
	case casm.FlagCall | casm.FlagJumpRel:
		if imm {
			return CallRelImm, nil
		}
	case casm.FlagCall | casm.FlagJumpAbs:
		if cell {
			return CallAbs, nil
		}
	case casm.FlagJnz, casm.FlagJnz | casm.FlagAPAdd1:
		if noOp0 && imm {
			return JnzTaken, nil
		}
	case casm.FlagAssertEq, casm.FlagAssertEq | casm.FlagAPAdd1:
		switch {
		case noOp0 && imm:
			return AssertEqImm, nil
		case noOp0 && cell:
			return AssertEq, nil
		case !has(op1):
			return AssertEqDoubleDeref, nil
		}
	case casm.FlagAssertEq | casm.FlagResAdd, casm.FlagAssertEq | casm.FlagResAdd | casm.FlagAPAdd1:
		if imm || cell {
			return Add, nil
		}
	case casm.FlagAssertEq | casm.FlagResMul, casm.FlagAssertEq | casm.FlagResMul | casm.FlagAPAdd1:
		if imm || cell {
			return Mul, nil
		}
	}
	return Generic, nil
}

// instruction is a decoded instruction and its component, as classify returns it.
type instruction struct {
	casm.Word
	opcode Opcode
}

// program holds the instructions of a run by their address.
type program struct {
	index        []uint32 // of each address: 1 more than an index in instructions, or 0
	instructions []instruction
}

// decode decodes the instructions at all addresses at which a run has a state.
func decode(m *Memory, pcs func(yield func(m31.M31) bool)) (*program, error) {
	p := &program{}
	for pc := range pcs {
		if int(pc) >= len(p.index) {
			if int(pc) >= len(m.IDs) {
				return nil, fmt.Errorf("pc %d is outside of memory, which ends at %d", pc, len(m.IDs))
			}
			p.index = append(p.index, make([]uint32, max(int(pc)+1-len(p.index), min(len(p.index), len(m.IDs)-len(p.index))))...)
		}
		if p.index[pc] != 0 {
			continue
		}
		if m.IDs[pc] == Empty {
			return nil, fmt.Errorf("no instruction at pc %d", pc)
		}
		w := m.Value(m.IDs[pc])
		if w[3]|w[4]|w[5]|w[6]|w[7] != 0 {
			return nil, fmt.Errorf("the value at pc %d is no instruction", pc)
		}
		word, err := casm.DecodeWord(felt.FromUint128(uint64(w[2]), uint64(w[1])<<32|uint64(w[0])))
		if err != nil {
			return nil, fmt.Errorf("pc %d: %w", pc, err)
		}
		opcode, err := classify(word)
		if err != nil {
			return nil, fmt.Errorf("pc %d: %w", pc, err)
		}
		p.instructions = append(p.instructions, instruction{word, opcode})
		p.index[pc] = uint32(len(p.instructions))
	}
	return p, nil
}

// operands reads the operands of steps. err is the first failure.
type operands struct {
	memory *Memory
	err    error
}

// read returns the value at base + offset.
func (r *operands) read(what string, base m31.M31, offset int) [8]uint32 {
	a := int(base) + offset
	if r.err == nil && (a <= 0 || a >= len(r.memory.IDs) || r.memory.IDs[a] == Empty) {
		r.err = fmt.Errorf("%s is at address %d, outside of memory", what, a)
	}
	if r.err != nil {
		return [8]uint32{}
	}
	return r.memory.Value(r.memory.IDs[a])
}

// pointer returns the value at base + offset, which must be an address.
func (r *operands) pointer(what string, base m31.M31, offset int) m31.M31 {
	v := r.read(what, base, offset)
	if r.err == nil && (v[0] >= addressBound || v[1]|v[2]|v[3]|v[4]|v[5]|v[6]|v[7] != 0) {
		r.err = fmt.Errorf("%s is %v, not an address", what, v)
	}
	return m31.M31(v[0])
}

// block reads n consecutive values.
func (r *operands) block(what string, at m31.M31, n int) {
	for i := range n {
		r.read(what, at, i)
	}
}

// step returns the component that proves the step at state s. It returns an error if an operand that a component reads is not in memory.
func (p *program) step(m *Memory, s State) (Opcode, error) {
	if s.AP >= addressBound || s.FP >= addressBound {
		return 0, fmt.Errorf("ap %d or fp %d is not below 2^29", s.AP, s.FP)
	}
	in := &p.instructions[p.index[s.PC]-1]
	has := func(f casm.Flags) bool { return in.Flags&f != 0 }
	r := operands{memory: m}
	base := func(fp casm.Flags) m31.M31 {
		if has(fp) {
			return s.FP
		}
		return s.AP
	}
	dst := func() [8]uint32 { return r.read("dst", base(casm.FlagDstFP), int(in.Off0)) }
	op0 := func() [8]uint32 { return r.read("op0", base(casm.FlagOp0FP), int(in.Off1)) }
	op0Pointer := func() m31.M31 { return r.pointer("op0", base(casm.FlagOp0FP), int(in.Off1)) }
	op1Base := func() m31.M31 {
		switch {
		case has(casm.FlagOp1Imm):
			return s.PC
		case has(casm.FlagOp1FP | casm.FlagOp1AP):
			return base(casm.FlagOp1FP)
		}
		return op0Pointer()
	}
	op1 := func() [8]uint32 { return r.read("op1", op1Base(), int(in.Off2)) }

	opcode := in.opcode
	switch opcode {
	case AddAP, JumpAbs, JumpDoubleDeref, JumpRel, JumpRelImm:
		op1()
	case AssertEq, AssertEqImm, AssertEqDoubleDeref:
		dst()
		op1()
	case CallAbs, CallRelImm:
		op1()
		r.read("the caller's fp", s.AP, 0)
		r.read("the return address", s.AP, 1)
	case Ret:
		r.read("the caller's fp", s.FP, -2)
		r.read("the return address", s.FP, -1)
	case JnzTaken:
		if dst() == [8]uint32{} {
			opcode = JnzNonTaken
		}
		op1()
	case Add:
		d, a, b := dst(), op0(), op1()
		if smallTerm(&d) && smallTerm(&a) && smallTerm(&b) {
			opcode = AddSmall
		}
	case Mul:
		dst()
		a, b := op0(), op1()
		if smallFactor(&a) && smallFactor(&b) {
			opcode = MulSmall
		}
	case QM31AddMul, Generic:
		dst()
		op0()
		op1()
	case BlakeCompress:
		dst()
		r.block("the state", op0Pointer(), 8)
		r.block("the message", r.pointer("op1", base(casm.FlagOp1FP), int(in.Off2)), 16)
		r.block("the result", r.pointer("the pointer to the result", s.AP, 0), 8)
	}
	return opcode, r.err
}

// smallTerm reports whether v is -2^29 - 1 to 2^29 - 1 modulo the Stark prime.
func smallTerm(v *[8]uint32) bool {
	if v[1]|v[2]|v[3]|v[4]|v[5]|v[6]|v[7] == 0 {
		return v[0] < 1<<29
	}
	// The prime is 2^251 + 17·2^192 + 1.
	const ones = 1<<32 - 1
	switch {
	case v[7] != 1<<27:
		return false
	case v[6] == 17:
		return v[0]|v[1]|v[2]|v[3]|v[4]|v[5] == 0
	case v[6] == 16:
		return v[1]&v[2]&v[3]&v[4]&v[5] == ones && v[0] >= 7<<29
	}
	return false
}

// smallFactor reports whether v is below 2^36.
func smallFactor(v *[8]uint32) bool { return v[1] < 1<<4 && v[2]|v[3]|v[4]|v[5]|v[6]|v[7] == 0 }

// leastSteps is the least number of steps for which it pays to use another core.
const leastSteps = 1 << 13

// sortSteps fills in.Opcodes and in.Instructions with the first n states of a run.
func (in *Input) sortSteps(n int, state func(i int) State) error {
	p, err := decode(&in.Memory, func(yield func(m31.M31) bool) {
		for i := 0; i < n && yield(state(i).PC); i++ {
		}
	})
	if err != nil {
		return err
	}
	in.Instructions = len(p.instructions)

	// The steps are cut into blocks. First the steps of each component are counted in each block, then each block's states are written.
	blocks := max(1, min(parallel.Workers(), n/leastSteps))
	counts, errs := make([][OpcodeCount]int, blocks), make([]error, blocks)
	opcodes := make([]uint8, n)
	parallel.For(blocks, func(k int) {
		for i := n * k / blocks; i < n*(k+1)/blocks; i++ {
			opcode, err := p.step(&in.Memory, state(i))
			if err != nil {
				errs[k] = fmt.Errorf("step %d at pc %d: %w", i, state(i).PC, err)
				return
			}
			opcodes[i] = uint8(opcode)
			counts[k][opcode]++
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	next := make([][OpcodeCount]int, blocks)
	for o := range in.Opcodes {
		total := 0
		for k := range blocks {
			next[k][o] = total
			total += counts[k][o]
		}
		in.Opcodes[o] = States{make([]m31.M31, total), make([]m31.M31, total), make([]m31.M31, total)}
	}
	parallel.For(blocks, func(k int) {
		for i := n * k / blocks; i < n*(k+1)/blocks; i++ {
			o := opcodes[i]
			s, at := state(i), next[k][o]
			in.Opcodes[o].PC[at], in.Opcodes[o].AP[at], in.Opcodes[o].FP[at] = s.PC, s.AP, s.FP
			next[k][o] = at + 1
		}
	})
	return nil
}
