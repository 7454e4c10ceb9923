package app

import (
	"crypto/sha256"
	"fmt"
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// decoded remembers transactions by their bytes: each passes through the mempool, its rechecks, a proposal and a decided
// block, and to decode and hash one, a DECLARE most of all, costs more than the rest of a recheck.
type decoded struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[[32]byte, decodedTx] // bounded by bytes, not by number
	bytes int                                 // of the transactions in kept

	height uint64 // at which admitted were
	hashed int    // bytes of classes that admit let through at that height
}

func newDecoded() decoded { return decoded{kept: newLRU[[32]byte, decodedTx](math.MaxInt)} }

// newLRU returns an empty cache. size must be positive.
func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	cache, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err)
	}
	return cache
}

// maxHashed bounds the bytes of DECLAREs that the mempool decodes between two blocks. To hash a class takes some 150 ns a byte, before
// anything is known of its sender, and the mempool's lock is held meanwhile.
const maxHashed = starknet.MaxTransactionBytes

// admit rejects a DECLARE that the mempool has not seen before if it would have to hash too much between two blocks.
func (d *decoded) admit(raw []byte, height uint64) error {
	if len(raw) > starknet.MaxTransactionBytes {
		return nil
	}
	id := sha256.Sum256(raw)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept.Contains(id) {
		return nil
	}
	if d.height != height {
		d.height, d.hashed = height, 0
	}
	if d.hashed+len(raw) > maxHashed {
		return reject(executor.UnexpectedError, fmt.Sprintf("busy: classes of more than %d bytes came since the latest block; send it again later", maxHashed))
	}
	d.hashed += len(raw)
	return nil
}

type decodedTx struct {
	tx   starknet.Transaction
	hash felt.Felt
	size int // in bytes
}

// maxDecoded bounds the bytes of the transactions that are remembered. The largest transaction has an eighth of it.
const maxDecoded = 32 << 20

// decode is decoded.get, but for DECLAREs that wait in the mempool.
func (a *App) decode(raw []byte, chainID felt.Felt) (starknet.Transaction, felt.Felt, error) {
	if starknet.IsDeclare(raw) {
		if d, ok := a.pool.declare(raw); ok {
			return d.tx, d.hash, nil
		}
	}
	return a.decoded.get(raw, chainID)
}

// get decodes a transaction, or rejects bytes that are none. Transactions are shared: nobody modifies one.
func (d *decoded) get(raw []byte, chainID felt.Felt) (starknet.Transaction, felt.Felt, error) {
	if len(raw) > starknet.MaxTransactionBytes {
		return nil, felt.Felt{}, reject(executor.UnexpectedError, fmt.Sprintf("transaction of %d bytes, more than %d", len(raw), starknet.MaxTransactionBytes))
	}
	id := sha256.Sum256(raw)
	d.mu.Lock()
	known, ok := d.kept.Get(id)
	d.mu.Unlock()
	if ok {
		return known.tx, known.hash, nil
	}
	tx, err := starknet.UnmarshalTransaction(raw)
	if err != nil {
		return nil, felt.Felt{}, reject(executor.UnexpectedError, err.Error())
	}
	hash := tx.Hash(chainID)
	d.keep(id, len(raw), tx, hash)
	return tx, hash, nil
}

// put remembers a transaction of which raw is the canonical form, and whose class hash is that of its class.
func (d *decoded) put(raw []byte, tx starknet.Transaction, chainID felt.Felt) felt.Felt {
	hash := tx.Hash(chainID)
	d.keep(sha256.Sum256(raw), len(raw), tx, hash)
	return hash
}

func (d *decoded) keep(id [32]byte, size int, tx starknet.Transaction, hash felt.Felt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept.Contains(id) {
		return
	}
	d.kept.Add(id, decodedTx{tx, hash, size})
	for d.bytes += size; d.bytes > maxDecoded; {
		_, oldest, _ := d.kept.RemoveOldest()
		d.bytes -= oldest.size
	}
}
