%builtins output pedersen range_check ecdsa

from starkware.cairo.common.cairo_builtins import HashBuiltin, SignatureBuiltin
from starkware.cairo.common.hash_chain import hash_chain
from starkware.cairo.common.registers import get_label_location
from starkware.cairo.common.signature import verify_ecdsa_signature

// Uses every builtin of the layout small.
func main{output_ptr: felt*, pedersen_ptr: HashBuiltin*, range_check_ptr, ecdsa_ptr: SignatureBuiltin*}() {
    alloc_locals;
    let (local numbers) = get_label_location(data);
    let (local chain) = hash_chain{hash_ptr=pedersen_ptr}(numbers);
    // Parts near 2^15, like offsets, so that there are few values between them: the trace is short.
    assert [range_check_ptr] = 0x80008001800280037fff7ffe7ffd8000;
    let range_check_ptr = range_check_ptr + 1;
    verify_ecdsa_signature(
        message=2718, public_key=0x2abbefdcbf731195ee2acd186441eb536e86f888327b3655cffbd07b57dbf26,
        signature_r=0x34c4cc101863570e01b83319a843cc48335aaf8b5b066ae5fce8b630d5ef98f,
        signature_s=0x66333fcf29517d0d55c8b0da1069005db32dc8109959330e783296f8aebc651,
    );
    assert output_ptr[0] = chain;
    let output_ptr = output_ptr + 1;
    return ();

    data:
    dw 3;
    dw 1;
    dw -1;
    dw 2 ** 250;
}
