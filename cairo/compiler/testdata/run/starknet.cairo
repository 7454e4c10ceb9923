//! case addresses
use starknet::{ClassHash, ContractAddress};
use starknet::storage_access::StorageAddress;

#[inline(never)]
fn f(a: felt252) -> (felt252, felt252, felt252) {
    let x: Option<ContractAddress> = a.try_into();
    let y: Option<ClassHash> = a.try_into();
    let z: Option<StorageAddress> = a.try_into();
    (
        match x { Some(v) => v.into(), None => 'none' }, match y { Some(v) => v.into(), None => 'none' },
        match z { Some(v) => v.into(), None => 'none' },
    )
}

type R = (felt252, felt252, felt252);

fn main() -> (R, R, R, R, R) {
    (
        f(0), f(0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeff),
        f(0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00),
        f(0x800000000000000000000000000000000000000000000000000000000000000), f(-1),
    )
}

//! case address_constants
use starknet::{ClassHash, ContractAddress};
use starknet::storage_access::StorageBaseAddress;

extern fn class_hash_const<const address: felt252>() -> ClassHash nopanic;
extern fn contract_address_const<const address: felt252>() -> ContractAddress nopanic;
extern fn storage_base_address_const<const address: felt252>() -> StorageBaseAddress nopanic;

#[inline(never)]
fn f(a: ClassHash, b: ContractAddress, c: StorageBaseAddress) -> (felt252, felt252, felt252, felt252) {
    (
        a.into(), b.into(), starknet::storage_access::storage_address_from_base(c).into(),
        starknet::storage_access::storage_address_from_base_and_offset(c, 255).into(),
    )
}

fn main() -> (felt252, felt252, felt252, felt252) {
    f(class_hash_const::<0x123>(), contract_address_const::<0x456>(), storage_base_address_const::<0x789>())
}

//! case storage_base_of_felt
use starknet::storage_access::{
    storage_address_from_base, storage_address_from_base_and_offset, storage_base_address_from_felt252,
};

#[inline(never)]
fn f(a: felt252, o: u8) -> (felt252, felt252) {
    let b = storage_base_address_from_felt252(a);
    (storage_address_from_base(b).into(), storage_address_from_base_and_offset(b, o).into())
}

type R = (felt252, felt252);

fn main() -> (R, R, R, R) {
    (
        f(5, 0), f(-1, 255), f(0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00, 1),
        f(0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeff, 200),
    )
}

//! case storage_read_write
use starknet::SyscallResultTrait;
use starknet::syscalls::{storage_read_syscall, storage_write_syscall};

#[inline(never)]
fn f(key: felt252, value: felt252) -> (felt252, felt252) {
    let at = key.try_into().unwrap();
    let before = storage_read_syscall(0, at).unwrap_syscall();
    storage_write_syscall(0, at, value).unwrap_syscall();
    (before, storage_read_syscall(0, at).unwrap_syscall())
}

type R = (felt252, felt252);

fn main() -> (R, R, R) {
    (f(1, 5), f(1, 6), f(2, -1))
}

//! case storage_domain
use starknet::syscalls::{storage_read_syscall, storage_write_syscall};

#[inline(never)]
fn f(domain: u32) -> (felt252, felt252) {
    let at = 5.try_into().unwrap();
    let w = match storage_write_syscall(domain, at, 7) {
        Ok(_) => 'written',
        Err(e) => *e[0],
    };
    let r = match storage_read_syscall(domain, at) {
        Ok(v) => v,
        Err(e) => *e[0],
    };
    (w, r)
}

fn main() -> ((felt252, felt252), (felt252, felt252)) {
    (f(0), f(1))
}

//! case syscall_out_of_gas gas=30000
use starknet::SyscallResultTrait;
use starknet::syscalls::storage_read_syscall;

#[inline(never)]
fn f(n: u32) -> felt252 {
    let mut sum = 0;
    for _ in 0..n {
        sum += storage_read_syscall(0, 5.try_into().unwrap()).unwrap_syscall();
    }
    sum
}

fn main() -> felt252 {
    f(1) + f(10)
}

//! case storage_big_values
use starknet::SyscallResultTrait;
use starknet::storage_access::{Store, storage_base_address_from_felt252};

#[inline(never)]
fn f(key: felt252, v: u256, w: Option<i16>) -> (u256, Option<i16>, u256, Option<i16>) {
    let (a, b) = (storage_base_address_from_felt252(key), storage_base_address_from_felt252(key + 10));
    Store::write(0, a, v).unwrap_syscall();
    Store::write(0, b, w).unwrap_syscall();
    let far = storage_base_address_from_felt252(key + 20);
    (
        Store::read(0, a).unwrap_syscall(), Store::read(0, b).unwrap_syscall(), Store::read_at_offset(0, a, 1).unwrap_syscall(),
        Store::read(0, far).unwrap_syscall(),
    )
}

type R = (u256, Option<i16>, u256, Option<i16>);

fn main() -> (R, R) {
    (f(100, 0x500000000000000000000000000000007, Some(-3)), f(90, 1, None))
}

//! case storage_byte_array
use starknet::SyscallResultTrait;
use starknet::storage_access::{Store, storage_base_address_from_felt252};

#[inline(never)]
fn f(v: ByteArray) -> (u32, bool) {
    let base = storage_base_address_from_felt252('name');
    Store::<ByteArray>::write(0, base, v.clone()).unwrap_syscall();
    let w = Store::<ByteArray>::read(0, base).unwrap_syscall();
    (w.len(), w == v)
}

fn main() -> ((u32, bool), (u32, bool)) {
    (f("short"), f("A string that is longer than thirty-one bytes, for it takes several cells of the storage."))
}

//! case emit_event
use starknet::SyscallResultTrait;
use starknet::syscalls::{emit_event_syscall, send_message_to_l1_syscall};

#[inline(never)]
fn f(a: felt252) -> u8 {
    emit_event_syscall([1, a].span(), [a, 3, 4].span()).unwrap_syscall();
    send_message_to_l1_syscall(a, [a, a].span()).unwrap_syscall();
    7
}

fn main() -> (u8, u8) {
    (f(5), f(6))
}

//! case execution_info
use starknet::SyscallResultTrait;
use starknet::syscalls::{get_execution_info_syscall, get_execution_info_v2_syscall, get_execution_info_v3_syscall};

#[inline(never)]
fn f() -> (felt252, felt252, u64, felt252, u32, u128, u32, u32) {
    let v1 = get_execution_info_syscall().unwrap_syscall().unbox();
    let v2 = get_execution_info_v2_syscall().unwrap_syscall().unbox();
    let v3 = get_execution_info_v3_syscall().unwrap_syscall().unbox();
    let t1 = v1.tx_info.unbox();
    let t2 = v2.tx_info.unbox();
    let t3 = v3.tx_info.unbox();
    (
        v1.caller_address.into() + v2.contract_address.into(), v3.entry_point_selector, v1.block_info.unbox().block_number,
        t1.version + t2.chain_id + t3.nonce, t2.resource_bounds.len() + t1.signature.len(), t3.tip,
        t2.nonce_data_availability_mode, t3.account_deployment_data.len(),
    )
}

fn main() -> (felt252, felt252, u64, felt252, u32, u128, u32, u32) {
    f()
}

//! case block_and_class_hash
use starknet::SyscallResultTrait;
use starknet::syscalls::{get_block_hash_syscall, get_class_hash_at_syscall};

#[inline(never)]
fn f(n: u64) -> (felt252, felt252) {
    let h = match get_block_hash_syscall(n) {
        Ok(h) => h,
        Err(e) => *e[0],
    };
    (h, get_class_hash_at_syscall(0x123.try_into().unwrap()).unwrap_syscall().into())
}

fn main() -> ((felt252, felt252), (felt252, felt252)) {
    (f(0), f(5))
}

//! case failing_calls
use starknet::SyscallResult;
use starknet::syscalls::{call_contract_syscall, deploy_syscall, library_call_syscall, replace_class_syscall};

#[inline(never)]
fn first(r: SyscallResult<Span<felt252>>) -> (felt252, u32) {
    match r {
        Ok(d) => (0, d.len()),
        Err(e) => (*e[0], e.len()),
    }
}

#[inline(never)]
fn f(a: felt252) -> ((felt252, u32), (felt252, u32), (felt252, u32), felt252) {
    let to = a.try_into().unwrap();
    let class = a.try_into().unwrap();
    (
        first(call_contract_syscall(to, 1, [a].span())), first(library_call_syscall(class, 2, [].span())),
        match deploy_syscall(class, 4, [1, 2].span(), false) {
            Ok((at, d)) => (at.into(), d.len()),
            Err(e) => (*e[0], e.len()),
        },
        match replace_class_syscall(class) {
            Ok(_) => 'replaced',
            Err(e) => *e[0],
        },
    )
}

fn main() -> ((felt252, u32), (felt252, u32), (felt252, u32), felt252) {
    f(0x1234)
}

//! case call_panics
use starknet::SyscallResultTrait;
use starknet::syscalls::call_contract_syscall;

#[inline(never)]
fn f(a: felt252) -> u32 {
    call_contract_syscall(a.try_into().unwrap(), 1, [].span()).unwrap_syscall().len()
}

fn main() -> u32 {
    f(77)
}
