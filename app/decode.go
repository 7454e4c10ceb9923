package app

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// decoded remembers transactions by their bytes: each passes through the mempool, its rechecks, a proposal and a decided
// block, and to decode and hash one, a DECLARE most of all, costs more than the rest of a recheck.
type decoded struct {
	mu    sync.Mutex
	kept  map[[32]byte]decodedTx
	bytes int // of the transactions in kept
}

type decodedTx struct {
	tx   starknet.Transaction
	hash felt.Felt
}

// maxDecoded bounds the bytes of the transactions that are remembered; beyond it all are forgotten.
const maxDecoded = 32 << 20

// get decodes a transaction, or refuses bytes that are none. Transactions are shared: nobody modifies one.
func (d *decoded) get(raw []byte, chainID felt.Felt) (starknet.Transaction, felt.Felt, error) {
	if len(raw) > starknet.MaxTransactionBytes {
		return nil, felt.Felt{}, refuse(executor.UnexpectedError, fmt.Sprintf("transaction of %d bytes, more than %d", len(raw), starknet.MaxTransactionBytes))
	}
	id := sha256.Sum256(raw)
	d.mu.Lock()
	known, ok := d.kept[id]
	d.mu.Unlock()
	if ok {
		return known.tx, known.hash, nil
	}
	tx, err := starknet.UnmarshalTransaction(raw)
	if err != nil {
		return nil, felt.Felt{}, refuse(executor.UnexpectedError, err.Error())
	}
	hash := tx.Hash(chainID)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil || d.bytes+len(raw) > maxDecoded {
		d.kept, d.bytes = map[[32]byte]decodedTx{}, 0
	}
	if _, ok := d.kept[id]; !ok {
		d.kept[id] = decodedTx{tx, hash}
		d.bytes += len(raw)
	}
	return tx, hash, nil
}
