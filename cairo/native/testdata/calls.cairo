//! Trees of calls that pass spans from frame to frame. In the tests every contract but the sixth has this code.
#[starknet::contract]
mod calls {
    use core::dict::Felt252Dict;
    use core::num::traits::WideMul;
    use starknet::storage::{StoragePointerReadAccess, StoragePointerWriteAccess};
    use starknet::syscalls::{call_contract_syscall, library_call_syscall};
    use starknet::{SyscallResultTrait, get_execution_info};

    #[storage]
    struct Storage {
        sum: felt252,
    }

    /// Calls take or give `times` times with n numbers.
    #[external(v0)]
    fn send(self: @ContractState, n: u32, times: u32, back: bool) -> felt252 {
        let mut data: Array<felt252> = array![n.into()];
        for i in 0..n {
            data.append(i.into());
        }
        let selector = if back {
            selector!("give")
        } else {
            selector!("take")
        };
        let mut last = 0;
        for _ in 0..times {
            let mut got = call_contract_syscall(1.try_into().unwrap(), selector, data.span()).unwrap_syscall();
            last += *got.pop_back().unwrap();
        }
        last
    }

    #[external(v0)]
    fn take(self: @ContractState, data: Span<felt252>) -> u32 {
        data.len()
    }

    /// Returns its calldata, which is in the caller's memory.
    #[raw_output]
    #[external(v0)]
    fn give(self: @ContractState, data: Span<felt252>) -> Span<felt252> {
        data
    }

    /// Returns a part of a constant array.
    #[raw_output]
    #[external(v0)]
    fn table(self: @ContractState, from: u32) -> Span<felt252> {
        let all = [11, 22, 33, 44, 55, 66, 77, 88, 99].span();
        let from = from % 9;
        all.slice(from, 9 - from)
    }

    /// Makes the given call while n numbers are in memory, and returns its result.
    #[raw_output]
    #[external(v0)]
    fn relay(self: @ContractState, n: u32, to: felt252, selector: felt252, data: Span<felt252>) -> Span<felt252> {
        let mut held: Array<felt252> = array![];
        for i in 0..n {
            held.append(i.into());
        }
        let got = call_contract_syscall(to.try_into().unwrap(), selector, data).unwrap_syscall();
        assert!(held.len() == n);
        got
    }

    fn next(ref s: u64) -> u64 {
        let x: u128 = WideMul::wide_mul(s, 6364136223846793005) + 1442695040888963407;
        s = (x % 0x10000000000000000).try_into().unwrap();
        s / 0x100000000
    }

    fn digest(data: Span<felt252>) -> felt252 {
        let mut sum = 0;
        for x in data {
            sum = sum * 31 + *x + 1;
        }
        sum
    }

    /// Takes random steps, by the seed: it appends numbers, keeps spans and passes them to other calls, and appends digests of all spans at the end.
    #[raw_output]
    #[external(v0)]
    fn weave(ref self: ContractState, seed: u64, depth: u32, data: Span<felt252>) -> Span<felt252> {
        let mut s = seed;
        let mut own: Array<felt252> = array![];
        let mut kept: Array<Span<felt252>> = array![data];
        let mut dict: Felt252Dict<felt252> = Default::default();
        let mut boxes: Array<Box<(felt252, u64)>> = array![];
        let info = get_execution_info().unbox();
        for _ in 0..(2 + next(ref s) % 6) {
            let k = next(ref s) % 13;
            let primes = [2, 3, 5, 7, 11, 13, 17, 19].span(); // a constant of the class, used before and after calls
            own.append(*primes[(next(ref s) % 8).try_into().unwrap()]);
            if k < 3 {
                for _ in 0..(next(ref s) % 40) {
                    own.append(next(ref s).into());
                }
            } else if k == 3 {
                let at = next(ref s) % 16;
                dict.insert(at.into(), dict.get(at.into()) + digest(own.span()));
            } else if k == 4 {
                self.sum.write(self.sum.read() + digest(own.span()));
            } else if k == 5 {
                boxes.append(BoxTrait::new((digest(own.span()), s)));
            } else if k == 6 {
                let got = call_contract_syscall(2.try_into().unwrap(), selector!("table"), array![(next(ref s) % 9).into()].span());
                kept.append(got.unwrap_syscall());
            } else if k == 7 { // another class
                let got = call_contract_syscall(6.try_into().unwrap(), selector!("hashes"), array![own.len().into(), k.into()].span());
                kept.append(got.unwrap_syscall());
            } else if depth > 0 {
                let sent = *kept[(next(ref s) % kept.len().into()).try_into().unwrap()];
                let sent = if next(ref s) % 2 == 0 {
                    sent
                } else {
                    own.span()
                };
                let got = if k == 8 {
                    let mut calldata = array![sent.len().into()];
                    calldata.append_span(sent);
                    call_contract_syscall(3.try_into().unwrap(), selector!("give"), calldata.span())
                } else {
                    let mut calldata = array![next(ref s).into(), (depth - 1).into(), sent.len().into()];
                    calldata.append_span(sent);
                    if k == 9 {
                        library_call_syscall(4.try_into().unwrap(), selector!("weave"), calldata.span())
                    } else {
                        call_contract_syscall(5.try_into().unwrap(), selector!("weave"), calldata.span())
                    }
                };
                match got {
                    Ok(span) => kept.append(span),
                    Err(reason) => {
                        own.append(digest(reason.span()));
                        kept.append(reason.span());
                    },
                }
            }
        }
        own.append(info.contract_address.into() + info.block_info.unbox().block_number.into());
        for i in 0..16_u64 {
            own.append(dict.get(i.into()));
        }
        for b in boxes {
            let (x, y) = b.unbox();
            own.append(x + y.into());
        }
        for span in kept.span() {
            own.append(digest(*span));
        }
        let how = next(ref s) % 5;
        if how == 0 {
            panic(own);
        }
        if how == 1 {
            return data;
        }
        if how == 2 {
            return *kept[kept.len() - 1];
        }
        own.span()
    }
}
