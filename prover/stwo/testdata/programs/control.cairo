// Jumps, calls and changes of ap whose target is in memory, some of which only the generic opcode does.

%builtins output pedersen range_check ecdsa bitwise ec_op keccak poseidon range_check96 add_mod mul_mod

from starkware.cairo.common.cairo_builtins import (
    BitwiseBuiltin,
    EcOpBuiltin,
    HashBuiltin,
    ModBuiltin,
    PoseidonBuiltin,
)
from starkware.cairo.common.registers import get_fp_and_pc, get_label_location

from builtins import output

func square(x) -> felt {
    return x * x;
}

// Returns the square of x, by the address of the function.
func call_absolute(f: felt*, x) -> felt {
    [ap] = [fp - 3], ap++;
    call abs [fp - 4];
    ret;
}

// Returns the square of x, by the distance of the function from the call.
func call_relative(x) -> felt {
    alloc_locals;
    let (local here) = get_label_location(at);
    let (local there) = get_label_location(square);
    [ap] = there - here, ap++;
    [ap] = [fp - 3], ap++;

    at:
    call rel [ap - 2];
    ret;
}

// Jumps over an instruction by a distance, then to middle by its address, then to the address at target.
func jumps(target: felt*) -> felt {
    alloc_locals;
    let (local address) = get_label_location(middle);
    [ap] = 2, ap++;
    jmp rel [ap - 1];
    ret;
    jmp abs [fp];

    middle:
    [ap] = [fp - 3], ap++;
    jmp abs [[ap - 1]];
}

func landing() -> felt {
    [ap] = 99, ap++;
    ret;
}

// Counts to n with a jump back. The counter is negative, and its jump increases ap.
func count(n) -> felt {
    [ap] = -5, ap++;

    loop:
    [ap] = [ap - 1] + 1, ap++;
    jmp loop if [ap - 1] != 0;
    [ap] = [fp - 3], ap++;
    ret;
}

// Moves ap by a number in memory, by a sum, and by a product.
func move(n) -> felt {
    ap += [fp - 3];
    ap += [fp - 3] + 2;
    ap += [fp - 3] * [fp - 3];
    [ap] = 8, ap++;
    ap += [ap - 1];
    [ap] = 77, ap++;
    ret;
}

// Returns (p[-1] + p[2]) * p[2].
func through(p: felt*) -> felt {
    [ap] = [[fp - 3] - 1], ap++;
    [ap] = [[fp - 3] + 2], ap++;
    [ap] = [ap - 1] + [ap - 2], ap++;
    [ap] = [ap - 1] * [ap - 2], ap++;
    ret;
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
    let (local f) = get_label_location(square);
    let x = call_absolute(f, 11);
    output(x);
    let y = call_relative(-2 ** 40);
    output(y);
    let (local address) = get_label_location(landing);
    let (__fp__, _) = get_fp_and_pc();
    let j = jumps(&address);
    output(j);
    let z = count(3);
    output(z);
    let w = move(6);
    output(w);
    let (local numbers) = get_label_location(data);
    let v = through(numbers + 1);
    output(v);
    return ();

    data:
    dw 3;
    dw 5;
    dw 7;
    dw -11;
}
