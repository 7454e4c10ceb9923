%builtins output pedersen range_check ecdsa bitwise ec_op poseidon

from starkware.cairo.common.bitwise import bitwise_operations
from starkware.cairo.common.builtin_poseidon.poseidon import poseidon_hash, poseidon_hash_many
from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin, EcOpBuiltin, HashBuiltin, PoseidonBuiltin, SignatureBuiltin,
)
from starkware.cairo.common.ec import ec_op
from starkware.cairo.common.ec_point import EcPoint
from starkware.cairo.common.hash import hash2
from starkware.cairo.common.math import assert_nn_le
from starkware.cairo.common.signature import verify_ecdsa_signature

// Uses every builtin of the layout starknet once or twice, and then idles.
func main{
    output_ptr: felt*, pedersen_ptr: HashBuiltin*, range_check_ptr, ecdsa_ptr: SignatureBuiltin*,
    bitwise_ptr: BitwiseBuiltin*, ec_op_ptr: EcOpBuiltin*, poseidon_ptr: PoseidonBuiltin*,
}() {
    alloc_locals;
    // The input p - 1, whose three high ones make the other bits zero.
    let (local h) = hash2{hash_ptr=pedersen_ptr}(-1, 0x800000000000010ffffffffffffffffffffffffffffffffffffffffffffff);
    let (local h) = hash2{hash_ptr=pedersen_ptr}(h, 2);
    assert_nn_le(5, 0xffffffffffffffff);
    let (local x_and_y, x_xor_y, x_or_y) = bitwise_operations(0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff, 0x123456789abcdef123456789abcdef123456789abcdef123456789abcdef12);
    verify_ecdsa_signature(
        message=2718, public_key=0x2abbefdcbf731195ee2acd186441eb536e86f888327b3655cffbd07b57dbf26,
        signature_r=0x34c4cc101863570e01b83319a843cc48335aaf8b5b066ae5fce8b630d5ef98f,
        signature_s=0x66333fcf29517d0d55c8b0da1069005db32dc8109959330e783296f8aebc651,
    );
    let p = EcPoint(
        0x6a4beaef5a93425b973179cdba0c9d42f30e01a5f1e2db73da0884b8d6756fc,
        0x72565ec81bc09ff53fbfad99324a92aa5b39fb58267e395e8abe36290ebf24f,
    );
    let q = EcPoint(
        0x654fd7e67a123dd13868093b3b7777f1ffef596c2e324f25ceaf9146698482c,
        0x4fad269cbf860980e38768fe9cb6b0b9ab03ee3fe84cfde2eccce597c874fd8,
    );
    let (local r) = ec_op(p, -5, q);
    let (local s) = ec_op(r, 0, q);
    let (local ph) = poseidon_hash(h, -1);
    assert output_ptr[0] = h;
    assert output_ptr[1] = x_and_y + x_xor_y + x_or_y;
    assert output_ptr[2] = r.x;
    assert output_ptr[3] = s.y;
    assert output_ptr[4] = ph;
    let output_ptr = output_ptr + 5;
    return ();
}
