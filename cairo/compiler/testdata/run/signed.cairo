//! case {T}_checked for i8 i16 i32 i64 i128
use core::num::traits::{Bounded, CheckedAdd, CheckedSub, OverflowingAdd, OverflowingSub};

type R = (Option<{T}>, Option<{T}>, {T}, bool, {T}, bool);

#[inline(never)]
fn f(a: {T}, b: {T}) -> R {
    let (s, so) = a.overflowing_add(b);
    let (d, do_) = a.overflowing_sub(b);
    (a.checked_add(b), a.checked_sub(b), s, so, d, do_)
}

fn main() -> (R, R, R, R, R) {
    let max = Bounded::<{T}>::MAX;
    let min = Bounded::<{T}>::MIN;
    (f(max, 1), f(min, 1), f(min, -1), f(-3, 7), f(max, min))
}

//! case {T}_mul for i8 i16 i32 i64 i128
#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a * b
}

fn main() -> ({T}, {T}, {T}, {T}) {
    (f(-8, 16), f(11, -11), f(0, -5), f(-1, -127))
}

//! case {T}_mul_overflow for i8 i128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a * b
}

fn main() -> {T} {
    f(2, -3) + f(Bounded::<{T}>::MIN, -1)
}

//! case {T}_wide_mul for i8 i16 i32 i64
use core::num::traits::{Bounded, WideMul};

#[inline(never)]
fn f(a: {T}, b: {T}) -> felt252 {
    a.wide_mul(b).into()
}

fn main() -> (felt252, felt252, felt252) {
    let min = Bounded::<{T}>::MIN;
    (f(min, min), f(min, Bounded::<{T}>::MAX), f(-7, 9))
}

//! case {T}_div_rem for i8 i32 i128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> ({T}, {T}) {
    (a / b, a % b)
}

type R = ({T}, {T});

fn main() -> (R, R, R, R) {
    (f(-17, 5), f(17, -5), f(-17, -5), f(Bounded::<{T}>::MIN, 2))
}

//! case {T}_compare for i8 i16 i32 i64 i128
use core::num::traits::Bounded;

type R = (bool, bool, bool, bool, bool);

#[inline(never)]
fn f(a: {T}, b: {T}) -> R {
    (a == b, a < b, a <= b, a > b, a >= b)
}

fn main() -> (R, R, R, R) {
    let min = Bounded::<{T}>::MIN;
    (f(min, 0), f(0, min), f(-1, -1), f(-2, 3))
}

//! case {T}_felt for i8 i16 i32 i64 i128
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: felt252) -> (Option<{T}>, felt252) {
    let o: Option<{T}> = a.try_into();
    match o {
        Some(v) => (o, v.into() * 2),
        None => (o, 'none'),
    }
}

type R = (Option<{T}>, felt252);

fn main() -> (R, R, R, R, R) {
    let max: felt252 = Bounded::<{T}>::MAX.into();
    let min: felt252 = Bounded::<{T}>::MIN.into();
    (f(max), f(max + 1), f(min), f(min - 1), f(-5))
}

//! case {T}_add_overflow for i16
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a + b
}

fn main() -> {T} {
    f(-3, 4) + f(Bounded::<{T}>::MAX, 1)
}

//! case {T}_sub_underflow for i64
use core::num::traits::Bounded;

#[inline(never)]
fn f(a: {T}, b: {T}) -> {T} {
    a - b
}

fn main() -> {T} {
    f(-3, 4) + f(Bounded::<{T}>::MIN, 1)
}

//! case {T}_diff for i8 i16 i32 i64 i128
use core::integer::{{T}_diff};

#[inline(never)]
fn f(a: {T}, b: {T}) -> (bool, felt252) {
    match {T}_diff(a, b) {
        Ok(d) => (true, d.into()),
        Err(d) => (false, d.into()),
    }
}

fn main() -> ((bool, felt252), (bool, felt252), (bool, felt252)) {
    (f(5, -5), f(-5, 5), f(0, 0))
}

//! case {T}_match for i32
use core::num::traits::Zero;

#[inline(never)]
fn f(a: {T}) -> (bool, {T}) {
    (a.is_zero(), -a)
}

fn main() -> ((bool, {T}), (bool, {T}), (bool, {T})) {
    (f(0), f(12), f(-100))
}
