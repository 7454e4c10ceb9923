package cairoair

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
)

// opcodeComponents are the components of the opcodes and verify_instruction, those of Blake2s and QM31 excepted.
//
// A row is a step. The component uses the state (pc, ap, fp) before the step and yields the one after it; padding rows repeat the first
// step with an enabler of 0, which takes both away but not the row's other lookups.
var opcodeComponents = []*Component{
	define("add_opcode", OpcodeStates, addOpcode),
	define("add_opcode_small", OpcodeStates, addOpcodeSmall),
	define("qm_31_add_mul_opcode", OpcodeStates, qm31AddMulOpcode),
	define("add_ap_opcode", OpcodeStates, addAPOpcode),
	define("assert_eq_opcode", OpcodeStates, assertEqOpcode),
	define("assert_eq_opcode_imm", OpcodeStates, assertEqOpcodeImm),
	define("assert_eq_opcode_double_deref", OpcodeStates, assertEqOpcodeDoubleDeref),
	define("call_opcode_abs", OpcodeStates, callOpcodeAbs),
	define("call_opcode_rel_imm", OpcodeStates, callOpcodeRelImm),
	define("generic_opcode", OpcodeStates, genericOpcode),
	define("jnz_opcode_non_taken", OpcodeStates, jnzOpcodeNonTaken),
	define("jnz_opcode_taken", OpcodeStates, jnzOpcodeTaken),
	define("jump_opcode_abs", OpcodeStates, jumpOpcodeAbs),
	define("jump_opcode_double_deref", OpcodeStates, jumpOpcodeDoubleDeref),
	define("jump_opcode_rel", OpcodeStates, jumpOpcodeRel),
	define("jump_opcode_rel_imm", OpcodeStates, jumpOpcodeRelImm),
	define("mul_opcode", OpcodeStates, mulOpcode),
	define("mul_opcode_small", OpcodeStates, mulOpcodeSmall),
	define("ret_opcode", OpcodeStates, retOpcode),
	define("verify_instruction", DistinctInputs, verifyInstructionComponent),
}

// state is the machine's registers before an instruction: the input of an opcode component.
type state struct{ pc, ap, fp air.Expr }

// newOpcode returns a builder of an opcode's component, with the columns of its input.
func newOpcode(name string) (*air.Builder, state) {
	b := air.NewBuilder(name, 3)
	return b, state{b.Column("input_pc", b.Input(0)), b.Column("input_ap", b.Input(1)), b.Column("input_fp", b.Input(2))}
}

// base returns fp if flag is 1, else ap.
func (s state) base(flag air.Expr) air.Expr { return flag.Mul(s.fp).Add(flag.Not().Mul(s.ap)) }

// dst adds a column with the register that dst is relative to, and returns the address of dst.
func (s state) dst(b *air.Builder, in instruction) air.Expr {
	return equalColumn(b, "mem_dst_base", s.base(in.flags[dstBaseFP])).Add(in.offsets[0])
}

// op0 adds a column with the register that op0 is relative to, and returns the address of op0.
func (s state) op0(b *air.Builder, in instruction) air.Expr {
	return equalColumn(b, "mem0_base", s.base(in.flags[op0BaseFP])).Add(in.offsets[1])
}

// op1 adds a column with the register that op1 is relative to, which is pc for an immediate, and returns the address of op1.
func (s state) op1(b *air.Builder, in instruction) air.Expr {
	f := in.flags
	base := f[op1Imm].Mul(s.pc).Add(f[op1BaseFP].Mul(s.fp)).Add(f[op1BaseAP].Mul(s.ap))
	return equalColumn(b, "mem1_base", base).Add(in.offsets[2])
}

// immediateAtNext constrains the offset of an immediate to 1.
func immediateAtNext(b *air.Builder, in instruction) {
	b.Constrain("an immediate is at pc + 1", in.flags[op1Imm].Mul(b.Const(1).Sub(in.offsets[2])))
}

// immediate returns the address of the immediate, if the instruction has one.
func (s state) immediate() air.Expr { return s.pc.Plus(1) }

// next returns the state after an instruction that does not jump, call or return.
func (s state) next(in instruction) state {
	return state{s.pc.Plus(1).Add(in.flags[op1Imm]), s.ap.Add(in.flags[apUpdateAdd1]), s.fp}
}

// jump returns the state after a jump to pc.
func (s state) jump(in instruction, pc air.Expr) state {
	return state{pc, s.ap.Add(in.flags[apUpdateAdd1]), s.fp}
}

// finish adds the enabler, and the step from state s to state next.
func finish(b *air.Builder, s, next state) *air.Component {
	enabler := enablerColumn(b)
	b.UseTimes(enabler, opcodes, s.pc, s.ap, s.fp)
	b.Yield(enabler, opcodes, next.pc, next.ap, next.fp)
	return b.Build()
}

// equalColumn adds a column that is equal to e.
func equalColumn(b *air.Builder, name string, e air.Expr) air.Expr {
	c := b.Column(name, e)
	b.Constrain(name, c.Sub(e))
	return c
}

// addressBits is the number of bits of an address.
const addressBits = 29

// readAddress adds columns that read an address at the given address, and returns it.
func readAddress(b *air.Builder, name string, address air.Expr) air.Expr {
	_, limbs := readPositive(b, name, address, addressBits)
	return number(limbs)
}

// binaryOperation returns the pattern of [ap/fp + x] = [ap/fp + y] + (immediate or [ap/fp + z]), with res_add or res_mul for op.
func binaryOperation(op int) pattern {
	return pattern{free: []int{dstBaseFP, op0BaseFP, op1Imm, op1BaseFP, apUpdateAdd1}, set: []int{op, opcodeAssertEq}, op1FromAP: true}
}

// newBinaryOperation begins the component of a sum or product: it decodes the instruction and returns it with the addresses of its operands.
func newBinaryOperation(name string, op int) (b *air.Builder, s state, in instruction, dst, op0, op1 air.Expr) {
	b, s = newOpcode(name)
	in = decode(b, s.pc, binaryOperation(op))
	immediateAtNext(b, in)
	dst, op0, op1 = s.dst(b, in), s.op0(b, in), s.op1(b, in)
	return
}

// addOpcode proves [ap/fp + x] = [ap/fp + y] + (immediate or [ap/fp + z]).
func addOpcode() *air.Component {
	b, s, in, dst, op0, op1 := newBinaryOperation("add_opcode", resAdd)
	_, v := readPositive(b, "dst", dst, 252)
	_, x := readPositive(b, "op0", op0, 252)
	_, y := readPositive(b, "op1", op1, 252)
	verifySum(b, x, y, v)
	return finish(b, s, s.next(in))
}

// verifySum constrains z to x + y modulo the Stark prime 2^251 + 17·2^192 + 1, for values of 28 limbs. A column says if the prime is
// subtracted; its limbs are 1 (limb 0), 136 (limb 21) and 256 (limb 27). The carry out of limb k is
//
//	(carry into limb k + x[k] + y[k] - z[k] - sub_p_bit·p[k]) / 2^9
//
// and -1, 0 or 1 if it is an integer. It is checked after every third limb: three limbs without a check fit in the field.
func verifySum(b *air.Builder, x, y, z []air.Expr) {
	// The prime is odd, so it is subtracted if the lowest bits do not agree.
	subtract := b.Column("sub_p_bit", x[0].Add(y[0]).Add(z[0]).Bits(0, 1))
	b.Constrain("sub_p_bit is a bit", subtract.Mul(subtract.Minus(1)))
	carry := b.Const(0)
	for k := range x {
		carry = carry.Add(x[k]).Add(y[k]).Sub(z[k]).Sub(subtract.Times(starkPrime[k]))
		if k == len(x)-1 {
			b.Constrain("no carry is left", carry)
			break
		}
		carry = carry.Times(inverseOfPower(limbBits))
		if k%3 == 2 {
			b.Constrain("carry is -1, 0 or 1", carry.Mul(carry.Mul(carry).Minus(1)))
		}
	}
}

// starkPrime holds the limbs of the Stark prime.
var starkPrime = [limbs252]uint32{0: 1, 21: 136, 27: 256}

// inverseOfPower returns 1/2^n, which is 2^(31-n) because 2^31 = 1.
func inverseOfPower(n int) uint32 { return 1 << (31 - n) }

// addOpcodeSmall proves [ap/fp + x] = [ap/fp + y] + (immediate or [ap/fp + z]) where all three values are small (readSmall).
func addOpcodeSmall() *air.Component {
	b, s, in, dst, op0, op1 := newBinaryOperation("add_opcode_small", resAdd)
	v := readSmall(b, "dst", dst)
	x := readSmall(b, "op0", op0)
	y := readSmall(b, "op1", op1)
	b.Constrain("dst is op0 + op1", v.Sub(x.Add(y)))
	return finish(b, s, s.next(in))
}

// mulOpcode proves [ap/fp + x] = [ap/fp + y] · (immediate or [ap/fp + z]).
func mulOpcode() *air.Component {
	b, s, in, dst, op0, op1 := newBinaryOperation("mul_opcode", resMul)
	_, z := readPositive(b, "dst", dst, 252)
	_, x := readPositive(b, "op0", op0, 252)
	_, y := readPositive(b, "op1", op1, 252)
	verifyProduct(b, x, y, z, b.Compute(carriesOf, slices.Concat(x, y, z)...))
	return finish(b, s, s.next(in))
}

// mulOpcodeSmall proves [ap/fp + x] = [ap/fp + y] · (immediate or [ap/fp + z]) where both factors are below 2^36, so that no reduction takes place.
// Carries are columns after every second limb; they have 11 bits.
func mulOpcodeSmall() *air.Component {
	b, s, in, dst, op0, op1 := newBinaryOperation("mul_opcode_small", resMul)
	_, v := readPositive(b, "dst", dst, 72)
	_, x := readPositive(b, "op0", op0, 36)
	_, y := readPositive(b, "op1", op1, 36)
	limb := func(k int) air.Expr { // limb k of the product less that of dst
		d := v[k].Neg()
		for i := range x {
			if j := k - i; j >= 0 && j < len(y) {
				d = d.Add(x[i].Mul(y[j]))
			}
		}
		return d
	}
	carry := b.Const(0)
	var carries []air.Expr
	for k := 0; k < len(v); k += 2 {
		sum := carry.Add(limb(k)).Add(limb(k + 1).Times(1 << limbBits))
		if k == len(v)-2 {
			b.Constrain("no carry is left", sum)
			break
		}
		carry = b.Column(fmt.Sprintf("carry_%d", k+1), sum.Times(inverseOfPower(2*limbBits)))
		b.Constrain("carry", carry.Times(1<<(2*limbBits)).Sub(sum))
		carries = append(carries, carry)
	}
	for _, c := range carries {
		b.Use(rangeCheck11, c)
	}
	return finish(b, s, s.next(in))
}

// addAPOpcode proves ap += immediate or [ap/fp + x], for a small value. The new ap must be an address: below 2^29, of which 11 bits are a column.
func addAPOpcode() *air.Component {
	b, s := newOpcode("add_ap_opcode")
	in := decode(b, s.pc, pattern{offsets: [3]*int{offset(-1), offset(-1), nil}, free: []int{op1Imm, op1BaseFP}, op1FromAP: true,
		set: []int{dstBaseFP, op0BaseFP, apUpdateAdd}})
	immediateAtNext(b, in)
	next := s.next(in)
	next.ap = s.ap.Add(readSmall(b, "op1", s.op1(b, in)))
	verifyAddress(b, next.ap)
	return finish(b, s, next)
}

// verifyAddress constrains e to 0 to 2^29 - 1.
func verifyAddress(b *air.Builder, e air.Expr) {
	low := b.Column("range_check_29_bot11bits", e.Bits(0, 11))
	b.Use(rangeCheck18[0], e.Sub(low).Times(inverseOfPower(11)))
	b.Use(rangeCheck11, low)
}

// assertEqOpcode proves [ap/fp + x] = [ap/fp + y]. Values are equal if their ids are.
func assertEqOpcode() *air.Component {
	b, s := newOpcode("assert_eq_opcode")
	in := decode(b, s.pc, pattern{offsets: [3]*int{nil, offset(-1), nil}, free: []int{dstBaseFP, op1BaseFP, apUpdateAdd1}, op1FromAP: true,
		set: []int{op0BaseFP, opcodeAssertEq}})
	dst, op1 := s.dst(b, in), s.op1(b, in)
	b.Use(memoryAddressToID, op1, readID(b, "dst_id", dst))
	return finish(b, s, s.next(in))
}

// assertEqOpcodeImm proves [ap/fp + x] = immediate.
func assertEqOpcodeImm() *air.Component {
	b, s := newOpcode("assert_eq_opcode_imm")
	in := decode(b, s.pc, pattern{offsets: [3]*int{nil, offset(-1), offset(1)}, free: []int{dstBaseFP, apUpdateAdd1},
		set: []int{op0BaseFP, op1Imm, opcodeAssertEq}})
	b.Use(memoryAddressToID, s.immediate(), readID(b, "dst_id", s.dst(b, in)))
	return finish(b, s, s.next(in))
}

// assertEqOpcodeDoubleDeref proves [ap/fp + x] = [[ap/fp + y] + z].
func assertEqOpcodeDoubleDeref() *air.Component {
	b, s := newOpcode("assert_eq_opcode_double_deref")
	in := decode(b, s.pc, pattern{free: []int{dstBaseFP, op0BaseFP, apUpdateAdd1}, set: []int{opcodeAssertEq}})
	dst, op0 := s.dst(b, in), s.op0(b, in)
	op1 := readAddress(b, "mem1_base", op0).Add(in.offsets[2])
	b.Use(memoryAddressToID, op1, readID(b, "dst_id", dst))
	return finish(b, s, s.next(in))
}

// callFrame reads what a call stores: fp at [ap], and the address of the next instruction at [ap + 1].
func callFrame(b *air.Builder, s state, size uint32) {
	b.Constrain("[ap] is fp", readAddress(b, "stored_fp", s.ap).Sub(s.fp))
	b.Constrain("[ap + 1] is the return address", readAddress(b, "stored_ret_pc", s.ap.Plus(1)).Sub(s.pc.Plus(size)))
}

// callOpcodeAbs proves call abs [ap/fp + x].
func callOpcodeAbs() *air.Component {
	b, s := newOpcode("call_opcode_abs")
	in := decode(b, s.pc, pattern{offsets: [3]*int{offset(0), offset(1), nil}, free: []int{op1BaseFP}, op1FromAP: true,
		set: []int{pcUpdateJump, opcodeCall}})
	callFrame(b, s, 1)
	pc := readAddress(b, "next_pc", s.op1(b, in))
	return finish(b, s, state{pc, s.ap.Plus(2), s.ap.Plus(2)})
}

// callOpcodeRelImm proves call rel immediate.
func callOpcodeRelImm() *air.Component {
	b, s := newOpcode("call_opcode_rel_imm")
	decode(b, s.pc, pattern{offsets: [3]*int{offset(0), offset(1), offset(1)}, set: []int{op1Imm, pcUpdateJumpRel, opcodeCall}})
	callFrame(b, s, 2)
	pc := s.pc.Add(readSmall(b, "distance_to_next_pc", s.immediate()))
	return finish(b, s, state{pc, s.ap.Plus(2), s.ap.Plus(2)})
}

// retOpcode proves ret, which takes pc from [fp - 1] and fp from [fp - 2].
func retOpcode() *air.Component {
	b, s := newOpcode("ret_opcode")
	decode(b, s.pc, pattern{offsets: [3]*int{offset(-2), offset(-1), offset(-1)},
		set: []int{dstBaseFP, op0BaseFP, op1BaseFP, pcUpdateJump, opcodeRet}})
	pc := readAddress(b, "next_pc", s.fp.Minus(1))
	fp := readAddress(b, "next_fp", s.fp.Minus(2))
	return finish(b, s, state{pc, s.ap, fp})
}

// jnzPattern is the pattern of jmp rel immediate if [ap/fp + x] != 0.
var jnzPattern = pattern{offsets: [3]*int{nil, offset(-1), offset(1)}, free: []int{dstBaseFP, apUpdateAdd1},
	set: []int{op0BaseFP, op1Imm, pcUpdateJnz}}

// jnzOpcodeNonTaken proves jmp rel immediate if [ap/fp + x] != 0, for a value of 0.
func jnzOpcodeNonTaken() *air.Component {
	b, s := newOpcode("jnz_opcode_non_taken")
	in := decode(b, s.pc, jnzPattern)
	verifyValue(b, "dst_id", s.dst(b, in))
	return finish(b, s, s.next(in))
}

// jnzOpcodeTaken proves jmp rel immediate if [ap/fp + x] != 0, for a value that is neither 0 nor the prime, which the limbs could also hold.
func jnzOpcodeTaken() *air.Component {
	b, s := newOpcode("jnz_opcode_taken")
	in := decode(b, s.pc, jnzPattern)
	_, v := readPositive(b, "dst", s.dst(b, in), 252)
	verifyNonzero(b, "dst", v)
	pc := s.pc.Add(readSmall(b, "next_pc", s.immediate()))
	return finish(b, s, s.jump(in, pc))
}

// verifyNonzero constrains the limbs v to be neither those of 0 nor those of the Stark prime.
func verifyNonzero(b *air.Builder, name string, v []air.Expr) {
	sum, distance := limbSums(v)
	inverse := b.Column(name+"_sum_inv", sum.Inverse())
	b.Constrain("value is not 0", sum.Mul(inverse).Minus(1))
	inverse = b.Column(name+"_sum_squares_inv", distance.Inverse())
	b.Constrain("value is not the prime", distance.Mul(inverse).Minus(1))
}

// limbSums returns the sum of the limbs v, which is 0 only if all are, and the sum in which (limb - limb of the prime)² takes the place of
// each limb that the prime has, which is 0 only if v are the limbs of the prime. Both sums are too small to be a multiple of P.
func limbSums(v []air.Expr) (sum, distance air.Expr) {
	for k, limb := range v {
		term := limb
		if p := starkPrime[k]; p != 0 {
			d := limb.Minus(p)
			term = d.Mul(d)
		}
		if k == 0 {
			sum, distance = limb, term
		} else {
			sum, distance = sum.Add(limb), distance.Add(term)
		}
	}
	return sum, distance
}

// jumpOpcodeAbs proves jmp abs [ap/fp + x].
func jumpOpcodeAbs() *air.Component {
	b, s := newOpcode("jump_opcode_abs")
	in := decode(b, s.pc, jumpPattern(pcUpdateJump))
	pc := readAddress(b, "next_pc", s.op1(b, in))
	return finish(b, s, s.jump(in, pc))
}

// jumpOpcodeRel proves jmp rel [ap/fp + x].
func jumpOpcodeRel() *air.Component {
	b, s := newOpcode("jump_opcode_rel")
	in := decode(b, s.pc, jumpPattern(pcUpdateJumpRel))
	pc := s.pc.Add(readSmall(b, "next_pc", s.op1(b, in)))
	return finish(b, s, s.jump(in, pc))
}

// jumpPattern returns the pattern of a jump to, or by, [ap/fp + x].
func jumpPattern(update int) pattern {
	return pattern{offsets: [3]*int{offset(-1), offset(-1), nil}, free: []int{op1BaseFP, apUpdateAdd1}, op1FromAP: true,
		set: []int{dstBaseFP, op0BaseFP, update}}
}

// jumpOpcodeRelImm proves jmp rel immediate.
func jumpOpcodeRelImm() *air.Component {
	b, s := newOpcode("jump_opcode_rel_imm")
	in := decode(b, s.pc, pattern{offsets: [3]*int{offset(-1), offset(-1), offset(1)}, free: []int{apUpdateAdd1},
		set: []int{dstBaseFP, op0BaseFP, op1Imm, pcUpdateJumpRel}})
	pc := s.pc.Add(readSmall(b, "next_pc", s.immediate()))
	return finish(b, s, s.jump(in, pc))
}

// jumpOpcodeDoubleDeref proves jmp abs [[ap/fp + x] + y].
func jumpOpcodeDoubleDeref() *air.Component {
	b, s := newOpcode("jump_opcode_double_deref")
	in := decode(b, s.pc, pattern{offsets: [3]*int{offset(-1), nil, nil}, free: []int{op0BaseFP, apUpdateAdd1}, set: []int{dstBaseFP, pcUpdateJump}})
	base := readAddress(b, "mem1_base", s.op0(b, in))
	pc := readAddress(b, "next_pc", base.Add(in.offsets[2]))
	return finish(b, s, s.jump(in, pc))
}

// verifyInstructionComponent has a row for each instruction that is executed, with the number of its steps and padding rows. The columns of
// its input are pc, the three offsets, the two words of flags and the extension, as decode uses them. The instruction's limbs are
//
//	0: offset 0, 9 bits    1: offset 0, 7 bits; offset 1, 2 bits    2: offset 1, 9 bits    3: offset 1, 5 bits; offset 2, 4 bits
//	4: offset 2, 9 bits    5: offset 2, 3 bits; flags, 6 bits       6: flags, 9 bits       7: extension
//
// Full limbs have 9 bits because the memory's limbs do; the others are range-checked.
func verifyInstructionComponent() *air.Component {
	b := air.NewBuilder("verify_instruction", 8)
	var tuple []air.Expr
	for k, name := range []string{"pc", "offset0", "offset1", "offset2", "inst_felt5_high", "inst_felt6", "opcode_extension"} {
		tuple = append(tuple, b.Column("input_"+name, b.Input(k)))
	}
	pc, offsets, flags, extension := tuple[0], tuple[1:4], tuple[4:6], tuple[6]
	// split adds columns of an offset's bits, the lowest first.
	split := func(k int, names []string, widths ...int) []air.Expr {
		parts := make([]air.Expr, len(widths))
		sum, low := b.Const(0), 0
		for i, w := range widths {
			parts[i] = b.Column(fmt.Sprintf("offset%d_%s", k, names[i]), offsets[k].Bits(low, w))
			sum = sum.Add(parts[i].Times(1 << low))
			low += w
		}
		b.Constrain(fmt.Sprintf("parts of offset %d", k), sum.Sub(offsets[k]))
		return parts
	}
	names := []string{"low", "mid", "high"}
	o0 := split(0, names, 9, 7)
	o1 := split(1, names, 2, 9, 5)
	o2 := split(2, names, 4, 9, 3)
	b.Use(rangeCheck7x2x5, o0[1], o1[0], o1[2])
	b.Use(rangeCheck4x3, o2[0], o2[2])
	verifyValue(b, "instruction_id", pc, o0[0], o0[1].Add(o1[0].Times(1<<7)), o1[1], o1[2].Add(o2[0].Times(1<<5)), o2[1], o2[2].Add(flags[0]),
		flags[1], extension)
	b.Yield(b.Column("multiplicity_0", b.Input(len(tuple))), verifyInstruction, tuple...)
	return b.Build()
}
