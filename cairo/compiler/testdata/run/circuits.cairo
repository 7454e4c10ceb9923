//! case circuit_operations
use core::circuit::{
    AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait, EvalCircuitTrait,
    circuit_add, circuit_inverse, circuit_mul, circuit_sub, u384, u96,
};

fn u(limb0: u96, limb1: u96, limb2: u96, limb3: u96) -> u384 {
    u384 { limb0, limb1, limb2, limb3 }
}

#[inline(never)]
fn f(x: u384, y: u384, m: CircuitModulus) -> (u384, u384, u384) {
    let a = CircuitElement::<CircuitInput<0>> {};
    let b = CircuitElement::<CircuitInput<1>> {};
    let s = circuit_add(a, b);
    let inv = circuit_inverse(s);
    let d = circuit_sub(inv, b);
    let p = circuit_mul(inv, d);
    let o = (p, s, inv).new_inputs().next(x).next(y).done().eval(m).unwrap();
    (o.get_output(p), o.get_output(s), o.get_output(inv))
}

type R = (u384, u384, u384);

fn main() -> (R, R, R) {
    let seven: CircuitModulus = [7, 0, 0, 0].try_into().unwrap();
    let bls: CircuitModulus = [
        0xb153ffffb9feffffffffaaab, 0x6730d2a0f6b0f6241eabfffe, 0x434bacd764774b84f38512bf, 0x1a0111ea397fe69a4b1ba7b6,
    ]
        .try_into()
        .unwrap();
    let m = 0xffffffffffffffffffffffff;
    (
        f(u(3, 0, 0, 0), u(6, 0, 0, 0), seven), f(u(3, 4, 5, 6), u(6, 7, 8, 9), bls),
        f(u(m, m, m, m), u(m, m, m, m), bls),
    )
}

//! case circuit_not_invertible
use core::circuit::{
    AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait, EvalCircuitTrait,
    circuit_inverse, circuit_mul, u384, u96,
};

fn u(limb0: u96, limb1: u96, limb2: u96, limb3: u96) -> u384 {
    u384 { limb0, limb1, limb2, limb3 }
}

#[inline(never)]
fn f(x: u384, n: u384) -> felt252 {
    let a = CircuitElement::<CircuitInput<0>> {};
    let i = circuit_inverse(a);
    let p = circuit_mul(i, a);
    let m: CircuitModulus = [n.limb0, n.limb1, n.limb2, n.limb3].try_into().unwrap();
    match (p,).new_inputs().next(x).done().eval(m) {
        Ok(o) => o.get_output(p).limb0.into(),
        Err(_) => 'not invertible',
    }
}

fn main() -> (felt252, felt252, felt252) {
    (f(u(0, 0, 0, 0), u(7, 0, 0, 0)), f(u(3, 0, 0, 0), u(6, 0, 0, 0)), f(u(5, 0, 0, 0), u(6, 0, 0, 0)))
}

//! case circuit_modulus
use core::circuit::{CircuitModulus, u96};

#[inline(never)]
fn f(m: [u96; 4]) -> bool {
    let m: Option<CircuitModulus> = m.try_into();
    m.is_some()
}

fn main() -> (bool, bool, bool, bool) {
    (f([0, 0, 0, 0]), f([1, 0, 0, 0]), f([2, 0, 0, 0]), f([0, 0, 0, 1]))
}

//! case circuit_many_gates
use core::circuit::{
    AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait, EvalCircuitTrait,
    circuit_add, circuit_mul, circuit_sub, u384, u96,
};

fn u(limb0: u96, limb1: u96, limb2: u96, limb3: u96) -> u384 {
    u384 { limb0, limb1, limb2, limb3 }
}

#[inline(never)]
fn f(x: u384, y: u384, z: u384) -> (u384, u384) {
    let a = CircuitElement::<CircuitInput<0>> {};
    let b = CircuitElement::<CircuitInput<1>> {};
    let c = CircuitElement::<CircuitInput<2>> {};
    let t1 = circuit_mul(a, a);
    let t2 = circuit_mul(b, b);
    let t3 = circuit_add(t1, t2);
    let t4 = circuit_sub(t3, c);
    let t5 = circuit_mul(t4, t4);
    let t6 = circuit_mul(t5, t3);
    let t7 = circuit_sub(circuit_add(t6, t1), t2);
    let t8 = circuit_mul(t7, c);
    let m: CircuitModulus = [0xffffffff00000001, 0, 0, 0x800000000000000000000000].try_into().unwrap();
    let o = (t7, t8).new_inputs().next(x).next(y).next(z).done().eval(m).unwrap();
    (o.get_output(t7), o.get_output(t8))
}

fn main() -> ((u384, u384), (u384, u384)) {
    (f(u(1, 0, 0, 0), u(2, 0, 0, 0), u(3, 0, 0, 0)), f(u(0, 1, 2, 3), u(9, 9, 9, 9), u(0, 0, 0, 0)))
}

//! case circuit_u384
use core::circuit::u384;

#[inline(never)]
fn f(a: u256, b: felt252) -> (u384, u384, Option<u256>, Option<u128>) {
    let x: u384 = a.into();
    let y: u384 = b.into();
    (x, y, x.try_into(), y.try_into())
}

type R = (u384, u384, Option<u256>, Option<u128>);

fn main() -> (R, R) {
    (f(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff, -1), f(5, 0xffffffffffffffffffffffffffffffff))
}
