// Main takes pointers that it does not use: of builtins that are proved, and of two that are not. The segments of pedersen and range_check
// would begin where that of poseidon does.

%builtins output ecdsa keccak poseidon

from starkware.cairo.common.cairo_builtins import PoseidonBuiltin

from builtins import output

func main{output_ptr: felt*, ecdsa_ptr, keccak_ptr, poseidon_ptr: PoseidonBuiltin*}() {
    output(ecdsa_ptr);
    output(keccak_ptr);
    return ();
}
