//! A test account that belongs to an Ethereum address. A signature is r, s (two words each) and the parity of y. The check recovers the
//! public key, so it makes every syscall of secp256k1, and keccak.

#[starknet::interface]
trait EthAccountABI<T> {
    fn __validate__(self: @T, calls: Array<starknet::account::Call>) -> felt252;
    fn __execute__(ref self: T, calls: Array<starknet::account::Call>) -> Array<Span<felt252>>;
    fn __validate_declare__(self: @T, class_hash: felt252) -> felt252;
    fn __validate_deploy__(self: @T, class_hash: felt252, salt: felt252, owner: starknet::EthAddress) -> felt252;
}

#[starknet::contract(account)]
mod eth_account {
    use core::num::traits::Zero;
    use starknet::account::Call;
    use starknet::eth_signature::verify_eth_signature;
    use starknet::secp256_trait::Signature;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::{EthAddress, SyscallResultTrait, get_caller_address, get_tx_info};

    #[storage]
    struct Storage {
        owner: EthAddress,
    }

    #[constructor]
    fn constructor(ref self: ContractState, owner: EthAddress) {
        self.owner.write(owner);
    }

    fn check(self: @ContractState) -> felt252 {
        let tx = get_tx_info();
        let mut words = tx.signature;
        let (r, s, y_parity) = Serde::<(u256, u256, bool)>::deserialize(ref words).expect('signature is too short');
        assert(words.is_empty(), 'signature is too long');
        verify_eth_signature(tx.transaction_hash.into(), Signature { r, s, y_parity }, self.owner.read());
        starknet::VALIDATED
    }

    #[abi(embed_v0)]
    impl Account of super::EthAccountABI<ContractState> {
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

        fn __validate_deploy__(self: @ContractState, class_hash: felt252, salt: felt252, owner: EthAddress) -> felt252 {
            check(self)
        }
    }
}
