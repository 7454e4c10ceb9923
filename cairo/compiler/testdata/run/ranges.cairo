//! case range_{T} for u8 u64 u128 i16 i128
#[inline(never)]
fn f(a: {T}, b: {T}) -> (felt252, u32) {
    let mut sum = 0;
    let mut n = 0;
    for i in a..b {
        sum = sum * 3 + i.into();
        n += 1;
    }
    (sum, n)
}

type R = (felt252, u32);

fn main() -> (R, R, R, R) {
    (f(0, 10), f(5, 5), f(9, 3), f(120, 127))
}

//! case range_negative
use core::ops::RangeTrait;

#[inline(never)]
fn f(a: i8, b: i8) -> (felt252, bool) {
    let mut sum = 0;
    for i in a..b {
        sum = sum * 7 + i.into();
    }
    (sum, (a..b).contains(@0))
}

fn main() -> ((felt252, bool), (felt252, bool), (felt252, bool)) {
    (f(-128, -120), f(-3, 4), f(127, -128))
}
