//! A test contract whose entry points use one builtin or computation syscall each. Every result is stored, so that the state depends on it.

#[starknet::interface]
trait WorkloadABI<T> {
    fn circuit(ref self: T, x: core::circuit::u384, y: core::circuit::u384);
    fn sha256(ref self: T, words: u32);
    fn sha512(ref self: T, text: ByteArray);
    fn keccak(ref self: T, words: u64);
    fn poseidon(ref self: T, words: Span<felt252>);
    fn dictionary(ref self: T, accesses: u32);
    fn p256(ref self: T, hash: u256, r: u256, s: u256, x: u256, y: u256);
    fn point(ref self: T, curve: u8, x: u256, y: u256, scalar: u256);
    fn meta(
        ref self: T, contract: starknet::ContractAddress, selector: felt252, calldata: Span<felt252>, signature: Span<felt252>,
    );
    fn __validate__(self: @T, word: felt252) -> felt252;
    fn __execute__(ref self: T, word: felt252) -> felt252;
    fn last(self: @T) -> felt252;
}

#[starknet::contract(account)]
mod workload {
    use core::circuit::{
        AddInputResultTrait, CircuitElement, CircuitInput, CircuitInputs, CircuitModulus, CircuitOutputsTrait, EvalCircuitTrait,
        circuit_add, circuit_inverse, circuit_mul, circuit_sub, u384,
    };
    use core::dict::{Felt252Dict, Felt252DictTrait};
    use core::poseidon::poseidon_hash_span;
    use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait, is_valid_signature};
    use starknet::secp256k1::Secp256k1Point;
    use starknet::secp256r1::Secp256r1Point;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::{ContractAddress, SyscallResult, SyscallResultTrait, get_execution_info};

    #[storage]
    struct Storage {
        last: felt252,
    }

    /// Stores the Poseidon hash of a value that can be serialized.
    fn store<T, +Serde<T>, +Drop<T>>(ref self: ContractState, value: T) {
        let mut words = array![self.last.read()];
        value.serialize(ref words);
        self.last.write(poseidon_hash_span(words.span()));
    }

    /// The coordinates of 2·(scalar·(x, y)) + (x, y), and of a point with the first x; the failures of these syscalls.
    fn compute<Point, +Drop<Point>, +Copy<Point>, +Secp256Trait<Point>, +Secp256PointTrait<Point>>(
        x: u256, y: u256, scalar: u256,
    ) -> Array<felt252> {
        let mut words = array![];
        let point: SyscallResult<Option<Point>> = Secp256Trait::secp256_ec_new_syscall(x, y);
        match point {
            Ok(found) => match found {
                Some(point) => {
                    let product = point.mul(scalar).unwrap_syscall();
                    let sum = product.add(product).unwrap_syscall().add(point).unwrap_syscall();
                    sum.get_coordinates().unwrap_syscall().serialize(ref words);
                },
                None => words.append('not on the curve'),
            },
            Err(failure) => failure.serialize(ref words),
        }
        let point: SyscallResult<Option<Point>> = Secp256Trait::secp256_ec_get_point_from_x_syscall(x, scalar.low % 2 == 1);
        match point {
            Ok(found) => match found {
                Some(point) => point.get_coordinates().unwrap_syscall().serialize(ref words),
                None => words.append('no such x'),
            },
            Err(failure) => failure.serialize(ref words),
        }
        words
    }

    #[abi(embed_v0)]
    impl Workload of super::WorkloadABI<ContractState> {
        fn circuit(ref self: ContractState, x: u384, y: u384) {
            let a = CircuitElement::<CircuitInput<0>> {};
            let b = CircuitElement::<CircuitInput<1>> {};
            let c = circuit_sub(circuit_mul(circuit_add(a, b), a), circuit_inverse(b));
            let d = circuit_mul(c, circuit_mul(c, b));
            // The modulus of secp256k1.
            let modulus = TryInto::<
                _, CircuitModulus,
            >::try_into([0xfffffffffffffffefffffc2f, 0xffffffffffffffffffffffff, 0xffffffffffffffff, 0])
                .unwrap();
            match (d, c).new_inputs().next(x).next(y).done().eval(modulus) {
                Ok(outputs) => store(ref self, (outputs.get_output(d), outputs.get_output(c))),
                Err(_) => store(ref self, 'no inverse'),
            }
        }

        fn sha256(ref self: ContractState, words: u32) {
            let mut input = array![];
            for i in 0..words {
                input.append(i * 0x1234567);
            }
            let digest = core::sha256::compute_sha256_u32_array(input, 0, 0);
            store(ref self, digest.span());
        }

        fn sha512(ref self: ContractState, text: ByteArray) {
            let digest = core::sha512::compute_sha512_byte_array(@text);
            store(ref self, digest.span());
        }

        fn keccak(ref self: ContractState, words: u64) {
            let mut input = array![];
            for i in 0..words {
                input.append(i * i);
            }
            store(ref self, core::keccak::cairo_keccak(ref input, 0x123456, 3));
        }

        fn poseidon(ref self: ContractState, words: Span<felt252>) {
            store(ref self, words);
        }

        fn dictionary(ref self: ContractState, accesses: u32) {
            let mut first: Felt252Dict<u128> = Default::default();
            let mut second: Felt252Dict<u64> = Default::default();
            for i in 0..accesses {
                let key: felt252 = (i % 7).into() * 0x1000000000000000000000000000000000000000000000000;
                first.insert(key, first.get(key) + i.into());
                second.insert(i.into(), i.into());
            }
            store(ref self, (first.get(0), first.get(0x1000000000000000000000000000000000000000000000000), second.get(3)));
        }

        fn p256(ref self: ContractState, hash: u256, r: u256, s: u256, x: u256, y: u256) {
            let key: Secp256r1Point = Secp256Trait::secp256_ec_new_syscall(x, y).unwrap_syscall().expect('not on the curve');
            assert(is_valid_signature(hash, r, s, key), 'invalid signature');
            store(ref self, (hash, r, s));
        }

        fn point(ref self: ContractState, curve: u8, x: u256, y: u256, scalar: u256) {
            let words = if curve == 0 {
                compute::<Secp256k1Point>(x, y, scalar)
            } else {
                compute::<Secp256r1Point>(x, y, scalar)
            };
            store(ref self, words.span());
        }

        fn meta(
            ref self: ContractState, contract: ContractAddress, selector: felt252, calldata: Span<felt252>, signature: Span<felt252>,
        ) {
            match starknet::syscalls::meta_tx_v0_syscall(contract, selector, calldata, signature) {
                Ok(words) => store(ref self, words),
                Err(failure) => store(ref self, failure.span()),
            }
        }

        fn __validate__(self: @ContractState, word: felt252) -> felt252 {
            0 // signs no transaction
        }

        // What a meta transaction sees: its version, its signature, its hash and its caller.
        fn __execute__(ref self: ContractState, word: felt252) -> felt252 {
            let info = get_execution_info();
            let tx = info.tx_info;
            assert(word != 0, 'no word');
            store(ref self, (word, tx.version, tx.signature, tx.transaction_hash, info.caller_address, tx.account_contract_address));
            tx.transaction_hash
        }

        fn last(self: @ContractState) -> felt252 {
            self.last.read()
        }
    }
}
