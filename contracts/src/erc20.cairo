//! Fungible token with the interface that wallets expect of the fee token: snake and camel case names, u256 amounts, name and
//! symbol as short strings. Only the constructor mints: the supply is fixed by genesis.
//!
//! Storage variables have the names of common token contracts, so that balances are at the addresses that tools
//! expect: `pedersen(sn_keccak("ERC20_balances"), account)`, low word first.

use starknet::ContractAddress;

#[starknet::interface]
pub trait ERC20ABI<T> {
    fn name(self: @T) -> felt252;
    fn symbol(self: @T) -> felt252;
    fn decimals(self: @T) -> u8;
    fn total_supply(self: @T) -> u256;
    fn totalSupply(self: @T) -> u256;
    fn balance_of(self: @T, account: ContractAddress) -> u256;
    fn balanceOf(self: @T, account: ContractAddress) -> u256;
    fn allowance(self: @T, owner: ContractAddress, spender: ContractAddress) -> u256;
    fn transfer(ref self: T, recipient: ContractAddress, amount: u256) -> bool;
    fn transfer_from(
        ref self: T, sender: ContractAddress, recipient: ContractAddress, amount: u256,
    ) -> bool;
    fn transferFrom(
        ref self: T, sender: ContractAddress, recipient: ContractAddress, amount: u256,
    ) -> bool;
    fn approve(ref self: T, spender: ContractAddress, amount: u256) -> bool;
}

#[starknet::contract]
mod erc20 {
    use core::num::traits::{Bounded, Zero};
    use starknet::storage::{
        Map, StorageMapReadAccess, StorageMapWriteAccess, StoragePointerReadAccess,
        StoragePointerWriteAccess,
    };
    use starknet::{ContractAddress, get_caller_address};

    #[storage]
    struct Storage {
        ERC20_name: felt252,
        ERC20_symbol: felt252,
        ERC20_decimals: u8,
        ERC20_total_supply: u256,
        ERC20_balances: Map<ContractAddress, u256>,
        ERC20_allowances: Map<(ContractAddress, ContractAddress), u256>,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        Transfer: Transfer,
        Approval: Approval,
    }

    #[derive(Drop, starknet::Event)]
    struct Transfer {
        #[key]
        from: ContractAddress,
        #[key]
        to: ContractAddress,
        value: u256,
    }

    #[derive(Drop, starknet::Event)]
    struct Approval {
        #[key]
        owner: ContractAddress,
        #[key]
        spender: ContractAddress,
        value: u256,
    }

    #[constructor]
    fn constructor(
        ref self: ContractState,
        name: felt252,
        symbol: felt252,
        decimals: u8,
        initial_supply: u256,
        recipient: ContractAddress,
    ) {
        self.ERC20_name.write(name);
        self.ERC20_symbol.write(symbol);
        self.ERC20_decimals.write(decimals);
        assert(recipient.is_non_zero(), 'ERC20: mint to 0');
        self.ERC20_total_supply.write(initial_supply);
        self.ERC20_balances.write(recipient, initial_supply);
        self.emit(Transfer { from: Zero::zero(), to: recipient, value: initial_supply });
    }

    #[abi(embed_v0)]
    impl ERC20 of super::ERC20ABI<ContractState> {
        fn name(self: @ContractState) -> felt252 {
            self.ERC20_name.read()
        }

        fn symbol(self: @ContractState) -> felt252 {
            self.ERC20_symbol.read()
        }

        fn decimals(self: @ContractState) -> u8 {
            self.ERC20_decimals.read()
        }

        fn total_supply(self: @ContractState) -> u256 {
            self.ERC20_total_supply.read()
        }

        fn totalSupply(self: @ContractState) -> u256 {
            self.ERC20_total_supply.read()
        }

        fn balance_of(self: @ContractState, account: ContractAddress) -> u256 {
            self.ERC20_balances.read(account)
        }

        fn balanceOf(self: @ContractState, account: ContractAddress) -> u256 {
            self.ERC20_balances.read(account)
        }

        fn allowance(
            self: @ContractState, owner: ContractAddress, spender: ContractAddress,
        ) -> u256 {
            self.ERC20_allowances.read((owner, spender))
        }

        fn transfer(ref self: ContractState, recipient: ContractAddress, amount: u256) -> bool {
            move(ref self, get_caller_address(), recipient, amount);
            true
        }

        fn transfer_from(
            ref self: ContractState,
            sender: ContractAddress,
            recipient: ContractAddress,
            amount: u256,
        ) -> bool {
            spend_allowance(ref self, sender, get_caller_address(), amount);
            move(ref self, sender, recipient, amount);
            true
        }

        fn transferFrom(
            ref self: ContractState,
            sender: ContractAddress,
            recipient: ContractAddress,
            amount: u256,
        ) -> bool {
            Self::transfer_from(ref self, sender, recipient, amount)
        }

        fn approve(ref self: ContractState, spender: ContractAddress, amount: u256) -> bool {
            set_allowance(ref self, get_caller_address(), spender, amount);
            true
        }
    }

    fn move(
        ref self: ContractState,
        from: ContractAddress,
        to: ContractAddress,
        value: u256,
    ) {
        assert(from.is_non_zero(), 'ERC20: transfer from 0');
        assert(to.is_non_zero(), 'ERC20: transfer to 0');
        let balance = self.ERC20_balances.read(from);
        assert(balance >= value, 'ERC20: insufficient balance');
        self.ERC20_balances.write(from, balance - value);
        // Read after the write: the two accounts may be the same.
        self.ERC20_balances.write(to, self.ERC20_balances.read(to) + value);
        self.emit(Transfer { from, to, value });
    }

    fn set_allowance(
        ref self: ContractState, owner: ContractAddress, spender: ContractAddress, value: u256,
    ) {
        assert(owner.is_non_zero(), 'ERC20: approve from 0');
        assert(spender.is_non_zero(), 'ERC20: approve to 0');
        self.ERC20_allowances.write((owner, spender), value);
        self.emit(Approval { owner, spender, value });
    }

    /// Decreases an allowance; the maximum allowance stays as it is.
    fn spend_allowance(
        ref self: ContractState, owner: ContractAddress, spender: ContractAddress, value: u256,
    ) {
        let allowance = self.ERC20_allowances.read((owner, spender));
        if allowance != Bounded::MAX {
            assert(allowance >= value, 'ERC20: insufficient allowance');
            set_allowance(ref self, owner, spender, allowance - value);
        }
    }
}
