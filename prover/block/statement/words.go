package statement

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// infoSize is the number of words of TxInfo in version 3 of get_execution_info. Earlier versions return a prefix of it.
const infoSize = 19

// infoWords returns the words that a transaction's information must have at address: TxInfo, then the arrays to which it
// points.
func infoWords(tx starknet.Transaction, hash, chainID felt.Felt, address uint64) []felt.Felt {
	c := tx.Fields()
	var deployment, facts []felt.Felt
	switch tx := tx.(type) {
	case *starknet.Invoke:
		deployment, facts = tx.AccountDeploymentData, tx.ProofFacts
	case *starknet.Declare:
		deployment = tx.AccountDeploymentData
	}
	var bounds []felt.Felt
	for _, b := range []struct {
		resource string
		bound    starknet.ResourceBound
	}{
		{constants.L1GasName, c.ResourceBounds.L1Gas}, {constants.L2GasName, c.ResourceBounds.L2Gas}, {constants.L1DataGasName, c.ResourceBounds.L1DataGas},
	} {
		bounds = append(bounds, felt.FromShortString(b.resource), felt.FromUint64(b.bound.MaxAmount), b.bound.MaxPricePerUnit.Felt())
	}
	var arrays []felt.Felt
	span := func(array []felt.Felt) (start, end felt.Felt) {
		at := address + infoSize + uint64(len(arrays))
		arrays = append(arrays, array...)
		return felt.FromUint64(at), felt.FromUint64(at + uint64(len(array)))
	}
	words := make([]felt.Felt, 0, infoSize+32)
	put := func(w ...felt.Felt) { words = append(words, w...) }
	putSpan := func(array []felt.Felt) {
		start, end := span(array)
		put(start, end)
	}
	put(c.Version(), tx.Sender(), felt.Zero)
	putSpan(c.Signature)
	put(hash, chainID, c.Nonce)
	putSpan(bounds)
	put(felt.FromUint64(c.Tip))
	putSpan(c.PaymasterData)
	put(felt.FromUint64(uint64(c.NonceDAMode)), felt.FromUint64(uint64(c.FeeDAMode)))
	putSpan(deployment)
	putSpan(facts)
	return append(words, arrays...)
}
