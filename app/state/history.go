package state

import (
	"iter"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// History reads the state and the blocks at all heights. It has the methods of a [Store] that do not write. It is safe for concurrent
// use, also while blocks are committed.
type History interface {
	Head() *Head
	Genesis() ([]byte, error)
	At(height uint64) Reader
	Latest() Reader

	Header(height uint64) (*starknet.Header, *Head, bool, error)
	Block(height uint64) (*starknet.Block, bool, error)
	BlockByHash(hash felt.Felt) (height uint64, ok bool, err error)
	StateDiff(height uint64) (*starknet.StateDiff, bool, error)
	Transaction(at starknet.Position) (starknet.Transaction, *starknet.Receipt, error)
	TransactionByHash(hash felt.Felt) (at starknet.Position, ok bool, err error)
	EventBlocks(f *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error]

	StorageUpdatedAt(contract, slot felt.Felt, height uint64) (uint64, error)
	ContractAt(height uint64) func(address felt.Felt) (trie.Contract, error)
	TrieNode(hash felt.Felt) ([]byte, error)
	Prove(height uint64, classes, contracts []felt.Felt, slots []starknet.ContractSlots) (*StateProof, bool, error)
}

var _ History = (*Store)(nil)
