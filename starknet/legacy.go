package starknet

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
)

// This file hashes L1 handler transactions and the transaction versions that Starknet has retired. This chain executes none of them, but
// tools that read Starknet's own blocks need their hashes. Each is a Pedersen hash over prefix, version, address, selector, calldata
// hash, max fee, chain id, and the fields that the version adds.

var (
	prefixDeploy        = felt.FromShortString("deploy")
	prefixL1Handler     = felt.FromShortString("l1_handler")
	constructorSelector = felt.MustHex("0x28ffe4ff0f226a9107253e17a904099aa4f63a02a5621de0576e5aa71bc5194")
)

// LegacyTransaction holds the hashed fields of a transaction of a retired version.
type LegacyTransaction struct {
	Version  felt.Felt   // 0, 1 or 2, with 2^128 added for a query
	Address  felt.Felt   // the sender, or the contract that is called or deployed
	Selector felt.Felt   // zero except for INVOKE version 0 and L1_HANDLER
	Calldata []felt.Felt // not used for DECLARE: version 0 hashes an empty list, later ones the class hash
	MaxFee   felt.Felt
	Nonce    felt.Felt

	ClassHash         felt.Felt // DECLARE, DEPLOY_ACCOUNT
	CompiledClassHash felt.Felt // DECLARE version 2
}

// HashInvokeV0 returns the hash of an INVOKE of version 0, which had no nonce.
func (t *LegacyTransaction) HashInvokeV0(chainID felt.Felt) felt.Felt {
	return t.hash(prefixInvoke, chainID)
}

// HashInvokeV1 returns the hash of an INVOKE of version 1.
func (t *LegacyTransaction) HashInvokeV1(chainID felt.Felt) felt.Felt {
	return t.hash(prefixInvoke, chainID, t.Nonce)
}

// HashDeclareV0 returns the hash of a DECLARE of version 0, which has the class hash where later versions have the nonce.
func (t *LegacyTransaction) HashDeclareV0(chainID felt.Felt) felt.Felt {
	return t.hash(prefixDeclare, chainID, t.ClassHash)
}

// HashDeclareV1 returns the hash of a DECLARE of version 1.
func (t *LegacyTransaction) HashDeclareV1(chainID felt.Felt) felt.Felt {
	u := *t
	u.Calldata = []felt.Felt{t.ClassHash}
	return u.hash(prefixDeclare, chainID, t.Nonce)
}

// HashDeclareV2 returns the hash of a DECLARE of version 2.
func (t *LegacyTransaction) HashDeclareV2(chainID felt.Felt) felt.Felt {
	u := *t
	u.Calldata = []felt.Felt{t.ClassHash}
	return u.hash(prefixDeclare, chainID, t.Nonce, t.CompiledClassHash)
}

// HashDeployAccountV1 returns the hash of a DEPLOY_ACCOUNT of version 1 with the given salt.
func (t *LegacyTransaction) HashDeployAccountV1(chainID, salt felt.Felt) felt.Felt {
	u := *t
	u.Address = ContractAddress(felt.Zero, salt, t.ClassHash, t.Calldata)
	u.Calldata = append([]felt.Felt{t.ClassHash, salt}, t.Calldata...)
	return u.hash(prefixDeployAccount, chainID, t.Nonce)
}

// HashDeploy returns the hash of a DEPLOY with the given salt.
func (t *LegacyTransaction) HashDeploy(chainID, salt felt.Felt) felt.Felt {
	u := *t
	u.Address = ContractAddress(felt.Zero, salt, t.ClassHash, t.Calldata)
	u.Selector = constructorSelector
	return u.hash(prefixDeploy, chainID)
}

// HashL1Handler returns the hash of a message from L1 that calls a contract.
func (t *LegacyTransaction) HashL1Handler(chainID felt.Felt) felt.Felt {
	return t.hash(prefixL1Handler, chainID, t.Nonce)
}

func (t *LegacyTransaction) hash(prefix, chainID felt.Felt, more ...felt.Felt) felt.Felt {
	xs := append([]felt.Felt{prefix, t.Version, t.Address, t.Selector, pedersen.HashMany(t.Calldata...), t.MaxFee, chainID}, more...)
	return pedersen.HashMany(xs...)
}
