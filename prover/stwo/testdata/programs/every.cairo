// Uses each builtin the same number of times.

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
    UInt384,
)
from starkware.cairo.common.ec_point import EcPoint

from builtins import bitwise, ec_op, mod_add_mul, output, pedersen, poseidon, range_check, range_check96

// The generator of the curve, and a point whose logarithm nobody knows: Pedersen's first two constants.
const GX = 874739451078007766457464989774322083649278607533249481151382481072868806602;
const GY = 152666792071518830868575557812948353041420400780739481342941381225525861407;
const SX = 2089986280348253421170679821480865132823066470938446095505822317253594081284;
const SY = 1713931329540660377023406109199410414810705867260802078187082345529207694986;

// Uses each builtin n times, each time on results of the time before. mod_add_mul takes 16 instances of range_check96, which is why
// range_check96 is used 17 * n times.
func use_every{
    pedersen_ptr: HashBuiltin*,
    range_check_ptr,
    bitwise_ptr: BitwiseBuiltin*,
    ec_op_ptr: EcOpBuiltin*,
    poseidon_ptr: PoseidonBuiltin*,
    range_check96_ptr: felt*,
    add_mod_ptr: ModBuiltin*,
    mul_mod_ptr: ModBuiltin*,
}(x, n) -> felt {
    alloc_locals;
    if (n == 0) {
        return x;
    }
    let h = pedersen(x, n);
    let s = poseidon(h, x, n);
    let (x_and_y, x_xor_y, x_or_y) = bitwise(s.s0, h);
    range_check(n + 2 ** 127);
    range_check96(n * 2 ** 88);
    let r = ec_op(EcPoint(SX, SY), x_xor_y, EcPoint(GX, GY));
    let (sum, product) = mod_add_mul(
        UInt384(2 ** 96 - 317, 2 ** 96 - 1, 2 ** 96 - 1, 2 ** 96 - 1), UInt384(n, 1, 2, 2 ** 95), UInt384(7, n, n, 2 ** 95 + n)
    );
    return use_every(x_and_y + x_or_y + r.x + sum.d3 + product.d0, n - 1);
}
