package sierra

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/poseidon"
)

// Hash returns the class hash: the Poseidon hash of
//
//	the version, the hashes of the external, L1 handler and constructor entry points (selector and function of each),
//	the Starknet keccak of the ABI's text, and the hash of the Sierra program
//
// with "CONTRACT_CLASS_V" before the version, reduced modulo 2^251 - 256, the bound of addresses.
func (c *ContractClass) Hash() felt.Felt {
	h := poseidon.HashMany(
		felt.FromBytesReduce([]byte("CONTRACT_CLASS_V"+c.Version)),
		hashEntryPoints(c.EntryPoints.External),
		hashEntryPoints(c.EntryPoints.L1Handler),
		hashEntryPoints(c.EntryPoints.Constructor),
		keccak.Starknet([]byte(c.ABI)),
		poseidon.HashMany(c.SierraProgram...),
	)
	if bound := felt.FromBigInt(addressBound); h.Cmp(&bound) >= 0 {
		h.Sub(&h, &bound) // the prime is less than twice the bound
	}
	return h
}

func hashEntryPoints(entries []EntryPoint) felt.Felt {
	elements := make([]felt.Felt, 0, 2*len(entries))
	for _, e := range entries {
		elements = append(elements, e.Selector, felt.FromUint64(e.FunctionIdx))
	}
	return poseidon.HashMany(elements...)
}
