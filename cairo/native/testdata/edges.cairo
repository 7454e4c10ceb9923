//! Arithmetic at its edges, deep recursion and much memory, for tests of the native engine.
#[starknet::contract]
mod edges {
    use core::dict::Felt252Dict;
    use core::integer::{u512, u512_safe_div_rem_by_u256};
    use core::num::traits::{
        CheckedAdd, CheckedMul, CheckedSub, OverflowingAdd, OverflowingMul, OverflowingSub, Sqrt, WideMul, WrappingAdd, WrappingSub,
    };
    use core::poseidon::hades_permutation;

    #[storage]
    struct Storage {}

    #[derive(Drop, Serde, Copy, PartialEq)]
    enum Shape {
        Empty,
        Number: u256,
        Pair: (felt252, u8),
        Nested: Option<(u64, i128)>,
    }

    #[external(v0)]
    fn felts(self: @ContractState, a: felt252, b: felt252) -> (felt252, felt252, felt252, felt252, felt252, bool, bool) {
        let quotient = match b.try_into() {
            Some(nz) => core::felt252_div(a, nz),
            None => -1,
        };
        let (x, y): (u256, u256) = (a.into(), b.into());
        (a + b, a - b, a * b, quotient, a * a * b - b * 7 + 1, x < y, a == b)
    }
    #[external(v0)]
    fn casts(
        self: @ContractState, a: felt252,
    ) -> (Option<u8>, Option<u16>, Option<u32>, Option<u64>, Option<u128>, Option<i8>, Option<i16>, Option<i32>, Option<i64>, Option<i128>) {
        (
            a.try_into(), a.try_into(), a.try_into(), a.try_into(), a.try_into(), a.try_into(), a.try_into(), a.try_into(), a.try_into(),
            a.try_into(),
        )
    }
    #[external(v0)]
    fn narrow(self: @ContractState, a: i128, b: u128, c: i64) -> (Option<u8>, Option<i8>, Option<u64>, Option<i64>, Option<u16>, i128, felt252) {
        (a.try_into(), b.try_into(), a.try_into(), b.try_into(), c.try_into(), c.into(), a.into() + b.into() * c.into())
    }
    #[external(v0)]
    fn u128s(self: @ContractState, a: u128, b: u128) -> ((u128, bool), (u128, bool), (u128, bool), u256, u64, u128, u128, u128) {
        let (q, r) = match b.try_into() {
            Some(nz) => DivRem::div_rem(a, nz),
            None => (0, 0),
        };
        (
            a.overflowing_add(b), a.overflowing_sub(b), a.overflowing_mul(b), a.wide_mul(b), a.sqrt(), q, r, (a & b) ^ (a | ~b),
        )
    }
    #[external(v0)]
    fn u256s(self: @ContractState, a: u256, b: u256) -> (Option<u256>, Option<u256>, Option<u256>, u256, u256, u128, u512, u256) {
        let (q, r) = match b.try_into() {
            Some(nz) => DivRem::div_rem(a, nz),
            None => (0, 0),
        };
        let wide: u512 = a.wide_mul(b);
        let rest = match (a ^ b).try_into() {
            Some(nz) => {
                let (_, rest) = u512_safe_div_rem_by_u256(wide, nz);
                rest
            },
            None => 1,
        };
        (a.checked_add(b), a.checked_sub(b), a.checked_mul(b), q, r, a.sqrt(), wide, rest)
    }
    #[external(v0)]
    fn inverse(self: @ContractState, a: u256, n: u256) -> Option<u256> {
        let n = n.try_into()?;
        Some(core::math::u256_inv_mod(a, n)?.into())
    }
    #[external(v0)]
    fn signed(self: @ContractState, a: i64, b: i64, c: i128, d: i128) -> ((i64, bool), (i64, bool), i64, i128, (i128, bool), (i128, bool), bool, bool) {
        (
            a.overflowing_add(b), a.overflowing_sub(b), a.wrapping_add(b), a.wide_mul(b), c.overflowing_add(d), c.overflowing_sub(d), a < b,
            c < d,
        )
    }
    #[external(v0)]
    fn small(self: @ContractState, a: i8, b: i8, c: u8, d: u8) -> ((i8, bool), (i8, bool), i16, Option<i8>, u8, (u8, bool)) {
        (
            a.overflowing_add(b), a.overflowing_sub(b), a.wide_mul(b), a.checked_add(b), c.wrapping_sub(d),
            c.overflowing_mul(d),
        )
    }
    #[external(v0)]
    fn shapes(self: @ContractState, shapes: Array<Shape>, at: u32) -> (u32, Option<Shape>, felt252) {
        let mut total: felt252 = 0;
        for s in shapes.span() {
            total = match *s {
                Shape::Empty => total * 3,
                Shape::Number(n) => total + n.low.into(),
                Shape::Pair((f, n)) => total * f + n.into(),
                Shape::Nested(o) => match o {
                    Some((x, y)) => total - x.into() + y.into(),
                    None => 1,
                },
            };
        }
        let found = match shapes.get(at) {
            Some(s) => Some(*s.unbox()),
            None => None,
        };
        (shapes.len(), found, total)
    }
    #[external(v0)]
    fn text(self: @ContractState, a: ByteArray, b: ByteArray) -> (ByteArray, bool) {
        assert!(a.len() < 60, "too long: {} and {}", a.len(), b);
        (format!("{a}-{b}"), a == b)
    }
    #[external(v0)]
    fn recursion(self: @ContractState, n: u32) -> felt252 {
        deep(n.into())
    }
    #[external(v0)]
    fn memory(self: @ContractState, n: u32) -> u32 {
        let mut a: Array<felt252> = array![];
        let mut b: Array<(u8, u256)> = array![];
        for i in 0..n {
            a.append(i.into());
            if i % 3 == 0 {
                b.append((1, i.into()));
            }
        }
        a.len() + b.len()
    }
    #[external(v0)]
    fn dictionary(self: @ContractState, keys: Span<felt252>, n: u32) -> (felt252, u128) {
        let mut d: Felt252Dict<u128> = Default::default();
        let mut e: Felt252Dict<Nullable<Span<felt252>>> = Default::default();
        let mut total = 0;
        for k in keys {
            d.insert(*k, d.get(*k) + 3);
            e.insert(*k + 1, NullableTrait::new(array![*k, 5].span()));
            total += d.get(*k - 1).into();
        }
        for i in 0..n {
            let i: felt252 = i.into();
            d.insert(i * i, 1);
        }
        match core::nullable::match_nullable(e.get(3)) {
            core::nullable::FromNullableResult::Null => {},
            core::nullable::FromNullableResult::NotNull(b) => { total += *b.unbox().at(0); },
        }
        (total, d.get(4))
    }
    #[external(v0)]
    fn hashes(self: @ContractState, a: felt252, b: felt252) -> (felt252, felt252) {
        let (x, y, _) = hades_permutation(a, b, 2);
        (core::pedersen::pedersen(a, b), x - y)
    }

    fn deep(n: felt252) -> felt252 {
        if n == 0 {
            0
        } else {
            n + deep(n - 1) * 2
        }
    }
}
