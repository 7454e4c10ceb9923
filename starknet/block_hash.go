package starknet

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
)

var (
	prefixBlockHash = felt.FromShortString("STARKNET_BLOCK_HASH1")
	prefixGasPrices = felt.FromShortString("STARKNET_GAS_PRICES0")
	prefixStateDiff = felt.FromShortString("STARKNET_STATE_DIFF0")
	prefixState     = felt.FromShortString("STARKNET_STATE_V0")
)

// Hash returns the block hash, by the formula of Starknet 0.13.4 and later.
func (h *Header) Hash() felt.Felt {
	version, err := felt.ParseShortString(h.Version)
	if err != nil { // the version is a constant or was decoded, and decoding checks it
		panic("starknet: version of a header: " + err.Error())
	}
	return poseidon.HashMany(
		prefixBlockHash,
		felt.FromUint64(h.Number),
		h.StateRoot,
		h.Sequencer,
		felt.FromUint64(h.Timestamp),
		h.counts(),
		h.StateDiffCommitment,
		h.TransactionCommitment,
		h.EventCommitment,
		h.ReceiptCommitment,
		h.gasPrices(),
		version,
		felt.Zero,
		h.Parent,
	)
}

// counts packs the three counts (64 bits each, the number of transactions highest) and the data availability mode (1 bit) into a felt.
func (h *Header) counts() felt.Felt {
	return felt.FromLimbs([4]uint64{uint64(h.DAMode) << 63, h.StateDiffLength, h.EventCount, h.TransactionCount})
}

func (h *Header) gasPrices() felt.Felt {
	return poseidon.HashMany(
		prefixGasPrices,
		h.L1GasPrice.Wei.Felt(), h.L1GasPrice.Fri.Felt(),
		h.L1DataGasPrice.Wei.Felt(), h.L1DataGasPrice.Fri.Felt(),
		h.L2GasPrice.Wei.Felt(), h.L2GasPrice.Fri.Felt(),
	)
}

// Seal sets the header's counts and commitments from the contents of the block. It takes transaction hashes from the receipts; the diff
// must be in canonical order.
func (h *Header) Seal(transactions []Transaction, receipts []Receipt, diff *StateDiff) {
	hashes, signatures := make([]felt.Felt, len(receipts)), make([][]felt.Felt, len(receipts))
	h.EventCount = 0
	for i := range receipts {
		hashes[i] = receipts[i].TransactionHash
		signatures[i] = transactions[i].Fields().Signature
		h.EventCount += uint64(len(receipts[i].Events))
	}
	h.TransactionCount = uint64(len(transactions))
	h.StateDiffLength = uint64(diff.Len())
	parallel.Each(2, func(i int) {
		if i == 0 { // one chain of hashes
			h.StateDiffCommitment = diff.Hash()
			return
		}
		h.EventCommitment = EventCommitment(receipts)
		h.ReceiptCommitment = ReceiptCommitment(receipts)
		h.TransactionCommitment = TransactionCommitment(hashes, signatures)
	})
}

// Check verifies the block against its hash: each transaction must have the hash in its receipt, and the transactions, the receipts, the
// state difference and the header's fields must hash to BlockHash.
func (b *Block) Check(chainID felt.Felt, diff *StateDiff) error {
	if len(b.Transactions) != len(b.Receipts) {
		return fmt.Errorf("starknet: block %d has %d transactions and %d receipts", b.Number, len(b.Transactions), len(b.Receipts))
	}
	if !diff.IsSorted() {
		return fmt.Errorf("starknet: state diff of block %d is not in canonical order", b.Number)
	}
	for i, tx := range b.Transactions {
		if got, want := tx.Hash(chainID), b.Receipts[i].TransactionHash; got != want {
			return fmt.Errorf("starknet: block %d, transaction %d: hash %s, the receipt says %s", b.Number, i, got, want)
		}
	}
	if _, err := felt.ParseShortString(b.Version); err != nil {
		return fmt.Errorf("starknet: version of block %d: %w", b.Number, err)
	}
	h := b.Header
	h.Seal(b.Transactions, b.Receipts, diff)
	if got := h.Hash(); got != b.BlockHash {
		return fmt.Errorf("starknet: block %d: hash %s, want %s", b.Number, got, b.BlockHash)
	}
	return nil
}

// StateCommitment combines the roots of the two tries into the state root: 0 if both are 0, else their Poseidon hash with a prefix.
func StateCommitment(contractsRoot, classesRoot felt.Felt) felt.Felt {
	if contractsRoot.IsZero() && classesRoot.IsZero() {
		return felt.Zero
	}
	return poseidon.HashMany(prefixState, contractsRoot, classesRoot)
}

// Hash returns the state diff commitment. d must be in canonical order.
func (d *StateDiff) Hash() felt.Felt {
	var h poseidon.Hasher
	h.Write(prefixStateDiff)

	h.Write(felt.FromUint64(uint64(len(d.Deployed) + len(d.Replaced))))
	for deployed, replaced := d.Deployed, d.Replaced; len(deployed)+len(replaced) > 0; { // both are sorted: merge
		next := &deployed
		if len(deployed) == 0 || len(replaced) > 0 && replaced[0].Address.Cmp(&deployed[0].Address) < 0 {
			next = &replaced
		}
		h.Write((*next)[0].Address, (*next)[0].ClassHash)
		*next = (*next)[1:]
	}

	h.Write(felt.FromUint64(uint64(len(d.Declared))))
	for _, c := range d.Declared {
		h.Write(c.ClassHash, c.CompiledClassHash)
	}

	writeList(&h, d.Deprecated)
	h.Write(felt.One, felt.Zero) // one data availability mode, number 0

	h.Write(felt.FromUint64(uint64(len(d.Storage))))
	for _, c := range d.Storage {
		h.Write(c.Address, felt.FromUint64(uint64(len(c.Entries))))
		for _, e := range c.Entries {
			h.Write(e.Key, e.Value)
		}
	}

	h.Write(felt.FromUint64(uint64(len(d.Nonces))))
	for _, n := range d.Nonces {
		h.Write(n.Address, n.Nonce)
	}
	return h.Sum()
}
