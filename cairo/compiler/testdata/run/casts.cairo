//! case downcast_from_{T} for u16 u128 i16 i64 i128
use core::num::traits::Bounded;

type R = (Option<u8>, Option<i8>);

#[inline(never)]
fn f(a: {T}) -> R {
    (a.try_into(), a.try_into())
}

fn main() -> (R, R, R, R, R, R) {
    (f(0), f(127), f(128), f(255), f(Bounded::<{T}>::MAX), f(Bounded::<{T}>::MIN))
}

//! case cast_between_signs
type R = (Option<i32>, Option<u32>, Option<u64>, Option<i64>);

#[inline(never)]
fn f(a: i64) -> R {
    (a.try_into(), a.try_into(), a.try_into(), Some(a))
}

fn main() -> (R, R, R, R) {
    (f(-1), f(0x7fffffff), f(0x80000000), f(-0x80000001))
}

//! case upcast
#[inline(never)]
fn f(a: u8, b: i8) -> (u16, u32, u64, u128, u256, i128, felt252) {
    (a.into(), a.into(), a.into(), a.into(), a.into(), b.into(), b.into())
}

fn main() -> (u16, u32, u64, u128, u256, i128, felt252) {
    f(255, -128)
}

//! case cast_unwrap
#[inline(never)]
fn f(a: u64) -> u32 {
    a.try_into().unwrap()
}

fn main() -> u32 {
    f(0xffffffff) & f(0x100000000)
}

//! case bounded_arithmetic
#[feature("bounded-int-utils")]
use core::internal::bounded_int::{self, AddHelper, BoundedInt, MulHelper, SubHelper, downcast, upcast};

type P = BoundedInt<3, 12>;
type N = BoundedInt<-7, 7>;
impl M of MulHelper<P, N> {
    type Result = BoundedInt<-84, 84>;
}
impl A of AddHelper<P, N> {
    type Result = BoundedInt<-4, 19>;
}
impl S of SubHelper<P, N> {
    type Result = BoundedInt<-4, 19>;
}

#[inline(never)]
fn f(a: u8, b: i8) -> (felt252, felt252, felt252) {
    let Some(p) = downcast::<u8, P>(a) else {
        return ('a', 0, 0);
    };
    let Some(n) = downcast::<i8, N>(b) else {
        return ('b', 0, 0);
    };
    (upcast(bounded_int::add(p, n)), upcast(bounded_int::sub(p, n)), upcast(bounded_int::mul(p, n)))
}

type R = (felt252, felt252, felt252);

fn main() -> (R, R, R, R) {
    (f(3, -7), f(12, 7), f(2, 0), f(5, 8))
}

//! case bounded_div_rem
#[feature("bounded-int-utils")]
use core::internal::bounded_int::{self, BoundedInt, DivRemHelper, UnitInt, upcast};

impl D of DivRemHelper<u128, UnitInt<1000>> {
    type DivT = BoundedInt<0, 340282366920938463463374607431768211>;
    type RemT = BoundedInt<0, 999>;
}
impl E of DivRemHelper<u32, BoundedInt<5, 9>> {
    type DivT = BoundedInt<0, 858993459>;
    type RemT = BoundedInt<0, 8>;
}
impl F of DivRemHelper<u128, u128> {
    type DivT = BoundedInt<0, 0xffffffffffffffffffffffffffffffff>;
    type RemT = BoundedInt<0, 0xfffffffffffffffffffffffffffffffe>;
}
extern fn bounded_int_wrap_non_zero<T>(v: T) -> NonZero<T> nopanic;
extern fn downcast<A, B>(a: A) -> Option<B> implicits(RangeCheck) nopanic;

#[inline(never)]
fn f(a: u128, b: u32, c: u8) -> (felt252, felt252, felt252, felt252) {
    let (q, r) = bounded_int::div_rem::<u128, UnitInt<1000>>(a, 1000);
    let Some(c) = downcast::<u8, BoundedInt<5, 9>>(c) else {
        return (upcast(q), upcast(r), 'c', 'c');
    };
    let (s, t) = bounded_int::div_rem(b, bounded_int_wrap_non_zero(c));
    (upcast(q), upcast(r), upcast(s), upcast(t))
}

#[inline(never)]
fn g(a: u128, b: u128) -> (felt252, felt252) {
    let Some(n) = b.try_into() else {
        return ('zero', 0);
    };
    let (q, r) = bounded_int::div_rem::<u128, u128>(a, n);
    (upcast(q), upcast(r))
}

type R = (felt252, felt252, felt252, felt252);

fn main() -> (R, R, R, (felt252, felt252), (felt252, felt252), (felt252, felt252)) {
    let max = 0xffffffffffffffffffffffffffffffff;
    (f(max, 0xffffffff, 5), f(999, 4, 9), f(1000, 4, 10), g(max, 0x10000000000000001), g(5, 0), g(3, max))
}

//! case bounded_constrain
#[feature("bounded-int-utils")]
use core::internal::bounded_int::{self, BoundedInt, ConstrainHelper, upcast};

impl C of ConstrainHelper<i16, 300> {
    type LowT = BoundedInt<-32768, 299>;
    type HighT = BoundedInt<300, 32767>;
}
impl D of ConstrainHelper<u128, 100> {
    type LowT = BoundedInt<0, 99>;
    type HighT = BoundedInt<100, 0xffffffffffffffffffffffffffffffff>;
}

#[inline(never)]
fn f(a: i16, b: u128) -> (felt252, felt252) {
    let x = match bounded_int::constrain::<_, 300>(a) {
        Ok(l) => upcast(l) * 1000,
        Err(h) => upcast(h),
    };
    let y = match bounded_int::constrain::<_, 100>(b) {
        Ok(l) => upcast(l) * 1000,
        Err(h) => upcast(h),
    };
    (x, y)
}

type R = (felt252, felt252);

fn main() -> (R, R, R, R) {
    (f(299, 99), f(300, 100), f(-32768, 0xffffffffffffffffffffffffffffffff), f(32767, 0))
}

//! case bounded_trim
#[feature("bounded-int-utils")]
use core::internal::bounded_int::{upcast, trim_max, trim_min};
#[feature("bounded-int-utils")]
use core::internal::OptionRev;

#[inline(never)]
fn f(a: u8) -> (felt252, felt252) {
    let x = match trim_min(a) {
        OptionRev::None => 'min',
        OptionRev::Some(v) => upcast(v),
    };
    let y = match trim_max(a) {
        OptionRev::None => 'max',
        OptionRev::Some(v) => upcast(v),
    };
    (x, y)
}

fn main() -> ((felt252, felt252), (felt252, felt252), (felt252, felt252)) {
    (f(0), f(255), f(7))
}

//! case bounded_zero
#[feature("bounded-int-utils")]
use core::internal::bounded_int::{self, BoundedInt, downcast, upcast};
use core::zeroable::IsZeroResult;

#[inline(never)]
fn f(a: i8) -> felt252 {
    let Some(p) = downcast::<i8, BoundedInt<-5, 5>>(a) else {
        return 'out';
    };
    match bounded_int::is_zero(p) {
        IsZeroResult::Zero => 'zero',
        IsZeroResult::NonZero(v) => {
            let v: BoundedInt<-5, 5> = v.into();
            upcast(v)
        },
    }
}

fn main() -> (felt252, felt252, felt252, felt252) {
    (f(0), f(-5), f(5), f(6))
}

//! case bounded_guarantee
#[feature("bounded-int-utils")]
use core::internal::bounded_int::BoundedIntGuarantee;

extern fn u128_to_u32_guarantees(
    v: u128,
) -> (
    BoundedIntGuarantee<0, 0xffffffff>, BoundedIntGuarantee<0, 0xffffffff>, BoundedIntGuarantee<0, 0xffffffff>,
    BoundedIntGuarantee<0, 0xffffffff>,
) nopanic;
extern fn bounded_int_guarantee_verify<const A: felt252, const B: felt252>(
    v: BoundedIntGuarantee<A, B>,
) implicits(RangeCheck) nopanic;

#[inline(never)]
fn f(v: u128) -> u8 {
    let (a, b, c, d) = u128_to_u32_guarantees(v);
    bounded_int_guarantee_verify(a);
    bounded_int_guarantee_verify(b);
    bounded_int_guarantee_verify(c);
    bounded_int_guarantee_verify(d);
    1
}

fn main() -> u8 {
    f(0) + f(0xffffffffffffffffffffffffffffffff)
}
