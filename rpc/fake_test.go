package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// fakeChain is a Backend in memory. Its blocks have correct hashes and commitments, and its states are computed from their
// differences. It does not run Cairo: a call returns its calldata.
type fakeChain struct {
	blocks  []*starknet.Block
	diffs   []*starknet.StateDiff
	places  map[felt.Felt]starknet.Position
	classes map[felt.Felt]*starknet.ContractClass
	pool    map[felt.Felt]starknet.Transaction

	sync *SyncStatus

	simulated SimulationFlags // of the last simulation
	at        starknet.At     // of the last call or simulation
}

var fakeChainID = felt.FromShortString("SN_FAKE")

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

func us(vs ...uint64) []felt.Felt {
	fs := make([]felt.Felt, len(vs))
	for i, v := range vs {
		fs[i] = u(v)
	}
	return fs
}

// fakeClass returns a class with every kind of entry point and an ABI with characters that JSON escapes.
func fakeClass() *starknet.ContractClass {
	return &starknet.ContractClass{
		SierraProgram: us(1, 7, 0, 2, 20, 0, 255), Version: starknet.ClassVersion, ABI: `[{"type": "core::array::Span::<felt252>"}]`,
		EntryPoints: sierra.EntryPoints{
			External: []sierra.EntryPoint{{Selector: u(5), FunctionIdx: 0}}, Constructor: []sierra.EntryPoint{{Selector: u(6), FunctionIdx: 1}},
		},
	}
}

func fakeCommon(nonce uint64) starknet.Common {
	return starknet.Common{
		Signature: us(11, 12), Nonce: u(nonce), Tip: 7,
		ResourceBounds: starknet.ResourceBounds{
			L1Gas: starknet.ResourceBound{MaxAmount: 1, MaxPricePerUnit: starknet.NewUint128(2)},
			L2Gas: starknet.ResourceBound{MaxAmount: 1 << 40, MaxPricePerUnit: starknet.Uint128{Hi: 1, Lo: 5}},
		},
	}
}

// The accounts: one is deployed at genesis, the other in block 1.
var (
	fakeAccount     = u(0xacc)
	fakeClassHash   = fakeClass().Hash()
	fakeDeployed    = (&starknet.DeployAccount{ClassHash: fakeClassHash, ContractAddressSalt: u(1), ConstructorCalldata: us(9)}).Sender()
	fakeStorageKey  = u(0x5107)
	fakeOtherHandle = u(0xabc)
)

// newFakeChain returns a chain of five blocks: genesis; one with a transaction of each type, one of them reverted; an empty
// one; two with events.
func newFakeChain(t testing.TB) *fakeChain {
	t.Helper()
	f := &fakeChain{
		places: map[felt.Felt]starknet.Position{}, classes: map[felt.Felt]*starknet.ContractClass{fakeClassHash: fakeClass()},
		pool: map[felt.Felt]starknet.Transaction{},
	}
	event := func(from felt.Felt, keys ...uint64) starknet.Event {
		return starknet.Event{From: from, Keys: us(keys...), Data: us(99)}
	}
	invoke := func(nonce uint64) *starknet.Invoke {
		return &starknet.Invoke{Common: fakeCommon(nonce), SenderAddress: fakeAccount, Calldata: us(1, 2, 3)}
	}
	f.add(t, nil, nil, &starknet.StateDiff{
		Deployed: []starknet.ContractClassHash{{Address: fakeAccount, ClassHash: fakeClassHash}},
		Declared: []starknet.DeclaredClass{{ClassHash: fakeClassHash, CompiledClassHash: u(0xca5)}},
		Storage: []starknet.ContractStorage{
			{Address: starknet.BlockHashAddress, Entries: []starknet.StorageEntry{{Key: u(0), Value: u(1)}}},
			{Address: fakeAccount, Entries: []starknet.StorageEntry{{Key: fakeStorageKey, Value: u(40)}}},
		},
	})
	f.add(t, []starknet.Transaction{
		invoke(0),
		&starknet.Declare{Common: fakeCommon(1), SenderAddress: fakeAccount, ClassHash: fakeClassHash, CompiledClassHash: u(0xca5)},
		&starknet.DeployAccount{Common: fakeCommon(0), ClassHash: fakeClassHash, ContractAddressSalt: u(1), ConstructorCalldata: us(9)},
		invoke(2),
	}, []starknet.Receipt{
		{ActualFee: starknet.NewUint128(5), Events: []starknet.Event{event(fakeAccount, 1, 2), event(fakeOtherHandle, 1), event(fakeAccount, 2)},
			Messages: []starknet.Message{{From: fakeAccount, To: u(0xe), Payload: us(1)}}, Resources: starknet.GasVector{L1DataGas: 128, L2Gas: 1 << 33}},
		{ActualFee: starknet.NewUint128(6)},
		{ActualFee: starknet.NewUint128(7), ContractAddress: fakeDeployed},
		{ActualFee: starknet.NewUint128(8), Reverted: true, RevertReason: "assert <failed>"},
	}, &starknet.StateDiff{
		Deployed: []starknet.ContractClassHash{{Address: fakeDeployed, ClassHash: fakeClassHash}},
		Replaced: []starknet.ContractClassHash{{Address: fakeAccount, ClassHash: fakeClassHash}},
		Nonces:   []starknet.NonceUpdate{{Address: fakeAccount, Nonce: u(3)}, {Address: fakeDeployed, Nonce: u(1)}},
		Storage:  []starknet.ContractStorage{{Address: fakeAccount, Entries: []starknet.StorageEntry{{Key: fakeStorageKey, Value: u(41)}}}},
	})
	f.add(t, nil, nil, &starknet.StateDiff{})
	for n := uint64(3); n < 5; n++ {
		f.add(t, []starknet.Transaction{invoke(n)},
			[]starknet.Receipt{{Events: []starknet.Event{event(fakeAccount, 1, n), event(fakeAccount, 1, n), {From: fakeAccount}}}},
			&starknet.StateDiff{Nonces: []starknet.NonceUpdate{{Address: fakeAccount, Nonce: u(n + 1)}}})
	}
	return f
}

// add appends a block.
func (f *fakeChain) add(t testing.TB, txs []starknet.Transaction, receipts []starknet.Receipt, diff *starknet.StateDiff) {
	t.Helper()
	diff.Sort()
	n := uint64(len(f.blocks))
	h := starknet.Header{Number: n, Timestamp: 1_700_000_000 + n, Sequencer: u(0x5e9), Version: starknet.Version, DAMode: starknet.Blob, StateRoot: u(1000 + n)}
	h.L2GasPrice.Fri, h.L1GasPrice.Wei = starknet.NewUint128(1_000_000_000), starknet.NewUint128(3)
	if n > 0 {
		h.Parent = f.blocks[n-1].BlockHash
	}
	for i, tx := range txs {
		receipts[i].TransactionHash, receipts[i].Type = tx.Hash(fakeChainID), tx.Type()
		f.places[receipts[i].TransactionHash] = starknet.Position{Block: n, Index: uint64(i)}
	}
	h.Seal(txs, receipts, diff)
	f.blocks = append(f.blocks, &starknet.Block{Header: h, BlockHash: h.Hash(), Transactions: txs, Receipts: receipts})
	f.diffs = append(f.diffs, diff)
}

func (f *fakeChain) hash(block, index int) felt.Felt {
	return f.blocks[block].Receipts[index].TransactionHash
}

func (f *fakeChain) ChainID() felt.Felt { return fakeChainID }

func (f *fakeChain) Head(context.Context) (Head, error) {
	if len(f.blocks) == 0 {
		return Head{}, ErrNoBlocks
	}
	last := f.blocks[len(f.blocks)-1]
	head := Head{Number: last.Number, Hash: last.BlockHash}
	return head, nil
}

func (f *fakeChain) NextHeader(context.Context) (starknet.Header, error) {
	h := f.blocks[len(f.blocks)-1].Header
	return starknet.Header{Number: h.Number + 1, Timestamp: h.Timestamp + 1, Sequencer: h.Sequencer, L2GasPrice: h.L2GasPrice, DAMode: h.DAMode, Version: h.Version}, nil
}

func (f *fakeChain) BlockNumber(_ context.Context, hash felt.Felt) (uint64, error) {
	for _, b := range f.blocks {
		if b.BlockHash == hash {
			return b.Number, nil
		}
	}
	return 0, ErrBlockNotFound
}

func (f *fakeChain) Header(_ context.Context, n uint64) (*starknet.Header, felt.Felt, error) {
	return &f.blocks[n].Header, f.blocks[n].BlockHash, nil
}

func (f *fakeChain) Block(_ context.Context, n uint64) (*starknet.Block, error) {
	return f.blocks[n], nil
}

func (f *fakeChain) Transaction(_ context.Context, p starknet.Position) (starknet.Transaction, *starknet.Receipt, error) {
	b := f.blocks[p.Block]
	return b.Transactions[p.Index], &b.Receipts[p.Index], nil
}

func (f *fakeChain) StateDiff(_ context.Context, n uint64) (*starknet.StateDiff, error) {
	return f.diffs[n], nil
}

func (f *fakeChain) FindTransaction(_ context.Context, hash felt.Felt) (starknet.Position, error) {
	if p, ok := f.places[hash]; ok {
		return p, nil
	}
	return starknet.Position{}, ErrTransactionNotFound
}

func (f *fakeChain) PoolStatus(_ context.Context, hash felt.Felt) (TransactionStatus, bool) {
	_, ok := f.pool[hash]
	return Received, ok
}

func (f *fakeChain) PoolTransaction(_ context.Context, hash felt.Felt) (starknet.Transaction, bool) {
	tx, ok := f.pool[hash]
	return tx, ok
}

func (f *fakeChain) State(_ context.Context, n uint64) (State, error) {
	if n >= uint64(len(f.blocks)) {
		return nil, fmt.Errorf("state of block %d of %d", n, len(f.blocks))
	}
	return &fakeState{f, n}, nil
}

func (f *fakeChain) Call(ctx context.Context, at starknet.At, call FunctionCall) ([]felt.Felt, error) {
	f.at = at
	state, err := f.State(ctx, at.Block)
	if err != nil {
		return nil, err
	}
	if _, err := classOf(state, call.ContractAddress); err != nil {
		return nil, err
	}
	switch call.EntryPointSelector {
	case u(0):
		return nil, ErrEntryPointNotFound
	case u(1):
		return nil, ContractError(map[string]any{"contract_address": call.ContractAddress, "class_hash": fakeClassHash, "selector": u(1), "error": "panicked"})
	case u(2):
		return nil, fmt.Errorf("disk on fire")
	case u(3):
		panic("bug")
	case u(4):
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return call.Calldata, nil
}

// Simulate reverts a transaction with nonce 77 and rejects transactions with nonce 78 or sender 0xdead.
func (f *fakeChain) Simulate(_ context.Context, at starknet.At, txs []starknet.Transaction, flags SimulationFlags) ([]Simulation, *starknet.StateReads, error) {
	f.at, f.simulated = at, flags
	results := make([]Simulation, len(txs))
	for i, tx := range txs {
		r := starknet.Receipt{TransactionHash: tx.Hash(fakeChainID), Type: tx.Type(), Resources: starknet.GasVector{L2Gas: 5}}
		switch tx.Fields().Nonce {
		case u(77):
			r.Reverted, r.RevertReason = true, "reverted"
		case u(78):
			return nil, nil, TransactionExecutionError(i, "invalid nonce")
		}
		if tx.Sender() == u(0xdead) {
			return nil, nil, UndeployedSender(i, "not deployed")
		}
		results[i] = Simulation{Receipt: r, Estimate: FeeEstimate{
			L2GasConsumed: 5, L2GasPrice: starknet.NewUint128(10), OverallFee: starknet.Uint128{Hi: 1, Lo: 50},
		}}
		if flags.Trace {
			trace := fakeTrace(tx.Type(), &r)
			results[i].Trace = &trace
		}
	}
	reads := &starknet.StateReads{Storage: []starknet.StorageRead{{Contract: fakeAccount, Key: fakeStorageKey, Value: u(41)}}, Declared: []starknet.DeclarationRead{{ClassHash: fakeClassHash, Declared: true}}}
	return results, reads, nil
}

func fakeTrace(kind starknet.TransactionType, r *starknet.Receipt) Trace {
	inner := Invocation{FunctionCall: FunctionCall{ContractAddress: fakeOtherHandle, EntryPointSelector: u(3)}, EntryPointType: External, Library: true, Reverted: true}
	outer := &Invocation{
		FunctionCall: FunctionCall{ContractAddress: fakeAccount, EntryPointSelector: u(5), Calldata: us(1)}, ClassHash: fakeClassHash,
		EntryPointType: External, Result: us(1), Calls: []Invocation{inner}, Events: []OrderedEvent{{Order: 1, Keys: us(1)}},
		Messages: []OrderedMessage{{Order: 2, Message: starknet.Message{From: fakeAccount, To: u(1), Payload: us(1)}}}, L2Gas: 77,
	}
	t := Trace{Type: kind, Validate: outer, FeeTransfer: outer, StateDiff: &starknet.StateDiff{Nonces: []starknet.NonceUpdate{{Address: fakeAccount, Nonce: u(9)}}}}
	switch {
	case kind == starknet.DeployAccountType:
		t.Constructor = outer
	case kind == starknet.InvokeType && r.Reverted:
		t.RevertReason = r.RevertReason
	case kind == starknet.InvokeType:
		t.Execute = outer
	}
	return t
}

func (f *fakeChain) TraceBlock(_ context.Context, n uint64, reads bool) ([]Trace, *starknet.StateReads, error) {
	b := f.blocks[n]
	traces := make([]Trace, len(b.Receipts))
	for i := range traces {
		traces[i] = fakeTrace(b.Receipts[i].Type, &b.Receipts[i])
	}
	if !reads {
		return traces, nil, nil
	}
	return traces, &starknet.StateReads{Nonces: []starknet.NonceRead{{Contract: fakeAccount, Nonce: u(4)}}, ClassHashes: []starknet.ClassHashRead{{Contract: fakeAccount, ClassHash: fakeClassHash}}}, nil
}

func (f *fakeChain) Submit(_ context.Context, tx starknet.Transaction) (felt.Felt, error) {
	hash := tx.Hash(fakeChainID)
	if _, ok := f.pool[hash]; ok {
		return felt.Zero, ErrDuplicateTransaction
	}
	f.pool[hash] = tx
	return hash, nil
}

func (f *fakeChain) StorageProof(_ context.Context, n uint64, r *StorageProofRequest) (*StorageProof, error) {
	if n == 0 {
		return nil, ErrStorageProofNotSupported
	}
	nodes := []ProofNode{{Hash: u(1), Left: u(2), Right: u(3)}, {Hash: u(2), Child: u(4), Path: u(0), Length: 250}}
	p := &StorageProof{ContractsRoot: u(1), ClassesRoot: u(1), BlockHash: f.blocks[n].BlockHash, Contracts: nodes}
	for range r.ContractAddresses {
		p.ContractLeaves = append(p.ContractLeaves, ContractLeaf{Nonce: u(3), ClassHash: fakeClassHash, StorageRoot: u(1)})
	}
	for range r.Slots {
		p.Storage = append(p.Storage, nodes)
	}
	return p, nil
}

func (f *fakeChain) CompiledClass(_ context.Context, classHash felt.Felt) (json.RawMessage, error) {
	if f.classes[classHash] == nil {
		return nil, ErrClassNotFound
	}
	return json.RawMessage(`{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","compiler_version":"2.20.0","bytecode":["0x1"],
		"bytecode_segment_lengths":[1],"hints":[[0,[{"TestLessThan":{"lhs":{"Immediate":"0x1"},"rhs":{"Immediate":"0x2"},"dst":{"register":"FP","offset":-3}}}]]],
		"entry_points_by_type":{"EXTERNAL":[{"selector":"0x5","offset":0,"builtins":["range_check"]}],"L1_HANDLER":[],"CONSTRUCTOR":[]}}`), nil
}

func (f *fakeChain) Syncing(context.Context) *SyncStatus { return f.sync }

// fakeState is the State after a block.
type fakeState struct {
	chain *fakeChain
	n     uint64
}

func (s *fakeState) ClassHashAt(contract felt.Felt) (hash felt.Felt, err error) {
	for _, d := range s.chain.diffs[:s.n+1] {
		for _, list := range [][]starknet.ContractClassHash{d.Deployed, d.Replaced} {
			for _, x := range list {
				if x.Address == contract {
					hash = x.ClassHash
				}
			}
		}
	}
	return hash, nil
}

func (s *fakeState) NonceAt(contract felt.Felt) (nonce felt.Felt, err error) {
	for _, d := range s.chain.diffs[:s.n+1] {
		for _, x := range d.Nonces {
			if x.Address == contract {
				nonce = x.Nonce
			}
		}
	}
	return nonce, nil
}

func (s *fakeState) storage(contract, key felt.Felt) (value felt.Felt, updated uint64) {
	for n, d := range s.chain.diffs[:s.n+1] {
		for _, c := range d.Storage {
			for _, e := range c.Entries {
				if c.Address == contract && e.Key == key {
					value, updated = e.Value, uint64(n)
				}
			}
		}
	}
	return value, updated
}

func (s *fakeState) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	value, _ := s.storage(contract, key)
	return value, nil
}

func (s *fakeState) StorageUpdatedAt(contract, key felt.Felt) (uint64, error) {
	_, n := s.storage(contract, key)
	return n, nil
}

func (s *fakeState) Class(classHash felt.Felt) (*starknet.ContractClass, error) {
	return s.chain.classes[classHash], nil
}
