package native

import (
	"context"
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/starkd/starkd/crypto/felt"
)

// runtimeModule compiles a module with only the runtime, and returns a function that calls one of its helpers.
func runtimeModule(t *testing.T) func(h helper, args ...uint64) []uint64 {
	t.Helper()
	e, err := NewEngine(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	m := &module{}
	for _, h := range hosts().list {
		m.imports = append(m.imports, importFunc{h.name, h.sig})
	}
	for h := range helpers {
		m.funcs = append(m.funcs, runtimeFunction(h, len(hosts().list), 10))
		m.exports = append(m.exports, export{fmt.Sprint(h), len(hosts().list) + int(h)})
	}
	mod, err := instantiate(e, m)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[helper]api.Function{}
	for h := range helpers {
		functions[h] = mod.ExportedFunction(fmt.Sprint(h))
	}
	return func(h helper, args ...uint64) []uint64 {
		out, err := functions[h].Call(context.Background(), args...)
		if err != nil {
			t.Fatalf("helper %d of %x: %v", h, args, err)
		}
		return out
	}
}

// instantiate compiles a module and binds it to an arena of its own.
func instantiate(e *Engine, m *module) (api.Module, error) {
	compiled, err := e.runtime.CompileModule(context.Background(), m.encode())
	if err != nil {
		return nil, err
	}
	a, err := e.take(&session{engine: e})
	if err != nil {
		return nil, err
	}
	return a.instantiate(compiled)
}

// TestFieldArithmetic compares the runtime's field arithmetic with crypto/felt. Many Montgomery limbs are zero, one, all ones or those of P,
// so that carries and borrows go further than with random numbers.
func TestFieldArithmetic(t *testing.T) {
	call := runtimeModule(t)
	r := rand.New(rand.NewPCG(4, 5))
	limb := func() uint64 {
		switch r.IntN(6) {
		case 0:
			return 0
		case 1:
			return ^uint64(0)
		case 2:
			return 1
		case 3:
			return uint64(r.IntN(3)) - 1
		}
		return r.Uint64()
	}
	element := func() felt.Felt {
		for {
			f := felt.Felt{limb(), limb(), limb(), limb() & (1<<60 - 1)}
			switch r.IntN(5) {
			case 0:
				f[3] = primeTop
			case 1:
				f[3] = primeTop - 1
			case 2:
				f[3] = uint64(r.IntN(2))
			}
			p := felt.Felt{1, 0, 0, primeTop}
			for i := 3; i >= 0; i-- {
				if f[i] != p[i] {
					if f[i] < p[i] {
						return f
					}
					break
				}
			}
		}
	}
	check := func(what string, x, y felt.Felt, got []uint64, want felt.Felt) {
		t.Helper()
		if feltAt(got) != want {
			t.Fatalf("%s of %x and %x: got %x, want %x", what, x[:], y[:], got, want[:])
		}
	}
	for range 60_000 {
		x, y := element(), element()
		switch r.IntN(6) {
		case 0:
			y.Neg(&x)
		case 1:
			y = x
		case 2: // a sum whose lowest limb is at an edge
			y[0] = uint64(r.IntN(3)) - 1 - x[0]
		case 3:
			y[0] = x[0] + uint64(r.IntN(3)) - 1
		}
		if y[3] >= primeTop {
			y[3] = primeTop - 1
		}
		var want felt.Felt
		args := append(append([]uint64{}, x[:]...), y[:]...)
		check("sum", x, y, call(helperAdd, args...), *want.Add(&x, &y))
		check("difference", x, y, call(helperSub, args...), *want.Sub(&x, &y))
		check("product", x, y, call(helperMul, args...), *want.Mul(&x, &y))
		check("integer", x, y, call(helperFromMont, x[:]...), felt.Felt(x.Limbs()))
		check("word", x, y, call(helperToMont64, x[0]), felt.FromUint64(x[0]))
		check("words", x, y, call(helperToMont128, x[0], x[1]), felt.FromUint128(x[1], x[0]))
		if got := call(helperWide, x[0], y[1]); true {
			hi, lo := bits.Mul64(x[0], y[1])
			if got[0] != lo || got[1] != hi {
				t.Fatalf("wide product of %x and %x: %x", x[0], y[1], got)
			}
		}
	}
}

// newBody returns a body for a function with so many parameters, outside of a class.
func newBody(params int) *body {
	return &body{asm: newAsm(params), c: &compiler{helperBase: len(hosts().list)}}
}

// TestConstantArithmetic compares sums, differences and divisions with a constant operand with crypto/felt and math/big.
func TestConstantArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	e, err := NewEngine(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	word := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return ^uint64(0) >> r.IntN(64)
		case 1:
			return 1 << r.IntN(64)
		case 2:
			return 1<<r.IntN(64) + uint64(r.IntN(3)) - 1
		}
		return r.Uint64()
	}
	for range 300 {
		small := felt.FromUint64(uint64(r.IntN(1000)))
		var minus felt.Felt
		minus.Neg(&small)
		d := []uint64{max(1, word()), 0}
		if r.IntN(4) == 0 {
			d = []uint64{0, 1 << r.IntN(64)}
		}
		add := inlined(t, e, signature{4, 8}, func(b *body) {
			b.push(b.helper(helperSub, b.param(0, 4), feltSlots(small))...)
			b.push(b.helper(helperAdd, feltSlots(minus), b.param(0, 4))...)
		})
		sub := inlined(t, e, signature{4, 4}, func(b *body) { b.push(b.feltSub(b.param(0, 4), feltSlots(small))...) })
		div := inlined(t, e, signature{2, 4}, func(b *body) {
			q, rem, ok := b.divConst(b.param(0, 2), []slot{constant(d[0]), constant(d[1])})
			if !ok {
				t.Fatalf("divConst does not divide by %x", d)
			}
			b.push(q...)
			b.push(rem...)
		})
		for range 50 {
			x := felt.FromUint64(word())
			if r.IntN(2) == 0 {
				x.Add(&small, &felt.One)
				x.Sub(&x, &felt.One)
			}
			var want felt.Felt
			if got := sub(x[:]...); feltAt(got) != *want.Sub(&x, &small) {
				t.Fatalf("%v - %v = %x", x, small, got)
			}
			for _, k := range []uint64{0, 1, 31, 32, 33, ^uint64(0)} {
				y := x
				y[0] = k - minus[0] + uint64(r.IntN(2))*minus[0] // lowest limbs whose sum is near 0 or carries
				if y[3] >= primeTop {
					y[3] = primeTop - 1
				}
				got := add(y[:]...)
				if feltAt(got) != *want.Sub(&y, &small) {
					t.Fatalf("%x - %v = %x, want %x", y[:], small, got[:4], want[:])
				}
				if feltAt(got[4:]) != *want.Add(&y, &minus) {
					t.Fatalf("%x + %v = %x, want %x", y[:], minus, got[4:], want[:])
				}
			}
			u := []uint64{word(), word()}
			if r.IntN(2) == 0 {
				u = aroundMultiple(r, d)
			}
			got := div(u...)
			q, rem := new(big.Int).QuoRem(bigOf(u), bigOf(d), new(big.Int))
			if bigOf(got[:2]).Cmp(q) != 0 || bigOf(got[2:]).Cmp(rem) != 0 {
				t.Fatalf("%x / %x: got %x, want %x, remainder %x", u, d, got, q, rem)
			}
		}
	}
}
