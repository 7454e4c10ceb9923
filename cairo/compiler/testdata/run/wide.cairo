//! case u256_arithmetic
#[inline(never)]
fn f(a: u256, b: u256) -> (u256, u256, u256) {
    (a + b, a * 3, if a >= b { a - b } else { b - a })
}

fn main() -> ((u256, u256, u256), (u256, u256, u256)) {
    (f(0x100000000000000000000000000000001, 0xffffffffffffffffffffffffffffffff), f(0, 1))
}

//! case u256_div_rem
#[inline(never)]
fn f(a: u256, b: u256) -> (u256, u256) {
    DivRem::div_rem(a, b.try_into().unwrap())
}

type R = (u256, u256);

fn main() -> (R, R, R, R) {
    let max = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff_u256;
    (f(max, 3), f(max, 0x100000000000000000000000000000000), f(5, max), f(max, max - 1))
}

//! case u256_div_by_zero
#[inline(never)]
fn f(a: u256, b: u256) -> u256 {
    a / b
}

fn main() -> u256 {
    f(10, 3) + f(1, 0)
}

//! case u256_overflow for add sub mul
use core::num::traits::{OverflowingAdd, OverflowingMul, OverflowingSub};

#[inline(never)]
fn f(a: u256, b: u256) -> (u256, bool) {
    a.overflowing_{T}(b)
}

fn main() -> ((u256, bool), (u256, bool), (u256, bool)) {
    let max = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff_u256;
    (f(max, 2), f(2, max), f(100, 7))
}

//! case u256_panics for + - *
#[inline(never)]
fn f(a: u256, b: u256) -> u256 {
    a {T} b
}

fn main() -> u256 {
    let max = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff_u256;
    f(9, 3) + f(2, max)
}

//! case u256_sqrt
use core::num::traits::Sqrt;

#[inline(never)]
fn f(a: u256) -> u128 {
    a.sqrt()
}

fn main() -> (u128, u128, u128, u128) {
    (f(0), f(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff), f(1000000), f(0x100000000000000000000000000000000))
}

//! case u256_zero
use core::num::traits::Zero;

#[inline(never)]
fn f(a: u256) -> (bool, bool) {
    let n: Option<NonZero<u256>> = a.try_into();
    (a.is_zero(), n.is_some())
}

fn main() -> ((bool, bool), (bool, bool), (bool, bool)) {
    (f(0), f(1), f(0x100000000000000000000000000000000))
}

//! case u256_compare
#[inline(never)]
fn f(a: u256, b: u256) -> (bool, bool, bool) {
    (a == b, a < b, a >= b)
}

fn main() -> ((bool, bool, bool), (bool, bool, bool), (bool, bool, bool)) {
    let p = 0x100000000000000000000000000000000;
    (f(p, p), f(p - 1, p), f(p + 1, p))
}

//! case u256_bitwise
#[inline(never)]
fn f(a: u256, b: u256) -> (u256, u256, u256, u256) {
    (a & b, a | b, a ^ b, ~a)
}

fn main() -> (u256, u256, u256, u256) {
    f(0x1234567890abcdef1234567890abcdef1234567890abcdef, 0xff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
}

//! case u256_inv_mod
use core::math::u256_inv_mod;

#[inline(never)]
fn f(a: u256, n: u256) -> u256 {
    match u256_inv_mod(a, n.try_into().unwrap()) {
        Some(v) => v.into(),
        None => 'none',
    }
}

fn main() -> (u256, u256, u256, u256, u256) {
    let n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    (f(3, 7), f(2, 4), f(5, 1), f(0, 9), f(12345678901234567890, n))
}

//! case u256_mul_div_mod
use core::math::{u256_div_mod_n, u256_mul_mod_n};

#[inline(never)]
fn f(a: u256, b: u256, n: u256) -> (u256, Option<u256>) {
    let n: NonZero<u256> = n.try_into().unwrap();
    (u256_mul_mod_n(a, b, n), u256_div_mod_n(a, b, n))
}

type R = (u256, Option<u256>);

fn main() -> (R, R) {
    let n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    (f(n - 1, n - 2, n), f(4, 2, 6))
}

//! case u512_divmod
use core::integer::{u512, u512_safe_div_rem_by_u256};

#[inline(never)]
fn f(a: u512, b: u256) -> (u512, u256) {
    u512_safe_div_rem_by_u256(a, b.try_into().unwrap())
}

type R = (u512, u256);

fn main() -> (R, R, R, R) {
    let m = 0xffffffffffffffffffffffffffffffff;
    let all = u512 { limb0: m, limb1: m, limb2: m, limb3: m };
    (
        f(all, 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff), f(all, 3),
        f(u512 { limb0: 5, limb1: 0, limb2: 1, limb3: 0 }, 0x100000000000000000000000000000000),
        f(u512 { limb0: 5, limb1: 0, limb2: 0, limb3: 0 }, 6),
    )
}

//! case u256_wide_mul
use core::integer::u512;
use core::num::traits::{WideMul, WideSquare};

#[inline(never)]
fn f(a: u256, b: u256) -> (u512, u512) {
    (a.wide_mul(b), a.wide_square())
}

fn main() -> (u512, u512) {
    f(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff, 0xfffffffffffffffffffffffffffffff1)
}

//! case u256_to_small
#[inline(never)]
fn f(a: u256) -> (Option<u8>, Option<u128>, Option<felt252>) {
    (a.try_into(), a.try_into(), a.try_into())
}

type R = (Option<u8>, Option<u128>, Option<felt252>);

fn main() -> (R, R, R, R) {
    (
        f(255), f(256), f(0x100000000000000000000000000000000),
        f(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff),
    )
}
