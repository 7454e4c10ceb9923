// add_mod and mul_mod in batches of several instances, with a modulus of 1, an even one, and the largest; with numbers that are not reduced;
// with sums and products whose result is known and an operand is not; and with offsets in any order.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
    UInt384,
)
from starkware.cairo.common.modulo import run_mod_p_circuit
from starkware.cairo.common.registers import get_label_location

from builtins import output

const WORD = 2 ** 96;

// Runs the first sums and products of a circuit modulo p on two numbers. By the numbers of the values:
//
//   sums:      2 = 0 + 1    1 = 4 + 0    5 = 2 + 3    7 = 6 + 6
//   products:  3 = 0 * 1    6 = 5 * 4    1 = 8 * 0, which must have a solution
func circuit{
    output_ptr: felt*, range_check96_ptr: felt*, add_mod_ptr: ModBuiltin*, mul_mod_ptr: ModBuiltin*
}(p: UInt384, x: UInt384, y: UInt384, sums, products) {
    alloc_locals;
    let values = cast(range_check96_ptr, UInt384*);
    let range_check96_ptr = range_check96_ptr + (2 + sums + products) * UInt384.SIZE;
    assert values[0] = x;
    assert values[1] = y;
    let (add_offsets) = get_label_location(add_offsets_data);
    let (mul_offsets) = get_label_location(mul_offsets_data);
    run_mod_p_circuit(
        p=p,
        values_ptr=values,
        add_mod_offsets_ptr=add_offsets,
        add_mod_n=sums,
        mul_mod_offsets_ptr=mul_offsets,
        mul_mod_n=products,
    );
    output(values[2].d0);
    output(values[3].d3);
    return ();

    add_offsets_data:
    dw 0;
    dw 4;
    dw 8;
    dw 16;
    dw 0;
    dw 4;
    dw 8;
    dw 12;
    dw 20;
    dw 24;
    dw 24;
    dw 28;

    mul_offsets_data:
    dw 0;
    dw 4;
    dw 12;
    dw 20;
    dw 16;
    dw 24;
    dw 32;
    dw 0;
    dw 4;
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
    // A prime of 384 bits, with numbers that are not reduced.
    circuit(
        UInt384(WORD - 317, WORD - 1, WORD - 1, WORD - 1),
        UInt384(WORD - 1, WORD - 1, WORD - 1, WORD - 1),
        UInt384(WORD - 318, WORD - 1, WORD - 1, WORD - 1),
        4,
        3,
    );
    // The largest modulus, an even one, and the smallest.
    circuit(UInt384(WORD - 1, WORD - 1, WORD - 1, WORD - 1), UInt384(1, 2, 3, 4), UInt384(5, 6, 7, 8), 4, 2);
    circuit(UInt384(2, 0, 0, 2 ** 95), UInt384(WORD - 1, WORD - 1, 0, 1), UInt384(0, 0, 0, 2 ** 95), 4, 2);
    circuit(UInt384(1, 0, 0, 0), UInt384(1, 0, 0, 0), UInt384(0, 0, 0, 0), 4, 2);
    // A modulus of 256 bits, and one product alone.
    circuit(
        UInt384(WORD - 2 ** 32 - 977, WORD - 1, 2 ** 64 - 1, 0), UInt384(0, 0, 1, 0), UInt384(WORD - 5, WORD - 7, 11, 0), 3, 1
    );
    return ();
}
