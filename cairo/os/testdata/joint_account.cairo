//! A test account that belongs to a group of keys, of which it stores the Poseidon hash. A signature is: number of keys, keys, and for
//! each key r and s.

#[starknet::interface]
trait JointAccountABI<T> {
    fn __validate__(self: @T, calls: Array<starknet::account::Call>) -> felt252;
    fn __execute__(ref self: T, calls: Array<starknet::account::Call>) -> Array<Span<felt252>>;
    fn __validate_declare__(self: @T, class_hash: felt252) -> felt252;
    fn __validate_deploy__(self: @T, class_hash: felt252, salt: felt252, group: felt252) -> felt252;
}

#[starknet::contract(account)]
mod joint_account {
    use core::ecdsa::check_ecdsa_signature;
    use core::num::traits::Zero;
    use core::poseidon::poseidon_hash_span;
    use starknet::account::Call;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::{SyscallResultTrait, get_caller_address, get_tx_info};

    #[storage]
    struct Storage {
        group: felt252,
    }

    #[constructor]
    fn constructor(ref self: ContractState, group: felt252) {
        self.group.write(group);
    }

    fn check(self: @ContractState) -> felt252 {
        let tx = get_tx_info();
        let mut words = tx.signature;
        let mut keys = Serde::<Span<felt252>>::deserialize(ref words).expect('signature is too short');
        assert(poseidon_hash_span(keys) == self.group.read(), 'keys of another group');
        while let Some(key) = keys.pop_front() {
            let r = *words.pop_front().expect('signature is too short');
            let s = *words.pop_front().expect('signature is too short');
            assert(check_ecdsa_signature(tx.transaction_hash, *key, r, s), 'invalid signature');
        }
        assert(words.is_empty(), 'signature is too long');
        starknet::VALIDATED
    }

    #[abi(embed_v0)]
    impl Account of super::JointAccountABI<ContractState> {
        fn __validate__(self: @ContractState, calls: Array<Call>) -> felt252 {
            check(self)
        }

        fn __execute__(ref self: ContractState, mut calls: Array<Call>) -> Array<Span<felt252>> {
            assert(get_caller_address().is_zero(), 'called by a contract');
            let mut results = array![];
            while let Some(Call { to, selector, calldata }) = calls.pop_front() {
                results.append(starknet::syscalls::call_contract_syscall(to, selector, calldata).unwrap_syscall());
            }
            results
        }

        fn __validate_declare__(self: @ContractState, class_hash: felt252) -> felt252 {
            check(self)
        }

        fn __validate_deploy__(self: @ContractState, class_hash: felt252, salt: felt252, group: felt252) -> felt252 {
            check(self)
        }
    }
}
