package app

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
)

// validated keeps the latest successful validations, by transaction hash. The mempool, a proposal, its check and a run that begins again validate
// the same transaction, mostly on a state on which its validation does the same, and checking a signature is most of the work of a transaction.
type validated struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[felt.Felt, keptValidation] // bounded by bytes, not by number
	bytes int
	off   bool // nothing is kept; tests set it
}

type keptValidation struct {
	v     *executor.Validated
	bytes int
}

// maxValidated bounds the memory of the kept validations: more than 10,000 of them.
const maxValidated = 64 << 20

func newValidated() validated {
	return validated{kept: newLRU[felt.Felt, keptValidation](math.MaxInt)}
}

// get returns the latest validation of a transaction, or nil.
func (k *validated) get(hash felt.Felt) *executor.Validated {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, _ := k.kept.Get(hash)
	return e.v
}

// put keeps a validation. Nil does nothing.
func (k *validated) put(hash felt.Felt, v *executor.Validated) {
	if v == nil || k.off {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before, _ := k.kept.Peek(hash)
	if before.v == v {
		return
	}
	e := keptValidation{v, v.Bytes()}
	k.kept.Add(hash, e)
	for k.bytes += e.bytes - before.bytes; k.bytes > maxValidated && k.kept.Len() > 0; {
		_, oldest, _ := k.kept.RemoveOldest()
		k.bytes -= oldest.bytes
	}
}

// drop forgets the validation of a transaction.
func (k *validated) drop(hash felt.Felt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, ok := k.kept.Peek(hash); ok {
		k.kept.Remove(hash)
		k.bytes -= e.bytes
	}
}
