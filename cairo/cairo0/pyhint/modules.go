package pyhint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/sha2"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func bigHex(s string) *big.Int {
	n, ok := new(big.Int).SetString(strings.ReplaceAll(s, " ", ""), 16)
	if !ok {
		panic("cairo0: bad constant " + s)
	}
	return n
}

// The constants of the curves and hash functions of the common library.
var (
	secpP      = bigHex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	secpN      = bigHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	secp256r1P = bigHex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
	secp256r1N = bigHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
	secp256r1B = bigHex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")
	secp256r1A = bigHex("ffffffff00000001000000000000000000000000fffffffffffffffffffffffc")
	blsPrime   = bigHex("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001")
	starkBeta  = bigHex("6f21413efbe40de150e596d72f7a8c5609ad26c15c915c1f4cdfcb99cee9e89")
	blakeIV    = []uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
)

// modules holds the names that hints can import, by full path.
var modules = map[string]any{
	"itertools": module{},
	"math":      module{"isqrt": isqrtFunc},

	"collections.defaultdict":                              function(defaultDict),
	"starkware.cairo.lang.vm.relocatable.RelocatableValue": typeObject("RelocatableValue"),
	"starkware.cairo.common.dict.DictManager": method(0, "", func(*env, []any) (any, error) {
		return &DictManager{make(map[int32]*Tracker)}, nil
	}),

	"starkware.cairo.common.math_utils.assert_integer": method(1, "val", func(e *env, a []any) (any, error) {
		if _, err := toInt(a[0]); err != nil {
			return nil, fmt.Errorf("Expected integer, found: %s.", Str(a[0]))
		}
		return nil, nil
	}),
	"starkware.cairo.common.math_utils.as_int": method(2, "val prime", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) { return asInt(n[0], n[1]), nil })
	}),
	"starkware.cairo.common.math_utils.is_positive": method(3, "value prime rc_bound", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) {
			v := asInt(n[0], n[1])
			if v.CmpAbs(n[2]) >= 0 {
				return nil, fmt.Errorf("value=%v is out of the valid range.", v)
			}
			return v.Sign() > 0, nil
		})
	}),

	"starkware.python.math_utils.isqrt": isqrtFunc,
	"starkware.python.math_utils.div_mod": method(3, "n m p", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) { return divModP(n[0], n[1], n[2]) })
	}),
	"starkware.python.math_utils.safe_div": method(2, "x y", func(e *env, a []any) (any, error) { return intArgs(a, safeDiv) }),
	"starkware.python.math_utils.is_quad_residue": method(2, "n p", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) { return isQuadResidue(n[0], n[1]) })
	}),
	"starkware.python.math_utils.sqrt": method(2, "n p", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) { return sqrtModP(n[0], n[1]) })
	}),
	"starkware.python.math_utils.log2_ceil": method(1, "x", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) {
			if n[0].Sign() <= 0 {
				return nil, errors.New("log2_ceil wants a positive integer")
			}
			return big.NewInt(int64(new(big.Int).Sub(n[0], big.NewInt(1)).BitLen())), nil
		})
	}),
	"starkware.python.math_utils.igcdex": method(2, "a b", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) {
			x, y := new(big.Int), new(big.Int)
			g := new(big.Int).GCD(x, y, n[0], n[1])
			return tuple{x, y, g}, nil
		})
	}),
	"starkware.python.math_utils.line_slope": method(3, "point1 point2 p", func(e *env, a []any) (any, error) {
		p, err := toInt(a[2])
		if err != nil {
			return nil, err
		}
		x1, y1, err := e.pair(a[0])
		if err != nil {
			return nil, err
		}
		x2, y2, err := e.pair(a[1])
		if err != nil {
			return nil, err
		}
		return divModP(new(big.Int).Sub(y1, y2), new(big.Int).Sub(x1, x2), p)
	}),
	"starkware.python.math_utils.ec_double_slope": method(3, "point alpha p", func(e *env, a []any) (any, error) {
		x, y, err := e.pair(a[0])
		if err != nil {
			return nil, err
		}
		return intArgs(a[1:], func(n []*big.Int) (any, error) {
			s := new(big.Int).Mul(x, x)
			s.Mul(s, big.NewInt(3)).Add(s, n[0])
			return divModP(s, new(big.Int).Lsh(y, 1), n[1])
		})
	}),
	"starkware.python.math_utils.y_squared_from_x": method(4, "x alpha beta field_prime", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) { return curveRHS(n[0], n[1], n[2], n[3]) })
	}),
	"starkware.python.math_utils.recover_y": method(4, "x alpha beta field_prime", func(e *env, a []any) (any, error) {
		return intArgs(a, func(n []*big.Int) (any, error) {
			v, err := curveRHS(n[0], n[1], n[2], n[3])
			if err != nil {
				return nil, err
			}
			if ok, err := isQuadResidue(v, n[3]); err != nil || !ok {
				return nil, fmt.Errorf("%v does not represent the x coordinate of a point on the curve.", n[0])
			}
			return sqrtModP(v, n[3])
		})
	}),
	"starkware.python.math_utils.random_ec_point": method(4, "field_prime alpha beta seed", randomPoint),
	"starkware.python.utils.to_bytes": method(1, "value length byte_order", func(e *env, a []any) (any, error) {
		if a[1] == nil {
			a[1] = big.NewInt(32)
		}
		if a[2] == nil {
			a[2] = "big"
		}
		n, err := toInt(a[0])
		if err != nil {
			return nil, err
		}
		f, _ := valueMethod(n, "to_bytes")
		return f(e, a[1:], nil)
	}),

	"starkware.crypto.signature.signature.ALPHA":       big.NewInt(1),
	"starkware.crypto.signature.signature.BETA":        starkBeta,
	"starkware.crypto.signature.signature.FIELD_PRIME": felt.Modulus(),

	"starkware.cairo.common.cairo_secp.secp_utils.SECP_P": secpP,
	"starkware.cairo.common.cairo_secp.secp_utils.N":      secpN,
	"starkware.cairo.common.cairo_secp.secp_utils.ALPHA":  new(big.Int),
	"starkware.cairo.common.cairo_secp.secp_utils.BETA":   big.NewInt(7),
	"starkware.cairo.common.cairo_secp.secp_utils.SECP256K1": module{
		"prime": secpP, "alpha": new(big.Int), "beta": big.NewInt(7), "order": secpN,
	},
	"starkware.cairo.common.cairo_secp.secp_utils.SECP256R1": module{
		"prime": secp256r1P, "alpha": secp256r1A, "beta": secp256r1B, "order": secp256r1N,
	},
	"starkware.cairo.common.cairo_secp.secp_utils.pack":                 pack86,
	"starkware.cairo.common.cairo_secp.secp_utils.split":                split86(false),
	"starkware.cairo.common.cairo_secp.secp256r1_utils.SECP256R1_P":     secp256r1P,
	"starkware.cairo.common.cairo_secp.secp256r1_utils.SECP256R1_N":     secp256r1N,
	"starkware.cairo.common.cairo_secp.secp256r1_utils.SECP256R1_ALPHA": secp256r1A,
	"starkware.cairo.common.cairo_secp.secp256r1_utils.SECP256R1_BETA":  secp256r1B,

	"starkware.starknet.core.os.data_availability.bls_utils.BLS_PRIME": blsPrime,
	"starkware.starknet.core.os.data_availability.bls_utils.pack":      pack86,
	"starkware.starknet.core.os.data_availability.bls_utils.split":     split86(true),

	"starkware.cairo.common.cairo_blake2s.blake2s_utils.IV":               uintList(blakeIV),
	"starkware.cairo.common.cairo_blake2s.blake2s_utils.blake2s_compress": method(6, "h message t0 t1 f0 f1", blakeCompress),
	"starkware.cairo.common.cairo_blake2s.blake2s_utils.compute_blake2s_func": method(2, "segments output_ptr", func(e *env, a []any) (any, error) {
		at, ok := toAddr(a[1])
		if !ok {
			return nil, errors.New("output_ptr is not an address")
		}
		return nil, ComputeBlake2s(e.m, at)
	}),
	"starkware.cairo.common.keccak_utils.keccak_utils.keccak_func": keccakFunc,
	"starkware.cairo.common.cairo_keccak.keccak_utils.keccak_func": keccakFunc,
	"eth_hash.auto.keccak": method(1, "data", func(e *env, a []any) (any, error) {
		b, ok := a[0].(byteString)
		if !ok {
			return nil, errors.New("keccak wants bytes")
		}
		d := keccak.Sum256([]byte(b))
		return byteString(d[:]), nil
	}),

	"starkware.cairo.common.cairo_sha256.sha256_utils.IV": uintList(blakeIV),
	"starkware.cairo.common.cairo_sha256.sha256_utils.compute_message_schedule": method(1, "message", func(e *env, a []any) (any, error) {
		return &List{a}, nil // sha2_compress_function expands the message
	}),
	"starkware.cairo.common.cairo_sha256.sha256_utils.sha2_compress_function": method(2, "state w", func(e *env, a []any) (any, error) {
		w, ok := a[1].(*List)
		if !ok || len(w.Items) != 1 {
			return nil, errors.New("sha2_compress_function wants a message schedule")
		}
		state, err := e.words(a[0], 8)
		if err != nil {
			return nil, err
		}
		block, err := e.words(w.Items[0], 16)
		if err != nil {
			return nil, err
		}
		sha2.Compress256((*[8]uint64)(state), (*[16]uint64)(block))
		out := &List{}
		for _, s := range state {
			out.Items = append(out.Items, new(big.Int).SetUint64(s))
		}
		return out, nil
	}),

	"starkware.cairo.lang.builtins.modulo.mod_builtin_runner.ModBuiltinRunner": module{
		"fill_memory": method(3, "memory add_mod mul_mod", func(e *env, a []any) (any, error) {
			var batches [2]machine.ModBatch
			for i, v := range a[1:] {
				if v == nil {
					continue
				}
				t, err := e.list(v)
				if err != nil || len(t) != 3 {
					return nil, errors.New("fill_memory wants (address, runner, n)")
				}
				at, ok := toAddr(t[0])
				n, err := toSmall(t[2], machine.ModFillMax)
				if err != nil || !ok {
					return nil, errors.New("fill_memory wants (address, runner, n)")
				}
				batches[i] = machine.ModBatch{Ptr: at, N: n}
			}
			return nil, e.m.FillMod(batches[0], batches[1])
		}),
	},
}

// Global returns the value that a hint imports by the full path, or nil. It must not be modified.
func Global(path string) any { return modules[path] }

// IsFunction returns whether v, a variable of a scope, can be called.
func IsFunction(v any) bool {
	_, ok := v.(function)
	return ok
}

func uintList(words []uint32) *List {
	out := &List{}
	for _, w := range words {
		out.Items = append(out.Items, big.NewInt(int64(w)))
	}
	return out
}

// intArgs calls f with the arguments a, which must be integers.
func intArgs(a []any, f func(n []*big.Int) (any, error)) (any, error) {
	n := make([]*big.Int, len(a))
	var err error
	for i, v := range a {
		if n[i], err = toInt(v); err != nil {
			return nil, err
		}
	}
	return f(n)
}

func (e *env) pair(v any) (x, y *big.Int, err error) {
	list, err := e.list(v)
	if err != nil || len(list) != 2 {
		return nil, nil, errors.New("want a point")
	}
	if x, err = toInt(list[0]); err != nil {
		return nil, nil, err
	}
	y, err = toInt(list[1])
	return x, y, err
}

// words returns the list v as n unsigned words of at most 64 bits.
func (e *env) words(v any, n int) ([]uint64, error) {
	list, err := e.list(v)
	if err != nil || len(list) != n {
		return nil, fmt.Errorf("want %d words", n)
	}
	out := make([]uint64, n)
	for i, x := range list {
		w, err := toInt(x)
		if err != nil || !w.IsUint64() {
			return nil, fmt.Errorf("%s is not a word", Str(x))
		}
		out[i] = w.Uint64()
	}
	return out, nil
}

// asInt returns the integer in (-prime/2, prime/2) that equals v modulo prime; v must be in [0, prime).
func asInt(v, prime *big.Int) *big.Int {
	if v.Cmp(new(big.Int).Rsh(prime, 1)) < 0 {
		return v
	}
	return new(big.Int).Sub(v, prime)
}

var isqrtFunc = method(1, "n", func(e *env, a []any) (any, error) {
	n, err := toInt(a[0])
	if err != nil || n.Sign() < 0 {
		return nil, errors.New("isqrt wants a nonnegative integer")
	}
	return new(big.Int).Sqrt(n), nil
})

// divModP returns n/m modulo p.
func divModP(n, m, p *big.Int) (*big.Int, error) {
	inv := new(big.Int)
	if p.Sign() <= 0 || inv.ModInverse(m, p) == nil {
		return nil, fmt.Errorf("%v has no inverse modulo %v", m, p)
	}
	inv.Mul(inv, n)
	return inv.Mod(inv, p), nil
}

func safeDiv(n []*big.Int) (any, error) {
	if n[1].Sign() == 0 {
		return nil, errors.New("division by zero")
	}
	q, m := new(big.Int).QuoRem(n[0], n[1], new(big.Int))
	if m.Sign() != 0 {
		return nil, fmt.Errorf("%v is not divisible by %v.", n[0], n[1])
	}
	return q, nil
}

// maxPrimeBits is the largest size of a modulus for square roots.
const maxPrimeBits = 1024

func checkPrime(p *big.Int) error {
	if p.Sign() <= 0 || p.BitLen() > maxPrimeBits || p.Bit(0) == 0 && p.BitLen() > 2 {
		return fmt.Errorf("no square roots modulo %v", p)
	}
	return nil
}

func isQuadResidue(n, p *big.Int) (bool, error) {
	if err := checkPrime(p); err != nil {
		return false, err
	}
	v := new(big.Int).Mod(n, p)
	return v.BitLen() <= 1 || big.Jacobi(v, p) == 1, nil
}

// sqrtModP returns the smaller square root of n modulo p.
func sqrtModP(n, p *big.Int) (*big.Int, error) {
	if err := checkPrime(p); err != nil {
		return nil, err
	}
	if !p.ProbablyPrime(0) {
		return nil, fmt.Errorf("no square roots modulo %v", p)
	}
	r := new(big.Int).ModSqrt(new(big.Int).Mod(n, p), p)
	if r == nil {
		return nil, fmt.Errorf("%v has no square root modulo %v", n, p)
	}
	if other := new(big.Int).Sub(p, r); r.Sign() != 0 && other.Cmp(r) < 0 {
		r = other
	}
	return r, nil
}

func curveRHS(x, alpha, beta, p *big.Int) (*big.Int, error) {
	if p.Sign() <= 0 {
		return nil, errors.New("the field prime is not positive")
	}
	v := new(big.Int).Exp(x, big.NewInt(3), p)
	v.Add(v, new(big.Int).Mul(alpha, x)).Add(v, beta)
	return v.Mod(v, p), nil
}

// randomPoint computes the point of a seed, as the official runners do.
func randomPoint(e *env, a []any) (any, error) {
	seed, ok := a[3].(byteString)
	if !ok {
		return nil, errors.New("random_ec_point wants a seed")
	}
	return intArgs(a[:3], func(n []*big.Int) (any, error) {
		if err := checkPrime(n[0]); err != nil {
			return nil, err
		}
		x, y, err := randomPointOf([]byte(seed), n[0], n[1], n[2])
		return tuple{x, y}, err
	})
}

func randomPointOf(seed []byte, p, alpha, beta *big.Int) (x, y *big.Int, err error) {
	h := sha256.Sum256(seed)
	for i := range 100 {
		d := sha256.Sum256(append(append([]byte{}, h[1:]...), byte(i), 0, 0, 0, 0, 0, 0, 0, 0, 0))
		x = new(big.Int).SetBytes(d[:])
		v, err := curveRHS(x, alpha, beta, p)
		if err != nil {
			return nil, nil, err
		}
		if ok, err := isQuadResidue(v, p); err != nil || !ok {
			continue
		}
		if y, err = sqrtModP(v, p); err != nil {
			return nil, nil, err
		}
		if h[0]&1 == 1 {
			y.Sub(p, y)
			y.Mod(y, p)
		}
		return x, y, nil
	}
	return nil, nil, errors.New("could not find a point on the curve")
}

// pack86 returns the integer of the three 86-bit limbs of a BigInt3. A limb is a field element in (-prime/2, prime/2).
var pack86 = method(1, "z prime", func(e *env, a []any) (any, error) {
	prime := felt.Modulus()
	if a[1] != nil {
		var err error
		if prime, err = toInt(a[1]); err != nil {
			return nil, err
		}
	}
	sum := new(big.Int)
	for i, name := range []string{"d0", "d1", "d2"} {
		v, err := e.attr(a[0], name)
		if err != nil {
			return nil, err
		}
		n, err := toInt(v)
		if err != nil {
			return nil, err
		}
		sum.Add(sum, new(big.Int).Lsh(asInt(n, prime), uint(86*i)))
	}
	return sum, nil
})

// split86 splits a number into three limbs of 86 bits. If signed is set the last limb may be negative and have 127 bits.
func split86(signed bool) function {
	base := new(big.Int).Lsh(big.NewInt(1), 86)
	return method(1, "num", func(e *env, a []any) (any, error) {
		n, err := toInt(a[0])
		if err != nil {
			return nil, err
		}
		out := &List{}
		for range 3 {
			if signed && len(out.Items) == 2 {
				if n.BitLen() > 127 {
					return nil, fmt.Errorf("%v is too large to split", a[0])
				}
				out.Items = append(out.Items, n)
				return out, nil
			}
			q, m := new(big.Int).DivMod(n, base, new(big.Int))
			out.Items = append(out.Items, m)
			n = q
		}
		if n.Sign() != 0 {
			return nil, fmt.Errorf("%s is too large to split", Str(a[0]))
		}
		return out, nil
	})
}

func blakeCompress(e *env, a []any) (any, error) {
	h, err := e.words(a[0], 8)
	if err != nil {
		return nil, err
	}
	msg, err := e.words(a[1], 16)
	if err != nil {
		return nil, err
	}
	rest, err := e.words(tuple(a[2:]), 4)
	if err != nil {
		return nil, err
	}
	out := &List{}
	for _, w := range blakeWords(h, msg, rest[0]|rest[1]<<32, rest[2] != 0) {
		out.Items = append(out.Items, big.NewInt(int64(w)))
	}
	return out, nil
}

func blakeWords(h, msg []uint64, t uint64, final bool) [8]uint32 {
	var s [8]uint32
	var block [16]uint32
	for i := range s {
		s[i] = uint32(h[i])
	}
	for i := range block {
		block[i] = uint32(msg[i])
	}
	blake.Compress(&s, &block, t, final)
	return s
}

// ComputeBlake2s computes an instance of cairo_blake2s and writes its output at at. The inputs are before it: the state, the
// message, t and f.
func ComputeBlake2s(m *machine.Machine, at machine.Addr) error {
	if at.Offset < 26 {
		return fmt.Errorf("no Blake2s instance before %v", at)
	}
	fs, err := m.Memory.Felts(at.Add(-26), 26)
	if err != nil {
		return err
	}
	words := make([]uint64, len(fs))
	for i := range fs {
		if fs[i].BitLen() > 32 {
			return fmt.Errorf("%v does not fit in 32 bits", machine.FeltValue(fs[i]))
		}
		words[i] = fs[i].Uint64()
	}
	for i, w := range blakeWords(words[:8], words[8:24], words[24], words[25] != 0) {
		if err := m.Memory.Insert(at.Add(i), machine.UintValue(uint64(w))); err != nil {
			return err
		}
	}
	return nil
}

var keccakFunc = method(1, "values", func(e *env, a []any) (any, error) {
	words, err := e.words(a[0], 25)
	if err != nil {
		return nil, err
	}
	s := [25]uint64(words)
	keccak.F1600(&s)
	out := &List{}
	for _, w := range s {
		out.Items = append(out.Items, new(big.Int).SetUint64(w))
	}
	return out, nil
})

func defaultDict(e *env, args []any, kw map[string]any) (any, error) {
	d := NewDict()
	if len(args) > 0 {
		f := args[0]
		d.missing = func() any {
			if f == typeObject("int") {
				return new(big.Int)
			}
			return &List{}
		}
	}
	return d, nil
}

var (
	globalNamesOnce  sync.Once
	globalNamesTable map[string]any // set once and not initialised here, because its functions use it
)

// globalNames returns Python's built-in functions and the names that the official runners add to a hint's globals.
func globalNames() map[string]any {
	globalNamesOnce.Do(func() { globalNamesTable = makeGlobalNames() })
	return globalNamesTable
}

func makeGlobalNames() map[string]any {
	return map[string]any{
		"segments": segmentsObject{},
		"int":      typeObject("int"), "str": typeObject("str"), "bool": typeObject("bool"),
		"list": function(func(e *env, a []any, _ map[string]any) (any, error) {
			if len(a) == 0 {
				return &List{}, nil
			}
			l, err := e.list(a[0])
			return &List{append([]any{}, l...)}, err
		}),
		"tuple": method(0, "x", func(e *env, a []any) (any, error) {
			if a[0] == nil {
				return tuple{}, nil
			}
			l, err := e.list(a[0])
			return append(tuple{}, l...), err
		}),
		"dict": function(func(e *env, a []any, kw map[string]any) (any, error) {
			d := NewDict()
			if len(a) > 0 {
				switch v := a[0].(type) {
				case *Dict:
					d = v.copy()
				default:
					l, err := e.list(v)
					if err != nil {
						return nil, err
					}
					for _, x := range l {
						t, err := e.list(x)
						if err != nil || len(t) != 2 {
							return nil, errors.New("dict wants pairs")
						}
						if err := d.Set(t[0], t[1]); err != nil {
							return nil, err
						}
					}
				}
			}
			for _, k := range sortedKeys(kw) {
				if err := d.Set(k, kw[k]); err != nil {
					return nil, err
				}
			}
			return d, nil
		}),
		"len": method(1, "x", func(e *env, a []any) (any, error) {
			switch v := a[0].(type) {
			case *Dict:
				return big.NewInt(int64(v.len())), nil
			case string:
				return big.NewInt(int64(len(v))), nil
			case byteString:
				return big.NewInt(int64(len(v))), nil
			}
			l, err := e.list(a[0])
			return big.NewInt(int64(len(l))), err
		}),
		"range": method(1, "a b c", func(e *env, a []any) (any, error) {
			r := intRange{step: 1}
			var err error
			if a[1] == nil {
				r.stop, err = toSmall(a[0], 1<<40)
				return r, err
			}
			if r.start, err = toSmall(a[0], 1<<40); err != nil {
				return nil, err
			}
			if r.stop, err = toSmall(a[1], 1<<40); err != nil {
				return nil, err
			}
			if a[2] != nil {
				if r.step, err = toSmall(a[2], 1<<40); err == nil && r.step == 0 {
					err = errors.New("range step is 0")
				}
			}
			return r, err
		}),
		"divmod": method(2, "a b", func(e *env, a []any) (any, error) {
			return intArgs(a, func(n []*big.Int) (any, error) {
				q, m, err := floorDivMod(n[0], n[1])
				return tuple{q, m}, err
			})
		}),
		"pow": method(2, "a b c", func(e *env, a []any) (any, error) {
			if a[2] == nil {
				return binaryOp("**", a[0], a[1])
			}
			return intArgs(a, func(n []*big.Int) (any, error) {
				if n[2].Sign() <= 0 || n[2].BitLen() > maxBits/4 || n[1].BitLen() > maxBits/4 {
					return nil, errors.New("pow with a bad modulus")
				}
				r := new(big.Int).Exp(n[0], n[1], n[2])
				if r == nil || n[1].Sign() < 0 && new(big.Int).GCD(nil, nil, new(big.Int).Mod(n[0], n[2]), n[2]).Cmp(big.NewInt(1)) != 0 {
					return nil, errors.New("base is not invertible for the given modulus")
				}
				return r, nil
			})
		}),
		"abs": method(1, "x", func(e *env, a []any) (any, error) {
			return intArgs(a, func(n []*big.Int) (any, error) { return new(big.Int).Abs(n[0]), nil })
		}),
		"hex": method(1, "x", func(e *env, a []any) (any, error) {
			return intArgs(a, func(n []*big.Int) (any, error) { return "0x" + n[0].Text(16), nil })
		}),
		"min": extreme(-1),
		"max": extreme(1),
		"sorted": method(1, "x key reverse", func(e *env, a []any) (any, error) {
			l, err := e.list(a[0])
			if err != nil {
				return nil, err
			}
			out := &List{append([]any{}, l...)}
			return out, sortItems(out.Items, e.keyFunc(a[1]), truth(a[2]))
		}),
		"reversed": method(1, "x", func(e *env, a []any) (any, error) {
			l, err := e.list(a[0])
			out := &List{}
			for i := len(l) - 1; i >= 0; i-- {
				out.Items = append(out.Items, l[i])
			}
			return out, err
		}),
		"sum": method(1, "x start", func(e *env, a []any) (any, error) {
			var total any = new(big.Int)
			if a[1] != nil {
				total = a[1]
			}
			err := e.iterate(a[0], func(x any) (bool, error) {
				var err error
				total, err = binaryOp("+", total, x)
				return true, err
			})
			return total, err
		}),
		"any": quantifier(true),
		"all": quantifier(false),
		"enumerate": method(1, "x", func(e *env, a []any) (any, error) {
			l, err := e.list(a[0])
			out := &List{}
			for i, x := range l {
				out.Items = append(out.Items, tuple{big.NewInt(int64(i)), x})
			}
			return out, err
		}),
		"zip": function(func(e *env, a []any, _ map[string]any) (any, error) {
			out := &List{}
			for i, v := range a {
				l, err := e.list(v)
				if err != nil {
					return nil, err
				}
				if i == 0 {
					for range l {
						out.Items = append(out.Items, tuple{})
					}
				}
				out.Items = out.Items[:min(len(out.Items), len(l))]
				for k := range out.Items {
					out.Items[k] = append(out.Items[k].(tuple), l[k])
				}
			}
			return out, nil
		}),
		"map": method(2, "f x", func(e *env, a []any) (any, error) {
			l, err := e.list(a[1])
			if err != nil {
				return nil, err
			}
			out := &List{}
			for _, x := range l {
				v, err := e.call(callableObject(a[0]), []any{x}, nil)
				if err != nil {
					return nil, err
				}
				out.Items = append(out.Items, v)
			}
			return out, nil
		}),
		"isinstance": method(2, "x type", func(e *env, a []any) (any, error) {
			t, ok := a[1].(typeObject)
			name := typeName(a[0])
			if s, is := a[0].(*structure); is && s != nil {
				name = "RelocatableValue"
			}
			return ok && (name == string(t) || t == "int" && name == "bool"), nil
		}),
		"bytearray": function(makeBytes),
		"bytes":     function(makeBytes),
		"print":     function(func(*env, []any, map[string]any) (any, error) { return nil, nil }),
		"globals":   method(0, "", func(*env, []any) (any, error) { return globalsObject{}, nil }),
		"vm_enter_scope": method(0, "new_scope_locals", func(e *env, a []any) (any, error) {
			vars := make(map[string]any)
			if d, ok := a[0].(*Dict); ok {
				for i := range d.len() {
					k, v := d.item(i)
					n, ok := k.(string)
					if !ok {
						return nil, errors.New("the names of a scope must be strings")
					}
					vars[n] = v
				}
			}
			e.ids.Scopes().Enter(vars)
			return nil, nil
		}),
		"vm_exit_scope": method(0, "", func(e *env, _ []any) (any, error) { return nil, e.ids.Scopes().Exit() }),
		"skip_next_instruction": method(0, "", func(e *env, _ []any) (any, error) {
			e.m.SkipInstruction()
			return nil, nil
		}),
		"to_felt_or_relocatable": method(1, "x", func(e *env, a []any) (any, error) {
			if at, ok := toAddr(a[0]); ok {
				return at, nil
			}
			return toInt(a[0])
		}),
		"builtin_runners": runnersObject{},
		"ValueError":      callableObject(typeObject("str")),
		"Exception":       callableObject(typeObject("str")),
		"AssertionError":  callableObject(typeObject("str")),
	}
}

// runnersObject is the dictionary builtin_runners.
type runnersObject struct{}

// callableObject returns the function of a type (int(x), str(x) or bool(x)), and any other value unchanged.
func callableObject(v any) any {
	t, ok := v.(typeObject)
	if !ok {
		return v
	}
	return method(0, "x base", func(e *env, a []any) (any, error) {
		switch t {
		case "str":
			return Str(a[0]), nil
		case "bool":
			return truth(a[0]), nil
		}
		if s, ok := a[0].(string); ok {
			base := 10
			if a[1] != nil {
				var err error
				if base, err = toSmall(a[1], 36); err != nil || base < 0 || base == 1 {
					return nil, errors.New("bad base")
				}
			}
			n, ok := new(big.Int).SetString(strings.TrimSpace(s), base)
			if !ok || len(s) > 20000 {
				return nil, fmt.Errorf("invalid literal for int: %q", s)
			}
			return n, nil
		}
		if a[0] == nil {
			return new(big.Int), nil
		}
		return toInt(a[0])
	})
}

func extreme(sign int) function {
	return func(e *env, a []any, kw map[string]any) (any, error) {
		if len(a) == 1 {
			l, err := e.list(a[0])
			if err != nil {
				return nil, err
			}
			a = l
		}
		if len(a) == 0 {
			return nil, errors.New("min or max of an empty sequence")
		}
		best := a[0]
		for _, x := range a[1:] {
			c, err := compareOrder(x, best)
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = x
			}
		}
		return best, nil
	}
}

func quantifier(want bool) function {
	return method(1, "x", func(e *env, a []any) (any, error) {
		found := !want
		err := e.iterate(a[0], func(x any) (bool, error) {
			if truth(x) == want {
				found = want
				return false, nil
			}
			return true, nil
		})
		return found, err
	})
}

func makeBytes(e *env, a []any, _ map[string]any) (any, error) {
	if len(a) == 0 {
		return byteString(""), nil
	}
	if b, ok := a[0].(byteString); ok {
		return b, nil
	}
	if n, err := toInt(a[0]); err == nil {
		size, err := toSmall(n, maxBits)
		if err != nil || size < 0 {
			return nil, errors.New("bad size of bytes")
		}
		return byteString(make([]byte, size)), nil
	}
	l, err := e.list(a[0])
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(l))
	for i, x := range l {
		n, err := toSmall(x, 255)
		if err != nil || n < 0 {
			return nil, errors.New("a byte must be 0 to 255")
		}
		out[i] = byte(n)
	}
	return byteString(out), nil
}
