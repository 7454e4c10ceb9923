//! case enum_match
#[derive(Drop, Copy)]
enum E {
    A,
    B: u8,
    C: (felt252, u256),
    D: Option<u16>,
    F: [u32; 3],
}

#[inline(never)]
fn f(e: E) -> felt252 {
    match e {
        E::A => 1,
        E::B(b) => b.into() + 2,
        E::C((x, y)) => x + y.high.into(),
        E::D(Some(v)) => v.into() * 5,
        E::D(None) => 9,
        E::F(z) => {
            let [p, _, q] = z;
            p.into() * 100 + q.into()
        },
    }
}

fn main() -> (felt252, felt252, felt252, felt252, felt252, felt252) {
    (
        f(E::A), f(E::B(255)), f(E::C((7, 0x500000000000000000000000000000000))), f(E::D(Some(3))), f(E::D(None)),
        f(E::F([1, 2, 3])),
    )
}

//! case enum_two
#[inline(never)]
fn f(r: Result<u8, felt252>) -> felt252 {
    match r {
        Ok(v) => v.into() + 1000,
        Err(e) => e,
    }
}

fn main() -> (felt252, felt252) {
    (f(Ok(5)), f(Err('bad')))
}

//! case enum_snapshot
#[derive(Drop)]
enum E {
    A: Array<u8>,
    B: u64,
    C,
}

#[inline(never)]
fn f(e: @E) -> u64 {
    match e {
        E::A(a) => a.len().into(),
        E::B(b) => *b * 2,
        E::C => 77,
    }
}

fn main() -> (u64, u64, u64) {
    (f(@E::A(array![1, 2])), f(@E::B(40)), f(@E::C))
}

//! case enum_many_variants
#[derive(Drop, Copy, PartialEq, Serde)]
enum E {
    A, B, C: u8, D, E: felt252, F, G, H: (u8, u8),
}

#[inline(never)]
fn f(mut data: Span<felt252>) -> (bool, felt252) {
    match Serde::<E>::deserialize(ref data) {
        Some(e) => {
            let mut out = array![];
            e.serialize(ref out);
            (e == E::H((1, 2)), *out[0])
        },
        None => (false, 'none'),
    }
}

type R = (bool, felt252);

fn main() -> (R, R, R, R, R) {
    (f([0].span()), f([7, 1, 2].span()), f([7, 1].span()), f([8].span()), f([4, -1].span()))
}

//! case enum_boxed
#[derive(Drop)]
enum T {
    Leaf: u32,
    Node: (Box<T>, Box<T>),
}

impl BoxTDrop of Drop<Box<T>>;

fn grow(n: u32) -> T {
    if n == 0 {
        T::Leaf(1)
    } else {
        T::Node((BoxTrait::new(grow(n - 1)), BoxTrait::new(T::Leaf(n))))
    }
}

fn sum(t: @T) -> u32 {
    match t {
        T::Leaf(v) => *v,
        T::Node((a, b)) => sum(a.as_snapshot().unbox()) + sum(b.as_snapshot().unbox()),
    }
}

fn main() -> (u32, u32) {
    let (a, b) = (grow(0), grow(7));
    (sum(@a), sum(@b))
}

//! case enum_match_of_box
#[derive(Drop, Copy)]
enum E {
    A: (felt252, u256),
    B: u8,
}

#[inline(never)]
fn f(e: Box<E>) -> felt252 {
    match e.unbox() {
        E::A((x, _)) => x,
        E::B(b) => b.into(),
    }
}

#[inline(never)]
fn g(e: Box<E>) -> Box<felt252> {
    match e.unbox() {
        E::A((x, _)) => BoxTrait::new(x),
        E::B(_) => BoxTrait::new(5),
    }
}

fn main() -> (felt252, felt252, felt252) {
    (f(BoxTrait::new(E::A((5, 6)))), f(BoxTrait::new(E::B(7))), g(BoxTrait::new(E::A((8, 6)))).unbox())
}

//! case enum_boxed_match
#[derive(Drop, Copy)]
enum E {
    A: (felt252, u256),
    B: u8,
    C,
}

extern fn enum_boxed_match<T>(e: Box<T>) -> X nopanic;

enum X {
    A: Box<(felt252, u256)>,
    B: Box<u8>,
    C: Box<()>,
}

#[inline(never)]
fn f(e: Box<E>) -> felt252 {
    match enum_boxed_match::<E>(e) {
        X::A(b) => {
            let (x, y) = b.unbox();
            x + y.low.into()
        },
        X::B(b) => b.unbox().into(),
        X::C(_) => 'c',
    }
}

fn main() -> (felt252, felt252, felt252) {
    (f(BoxTrait::new(E::A((1, 2)))), f(BoxTrait::new(E::B(3))), f(BoxTrait::new(E::C)))
}

//! case struct_boxed_deconstruct
#[derive(Drop, Copy)]
struct S {
    a: felt252,
    b: u256,
    c: u8,
}

extern fn struct_boxed_deconstruct<T>(s: Box<T>) -> (Box<felt252>, Box<u256>, Box<u8>) nopanic;

#[inline(never)]
fn f(s: Box<S>) -> (felt252, u256, u8) {
    let (a, b, c) = struct_boxed_deconstruct::<S>(s);
    (a.unbox(), b.unbox(), c.unbox())
}

fn main() -> (felt252, u256, u8) {
    f(BoxTrait::new(S { a: -5, b: 0x100000000000000000000000000000007, c: 9 }))
}

//! case struct_of_structs
#[derive(Drop, Copy, PartialEq, Debug)]
struct P {
    x: u32,
    y: u32,
}

#[derive(Drop, PartialEq)]
struct L {
    from: P,
    to: P,
    name: ByteArray,
}

#[inline(never)]
fn f(a: P, b: P) -> (u32, bool, L) {
    let l = L { from: a, to: b, name: "line" };
    let m = L { name: "line", ..L { from: b, to: a, name: "x" } };
    (l.from.x + l.to.y, l == m, m)
}

#[inline(never)]
fn dist(l: @L) -> u32 {
    let L { from, to, .. } = l;
    *to.x - *from.x
}

fn main() -> (u32, bool, u32) {
    let (a, b, l) = f(P { x: 9, y: 2 }, P { x: 3, y: 4 });
    (a, b, dist(@l))
}

//! case struct_assert_message
#[derive(Drop, Copy, PartialEq, Debug)]
struct P {
    x: u32,
    y: i16,
}

#[inline(never)]
fn f(a: P, b: P) {
    assert!(a == b, "points {a:?} and {b:?} of {}", 2_u8);
}

fn main() {
    f(P { x: 1, y: 2 }, P { x: 1, y: 2 });
    f(P { x: 1, y: -2 }, P { x: 1, y: 2 });
}

//! case box_of_all
extern fn local_into_box<T>(value: T) -> Box<T> nopanic;

// The argument is a local variable, as local_into_box requires.
#[inline(never)]
fn boxed<T>(value: T) -> Box<T> {
    local_into_box(value)
}

#[derive(Drop, Copy)]
struct S {
    a: felt252,
    b: u256,
}

#[inline(never)]
fn f(a: felt252, b: u256) -> (felt252, u256, felt252) {
    let x = BoxTrait::new(S { a, b });
    let y = boxed(S { a: a + 1, b });
    let z = BoxTrait::new(());
    z.unbox();
    let s = x.unbox();
    (s.a, s.b, y.unbox().a)
}

fn main() -> (felt252, u256, felt252) {
    f(5, 0x700000000000000000000000000000009)
}

//! case box_snapshot
#[inline(never)]
fn f(b: @Box<Array<u16>>) -> u32 {
    b.as_snapshot().unbox().len()
}

fn main() -> u32 {
    let b = BoxTrait::new(array![1, 2, 3]);
    f(@b)
}

//! case box_constant
#[derive(Drop, Copy)]
struct S {
    a: felt252,
    b: Option<u8>,
    c: [u16; 3],
}

const V: S = S { a: 'value', b: Some(7), c: [1, 2, 3] };

#[inline(never)]
fn f(b: Box<S>) -> (felt252, Option<u8>, u16) {
    let s = b.unbox();
    let [_, x, _] = s.c;
    (s.a, s.b, x)
}

fn main() -> ((felt252, Option<u8>, u16), (felt252, Option<u8>, u16)) {
    (f(BoxTrait::new(V)), f(BoxTrait::new(S { b: None, ..V })))
}

//! case const_array
const T: [u16; 5] = [5, 4, 3, 2, 1];
const N: [(felt252, bool); 2] = [(-1, true), (1, false)];

#[inline(never)]
fn f(i: u32) -> (u16, felt252) {
    let (x, y) = *N.span()[i % 2];
    (*T.span()[i], if y { x } else { 0 })
}

fn main() -> ((u16, felt252), (u16, felt252)) {
    (f(0), f(3))
}

//! case option_methods
#[inline(never)]
fn f(a: Option<u32>) -> (u32, bool, Option<u32>, u32) {
    (a.unwrap_or(5), a.is_some(), a.map(|x| x + 1), a.unwrap_or_default())
}

type R = (u32, bool, Option<u32>, u32);

fn main() -> (R, R) {
    (f(None), f(Some(10)))
}

//! case option_unwrap_none
#[inline(never)]
fn f(a: Option<u32>) -> u32 {
    a.unwrap()
}

fn main() -> u32 {
    f(Some(1)) + f(None)
}

//! case option_expect_none
#[inline(never)]
fn f(a: Option<u32>) -> u32 {
    a.expect('nothing there')
}

fn main() -> u32 {
    f(Some(1)) + f(None)
}

//! case result_question_mark
#[inline(never)]
fn half(a: u32) -> Result<u32, felt252> {
    if a % 2 == 1 {
        return Err('odd');
    }
    Ok(a / 2)
}

#[inline(never)]
fn f(a: u32) -> Result<u32, felt252> {
    Ok(half(half(a)?)? + 1)
}

fn main() -> (Result<u32, felt252>, Result<u32, felt252>, Result<u32, felt252>) {
    (f(12), f(6), f(5))
}
