//! case keccak
use core::keccak::{compute_keccak_byte_array, keccak_u256s_be_inputs, keccak_u256s_le_inputs};

#[inline(never)]
fn f(a: Span<u256>, b: ByteArray) -> (u256, u256, u256) {
    (keccak_u256s_le_inputs(a), keccak_u256s_be_inputs(a), compute_keccak_byte_array(@b))
}

type R = (u256, u256, u256);

fn main() -> (R, R) {
    (f([].span(), ""), f([1, 2, 3, 4, 5].span(), "The quick brown fox jumps over the lazy dog"))
}

//! case keccak_bad_length
use starknet::SyscallResultTrait;
use starknet::syscalls::keccak_syscall;

#[inline(never)]
fn f(a: Span<u64>) -> u256 {
    keccak_syscall(a).unwrap_syscall()
}

fn main() -> (u256, u256) {
    let z = [0; 17];
    (f(z.span()), f([].span()))
}

//! case cairo_keccak
#[inline(never)]
fn f(n: u64, last: u64, bytes: u32) -> u256 {
    let mut a = array![];
    for i in 0..n {
        a.append(i * 0x123456789abcd);
    }
    core::keccak::cairo_keccak(ref a, last, bytes)
}

fn main() -> (u256, u256) {
    (f(0, 0, 0), f(20, 0x1234, 3))
}

//! case sha256
use core::sha256::{compute_sha256_byte_array, compute_sha256_u32_array};

#[inline(never)]
fn f(a: ByteArray, n: u32) -> (u32, u32, u32) {
    let [x, _, _, _, _, _, _, y] = compute_sha256_byte_array(@a);
    let mut words = array![];
    for i in 0..n {
        words.append(i);
    }
    let [z, _, _, _, _, _, _, _] = compute_sha256_u32_array(words, 0x61, 1);
    (x, y, z)
}

type R = (u32, u32, u32);

fn main() -> (R, R) {
    (f("", 0), f("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 17))
}

//! case sha512
use core::sha512::{compute_sha512_byte_array, compute_sha512_u64_array};

#[inline(never)]
fn f(a: ByteArray) -> (u64, u64) {
    let [x, _, _, _, _, _, _, y] = compute_sha512_byte_array(@a);
    (x, y)
}

type R = (u64, u64);

fn main() -> (R, R) {
    (f(""), f("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"))
}

//! case blake2s
use core::blake::{blake2s_compress, blake2s_finalize};

#[inline(never)]
fn f(first: u32, count: u32) -> (u32, u32, u32) {
    let iv = BoxTrait::new(
        [0x6b08e647, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
    );
    let m = BoxTrait::new([first, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xffffffff, 0, 0, 0, first]);
    let s = blake2s_compress(iv, 64, m);
    let [a, b, _, _, _, _, _, h] = blake2s_finalize(s, count, m).unbox();
    (a, b, h)
}

type R = (u32, u32, u32);

fn main() -> (R, R) {
    (f(0, 128), f(0xdeadbeef, 100))
}

//! case blake2s_guarantees
use core::blake::{blake2s_compress_guarantees, blake2s_finalize_guarantees};
#[feature("bounded-int-utils")]
type U32Guarantee = core::internal::bounded_int::BoundedIntGuarantee<0, 0xffffffff>;

extern fn u128_to_u32_guarantees(value: u128) -> (U32Guarantee, U32Guarantee, U32Guarantee, U32Guarantee) nopanic;

fn msg(a: u128, b: u128, c: u128, d: u128) -> Box<[U32Guarantee; 16]> {
    let (a0, a1, a2, a3) = u128_to_u32_guarantees(a);
    let (b0, b1, b2, b3) = u128_to_u32_guarantees(b);
    let (c0, c1, c2, c3) = u128_to_u32_guarantees(c);
    let (d0, d1, d2, d3) = u128_to_u32_guarantees(d);
    BoxTrait::new([a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3])
}

#[inline(never)]
fn f(a: u128) -> (u32, u32) {
    let iv = BoxTrait::new(
        [0x6b08e647, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
    );
    let s = blake2s_compress_guarantees(iv, 64, msg(a, 1, a, 2));
    let [x, _, _, _, _, _, _, y] = blake2s_finalize_guarantees(s, 128, msg(3, a, 0, 0)).unbox();
    (x, y)
}

fn main() -> ((u32, u32), (u32, u32)) {
    (f(0), f(0xfedcba9876543210fedcba9876543210))
}

//! case qm31
use core::qm31::{QM31Trait, m31, qm31};

#[inline(never)]
fn f(a: qm31, b: qm31) -> (qm31, qm31, qm31, [m31; 4]) {
    (a + b, a - b, a * b, (a / b).unpack())
}

fn main() -> ((qm31, qm31, qm31, [m31; 4]), (qm31, qm31, qm31, [m31; 4])) {
    let x = QM31Trait::new(0x544b2fba, 0x673cff77, 0x60713d44, 0x499602d2);
    let y = QM31Trait::new(0x4b18de99, 0x55f6fb62, 0x6e2290d9, 0x7cd851b9);
    (f(x, y), f(y, QM31Trait::new(0, 0, 0, 1)))
}

//! case qm31_zero
use core::num::traits::Zero;
use core::qm31::{QM31Trait, m31, qm31, qm31_const};

#[inline(never)]
fn f(a: m31, b: qm31) -> (bool, bool, qm31) {
    let q: qm31 = a.into();
    (q.is_zero(), q == b, q + qm31_const::<1, 2, 3, 4>())
}

type R = (bool, bool, qm31);

fn main() -> (R, R) {
    (f(0, QM31Trait::new(0, 0, 0, 0)), f(0x7ffffffe, QM31Trait::new(0x7ffffffe, 0, 1, 0)))
}

//! case qm31_div_by_zero
use core::qm31::{QM31Trait, qm31};

#[inline(never)]
fn f(a: qm31, b: qm31) -> qm31 {
    a / b
}

fn main() -> qm31 {
    f(QM31Trait::new(1, 2, 3, 4), QM31Trait::new(0, 0, 0, 0))
}

//! case m31
use core::qm31::{m31, m31_ops};

#[inline(never)]
fn f(a: m31, b: NonZero<m31>) -> (m31, m31, m31, m31) {
    let c: m31 = b.into();
    (m31_ops::add(a, c), m31_ops::sub(a, c), m31_ops::mul(a, c), m31_ops::div(a, b))
}

type R = (m31, m31, m31, m31);

fn main() -> (R, R) {
    (f(0x7ffffffe, 1), f(5, 0x7ffffffd))
}
