// One function for each builtin: it takes the next instance and returns what the instance states.

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
    UInt384,
)
from starkware.cairo.common.ec_point import EcPoint
from starkware.cairo.common.modulo import run_mod_p_circuit
from starkware.cairo.common.poseidon_state import PoseidonBuiltinState
from starkware.cairo.common.registers import get_label_location

func output{output_ptr: felt*}(x) {
    assert [output_ptr] = x;
    let output_ptr = output_ptr + 1;
    return ();
}

func pedersen{pedersen_ptr: HashBuiltin*}(x, y) -> felt {
    assert pedersen_ptr.x = x;
    assert pedersen_ptr.y = y;
    let result = pedersen_ptr.result;
    let pedersen_ptr = pedersen_ptr + HashBuiltin.SIZE;
    return result;
}

func range_check{range_check_ptr}(x) {
    assert [range_check_ptr] = x;
    let range_check_ptr = range_check_ptr + 1;
    return ();
}

func range_check96{range_check96_ptr: felt*}(x) {
    assert [range_check96_ptr] = x;
    let range_check96_ptr = range_check96_ptr + 1;
    return ();
}

func bitwise{bitwise_ptr: BitwiseBuiltin*}(x, y) -> (x_and_y: felt, x_xor_y: felt, x_or_y: felt) {
    assert bitwise_ptr.x = x;
    assert bitwise_ptr.y = y;
    let x_and_y = bitwise_ptr.x_and_y;
    let x_xor_y = bitwise_ptr.x_xor_y;
    let x_or_y = bitwise_ptr.x_or_y;
    let bitwise_ptr = bitwise_ptr + BitwiseBuiltin.SIZE;
    return (x_and_y, x_xor_y, x_or_y);
}

// Returns p + m * q.
func ec_op{ec_op_ptr: EcOpBuiltin*}(p: EcPoint, m, q: EcPoint) -> EcPoint {
    assert ec_op_ptr.p = p;
    assert ec_op_ptr.q = q;
    assert ec_op_ptr.m = m;
    let r = ec_op_ptr.r;
    let ec_op_ptr = ec_op_ptr + EcOpBuiltin.SIZE;
    return r;
}

func poseidon{poseidon_ptr: PoseidonBuiltin*}(a, b, c) -> PoseidonBuiltinState {
    assert poseidon_ptr.input = PoseidonBuiltinState(a, b, c);
    let result = poseidon_ptr.output;
    let poseidon_ptr = poseidon_ptr + PoseidonBuiltin.SIZE;
    return result;
}

// Returns x + y and x * y modulo p. The four numbers stand in the segment of range_check96.
func mod_add_mul{range_check96_ptr: felt*, add_mod_ptr: ModBuiltin*, mul_mod_ptr: ModBuiltin*}(
    p: UInt384, x: UInt384, y: UInt384
) -> (sum: UInt384*, product: UInt384*) {
    let values = cast(range_check96_ptr, UInt384*);
    let range_check96_ptr = range_check96_ptr + 4 * UInt384.SIZE;
    assert values[0] = x;
    assert values[1] = y;
    let (add_offsets) = get_label_location(add_offsets_data);
    let (mul_offsets) = get_label_location(mul_offsets_data);
    run_mod_p_circuit(
        p=p,
        values_ptr=values,
        add_mod_offsets_ptr=add_offsets,
        add_mod_n=1,
        mul_mod_offsets_ptr=mul_offsets,
        mul_mod_n=1,
    );
    return (&values[2], &values[3]);

    add_offsets_data:
    dw 0;
    dw 4;
    dw 8;

    mul_offsets_data:
    dw 0;
    dw 4;
    dw 12;
}
