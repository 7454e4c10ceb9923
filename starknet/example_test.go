package starknet_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Example hashes a transfer for the account to sign, and encodes the signed transaction for the mempool.
func Example() {
	chain, err := starknet.ChainID("SN_SEPOLIA")
	if err != nil {
		fmt.Println(err)
		return
	}
	tx := &starknet.Invoke{
		Common: starknet.Common{
			Nonce: felt.One,
			ResourceBounds: starknet.ResourceBounds{
				L2Gas: starknet.ResourceBound{MaxAmount: 10_000_000, MaxPricePerUnit: starknet.NewUint128(3_000_000_000)},
			},
		},
		SenderAddress: felt.MustHex("0x123"),
		Calldata:      []felt.Felt{felt.One, starknet.StrkAddress, felt.MustHex("0x83afd3f4caedc6eebf44246fe54e38c95e3179a5ec9ea81740eca5b482d12e")},
	}
	fmt.Println(tx.Hash(chain))

	tx.Signature = []felt.Felt{felt.FromUint64(7), felt.FromUint64(8)}
	raw, err := starknet.MarshalTransaction(tx)
	fmt.Println(len(raw), "bytes", err)
	again, err := starknet.UnmarshalTransaction(raw)
	fmt.Println(again.Type(), again.Hash(chain) == tx.Hash(chain), err)
	// Output:
	// 0x228c627028c549a946d304eb730b7d9ff682f78067e7024cbec8b3c39039b86
	// 99 bytes <nil>
	// INVOKE true <nil>
}
