// Blake2s of messages of 0, 1, 3, 64, 65 and 128 bytes, by the opcode. Outputs the words of each hash.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.alloc import alloc
from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.memcpy import memcpy
from starkware.cairo.common.registers import get_label_location

// The opcode, as instruction words: offsets of dst, op0, op1 plus 2^15, flags from bit 48, the extension from bit 63.
const DST = 2 ** 0;
const OP0 = 2 ** 16;
const OP1 = 2 ** 32;
const BIAS = 2 ** 15 * (DST + OP0 + OP1);
const DST_FP = 2 ** 48;
const OP0_FP = 2 ** 49;
const OP1_FP = 2 ** 51;
const OP1_AP = 2 ** 52;
const AP_ADD_1 = 2 ** 59;
const BLAKE = 2 ** 63;
const BLAKE_LAST = 2 ** 64;

// Compresses a block that is not the last one. t is the number of bytes until its end.
func compress(t, state: felt*, message: felt*, out: felt*) {
    [ap] = [fp - 3];
    dw BLAKE + BIAS - 6 * DST - 5 * OP0 - 4 * OP1 + DST_FP + OP0_FP + OP1_FP;
    ap += 1;
    return ();
}

// Compresses the last block. Its operands are at ap, and the instruction increases ap. The compiler does not see that, nor the ap += -1.
func compress_last(t, state: felt*, message: felt*, out: felt*) {
    [ap] = [fp - 5], ap++;
    [ap] = [fp - 4], ap++;
    [ap] = [fp - 6], ap++;
    [ap] = [fp - 3];
    dw BLAKE_LAST + BIAS - DST - 3 * OP0 - 2 * OP1 + OP1_AP + AP_ADD_1;
    dw 0x40780017fff7fff;
    dw -1;
    ap += 1;
    return ();
}

func initial_state() -> felt* {
    let (state) = get_label_location(data);
    return state;

    // The initial value of Blake2s, whose word 0 is xored with the parameters of a hash of 32 bytes without a key, 0x01010020.
    data:
    dw 0x6b08e647;
    dw 0xbb67ae85;
    dw 0x3c6ef372;
    dw 0xa54ff53a;
    dw 0x510e527f;
    dw 0x9b05688c;
    dw 0x1f83d9ab;
    dw 0x5be0cd19;
}

func output_state{output_ptr: felt*}(state: felt*) {
    memcpy(output_ptr, state, 8);
    let output_ptr = output_ptr + 8;
    return ();
}

// Writes n zeros.
func zeros(to: felt*, n) {
    if (n == 0) {
        return ();
    }
    assert [to] = 0;
    return zeros(to + 1, n - 1);
}

// Hashes a message of at most 4 bytes.
func short{output_ptr: felt*}(bytes, length) {
    alloc_locals;
    let (local message: felt*) = alloc();
    let (local out: felt*) = alloc();
    assert message[0] = bytes;
    zeros(message + 1, 15);
    let state = initial_state();
    compress_last(length, state, message, out);
    output_state(out);
    return ();
}

// Writes the words of a message whose byte i is i, from word k to the end of its block.
func count_up(to: felt*, k, n) {
    if (n == 0) {
        return ();
    }
    assert [to] = 0x03020100 + 0x04040404 * k;
    return count_up(to + 1, k + 1, n - 1);
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
    short(0, 0);
    short(0x61, 1);
    short(0x636261, 3);

    let (local block: felt*) = alloc();
    count_up(block, 0, 16);
    let (local of_64: felt*) = alloc();
    let state = initial_state();
    compress_last(64, state, block, of_64);
    output_state(of_64);

    let (local after: felt*) = alloc();
    let state = initial_state();
    compress(64, state, block, after);
    let (local rest: felt*) = alloc();
    assert [rest] = 0x40;
    zeros(rest + 1, 15);
    let (local of_65: felt*) = alloc();
    compress_last(65, after, rest, of_65);
    output_state(of_65);

    let (local block2: felt*) = alloc();
    count_up(block2, 16, 16);
    let (local of_128: felt*) = alloc();
    compress_last(128, after, block2, of_128);
    output_state(of_128);
    return ();
}
