//! case gas_recursion
fn f(n: felt252) -> felt252 {
    if n == 0 {
        0
    } else {
        f(n - 1) + n
    }
}

fn main() -> (felt252, felt252) {
    (f(0), f(100))
}

//! case gas_exhausted gas=20000
fn f(n: felt252) -> felt252 {
    if n == 0 {
        0
    } else {
        f(n - 1) + n
    }
}

fn main() -> felt252 {
    f(1000)
}

//! case gas_exhausted_in_loop gas=30000
#[inline(never)]
fn f(n: u32) -> u32 {
    let mut sum = 0;
    for i in 0..n {
        sum += i;
    }
    sum
}

fn main() -> u32 {
    f(5) + f(1000)
}

//! case gas_withdraw gas=100000
use core::gas::{get_builtin_costs, withdraw_gas, withdraw_gas_all};

#[inline(never)]
fn f(n: u32) -> felt252 {
    match withdraw_gas() {
        Some(_) => {},
        None => { return 'none'; },
    }
    match withdraw_gas_all(get_builtin_costs()) {
        Some(_) => core::pedersen::pedersen(n.into(), 1),
        None => 'none',
    }
}

fn main() -> (felt252, felt252) {
    (f(1), f(2))
}

//! case gas_redeposit
#[inline(never)]
fn f(n: u32) -> felt252 {
    core::gas::redeposit_gas();
    let v = if n == 0 {
        1
    } else if n == 1 {
        core::poseidon::poseidon_hash_span([1, 2, 3].span())
    } else {
        core::pedersen::pedersen(core::pedersen::pedersen(1, 2), n.into())
    };
    core::gas::redeposit_gas();
    v
}

fn main() -> (felt252, felt252, felt252) {
    (f(0), f(1), f(2))
}

//! case gas_redeposit_branch for 0 1 2
#[inline(never)]
fn f(n: u32) -> felt252 {
    if n == 0 {
        1
    } else if n == 1 {
        core::poseidon::poseidon_hash_span([1, 2, 3].span())
    } else {
        core::pedersen::pedersen(core::pedersen::pedersen(1, 2), n.into())
    }
}

fn main() -> felt252 {
    f({T})
}

//! case gas_reserve
use core::gas::{GasReserve, gas_reserve_create, gas_reserve_utilize};

impl ReserveDestruct of Destruct<GasReserve> {
    fn destruct(self: GasReserve) nopanic {
        gas_reserve_utilize(self);
    }
}

#[inline(never)]
fn f(amount: u128) -> felt252 {
    match gas_reserve_create(amount) {
        Some(r) => {
            let v = core::pedersen::pedersen(1, amount.into());
            gas_reserve_utilize(r);
            v
        },
        None => 'none',
    }
}

fn main() -> (felt252, felt252, felt252) {
    (f(0), f(1000), f(0xffffffffffffffffffffffffffffffff))
}

//! case coupon
extern fn coupon_buy<T>() -> T nopanic;
extern fn coupon_refund<T>(c: T) nopanic;

#[inline(never)]
fn hash(v: felt252, n: u8) -> felt252 {
    let (a, b, c) = core::poseidon::hades_permutation(v, n.into(), 1);
    if n > 3 {
        a + b
    } else {
        c
    }
}

fn run(v: felt252, n: u8, c: hash::Coupon) -> felt252 {
    if n == 0 {
        coupon_refund(c);
        return v;
    }
    let w = hash(v, n, __coupon__: c);
    run(w, n - 1, coupon_buy())
}

impl HashCouponDestruct of Destruct<hash::Coupon> {
    fn destruct(self: hash::Coupon) nopanic {
        coupon_refund(self);
    }
}

fn main() -> (felt252, felt252) {
    (run(5, 0, coupon_buy()), run(5, 6, coupon_buy()))
}

//! case coupon_sum
extern fn coupon_buy<T>() -> T nopanic;

fn sum(mut a: Array<(u128, sum::Coupon)>) -> u128 nopanic {
    match a.pop_front_consume() {
        Some((rest, (x, c))) => core::integer::u128_wrapping_add(x, sum(rest, __coupon__: c)),
        None => 0,
    }
}

fn main() -> u128 {
    let mut a = array![];
    a.append((3, coupon_buy()));
    a.append((4, coupon_buy()));
    sum(a)
}

//! case ap_tracking
#[inline(never)]
fn g(n: felt252) -> felt252 {
    core::internal::revoke_ap_tracking();
    n + 1
}

fn f(n: felt252, m: felt252) -> felt252 {
    let a = n * m;
    if n == 0 {
        return a + g(m);
    }
    let b = f(n - 1, a);
    a + b * m
}

fn main() -> (felt252, felt252) {
    (f(0, 3), f(5, 2))
}

//! case trace
extern fn trace<const FLAG: felt252>() nopanic;

#[inline(never)]
fn f(n: felt252) -> felt252 {
    trace::<7>();
    n + 1
}

fn main() -> felt252 {
    f(4)
}

//! case mutual_recursion
fn even(n: u32) -> bool {
    if n == 0 {
        true
    } else {
        odd(n - 1)
    }
}

fn odd(n: u32) -> bool {
    if n == 0 {
        false
    } else {
        even(n - 1)
    }
}

fn main() -> (bool, bool, bool) {
    (even(10), odd(10), even(31))
}
