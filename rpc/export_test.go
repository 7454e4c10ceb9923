package rpc

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// The fake chain, for the tests of rpc/client against a server.
var (
	NewFakeChain   = newFakeChain
	FakeChainID    = fakeChainID
	FakeAccount    = fakeAccount
	FakeStorageKey = fakeStorageKey
	FakeClassHash  = fakeClassHash
	FakeClass      = fakeClass
	FakeCommon     = fakeCommon
	Felts          = us
	Quiet          = quiet
)

func (f *fakeChain) Blocks() []*starknet.Block              { return f.blocks }
func (f *fakeChain) Diffs() []*starknet.StateDiff           { return f.diffs }
func (f *fakeChain) Hash(block, index int) felt.Felt        { return f.hash(block, index) }
func (f *fakeChain) Place(hash felt.Felt) starknet.Position { return f.places[hash] }

// Hide removes a transaction from the chain until show is called.
func (f *fakeChain) Hide(hash felt.Felt) (show func()) {
	place := f.places[hash]
	delete(f.places, hash)
	return func() { f.places[hash] = place }
}
