//! Sample: a computation that can be called for its result, or invoked to store it.

#[starknet::interface]
pub trait FibonacciABI<T> {
    fn fib(self: @T, n: u32) -> felt252;
    fn store(ref self: T, n: u32);
    fn stored(self: @T) -> felt252;
}

#[starknet::contract]
mod fibonacci {
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};

    #[storage]
    struct Storage {
        result: felt252,
    }

    #[abi(embed_v0)]
    impl Fibonacci of super::FibonacciABI<ContractState> {
        /// The n-th number of 0, 1, 1, 2, … modulo the field's prime.
        fn fib(self: @ContractState, n: u32) -> felt252 {
            fib(0, 1, n)
        }

        fn store(ref self: ContractState, n: u32) {
            self.result.write(fib(0, 1, n));
        }

        fn stored(self: @ContractState) -> felt252 {
            self.result.read()
        }
    }

    fn fib(a: felt252, b: felt252, n: u32) -> felt252 {
        if n == 0 {
            a
        } else {
            fib(b, a + b, n - 1)
        }
    }
}
