//! case dict_insert_get
#[inline(never)]
fn f(n: felt252) -> (u64, u64, u64) {
    let mut d: Felt252Dict<u64> = Default::default();
    d.insert(n, 5);
    d.insert(-1, 7);
    d.insert(n, d.get(n) + 1);
    (d.get(n), d.get(-1), d.get('absent'))
}

type R = (u64, u64, u64);

fn main() -> (R, R) {
    (f(0), f(0x800000000000010ffffffffffffffff00000000000000000000000000000000))
}

//! case dict_squash_entries
use core::dict::{Felt252DictEntryTrait, SquashedFelt252DictTrait};

#[inline(never)]
fn f(mut xs: Span<felt252>) -> (felt252, u64, u64, u32) {
    let mut d: Felt252Dict<u64> = Default::default();
    let mut i = 1;
    for x in xs {
        let (e, p) = d.entry(*x);
        d = e.finalize(p * 10 + i);
        i += 1;
    }
    let entries = d.squash().into_entries();
    let n = entries.len();
    let mut keys = 0;
    let mut first = 0;
    let mut last = 0;
    for (k, a, b) in entries {
        keys = keys * 100 + k;
        first += a;
        last = last * 3 + b;
    }
    (keys, first, last, n)
}

type R = (felt252, u64, u64, u32);

fn main() -> (R, R, R) {
    (f([].span()), f([3].span()), f([9, 3, 9, 1, 7, 3, 9, 2, 1].span()))
}

//! case dict_big_keys
#[inline(never)]
fn f(n: u32) -> u128 {
    let mut d: Felt252Dict<u128> = Default::default();
    for i in 0..n {
        let k: felt252 = i.into();
        d.insert(k * k * 0x123456789abcdef0123456789abcdef0123456789abcdef, i.into());
        d.insert(-k, 1);
    }
    let mut sum = 0;
    for i in 0..n {
        let k: felt252 = i.into();
        sum += d.get(k * k * 0x123456789abcdef0123456789abcdef0123456789abcdef) + d.get(-k);
    }
    sum
}

fn main() -> (u128, u128) {
    (f(1), f(12))
}

//! case dict_of_arrays
use core::dict::Felt252DictEntryTrait;
use core::nullable::{FromNullableResult, match_nullable};

#[inline(never)]
fn push(ref d: Felt252Dict<Nullable<Array<u8>>>, k: felt252, v: u8) -> u32 {
    let (e, a) = d.entry(k);
    let mut a = match match_nullable(a) {
        FromNullableResult::Null => array![],
        FromNullableResult::NotNull(b) => b.unbox(),
    };
    a.append(v);
    let n = a.len();
    d = e.finalize(NullableTrait::new(a));
    n
}

fn main() -> (u32, u32, u32, u32) {
    let mut d = Default::default();
    (push(ref d, 1, 5), push(ref d, 1, 6), push(ref d, 2, 7), push(ref d, 1, 8))
}

//! case dict_two
#[inline(never)]
fn f() -> (u8, u8, bool) {
    let mut a: Felt252Dict<u8> = Default::default();
    let mut b: Felt252Dict<bool> = Default::default();
    a.insert('x', 200);
    b.insert('x', true);
    a.insert('y', 3);
    (a.get('x'), a.get('y'), b.get('x'))
}

fn main() -> (u8, u8, bool) {
    f()
}

//! case dict_panic_inside
#[inline(never)]
fn f(n: u8) -> u8 {
    let mut d: Felt252Dict<u8> = Default::default();
    d.insert(1, n);
    if d.get(1) > 3 {
        core::panic_with_felt252('dict')
    }
    d.get(1)
}

fn main() -> u8 {
    f(3) + f(4)
}

//! case nullable
#[inline(never)]
fn f(n: u256) -> (u256, bool) {
    let a: Nullable<u256> = if n == 0 {
        Default::default()
    } else {
        NullableTrait::new(n + 1)
    };
    (a.deref_or(77), a.is_null())
}

fn main() -> ((u256, bool), (u256, bool)) {
    (f(0), f(8))
}

//! case nullable_deref_null
#[inline(never)]
fn f(a: Nullable<felt252>) -> felt252 {
    a.deref() + 1
}

fn main() -> felt252 {
    f(NullableTrait::new(4)) + f(Default::default())
}

//! case nullable_snapshot
#[inline(never)]
fn f(a: @Nullable<Array<u8>>) -> u32 {
    match a.as_snapshot().try_deref() {
        Some(v) => v.unbox().len(),
        None => 'null',
    }
}

#[generate_trait]
impl N of NTrait {
    fn try_deref(self: Nullable<@Array<u8>>) -> Option<Box<@Array<u8>>> {
        match core::nullable::match_nullable(self) {
            core::nullable::FromNullableResult::Null => None,
            core::nullable::FromNullableResult::NotNull(b) => Some(b),
        }
    }
}

fn main() -> (u32, u32) {
    let a = NullableTrait::new(array![1, 2, 3]);
    let b: Nullable<Array<u8>> = Default::default();
    (f(@a), f(@b))
}
