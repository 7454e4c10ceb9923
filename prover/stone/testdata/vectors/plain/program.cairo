// Calls, recursion, jumps that are taken and not taken, products and differences of large numbers. Has no builtins.

const LARGE = 2 ** 200 + 7;

// The number of steps from n to 1 in a Collatz sequence, in which odd_by_hint says which numbers are odd.
func collatz(n, length) -> felt {
    if (n == 1) {
        return length;
    }
    let odd = odd_by_hint(n);
    return collatz(odd * (3 * n + 1) + (1 - odd) * (n / 2), length + 1);
}

// 1 if n is odd, else 0. The prover says so: the program does not check it.
func odd_by_hint(n) -> felt {
    return nondet %{ ids.n % 2 %};
}

func power(base, exponent) -> felt {
    if (exponent == 0) {
        return 1;
    }
    let rest = power(base, exponent - 1);
    return base * rest;
}

func main() {
    alloc_locals;
    let length = collatz(3, 0);
    assert length = 7;
    let p = power(-LARGE, 5);
    let q = power(LARGE, 5);
    assert p + q = 0;
    tempvar x = p / LARGE;
    jmp skip if x != 0;
    assert 1 = 2;

    skip:
    assert x * LARGE = p;
    return ();
}
