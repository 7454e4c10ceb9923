//! Account owned by one Stark-curve key (SNIP-6). The key is set once, by the constructor.
//!
//! Only `__validate__*` and `is_valid_signature` use the ec_op builtin; the constructor and `__execute__` need
//! only the builtins of the proof layout.

#[starknet::interface]
pub trait AccountABI<T> {
    fn __validate__(ref self: T, calls: Array<starknet::account::Call>) -> felt252;
    fn __execute__(ref self: T, calls: Array<starknet::account::Call>) -> Array<Span<felt252>>;
    fn __validate_declare__(self: @T, class_hash: felt252) -> felt252;
    fn __validate_deploy__(
        self: @T, class_hash: felt252, contract_address_salt: felt252, public_key: felt252,
    ) -> felt252;
    fn is_valid_signature(self: @T, hash: felt252, signature: Array<felt252>) -> felt252;
    fn isValidSignature(self: @T, hash: felt252, signature: Array<felt252>) -> felt252;
    fn supports_interface(self: @T, interface_id: felt252) -> bool;
    fn get_public_key(self: @T) -> felt252;
}

#[starknet::contract(account)]
mod account {
    use core::num::traits::Zero;
    use starknet::account::Call;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::{SyscallResultTrait, get_execution_info, get_tx_info};

    const SRC5_ID: felt252 = 0x3f918d17e5ee77373b56385708f855659a07f75997f365cf87748628532a055;
    const SNIP6_ID: felt252 = 0x2ceccef7f994940b3962a6c67e0ba4fcd37df7d131417c604f91e03caecc1cd;
    /// Added to the version of a transaction that is only simulated.
    const QUERY_VERSION_BASE: u256 = 0x100000000000000000000000000000000;

    #[storage]
    struct Storage {
        Account_public_key: felt252,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        OwnerAdded: OwnerAdded,
    }

    #[derive(Drop, starknet::Event)]
    struct OwnerAdded {
        #[key]
        new_owner_guid: felt252,
    }

    #[constructor]
    fn constructor(ref self: ContractState, public_key: felt252) {
        self.Account_public_key.write(public_key);
        self.emit(OwnerAdded { new_owner_guid: public_key });
    }

    #[abi(embed_v0)]
    impl Account of super::AccountABI<ContractState> {
        fn __validate__(ref self: ContractState, calls: Array<Call>) -> felt252 {
            validate_transaction(@self)
        }

        fn __execute__(ref self: ContractState, mut calls: Array<Call>) -> Array<Span<felt252>> {
            let info = get_execution_info();
            assert(info.caller_address.is_zero(), 'Account: invalid caller');
            let version: u256 = info.tx_info.version.into();
            let signed = if version >= QUERY_VERSION_BASE {
                version - QUERY_VERSION_BASE
            } else {
                version
            };
            assert(signed >= 1, 'Account: invalid tx version');
            let mut results = array![];
            while let Some(Call { to, selector, calldata }) = calls.pop_front() {
                results
                    .append(
                        starknet::syscalls::call_contract_syscall(to, selector, calldata)
                            .unwrap_syscall(),
                    );
            }
            results
        }

        fn __validate_declare__(self: @ContractState, class_hash: felt252) -> felt252 {
            validate_transaction(self)
        }

        fn __validate_deploy__(
            self: @ContractState,
            class_hash: felt252,
            contract_address_salt: felt252,
            public_key: felt252,
        ) -> felt252 {
            validate_transaction(self)
        }

        fn is_valid_signature(
            self: @ContractState, hash: felt252, signature: Array<felt252>,
        ) -> felt252 {
            if is_signed(self, hash, signature.span()) {
                starknet::VALIDATED
            } else {
                0
            }
        }

        fn isValidSignature(
            self: @ContractState, hash: felt252, signature: Array<felt252>,
        ) -> felt252 {
            Self::is_valid_signature(self, hash, signature)
        }

        fn supports_interface(self: @ContractState, interface_id: felt252) -> bool {
            interface_id == SRC5_ID || interface_id == SNIP6_ID
        }

        fn get_public_key(self: @ContractState) -> felt252 {
            self.Account_public_key.read()
        }
    }

    fn validate_transaction(self: @ContractState) -> felt252 {
        let tx = get_tx_info();
        assert(
            is_signed(self, tx.transaction_hash, tx.signature), 'Account: invalid signature',
        );
        starknet::VALIDATED
    }

    fn is_signed(self: @ContractState, hash: felt252, signature: Span<felt252>) -> bool {
        if signature.len() != 2 {
            return false;
        }
        core::ecdsa::check_ecdsa_signature(
            hash, self.Account_public_key.read(), *signature.at(0), *signature.at(1),
        )
    }
}
