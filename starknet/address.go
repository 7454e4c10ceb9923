package starknet

import (
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
)

var (
	contractAddressPrefix = felt.FromShortString("STARKNET_CONTRACT_ADDRESS")

	// addressBound is 2^251 - 256: addresses and storage keys are below it, so that 256 consecutive slots never wrap.
	addressBound = felt.FromBigInt(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 251), big.NewInt(256)))
)

// ContractAddress is the address of the contract that deployer deploys with that class, salt and constructor calldata.
// The deployer is zero for a DEPLOY_ACCOUNT and for a deployment that asked not to depend on the deployer.
func ContractAddress(deployer, salt, classHash felt.Felt, calldata []felt.Felt) felt.Felt {
	return reduceAddress(pedersen.HashMany(
		contractAddressPrefix, deployer, salt, classHash, pedersen.HashMany(calldata...)))
}

// IsAddress reports whether x can be a contract's address or a storage key: below 2^251 - 256.
func IsAddress(x felt.Felt) bool { return x.Cmp(&addressBound) < 0 }

// reduceAddress is x modulo 2^251 - 256. P is less than twice that, so one subtraction does.
func reduceAddress(x felt.Felt) felt.Felt {
	if !IsAddress(x) {
		x.Sub(&x, &addressBound)
	}
	return x
}

// Sender is the address of the account that is deployed; it costs a few Pedersen hashes at every call.
func (t *DeployAccount) Sender() felt.Felt {
	return ContractAddress(felt.Zero, t.ContractAddressSalt, t.ClassHash, t.ConstructorCalldata)
}
