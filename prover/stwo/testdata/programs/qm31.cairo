// Sums and products in the secure field QM31, by the opcode in each of its forms.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.registers import get_label_location

from builtins import output

// The opcode, as instruction words: offsets of dst, op0, op1 plus 2^15, flags from bit 48, the extension from bit 63.
const DST = 2 ** 0;
const OP0 = 2 ** 16;
const OP1 = 2 ** 32;
const BIAS = 2 ** 15 * (DST + OP0 + OP1);
const DST_FP = 2 ** 48;
const OP0_FP = 2 ** 49;
const OP1_IMM = 2 ** 50;
const OP1_FP = 2 ** 51;
const OP1_AP = 2 ** 52;
const RES_ADD = 2 ** 53;
const RES_MUL = 2 ** 54;
const ASSERT_EQ = 2 ** 62;
const QM31 = 3 * 2 ** 63 + BIAS + ASSERT_EQ;

// An element, and the largest coordinate.
const MAX = 2 ** 31 - 2;
const ALL_MAX = MAX * (1 + 2 ** 36 + 2 ** 72 + 2 ** 108);

// The functions have their result at [fp].

func add(x, y) -> felt {
    ap += 1;
    dw QM31 + DST_FP - 4 * OP0 + OP0_FP - 3 * OP1 + OP1_FP + RES_ADD;
    [ap] = [fp], ap++;
    ret;
}

func mul(x, y) -> felt {
    ap += 1;
    dw QM31 + DST_FP - 4 * OP0 + OP0_FP - 3 * OP1 + OP1_FP + RES_MUL;
    [ap] = [fp], ap++;
    ret;
}

// Returns y with x + y = z, which the machine finds.
func sub(z, x) -> felt {
    ap += 1;
    dw QM31 - 4 * DST + DST_FP - 3 * OP0 + OP0_FP + OP1_FP + RES_ADD;
    [ap] = [fp], ap++;
    ret;
}

// Returns y with y * x = z, which the machine finds.
func div(z, x) -> felt {
    ap += 1;
    dw QM31 - 4 * DST + DST_FP + OP0_FP - 3 * OP1 + OP1_FP + RES_MUL;
    [ap] = [fp], ap++;
    ret;
}

// Returns 3 * (x + i + u).
func with_immediates(x) -> felt {
    [ap] = [fp - 3], ap++;
    dw QM31 - OP0 + OP1 + OP1_IMM + RES_ADD;
    dw 2 ** 36 + 2 ** 72;
    ap += 1;
    dw QM31 - OP0 + OP1 + OP1_IMM + RES_MUL;
    dw 3;
    ap += 1;
    [ap] = [ap - 1], ap++;
    ret;
}

// Outputs results for the pairs of numbers that begin at x.
func pairs{output_ptr: felt*}(x: felt*, n) {
    alloc_locals;
    if (n == 0) {
        return ();
    }
    let sum = add(x[0], x[1]);
    output(sum);
    let product = mul(x[0], x[1]);
    output(product);
    let difference = sub(x[0], x[1]);
    output(difference);
    let quotient = div(x[0], x[1]);
    output(quotient);
    let last = with_immediates(x[0]);
    output(last);
    return pairs(x + 1, n - 1);
}

func main{
    output_ptr: felt*,
    pedersen_ptr: HashBuiltin*,
    range_check_ptr,
    ecdsa_ptr,
    bitwise_ptr: BitwiseBuiltin*,
    ec_op_ptr: EcOpBuiltin*,
    keccak_ptr,
    poseidon_ptr: PoseidonBuiltin*,
    range_check96_ptr: felt*,
    add_mod_ptr: ModBuiltin*,
    mul_mod_ptr: ModBuiltin*,
}() {
    let (numbers) = get_label_location(data);
    pairs(numbers, 6);
    return ();

    data:
    dw 0;
    dw 1;
    dw ALL_MAX;
    dw ALL_MAX;
    dw 2 ** 108;
    dw 5 + 7 * 2 ** 36 + 11 * 2 ** 72 + 13 * 2 ** 108;
    dw MAX * 2 ** 36 + 2 ** 72;
}
