//! case ec_point_new
use core::ec::EcPointTrait;

#[inline(never)]
fn f(x: felt252, y: felt252) -> (bool, felt252, felt252) {
    match EcPointTrait::new_nz(x, y) {
        Some(p) => (true, p.x(), p.y()),
        None => (false, 0, 0),
    }
}

type R = (bool, felt252, felt252);

const GX: felt252 = 0x1ef15c18599971b7beced415a40f0c7deacfd9b0d1819e03d723d8bc943cfca;
const GY: felt252 = 0x5668060aa49730b7be4801df46ec62de53ecd11abe43a32873000c36e8dc1f;

fn main() -> (R, R, R) {
    (f(GX, GY), f(GX, GY + 1), f(0, 0))
}

//! case ec_point_from_x
use core::ec::EcPointTrait;

#[inline(never)]
fn f(x: felt252) -> (felt252, felt252) {
    match EcPointTrait::new_nz_from_x(x) {
        Some(p) => p.coordinates(),
        None => ('none', 0),
    }
}

type R = (felt252, felt252);

fn main() -> (R, R, R, R) {
    (f(1), f(4), f(0), f(0x1ef15c18599971b7beced415a40f0c7deacfd9b0d1819e03d723d8bc943cfca))
}

//! case ec_add_sub_neg
use core::ec::{EcPoint, EcPointTrait, NonZeroEcPoint};

extern fn ec_neg_nz(p: NonZeroEcPoint) -> NonZeroEcPoint nopanic;

#[inline(never)]
fn f(p: EcPoint, q: EcPoint) -> (felt252, felt252, felt252) {
    let s = p + q;
    let d = p - q;
    let x = match TryInto::<EcPoint, NonZeroEcPoint>::try_into(s) {
        Some(n) => n.x(),
        None => 'zero',
    };
    let y = match TryInto::<EcPoint, NonZeroEcPoint>::try_into(-d) {
        Some(n) => n.y(),
        None => 'zero',
    };
    let z = match TryInto::<EcPoint, NonZeroEcPoint>::try_into(-p) {
        Some(n) => ec_neg_nz(n).y(),
        None => 'zero',
    };
    (x, y, z)
}

type R = (felt252, felt252, felt252);

fn main() -> (R, R, R, R) {
    let p = EcPointTrait::new_from_x(1).unwrap();
    let q = EcPointTrait::new(
        0x1ef15c18599971b7beced415a40f0c7deacfd9b0d1819e03d723d8bc943cfca,
        0x5668060aa49730b7be4801df46ec62de53ecd11abe43a32873000c36e8dc1f,
    )
        .unwrap();
    let z = p - p;
    (f(p, q), f(p, p), f(z, q), f(p, -p))
}

//! case ec_mul
use core::ec::{EcPointTrait, NonZeroEcPoint, EcPoint};

#[inline(never)]
fn f(k: felt252) -> (felt252, felt252) {
    let p = EcPointTrait::new_from_x(1).unwrap();
    match TryInto::<EcPoint, NonZeroEcPoint>::try_into(p.mul(k)) {
        Some(n) => n.coordinates(),
        None => ('zero', 0),
    }
}

type R = (felt252, felt252);

fn main() -> (R, R, R, R) {
    (f(0), f(1), f(-1), f(0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f))
}

//! case ec_state
use core::ec::{EcPointTrait, EcStateTrait};

#[inline(never)]
fn f(k: felt252, n: u8) -> (felt252, felt252) {
    let p = EcPointTrait::new_nz_from_x(1).unwrap();
    let q = EcPointTrait::new_nz_from_x(4).unwrap_or(p);
    let mut s = EcStateTrait::init();
    for _ in 0..n {
        s.add(p);
    }
    s.add_mul(k, q);
    s.sub(p);
    match s.finalize_nz() {
        Some(r) => r.coordinates(),
        None => ('zero', 0),
    }
}

type R = (felt252, felt252);

fn main() -> (R, R, R) {
    (f(5, 3), f(0, 1), f(123456789, 2))
}

//! case ecdsa
use core::ecdsa::{check_ecdsa_signature, recover_public_key};

#[inline(never)]
fn f(h: felt252, k: felt252, r: felt252, s: felt252) -> (bool, Option<felt252>) {
    (check_ecdsa_signature(h, k, r, s), recover_public_key(h, r, s, true))
}

type R = (bool, Option<felt252>);

fn main() -> (R, R) {
    let h = 0x503f4bea29baee10b22a7f10bdc82dda071c977c1f25b8f3973d34e6b03b2c;
    let k = 0x7b7454acbe7845da996377f85eb0892044d75ae95d04d3325a391951f35d2ec;
    let r = 0xbe96d72eb4f94078192c2e84d5230cde2a70f4b45c8797e2c907acff5060bb;
    let s = 0x677ae6bba6daf00d2631fab14c8acf24be6579f9d9e98f67aa7f2770e57a1f5;
    (f(h, k, r, s), f(h + 1, k, r, s))
}

//! case secp256{T}_arithmetic for k1 r1
use starknet::SyscallResultTrait;
use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait};
use starknet::secp256{T}::Secp256{T}Point;

#[inline(never)]
fn f(k: u256, x: u256, parity: bool) -> (u256, u256) {
    let g = Secp256Trait::<Secp256{T}Point>::get_generator_point();
    let p = match Secp256Trait::<Secp256{T}Point>::secp256_ec_get_point_from_x_syscall(x, parity).unwrap_syscall() {
        Some(p) => p,
        None => g,
    };
    g.mul(k).unwrap_syscall().add(p).unwrap_syscall().get_coordinates().unwrap_syscall()
}

type R = (u256, u256);

fn main() -> (R, R, R, R) {
    (
        f(1, 5, false), f(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff5, 5, true), f(0, 1, true),
        f(123456789, 4, false),
    )
}

//! case secp256{T}_new for k1 r1
use starknet::SyscallResultTrait;
use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait};
use starknet::secp256{T}::Secp256{T}Point;

#[inline(never)]
fn f(x: u256, y: u256) -> (bool, u256) {
    match Secp256Trait::<Secp256{T}Point>::secp256_ec_new_syscall(x, y).unwrap_syscall() {
        Some(p) => {
            let (_, y) = p.add(p).unwrap_syscall().get_coordinates().unwrap_syscall();
            (true, y)
        },
        None => (false, 0),
    }
}

type R = (bool, u256);

fn main() -> (R, R, R) {
    let (x, y) = Secp256Trait::<Secp256{T}Point>::get_generator_point().get_coordinates().unwrap_syscall();
    (f(x, y), f(x, y + 1), f(0, 0))
}

//! case secp256{T}_recover for k1 r1
use starknet::SyscallResultTrait;
use starknet::secp256_trait::{Secp256PointTrait, Signature, is_valid_signature, recover_public_key};
use starknet::secp256{T}::Secp256{T}Point;

#[inline(never)]
fn f(h: u256, r: u256, s: u256, y_parity: bool) -> (bool, u256) {
    match recover_public_key::<Secp256{T}Point>(h, Signature { r, s, y_parity }) {
        Some(p) => {
            let ok = is_valid_signature(h, r, s, p);
            let (x, _) = p.get_coordinates().unwrap_syscall();
            (ok, x)
        },
        None => (false, 0),
    }
}

fn main() -> (bool, u256) {
    f(
        0xe888fbb4cf9ae6254f19ba12e6d9af54788f195a6f509ca3e934f78d7a71dd85,
        0x4c8e4fbc1fbb1dece52185e532812c4f7a5f81cf3ee10044320a0d03b62d3e9a,
        0x4ac5e5c0c0e8a4871583cc131f35fb49c2b7f60e6a8b84965830658f08f7410c, true,
    )
}
