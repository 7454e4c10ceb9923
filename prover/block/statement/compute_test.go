package statement

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/secp"
)

// freeOfCharge answers Meter. Its other methods panic, because the embedded Syscalls is nil.
type freeOfCharge struct{ cairo.Syscalls }

func (freeOfCharge) Meter(*uint64, cairo.Selector, uint64) error { return nil }

// engine answers syscalls as the VM engine does, all in one run.
type engine struct {
	t      *testing.T
	m      *machine.Machine
	handle func(*machine.Machine, machine.Addr) error
}

func newEngine(t *testing.T) *engine {
	return &engine{t, machine.NewMachine(), vm.NewSyscallHandler(freeOfCharge{})}
}

// call makes a syscall. It returns the address of the response, or the panic data of a syscall that failed.
func (e *engine) call(selector string, request ...machine.Value) (response machine.Addr, failure []felt.Felt, err error) {
	e.t.Helper()
	at := e.m.Memory.AddSegment()
	head := []machine.Value{machine.FeltValue(felt.FromShortString(selector)), machine.UintValue(1 << 40)}
	if _, err := e.m.Memory.Load(at, append(head, request...)...); err != nil {
		e.t.Fatal(err)
	}
	if err := e.handle(e.m, at); err != nil {
		return machine.Addr{}, nil, err
	}
	response = at.Add(len(head) + len(request) + 2)
	if e.word(response.Add(-1)) == felt.Zero {
		return response, nil, nil
	}
	start, end := e.pointer(response), e.pointer(response.Add(1))
	failure, err = e.m.Memory.Felts(start, int(end.Offset-start.Offset))
	if err != nil {
		e.t.Fatal(err)
	}
	return response, failure, nil
}

func (e *engine) word(at machine.Addr) felt.Felt {
	e.t.Helper()
	w, err := e.m.Memory.Felt(at)
	if err != nil {
		e.t.Fatal(err)
	}
	return w
}

func (e *engine) pointer(at machine.Addr) machine.Addr {
	e.t.Helper()
	p, err := e.m.Memory.Pointer(at)
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

// requestOf returns the words of integers in a request.
func requestOf(integers ...u256) (words []machine.Value) {
	for _, x := range integers {
		words = append(words, machine.FeltValue(x[0]), machine.FeltValue(x[1]))
	}
	return words
}

// coordinates asks the engine for the coordinates of the point at an address.
func (e *engine) coordinates(name string, point machine.Addr) (x, y u256) {
	e.t.Helper()
	r, failure, err := e.call(name+"GetXy", machine.AddrValue(point))
	if err != nil || failure != nil {
		e.t.Fatalf("GetXy of %v: %v, %v", point, failure, err)
	}
	return u256{e.word(r), e.word(r.Add(1))}, u256{e.word(r.Add(2)), e.word(r.Add(3))}
}

// checkOption compares what a syscall that may return a point gave on the engine and here, and returns the point's address.
func (e *engine) checkOption(what, name string, response machine.Addr, failure []felt.Felt, engineErr error, got secpResult, err error) (machine.Addr, bool) {
	e.t.Helper()
	if (err == nil) != (engineErr == nil) {
		e.t.Fatalf("%s: error %v, the engine's is %v", what, err, engineErr)
	}
	if err != nil {
		return machine.Addr{}, false
	}
	if !slices.Equal(got.failure, failure) {
		e.t.Fatalf("%s: fails with %v, on the engine with %v", what, got.failure, failure)
	}
	if failure != nil {
		if got.some || got.point != (secp.Point{}) {
			e.t.Fatalf("%s: fails and returns the point %v", what, got.point)
		}
		return machine.Addr{}, false
	}
	if some := e.word(response) == felt.Zero; some != got.some {
		e.t.Fatalf("%s: returns a point: %t, on the engine: %t", what, got.some, some)
	}
	if !got.some {
		return machine.Addr{}, false
	}
	at := e.pointer(response.Add(1))
	e.checkPoint(what, name, at, got.point)
	return at, true
}

func (e *engine) checkPoint(what, name string, at machine.Addr, p secp.Point) {
	e.t.Helper()
	gotX, gotY := computeSecpXY(p)
	if x, y := e.coordinates(name, at); gotX != x || gotY != y {
		e.t.Fatalf("%s: (%v, %v), on the engine (%v, %v)", what, gotX, gotY, x, y)
	}
}

func u256FromBig(v *big.Int) u256 {
	high, low := new(big.Int).DivMod(v, new(big.Int).Lsh(big.NewInt(1), 128), new(big.Int))
	return u256{felt.FromBigInt(low), felt.FromBigInt(high)}
}

// curves are the two curves as Starknet's syscalls name them, with modulus and order (SEC 2, version 2.0).
var curves = []struct {
	name  string
	curve *secp.Curve
	p, n  string
}{
	{"Secp256k1", secp.K1, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"},
	{"Secp256r1", secp.R1, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"},
}

// TestSecpLikeEngine compares the secp syscalls with the VM engine's: coordinates and scalars around 0, the modulus, the order
// and 2^256, halves that are no 128-bit integers, wrong parities, and sums of equal and opposite points and of infinity.
func TestSecpLikeEngine(t *testing.T) {
	for _, c := range curves {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			rng := rand.New(rand.NewPCG(11, 12))
			integers := []u256{{felt.Zero, felt.FromUint128(1, 0)}} // 2^192, and the halves that follow
			bad := felt.FromLimbs([4]uint64{0, 0, 1})               // 2^128
			integers = append(integers, u256{bad, felt.Zero}, u256{felt.Zero, bad}, u256{felt.FromInt64(-1), felt.One})
			for _, text := range []string{"0", c.p, c.n, "1" + fmt.Sprintf("%064d", 0)} {
				v, _ := new(big.Int).SetString(text, 16)
				for d := int64(-4); d <= 4; d++ {
					if w := new(big.Int).Add(v, big.NewInt(d)); w.Sign() >= 0 && w.BitLen() <= 256 {
						integers = append(integers, u256FromBig(w))
					}
				}
			}
			for range 20 {
				integers = append(integers, u256{felt.FromUint128(rng.Uint64(), rng.Uint64()), felt.FromUint128(rng.Uint64(), rng.Uint64())})
			}

			type known struct {
				at machine.Addr
				p  secp.Point
			}
			var points []known
			for _, x := range integers {
				for _, parity := range []felt.Felt{felt.Zero, felt.One, felt.FromUint64(2), felt.FromInt64(-1)} {
					what := fmt.Sprintf("point with x = %v and parity %v", x, parity)
					r, failure, engineErr := e.call(c.name+"GetPointFromX", append(requestOf(x), machine.FeltValue(parity))...)
					got, err := computeSecpFromX(c.curve, x, parity)
					if at, ok := e.checkOption(what, c.name, r, failure, engineErr, got, err); ok {
						points = append(points, known{at, got.point})
					}
				}
			}
			found := len(points)
			if found < 30 {
				t.Fatalf("%d points", found)
			}
			pairs := [][2]u256{}
			for _, x := range integers {
				pairs = append(pairs, [2]u256{x, {}}, [2]u256{{}, x}, [2]u256{x, x})
			}
			for _, p := range points {
				x, y := computeSecpXY(p.p)
				off := y
				off[0].Add(&off[0], &felt.One)
				pairs = append(pairs, [2]u256{x, y}, [2]u256{y, x}, [2]u256{x, off})
			}
			for _, pair := range pairs {
				what := fmt.Sprintf("point (%v, %v)", pair[0], pair[1])
				r, failure, engineErr := e.call(c.name+"New", requestOf(pair[0], pair[1])...)
				got, err := computeSecpNew(c.curve, pair[0], pair[1])
				if at, ok := e.checkOption(what, c.name, r, failure, engineErr, got, err); ok && got.point == (secp.Point{}) {
					points = append(points, known{at, got.point})
				}
			}
			if len(points) == found {
				t.Fatal("(0, 0) is not taken as infinity")
			}
			points = append(points[:10:10], points[found])

			infinite := 0
			for _, p := range points {
				for _, q := range points {
					r, failure, err := e.call(c.name+"Add", machine.AddrValue(p.at), machine.AddrValue(q.at))
					if err != nil || failure != nil {
						t.Fatalf("Add: %v, %v", failure, err)
					}
					sum := computeSecpAdd(c.curve, p.p, q.p)
					e.checkPoint(fmt.Sprintf("%v + %v", p.p, q.p), c.name, e.pointer(r), sum)
					if sum == (secp.Point{}) {
						infinite++
					}
				}
			}
			if infinite < 3 {
				t.Errorf("%d sums are infinity", infinite)
			}
			for i, k := range integers {
				for _, p := range []known{points[i%10], points[10]} {
					what := fmt.Sprintf("%v · %v", k, p.p)
					r, failure, engineErr := e.call(c.name+"Mul", append([]machine.Value{machine.AddrValue(p.at)}, requestOf(k)...)...)
					got, err := computeSecpMul(c.curve, p.p, k)
					if (err == nil) != (engineErr == nil) || failure != nil {
						t.Fatalf("%s: error %v, the engine's is %v (failure %v)", what, err, engineErr, failure)
					}
					if err == nil {
						e.checkPoint(what, c.name, e.pointer(r), got)
					}
				}
			}
		})
	}
}

// TestShaLikeEngine compares the SHA-2 syscalls with the VM engine's, for random words and for words at the bound.
func TestShaLikeEngine(t *testing.T) {
	for _, c := range []struct {
		name    string
		bits    int
		compute func([8]felt.Felt, [16]felt.Felt) ([8]felt.Felt, error)
	}{{"Sha256ProcessBlock", 32, computeSha256Block}, {"Sha512ProcessBlock", 64, computeSha512Block}} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			rng := rand.New(rand.NewPCG(13, 14))
			last := felt.FromUint64(^uint64(0) >> (64 - c.bits))
			var first felt.Felt
			first.Add(&last, &felt.One)
			var state [8]felt.Felt
			var block [16]felt.Felt
			check := func(wantErr bool) {
				t.Helper()
				load := func(words []felt.Felt) machine.Value {
					at := e.m.Memory.AddSegment()
					if _, err := e.m.Memory.LoadFelts(at, words...); err != nil {
						t.Fatal(err)
					}
					return machine.AddrValue(at)
				}
				r, failure, engineErr := e.call(c.name, load(state[:]), load(block[:]))
				got, err := c.compute(state, block)
				if (err != nil) != wantErr || (engineErr != nil) != wantErr || failure != nil {
					t.Fatalf("state %v, block %v: error %v, the engine's is %v, want one: %t", state, block, err, engineErr, wantErr)
				}
				if wantErr {
					return
				}
				want, err := e.m.Memory.Felts(e.pointer(r), 8)
				if err != nil || !slices.Equal(got[:], want) {
					t.Fatalf("state %v, block %v: %v, on the engine %v (%v)", state, block, got, want, err)
				}
			}
			for range 100 {
				for i := range state {
					state[i] = felt.FromUint64(rng.Uint64() >> (64 - c.bits))
				}
				for i := range block {
					block[i] = felt.FromUint64(rng.Uint64() >> (64 - c.bits))
				}
				check(false)
			}
			for i := range state {
				good := state[i]
				state[i] = last
				check(false)
				state[i] = first
				check(true)
				state[i] = good
			}
			for i := range block {
				good := block[i]
				block[i] = last
				check(false)
				block[i] = first
				check(true)
				block[i] = good
			}
		})
	}
}

// FuzzCompute feeds words to the recomputed syscalls: no word may cause a panic, and every point is on its curve.
func FuzzCompute(f *testing.F) {
	f.Add(make([]byte, 32*5))
	seed := make([]byte, 32*5)
	seed[31], seed[159] = 1, 1
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var w [5]felt.Felt
		for i := range w {
			if len(data) < 32*(i+1) {
				return
			}
			w[i] = felt.FromBytesReduce(data[32*i : 32*(i+1)])
		}
		for _, c := range curves {
			var points []secp.Point
			if r, err := computeSecpNew(c.curve, u256(w[:2]), u256(w[2:4])); err == nil && r.some {
				points = append(points, r.point)
			}
			if r, err := computeSecpFromX(c.curve, u256(w[:2]), w[4]); err == nil && r.some {
				points = append(points, r.point)
			}
			for _, p := range points {
				for _, q := range points {
					points = append(points, computeSecpAdd(c.curve, p, q))
				}
				if q, err := computeSecpMul(c.curve, p, u256(w[2:4])); err == nil {
					points = append(points, q)
				}
			}
			for _, p := range points {
				if r, err := computeSecpNew(c.curve, first(computeSecpXY(p)), second(computeSecpXY(p))); err != nil || !r.some || r.point != p {
					t.Fatalf("%s: %v is not on the curve (%v)", c.name, p, err)
				}
			}
		}
		var state [8]felt.Felt
		var block [16]felt.Felt
		for i := range block {
			block[i] = w[i%len(w)]
		}
		copy(state[:], block[8:])
		if next, err := computeSha256Block(state, block); err == nil && next[7].BitLen() > 32 {
			t.Fatalf("SHA-256: word %v", next[7])
		}
		if next, err := computeSha512Block(state, block); err == nil && next[7].BitLen() > 64 {
			t.Fatalf("SHA-512: word %v", next[7])
		}
	})
}

func first(x, _ u256) u256  { return x }
func second(_, y u256) u256 { return y }

// BenchmarkSecpMul measures the dearest syscall.
func BenchmarkSecpMul(b *testing.B) {
	for _, c := range curves {
		b.Run(c.name, func(b *testing.B) {
			k := u256{felt.FromUint128(0x1234567890abcdef, ^uint64(0)), felt.FromUint128(1<<63, 77)}
			var p secp.Point
			for x := uint64(1); p == (secp.Point{}); x++ {
				r, err := computeSecpFromX(c.curve, u256{felt.FromUint64(x), felt.Zero}, felt.One)
				if err != nil {
					b.Fatal(err)
				}
				p = r.point
			}
			for b.Loop() {
				p, _ = computeSecpMul(c.curve, p, k)
			}
		})
	}
}
