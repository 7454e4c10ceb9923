// A contract whose functions use every hint that the compiler emits. The tests know the expected results.
#[starknet::contract]
mod hints {
    use core::blake::{blake2s_compress, blake2s_finalize};
    use core::box::BoxTrait;
    use core::circuit::{
        AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait,
        EvalCircuitTrait, circuit_add, circuit_inverse, circuit_mul, circuit_sub, u384,
    };
    use core::dict::Felt252Dict;
    use core::ec::{EcPointTrait, EcStateTrait};
    use core::integer::{u512, u512_safe_div_rem_by_u256};
    use core::math::{u256_inv_mod, u256_mul_mod_n};
    use core::num::traits::{Sqrt, WideMul};
    use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait};
    use starknet::secp256k1::Secp256k1Point;
    use starknet::secp256r1::Secp256r1Point;

    #[storage]
    struct Storage {
        value: felt252,
    }

    #[external(v0)]
    fn div_u128(self: @ContractState, a: u128, b: u128) -> (u128, u128) {
        (a / b, a % b)
    }

    #[external(v0)]
    fn mul_u128(self: @ContractState, a: u128, b: u128) -> u256 {
        a.wide_mul(b)
    }

    #[external(v0)]
    fn div_u256(self: @ContractState, a: u256, b: u256) -> (u256, u256) {
        (a / b, a % b)
    }

    #[external(v0)]
    fn mul_div_u256(self: @ContractState, a: u256, b: u256, d: u256) -> (u512, u256) {
        u512_safe_div_rem_by_u256(a.wide_mul(b), d.try_into().unwrap())
    }

    #[external(v0)]
    fn mul_mod(self: @ContractState, a: u256, b: u256, n: u256) -> u256 {
        u256_mul_mod_n(a, b, n.try_into().unwrap())
    }

    #[external(v0)]
    fn inv_mod(self: @ContractState, a: u256, n: u256) -> u256 {
        match u256_inv_mod(a, n.try_into().unwrap()) {
            Some(x) => x.into(),
            None => 0,
        }
    }

    #[external(v0)]
    fn sqrt_u128(self: @ContractState, a: u128) -> u64 {
        a.sqrt()
    }

    #[external(v0)]
    fn sqrt_u256(self: @ContractState, a: u256) -> u128 {
        a.sqrt()
    }

    #[external(v0)]
    fn less_felt(self: @ContractState, a: felt252, b: felt252) -> (bool, bool) {
        let x: u256 = a.into();
        let y: u256 = b.into();
        (x < y, x <= y)
    }

    #[external(v0)]
    fn narrow(self: @ContractState, a: felt252) -> (Option<u8>, Option<u64>, Option<u128>, Option<i16>) {
        (a.try_into(), a.try_into(), a.try_into(), a.try_into())
    }

    // Sums values by key in a dictionary.
    #[external(v0)]
    fn dict(self: @ContractState, keys: Span<felt252>, values: Span<u64>) -> Array<u64> {
        let mut d: Felt252Dict<u64> = Default::default();
        let mut v = values;
        for key in keys {
            let x = *v.pop_front().unwrap();
            d.insert(*key, d.get(*key) + x);
        }
        let mut out = array![];
        for key in keys {
            out.append(d.get(*key));
        }
        out
    }

    #[external(v0)]
    fn many_dicts(self: @ContractState, n: u32) -> u64 {
        let mut total = 0;
        for i in 0..n {
            let mut d: Felt252Dict<u64> = Default::default();
            d.insert(i.into(), 7);
            d.insert(1000000000000000000000000000000000000000000000000000000000000000, 3);
            total += d.get(i.into()) + d.get(5);
            d.squash();
        }
        total
    }

    #[external(v0)]
    fn ec_mul(self: @ContractState, x: felt252, k: felt252) -> (felt252, felt252) {
        let p = EcPointTrait::new_nz_from_x(x).unwrap();
        let mut s = EcStateTrait::init();
        s.add_mul(k, p);
        s.finalize_nz().unwrap().coordinates()
    }

    #[external(v0)]
    fn keccak(self: @ContractState, input: Span<u256>) -> u256 {
        core::keccak::keccak_u256s_le_inputs(input)
    }

    #[external(v0)]
    fn sha256(self: @ContractState, text: ByteArray) -> [u32; 8] {
        core::sha256::compute_sha256_byte_array(@text)
    }

    #[external(v0)]
    fn hashes(self: @ContractState, a: felt252, b: felt252) -> (felt252, felt252, felt252) {
        let (x, _, _) = core::poseidon::hades_permutation(a, b, 2);
        (core::pedersen::pedersen(a, b), core::poseidon::poseidon_hash_span([a, b].span()), x)
    }

    #[external(v0)]
    fn bits(self: @ContractState, a: u128, b: u128) -> (u128, u128, u128) {
        (a & b, a ^ b, a | b)
    }

    #[external(v0)]
    fn blake(self: @ContractState, a: u32) -> [u32; 8] {
        let state = BoxTrait::new(
            [0x6B08E647, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19],
        );
        let msg = BoxTrait::new([a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let state = blake2s_compress(state, 64, msg);
        blake2s_finalize(state, 68, msg).unbox()
    }

    // (a + b) * b - a and 1 / (a * b), modulo p in four words.
    #[external(v0)]
    fn circuit(self: @ContractState, a: u384, b: u384, p: u384) -> Option<(u384, u384)> {
        let in1 = CircuitElement::<CircuitInput<0>> {};
        let in2 = CircuitElement::<CircuitInput<1>> {};
        let x = circuit_sub(circuit_mul(circuit_add(in1, in2), in2), in1);
        let y = circuit_inverse(circuit_mul(in1, in2));
        let modulus = TryInto::<_, CircuitModulus>::try_into([p.limb0, p.limb1, p.limb2, p.limb3]).unwrap();
        match (x, y).new_inputs().next(a).next(b).done().eval(modulus) {
            Ok(out) => Some((out.get_output(x), out.get_output(y))),
            Err(_) => None,
        }
    }

    #[external(v0)]
    fn secp(self: @ContractState, k: u256) -> (u256, u256, u256, u256, u256, u256) {
        let g = Secp256Trait::<Secp256k1Point>::get_generator_point();
        let (x, y) = g.mul(k).unwrap().add(g).unwrap().get_coordinates().unwrap();
        let h = Secp256Trait::<Secp256r1Point>::get_generator_point();
        let q = h.mul(k).unwrap().add(h).unwrap();
        let (z, w) = q.get_coordinates().unwrap();
        let (hx, _) = h.get_coordinates().unwrap();
        let back = Secp256Trait::<Secp256r1Point>::secp256_ec_get_point_from_x_syscall(hx, false).unwrap().unwrap();
        let (_, even) = back.get_coordinates().unwrap();
        let back = Secp256Trait::<Secp256k1Point>::secp256_ec_get_point_from_x_syscall(x, true).unwrap().unwrap();
        let (_, odd) = back.get_coordinates().unwrap();
        (x, y, z, w, even, odd)
    }

    #[external(v0)]
    fn boxed(self: @ContractState, a: u32) -> u32 {
        let b = BoxTrait::new([a, a + 1, a + 2]);
        let c = BoxTrait::new(b);
        let [x, y, z] = c.unbox().unbox();
        x * y * z
    }

    #[external(v0)]
    fn info(self: @ContractState) -> (u64, u64, felt252, felt252, felt252, felt252) {
        let i = starknet::get_execution_info().unbox();
        let b = i.block_info.unbox();
        let t = i.tx_info.unbox();
        (b.block_number, b.block_timestamp, b.sequencer_address.into(), t.version, *t.signature.at(0), i.caller_address.into())
    }
}
