package casm

import "strings"

// hintTable has a row for each kind of hint. The Python text equals the official compiler's in CASM text and in
// pythonic_hints, because the Python machine of the Starknet OS executes it.
var hintTable = [hintKinds]hintRow{
	AllocSegment:               {"AllocSegment", out("dst"), `memory$dst = segments.add()`},
	TestLessThan:               {"TestLessThan", fields(in("lhs", "rhs"), out("dst")), `memory$dst = $lhs < $rhs`},
	TestLessThanOrEqual:        {"TestLessThanOrEqual", fields(in("lhs", "rhs"), out("dst")), `memory$dst = $lhs <= $rhs`},
	TestLessThanOrEqualAddress: {"TestLessThanOrEqualAddress", fields(ptr("lhs", "rhs"), out("dst")), `memory$dst = $lhs <= $rhs`},
	WideMul128:                 {"WideMul128", fields(in("lhs", "rhs"), out("high", "low")), `(memory$high, memory$low) = divmod($lhs * $rhs, 2**128)`},
	DivMod:                     {"DivMod", fields(in("lhs", "rhs"), out("quotient", "remainder")), `(memory$quotient, memory$remainder) = divmod($lhs, $rhs)`},
	Uint256DivMod: {"Uint256DivMod", fields(in("dividend0", "dividend1", "divisor0", "divisor1"),
		out("quotient0", "quotient1", "remainder0", "remainder1")), `
dividend = $dividend0 + $dividend1 * 2**128
divisor = $divisor0 + $divisor1 * 2**128
quotient, remainder = divmod(dividend, divisor)
memory$quotient0 = quotient & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$quotient1 = quotient >> 128
memory$remainder0 = remainder & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$remainder1 = remainder >> 128
`},
	Uint512DivModByUint256: {"Uint512DivModByUint256", fields(
		in("dividend0", "dividend1", "dividend2", "dividend3", "divisor0", "divisor1"),
		out("quotient0", "quotient1", "quotient2", "quotient3", "remainder0", "remainder1")), `
dividend = $dividend0 + $dividend1 * 2**128 + $dividend2 * 2**256 + $dividend3 * 2**384
divisor = $divisor0 + $divisor1 * 2**128
quotient, remainder = divmod(dividend, divisor)
memory$quotient0 = quotient & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$quotient1 = (quotient >> 128) & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$quotient2 = (quotient >> 256) & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$quotient3 = quotient >> 384
memory$remainder0 = remainder & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$remainder1 = remainder >> 128
`},
	SquareRoot: {"SquareRoot", fields(in("value"), out("dst")), `
import math
memory$dst = math.isqrt($value)
`},
	Uint256SquareRoot: {"Uint256SquareRoot", fields(in("value_low", "value_high"),
		out("sqrt0", "sqrt1", "remainder_low", "remainder_high", "sqrt_mul_2_minus_remainder_ge_u128")), `
import math;
value = $value_low + $value_high * 2**128
root = math.isqrt(value)
remainder = value - root ** 2
memory$sqrt0 = root & 0xFFFFFFFFFFFFFFFF
memory$sqrt1 = root >> 64
memory$remainder_low = remainder & 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
memory$remainder_high = remainder >> 128
memory$sqrt_mul_2_minus_remainder_ge_u128 = root * 2 - remainder >= 2**128
`},
	LinearSplit: {"LinearSplit", fields(in("value", "scalar", "max_x"), out("x", "y")), `
(value, scalar) = ($value, $scalar)
x = min(value // scalar, $max_x)
y = value - x * scalar
memory$x = x
memory$y = y
`},
	AllocFelt252Dict: {"AllocFelt252Dict", ptr("segment_arena_ptr"), `
if '__dict_manager' not in globals():
    from starkware.cairo.common.dict import DictManager
    __dict_manager = DictManager()

if '__segment_index_to_arena_index' not in globals():
    # A map from the relocatable value segment index to the index in the
    # arena.
    __segment_index_to_arena_index = {}

# $segment_arena_ptr is the address of the next SegmentArenaBuiltin.
# memory[$segment_arena_ptr - 2] is the number of allocated segments.
index = memory[$segment_arena_ptr - 2]

segment_start = __dict_manager.new_default_dict(
    segments, 0, temp_segment=index > 0
)

# Update '__segment_index_to_arena_index'.
__segment_index_to_arena_index[segment_start.segment_index] = index

# Update 'SegmentInfo::start'.
# memory[$segment_arena_ptr - 3] is the address of the segment arena infos
# segment. index * 3 is added to get the address of the new SegmentInfo.
memory[memory[$segment_arena_ptr - 3] + index * 3] = segment_start
`},
	Felt252DictEntryInit: {"Felt252DictEntryInit", fields(ptr("dict_ptr"), in("key")), `
dict_tracker = __dict_manager.get_tracker($dict_ptr)
dict_tracker.current_ptr += 3
memory[$dict_ptr + 1] = dict_tracker.data[$key]
`},
	Felt252DictEntryUpdate: {"Felt252DictEntryUpdate", fields(ptr("dict_ptr"), in("value")), `
dict_tracker = __dict_manager.get_tracker($dict_ptr)
dict_tracker.data[memory[$dict_ptr - 3]] = $value
`},
	GetSegmentArenaIndex: {"GetSegmentArenaIndex", fields(ptr("dict_end_ptr"), out("dict_index")), `
memory$dict_index = __segment_index_to_arena_index[
    $dict_end_ptr.segment_index
]
`},
	InitSquashData: {"InitSquashData", fields(ptr("dict_accesses"), in("ptr_diff", "n_accesses"), out("big_keys", "first_key")), `
dict_access_size = 3
address = $dict_accesses
assert $ptr_diff % dict_access_size == 0, 'Accesses array size must be divisible by DictAccess.SIZE'
n_accesses = $n_accesses
if '__squash_dict_max_size' in globals():
    assert n_accesses <= __squash_dict_max_size, f'squash_dict() can only be used with n_accesses<={__squash_dict_max_size}. ' f'Got: n_accesses={n_accesses}.'
# A map from key to the list of indices accessing it.
access_indices = {}
for i in range(n_accesses):
    key = memory[address + dict_access_size * i]
    access_indices.setdefault(key, []).append(i)
# Descending list of keys.
keys = sorted(access_indices.keys(), reverse=True)
# Are the keys used bigger than range_check bound.
memory$big_keys = 1 if keys[0] >= range_check_builtin.bound else 0
memory$first_key = key = keys.pop()
`},
	GetCurrentAccessIndex: {"GetCurrentAccessIndex", ptr("range_check_ptr"), `
current_access_indices = sorted(access_indices[key])[::-1]
current_access_index = current_access_indices.pop()
memory[$range_check_ptr] = current_access_index
`},
	ShouldSkipSquashLoop: {"ShouldSkipSquashLoop", out("should_skip_loop"),
		`memory$should_skip_loop = 0 if current_access_indices else 1`},
	GetCurrentAccessDelta: {"GetCurrentAccessDelta", out("index_delta_minus1"), `
new_access_index = current_access_indices.pop()
memory$index_delta_minus1 = new_access_index - current_access_index - 1
current_access_index = new_access_index
`},
	ShouldContinueSquashLoop: {"ShouldContinueSquashLoop", out("should_continue"),
		`memory$should_continue = 1 if current_access_indices else 0`},
	GetNextDictKey: {"GetNextDictKey", out("next_key"),
		`assert len(keys) > 0, 'No keys left but remaining_accesses > 0.'
memory$next_key = key = keys.pop()
`},
	AssertLeFindSmallArcs: {"AssertLeFindSmallArcs", fields(ptr("range_check_ptr"), in("a", "b")), `
import itertools

from starkware.cairo.common.math_utils import assert_integer
assert_integer($a)
assert_integer($b)
a = $a % PRIME
b = $b % PRIME
assert a <= b, f'a = {a} is not less than or equal to b = {b}.'

# Find an arc less than PRIME / 3, and another less than PRIME / 2.
lengths_and_indices = [(a, 0), (b - a, 1), (PRIME - 1 - b, 2)]
lengths_and_indices.sort()
assert lengths_and_indices[0][0] <= PRIME // 3 and lengths_and_indices[1][0] <= PRIME // 2
excluded = lengths_and_indices[2][1]

memory[$range_check_ptr + 1], memory[$range_check_ptr + 0] = (
    divmod(lengths_and_indices[0][0], 3544607988759775765608368578435044694))
memory[$range_check_ptr + 3], memory[$range_check_ptr + 2] = (
    divmod(lengths_and_indices[1][0], 5316911983139663648412552867652567041))
`},
	AssertLeIsFirstArcExcluded: {"AssertLeIsFirstArcExcluded", out("skip_exclude_a_flag"),
		`memory$skip_exclude_a_flag = 1 if excluded != 0 else 0`},
	AssertLeIsSecondArcExcluded: {"AssertLeIsSecondArcExcluded", out("skip_exclude_b_minus_a"),
		`memory$skip_exclude_b_minus_a = 1 if excluded != 1 else 0`},
	RandomEcPoint: {"RandomEcPoint", out("x", "y"), `
from starkware.crypto.signature.signature import ALPHA, BETA, FIELD_PRIME
from starkware.python.math_utils import random_ec_point
(memory$x, memory$y) = random_ec_point(FIELD_PRIME, ALPHA, BETA)
`},
	FieldSqrt: {"FieldSqrt", fields(in("val"), out("sqrt")), `
from starkware.crypto.signature.signature import FIELD_PRIME
from starkware.python.math_utils import is_quad_residue, sqrt

val = $val
if is_quad_residue(val, FIELD_PRIME):
    memory$sqrt = sqrt(val, FIELD_PRIME)
else:
    memory$sqrt = sqrt(val * 3, FIELD_PRIME)
`},
	DebugPrint: {"DebugPrint", ptr("start", "end"), `
curr = $start
end = $end
while curr != end:
    print(hex(memory[curr]))
    curr += 1
`},
	AllocConstantSize: {"AllocConstantSize", fields(in("size"), out("dst")), `
if '__boxed_segment' not in globals():
    __boxed_segment = segments.add()
memory$dst = __boxed_segment
__boxed_segment += $size
`},
	U256InvModN: {"U256InvModN", fields(in("b0", "b1", "n0", "n1"),
		out("g0_or_no_inv", "g1_option", "s_or_r0", "s_or_r1", "t_or_k0", "t_or_k1")), `
from starkware.python.math_utils import igcdex

b = $b0 + ($b1 << 128)
n = $n0 + ($n1 << 128)

(_, r, g) = igcdex(n, b)
if n == 1:
    memory$g0_or_no_inv = 1
    memory$g1_option = 0
    memory$s_or_r0 = $b0
    memory$s_or_r1 = $b1
    memory$t_or_k0 = 1
    memory$t_or_k1 = 0
elif g != 1:
    if g % 2 == 0:
        g = 2
    s = b // g
    t = n // g
    memory$g0_or_no_inv = g & 0xffffffffffffffffffffffffffffffff
    memory$g1_option = g >> 128
    memory$s_or_r0 = s & 0xffffffffffffffffffffffffffffffff
    memory$s_or_r1 = s >> 128
    memory$t_or_k0 = t & 0xffffffffffffffffffffffffffffffff
    memory$t_or_k1 = t >> 128
else:
    r %= n
    k = (r * b - 1) // n
    memory$g0_or_no_inv = 0
    memory$s_or_r0 = r & 0xffffffffffffffffffffffffffffffff
    memory$s_or_r1 = r >> 128
    memory$t_or_k0 = k & 0xffffffffffffffffffffffffffffffff
    memory$t_or_k1 = k >> 128
`},
	EvalCircuit: {"EvalCircuit", fields(in("n_add_mods"), ptr("add_mod_builtin"), in("n_mul_mods"), ptr("mul_mod_builtin")), `
from starkware.cairo.lang.builtins.modulo.mod_builtin_runner import ModBuiltinRunner

ModBuiltinRunner.fill_memory(
        memory=memory,
        add_mod=($add_mod_builtin, builtin_runners["add_mod_builtin"], $n_add_mods),
        mul_mod=($mul_mod_builtin, builtin_runners["mul_mod_builtin"], $n_mul_mods),
)
`},
	SystemCall: {"SystemCall", ptr("system"), `syscall_handler.syscall(syscall_ptr=$system)`},
	Cheatcode: {"Cheatcode", fields([]field{{"selector", value}}, in("input_start", "input_end"), out("output_start", "output_end")),
		`raise NotImplementedError("Cheatcode")`},
	AssertCurrentAccessIndicesIsEmpty: {"AssertCurrentAccessIndicesIsEmpty", nil, ""},
	AssertAllAccessesUsed:             {"AssertAllAccessesUsed", out("n_used_accesses"), ""},
	AssertAllKeysUsed:                 {"AssertAllKeysUsed", nil, ""},
	AssertLeAssertThirdArcExcluded:    {"AssertLeAssertThirdArcExcluded", nil, ""},
	AssertLtAssertValidInput:          {"AssertLtAssertValidInput", in("a", "b"), ""},
	Felt252DictRead:                   {"Felt252DictRead", fields(in("dict_ptr", "key"), out("value_dst")), ""},
	Felt252DictWrite:                  {"Felt252DictWrite", in("dict_ptr", "key", "value"), ""},
	AddRelocationRule:                 {"AddRelocationRule", ptr("src", "dst"), `memory.add_relocation_rule(src_ptr=$src, dest_ptr=$dst)`},
	WriteRunParam:                     {"WriteRunParam", fields(in("index"), out("dst")), `WriteRunParam { dst: $dst, index: $index }`},
	AddMarker:                         {"AddMarker", ptr("start", "end"), `AddMarker { start: $start, end: $end }`},
	AddTrace:                          {"AddTrace", in("flag"), `AddTrace { flag: $flag }`},
}

// python returns the hint as Python, "" for a deprecated hint, which has no Python text.
func (h *Hint) python() string {
	row := &hintTable[h.Kind]
	if !strings.Contains(row.python, "$") {
		return row.python
	}
	var b strings.Builder
	text := row.python
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n := 0
		for n < len(rest) && (rest[n] == '_' || 'a' <= rest[n] && rest[n] <= 'z' || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		b.WriteString(h.pythonField(row, rest[:n]))
		text = rest[n:]
	}
}

// pythonField returns the Python text of a field.
func (h *Hint) pythonField(row *hintRow, name string) string {
	nIn, nOut := 0, 0
	for _, f := range row.fields {
		switch {
		case f.name != name && f.kind == output:
			nOut++
		case f.name != name:
			nIn++
		case f.kind == output:
			return h.Out[nOut].String()
		case f.kind == address:
			return h.In[nIn].pythonAddress()
		default:
			return h.In[nIn].pythonInteger()
		}
	}
	panic("casm: hint " + row.name + " has no field " + name)
}

// pythonInteger returns the Python text of an operand that is a number.
func (o *Operand) pythonInteger() string {
	if o.Kind == BinOp {
		return "(" + o.pythonAddress() + ") % PRIME"
	}
	return o.pythonAddress()
}

// pythonAddress returns the Python text of an operand that is a pointer, or of a number without an operation.
func (o *Operand) pythonAddress() string {
	switch o.Kind {
	case Deref:
		return "memory" + o.Cell.String()
	case DoubleDeref:
		return "memory[memory" + o.String()[1:]
	case Immediate:
		return o.Imm.String()
	}
	return "memory" + o.Cell.String() + " " + o.Op.String() + " " + o.rhs("memory")
}
