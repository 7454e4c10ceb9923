package cairo0

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// tryCase is a hint with a tryHint: its code, the references that it reads and those that it writes, with their types, and the variables
// that it reads.
type tryCase struct {
	code, refs, outputs, variables string
	// pick, if not nil, changes random integers so that the hint's division has no remainder.
	pick func(limbs map[string]*[3]*big.Int, variables map[string]*big.Int, r *rand.Rand)
}

const (
	importK1 = "from starkware.cairo.common.cairo_secp.secp_utils import SECP_P, pack\n"
	importR1 = "from starkware.cairo.common.cairo_secp.secp256r1_utils import SECP256R1_P\nfrom starkware.cairo.common.cairo_secp.secp_utils import pack\n"
	packAdd  = "\nslope = pack(ids.slope, PRIME)\nx0 = pack(ids.point0.x, PRIME)\nx1 = pack(ids.point1.x, PRIME)\ny0 = pack(ids.point0.y, PRIME)\n\n" +
		"value = new_x = (pow(slope, 2, SECP_P) - x0 - x1) % SECP_P"
	packTwo = "\n# Compute the slope.\nx0 = pack(ids.point0.x, PRIME)\ny0 = pack(ids.point0.y, PRIME)\nx1 = pack(ids.point1.x, PRIME)\ny1 = pack(ids.point1.y, PRIME)\n"
	packXY  = "\n# Compute the slope.\nx = pack(ids.point.x, PRIME)\ny = pack(ids.point.y, PRIME)\n"
	packNew = "\nslope = pack(ids.slope, PRIME)\nx = pack(ids.point.x, PRIME)\ny = pack(ids.point.y, PRIME)\n\n"
	verify  = "\nassert r == 0, f\"verify_zero: Invalid input {ids.val.d0, ids.val.d1, ids.val.d2}.\"\nids.q = q % PRIME"
	divRem  = "\n\nids.quotient.low = quotient & ((1 << 128) - 1)\nids.quotient.high = quotient >> 128\n" +
		"ids.remainder.low = remainder & ((1 << 128) - 1)\nids.remainder.high = remainder >> 128"
)

// tryCases are the hints with a tryHint. A reference is name:type.
var tryCases = []tryCase{
	{code: "from starkware.cairo.common.math_utils import assert_integer\nassert_integer(ids.value)\n" +
		"assert ids.value % PRIME != 0, f'assert_not_zero failed: {ids.value} = 0.'", refs: "value:felt"},
	{code: "from starkware.cairo.lang.vm.relocatable import RelocatableValue\nboth_ints = isinstance(ids.a, int) and isinstance(ids.b, int)\n" +
		"both_relocatable = (\n    isinstance(ids.a, RelocatableValue) and isinstance(ids.b, RelocatableValue) and\n" +
		"    ids.a.segment_index == ids.b.segment_index)\nassert both_ints or both_relocatable, \\\n" +
		"    f'assert_not_equal failed: non-comparable values: {ids.a}, {ids.b}.'\n" +
		"assert (ids.a - ids.b) % PRIME != 0, f'assert_not_equal failed: {ids.a} = {ids.b}.'", refs: "a:felt b:felt"},
	{code: "from starkware.cairo.common.math_utils import as_int\n\n# Correctness check.\nvalue = as_int(ids.value, PRIME) % PRIME\n" +
		"assert value < ids.UPPER_BOUND, f'{value} is outside of the range [0, 2**250).'\n\n# Calculation for the assertion.\n" +
		"ids.high, ids.low = divmod(ids.value, ids.SHIFT)", refs: "value:felt", outputs: "high:felt low:felt"},
	{code: "assert len(keys) == 0", variables: "keys"},

	{code: "sum_low = ids.a.low + ids.b.low\nids.carry_low = 1 if sum_low >= ids.SHIFT else 0\n" +
		"sum_high = ids.a.high + ids.b.high + ids.carry_low\nids.carry_high = 1 if sum_high >= ids.SHIFT else 0",
		refs: "a:Uint256 b:Uint256", outputs: "carry_low:felt carry_high:felt"},
	{code: "ids.low = ids.a & ((1<<64) - 1)\nids.high = ids.a >> 64", refs: "a:felt", outputs: "low:felt high:felt"},
	{code: "memory[ap] = 1 if 0 <= (ids.a.high % PRIME) < 2 ** 127 else 0", refs: "a:Uint256"},
	{code: "a = (ids.a.high << 128) + ids.a.low\ndiv = (ids.div.high << 128) + ids.div.low\nquotient, remainder = divmod(a, div)" + divRem,
		refs: "a:Uint256 div:Uint256", outputs: "quotient:Uint256 remainder:Uint256"},
	{code: "a = (ids.a.high << 128) + ids.a.low\nb = (ids.b.high << 128) + ids.b.low\ndiv = (ids.div.high << 128) + ids.div.low\n" +
		"quotient, remainder = divmod(a * b, div)\n\nids.quotient_low.low = quotient & ((1 << 128) - 1)\n" +
		"ids.quotient_low.high = (quotient >> 128) & ((1 << 128) - 1)\nids.quotient_high.low = (quotient >> 256) & ((1 << 128) - 1)\n" +
		"ids.quotient_high.high = quotient >> 384\nids.remainder.low = remainder & ((1 << 128) - 1)\nids.remainder.high = remainder >> 128",
		refs: "a:Uint256 b:Uint256 div:Uint256", outputs: "quotient_low:Uint256 quotient_high:Uint256 remainder:Uint256"},

	{code: "from starkware.cairo.common.cairo_secp.secp_utils import split\n\nsegments.write_arg(ids.res.address_, split(value))",
		outputs: "res:BigInt3", variables: "value"},
	{code: "value = new_y = (slope * (x0 - new_x) - y0) % SECP_P", variables: "slope x0 new_x y0 SECP_P"},
	{code: "value = new_y = (slope * (x - new_x) - y) % SECP_P", variables: "slope x new_x y SECP_P"},
	{code: "value = new_y = (slope * (x - new_x) - y) % SECP256R1_P", variables: "slope x new_x y SECP256R1_P"},
	{code: "memory[ap] = (ids.scalar % PRIME) % 2", refs: "scalar:felt"},
	{code: "num = (ids.scalar.high << 128) + ids.scalar.low\nnibbles = [(num >> i) & 0xf for i in range(0, 256, 4)]\n" +
		"ids.first_nibble = nibbles.pop()\nids.last_nibble = nibbles[0]", refs: "scalar:Uint256", outputs: "first_nibble:felt last_nibble:felt"},
	{code: "memory[ap] = to_felt_or_relocatable(nibbles.pop())", variables: "nibbles"},
	{code: "memory[ap] = to_felt_or_relocatable(x == 0)", variables: "x"},

	{code: importK1 + "\ny = pack(ids.point.y, PRIME) % SECP_P\n# The modulo operation in python always returns a nonnegative number.\n" +
		"value = (-y) % SECP_P", refs: "point:EcPoint"},
	{code: importK1 + "from starkware.python.math_utils import ec_double_slope\n" + packXY +
		"value = slope = ec_double_slope(point=(x, y), alpha=0, p=SECP_P)", refs: "point:EcPoint"},
	{code: importK1 + "from starkware.python.math_utils import line_slope\n" + packTwo +
		"value = slope = line_slope(point1=(x0, y0), point2=(x1, y1), p=SECP_P)", refs: "point0:EcPoint point1:EcPoint"},
	{code: importK1 + packNew + "value = new_x = (pow(slope, 2, SECP_P) - 2 * x) % SECP_P", refs: "slope:BigInt3 point:EcPoint"},
	{code: importK1 + packAdd, refs: "slope:BigInt3 point0:EcPoint point1:EcPoint"},
	{code: importK1 + "\nq, r = divmod(pack(ids.val, PRIME), SECP_P)" + verify, refs: "val:BigInt3", outputs: "q:felt", pick: pickMultiple(secpK1.prime)},
	{code: importK1 + "\nx = pack(ids.x, PRIME) % SECP_P", refs: "x:BigInt3"},
	{code: "from starkware.cairo.common.cairo_secp.secp_utils import SECP_P\nfrom starkware.python.math_utils import div_mod\n\n" +
		"value = x_inv = div_mod(1, x, SECP_P)", variables: "x"},
	{code: importK1 + "\nvalue = pack(ids.x, PRIME) % SECP_P", refs: "x:BigInt3"},
	{code: "from starkware.cairo.common.cairo_secp.secp_utils import N, pack\nfrom starkware.python.math_utils import div_mod, safe_div\n\n" +
		"a = pack(ids.a, PRIME)\nb = pack(ids.b, PRIME)\nvalue = res = div_mod(a, b, N)", refs: "a:BigInt3 b:BigInt3"},
	{code: "value = k = safe_div(res * b - a, N)", variables: "res b a N safe_div", pick: func(_ map[string]*[3]*big.Int, v map[string]*big.Int, r *rand.Rand) {
		v["N"] = secpOrder
		k := new(big.Int).Mul(big.NewInt(r.Int64()-1<<62), secpOrder)
		v["a"] = k.Sub(new(big.Int).Mul(v["res"], v["b"]), k)
	}},

	{code: "from starkware.cairo.common.cairo_secp.secp256r1_utils import SECP256R1_ALPHA, SECP256R1_P\n" +
		"from starkware.cairo.common.cairo_secp.secp_utils import pack\nfrom starkware.python.math_utils import ec_double_slope\n" + packXY +
		"value = slope = ec_double_slope(point=(x, y), alpha=SECP256R1_ALPHA, p=SECP256R1_P)", refs: "point:EcPoint"},
	{code: importR1 + "from starkware.python.math_utils import line_slope\n" + packTwo +
		"value = slope = line_slope(point1=(x0, y0), point2=(x1, y1), p=SECP256R1_P)", refs: "point0:EcPoint point1:EcPoint"},
	{code: importR1 + packNew + "value = new_x = (pow(slope, 2, SECP256R1_P) - 2 * x) % SECP256R1_P", refs: "slope:BigInt3 point:EcPoint"},
	{code: "from starkware.cairo.common.cairo_secp.secp256r1_utils import SECP256R1_P as SECP_P"},
	{code: "from starkware.cairo.common.cairo_secp.secp_utils import pack\n" + packAdd, refs: "slope:BigInt3 point0:EcPoint point1:EcPoint",
		variables: "SECP_P"},
	{code: importR1 + "\nq, r = divmod(pack(ids.val, PRIME), SECP256R1_P)" + verify, refs: "val:BigInt3", outputs: "q:felt", pick: pickMultiple(secpR1.prime)},
	{code: importR1 + "\nx = pack(ids.x, PRIME) % SECP256R1_P", refs: "x:BigInt3"},
	{code: "from starkware.python.math_utils import div_mod\n\nvalue = div_mod(1, x, SECP256R1_P)", variables: "x SECP256R1_P"},
	{code: importR1 + "value = pack(ids.x, PRIME) % SECP256R1_P", refs: "x:BigInt3"},
}

// pickMultiple makes the limbs of val those of a multiple of prime.
func pickMultiple(prime *big.Int) func(map[string]*[3]*big.Int, map[string]*big.Int, *rand.Rand) {
	return func(limbs map[string]*[3]*big.Int, _ map[string]*big.Int, r *rand.Rand) {
		n := new(big.Int).Mul(prime, big.NewInt(r.Int64()-1<<62))
		l := limbs["val"]
		base := new(big.Int).Lsh(one, 86)
		n, l[0] = new(big.Int).DivMod(n, base, new(big.Int))
		n, l[1] = new(big.Int).DivMod(n, base, new(big.Int))
		l[2] = n
	}
}

// TestTryHints runs each hint of tryCases natively and interpreted, on random and on unusual memory and variables, and compares memory, all
// variables of the scope and the errors. Nearly all runs on plain integers must be native.
func TestTryHints(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 5))
	for _, c := range tryCases {
		native := nativeHints[hintKey(c.code)]
		if native == nil {
			t.Errorf("no native implementation of %q", c.code)
			continue
		}
		done, failed := 0, 0
		for n := range 120 {
			plain := n < 60
			state := newTryState(c, r, plain)
			got, ids := state.run(t, native)
			want, _ := state.run(t, interpretHint(c.code))
			if got != want {
				t.Fatalf("%q, state %d\n got %s\nwant %s", c.code, n, got, want)
			}
			if plain && ids.interpreted == nil {
				done++
			}
			if strings.HasPrefix(got, "error") {
				failed++
			}
		}
		if done < 50 {
			t.Errorf("%q: only %d of 60 runs on integers were native", c.code, done)
		}
		if c.refs+c.outputs+c.variables != "" && failed == 0 {
			t.Errorf("%q: no run failed", c.code)
		}
	}
}

// tryState is the memory and the scope before a hint.
type tryState struct {
	code      string
	refs      []string // name:type
	cells     []*machine.Value
	variables map[string]any
}

var structSizes = map[string]int{"felt": 1, "BigInt3": 3, "Uint256": 2, "EcPoint": 6}

// newTryState returns a random state: with integers only if plain is set, else one thing in it is unusual.
func newTryState(c tryCase, r *rand.Rand, plain bool) tryState {
	s := tryState{code: c.code, refs: strings.Fields(c.refs + " " + c.outputs), variables: map[string]any{}}
	limbs, ints := map[string]*[3]*big.Int{}, map[string]*big.Int{}
	var numbers []*big.Int
	inputs := len(strings.Fields(c.refs))
	for _, ref := range s.refs[:inputs] {
		name, typ, _ := strings.Cut(ref, ":")
		for range structSizes[typ] {
			numbers = append(numbers, randomLimb(r, typ))
		}
		if typ == "BigInt3" {
			limbs[name] = (*[3]*big.Int)(numbers[len(numbers)-3:])
		}
	}
	for _, name := range strings.Fields(c.variables) {
		switch name {
		case "keys", "nibbles":
			continue
		case "safe_div":
			s.variables[name] = pyhint.Global(pyMath + name)
		case "SECP_P":
			ints[name] = []*big.Int{secpK1.prime, secpR1.prime}[r.IntN(2)]
		case "SECP256R1_P":
			ints[name] = secpR1.prime
		default:
			n := new(big.Int).SetUint64(r.Uint64())
			for range r.IntN(4) {
				n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(r.Uint64()))
			}
			ints[name] = n
			if strings.Contains(c.code, "slope") && r.IntN(3) == 0 {
				n.Neg(n)
			}
		}
	}
	if c.pick != nil {
		c.pick(limbs, ints, r)
	}
	for _, n := range numbers {
		v := machine.FeltValue(felt.FromBigInt(n))
		s.cells = append(s.cells, &v)
	}
	for _, ref := range s.refs[inputs:] {
		_, typ, _ := strings.Cut(ref, ":")
		s.cells = append(s.cells, make([]*machine.Value, structSizes[typ])...)
	}
	for name, n := range ints {
		s.variables[name] = n
	}
	for _, name := range []string{"keys", "nibbles"} {
		if strings.Contains(" "+c.variables+" ", " "+name+" ") {
			l := &pyhint.List{}
			if name == "nibbles" {
				for range 3 {
					l.Items = append(l.Items, big.NewInt(r.Int64N(16)))
				}
			}
			s.variables[name] = l
		}
	}
	if plain {
		return s
	}
	// One thing is unusual.
	names := slices.Sorted(maps.Keys(s.variables))
	if k := r.IntN(len(s.cells) + len(names) + 1); k < len(s.cells) {
		var v machine.Value
		switch r.IntN(6) {
		case 0:
			v = machine.AddrValue(machine.Addr{Segment: 2, Offset: 3})
		case 1:
			s.cells[k] = nil
			return s
		case 2:
			v = machine.FeltValue(felt.FromInt64(-1))
		case 3:
			h := halfPrime
			if r.IntN(2) == 0 {
				h.Sub(&h, &felt.One)
			}
			v = machine.FeltValue(h)
		default: // zeros, so that there are divisions by zero and equal operands
			for i := range s.cells {
				if s.cells[i] != nil {
					s.cells[i] = &machine.Value{}
				}
			}
			return s
		}
		s.cells[k] = &v
	} else if k -= len(s.cells); k < len(names) {
		switch name := names[k]; r.IntN(6) {
		case 0:
			delete(s.variables, name)
		case 1:
			s.variables[name] = true
		case 2:
			s.variables[name] = new(big.Int)
		case 3:
			s.variables[name] = big.NewInt(-5)
		case 4:
			s.variables[name] = new(big.Int).Lsh(one, uint(257+r.IntN(3)))
		default:
			s.variables[name] = &pyhint.List{Items: []any{"a"}}
		}
	}
	return s
}

// randomLimb returns a cell of a struct of that type: a number of the size that it usually has, an edge, or one that is negative.
func randomLimb(r *rand.Rand, typ string) *big.Int {
	size := uint(86)
	if typ == "Uint256" {
		size = 128
	}
	n := new(big.Int).SetUint64(r.Uint64())
	n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(r.Uint64()))
	n.And(n, new(big.Int).Sub(new(big.Int).Lsh(one, size), one))
	switch r.IntN(8) {
	case 0:
		return n.Sub(new(big.Int).Lsh(one, size), one)
	case 1:
		if typ != "Uint256" {
			return n.Neg(n)
		}
	case 2:
		if typ != "Uint256" {
			return n.Lsh(n, 160)
		}
	case 3:
		return n.Rsh(n, 40)
	}
	return n
}

// run runs the hint on the state and returns the memory, the scope and the error as text.
func (s tryState) run(t *testing.T, hint ProgramHint) (string, *IDs) {
	t.Helper()
	p := &Program{Identifiers: map[string]*pyhint.Identifier{}}
	for name, text := range map[string]string{
		"scope.SHIFT":       `{"type":"const","value":340282366920938463463374607431768211456}`,
		"scope.UPPER_BOUND": `{"type":"const","value":1809251394333065553493296640760748560207343510400633813116524750123642650624}`,
		"BigInt3": `{"type":"struct","size":3,"members":{"d0":{"cairo_type":"felt","offset":0},"d1":{"cairo_type":"felt","offset":1},` +
			`"d2":{"cairo_type":"felt","offset":2}}}`,
		"Uint256": `{"type":"struct","size":2,"members":{"low":{"cairo_type":"felt","offset":0},"high":{"cairo_type":"felt","offset":1}}}`,
		"EcPoint": `{"type":"struct","size":6,"members":{"x":{"cairo_type":"BigInt3","offset":0},"y":{"cairo_type":"BigInt3","offset":3}}}`,
	} {
		id := &pyhint.Identifier{}
		if err := json.Unmarshal([]byte(text), id); err != nil {
			t.Fatal(err)
		}
		p.Identifiers[name] = id
	}
	m := machine.NewMachine()
	m.AP, m.FP = 60, 10
	scopes := pyhint.NewScopes()
	for name, v := range s.variables {
		if l, ok := v.(*pyhint.List); ok {
			v = &pyhint.List{Items: slices.Clone(l.Items)}
		}
		scopes.Variables()[name] = v
	}
	ids := &IDs{p: p, hint: &HintCode{Code: s.code, Scopes: []string{"scope"}}, refs: map[string]*reference{}, scopes: &scopes}
	at := 0
	for _, ref := range s.refs {
		name, typ, _ := strings.Cut(ref, ":")
		x, typ, err := parseReference(fmt.Sprintf("[cast(fp + %d, %s*)]", at, typ))
		if err != nil {
			t.Fatal(err)
		}
		ids.refs[name] = &reference{expr: x, typ: typ}
		for range structSizes[typ] {
			if v := s.cells[at]; v != nil {
				if err := m.Memory.Insert(machine.Addr{Segment: 1, Offset: 10 + uint64(at)}, *v); err != nil {
					t.Fatal(err)
				}
			}
			at++
		}
	}
	if err := hint(m, ids); err != nil {
		return "error " + err.Error(), ids // a hint may write before it fails; then the run ends
	}
	var b strings.Builder
	for i := range m.Memory.SegmentSize(1) {
		v, ok := m.Memory.Get(machine.Addr{Segment: 1, Offset: i})
		fmt.Fprint(&b, v, ok, " ")
	}
	for _, name := range slices.Sorted(maps.Keys(scopes.Variables())) {
		v := scopes.Variables()[name]
		fmt.Fprintf(&b, "\n%s: %T %s", name, v, pyhint.Str(v))
		if l, ok := v.(*pyhint.List); ok {
			for _, x := range l.Items {
				fmt.Fprintf(&b, " %s", pyhint.Str(x))
			}
		}
	}
	return b.String(), ids
}

// TestPackLimbs compares packLimbs and splitLimbs with arithmetic of integers.
func TestPackLimbs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 86))
	half := new(big.Int).Rsh(felt.Modulus(), 1)
	edges := []*big.Int{new(big.Int), one, new(big.Int).Sub(half, one), half, new(big.Int).Add(half, one), primeMinusOne,
		new(big.Int).Lsh(one, 86), new(big.Int).Sub(new(big.Int).Lsh(one, 86), one), new(big.Int).Lsh(one, 250)}
	for range 5000 {
		var limbs [3]felt.Felt
		want := new(big.Int)
		for i := range limbs {
			n := edges[r.IntN(len(edges))]
			if r.IntN(2) == 0 {
				n = randomLimb(r, "BigInt3")
				n = new(big.Int).Mod(n, felt.Modulus())
			}
			limbs[i] = felt.FromBigInt(n)
			if n.Cmp(half) >= 0 {
				n = new(big.Int).Sub(n, felt.Modulus())
			}
			want.Add(want, new(big.Int).Lsh(n, uint(86*i)))
		}
		got := packLimbs(&limbs)
		if got.Cmp(want) != 0 {
			t.Fatalf("%v: got %x, want %x", limbs, got, want)
		}
		split, ok := splitLimbs(want)
		if fits := want.Sign() >= 0 && want.BitLen() <= 258; ok != fits {
			t.Fatalf("%x: split is %v, want %v", want, ok, fits)
		}
		for i := range split {
			digit := new(big.Int).Rsh(want, uint(86*i))
			digit.And(digit, new(big.Int).Sub(new(big.Int).Lsh(one, 86), one))
			if ok && split[i].BigInt().Cmp(digit) != 0 {
				t.Fatalf("%x: limb %d is %v, want %x", want, i, split[i], digit)
			}
		}
	}
	top := new(big.Int).Lsh(one, 258)
	if _, ok := splitLimbs(top); ok {
		t.Error("2^258 was split")
	}
	if _, ok := splitLimbs(top.Sub(top, one)); !ok {
		t.Error("2^258 - 1 was not split")
	}
}
