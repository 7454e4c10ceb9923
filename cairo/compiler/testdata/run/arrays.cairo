//! case array_append_pop
#[inline(never)]
fn f(n: u32) -> (felt252, u32, felt252) {
    let mut a = array![];
    for i in 0..n {
        a.append(i.into() * 3);
    }
    let first = a.pop_front().unwrap_or('empty');
    let mut sum = 0;
    let len = a.len();
    while let Some(x) = a.pop_front() {
        sum = sum * 2 + x;
    }
    (first, len, sum)
}

type R = (felt252, u32, felt252);

fn main() -> (R, R, R) {
    (f(0), f(1), f(9))
}

//! case array_pop_front_consume
#[inline(never)]
fn f(a: Array<u256>) -> (u256, u32) {
    match a.pop_front_consume() {
        Some((rest, x)) => (x, rest.len()),
        None => (0, 100),
    }
}

fn main() -> ((u256, u32), (u256, u32)) {
    (f(array![]), f(array![7, 8]))
}

//! case array_get
#[inline(never)]
fn f(a: @Array<(u8, felt252)>, i: u32) -> (u8, felt252) {
    match a.get(i) {
        Some(x) => *x.unbox(),
        None => (0, 'none'),
    }
}

type R = (u8, felt252);

fn main() -> (R, R, R, R) {
    let a = array![(1, 'a'), (2, 'b'), (3, 'c')];
    (f(@a, 0), f(@a, 2), f(@a, 3), f(@a, 0xffffffff))
}

//! case array_out_of_bounds
#[inline(never)]
fn f(a: Span<felt252>, i: u32) -> felt252 {
    *a[i]
}

fn main() -> felt252 {
    let a = array![5, 6];
    f(a.span(), 1) + f(a.span(), 2)
}

//! case array_slice
#[inline(never)]
fn f(a: Span<u16>, start: u32, len: u32) -> (u32, u16) {
    let s = a.slice(start, len);
    (s.len(), if s.is_empty() { 999 } else { *s[0] })
}

type R = (u32, u16);

fn main() -> (R, R, R) {
    let a = array![10, 11, 12, 13];
    (f(a.span(), 1, 2), f(a.span(), 0, 4), f(a.span(), 4, 0))
}

//! case array_slice_out_of_bounds for 3 0xffffffff
#[inline(never)]
fn f(a: Span<u16>, start: u32, len: u32) -> u32 {
    a.slice(start, len).len()
}

fn main() -> u32 {
    f(array![10, 11, 12, 13].span(), {T}, 2)
}

//! case span_pops
#[inline(never)]
fn f(mut s: Span<felt252>) -> (felt252, felt252, u32) {
    let front = match s.pop_front() {
        Some(x) => *x,
        None => 'none',
    };
    let back = match s.pop_back() {
        Some(x) => *x,
        None => 'none',
    };
    (front, back, s.len())
}

type R = (felt252, felt252, u32);

fn main() -> (R, R, R) {
    (f([].span()), f([1].span()), f([1, 2, 3].span()))
}

//! case span_multi_pops
#[inline(never)]
fn f(mut s: Span<u8>) -> (u8, u8, u32) {
    let front = match s.multi_pop_front::<3>() {
        Some(x) => {
            let [a, b, c] = (*x).unbox();
            a + b * 2 + c * 4
        },
        None => 200,
    };
    let back = match s.multi_pop_back::<2>() {
        Some(x) => {
            let [a, b] = (*x).unbox();
            a + b * 8
        },
        None => 201,
    };
    (front, back, s.len())
}

type R = (u8, u8, u32);

fn main() -> (R, R, R) {
    (f([1, 2].span()), f([1, 2, 3, 4].span()), f([1, 2, 3, 4, 5, 6].span()))
}

//! case span_of_tuple
#[inline(never)]
fn f(a: [u256; 3]) -> (u256, u32) {
    let s = a.span();
    let mut sum = 0;
    for x in s {
        sum += *x;
    }
    (sum, s.len())
}

fn main() -> (u256, u32) {
    f([1, 0x100000000000000000000000000000000, 3])
}

//! case tuple_of_span
#[inline(never)]
fn f(s: Span<u32>) -> u32 {
    let b: Option<@Box<[u32; 4]>> = s.try_into();
    match b {
        Some(b) => {
            let [a, _, _, d] = (*b).unbox();
            a * 1000 + d
        },
        None => 'none',
    }
}

fn main() -> (u32, u32, u32) {
    (f([1, 2, 3].span()), f([1, 2, 3, 4].span()), f([1, 2, 3, 4, 5].span()))
}

//! case array_clone_eq
#[inline(never)]
fn f(a: Span<u64>, b: Span<u64>) -> (bool, u32) {
    let mut c: Array<u64> = a.into();
    c.append_span(b);
    (a == b, c.len())
}

fn main() -> ((bool, u32), (bool, u32)) {
    (f([1, 2].span(), [1, 2].span()), f([1, 2].span(), [1, 3, 4].span()))
}

//! case array_of_arrays
#[inline(never)]
fn f(n: u32) -> u32 {
    let mut rows: Array<Array<u32>> = array![];
    for i in 0..n {
        let mut row = array![];
        for j in 0..i {
            row.append(i * j);
        }
        rows.append(row);
    }
    let mut sum = 0;
    for row in rows {
        for x in row.span() {
            sum += *x;
        }
    }
    sum
}

fn main() -> (u32, u32) {
    (f(0), f(6))
}

//! case array_iterators
#[inline(never)]
fn f(a: Array<u32>) -> (u32, u32, u32, bool) {
    let doubled: Array<u32> = a.span().into_iter().map(|x| *x * 2).collect();
    let sum = doubled.span().into_iter().fold(0, |acc, x| acc + *x);
    let product = a.span().into_iter().filter(|x| **x % 2 == 1).fold(1, |acc, x| acc * *x);
    let mut zipped = 0;
    for (x, y) in a.span().into_iter().zip(doubled.span()) {
        zipped += *x * *y;
    }
    (sum, product, zipped, a.span().into_iter().any(|x| *x > 4))
}

fn main() -> (u32, u32, u32, bool) {
    f(array![1, 2, 3, 4, 5])
}

//! case bytes31
#[inline(never)]
fn f(a: felt252) -> (felt252, u8, u8) {
    let b: Option<bytes31> = a.try_into();
    match b {
        Some(b) => (b.into(), b.at(0), b.at(2)),
        None => ('none', 0, 0),
    }
}

type R = (felt252, u8, u8);

fn main() -> (R, R, R) {
    (
        f(0x01020304), f(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff),
        f(0x100000000000000000000000000000000000000000000000000000000000000),
    )
}

//! case bytes31_constant
#[inline(never)]
fn f(b: bytes31) -> felt252 {
    b.into() + 1
}

extern fn bytes31_const<const value: felt252>() -> bytes31 nopanic;

fn main() -> felt252 {
    f(bytes31_const::<'hello'>())
}

//! case byte_array
#[inline(never)]
fn f(n: u32) -> (u32, u8, u8, bool) {
    let mut a: ByteArray = "abc";
    for _ in 0..n {
        a.append(@"0123456789");
        a.append_byte('!');
    }
    let b = a.clone() + "tail";
    (b.len(), b[0], b.at(b.len() - 5).unwrap(), a == b)
}

type R = (u32, u8, u8, bool);

fn main() -> (R, R) {
    (f(0), f(7))
}

//! case byte_array_format
#[inline(never)]
fn f(a: u32, b: felt252, c: Option<i8>) -> ByteArray {
    format!("a={a}, b={b:?}, c={c:?}, {}", 0x1f_u8)
}

fn main() -> u32 {
    let s = f(12, -1, Some(-4));
    assert!(s.len() < 20, "{s}");
    s.len()
}
