//! Deploys any declared class for any caller. With `not_from_zero` the new address depends on the caller: the caller's
//! address is hashed into the salt, and the new address is derived from this contract's address instead of zero.

use starknet::{ClassHash, ContractAddress};

#[starknet::interface]
pub trait UniversalDeployerABI<T> {
    fn deploy_contract(
        ref self: T,
        class_hash: ClassHash,
        salt: felt252,
        not_from_zero: bool,
        calldata: Span<felt252>,
    ) -> ContractAddress;
    fn deployContract(
        ref self: T, classHash: ClassHash, salt: felt252, unique: bool, calldata: Span<felt252>,
    ) -> ContractAddress;
}

#[starknet::contract]
mod universal_deployer {
    use starknet::{ClassHash, ContractAddress, SyscallResultTrait, get_caller_address};

    #[storage]
    struct Storage {}

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        ContractDeployed: ContractDeployed,
    }

    /// The fields have the names that SDKs read.
    #[derive(Drop, starknet::Event)]
    struct ContractDeployed {
        address: ContractAddress,
        deployer: ContractAddress,
        unique: bool,
        classHash: ClassHash,
        calldata: Span<felt252>,
        salt: felt252,
    }

    #[abi(embed_v0)]
    impl UniversalDeployer of super::UniversalDeployerABI<ContractState> {
        fn deploy_contract(
            ref self: ContractState,
            class_hash: ClassHash,
            salt: felt252,
            not_from_zero: bool,
            calldata: Span<felt252>,
        ) -> ContractAddress {
            let deployer = get_caller_address();
            let address_salt = if not_from_zero {
                core::pedersen::pedersen(deployer.into(), salt)
            } else {
                salt
            };
            let (address, _) = starknet::syscalls::deploy_syscall(
                class_hash, address_salt, calldata, !not_from_zero,
            )
                .unwrap_syscall();
            self
                .emit(
                    ContractDeployed {
                        address,
                        deployer,
                        unique: not_from_zero,
                        classHash: class_hash,
                        calldata,
                        salt,
                    },
                );
            address
        }

        fn deployContract(
            ref self: ContractState,
            classHash: ClassHash,
            salt: felt252,
            unique: bool,
            calldata: Span<felt252>,
        ) -> ContractAddress {
            Self::deploy_contract(ref self, classHash, salt, unique, calldata)
        }
    }
}
