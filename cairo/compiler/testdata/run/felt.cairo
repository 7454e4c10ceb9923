//! case felt_arithmetic
#[inline(never)]
fn f(a: felt252, b: felt252) -> (felt252, felt252, felt252, felt252) {
    (a + b, a - b, a * b, -a)
}

type R = (felt252, felt252, felt252, felt252);

fn main() -> (R, R, R) {
    (f(-1, 1), f(0x800000000000011000000000000000000000000000000000000000000000000, 2), f(123456789, 987654321))
}

//! case felt_div
#[inline(never)]
fn f(a: felt252, b: felt252) -> felt252 {
    match b.try_into() {
        Some(n) => core::felt252_div(a, n),
        None => 'zero',
    }
}

fn main() -> (felt252, felt252, felt252, felt252) {
    (f(10, 5), f(1, 3), f(0, 7), f(7, 0))
}

//! case felt_constants
#[inline(never)]
fn f(a: felt252) -> (felt252, felt252, felt252) {
    (a + 0x7fffffffffffffffffffffffffffffffffffffffffffffffffff, a - 1000, a * 0x123456789abcdef0123456789abcdef)
}

fn main() -> ((felt252, felt252, felt252), (felt252, felt252, felt252)) {
    (f(0), f(-1))
}

//! case felt_const_operands
extern fn felt252_add_const<const C: felt252>(a: felt252) -> felt252 nopanic;
extern fn felt252_sub_const<const C: felt252>(a: felt252) -> felt252 nopanic;
extern fn felt252_mul_const<const C: felt252>(a: felt252) -> felt252 nopanic;
extern fn felt252_div_const<const C: felt252>(a: felt252) -> felt252 nopanic;

#[inline(never)]
fn f(a: felt252) -> (felt252, felt252, felt252, felt252) {
    (felt252_add_const::<7>(a), felt252_sub_const::<7>(a), felt252_mul_const::<7>(a), felt252_div_const::<7>(a))
}

fn main() -> ((felt252, felt252, felt252, felt252), (felt252, felt252, felt252, felt252)) {
    (f(0), f(49))
}

//! case felt_is_zero
#[inline(never)]
fn f(a: felt252, b: felt252) -> (bool, bool, felt252) {
    let v = match a {
        0 => 'zero',
        1 => 'one',
        2 => 'two',
        _ => a - b,
    };
    (a == b, a != b, v)
}

type R = (bool, bool, felt252);

fn main() -> (R, R, R, R) {
    (f(0, 0), f(1, 0), f(2, 2), f(5, 6))
}

//! case bool_operations
#[inline(never)]
fn f(a: bool, b: bool) -> (bool, bool, bool, bool, bool, felt252) {
    (a & b, a | b, a ^ b, !a, a == b, a.into())
}

type R = (bool, bool, bool, bool, bool, felt252);

fn main() -> (R, R, R, R) {
    (f(false, false), f(false, true), f(true, false), f(true, true))
}

//! case bool_lazy
#[inline(never)]
fn f(a: felt252, b: felt252) -> bool {
    (a == 0 && b == 1) || (a != 0 && b != 1 && a + b != 7)
}

fn main() -> (bool, bool, bool, bool) {
    (f(0, 1), f(0, 2), f(3, 4), f(3, 5))
}

//! case pedersen
#[inline(never)]
fn f(a: felt252, b: felt252) -> felt252 {
    core::pedersen::pedersen(a, b)
}

fn main() -> (felt252, felt252, felt252, felt252) {
    (f(0, 0), f(1, 2), f(-1, -1), f(0x49ee3eba8c1600700ee1b87eb599f16716b0b1022947733551fde4050ca6804, 3))
}

//! case pedersen_of_array
use core::hash::{HashStateExTrait, HashStateTrait};
use core::pedersen::PedersenTrait;

#[inline(never)]
fn f(xs: Span<felt252>) -> felt252 {
    let mut s = PedersenTrait::new(0);
    for x in xs {
        s = s.update(*x);
    }
    s.update_with((xs.len(), true)).finalize()
}

fn main() -> (felt252, felt252) {
    (f([].span()), f([1, 2, 3].span()))
}

//! case hades
#[inline(never)]
fn f(a: felt252, b: felt252, c: felt252) -> (felt252, felt252, felt252) {
    core::poseidon::hades_permutation(a, b, c)
}

fn main() -> ((felt252, felt252, felt252), (felt252, felt252, felt252)) {
    (f(0, 0, 0), f(1, 2, -3))
}

//! case poseidon_span
use core::poseidon::poseidon_hash_span;

#[inline(never)]
fn f(xs: Span<felt252>) -> felt252 {
    poseidon_hash_span(xs)
}

fn main() -> (felt252, felt252, felt252, felt252) {
    (f([].span()), f([1].span()), f([1, 2].span()), f([1, 2, 3, 4, 5].span()))
}

//! case poseidon_struct
use core::hash::{HashStateExTrait, HashStateTrait};
use core::poseidon::PoseidonTrait;

#[derive(Drop, Hash)]
struct S {
    a: u8,
    b: (felt252, u256),
    c: (i16, bool),
}

#[inline(never)]
fn f(a: u8, c: (i16, bool)) -> felt252 {
    PoseidonTrait::new().update_with(S { a, b: (a.into(), 5), c }).finalize()
}

fn main() -> (felt252, felt252) {
    (f(1, (5, true)), f(2, (-3, false)))
}

//! case typed_constants
extern fn felt252_const<const value: felt252>() -> felt252 nopanic;
extern fn u8_const<const value: u8>() -> u8 nopanic;
extern fn u16_const<const value: u16>() -> u16 nopanic;
extern fn u32_const<const value: u32>() -> u32 nopanic;
extern fn u64_const<const value: u64>() -> u64 nopanic;
extern fn u128_const<const value: u128>() -> u128 nopanic;
extern fn i8_const<const value: i8>() -> i8 nopanic;
extern fn i16_const<const value: i16>() -> i16 nopanic;
extern fn i32_const<const value: i32>() -> i32 nopanic;
extern fn i64_const<const value: i64>() -> i64 nopanic;
extern fn i128_const<const value: i128>() -> i128 nopanic;

#[inline(never)]
fn f() -> (felt252, u8, u16, u32, u64, u128, i8, i16, i32, i64, i128) {
    (
        felt252_const::<-1>(), u8_const::<255>(), u16_const::<0xffff>(), u32_const::<0>(), u64_const::<7>(),
        u128_const::<0xffffffffffffffffffffffffffffffff>(), i8_const::<-128>(), i16_const::<127>(), i32_const::<-1>(),
        i64_const::<-5>(), i128_const::<-0x80000000000000000000000000000000>(),
    )
}

fn main() -> (felt252, u8, u16, u32, u64, u128, i8, i16, i32, i64, i128) {
    f()
}
