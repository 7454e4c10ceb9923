//! Curves, circuits and hashes, with arguments that pass their checks and reach their edges.
#[starknet::contract]
mod curves {
    use core::circuit::{
        AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait, EvalCircuitTrait, circuit_add,
        circuit_inverse, circuit_mul, circuit_sub, u384,
    };
    use core::ec::{EcPointTrait, EcStateTrait};
    use core::dict::{Felt252Dict, Felt252DictEntryTrait, SquashedFelt252DictTrait};
    use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait};
    use starknet::secp256k1::Secp256k1Point;
    use starknet::secp256r1::Secp256r1Point;
    use starknet::SyscallResultTrait;

    #[storage]
    struct Storage {}

    const GX: felt252 = 0x1ef15c18599971b7beced415a40f0c7deacfd9b0d1819e03d723d8bc943cfca;
    const GY: felt252 = 0x5668060aa49730b7be4801df46ec62de53ecd11abe43a32873000c36e8dc1f;

    #[external(v0)]
    fn sum(self: @ContractState, a: felt252, b: felt252, minus: bool) -> Option<(felt252, felt252)> {
        let g = EcPointTrait::new_nz(GX, GY)?;
        let mut s = EcStateTrait::init();
        s.add_mul(a, g);
        s.add_mul(b, g);
        if minus {
            s.sub(g);
        } else {
            s.add(g);
        }
        let p = s.finalize_nz()?;
        let q = EcPointTrait::new_nz_from_x(p.x())?;
        let mut t = EcStateTrait::init();
        t.add(q);
        t.sub(p);
        match t.finalize_nz() {
            Some(r) => Some(r.coordinates()),
            None => Some((p.x(), 0)),
        }
    }
    #[external(v0)]
    fn signature(self: @ContractState, hash: felt252, key: felt252, r: felt252, s: felt252) -> bool {
        core::ecdsa::check_ecdsa_signature(hash, key, r, s)
    }
    #[external(v0)]
    fn k1(self: @ContractState, x: u256, k: u256, odd: bool) -> Option<(u256, u256)> {
        let g: Secp256k1Point = Secp256Trait::get_generator_point();
        let p = Secp256Trait::secp256_ec_get_point_from_x_syscall(x, odd).unwrap_syscall()?;
        let q = g.mul(k).unwrap_syscall().add(p).unwrap_syscall();
        let (x, y) = q.get_coordinates().unwrap_syscall();
        let again: Secp256k1Point = Secp256Trait::secp256_ec_new_syscall(x, y).unwrap_syscall()?;
        Some(again.add(again).unwrap_syscall().get_coordinates().unwrap_syscall())
    }
    #[external(v0)]
    fn r1(self: @ContractState, x: u256, k: u256, odd: bool) -> Option<(u256, u256)> {
        let g: Secp256r1Point = Secp256Trait::get_generator_point();
        let p = Secp256Trait::secp256_ec_get_point_from_x_syscall(x, odd).unwrap_syscall()?;
        let q = g.mul(k).unwrap_syscall().add(p).unwrap_syscall();
        let (x, y) = q.get_coordinates().unwrap_syscall();
        let again: Secp256r1Point = Secp256Trait::secp256_ec_new_syscall(x, y).unwrap_syscall()?;
        Some(again.add(again).unwrap_syscall().get_coordinates().unwrap_syscall())
    }
    #[external(v0)]
    fn new(self: @ContractState, x: u256, y: u256) -> (bool, bool) {
        let k: Option<Secp256k1Point> = Secp256Trait::secp256_ec_new_syscall(x, y).unwrap_syscall();
        let r: Option<Secp256r1Point> = Secp256Trait::secp256_ec_new_syscall(x, y).unwrap_syscall();
        (k.is_some(), r.is_some())
    }
    #[external(v0)]
    fn circuit(self: @ContractState, x: u384, y: u384, small: bool, modulus: u384) -> Option<(u384, u384)> {
        let a = CircuitElement::<CircuitInput<0>> {};
        let b = CircuitElement::<CircuitInput<1>> {};
        let c = circuit_sub(circuit_mul(circuit_add(a, b), a), circuit_inverse(b));
        let d = circuit_add(circuit_mul(c, circuit_mul(c, b)), circuit_sub(a, circuit_inverse(c)));
        let m: CircuitModulus = if small {
            [12, 0, 0, 0].try_into()?
        } else {
            [modulus.limb0, modulus.limb1, modulus.limb2, modulus.limb3].try_into()?
        };
        match (d, c).new_inputs().next(x).next(y).done().eval(m) {
            Ok(o) => Some((o.get_output(d), o.get_output(c))),
            Err(_) => None,
        }
    }
    #[external(v0)]
    fn keccak(self: @ContractState, words: Array<u64>, last: u64, bytes: u32) -> (u256, u256) {
        let mut input = words.clone();
        (core::keccak::cairo_keccak(ref input, last, bytes % 8), core::keccak::keccak_u256s_be_inputs(array![words.len().into(), last.into()].span()))
    }
    #[external(v0)]
    fn raw_keccak(self: @ContractState, words: Span<u64>) -> Result<u256, Array<felt252>> {
        starknet::syscalls::keccak_syscall(words)
    }
    #[external(v0)]
    fn sha(self: @ContractState, text: ByteArray, words: Array<u32>) -> (u32, u32, u64) {
        let [a, _, _, _, _, _, _, b] = core::sha256::compute_sha256_byte_array(@text);
        let [c, _, _, _, _, _, _, _] = core::sha256::compute_sha256_u32_array(words, 7, 2);
        let [_, d, _, _, _, _, _, _] = core::sha512::compute_sha512_byte_array(@text);
        (a ^ c, b, d)
    }
    #[external(v0)]
    fn blake(self: @ContractState, a: u32, b: u64) -> (u32, u32) {
        let state = core::box::BoxTrait::new([a, 2, 3, 4, 5, 6, 7, 8]);
        let block = core::box::BoxTrait::new([a, a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        let state = core::blake::blake2s_compress(state, a, block);
        let [x, _, _, _, _, _, _, y] = core::blake::blake2s_finalize(state, 64, block).unbox();
        (x, y)
    }
    #[external(v0)]
    fn squashed(self: @ContractState, keys: Span<felt252>) -> Array<(felt252, felt252, felt252)> {
        let mut d: Felt252Dict<felt252> = Default::default();
        for k in keys {
            d.insert(*k, d.get(*k) * 2 + 1);
            let (entry, value) = d.entry(*k);
            d = entry.finalize(value + 5);
        }
        d.squash().into_entries()
    }
}
