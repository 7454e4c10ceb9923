// bitwise, range_check and range_check96 of numbers at borders. The number of instances of bitwise and of range_check96 is no power of two.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.registers import get_label_location

from builtins import bitwise, output, range_check, range_check96

const COUNT = 7;

func bitwise_with{bitwise_ptr: BitwiseBuiltin*}(x, y: felt*, n, sum) -> felt {
    alloc_locals;
    if (n == 0) {
        return sum;
    }
    let (x_and_y, x_xor_y, x_or_y) = bitwise(x, [y]);
    assert x + [y] = x_and_y + x_or_y;
    return bitwise_with(x, y + 1, n - 1, sum + x_and_y + x_xor_y);
}

func bitwise_all{bitwise_ptr: BitwiseBuiltin*}(x: felt*, n, y: felt*, sum) -> felt {
    if (n == 0) {
        return sum;
    }
    let sum = bitwise_with([x], y, COUNT, sum);
    return bitwise_all(x + 1, n - 1, y, sum);
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
    let sum = bitwise_all(numbers, COUNT, numbers, 0);
    output(sum);
    range_check(0);
    range_check(2 ** 126);
    range_check(2 ** 127);
    range_check(2 ** 128 - 1);
    range_check96(0);
    range_check96(511);
    range_check96(2 ** 90);
    range_check96(2 ** 95);
    range_check96(2 ** 96 - 1);
    return ();

    data:
    dw 0;
    dw 1;
    dw 2 ** 243 - 1;
    dw 2 ** 243;
    dw 2 ** 251 - 1;
    dw 1206167596222043737899107594365023368541035738443865566657697352045290673493;
    dw 2412335192444087475798215188730046737082071476887731133315394704090581346986;
}
