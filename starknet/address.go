package starknet

import (
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
)

var (
	contractAddressPrefix = felt.FromShortString("STARKNET_CONTRACT_ADDRESS")

	// addressModulus is 2^251 - 256. Computed addresses and storage keys are reduced modulo it, so that an array of 256 slots that
	// begins at a computed key stays below 2^251.
	addressModulus = felt.FromBigInt(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 251), big.NewInt(256)))
)

// ContractAddress returns the address of a contract that deployer deploys with the given class, salt and constructor calldata.
// The deployer is zero for a DEPLOY_ACCOUNT, and for a deploy syscall with deploy_from_zero set.
func ContractAddress(deployer, salt, classHash felt.Felt, calldata []felt.Felt) felt.Felt {
	return ReduceAddress(pedersen.HashMany(
		contractAddressPrefix, deployer, salt, classHash, pedersen.HashMany(calldata...)))
}

// addressBits is the height of the tries, and the greatest bit length of an address or a storage key.
const addressBits = 251

// IsAddress reports whether x can be a contract's address or a storage key: below 2^251.
func IsAddress(x felt.Felt) bool { return x.BitLen() <= addressBits }

// ReduceAddress returns x modulo 2^251 - 256, which turns a hash into an address or a storage key. P is less than twice the modulus, so
// one subtraction is enough.
func ReduceAddress(x felt.Felt) felt.Felt {
	if x.Cmp(&addressModulus) >= 0 {
		x.Sub(&x, &addressModulus)
	}
	return x
}

// Sender returns the address of the account that is deployed. Each call computes a few Pedersen hashes.
func (t *DeployAccount) Sender() felt.Felt {
	return ContractAddress(felt.Zero, t.ContractAddressSalt, t.ClassHash, t.ConstructorCalldata)
}
