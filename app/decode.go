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

// decoded is a cache of decoded transactions by the hash of their bytes. A transaction passes through the mempool, its rechecks, a
// proposal and a decided block, and decoding and hashing it, above all a DECLARE, costs more than the rest of a recheck.
type decoded struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[[32]byte, decodedTx] // bounded by bytes, not by number
	bytes int                                 // total size of the transactions in kept

	height uint64 // the height for which hashed counts
	hashed int    // bytes of DECLAREs that admit allowed at that height
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

// maxHashed bounds the bytes of DECLAREs that the mempool decodes between two blocks. Hashing a class takes about 150 ns per byte. It
// happens before the sender is verified and with the mempool's lock held.
const maxHashed = starknet.MaxTransactionBytes

// admit rejects a new DECLARE if the mempool would have to hash more than maxHashed bytes since the latest block.
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

// maxDecoded bounds the total size of the cached transactions. The largest transaction has an eighth of it.
const maxDecoded = 32 << 20

// decode decodes a transaction like decoded.get. A DECLARE that waits in the mempool is taken from the pool.
func (a *App) decode(raw []byte, chainID felt.Felt) (starknet.Transaction, felt.Felt, error) {
	if starknet.IsDeclare(raw) {
		if d, ok := a.pool.declare(raw); ok {
			return d.tx, d.hash, nil
		}
	}
	return a.decoded.get(raw, chainID)
}

// get decodes a transaction, or rejects invalid bytes. The transaction is shared and must not be modified.
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

// put caches a transaction and returns its hash. raw must be its canonical form, and its class hash that of its class.
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
