//! The contract for comparing engines, with one external function for each row of docs/benchmarks.md, "Execution engines".
//! Each repeats one kind of work n times and returns a value that depends on all repetitions.

#[starknet::interface]
trait Bench<T> {
    fn fib(self: @T, n: felt252) -> felt252;
    fn factorial(self: @T, n: felt252) -> felt252;
    fn felt_mul(self: @T, n: felt252) -> felt252;
    fn u128_arithmetic(self: @T, n: felt252) -> u128;
    fn u256_arithmetic(self: @T, n: felt252) -> u256;
    fn array_append(self: @T, n: felt252) -> u32;
    fn array_sum(self: @T, n: felt252) -> felt252;
    fn span_at(self: @T, n: felt252) -> felt252;
    fn dict_insert(self: @T, n: felt252) -> felt252;
    fn dict_entry(self: @T, n: felt252) -> felt252;
    fn sort(self: @T, n: felt252) -> felt252;
    fn hades(self: @T, n: felt252) -> felt252;
    fn pedersen(self: @T, n: felt252) -> felt252;
    fn pedersen_from(self: @T, n: felt252, seed: felt252) -> felt252;
}

#[starknet::contract]
mod bench {
    use core::dict::{Felt252Dict, Felt252DictEntryTrait};
    use core::poseidon::hades_permutation;
    use core::pedersen::pedersen as hash_pair;

    #[storage]
    struct Storage {}

    /// A felt of full size.
    const BIG: felt252 = 0x3c1e9550e66958296d11b60f8e8e7a7ad990d07fa65d5f7652c4a6c87d4e3cc;

    #[abi(embed_v0)]
    impl BenchImpl of super::Bench<ContractState> {
        fn fib(self: @ContractState, n: felt252) -> felt252 {
            fib(0, 1, n)
        }
        fn factorial(self: @ContractState, n: felt252) -> felt252 {
            factorial(1, n)
        }
        fn felt_mul(self: @ContractState, n: felt252) -> felt252 {
            felt_mul(BIG, BIG - 1, n)
        }
        fn u128_arithmetic(self: @ContractState, n: felt252) -> u128 {
            u128_arithmetic(0xfedcba9876543210, n)
        }
        fn u256_arithmetic(self: @ContractState, n: felt252) -> u256 {
            u256_arithmetic(BIG.into(), n)
        }
        fn array_append(self: @ContractState, n: felt252) -> u32 {
            filled(n).len()
        }
        fn array_sum(self: @ContractState, n: felt252) -> felt252 {
            sum(filled(n).span(), 0)
        }
        fn span_at(self: @ContractState, n: felt252) -> felt252 {
            pick(filled(1024).span(), 0, 0, n)
        }
        fn dict_insert(self: @ContractState, n: felt252) -> felt252 {
            let mut dict: Felt252Dict<u64> = Default::default();
            insert(ref dict, 1, n);
            dict.get(1).into()
        }
        fn dict_entry(self: @ContractState, n: felt252) -> felt252 {
            let mut dict: Felt252Dict<felt252> = Default::default();
            let dict = entries(dict, 1, n);
            let (_, value) = dict.entry(1);
            value
        }
        fn sort(self: @ContractState, n: felt252) -> felt252 {
            let mut values: Array<u64> = array![];
            random(ref values, 12345, n);
            let sorted = merge_sort(values.span());
            check(sorted, 0, 0)
        }
        fn hades(self: @ContractState, n: felt252) -> felt252 {
            hades(BIG, 1, 2, n)
        }
        fn pedersen(self: @ContractState, n: felt252) -> felt252 {
            pedersen(BIG, BIG - 1, n)
        }
        /// Each seed hashes other pairs.
        fn pedersen_from(self: @ContractState, n: felt252, seed: felt252) -> felt252 {
            pedersen(BIG, seed, n)
        }
    }

    fn fib(a: felt252, b: felt252, n: felt252) -> felt252 {
        if n == 0 {
            a
        } else {
            fib(b, a + b, n - 1)
        }
    }

    fn factorial(product: felt252, n: felt252) -> felt252 {
        if n == 0 {
            product
        } else {
            factorial(product * n, n - 1)
        }
    }

    /// Both factors change and have full size.
    fn felt_mul(a: felt252, b: felt252, n: felt252) -> felt252 {
        if n == 0 {
            a
        } else {
            felt_mul(b, a * b, n - 1)
        }
    }

    fn u128_arithmetic(x: u128, n: felt252) -> u128 {
        if n == 0 {
            x
        } else {
            u128_arithmetic((x % 0xffffffffffffffc5) * 0x9e3779b97f4a7c15 + 12345, n - 1)
        }
    }

    fn u256_arithmetic(x: u256, n: felt252) -> u256 {
        if n == 0 {
            x
        } else {
            u256_arithmetic(
                (x % 0xffffffffffffffffffffffffffffffffffffffffffffffc5)
                    * 0x9e3779b97f4a7c15
                    + 12345,
                n - 1,
            )
        }
    }

    fn filled(n: felt252) -> Array<felt252> {
        let mut array: Array<felt252> = array![];
        append(ref array, n);
        array
    }

    fn append(ref array: Array<felt252>, n: felt252) {
        if n != 0 {
            array.append(n);
            append(ref array, n - 1);
        }
    }

    fn sum(mut span: Span<felt252>, total: felt252) -> felt252 {
        match span.pop_front() {
            Option::Some(x) => sum(span, total + *x),
            Option::None => total,
        }
    }

    fn pick(span: Span<felt252>, at: u32, total: felt252, n: felt252) -> felt252 {
        if n == 0 {
            total
        } else {
            let next = if at == 1023 {
                0
            } else {
                at + 1
            };
            pick(span, next, total + *span.at(at), n - 1)
        }
    }

    fn insert(ref dict: Felt252Dict<u64>, key: u64, n: felt252) {
        if n != 0 {
            let index: felt252 = key.into();
            let value = dict.get(index);
            dict.insert(index, value + 1);
            insert(ref dict, (key * 5 + 1) % 1024, n - 1);
        }
    }

    fn entries(dict: Felt252Dict<felt252>, key: felt252, n: felt252) -> Felt252Dict<felt252> {
        if n == 0 {
            dict
        } else {
            let (entry, value) = dict.entry(key);
            let dict = entry.finalize(value + n);
            let key = if key == 1024 {
                1
            } else {
                key + 1
            };
            entries(dict, key, n - 1)
        }
    }

    fn random(ref values: Array<u64>, x: u64, n: felt252) {
        if n != 0 {
            values.append(x);
            random(ref values, (x * 48271) % 0x7fffffff, n - 1);
        }
    }

    fn merge_sort(values: Span<u64>) -> Span<u64> {
        let n = values.len();
        if n <= 1 {
            return values;
        }
        let middle = n / 2;
        let mut merged: Array<u64> = array![];
        merge(
            ref merged,
            merge_sort(values.slice(0, middle)),
            merge_sort(values.slice(middle, n - middle)),
        );
        merged.span()
    }

    fn merge(ref into: Array<u64>, mut a: Span<u64>, mut b: Span<u64>) {
        match a.get(0) {
            Option::Some(x) => match b.get(0) {
                Option::Some(y) => {
                    let (x, y) = (*x.unbox(), *y.unbox());
                    if x <= y {
                        into.append(x);
                        let _ = a.pop_front();
                    } else {
                        into.append(y);
                        let _ = b.pop_front();
                    }
                    merge(ref into, a, b)
                },
                Option::None => into.append_span(a),
            },
            Option::None => into.append_span(b),
        }
    }

    /// Returns a polynomial in the values, which depends on their order; panics if they are not ascending.
    fn check(mut values: Span<u64>, last: u64, total: felt252) -> felt252 {
        match values.pop_front() {
            Option::Some(x) => {
                assert(last <= *x, 'not sorted');
                check(values, *x, total * 3 + (*x).into())
            },
            Option::None => total,
        }
    }

    fn hades(a: felt252, b: felt252, c: felt252, n: felt252) -> felt252 {
        if n == 0 {
            a
        } else {
            let (a, b, c) = hades_permutation(a, b, c);
            hades(a, b, c, n - 1)
        }
    }

    fn pedersen(a: felt252, b: felt252, n: felt252) -> felt252 {
        if n == 0 {
            a
        } else {
            pedersen(b, hash_pair(a, b), n - 1)
        }
    }
}
