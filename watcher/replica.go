package watcher

import (
	"bytes"
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
)

// replica is a state machine of the watcher's own, fed with verified blocks.
type replica struct{ app *app.App }

// begin makes the genesis state if there is none, and refuses a genesis that is not the stored one's.
func (r *replica) begin(genesis *cmttypes.GenesisDoc) error {
	if height, hash := r.app.Info(); height > 0 || hash != nil {
		return r.app.CheckGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState)
	}
	_, err := r.app.InitGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState)
	return err
}

// height returns the last block that was replayed.
func (r *replica) height() int64 {
	height, _ := r.app.Info()
	return int64(height)
}

// replay executes a block and makes it durable if its outcome is what the validators signed. A block of a height that was
// replayed before is compared again and changes nothing.
func (r *replica) replay(b *Block) error {
	_, before := r.app.Info()
	if r.height() != b.Height-1 {
		return fmt.Errorf("watcher: replaying block %d on height %d", b.Height, r.height())
	}
	if signed := b.Light.AppHash; !bytes.Equal(before, signed) {
		return &DivergenceError{b.Height - 1, "app hash", before, signed}
	}
	f, err := r.app.Finalize(&app.Block{
		Height: uint64(b.Height), Timestamp: uint64(b.Light.Time.Unix()), Proposer: b.Light.ProposerAddress, Txs: b.Txs,
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(f.AppHash, b.Next.AppHash) {
		return &DivergenceError{b.Height, "app hash", f.AppHash, b.Next.AppHash}
	}
	var results []statement.Result
	for _, t := range f.Results {
		results = append(results, statement.Result{Code: t.Code, Data: t.Data, GasWanted: int64(t.GasWanted), GasUsed: int64(t.GasUsed)})
	}
	if hash := headers.ResultsHash(results); !bytes.Equal(hash, b.Next.LastResultsHash) {
		return &DivergenceError{b.Height, "results hash", hash, b.Next.LastResultsHash}
	}
	return r.app.Commit()
}

// watchedState reads the replica's state and keeps the first error in failed: whoever is given the state may tell its own errors from
// those only by their text.
type watchedState struct {
	state.Reader
	failed *error
}

func (s *watchedState) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return watched(s.failed, func(key felt.Felt) (felt.Felt, error) { return s.Reader.StorageAt(contract, key) })(key)
}

func (s *watchedState) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return watched(s.failed, s.Reader.ClassHashAt)(contract)
}

func (s *watchedState) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return watched(s.failed, s.Reader.NonceAt)(contract)
}

func (s *watchedState) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	return watched(s.failed, s.Reader.CompiledClassHash)(class)
}

// watchedNodes is the same of the replica's trie nodes, all of which must be there.
type watchedNodes struct {
	store  state.History
	failed *error
}

func (n *watchedNodes) TrieNode(hash felt.Felt) ([]byte, error) {
	return watched(n.failed, func(hash felt.Felt) ([]byte, error) {
		node, err := n.store.TrieNode(hash)
		if err == nil && node == nil {
			err = fmt.Errorf("trie node %v is not stored", hash)
		}
		return node, err
	})(hash)
}

// watched is read, whose first error goes to failed.
func watched[T any](failed *error, read func(felt.Felt) (T, error)) func(felt.Felt) (T, error) {
	return func(at felt.Felt) (T, error) {
		value, err := read(at)
		if err != nil && *failed == nil {
			*failed = err
		}
		return value, err
	}
}
