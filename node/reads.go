package node

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// reads implements the methods of rpc.Backend that only read the store.
type reads struct{ store state.History }

func (r *reads) Head(context.Context) (rpc.Head, error) {
	head := r.store.Head()
	if head == nil {
		return rpc.Head{}, rpc.ErrNoBlocks
	}
	return rpc.Head{Number: head.Height, Hash: head.BlockHash}, nil
}

func (r *reads) BlockNumber(_ context.Context, hash felt.Felt) (uint64, error) {
	height, ok, err := r.store.BlockByHash(hash)
	if err == nil && !ok {
		err = rpc.ErrBlockNotFound
	}
	return height, err
}

func (r *reads) Header(_ context.Context, n uint64) (*starknet.Header, felt.Felt, error) {
	header, head, ok, err := r.store.Header(n)
	if err != nil {
		return nil, felt.Felt{}, err
	}
	if !ok {
		return nil, felt.Felt{}, rpc.ErrBlockNotFound
	}
	return header, head.BlockHash, nil
}

func (r *reads) Block(_ context.Context, n uint64) (*starknet.Block, error) {
	block, ok, err := r.store.Block(n)
	if err == nil && !ok {
		err = rpc.ErrBlockNotFound
	}
	return block, err
}

func (r *reads) StateDiff(_ context.Context, n uint64) (*starknet.StateDiff, error) {
	diff, ok, err := r.store.StateDiff(n)
	if err == nil && !ok {
		err = rpc.ErrBlockNotFound
	}
	return diff, err
}

func (r *reads) FindTransaction(_ context.Context, hash felt.Felt) (starknet.Position, error) {
	at, ok, err := r.store.TransactionByHash(hash)
	if err == nil && !ok {
		err = rpc.ErrTransactionNotFound
	}
	return at, err
}

func (r *reads) Transaction(_ context.Context, place starknet.Position) (starknet.Transaction, *starknet.Receipt, error) {
	return r.store.Transaction(place)
}

func (r *reads) EventBlocks(_ context.Context, f *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error] {
	return r.store.EventBlocks(f, from, to)
}

func (r *reads) State(_ context.Context, n uint64) (rpc.State, error) {
	if head := r.store.Head(); head == nil || n > head.Height {
		return nil, rpc.ErrBlockNotFound
	}
	return stateAt{r.store.At(n), r.store, n}, nil
}

// stateAt is the state after a block, with the methods of rpc.State.
type stateAt struct {
	state.Reader
	store  state.History
	height uint64
}

func (s stateAt) StorageUpdatedAt(contract, key felt.Felt) (uint64, error) {
	return s.store.StorageUpdatedAt(contract, key, s.height)
}

func (s stateAt) Class(hash felt.Felt) (*starknet.ContractClass, error) {
	class, err := s.Reader.Class(hash)
	if class == nil || err != nil {
		return nil, err
	}
	return class.Definition, nil
}

func (r *reads) CompiledClass(_ context.Context, hash felt.Felt) (json.RawMessage, error) {
	class, err := r.store.Latest().Class(hash)
	if err != nil {
		return nil, err
	}
	if class == nil {
		return nil, rpc.ErrClassNotFound
	}
	return class.Casm, nil
}

func (r *reads) StorageProof(_ context.Context, n uint64, request *rpc.StorageProofRequest) (*rpc.StorageProof, error) {
	proof, ok, err := r.store.Prove(n, request.ClassHashes, request.ContractAddresses, request.Slots)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, rpc.ErrBlockNotFound
	}
	out := &rpc.StorageProof{
		ContractsRoot: proof.ContractsRoot, ClassesRoot: proof.ClassesRoot, BlockHash: proof.BlockHash,
		Classes:   proofNodes(proof.Classes, trie.Poseidon),
		Contracts: proofNodes(proof.Contracts, trie.Pedersen),
	}
	for _, leaf := range proof.Leaves {
		out.ContractLeaves = append(out.ContractLeaves, rpc.ContractLeaf{Nonce: leaf.Nonce, ClassHash: leaf.ClassHash, StorageRoot: leaf.StorageRoot})
	}
	for _, storage := range proof.Storage {
		out.Storage = append(out.Storage, proofNodes(storage, trie.Pedersen))
	}
	return out, nil
}

// proofNodes returns the nodes of a trie proof as JSON-RPC has them.
func proofNodes(proof trie.Proof, h trie.Hash) []rpc.ProofNode {
	nodes := make([]rpc.ProofNode, len(proof))
	for i := range proof {
		n := &proof[i]
		nodes[i] = rpc.ProofNode{Hash: n.Hash(h), Left: n.Left, Right: n.Right, Child: n.Child, Path: n.Path, Length: n.Length}
	}
	return nodes
}
