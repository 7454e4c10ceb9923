package state

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	dbm "github.com/cometbft/cometbft-db"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// Store is the state and the blocks of all heights in a database. One goroutine may commit while any number of others read.
type Store struct {
	db       dbm.DB
	head     atomic.Pointer[Head]
	keyIndex atomic.Pointer[keyIndex] // nil if the event index has no later keys

	classes *lru.Cache[felt.Felt, *storedClass]
}

// Head is the hash, time and state roots of a block, usually the latest.
type Head struct {
	Height        uint64
	BlockHash     felt.Felt
	Timestamp     uint64
	StateRoot     felt.Felt // the state commitment, which is the app hash
	ContractsRoot felt.Felt
	ClassesRoot   felt.Felt
}

// Open returns the store in db. The caller closes db.
func Open(db dbm.DB) (*Store, error) {
	classes, err := lru.New[felt.Felt, *storedClass](maxClasses)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	s := &Store{db: db, classes: classes}
	b, err := db.Get([]byte{headPrefix})
	if err != nil {
		return nil, fmt.Errorf("state: reading the latest height: %w", err)
	}
	if b == nil {
		return s, nil
	}
	if len(b) != 8 {
		return nil, fmt.Errorf("state: latest height of %d bytes, want 8", len(b))
	}
	r, err := s.record(binary.BigEndian.Uint64(b))
	if err != nil {
		return nil, err
	}
	index, err := s.readKeyIndex()
	if err != nil {
		return nil, err
	}
	s.keyIndex.Store(index)
	s.head.Store(r.head())
	return s, nil
}

// Head returns the head of the latest block, nil before genesis.
func (s *Store) Head() *Head { return s.head.Load() }

// Genesis returns Change.Genesis of block 0, nil before genesis.
func (s *Store) Genesis() ([]byte, error) { return s.get([]byte{genesisPrefix}) }

// At returns a reader of the state after the block at a height. Above the head it reads the state of the head, which changes
// as blocks are committed.
func (s *Store) At(height uint64) Reader { return &reader{s, height} }

// Latest returns a reader of the state after the latest block. It keeps reading that state when later blocks are committed.
func (s *Store) Latest() Reader {
	if head := s.Head(); head != nil {
		return s.At(head.Height)
	}
	return s.At(0)
}

// reader is a Reader of the state at a height.
type reader struct {
	store  *Store
	height uint64
}

func (r *reader) StorageAt(contract, slot felt.Felt) (felt.Felt, error) {
	return r.value(storagePrefix, contract, slot)
}

func (r *reader) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return r.value(noncePrefix, contract)
}

func (r *reader) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return r.value(classHashPrefix, contract)
}

func (r *reader) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	c, err := r.store.class(class)
	if err != nil || c == nil || c.height > r.height {
		return felt.Felt{}, err
	}
	return c.CompiledHash, nil
}

func (r *reader) Class(class felt.Felt) (*Class, error) {
	c, err := r.store.class(class)
	if err != nil || c == nil || c.height > r.height {
		return nil, err
	}
	return &c.Class, nil
}

// value returns the newest version of a versioned key at or below the reader's height, 0 if there is none.
func (r *reader) value(prefix byte, felts ...felt.Felt) (felt.Felt, error) {
	start := key(prefix, felts, ^r.height)
	end := append(key(prefix, felts, ^uint64(0)), 0)
	it, err := r.store.db.Iterator(start, end)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("state: reading %x: %w", start, err)
	}
	defer it.Close()
	if !it.Valid() {
		return felt.Felt{}, it.Error()
	}
	v, err := felt.FromBytes(it.Value())
	if err != nil {
		return felt.Felt{}, fmt.Errorf("state: value of %x: %w", start, err)
	}
	return v, it.Error()
}

// storedClass is a class with the height that declared it.
type storedClass struct {
	Class
	height uint64
}

// maxClasses bounds the cached classes.
const maxClasses = 100

// class returns a class declared at any height, nil if there is none. Classes never change, so it caches them.
func (s *Store) class(hash felt.Felt) (*storedClass, error) {
	if c, ok := s.classes.Get(hash); ok {
		return c, nil
	}
	b, err := s.db.Get(key(classPrefix, one(hash)))
	if err != nil || b == nil {
		return nil, err
	}
	c, err := decodeClass(hash, b)
	if err != nil {
		return nil, fmt.Errorf("state: class %v: %w", hash, err)
	}
	s.classes.Add(hash, c)
	return c, nil
}

// encodeClass returns the stored form of a class: height (8 bytes), compiled hash (32), length of the definition (4), definition,
// CASM.
func encodeClass(c *Class, height uint64) ([]byte, error) {
	definition, err := c.Definition.MarshalBinary()
	if err != nil {
		return nil, err
	}
	compiled := c.CompiledHash.Bytes()
	b := binary.BigEndian.AppendUint64(nil, height)
	b = append(b, compiled[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(definition)))
	return append(append(b, definition...), c.Casm...), nil
}

func decodeClass(hash felt.Felt, b []byte) (*storedClass, error) {
	const fixed = 8 + 32 + 4
	if len(b) < fixed || uint64(len(b)) < fixed+uint64(binary.BigEndian.Uint32(b[40:])) {
		return nil, fmt.Errorf("record of %d bytes is cut short", len(b))
	}
	compiled, err := felt.FromBytes(b[8:40])
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(b[40:])
	c := &storedClass{height: binary.BigEndian.Uint64(b)}
	c.Hash, c.CompiledHash, c.Definition, c.Casm = hash, compiled, &starknet.ContractClass{}, b[fixed+size:]
	return c, c.Definition.UnmarshalBinary(b[fixed : fixed+size])
}

// TrieNode implements trie.Store.
func (s *Store) TrieNode(hash felt.Felt) ([]byte, error) { return s.db.Get(key(nodePrefix, one(hash))) }

// Change is a state difference applied to the tries: the new roots and the new trie nodes.
type Change struct {
	Diff          *starknet.StateDiff
	ContractsRoot felt.Felt
	ClassesRoot   felt.Felt
	Commitment    felt.Felt // the state commitment to both roots

	nodes        []trie.Stored
	storageRoots []addressRoot
	// Genesis, if not nil, is stored with block 0. Store.Genesis returns it.
	Genesis []byte
}

type addressRoot struct{ address, root felt.Felt }

// Apply applies a difference, in canonical order, to the tries of the latest block. It writes nothing.
func (s *Store) Apply(diff *starknet.StateDiff) (*Change, error) {
	var head Head
	if h := s.Head(); h != nil {
		head = *h
	}
	before := &reader{s, head.Height}
	touched := newContracts(diff)

	updates := make([]trie.Update, 0, len(diff.Storage))
	for _, c := range diff.Storage {
		root, err := before.value(storageRootPrefix, c.Address)
		if err != nil {
			return nil, err
		}
		leaves := make([]trie.Leaf, len(c.Entries))
		for i, e := range c.Entries {
			leaves[i] = trie.Leaf{Key: e.Key, Value: e.Value}
		}
		updates = append(updates, trie.Update{Root: root, Leaves: leaves})
	}
	roots, nodes, err := trie.Commit(s, trie.Pedersen, updates)
	if err != nil {
		return nil, err
	}
	ch := &Change{Diff: diff, nodes: nodes}
	for i, c := range diff.Storage {
		ch.storageRoots = append(ch.storageRoots, addressRoot{c.Address, roots[i]})
		touched.at(c.Address).storageRoot = &roots[i]
	}

	contracts := make([]trie.Contract, len(touched.order))
	for i, address := range touched.order {
		if contracts[i], err = touched.of[address].complete(before, address); err != nil {
			return nil, err
		}
	}
	values := trie.ContractLeaves(contracts)
	leaves := make([]trie.Leaf, len(contracts))
	for i, address := range touched.order {
		leaves[i] = trie.Leaf{Key: address, Value: values[i]}
	}
	roots, nodes, err = trie.Commit(s, trie.Pedersen, []trie.Update{{Root: head.ContractsRoot, Leaves: leaves}})
	if err != nil {
		return nil, err
	}
	ch.ContractsRoot, ch.nodes = roots[0], append(ch.nodes, nodes...)

	leaves = leaves[:0]
	for _, c := range diff.Declared {
		leaves = append(leaves, trie.Leaf{Key: c.ClassHash, Value: trie.ClassLeaf(c.CompiledClassHash)})
	}
	roots, nodes, err = trie.Commit(s, trie.Poseidon, []trie.Update{{Root: head.ClassesRoot, Leaves: leaves}})
	if err != nil {
		return nil, err
	}
	ch.ClassesRoot, ch.nodes = roots[0], append(ch.nodes, nodes...)
	ch.Commitment = starknet.StateCommitment(ch.ContractsRoot, ch.ClassesRoot)
	return ch, nil
}

// contracts collects the changes of a difference by contract.
type contracts struct {
	of    map[felt.Felt]*contract
	order []felt.Felt // the order in which at was first called for them
}

// contract is the new values of a contract's leaf; nil means unchanged.
type contract struct{ storageRoot, nonce, classHash *felt.Felt }

func newContracts(diff *starknet.StateDiff) *contracts {
	cs := &contracts{of: map[felt.Felt]*contract{}}
	for i := range diff.Nonces {
		cs.at(diff.Nonces[i].Address).nonce = &diff.Nonces[i].Nonce
	}
	for _, list := range [][]starknet.ContractClassHash{diff.Deployed, diff.Replaced} {
		for i := range list {
			cs.at(list[i].Address).classHash = &list[i].ClassHash
		}
	}
	return cs
}

func (cs *contracts) at(address felt.Felt) *contract {
	c, ok := cs.of[address]
	if !ok {
		c = &contract{}
		cs.of[address] = c
		cs.order = append(cs.order, address)
	}
	return c
}

// complete returns the contract's leaf, with unchanged values from the state before.
func (c *contract) complete(before *reader, address felt.Felt) (trie.Contract, error) {
	var out trie.Contract
	for _, f := range []struct {
		prefix byte
		new    *felt.Felt
		to     *felt.Felt
	}{{storageRootPrefix, c.storageRoot, &out.StorageRoot}, {noncePrefix, c.nonce, &out.Nonce}, {classHashPrefix, c.classHash, &out.ClassHash}} {
		if f.new != nil {
			*f.to = *f.new
			continue
		}
		v, err := before.value(f.prefix, address)
		if err != nil {
			return out, err
		}
		*f.to = v
	}
	return out, nil
}

// Commit writes a block and its change of the latest state in one atomic batch, which is durable when Commit returns. The
// block's state root must be the change's commitment. classes are the classes of Diff.Declared.
func (s *Store) Commit(block *starknet.Block, ch *Change, classes []*Class) error {
	height := block.Number
	switch head := s.Head(); {
	case head == nil && height != 0:
		return fmt.Errorf("state: block %d before genesis", height)
	case head != nil && height != head.Height+1:
		return fmt.Errorf("state: block %d after block %d", height, head.Height)
	case block.StateRoot != ch.Commitment:
		return fmt.Errorf("state: block %d with state root %v commits to %v", height, block.StateRoot, ch.Commitment)
	}
	w := &writer{batch: s.db.NewBatch()}
	defer w.batch.Close()
	w.state(height, ch)
	for _, c := range classes {
		b, err := encodeClass(c, height)
		if err != nil {
			return fmt.Errorf("state: class %v: %w", c.Hash, err)
		}
		w.set(key(classPrefix, one(c.Hash)), b)
	}
	if ch.Genesis != nil {
		w.set([]byte{genesisPrefix}, ch.Genesis)
	}
	r := record{header: block.Header, blockHash: block.BlockHash, contractsRoot: ch.ContractsRoot, classesRoot: ch.ClassesRoot}
	w.block(block, &r, ch.Diff)
	index := w.events(block, s.keyIndex.Load())
	w.set([]byte{headPrefix}, binary.BigEndian.AppendUint64(nil, height))
	if w.err != nil {
		return fmt.Errorf("state: block %d: %w", height, w.err)
	}
	if err := w.batch.WriteSync(); err != nil {
		return fmt.Errorf("state: writing block %d: %w", height, err)
	}
	s.keyIndex.Store(index)
	s.head.Store(r.head())
	return nil
}

// writer fills a batch and keeps the first error.
type writer struct {
	batch dbm.Batch
	err   error
}

func (w *writer) set(k, v []byte) {
	if w.err == nil {
		w.err = w.batch.Set(k, v)
	}
}

func (w *writer) felt(k []byte, v felt.Felt) {
	b := v.Bytes()
	w.set(k, b[:])
}

// marshal sets a key to the binary form of v.
func (w *writer) marshal(k []byte, v interface{ MarshalBinary() ([]byte, error) }) {
	b, err := v.MarshalBinary()
	if err != nil && w.err == nil {
		w.err = err
	}
	w.set(k, b)
}

// state writes the changed values of a height and the new trie nodes.
func (w *writer) state(height uint64, ch *Change) {
	for _, c := range ch.Diff.Storage {
		for _, e := range c.Entries {
			w.felt(key(storagePrefix, []felt.Felt{c.Address, e.Key}, ^height), e.Value)
		}
	}
	for _, n := range ch.Diff.Nonces {
		w.felt(key(noncePrefix, one(n.Address), ^height), n.Nonce)
	}
	for _, list := range [][]starknet.ContractClassHash{ch.Diff.Deployed, ch.Diff.Replaced} {
		for _, c := range list {
			w.felt(key(classHashPrefix, one(c.Address), ^height), c.ClassHash)
		}
	}
	for _, r := range ch.storageRoots {
		w.felt(key(storageRootPrefix, one(r.address), ^height), r.root)
	}
	for _, n := range ch.nodes {
		w.set(key(nodePrefix, one(n.Hash)), n.Node.Encode())
	}
}
