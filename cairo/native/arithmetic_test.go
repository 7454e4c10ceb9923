package native

import (
	"context"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// inlined returns a function with the code that write emits, in a module with the runtime.
func inlined(t *testing.T, e *Engine, sig signature, write func(b *body)) func(args ...uint64) []uint64 {
	t.Helper()
	b := newBody(sig.params)
	write(b)
	m := &module{exports: []export{{"f", len(hosts().list) + int(helpers)}}}
	for _, h := range hosts().list {
		m.imports = append(m.imports, importFunc{h.name, h.sig})
	}
	for h := range helpers {
		m.funcs = append(m.funcs, runtimeFunction(h, len(hosts().list), 10))
	}
	m.funcs = append(m.funcs, b.finish(sig))
	mod, err := instantiate(e, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mod.Close(context.Background()) })
	return func(args ...uint64) []uint64 {
		out, err := mod.ExportedFunction("f").Call(context.Background(), args...)
		if err != nil {
			t.Fatalf("%x: %v", args, err)
		}
		return out
	}
}

func testEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := NewEngine(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// edgeWord returns a random word that is often at an edge: near 0, near 2^64 or near a power of two, or with a run of ones at one end.
func edgeWord(r *rand.Rand) uint64 {
	switch r.IntN(8) {
	case 0:
		return 0
	case 1:
		return ^uint64(0) - uint64(r.IntN(3))
	case 2:
		return 1<<r.IntN(64) + uint64(r.IntN(3)) - 1
	case 3:
		return ^uint64(0) << r.IntN(64)
	case 4:
		return ^uint64(0) >> r.IntN(64)
	case 5:
		return r.Uint64() >> r.IntN(64)
	}
	return r.Uint64()
}

// TestDivisions compares the divisions of the runtime and the inlined ones with math/big.
func TestDivisions(t *testing.T) {
	e := testEngine(t)
	word := inlined(t, e, signature{2, 2}, func(b *body) { b.push(pair(b.divWords(b.param(0, 1)[0], b.param(1, 1)[0]))...) })
	double := inlined(t, e, signature{4, 4}, func(b *body) {
		q, r := b.div128(b.param(0, 2), b.param(2, 2))
		b.push(join(q, r)...)
	})
	helper := runtimeModule(t)
	r := rand.New(rand.NewPCG(8, 9))
	check := func(what string, x, y, got []uint64) {
		t.Helper()
		q, rem := new(big.Int).QuoRem(bigOf(x), bigOf(y), new(big.Int))
		if n := len(got) / 2; bigOf(got[:n]).Cmp(q) != 0 || bigOf(got[n:]).Cmp(rem) != 0 {
			t.Fatalf("%s: %x / %x: got %x, want %x, remainder %x", what, x, y, got, q, rem)
		}
	}
	for range 60_000 {
		x, y := []uint64{edgeWord(r), edgeWord(r)}, []uint64{edgeWord(r), edgeWord(r)}
		if r.IntN(3) == 0 {
			y[1] = 0
		}
		if y[0]|y[1] == 0 {
			continue
		}
		switch r.IntN(4) {
		case 0:
			x = aroundMultiple(r, y)
		case 1:
			x[1], y[0], y[1] = 0, max(1, y[0]), 0
		}
		check("function", x, y, helper(helperDiv, x[0], x[1], y[0], y[1]))
		check("inlined", x, y, double(x[0], x[1], y[0], y[1]))
		if y[0] != 0 {
			check("words", x[:1], y[:1], word(x[0], y[0]))
		}
	}
}

// TestProducts compares products of two variables, and of a variable and a constant, with math/big, often around 2^64 and 2^128.
func TestProducts(t *testing.T) {
	e := testEngine(t)
	r := rand.New(rand.NewPCG(16, 17))
	full := inlined(t, e, signature{4, 6}, func(b *body) {
		b.push(join(b.mul128(b.param(0, 2), b.param(2, 2)), b.mulLow128(b.param(0, 2), b.param(2, 2)))...)
	})
	word := inlined(t, e, signature{3, 4}, func(b *body) { b.push(b.mul128(b.param(0, 2), []slot{{local: 2}, constant(0)})...) })
	check := func(x, y, got []uint64) {
		t.Helper()
		if want := new(big.Int).Mul(bigOf(x), bigOf(y)); bigOf(got[:4]).Cmp(want) != 0 {
			t.Fatalf("%x · %x: got %x, want %x", x, y, got, want)
		}
	}
	for range 40_000 {
		x, y := []uint64{edgeWord(r), edgeWord(r)}, []uint64{edgeWord(r), edgeWord(r)}
		switch r.IntN(4) {
		case 0: // a product around 2^64 or 2^128
			putBig(y, new(big.Int).Quo([]*big.Int{two64, two128}[r.IntN(2)], new(big.Int).Add(bigOf(x), big.NewInt(1))))
			y[0] += uint64(r.IntN(3)) - 1
		case 1:
			x[1] = 0
		case 2:
			x[1], y[1] = 0, 0
		}
		got := full(x[0], x[1], y[0], y[1])
		check(x, y, got)
		if got[4] != got[0] || got[5] != got[1] {
			t.Fatalf("low words of %x · %x: %x", x, y, got)
		}
		check(x, y[:1], word(x[0], x[1], y[0]))
	}
	for range 300 {
		k := []uint64{edgeWord(r), edgeWord(r) * uint64(r.IntN(2))}
		by := inlined(t, e, signature{2, 4}, func(b *body) { b.push(b.mul128(b.param(0, 2), []slot{constant(k[0]), constant(k[1])})...) })
		for range 50 {
			x := []uint64{edgeWord(r), edgeWord(r)}
			check(x, k, by(x...))
		}
	}
}

// aroundMultiple returns a random multiple of d plus -1, 0 or 1.
func aroundMultiple(r *rand.Rand, d []uint64) []uint64 {
	u := make([]uint64, 2)
	k := bigOf([]uint64{edgeWord(r), edgeWord(r)})
	k.Mod(k, new(big.Int).Quo(two128, bigOf(d)))
	k.Mul(k, bigOf(d)).Add(k, big.NewInt(int64(r.IntN(3))-1))
	putBig(u, k.Mod(k, two128))
	return u
}

func pair(q, r slot) []slot { return []slot{q, r} }

// TestConstantOperands checks that operations on a variable and a constant have the results of Go's operators, in either order.
func TestConstantOperands(t *testing.T) {
	e := testEngine(t)
	r := rand.New(rand.NewPCG(10, 11))
	ops := map[byte]func(x, y uint64) uint64{
		opAdd: func(x, y uint64) uint64 { return x + y }, opSub: func(x, y uint64) uint64 { return x - y },
		opMul: func(x, y uint64) uint64 { return x * y }, opAnd: func(x, y uint64) uint64 { return x & y },
		opOr: func(x, y uint64) uint64 { return x | y }, opXor: func(x, y uint64) uint64 { return x ^ y },
		opShl: func(x, y uint64) uint64 { return x << (y & 63) }, opShrU: func(x, y uint64) uint64 { return x >> (y & 63) },
		opLtU: func(x, y uint64) uint64 { return flagWord(x < y) }, opGeU: func(x, y uint64) uint64 { return flagWord(x >= y) },
		opGtU: func(x, y uint64) uint64 { return flagWord(x > y) }, opLeU: func(x, y uint64) uint64 { return flagWord(x <= y) },
		opLtS: func(x, y uint64) uint64 { return flagWord(int64(x) < int64(y)) },
		opGeS: func(x, y uint64) uint64 { return flagWord(int64(x) >= int64(y)) },
		opGtS: func(x, y uint64) uint64 { return flagWord(int64(x) > int64(y)) },
		opLeS: func(x, y uint64) uint64 { return flagWord(int64(x) <= int64(y)) },
		opEq:  func(x, y uint64) uint64 { return flagWord(x == y) }, opNe: func(x, y uint64) uint64 { return flagWord(x != y) },
	}
	for _, k := range []uint64{
		0, 1, 2, 3, 59, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1<<31, 1<<64 - 1<<31 - 1,
		1<<64 - 1<<31 + 1, 1<<64 - 59, ^uint64(0), 0x9e3779b97f4a7c15,
	} {
		for op, want := range ops {
			comparing := op >= opI64Eqz && op <= opGeU
			f := inlined(t, e, signature{1, 4}, func(b *body) {
				x, y := b.param(0, 1)[0], constant(k)
				if !comparing {
					b.push(b.do(op, x, y), b.do(op, y, x), constant(0), constant(0))
					return
				}
				b.push(b.flag(op, x, y), b.flag(op, y, x))
				// not of a comparison, and not of a condition that is not one.
				b.bin(op, x, y)
				b.not()
				b.op(opExtendU)
				b.bin(op, y, x)
				b.op(opI32Eqz)
				b.not()
				b.op(opExtendU)
			})
			for i := range 40 {
				x := edgeWord(r)
				if i < 4 {
					x = k + uint64(i) - 2
				}
				got := f(x)
				if got[0] != want(x, k) || got[1] != want(k, x) {
					t.Fatalf("operation %#x of %x and %x: %x", op, x, k, got)
				}
				if comparing && (got[2] != 1-got[0] || got[3] != got[1]) {
					t.Fatalf("the inverse of %#x of %x and %x: %x", op, x, k, got)
				}
			}
		}
		wide := inlined(t, e, signature{1, 4}, func(b *body) {
			x := b.param(0, 1)[0]
			b.push(join(b.wide(x, constant(k)), b.wide(constant(k), x))...)
		})
		for range 100 {
			x := edgeWord(r)
			hi, lo := bits.Mul64(x, k)
			if got := wide(x); got[0] != lo || got[1] != hi || got[2] != lo || got[3] != hi {
				t.Fatalf("product of %x and %x: %x", x, k, got)
			}
		}
	}
}

// TestInlinedSums compares inlined sums with crypto/felt, on elements that often cause the rare carries and borrows.
func TestInlinedSums(t *testing.T) {
	e := testEngine(t)
	sum := inlined(t, e, signature{8, 4}, func(b *body) { b.push(b.helper(helperAdd, b.param(0, 4), b.param(4, 4))...) })
	r := rand.New(rand.NewPCG(12, 13))
	element := func() felt.Felt {
		f := felt.Felt{edgeWord(r), edgeWord(r), edgeWord(r), edgeWord(r) % primeTop}
		switch r.IntN(6) {
		case 0:
			f[3] = primeTop - 1
		case 1:
			f = felt.Felt{0, 0, 0, primeTop}
		case 2:
			f = felt.FromUint64(r.Uint64N(100))
			if r.IntN(2) == 0 {
				f.Neg(&f)
			}
		}
		return f
	}
	check := func(x, y felt.Felt, got []uint64) {
		t.Helper()
		var want felt.Felt
		if feltAt(got) != *want.Add(&x, &y) {
			t.Fatalf("%x + %x: got %x, want %x", x[:], y[:], got, want[:])
		}
	}
	for range 40_000 {
		x, y := element(), element()
		switch r.IntN(4) {
		case 0: // limbs whose sum is all ones, zero or P's
			for i := range 3 {
				y[i] = uint64(r.IntN(3)) - 1 - x[i]
			}
		case 1:
			y[3] = primeTop - x[3] - min(uint64(r.IntN(2)), primeTop-x[3])
		}
		if y[3] >= primeTop {
			y[3] = primeTop - 1
		}
		check(x, y, sum(append(x[:], y[:]...)...))
	}
	for range 200 {
		k := element()
		left := inlined(t, e, signature{4, 4}, func(b *body) { b.push(b.helper(helperAdd, feltSlots(k), b.param(0, 4))...) })
		right := inlined(t, e, signature{4, 4}, func(b *body) { b.push(b.helper(helperAdd, b.param(0, 4), feltSlots(k))...) })
		for range 100 {
			x := element()
			if r.IntN(3) == 0 {
				x[0], x[3] = uint64(r.IntN(3))-1-k[0], primeTop-1-k[3]%primeTop
			}
			check(x, k, left(x[:]...))
			check(x, k, right(x[:]...))
		}
	}
}

// TestBelow compares pushBelow with math/big, for bounds of one to four words.
func TestBelow(t *testing.T) {
	e := testEngine(t)
	r := rand.New(rand.NewPCG(14, 15))
	for i := range 300 {
		bound := make([]uint64, 4)
		for k := range 1 + i%4 {
			bound[k] = edgeWord(r)
		}
		if i%3 == 0 {
			clear(bound)
			bound[r.IntN(4)] = 1 << r.IntN(64)
		}
		below := inlined(t, e, signature{4, 1}, func(b *body) {
			b.pushBelow(b.param(0, 4), bound)
			b.op(opExtendU)
		})
		for range 60 {
			x := []uint64{edgeWord(r), edgeWord(r), edgeWord(r), edgeWord(r)}
			for k := range x {
				if r.IntN(2) == 0 {
					x[k] = bound[k] + uint64(r.IntN(3)) - 1
				}
				if r.IntN(3) == 0 {
					x[k] = bound[k]
				}
			}
			if got, want := below(x...)[0], flagWord(bigOf(x).Cmp(bigOf(bound)) < 0); got != want {
				t.Fatalf("%x below %x: %d", x, bound, got)
			}
		}
	}
}
