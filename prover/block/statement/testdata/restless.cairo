//! A test account whose signature checks have effects: they count themselves, write a slot that `__execute__` reads, emit an event
//! and send a message. Every signature is valid.

#[starknet::interface]
trait RestlessABI<T> {
    fn __validate__(ref self: T, calls: Array<starknet::account::Call>) -> felt252;
    fn __execute__(ref self: T, calls: Array<starknet::account::Call>) -> felt252;
    fn __validate_declare__(ref self: T, class_hash: felt252) -> felt252;
    fn __validate_deploy__(ref self: T, class_hash: felt252, salt: felt252, first: felt252) -> felt252;
    fn turn(ref self: T, class: starknet::ClassHash);
}

#[starknet::contract(account)]
mod restless {
    use starknet::account::Call;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::syscalls::{call_contract_syscall, replace_class_syscall, send_message_to_l1_syscall};
    use starknet::{ClassHash, SyscallResultTrait, get_tx_info};

    #[storage]
    struct Storage {
        checks: felt252, // number of signature checks
        given: felt252, // written by the check for __execute__, which clears it
        seen: felt252, // sum of the values that __execute__ received
        next: ClassHash, // class by which the next check replaces the account
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        Checked: Checked,
        Done: Done,
    }

    #[derive(Drop, starknet::Event)]
    struct Checked {
        #[key]
        number: felt252,
    }

    #[derive(Drop, starknet::Event)]
    struct Done {
        seen: felt252,
    }

    #[constructor]
    fn constructor(ref self: ContractState, first: felt252) {
        self.checks.write(first);
        self.emit(Done { seen: first });
    }

    fn check(ref self: ContractState) -> felt252 {
        let number = self.checks.read() + 1;
        self.checks.write(number);
        self.given.write(get_tx_info().transaction_hash);
        self.emit(Checked { number });
        send_message_to_l1_syscall(0xc4ec, array![number].span()).unwrap_syscall();
        let class = self.next.read();
        if class != 0.try_into().unwrap() {
            replace_class_syscall(class).unwrap_syscall();
        }
        starknet::VALIDATED
    }

    #[abi(embed_v0)]
    impl Restless of super::RestlessABI<ContractState> {
        fn __validate__(ref self: ContractState, calls: Array<Call>) -> felt252 {
            check(ref self)
        }

        fn __validate_declare__(ref self: ContractState, class_hash: felt252) -> felt252 {
            check(ref self)
        }

        fn __validate_deploy__(
            ref self: ContractState, class_hash: felt252, salt: felt252, first: felt252,
        ) -> felt252 {
            check(ref self)
        }

        fn __execute__(ref self: ContractState, mut calls: Array<Call>) -> felt252 {
            let given = self.given.read();
            let seen = self.seen.read() + given;
            self.seen.write(seen);
            self.given.write(0);
            self.emit(Done { seen });
            while let Some(Call { to, selector, calldata }) = calls.pop_front() {
                call_contract_syscall(to, selector, calldata).unwrap_syscall();
            }
            given
        }

        fn turn(ref self: ContractState, class: ClassHash) {
            self.next.write(class);
        }
    }
}
