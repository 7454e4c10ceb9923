//! case panic_felt
#[inline(never)]
fn f(a: felt252) -> felt252 {
    if a == 1 {
        core::panic_with_felt252('one')
    }
    a
}

fn main() -> felt252 {
    f(0) + f(1)
}

//! case panic_data
#[inline(never)]
fn f(n: u32) -> felt252 {
    let mut data = array![];
    for i in 0..n {
        data.append(i.into() * 1000000);
    }
    panic(data)
}

fn main() -> felt252 {
    f(5)
}

//! case panic_empty
#[inline(never)]
fn f(n: felt252) -> felt252 {
    if n == 5 {
        panic(array![])
    }
    n
}

fn main() -> felt252 {
    f(4) + f(5)
}

//! case panic_message
#[inline(never)]
fn f(n: u64) -> u64 {
    assert!(n != 7, "the number {n} is not wanted, it is longer than a word");
    n
}

fn main() -> u64 {
    f(6) + f(7)
}

//! case assert_short
#[inline(never)]
fn f(n: u64) -> u64 {
    assert(n != 7, 'not 7');
    n
}

fn main() -> u64 {
    f(6) + f(7)
}

//! case panic_through_levels
#[inline(never)]
fn h(n: i32) -> i32 {
    if n < 0 {
        panic!("negative");
    }
    n + 1
}

#[inline(never)]
fn f(n: i32) -> i32 {
    h(n - 5) * 2
}

fn main() -> i32 {
    f(9) + f(4)
}

//! case unwrap_err
#[inline(never)]
fn f(r: Result<u8, felt252>) -> felt252 {
    r.unwrap_err()
}

fn main() -> felt252 {
    f(Err('expected')) + f(Ok(6))
}

//! case unsafe_panic_not_reached
extern fn unsafe_panic() -> core::never nopanic;

#[inline(never)]
fn f(n: felt252) -> felt252 {
    if n == 5 {
        unsafe_panic()
    }
    n * 2
}

fn main() -> felt252 {
    f(4)
}

//! case no_result
#[inline(never)]
fn f(n: felt252) {
    assert(n != 0, 'zero');
}

fn main() {
    f(1);
    f(2)
}
