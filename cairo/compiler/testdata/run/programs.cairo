//! case fibonacci
fn fib(n: u32) -> u128 {
    let (mut a, mut b) = (0_u128, 1_u128);
    for _ in 0..n {
        let c = a + b;
        a = b;
        b = c;
    }
    a
}

fn main() -> (u128, u128, u128) {
    (fib(0), fib(1), fib(150))
}

//! case sort
fn sort(mut a: Array<i64>) -> Array<i64> {
    if a.len() < 2 {
        return a;
    }
    let pivot = a.pop_front().unwrap();
    let mut low = array![];
    let mut high = array![];
    for x in a {
        if x < pivot {
            low.append(x);
        } else {
            high.append(x);
        }
    }
    let mut out = sort(low);
    out.append(pivot);
    for x in sort(high) {
        out.append(x);
    }
    out
}

fn main() -> felt252 {
    let a = sort(array![5, -3, 9, 0, 0, -100, 77, 12, -4, 6]);
    let mut sum: felt252 = 0;
    for x in a {
        sum = sum * 256 + x.into();
    }
    sum
}

//! case gcd
#[inline(never)]
fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        let r = a % b;
        a = b;
        b = r;
    }
    a
}

fn main() -> (u64, u64, u64) {
    (gcd(48, 36), gcd(1, 0), gcd(0xfffffffffffffffe, 0x123456789abcdef0))
}

//! case sieve
#[inline(never)]
fn sieve(n: u32) -> (u32, u32) {
    let mut d: Felt252Dict<bool> = Default::default();
    let mut count = 0;
    let mut last = 0;
    let mut i = 2;
    while i < n {
        if !d.get(i.into()) {
            count += 1;
            last = i;
            let mut j = i * i;
            while j < n {
                d.insert(j.into(), true);
                j += i;
            }
        }
        i += 1;
    }
    (count, last)
}

fn main() -> (u32, u32) {
    sieve(60)
}

//! case mod_pow
#[inline(never)]
fn mod_pow(mut b: u256, mut e: u64, m: u256) -> u256 {
    let m: NonZero<u256> = m.try_into().unwrap();
    let mut r = 1;
    while e != 0 {
        if e & 1 == 1 {
            r = core::math::u256_mul_mod_n(r, b, m);
        }
        b = core::math::u256_mul_mod_n(b, b, m);
        e /= 2;
    }
    r
}

fn main() -> u256 {
    mod_pow(3, 65537, 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff)
}

//! case matrix
#[inline(never)]
fn mul(a: [[i32; 2]; 2], b: [[i32; 2]; 2]) -> [[i32; 2]; 2] {
    let [[a00, a01], [a10, a11]] = a;
    let [[b00, b01], [b10, b11]] = b;
    [[a00 * b00 + a01 * b10, a00 * b01 + a01 * b11], [a10 * b00 + a11 * b10, a10 * b01 + a11 * b11]]
}

fn main() -> [[i32; 2]; 2] {
    let mut m = [[1, 0], [0, 1]];
    for _ in 0..10_u8 {
        m = mul(m, [[2, -1], [1, 3]]);
    }
    m
}

//! case closures
#[inline(never)]
fn apply<F, +Drop<F>, impl func: core::ops::Fn<F, (u32,)>[Output: u32]>(f: F, x: u32) -> u32 {
    f(x) + f(x + 1)
}

fn main() -> (u32, u32) {
    let k = 10;
    (apply(|x| x * k, 5), apply(|x| x + k, 1))
}

//! case generic_trait
trait Shape<T> {
    fn area(self: @T) -> u64;
}

#[derive(Drop)]
struct Square {
    a: u32,
}

#[derive(Drop)]
struct Rect {
    a: u32,
    b: u32,
}

impl SquareShape of Shape<Square> {
    fn area(self: @Square) -> u64 {
        (*self.a).into() * (*self.a).into()
    }
}

impl RectShape of Shape<Rect> {
    fn area(self: @Rect) -> u64 {
        (*self.a).into() * (*self.b).into()
    }
}

#[inline(never)]
fn twice<T, +Shape<T>>(t: @T) -> u64 {
    t.area() * 2
}

fn main() -> (u64, u64) {
    (twice(@Square { a: 0xffffffff }), twice(@Rect { a: 3, b: 4 }))
}

//! case collatz
fn steps(n: u128) -> u32 {
    let mut n = n;
    let mut i = 0;
    loop {
        if n == 1 {
            break i;
        }
        n = if n % 2 == 0 {
            n / 2
        } else {
            n * 3 + 1
        };
        i += 1;
    }
}

fn main() -> (u32, u32) {
    (steps(1), steps(27))
}

//! case serde
#[derive(Drop, Serde, PartialEq, Debug)]
struct S {
    a: Array<u8>,
    b: Option<i128>,
    c: ByteArray,
    d: (u256, [bool; 2]),
}

#[inline(never)]
fn f(s: S) -> (u32, bool) {
    let mut out = array![];
    s.serialize(ref out);
    let mut span = out.span();
    (span.len(), Serde::deserialize(ref span) == Some(s))
}

fn main() -> (u32, bool) {
    f(S { a: array![1, 2], b: Some(-5), c: "text", d: (9, [true, false]) })
}
