//! Sample: storage, events, and calls to another counter, whose failure the caller can handle.

use starknet::ContractAddress;

#[starknet::interface]
pub trait CounterABI<T> {
    fn get(self: @T) -> u128;
    fn increment(ref self: T);
    fn decrement(ref self: T);
    fn increment_other(ref self: T, other: ContractAddress) -> u128;
    fn try_decrement_other(ref self: T, other: ContractAddress) -> bool;
}

#[starknet::contract]
mod counter {
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::{ContractAddress, get_caller_address};
    use super::{CounterABIDispatcher, CounterABIDispatcherTrait};

    #[storage]
    struct Storage {
        count: u128,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        Changed: Changed,
    }

    #[derive(Drop, starknet::Event)]
    struct Changed {
        #[key]
        by: ContractAddress,
        count: u128,
    }

    #[constructor]
    fn constructor(ref self: ContractState, start: u128) {
        self.count.write(start);
    }

    #[abi(embed_v0)]
    impl Counter of super::CounterABI<ContractState> {
        fn get(self: @ContractState) -> u128 {
            self.count.read()
        }

        fn increment(ref self: ContractState) {
            set(ref self, self.count.read() + 1);
        }

        /// Decrements the count; panics if it is zero.
        fn decrement(ref self: ContractState) {
            let count = self.count.read();
            assert(count != 0, 'Counter: below zero');
            set(ref self, count - 1);
        }

        /// Increments the other counter, then this one, and returns the other's count.
        fn increment_other(ref self: ContractState, other: ContractAddress) -> u128 {
            let other = CounterABIDispatcher { contract_address: other };
            other.increment();
            Self::increment(ref self);
            other.get()
        }

        /// Decrements the other counter. If that succeeds, increments this one and returns true.
        fn try_decrement_other(ref self: ContractState, other: ContractAddress) -> bool {
            let answer = starknet::syscalls::call_contract_syscall(
                other, selector!("decrement"), array![].span(),
            );
            if answer.is_err() {
                return false;
            }
            Self::increment(ref self);
            true
        }
    }

    fn set(ref self: ContractState, count: u128) {
        self.count.write(count);
        self.emit(Changed { by: get_caller_address(), count });
    }
}
