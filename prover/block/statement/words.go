package statement

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// infoSize is the number of words of TxInfo in version 3 of get_execution_info. Earlier versions return a prefix of it.
const infoSize = 19

// txInfo is a transaction's information as contracts see it.
type txInfo struct {
	version, account     felt.Felt
	signature            []felt.Felt
	hash, chainID, nonce felt.Felt
	bounds               []felt.Felt // three words for each resource
	tip                  uint64
	paymaster            []felt.Felt
	nonceDA, feeDA       starknet.DAMode
	deployment, facts    []felt.Felt
}

// words returns the words that the information must have at address: TxInfo, then the arrays to which it points.
func (i *txInfo) words(address uint64) []felt.Felt {
	var arrays []felt.Felt
	words := make([]felt.Felt, 0, infoSize+32)
	put := func(w ...felt.Felt) { words = append(words, w...) }
	span := func(array []felt.Felt) {
		at := address + infoSize + uint64(len(arrays))
		arrays = append(arrays, array...)
		put(felt.FromUint64(at), felt.FromUint64(at+uint64(len(array))))
	}
	put(i.version, i.account, felt.Zero)
	span(i.signature)
	put(i.hash, i.chainID, i.nonce)
	span(i.bounds)
	put(felt.FromUint64(i.tip))
	span(i.paymaster)
	put(felt.FromUint64(uint64(i.nonceDA)), felt.FromUint64(uint64(i.feeDA)))
	span(i.deployment)
	span(i.facts)
	return append(words, arrays...)
}

// infoWords returns the words that a transaction's information must have at address.
func infoWords(tx starknet.Transaction, hash, chainID felt.Felt, address uint64) []felt.Felt {
	c := tx.Fields()
	i := txInfo{
		version: c.Version(), account: tx.Sender(), signature: c.Signature, hash: hash, chainID: chainID, nonce: c.Nonce, tip: c.Tip,
		paymaster: c.PaymasterData, nonceDA: c.NonceDAMode, feeDA: c.FeeDAMode,
	}
	switch tx := tx.(type) {
	case *starknet.Invoke:
		i.deployment, i.facts = tx.AccountDeploymentData, tx.ProofFacts
	case *starknet.Declare:
		i.deployment = tx.AccountDeploymentData
	}
	for _, b := range []struct {
		resource string
		bound    starknet.ResourceBound
	}{
		{constants.L1GasName, c.ResourceBounds.L1Gas}, {constants.L2GasName, c.ResourceBounds.L2Gas}, {constants.L1DataGasName, c.ResourceBounds.L1DataGas},
	} {
		i.bounds = append(i.bounds, felt.FromShortString(b.resource), felt.FromUint64(b.bound.MaxAmount), b.bound.MaxPricePerUnit.Felt())
	}
	return i.words(address)
}

// validationCalldata returns the calldata of a transaction's signature check. It ends with the calldata of __execute__ or of the
// constructor.
func validationCalldata(tx starknet.Transaction) []felt.Felt {
	switch tx := tx.(type) {
	case *starknet.Invoke:
		return tx.Calldata
	case *starknet.Declare:
		return []felt.Felt{tx.ClassHash}
	case *starknet.DeployAccount:
		return append([]felt.Felt{tx.ClassHash, tx.ContractAddressSalt}, tx.ConstructorCalldata...)
	}
	return nil
}
