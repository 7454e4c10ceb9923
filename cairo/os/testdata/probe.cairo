//! A contract for tests. It makes every syscall that can be proved, and uses a builtin that cannot be proved.

use starknet::{ClassHash, ContractAddress};

#[starknet::interface]
trait ProbeABI<T> {
    fn library(ref self: T, class: ClassHash, selector: felt252, calldata: Span<felt252>) -> Span<felt252>;
    fn survive(ref self: T, contract: ContractAddress, selector: felt252, calldata: Span<felt252>) -> Span<felt252>;
    fn extend_failure(ref self: T, contract: ContractAddress, selector: felt252) -> Array<felt252>;
    fn note_info(ref self: T) -> felt252;
    fn digest(ref self: T, words: Span<u64>) -> (felt252, u256);
    fn message(ref self: T, to: felt252, payload: Span<felt252>);
    fn replace(ref self: T, class: ClassHash);
    fn class_of(self: @T, contract: ContractAddress) -> ClassHash;
    fn block_hash(self: @T, number: u64) -> felt252;
    fn mix(ref self: T, a: u128, b: u128) -> (u128, felt252);
    fn hades(ref self: T, a: felt252) -> felt252;
    fn dictionary(ref self: T, a: felt252) -> felt252;
    fn dictionaries(ref self: T, a: felt252) -> felt252;
    fn sha(ref self: T, a: u32) -> u32;
    fn spin(ref self: T, n: felt252) -> felt252;
    fn announce(ref self: T, keys: Span<felt252>, data: Span<felt252>);
}

#[starknet::contract]
mod probe {
    use core::dict::Felt252Dict;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::syscalls::{
        call_contract_syscall, emit_event_syscall, get_block_hash_syscall, get_class_hash_at_syscall,
        keccak_syscall, library_call_syscall, replace_class_syscall, send_message_to_l1_syscall,
    };
    use starknet::{ClassHash, ContractAddress, SyscallResultTrait, get_execution_info};

    #[storage]
    struct Storage {
        sum: felt252,
    }

    #[constructor]
    fn constructor(ref self: ContractState) {
        note(ref self);
    }

    fn note(ref self: ContractState) -> felt252 {
        let info = get_execution_info();
        let tx = info.tx_info;
        let block = info.block_info;
        let mut sum = tx.version
            + tx.account_contract_address.into()
            + tx.transaction_hash
            + tx.chain_id
            + tx.nonce
            + tx.tip.into()
            + block.block_number.into()
            + block.block_timestamp.into()
            + block.sequencer_address.into()
            + info.caller_address.into()
            + info.contract_address.into()
            + info.entry_point_selector;
        for word in tx.signature {
            sum = sum * 2 + *word;
        }
        for bounds in tx.resource_bounds {
            sum = sum * 2 + *bounds.resource + (*bounds.max_amount).into();
        }
        self.sum.write(sum);
        sum
    }

    #[abi(embed_v0)]
    impl Probe of super::ProbeABI<ContractState> {
        fn library(
            ref self: ContractState, class: ClassHash, selector: felt252, calldata: Span<felt252>,
        ) -> Span<felt252> {
            library_call_syscall(class, selector, calldata).unwrap_syscall()
        }

        fn survive(
            ref self: ContractState,
            contract: ContractAddress,
            selector: felt252,
            calldata: Span<felt252>,
        ) -> Span<felt252> {
            match call_contract_syscall(contract, selector, calldata) {
                Ok(data) => data,
                Err(data) => data.span(),
            }
        }

        fn extend_failure(
            ref self: ContractState, contract: ContractAddress, selector: felt252,
        ) -> Array<felt252> {
            let Err(mut data) = call_contract_syscall(contract, selector, array![].span()) else {
                return array![];
            };
            data.append(1);
            data.append(2);
            data
        }

        fn note_info(ref self: ContractState) -> felt252 {
            note(ref self)
        }

        fn digest(ref self: ContractState, words: Span<u64>) -> (felt252, u256) {
            match keccak_syscall(words) {
                Ok(digest) => (0, digest),
                Err(data) => (*data[0], 0),
            }
        }

        fn message(ref self: ContractState, to: felt252, payload: Span<felt252>) {
            send_message_to_l1_syscall(to, payload).unwrap_syscall();
        }

        fn replace(ref self: ContractState, class: ClassHash) {
            replace_class_syscall(class).unwrap_syscall();
        }

        fn class_of(self: @ContractState, contract: ContractAddress) -> ClassHash {
            get_class_hash_at_syscall(contract).unwrap_syscall()
        }

        fn block_hash(self: @ContractState, number: u64) -> felt252 {
            match get_block_hash_syscall(number) {
                Ok(hash) => hash,
                Err(data) => *data[0],
            }
        }

        fn mix(ref self: ContractState, a: u128, b: u128) -> (u128, felt252) {
            (a & b, core::pedersen::pedersen(a.into(), b.into()))
        }

        fn hades(ref self: ContractState, a: felt252) -> felt252 {
            let (x, _, _) = core::poseidon::hades_permutation(a, 1, 2);
            x
        }

        fn dictionary(ref self: ContractState, a: felt252) -> felt252 {
            let mut dict: Felt252Dict<felt252> = Default::default();
            dict.insert(a, 1);
            dict.get(a)
        }

        /// Three dictionaries at once, one of them empty.
        fn dictionaries(ref self: ContractState, a: felt252) -> felt252 {
            let mut x: Felt252Dict<felt252> = Default::default();
            let mut y: Felt252Dict<u128> = Default::default();
            let _z: Felt252Dict<u8> = Default::default();
            x.insert(a, 1);
            y.insert(a, 2);
            x.insert(a + 1, 3);
            x.insert(a, x.get(a) + x.get(a + 1));
            self.sum.write(x.get(a) + y.get(a).into());
            x.get(a) + y.get(5).into()
        }

        fn sha(ref self: ContractState, a: u32) -> u32 {
            let [word, _, _, _, _, _, _, _] = core::sha256::compute_sha256_u32_array(array![a], 0, 0);
            word
        }

        fn spin(ref self: ContractState, n: felt252) -> felt252 {
            let mut i = n;
            while i != 0 {
                i -= 1;
            }
            self.sum.read()
        }

        fn announce(ref self: ContractState, keys: Span<felt252>, data: Span<felt252>) {
            emit_event_syscall(keys, data).unwrap_syscall();
        }
    }
}
