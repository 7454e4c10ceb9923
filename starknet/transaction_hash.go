package starknet

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

// The hash of a version 3 transaction is Poseidon over a prefix for the type, the version, and the fields; each list is first hashed on its
// own (SNIP-8; SNIP-36 for proof facts).

var (
	prefixInvoke        = felt.FromShortString("invoke")
	prefixDeclare       = felt.FromShortString("declare")
	prefixDeployAccount = felt.FromShortString("deploy_account")
)

// Hash returns the transaction hash.
func (t *Invoke) Hash(chainID felt.Felt) felt.Felt { return t.hash(chainID, t.feeHash()) }

func (t *Invoke) hash(chainID, fee felt.Felt) felt.Felt {
	var h poseidon.Hasher
	t.hashCommon(&h, prefixInvoke, t.SenderAddress, fee, chainID)
	h.Write(poseidon.HashMany(t.AccountDeploymentData...), poseidon.HashMany(t.Calldata...))
	if len(t.ProofFacts) > 0 {
		h.Write(poseidon.HashMany(t.ProofFacts...))
	}
	return h.Sum()
}

// Hash returns the transaction hash.
func (t *Declare) Hash(chainID felt.Felt) felt.Felt { return t.hash(chainID, t.feeHash()) }

func (t *Declare) hash(chainID, fee felt.Felt) felt.Felt {
	var h poseidon.Hasher
	t.hashCommon(&h, prefixDeclare, t.SenderAddress, fee, chainID)
	h.Write(poseidon.HashMany(t.AccountDeploymentData...), t.ClassHash, t.CompiledClassHash)
	return h.Sum()
}

// Hash returns the transaction hash.
func (t *DeployAccount) Hash(chainID felt.Felt) felt.Felt { return t.hash(chainID, t.feeHash()) }

func (t *DeployAccount) hash(chainID, fee felt.Felt) felt.Felt {
	var h poseidon.Hasher
	t.hashCommon(&h, prefixDeployAccount, t.Sender(), fee, chainID)
	h.Write(poseidon.HashMany(t.ConstructorCalldata...), t.ClassHash, t.ContractAddressSalt)
	return h.Sum()
}

// hashCommon writes the fields with which the hash of every type begins.
func (c *Common) hashCommon(h *poseidon.Hasher, prefix, sender, fee, chainID felt.Felt) {
	h.Write(prefix, c.Version(), sender, fee, poseidon.HashMany(c.PaymasterData...), chainID, c.Nonce,
		felt.FromUint64(uint64(c.NonceDAMode)<<32|uint64(c.FeeDAMode)))
}

// Names of the resources as they are packed with a bound: 7 bytes, right-aligned.
var (
	nameL1Gas     = [7]byte{0, 'L', '1', '_', 'G', 'A', 'S'}
	nameL2Gas     = [7]byte{0, 'L', '2', '_', 'G', 'A', 'S'}
	nameL1DataGas = [7]byte{'L', '1', '_', 'D', 'A', 'T', 'A'}
)

// feeHash returns the hash of the tip and the resource bounds.
func (c *Common) feeHash() felt.Felt {
	b := &c.ResourceBounds
	return poseidon.HashMany(felt.FromUint64(c.Tip),
		b.L1Gas.pack(nameL1Gas), b.L2Gas.pack(nameL2Gas), b.L1DataGas.pack(nameL1DataGas))
}

// pack returns a felt of name (56 bits), max amount (64 bits) and max price per unit (128 bits), from the highest bits to the lowest.
func (b ResourceBound) pack(name [7]byte) felt.Felt {
	var hi uint64
	for _, c := range name {
		hi = hi<<8 | uint64(c)
	}
	return felt.FromLimbs([4]uint64{b.MaxPricePerUnit.Lo, b.MaxPricePerUnit.Hi, b.MaxAmount, hi})
}
