// Sums and products of numbers at the borders between the opcodes for small numbers and those for all: 2^29, 2^36, 2^72, and negative ones.

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

const COUNT = 16;

func combine(x, y: felt*, n, sum) -> felt {
    if (n == 0) {
        return sum;
    }
    tempvar s = x + [y];
    tempvar p = x * [y];
    tempvar d = x - [y];
    tempvar five = x + 5;
    tempvar q = x * (-3);
    tempvar r = 7 * [y];
    return combine(x, y + 1, n - 1, sum + s * p + d * q + five + r);
}

func combine_all(x: felt*, n, y: felt*, sum) -> felt {
    if (n == 0) {
        return sum;
    }
    let sum = combine([x], y, COUNT, sum);
    return combine_all(x + 1, n - 1, y, sum);
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
    let sum = combine_all(numbers, COUNT, numbers, 0);
    output(sum);
    return ();

    data:
    dw 0;
    dw 1;
    dw -1;
    dw 2 ** 28;
    dw 2 ** 29 - 1;
    dw 2 ** 29;
    dw -2 ** 29;
    dw -2 ** 29 - 1;
    dw -2 ** 29 - 2;
    dw 2 ** 36 - 1;
    dw 2 ** 36;
    dw 2 ** 72 - 1;
    dw 2 ** 72;
    dw -2 ** 36;
    dw 2 ** 251 - 1;
    dw 2 ** 251;
}
