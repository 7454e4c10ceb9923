// Pedersen and Poseidon of numbers at borders: 0, 1, around 2^248 where Pedersen cuts a number, 2^251 and P - 1. Some are computed twice.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.registers import get_label_location

from builtins import output, pedersen, poseidon

const COUNT = 8;

// Hashes x with the n numbers at y. Returns the sum of all results.
func hash_with{pedersen_ptr: HashBuiltin*, poseidon_ptr: PoseidonBuiltin*}(x, y: felt*, n, sum) -> felt {
    alloc_locals;
    if (n == 0) {
        return sum;
    }
    let h = pedersen(x, [y]);
    let s = poseidon(x, [y], 0);
    let t = poseidon([y], -1, x);
    return hash_with(x, y + 1, n - 1, sum + h + s.s0 + t.s1 + t.s2);
}

// Hashes each of the n numbers at x with each of the COUNT numbers at y.
func hash_all{pedersen_ptr: HashBuiltin*, poseidon_ptr: PoseidonBuiltin*}(x: felt*, n, y: felt*, sum) -> felt {
    if (n == 0) {
        return sum;
    }
    let sum = hash_with([x], y, COUNT, sum);
    return hash_all(x + 1, n - 1, y, sum);
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
    let (numbers) = get_label_location(data);
    let sum = hash_all(numbers, COUNT, numbers, 0);
    output(sum);
    let again = hash_all(numbers, 1, numbers, 0);
    output(again);
    let s = poseidon(-1, -1, -1);
    output(s.s0);
    return ();

    data:
    dw 0;
    dw 1;
    dw 2 ** 248 - 1;
    dw 2 ** 248;
    dw 2 ** 251 - 1;
    dw 2 ** 251;
    dw -2;
    dw -1;
}
