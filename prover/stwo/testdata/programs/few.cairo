// A program of three builtins, one of which it does not use. There are no instances of it, and none of the builtins that are left out.

%builtins output range_check bitwise

from starkware.cairo.common.cairo_builtins import BitwiseBuiltin

from builtins import output, range_check

func main{output_ptr: felt*, range_check_ptr, bitwise_ptr: BitwiseBuiltin*}() {
    range_check(0);
    range_check(2 ** 128 - 1);
    output(3);
    return ();
}
