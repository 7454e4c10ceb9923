// ec_op with multipliers at borders: 0, 1, around the limbs of 27 bits, of 251 bits, P - 1, and bits 0 and 1 in turn.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.ec_point import EcPoint
from starkware.cairo.common.registers import get_label_location

from builtins import ec_op, output
from every import GX, GY, SX, SY

// Adds m * G to a point for each multiplier m.
func add_all{ec_op_ptr: EcOpBuiltin*}(p: EcPoint, m: felt*, n) -> EcPoint {
    if (n == 0) {
        return p;
    }
    let r = ec_op(p, [m], EcPoint(GX, GY));
    return add_all(r, m + 1, n - 1);
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
    let (multipliers) = get_label_location(data);
    let r = add_all(EcPoint(SX, SY), multipliers, 9);
    output(r.x);
    output(r.y);
    // The same multiplier on another point, and a negative point.
    let s = ec_op(EcPoint(GX, GY), 3, EcPoint(SX, -SY));
    output(s.x);
    output(s.y);
    return ();

    data:
    dw 0;
    dw 1;
    dw 2;
    dw 2 ** 27 - 1;
    dw 2 ** 27;
    dw 2 ** 250;
    dw 2 ** 251 - 1;
    dw -1;
    dw 1206167596222043737899107594365023368541035738443865566657697352045290673493;
}
