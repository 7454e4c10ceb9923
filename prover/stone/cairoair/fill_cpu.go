package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stone/field"
)

// fillCPU fills the processor's columns, each step from the registers and memory alone.
func (f *filler) fillCPU(c *CPU) error {
	return chunks(len(f.run.Registers), func(start, end int) error {
		for i := start; i < end; i++ {
			if err := f.fillStep(c, i); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		return nil
	})
}

func (f *filler) fillStep(c *CPU, i int) error {
	r := &f.run.Registers[i]
	word, err := f.load(r.PC)
	if err != nil {
		return fmt.Errorf("instruction: %w", err)
	}
	if !word.IsUint64() {
		return fmt.Errorf("instruction %s at %d has more than 64 bits", word.String(), r.PC)
	}
	encoded := word.Uint64()
	off0, off1, off2 := encoded&0xffff, encoded>>16&0xffff, encoded>>32&0xffff
	flags := encoded >> 48
	if flags>>casm.FlagBits != 0 {
		return fmt.Errorf("instruction %s at %d has its highest bit set", word.String(), r.PC)
	}
	has := func(flag casm.Flags) bool { return casm.Flags(flags)&flag != 0 }
	register := func(isFP bool) uint64 {
		if isFP {
			return r.FP
		}
		return r.AP
	}

	dstAddr := register(has(casm.FlagDstFP)) + off0 - offsetBias
	op0Addr := register(has(casm.FlagOp0FP)) + off1 - offsetBias
	dst, err := f.load(dstAddr)
	if err != nil {
		return fmt.Errorf("dst: %w", err)
	}
	op0, err := f.load(op0Addr)
	if err != nil {
		return fmt.Errorf("op0: %w", err)
	}
	var base uint64
	switch {
	case has(casm.FlagOp1Imm):
		base = r.PC
	case has(casm.FlagOp1AP):
		base = r.AP
	case has(casm.FlagOp1FP):
		base = r.FP
	case !op0.IsUint64():
		return fmt.Errorf("op0 %s at %d is not an address", op0.String(), op0Addr)
	default:
		base = op0.Uint64()
	}
	op1Addr := base + off2 - offsetBias
	op1, err := f.load(op1Addr)
	if err != nil {
		return fmt.Errorf("op1: %w", err)
	}

	var mul, res, tmp0, tmp1 felt.Felt
	mul.Mul(&op0, &op1)
	switch {
	case has(casm.FlagResAdd):
		res.Add(&op0, &op1)
	case has(casm.FlagResMul):
		res = mul
	case has(casm.FlagJnz): // res is free; with the inverse of dst, tmp1 is 1 if dst is not zero
		tmp0 = dst
		res.Inverse(&dst)
		tmp1.Mul(&tmp0, &res)
	default:
		res = op1
	}

	f.access(c.Instruction, i, r.PC, field.Element(word))
	f.access(c.Dst, i, dstAddr, field.Element(dst))
	f.access(c.Op0, i, op0Addr, field.Element(op0))
	f.access(c.Op1, i, op1Addr, field.Element(op1))
	pool := f.layout.RangeCheck.Pool
	f.rangeCheck[poolIndex(pool, c.Off0, i)] = int32(off0)
	f.rangeCheck[poolIndex(pool, c.Off1, i)] = int32(off1)
	f.rangeCheck[poolIndex(pool, c.Off2, i)] = int32(off2)
	for j := range casm.FlagBits {
		f.set(c.Flags, i*stepRows+j, field.New(flags>>j))
	}
	f.set(c.AP, i, field.New(r.AP))
	f.set(c.FP, i, field.New(r.FP))
	f.set(c.Mul, i, field.Element(mul))
	f.set(c.Res, i, field.Element(res))
	f.set(c.Tmp0, i, field.Element(tmp0))
	f.set(c.Tmp1, i, field.Element(tmp1))
	return nil
}

// load returns the value of a memory cell of the run.
func (f *filler) load(address uint64) (felt.Felt, error) {
	m := &f.run.Memory
	if address == 0 || address >= uint64(len(m.Value)) || !m.Known[address] {
		return felt.Felt{}, fmt.Errorf("memory has no value at address %d", address)
	}
	return m.Value[address], nil
}
