package native

import "github.com/starkd/starkd/crypto/felt"

// The runtime: functions that every module carries, for field arithmetic, wide products and memory. A field element is reduced and in
// Montgomery form with R = 2^256, as in crypto/felt.

// Linear memory holds the engine's three cells, then constants of classes, then frames.
const (
	heapCell      = 16    // address of the cell with the heap's end
	baseCell      = 24    // address of the cell with the address of the running class's constants
	pollCell      = 32    // address of the cell with the number of statements until the next poll
	firstHeapBase = 64    // heap base of a new arena
	pageSize      = 65536 // bytes
)

// helper numbers the functions of the runtime in the order in which a module defines them. The comments give arguments and results.
type helper int

const (
	helperAdd       helper = iota // (x, y felts): x + y
	helperSub                     // (x, y felts): x - y
	helperMul                     // (x, y felts): x · y
	helperFromMont                // (felt): its integer, four words
	helperToMont64                // (word): the felt of that integer
	helperToMont128               // (two words): the felt of that integer
	helperWide                    // (a, b words): a·b in two words
	helperAlloc                   // (bytes): the address of newly allocated memory
	helperGrow                    // (start, end, bytes of an element): start, end, capacity with room for at least one more element
	helperDiv                     // (x, y of two words each): quotient and remainder
	helperDict                    // (dictionary, key): the address of the key's value
	helpers
)

var helperSignatures = [helpers]signature{
	{8, 4}, {8, 4}, {8, 4}, {4, 4}, {1, 4}, {2, 4}, {2, 2}, {1, 1}, {3, 3}, {4, 4}, {5, 1},
}

// primeTop is the highest limb of P = 2^251 + 17·2^192 + 1, whose middle limbs are 0.
const primeTop = 0x0800000000000011

// montSquare is R² mod P. The Montgomery product of an integer and montSquare is the integer's Montgomery form.
var montSquare = func() [4]uint64 {
	r := felt.FromLimbs([4]uint64{^uint64(30), ^uint64(0), ^uint64(0), 0x07fffffffffffdf0}) // the integer R mod P
	return r                                                                                // its Montgomery form is R·R
}()

// newAsm returns an assembler for a function with so many parameters.
func newAsm(params int) *asm { return &asm{params: params, locals: params + 1} }

// param returns the n parameters from the given one on.
func (a *asm) param(from, n int) []slot {
	out := make([]slot, n)
	for i := range out {
		out[i] = slot{local: from + i}
	}
	return out
}

// runtimeFunction returns the code of a helper. base is the index of the first helper.
func runtimeFunction(h helper, base, maxPages int) *wasmFunc {
	sig := helperSignatures[h]
	a := newAsm(sig.params)
	switch h {
	case helperAdd:
		a.push(a.feltAdd(a.param(0, 4), a.param(4, 4))...)
	case helperSub:
		a.push(a.feltSub(a.param(0, 4), a.param(4, 4))...)
	case helperMul:
		a.feltMul(a.param(0, 4), a.param(4, 4))
	case helperFromMont:
		var c [17]slot
		for i := range c {
			c[i] = constant(0)
		}
		copy(c[:], a.digits(a.param(0, 4)))
		a.reduce(c)
	case helperToMont64:
		a.push(a.toMont64(a.param(0, 1)[0])...)
	case helperToMont128:
		x := a.param(0, 2)
		a.push(x[1])
		a.op(opI64Eqz, opIf, blockVoid)
		a.push(x[0])
		a.call(base + int(helperToMont64))
		a.op(opReturn, opEnd)
		a.feltMul([]slot{x[0], x[1], constant(0), constant(0)}, feltSlots(felt.Felt(montSquare)))
	case helperWide:
		p := a.param(0, 2)
		a.push(a.wide(p[0], p[1])...)
	case helperAlloc:
		a.alloc(maxPages)
	case helperGrow:
		a.growArray(base)
	case helperDiv:
		a.div()
	case helperDict:
		a.dictGet(hosts().index["dict_grow"])
	}
	return a.finish(sig)
}

// addCarry returns x + y + carry and the carry out.
func (a *asm) addCarry(x, y, carry slot) (sum, out slot) {
	if y.known && y.value == 0 {
		sum = a.do(opAdd, x, carry)
		return sum, a.flagOf(opLtU, sum, carry)
	}
	if x.known && x.value == 0 {
		return a.addCarry(y, x, carry)
	}
	s := a.do(opAdd, x, y)
	c := a.flagOf(opLtU, s, x)
	if carry.known && carry.value == 0 {
		return s, c
	}
	sum = a.do(opAdd, s, carry)
	return sum, a.do(opOr, c, a.flagOf(opLtU, sum, carry))
}

// subBorrow returns x - y - borrow and the borrow out.
func (a *asm) subBorrow(x, y, borrow slot) (diff, out slot) {
	d := a.do(opSub, x, y)
	b := constant(0)
	if !(y.known && y.value == 0) {
		b = a.flagOf(opLtU, x, y)
	}
	if borrow.known && borrow.value == 0 {
		return d, b
	}
	diff = a.do(opSub, d, borrow)
	return diff, a.do(opOr, b, a.flagOf(opLtU, d, borrow))
}

// flagOf does what flag does, except that it folds x < 0 to the constant 0.
func (a *asm) flagOf(op byte, x, y slot) slot {
	if op == opLtU && y.known && y.value == 0 {
		return constant(0)
	}
	return a.flag(op, x, y)
}

// reduced returns x mod P for x below 2P. P's lowest limb is 1 and its middle limbs are 0, so subtracting P borrows beyond the lowest
// limb only if that is 0, which is the case for about one of 2^64 elements.
func (a *asm) reduced(x []slot) []slot {
	return a.rarely(a.lessPrime(x), func() []slot {
		top := a.do(opSub, x[3], constant(primeTop))
		b1 := a.isZero(x[1])
		b2 := a.do(opAnd, b1, a.isZero(x[2]))
		top = a.do(opSub, top, b2)
		t := []slot{constant(^uint64(0)), a.do(opSub, x[1], constant(1)), a.do(opSub, x[2], b1), top}
		r := make([]slot, 4)
		for i := range t {
			a.push(x[i], t[i], top)
			a.i64(0)
			a.op(opLtS, opSelect)
			r[i] = a.pop()
		}
		return r
	}, func() { a.pushZero(x[:1]) })
}

// lessPrime does what reduced does, for x whose lowest limb is not 0.
func (a *asm) lessPrime(x []slot) []slot {
	// The highest limbs are below 2^61, so their difference as a signed word is right.
	top := a.do(opSub, x[3], constant(primeTop))
	below := a.do(opShrS, top, constant(63)) // 0 or -1
	low := a.do(opSub, a.do(opSub, x[0], constant(1)), below)
	return []slot{low, x[1], x[2], a.do(opAdd, top, a.do(opAnd, below, constant(primeTop)))}
}

// rarely returns the values of other if one of the conditions holds, else usual. Each function in conditions pushes a condition.
func (a *asm) rarely(usual []slot, other func() []slot, conditions ...func()) []slot {
	out := make([]slot, len(usual))
	assign := func(values []slot) {
		for i, s := range values {
			a.push(s)
			a.set(out[i])
		}
	}
	for i := range out {
		out[i] = a.fresh()
	}
	// if instead of br_if: wazero fuses a comparison with a jump only if no other jump has the same target.
	a.op(opBlock, blockVoid)
	for _, condition := range conditions {
		condition()
		a.not()
		a.op(opIf, blockVoid)
	}
	assign(usual)
	a.opN(opBr, len(conditions))
	for range conditions {
		a.op(opEnd)
	}
	assign(other())
	a.op(opEnd)
	return out
}

// toMont64 returns x·R mod P for a word x, without a product of field elements. Modulo P, 2^251 is -(1 + 17·2^192), so R = 2^256 is
// -(32 + 544·2^192). With 544·x = q·2^59 + r, the term q·2^59·2^192 = q·2^251 is reduced once more, which gives
// x·R = (17q - r)·2^192 + q - 32x.
func (a *asm) toMont64(x slot) []slot {
	half, halfMask := constant(32), constant(1<<32-1)
	low := a.do(opMul, a.do(opAnd, x, halfMask), constant(544))
	high := a.do(opAdd, a.do(opMul, a.do(opShrU, x, half), constant(544)), a.do(opShrU, low, half)) // 544·x without 32 bits
	q := a.do(opShrU, high, constant(59-32))
	r := a.do(opOr, a.do(opShl, a.do(opAnd, high, constant(1<<(59-32)-1)), half), a.do(opAnd, low, halfMask))
	x32 := a.do(opShl, x, constant(5))
	borrow := a.flag(opLtU, q, x32)
	d := []slot{a.do(opSub, q, x32), a.do(opSub, a.do(opSub, constant(0), a.do(opShrU, x, constant(59))), borrow), {}, {}}
	d[2] = a.do(opShrS, d[1], constant(63))
	d[3] = a.do(opAdd, d[2], a.do(opSub, a.do(opMul, q, constant(17)), r))
	// d is above -P, and negative unless it is 0.
	negative := a.do(opShrU, d[3], constant(63))
	carry := negative
	for i := range 3 {
		sum := a.do(opAdd, d[i], carry)
		carry = a.flag(opLtU, sum, carry)
		d[i] = sum
	}
	d[3] = a.do(opAdd, a.do(opAdd, d[3], a.do(opAnd, a.do(opSub, constant(0), negative), constant(primeTop))), carry)
	return d
}

// negated returns -y for a known y. ok is true if the middle limbs of -y are 0, as they are for small numbers y: adding -y is then
// cheaper than subtracting y.
func negated(y []slot) (minus []slot, ok bool) {
	var f felt.Felt
	for i := range y {
		if !y[i].known {
			return nil, false
		}
		f[i] = y[i].value
	}
	f.Neg(&f)
	return feltSlots(f), f[1] == 0 && f[2] == 0
}

// isZero returns 1 if x is 0, else 0.
func (a *asm) isZero(x slot) slot {
	if x.known {
		return constant(flagWord(x.value == 0))
	}
	a.push(x)
	a.op(opI64Eqz, opExtendU)
	return a.pop()
}

// feltAdd returns x + y mod P.
func (a *asm) feltAdd(x, y []slot) []slot {
	s := make([]slot, 4)
	carry := constant(0)
	for i := range 3 {
		s[i], carry = a.addCarry(x[i], y[i], carry)
	}
	s[3] = a.do(opAdd, a.do(opAdd, x[3], y[3]), carry)
	return a.reduced(s)
}

// addUsual does what feltAdd does, with a shorter usual path. It takes the sum from other in two rare cases: the carry into a limb makes that limb
// carry, or the subtraction of P borrows beyond the lowest limb (see reduced).
func (a *asm) addUsual(x, y []slot, other func() []slot) []slot {
	s := make([]slot, 4)
	var rare []func()
	carry := constant(0)
	for i := range s {
		in, x, y := carry, x[i], y[i]
		if x.known {
			x, y = y, x
		}
		part := a.do(opAdd, x, y)
		s[i] = a.do(opAdd, part, in)
		if i == 3 {
			break
		}
		if carry = constant(0); y != carry {
			carry = a.flag(opLtU, part, x)
		}
		if in != constant(0) {
			rare = append(rare, func() { a.bin(opLtU, s[i], in) })
		}
	}
	rare = append(rare, func() { a.pushZero(s[:1]) })
	return a.rarely(a.lessPrime(s), other, rare...)
}

// feltSub returns x - y mod P.
func (a *asm) feltSub(x, y []slot) []slot {
	if n, ok := negated(y); ok {
		return a.feltAdd(x, n)
	}
	d := make([]slot, 4)
	borrow := constant(0)
	for i := range 3 {
		d[i], borrow = a.subBorrow(x[i], y[i], borrow)
	}
	d[3] = a.do(opSub, a.do(opSub, x[3], y[3]), borrow)
	// Add P if the difference is negative. This carries beyond the lowest limb only if that is all ones.
	negative := a.do(opShrU, d[3], constant(63))
	top := a.do(opAdd, d[3], a.do(opAnd, a.do(opSub, constant(0), negative), constant(primeTop)))
	low := a.do(opAdd, d[0], negative)
	return a.rarely([]slot{low, d[1], d[2], top}, func() []slot {
		mid := a.do(opAdd, d[1], constant(1))
		c := a.isZero(mid)
		high := a.do(opAdd, d[2], c)
		return []slot{low, mid, high, a.do(opAdd, top, a.do(opAnd, c, a.isZero(high)))}
	}, func() { a.bin(opLtU, low, negative) })
}

// Products use digits of 29 bits, nine for an element, so that sums of digit products fit a word.
const (
	digitBits = 29
	digitMask = 1<<digitBits - 1
)

// digits returns the nine digits of a number of four words, lowest first.
func (a *asm) digits(x []slot) []slot {
	out := make([]slot, 9)
	for i := range out {
		w, off := digitBits*i/64, uint64(digitBits*i%64)
		d := a.do(opShrU, x[w], constant(off))
		if off+digitBits > 64 && w < 3 {
			d = a.do(opOr, d, a.do(opShl, x[w+1], constant(64-off)))
		}
		out[i] = a.do(opAnd, d, constant(digitMask))
	}
	return out
}

// feltMul pushes the Montgomery product of x and y.
func (a *asm) feltMul(x, y []slot) {
	dx, dy := a.digits(x), a.digits(y)
	var c [17]slot
	for k := range c {
		// The sum is built on the operand stack.
		sum, some := uint64(0), false
		for i := max(0, k-8); i <= min(k, 8); i++ {
			u, v := dx[i], dy[k-i]
			switch {
			case u.known && v.known:
				sum += u.value * v.value
				continue
			case u.known && u.value == 0, v.known && v.value == 0:
				continue
			}
			a.push(u, v)
			a.op(opMul)
			if some {
				a.op(opAdd)
			}
			some = true
		}
		switch {
		case !some:
			c[k] = constant(sum)
		case sum != 0:
			a.i64(sum)
			a.op(opAdd)
			c[k] = a.pop()
		default:
			c[k] = a.pop()
		}
	}
	a.reduce(c)
}

// reduce pushes c / R mod P, where c is a number below P² given by its digits, which need not be normalised. P is 1 modulo 2^29, so adding
// P times the negative of the lowest digit clears that digit. Eight digits of 29 bits and one of 24 bits make R.
func (a *asm) reduce(c [17]slot) {
	const (
		seventeen = 17 << (192 - 6*digitBits) // 17·2^192 is seventeen at digit 6
		top       = 251 - 8*digitBits         // 2^251 is 1<<top at digit 8
	)
	for k := range 9 {
		mask := uint64(digitMask)
		if k == 8 {
			mask = 1<<24 - 1
		}
		m := a.do(opAnd, a.do(opSub, constant(0), c[k]), constant(mask))
		c[k] = a.do(opAdd, c[k], m)
		c[k+6] = a.do(opAdd, c[k+6], a.do(opMul, m, constant(seventeen)))
		c[k+8] = a.do(opAdd, c[k+8], a.do(opShl, m, constant(top)))
		if k < 8 {
			c[k+1] = a.do(opAdd, c[k+1], a.do(opShrU, c[k], constant(digitBits)))
		}
	}
	words := []slot{constant(0), constant(0), constant(0), constant(0)}
	carry := constant(0)
	for k := 8; k < 17; k++ {
		d := a.do(opAdd, c[k], carry)
		if k < 16 {
			carry = a.do(opShrU, d, constant(digitBits))
			d = a.do(opAnd, d, constant(digitMask))
		}
		if k == 8 {
			words[0] = a.do(opShrU, d, constant(24))
			continue
		}
		p := digitBits*(k-8) - 24
		w, off := p/64, uint64(p%64)
		words[w] = a.do(opOr, words[w], a.do(opShl, d, constant(off)))
		if off+digitBits > 64 && w < 3 {
			words[w+1] = a.do(opOr, words[w+1], a.do(opShrU, d, constant(64-off)))
		}
	}
	a.push(a.reduced(words)...)
}

// wide returns the product of two words in two words, lowest first.
func (a *asm) wide(x, y slot) []slot {
	if x.known {
		x, y = y, x
	}
	low := constant(1<<32 - 1)
	half := constant(32)
	x0, x1 := a.do(opAnd, x, low), a.do(opShrU, x, half)
	y0, y1 := a.do(opAnd, y, low), a.do(opShrU, y, half)
	mid := a.do(opAdd, a.do(opMul, x1, y0), a.do(opShrU, a.do(opMul, x0, y0), half))
	hi := a.do(opAdd, a.do(opMul, x1, y1), a.do(opShrU, mid, half))
	if y1 != constant(0) { // otherwise mid2 would be below 2^32
		mid2 := a.do(opAdd, a.do(opMul, x0, y1), a.do(opAnd, mid, low))
		hi = a.do(opAdd, hi, a.do(opShrU, mid2, half))
	}
	return []slot{a.do(opMul, x, y), hi}
}

// alloc writes the code of helperAlloc. It grows the memory if it is full, to twice its size if maxPages allows that.
func (a *asm) alloc(maxPages int) {
	size := a.param(0, 1)[0]
	cell := constant(heapCell)
	a.load(cell, 0)
	at := a.pop()
	end := a.do(opAdd, at, size)
	a.op(opMemorySize, 0, opExtendU)
	pages := a.pop()
	a.push(a.do(opShl, pages, constant(16)), end)
	a.op(opLtU)
	a.op(opIf, blockVoid)
	need := a.do(opSub, a.do(opShrU, a.do(opAdd, end, constant(pageSize-1)), constant(16)), pages)
	want := a.fresh()
	a.push(pages, need)
	a.bin(opLtU, need, pages)
	a.op(opSelect)
	a.set(want)
	a.push(need, want)
	a.bin(opGtU, a.do(opAdd, want, pages), constant(uint64(maxPages)))
	a.op(opSelect)
	a.op(opWrap, opMemoryGrow, 0)
	a.i32(-1)
	a.op(opI32Eq, opIf, blockVoid, opUnreachable, opEnd, opEnd)
	a.store(cell, 0, end)
	a.push(at)
}

// growArray writes the code of helperGrow. It copies the array to newly allocated memory with a capacity of twice its length plus four
// elements.
func (a *asm) growArray(base int) {
	p := a.param(0, 3)
	start, end, elem := p[0], p[1], p[2]
	length := a.do(opSub, end, start)
	extra := a.do(opAdd, length, a.do(opShl, elem, constant(2)))
	a.push(a.do(opAdd, length, extra))
	a.call(base + int(helperAlloc))
	to := a.pop()
	a.push(to)
	a.op(opWrap)
	a.push(start)
	a.op(opWrap)
	a.push(length)
	a.op(opWrap)
	a.op(0xfc, 0x0a, 0, 0) // memory.copy
	at := a.do(opAdd, to, length)
	a.push(to, at, a.do(opAdd, at, extra))
}
