//! case {T}_overflowing for u8 u16 u32 u64 u128
use core::num::traits::{Bounded, OverflowingAdd, OverflowingMul, OverflowingSub};

#[inline(never)]
fn f(a: {T}, b: {T}) -> ({T}, bool, {T}, bool, {T}, bool) {
    let (s, so) = a.overflowing_add(b);
    let (d, do_) = a.overflowing_sub(b);
    let (p, po) = a.overflowing_mul(b);
    (s, so, d, do_, p, po)
}

type R = ({T}, bool, {T}, bool, {T}, bool);

fn main() -> (R, R, R, R) {
    let max = Bounded::<{T}>::MAX;
    (f(max, 1), f(0, max), f(7, 5), f(max, max))
}

//! case {T}_checked for u8 u128
use core::num::traits::{Bounded, CheckedAdd, CheckedMul, CheckedSub, SaturatingAdd, SaturatingSub, WrappingAdd, WrappingSub};

#[inline(never)]
fn f(a: {T}, b: {T}) -> (Option<{T}>, Option<{T}>, Option<{T}>, {T}, {T}, {T}, {T}) {
    (
        a.checked_add(b), a.checked_sub(b), a.checked_mul(b), a.saturating_add(b), a.saturating_sub(b),
        a.wrapping_add(b), a.wrapping_sub(b),
    )
}

type R = (Option<{T}>, Option<{T}>, Option<{T}>, {T}, {T}, {T}, {T});

fn main() -> (R, R, R) {
    let max = Bounded::<{T}>::MAX;
    (f(max, 2), f(3, 4), f(max, 0))
}

//! case {T}_wide_mul for u8 u16 u32 u64 u128
use core::num::traits::{Bounded, WideMul};

#[inline(never)]
fn f(a: {T}, b: {T}) -> felt252 {
    let w = a.wide_mul(b);
    w.try_into().unwrap_or('too large')
}

fn main() -> (felt252, felt252, felt252) {
    let max = Bounded::<{T}>::MAX;
    (f(max, max), f(0, max), f(11, 23))
}

//! case {T}_div_rem for u8 u16 u32 u64 u128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> ({T}, {T}) {
    match b.try_into() {
        Some(n) => DivRem::div_rem(a, n),
        None => (a, 0),
    }
}

type R = ({T}, {T});

fn main() -> (R, R, R, R, R) {
    let max = Bounded::<{T}>::MAX;
    (f(max, 7), f(6, 7), f(max, max), f(9, 0), f(max, 1))
}

//! case {T}_division_by_zero for u8 u128
#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a / b + a % b
}

fn main() -> {T} {
    f(100, 9) + f(5, 0)
}

//! case {T}_add_overflow for u16
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a + b
}

fn main() -> {T} {
    f(3, 4) + f(Bounded::<{T}>::MAX, 1)
}

//! case {T}_sub_overflow for u32
#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a - b
}

fn main() -> {T} {
    f(4, 4) + f(0, 1)
}

//! case {T}_mul_overflow for u64 u128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a * b
}

fn main() -> {T} {
    f(4, 4) + f(Bounded::<{T}>::MAX, 2)
}

//! case {T}_compare for u8 u16 u32 u64 u128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> (bool, bool, bool, bool, bool, bool) {
    (a == b, a != b, a < b, a <= b, a > b, a >= b)
}

type R = (bool, bool, bool, bool, bool, bool);

fn main() -> (R, R, R, R) {
    let max = Bounded::<{T}>::MAX;
    (f(0, max), f(max, 0), f(max, max), f(0, 0))
}

//! case {T}_bitwise for u8 u16 u32 u64 u128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> ({T}, {T}, {T}, {T}) {
    (a & b, a | b, a ^ b, ~a)
}

type R = ({T}, {T}, {T}, {T});

fn main() -> (R, R, R) {
    let max = Bounded::<{T}>::MAX;
    (f(max, 0x55), f(0x33, 0x0f), f(0, 0))
}

//! case {T}_sqrt for u8 u16 u32 u64 u128
use core::num::traits::{Bounded, Sqrt};

#[inline(never)]
fn f(a: {T}) -> felt252 {
    a.sqrt().into()
}

fn main() -> (felt252, felt252, felt252, felt252, felt252) {
    let max = Bounded::<{T}>::MAX;
    (f(0), f(1), f(143), f(144), f(max))
}

//! case {T}_felt for u8 u16 u32 u64 u128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: felt252) -> (Option<{T}>, felt252) {
    let o: Option<{T}> = a.try_into();
    match o {
        Some(v) => (o, v.into() + 1),
        None => (o, 0),
    }
}

type R = (Option<{T}>, felt252);

fn main() -> (R, R, R, R, R, R) {
    let max: felt252 = Bounded::<{T}>::MAX.into();
    (f(0), f(max), f(max + 1), f(-1), f(0x100000000000000000000000000000000), f(200))
}

//! case {T}_zero for u8 u16 u32 u64 u128
use core::num::traits::{One, Zero};

#[inline(never)]
fn f(a: {T}) -> (bool, bool, {T}) {
    let v = match a {
        0 => 10,
        1 => 20,
        2 => 30,
        _ => a,
    };
    (a.is_zero(), a.is_one(), v)
}

type R = (bool, bool, {T});

fn main() -> (R, R, R, R) {
    (f(0), f(1), f(2), f(77))
}

//! case {T}_pow for u32 u128
use core::num::traits::Pow;

#[inline(never)]
fn f(a: {T}, n: u32) -> {T} {
    a.pow(n)
}

fn main() -> ({T}, {T}, {T}) {
    (f(2, 7), f(3, 5), f(9, 0))
}

//! case u128_byte_reverse
#[inline(never)]
fn f(a: u128) -> u128 {
    core::integer::u128_byte_reverse(a)
}

fn main() -> (u128, u128, u128) {
    (f(0), f(0x000102030405060708090a0b0c0d0e0f), f(0xff))
}

//! case u128_overflowing_extern
use core::integer::{u128_overflowing_add, u128_overflowing_sub};

#[inline(never)]
fn f(a: u128, b: u128) -> (u128, u128) {
    let s = match u128_overflowing_add(a, b) {
        Ok(v) => v,
        Err(v) => v + 1,
    };
    let d = match u128_overflowing_sub(a, b) {
        Ok(v) => v,
        Err(v) => v - 1,
    };
    (s, d)
}

fn main() -> ((u128, u128), (u128, u128)) {
    (f(0xffffffffffffffffffffffffffffffff, 5), f(5, 9))
}

//! case u128_of_felts
#[inline(never)]
fn f(a: felt252) -> u256 {
    a.into()
}

fn main() -> (u256, u256, u256, u256) {
    (f(0), f(-1), f(0x100000000000000000000000000000000), f(0xffffffffffffffffffffffffffffffff))
}
