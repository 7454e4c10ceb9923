//! Sample: a computation that can be called for its result, or invoked to store it.

#[starknet::interface]
pub trait FactorialABI<T> {
    fn factorial(self: @T, n: u32) -> felt252;
    fn store(ref self: T, n: u32);
    fn stored(self: @T) -> felt252;
}

#[starknet::contract]
mod factorial {
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};

    #[storage]
    struct Storage {
        result: felt252,
    }

    #[abi(embed_v0)]
    impl Factorial of super::FactorialABI<ContractState> {
        /// n! modulo the field's prime.
        fn factorial(self: @ContractState, n: u32) -> felt252 {
            factorial(n)
        }

        fn store(ref self: ContractState, n: u32) {
            self.result.write(factorial(n));
        }

        fn stored(self: @ContractState) -> felt252 {
            self.result.read()
        }
    }

    fn factorial(n: u32) -> felt252 {
        let mut product = 1;
        let mut i = n;
        while i != 0 {
            product *= i.into();
            i -= 1;
        }
        product
    }
}
