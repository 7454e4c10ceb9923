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
	"github.com/starkd/starkd/starknet/finality"
)

// replica is the watcher's own application. It executes verified blocks.
type replica struct{ app *app.App }

// begin makes the genesis state if there is none, and returns an error if the stored state is of another genesis.
func (r *replica) begin(genesis *cmttypes.GenesisDoc) error {
	var validators []finality.Validator
	for _, v := range genesis.Validators {
		validators = append(validators, finality.Validator{Key: v.PubKey.Bytes(), Power: v.Power})
	}
	if height, hash := r.app.Info(); height > 0 || hash != nil {
		return r.app.CheckGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState, validators...)
	}
	_, err := r.app.InitGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState, validators...)
	return err
}

// height returns the height of the last executed block.
func (r *replica) height() int64 {
	height, _ := r.app.Info()
	return int64(height)
}

// replay executes the next block, and makes it durable if its app hash and its results are those that the validators signed. Otherwise it
// returns a DivergenceError. It returns the number of transactions that need a proof: not those that were rejected, nor the validators' statements.
func (r *replica) replay(b *Block) (transactions int, err error) {
	_, before := r.app.Info()
	if r.height() != b.Height-1 {
		return 0, fmt.Errorf("watcher: replaying block %d on height %d", b.Height, r.height())
	}
	if signed := b.Light.AppHash; !bytes.Equal(before, signed) {
		return 0, &DivergenceError{b.Height - 1, "app hash", before, signed}
	}
	f, err := r.app.Finalize(&app.Block{
		Height: uint64(b.Height), Timestamp: uint64(b.Light.Time.Unix()), Proposer: b.Light.ProposerAddress, Txs: b.Txs,
	})
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(f.AppHash, b.Next.AppHash) {
		return 0, &DivergenceError{b.Height, "app hash", f.AppHash, b.Next.AppHash}
	}
	var results []statement.Result
	for i, t := range f.Results {
		if t.Code == 0 && !finality.IsCommit(b.Txs[i]) {
			transactions++
		}
		results = append(results, statement.Result{Code: t.Code, Data: t.Data, GasWanted: int64(t.GasWanted), GasUsed: int64(t.GasUsed)})
	}
	if hash := headers.ResultsHash(results); !bytes.Equal(hash, b.Next.LastResultsHash) {
		return 0, &DivergenceError{b.Height, "results hash", hash, b.Next.LastResultsHash}
	}
	return transactions, r.app.Commit()
}

// watchedState reads the state of the replica and keeps the first error in failed. A function that reads the state returns its own errors
// too, and the caller must tell them apart.
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

// watchedNodes does the same for the trie nodes of the replica. A missing node is an error.
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

// watched returns read, and keeps its first error in failed.
func watched[T any](failed *error, read func(felt.Felt) (T, error)) func(felt.Felt) (T, error) {
	return func(at felt.Felt) (T, error) {
		value, err := read(at)
		if err != nil && *failed == nil {
			*failed = err
		}
		return value, err
	}
}
