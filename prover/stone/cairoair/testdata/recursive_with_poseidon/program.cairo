%builtins output pedersen range_check bitwise poseidon

from starkware.cairo.common.bitwise import bitwise_operations
from starkware.cairo.common.builtin_poseidon.poseidon import poseidon_hash, poseidon_hash_many
from starkware.cairo.common.cairo_builtins import BitwiseBuiltin, HashBuiltin, PoseidonBuiltin
from starkware.cairo.common.hash import hash2

// Uses every builtin of the layout recursive_with_poseidon once or twice, and then idles.
func main{
    output_ptr: felt*, pedersen_ptr: HashBuiltin*, range_check_ptr,
    bitwise_ptr: BitwiseBuiltin*, poseidon_ptr: PoseidonBuiltin*,
}() {
    alloc_locals;
    // The input p - 1, whose three high ones make the other bits zero.
    let (local h) = hash2{hash_ptr=pedersen_ptr}(-1, 0x800000000000010ffffffffffffffffffffffffffffffffffffffffffffff);
    let (local h) = hash2{hash_ptr=pedersen_ptr}(h, 2);
    // Parts near 2^15, like offsets, so that there are few values between them.
    assert [range_check_ptr] = 0x80008001800280037fff7ffe7ffd8000;
    let range_check_ptr = range_check_ptr + 1;
    let (local x_and_y, x_xor_y, x_or_y) = bitwise_operations(0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff, 0x123456789abcdef123456789abcdef123456789abcdef123456789abcdef12);
    let (local ph) = poseidon_hash(h, -1);
    assert output_ptr[0] = h;
    assert output_ptr[1] = x_and_y + x_xor_y + x_or_y;
    assert output_ptr[2] = x_and_y;
    assert output_ptr[3] = x_or_y;
    assert output_ptr[4] = ph;
    let output_ptr = output_ptr + 5;
    return ();
}
