package native

// An encoder for the part of the WebAssembly 2.0 binary format that the lowering needs. Every value is an i64, with two exceptions:
// conditions are i32 on the operand stack, and each function has one i32 local, the first after the parameters, for the address of
// memory accesses.

// Opcodes.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opElse        = 0x05
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opBrTable     = 0x0e
	opReturn      = 0x0f
	opCall        = 0x10
	opDrop        = 0x1a
	opSelect      = 0x1b
	opLocalGet    = 0x20
	opLocalSet    = 0x21
	opLocalTee    = 0x22
	opLoad        = 0x29 // i64.load
	opStore       = 0x37 // i64.store
	opMemorySize  = 0x3f
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI64Const    = 0x42
	opI32Eqz      = 0x45
	opI32Eq       = 0x46
	opI32And      = 0x71
	opI32Or       = 0x72
	opI64Eqz      = 0x50 // the first of eleven comparisons
	opEq          = 0x51
	opNe          = 0x52
	opLtS         = 0x53
	opLtU         = 0x54
	opGtS         = 0x55
	opGtU         = 0x56
	opLeS         = 0x57
	opLeU         = 0x58
	opGeS         = 0x59
	opGeU         = 0x5a
	opClz         = 0x79
	opAdd         = 0x7c
	opSub         = 0x7d
	opMul         = 0x7e
	opDivU        = 0x80
	opRemU        = 0x82
	opAnd         = 0x83
	opOr          = 0x84
	opXor         = 0x85
	opShl         = 0x86
	opShrS        = 0x87
	opShrU        = 0x88
	opRotl        = 0x89
	opWrap        = 0xa7 // i32.wrap_i64
	opExtendU     = 0xad // i64.extend_i32_u

	typeI32   = 0x7f
	typeI64   = 0x7e
	blockVoid = 0x40 // the type of a block without parameters and results
)

// appendUleb appends v in unsigned LEB128.
func appendUleb(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendSleb appends v in signed LEB128.
func appendSleb(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// signature counts parameters and results, all i64.
type signature struct{ params, results int }

// wasmFunc is a function with its code.
type wasmFunc struct {
	sig    signature
	locals int // number of i64 locals that are not parameters
	body   []byte
}

// module is a module under construction. Imports come before functions in the index space.
type module struct {
	types   []signature
	typeOf  map[signature]int
	imports []importFunc
	funcs   []*wasmFunc
	exports []export
}

type importFunc struct {
	name string
	sig  signature
}

type export struct {
	name string
	fn   int
}

// typeIndex returns the index of a function type, which it adds if it is new.
func (m *module) typeIndex(s signature) int {
	if i, ok := m.typeOf[s]; ok {
		return i
	}
	if m.typeOf == nil {
		m.typeOf = map[signature]int{}
	}
	m.types = append(m.types, s)
	m.typeOf[s] = len(m.types) - 1
	return len(m.types) - 1
}

// section appends a section: its id, its length and its contents.
func section(out []byte, id byte, contents []byte) []byte {
	out = append(out, id)
	out = appendUleb(out, uint64(len(contents)))
	return append(out, contents...)
}

// Names of the imported modules.
const (
	hostModule   = "starkd" // host functions
	memoryModule = "memory"
)

// memoryLimits appends the limits of a memory: at first two pages, at most maxPages.
func memoryLimits(b []byte) []byte {
	return appendUleb(appendUleb(append(b, 1), 2), maxPages)
}

const wasmHeader = "\x00asm\x01\x00\x00\x00"

// memoryModuleCode returns a module that only defines and exports a memory. All other modules import their memory.
func memoryModuleCode() []byte {
	out := section([]byte(wasmHeader), 5, memoryLimits([]byte{1}))
	return section(out, 7, append(appendName([]byte{1}, "memory"), 2, 0))
}

// encode returns the module in the binary format.
func (m *module) encode() []byte {
	for i := range m.imports {
		m.typeIndex(m.imports[i].sig)
	}
	for _, f := range m.funcs {
		m.typeIndex(f.sig)
	}
	out := []byte(wasmHeader)
	b := appendUleb(nil, uint64(len(m.types)))
	for _, s := range m.types {
		b = append(b, 0x60)
		for _, n := range [...]int{s.params, s.results} {
			b = appendUleb(b, uint64(n))
			for range n {
				b = append(b, typeI64)
			}
		}
	}
	out = section(out, 1, b)

	b = appendUleb(nil, uint64(1+len(m.imports)))
	b = memoryLimits(append(appendName(appendName(b, memoryModule), "memory"), 2))
	for _, im := range m.imports {
		b = appendName(b, hostModule)
		b = appendName(b, im.name)
		b = append(b, 0)
		b = appendUleb(b, uint64(m.typeOf[im.sig]))
	}
	out = section(out, 2, b)

	b = appendUleb(nil, uint64(len(m.funcs)))
	for _, f := range m.funcs {
		b = appendUleb(b, uint64(m.typeOf[f.sig]))
	}
	out = section(out, 3, b)

	b = appendUleb(nil, uint64(len(m.exports)))
	for _, e := range m.exports {
		b = append(appendName(b, e.name), 0)
		b = appendUleb(b, uint64(e.fn))
	}
	out = section(out, 7, b)

	b = appendUleb(nil, uint64(len(m.funcs)))
	for _, f := range m.funcs {
		c := []byte{2, 1, typeI32}
		c = append(appendUleb(c, uint64(f.locals)), typeI64)
		b = appendUleb(b, uint64(len(c)+len(f.body)))
		b = append(append(b, c...), f.body...)
	}
	return section(out, 10, b)
}

// appendName appends a name: its length and its bytes.
func appendName(b []byte, s string) []byte {
	return append(appendUleb(b, uint64(len(s))), s...)
}

// slot is one 64-bit part of a value: a local, or a constant.
type slot struct {
	known bool
	value uint64
	local int
}

// constant returns a slot with a known value.
func constant(v uint64) slot { return slot{known: true, value: v} }

// asm writes the code of one function.
type asm struct {
	code   []byte
	params int
	locals int // number of all locals, with parameters and the address
	// compared is the length of code after the last comparison.
	compared int
}

// op writes instructions or bytes of their immediate operands.
func (a *asm) op(ops ...byte) {
	a.code = append(a.code, ops...)
	if last := ops[len(ops)-1]; last >= opI64Eqz && last <= opGeU {
		a.compared = len(a.code)
	}
}

// inverse maps each comparison to its negation.
var inverse = map[byte]byte{
	opEq: opNe, opNe: opEq, opLtS: opGeS, opGeS: opLtS, opLtU: opGeU, opGeU: opLtU, opGtS: opLeS, opLeS: opGtS, opGtU: opLeU, opLeU: opGtU,
}

// not negates the condition on top of the stack. If the condition is a comparison, not inverts it, so that machine code can still branch
// on it directly.
func (a *asm) not() {
	if a.compared != len(a.code) {
		a.op(opI32Eqz)
		return
	}
	last := len(a.code) - 1
	op := a.code[last]
	a.code = a.code[:last]
	if op == opI64Eqz {
		a.i64(0)
		op = opNe
	} else {
		op = inverse[op]
	}
	a.op(op)
}

// opN writes an instruction with an index.
func (a *asm) opN(op byte, n int) { a.code = appendUleb(append(a.code, op), uint64(n)) }

func (a *asm) call(fn int) { a.opN(opCall, fn) }

func (a *asm) i64(v uint64) { a.code = appendSleb(append(a.code, opI64Const), int64(v)) }

func (a *asm) i32(v int32) { a.code = appendSleb(append(a.code, opI32Const), int64(v)) }

// push puts slots on the operand stack.
func (a *asm) push(slots ...slot) {
	for _, s := range slots {
		if s.known {
			a.i64(s.value)
		} else {
			a.opN(opLocalGet, s.local)
		}
	}
}

// fresh returns a new local.
func (a *asm) fresh() slot {
	a.locals++
	return slot{local: a.locals - 1}
}

// pop moves the top of the stack to a fresh local.
func (a *asm) pop() slot {
	s := a.fresh()
	a.opN(opLocalSet, s.local)
	return s
}

// popN moves the n values on top of the stack to fresh locals. The topmost is the last one in the result.
func (a *asm) popN(n int) []slot {
	out := make([]slot, n)
	for i := range out {
		out[i] = a.fresh()
	}
	for i := n - 1; i >= 0; i-- {
		a.opN(opLocalSet, out[i].local)
	}
	return out
}

// set moves the top of the stack to a local.
func (a *asm) set(s slot) { a.opN(opLocalSet, s.local) }

// bin pushes x op y.
func (a *asm) bin(op byte, x, y slot) {
	a.push(x, y)
	a.op(op)
}

// do returns x op y, as a constant if it is known, else in a fresh local or as x itself.
func (a *asm) do(op byte, x, y slot) slot {
	if x.known && y.known {
		switch op {
		case opAdd:
			return constant(x.value + y.value)
		case opSub:
			return constant(x.value - y.value)
		case opMul:
			return constant(x.value * y.value)
		case opAnd:
			return constant(x.value & y.value)
		case opOr:
			return constant(x.value | y.value)
		case opXor:
			return constant(x.value ^ y.value)
		case opShl:
			return constant(x.value << (y.value & 63))
		case opShrU:
			return constant(x.value >> (y.value & 63))
		}
	}
	// Put a constant second and make it positive if possible: machine code can then use it as an immediate operand.
	switch op {
	case opAdd, opMul, opAnd, opOr, opXor:
		if x.known {
			x, y = y, x
		}
	}
	if y.known {
		switch op {
		case opAdd, opSub:
			if n := -y.value; n < 1<<31 && y.value >= 1<<31 {
				op, y = opAdd+opSub-op, constant(n)
			}
			fallthrough
		case opOr, opXor, opShl, opShrU:
			if y.value == 0 {
				return x
			}
		case opMul, opAnd:
			if y.value == 0 {
				return y
			}
			if op == opMul && y.value == 1 {
				return x
			}
			if op == opAnd && y.value == 1<<32-1 {
				a.push(x)
				a.op(opWrap, opExtendU)
				return a.pop()
			}
		}
	}
	a.bin(op, x, y)
	return a.pop()
}

// flag returns the comparison x op y as 0 or 1 in a fresh local.
func (a *asm) flag(op byte, x, y slot) slot {
	a.bin(op, x, y)
	a.op(opExtendU)
	return a.pop()
}

// load pushes the word at addr + offset.
func (a *asm) load(addr slot, offset int) {
	a.push(addr)
	a.op(opWrap)
	a.memory(opLoad, offset)
}

// memory writes a load or store of a word at an offset.
func (a *asm) memory(op byte, offset int) {
	a.opN(op, 3)
	a.code = appendUleb(a.code, uint64(offset))
}

// addressed sets the local for addresses. Callers should then access the largest offset first, because wazero omits the bounds checks of
// smaller offsets from the same address.
func (a *asm) addressed(addr slot) {
	a.push(addr)
	a.op(opWrap)
	a.opN(opLocalSet, a.params)
}

// loadN returns the n words from addr + offset on.
func (a *asm) loadN(addr slot, offset, n int) []slot {
	out := make([]slot, n)
	a.addressed(addr)
	for i := n - 1; i >= 0; i-- {
		a.opN(opLocalGet, a.params)
		a.memory(opLoad, offset+8*i)
		out[i] = a.pop()
	}
	return out
}

// store writes words to memory from addr + offset on.
func (a *asm) store(addr slot, offset int, words ...slot) {
	a.addressed(addr)
	for i := len(words) - 1; i >= 0; i-- {
		a.opN(opLocalGet, a.params)
		a.push(words[i])
		a.memory(opStore, offset+8*i)
	}
}

// finish returns the function.
func (a *asm) finish(sig signature) *wasmFunc {
	a.op(opEnd)
	return &wasmFunc{sig: sig, locals: a.locals - a.params - 1, body: a.code}
}

// customSection returns an empty custom section, which engines ignore. The name has at most 100 bytes.
func customSection(name string) []byte {
	return append([]byte{0, byte(1 + len(name)), byte(len(name))}, name...)
}
