// Many values: 3,000 small numbers and 3,000 large ones in segments of their own, empty segments between them, and 200 words of output.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.alloc import alloc
from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)

from builtins import output

// Writes n numbers: x, x + step, x + 2 * step and so on.
func write(to: felt*, x, step, n) -> felt {
    if (n == 0) {
        return x;
    }
    assert [to] = x;
    return write(to + 1, x + step, step, n - 1);
}

func output_all{output_ptr: felt*}(x: felt*, n) {
    if (n == 0) {
        return ();
    }
    output([x]);
    return output_all(x + 30, n - 1);
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
    alloc_locals;
    let (local empty: felt*) = alloc();
    let (local small: felt*) = alloc();
    let (local empty2: felt*) = alloc();
    let (local large: felt*) = alloc();
    write(small, 10 ** 6, 1, 3000);
    write(large, 2 ** 200, 2 ** 100 + 1, 3000);
    output_all(small, 100);
    output_all(large, 100);
    return ();
}
