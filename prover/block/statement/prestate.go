package statement

import (
	"fmt"
	"maps"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// maxPrestateNodes bounds the trie nodes of a prestate. A block's reads need about twenty nodes per slot.
const maxPrestateNodes = 1 << 20

// Prestate is the part of the state before a block that the block reads or changes, as trie nodes under the two roots. With it,
// a verifier that knows only the signed state commitments before and after the block can read the state during the replay, and
// compute the commitment after the block's state difference.
type Prestate struct {
	ContractsRoot felt.Felt      `json:"contracts_root"`
	ClassesRoot   felt.Felt      `json:"classes_root"`
	Contracts     []PrestateLeaf `json:"contracts"`
	Pedersen      []PrestateNode `json:"pedersen_nodes"` // nodes of the contracts trie and the storage tries
	Poseidon      []PrestateNode `json:"poseidon_nodes"` // nodes of the classes trie
}

// PrestateLeaf holds the values to which a contract's leaf commits. All are zero for an address without a contract.
type PrestateLeaf struct {
	Address     felt.Felt `json:"address"`
	ClassHash   felt.Felt `json:"class_hash"`
	StorageRoot felt.Felt `json:"storage_root"`
	Nonce       felt.Felt `json:"nonce"`
}

// PrestateNode is a trie node. Its JSON form is its stored form (trie.Node.Encode) in hexadecimal.
type PrestateNode struct{ trie.Node }

// MarshalText returns the node's stored form in hexadecimal.
func (n PrestateNode) MarshalText() ([]byte, error) { return HexBytes(n.Encode()).MarshalText() }

// UnmarshalText reads the text that MarshalText returns.
func (n *PrestateNode) UnmarshalText(text []byte) error {
	var raw HexBytes
	if err := raw.UnmarshalText(text); err != nil {
		return err
	}
	node, err := trie.DecodeNode(raw)
	if err != nil {
		return err
	}
	n.Node = node
	return nil
}

// Before is an opened prestate: the part of the state before the block that the prestate contains. With compiled class hashes
// it implements State (see withClasses).
type Before struct {
	contractsRoot, classesRoot felt.Felt
	contracts                  map[felt.Felt]trie.Contract
	pedersen, poseidon         trie.ProofSet
}

// open checks a prestate against the signed state commitment.
func (p *Prestate) open(commitment felt.Felt) (*Before, error) {
	if got := starknet.StateCommitment(p.ContractsRoot, p.ClassesRoot); got != commitment {
		return nil, fmt.Errorf("statement: the prestate's roots commit to %v, but the state commitment before the block is %v", got, commitment)
	}
	if n := len(p.Pedersen) + len(p.Poseidon); n > maxPrestateNodes {
		return nil, fmt.Errorf("statement: prestate of %d trie nodes, want at most %d", n, maxPrestateNodes)
	}
	b := &Before{
		contractsRoot: p.ContractsRoot, classesRoot: p.ClassesRoot,
		contracts: make(map[felt.Felt]trie.Contract, len(p.Contracts)),
		pedersen:  trie.Open(trie.Pedersen, proofOf(p.Pedersen)),
		poseidon:  trie.Open(trie.Poseidon, proofOf(p.Poseidon)),
	}
	leaves := make([]trie.Contract, len(p.Contracts))
	for i, c := range p.Contracts {
		leaves[i] = trie.Contract{ClassHash: c.ClassHash, StorageRoot: c.StorageRoot, Nonce: c.Nonce}
	}
	for i, leaf := range trie.ContractLeaves(leaves) {
		address := p.Contracts[i].Address
		value, err := b.pedersen.Value(b.contractsRoot, address)
		if err != nil {
			return nil, fmt.Errorf("statement: contract %v in the prestate: %w", address, err)
		}
		if value != leaf {
			return nil, fmt.Errorf("statement: contract %v has leaf %v in the state, but the prestate's values hash to %v", address, value, leaf)
		}
		b.contracts[address] = leaves[i]
	}
	return b, nil
}

func proofOf(nodes []PrestateNode) trie.Proof {
	proof := make(trie.Proof, len(nodes))
	for i := range nodes {
		proof[i] = nodes[i].Node
	}
	return proof
}

func (b *Before) contract(address felt.Felt) (trie.Contract, error) {
	c, ok := b.contracts[address]
	if !ok {
		return c, fmt.Errorf("statement: contract %v is not in the prestate", address)
	}
	return c, nil
}

// StorageAt implements State.
func (b *Before) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	c, err := b.contract(contract)
	if err != nil {
		return felt.Felt{}, err
	}
	value, err := b.pedersen.Value(c.StorageRoot, key)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("statement: slot %v of contract %v in the prestate: %w", key, contract, err)
	}
	return value, nil
}

// ClassHashAt implements State.
func (b *Before) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	c, err := b.contract(contract)
	return c.ClassHash, err
}

// NonceAt implements State.
func (b *Before) NonceAt(contract felt.Felt) (felt.Felt, error) {
	c, err := b.contract(contract)
	return c.Nonce, err
}

// declared returns the compiled class hash of a class, zero if the class is not declared. The classes trie contains only a hash
// of the compiled class hash, so declared can only check the candidate for the class.
func (b *Before) declared(class felt.Felt, candidates map[felt.Felt]felt.Felt) (felt.Felt, error) {
	leaf, err := b.poseidon.Value(b.classesRoot, class)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("statement: class %v in the prestate: %w", class, err)
	}
	if leaf.IsZero() {
		return felt.Felt{}, nil
	}
	compiled, ok := candidates[class]
	if !ok || trie.ClassLeaf(compiled) != leaf {
		return felt.Felt{}, fmt.Errorf("statement: class %v is declared, but not with compiled class hash %v", class, compiled)
	}
	return compiled, nil
}

// withClasses returns a State that also answers CompiledClassHash. compiled maps class hashes to the compiled class hashes that
// the verifier knows; each is checked against the classes trie when it is read.
func (b *Before) withClasses(compiled map[felt.Felt]felt.Felt) State {
	return beforeWithClasses{b, compiled}
}

type beforeWithClasses struct {
	*Before
	compiled map[felt.Felt]felt.Felt
}

func (b beforeWithClasses) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	return b.declared(class, b.compiled)
}

// after returns the state commitment after a difference in canonical order.
func (b *Before) after(diff *starknet.StateDiff) (felt.Felt, error) {
	return transition(diff, b.contractsRoot, b.classesRoot, nodeStore(b.pedersen), nodeStore(b.poseidon), b.contract)
}

// nodeStore implements trie.Store on a prestate's nodes, so that trie.Commit works on them.
type nodeStore trie.ProofSet

func (s nodeStore) TrieNode(hash felt.Felt) ([]byte, error) {
	node, ok := s[hash]
	if !ok {
		return nil, fmt.Errorf("statement: trie node %v is not in the prestate", hash)
	}
	return node.Encode(), nil
}

// transition returns the state commitment after diff. It computes the same as app/state.
func transition(diff *starknet.StateDiff, contractsRoot, classesRoot felt.Felt, pedersen, poseidon trie.Store, contract func(felt.Felt) (trie.Contract, error)) (felt.Felt, error) {
	touched := map[felt.Felt]trie.Contract{}
	touch := func(address felt.Felt, change func(*trie.Contract)) error {
		c, ok := touched[address]
		if !ok {
			var err error
			if c, err = contract(address); err != nil {
				return err
			}
		}
		change(&c)
		touched[address] = c
		return nil
	}
	var updates []trie.Update
	for _, c := range diff.Storage {
		before, err := contract(c.Address)
		if err != nil {
			return felt.Felt{}, err
		}
		u := trie.Update{Root: before.StorageRoot}
		for _, e := range c.Entries {
			u.Leaves = append(u.Leaves, trie.Leaf{Key: e.Key, Value: e.Value})
		}
		updates = append(updates, u)
	}
	roots, _, err := trie.Commit(pedersen, trie.Pedersen, updates)
	if err != nil {
		return felt.Felt{}, err
	}
	for i, c := range diff.Storage {
		if err := touch(c.Address, func(t *trie.Contract) { t.StorageRoot = roots[i] }); err != nil {
			return felt.Felt{}, err
		}
	}
	for _, n := range diff.Nonces {
		if err := touch(n.Address, func(t *trie.Contract) { t.Nonce = n.Nonce }); err != nil {
			return felt.Felt{}, err
		}
	}
	for _, list := range [][]starknet.ContractClassHash{diff.Deployed, diff.Replaced} {
		for _, c := range list {
			if err := touch(c.Address, func(t *trie.Contract) { t.ClassHash = c.ClassHash }); err != nil {
				return felt.Felt{}, err
			}
		}
	}
	addresses := slices.SortedFunc(maps.Keys(touched), func(a, b felt.Felt) int { return a.Cmp(&b) })
	contracts := make([]trie.Contract, len(addresses))
	for i, address := range addresses {
		contracts[i] = touched[address]
	}
	u := trie.Update{Root: contractsRoot}
	for i, leaf := range trie.ContractLeaves(contracts) {
		u.Leaves = append(u.Leaves, trie.Leaf{Key: addresses[i], Value: leaf})
	}
	if roots, _, err = trie.Commit(pedersen, trie.Pedersen, []trie.Update{u}); err != nil {
		return felt.Felt{}, err
	}
	contractsRoot = roots[0]
	u = trie.Update{Root: classesRoot}
	for _, c := range diff.Declared {
		u.Leaves = append(u.Leaves, trie.Leaf{Key: c.ClassHash, Value: trie.ClassLeaf(c.CompiledClassHash)})
	}
	if roots, _, err = trie.Commit(poseidon, trie.Poseidon, []trie.Update{u}); err != nil {
		return felt.Felt{}, err
	}
	return starknet.StateCommitment(contractsRoot, roots[0]), nil
}

// Reads is a State that records what is read, to make a prestate of it.
type Reads struct {
	state     State
	slots     map[slot]bool
	contracts map[felt.Felt]bool
	classes   map[felt.Felt]bool
}

// NewReads returns a State that records reads of s.
func NewReads(s State) *Reads {
	return &Reads{s, map[slot]bool{}, map[felt.Felt]bool{}, map[felt.Felt]bool{}}
}

// StorageAt implements State.
func (r *Reads) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	r.slots[slot{contract, key}] = true
	r.contracts[contract] = true
	return r.state.StorageAt(contract, key)
}

// ClassHashAt implements State.
func (r *Reads) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	r.contracts[contract] = true
	return r.state.ClassHashAt(contract)
}

// NonceAt implements State.
func (r *Reads) NonceAt(contract felt.Felt) (felt.Felt, error) {
	r.contracts[contract] = true
	return r.state.NonceAt(contract)
}

// CompiledClassHash implements State.
func (r *Reads) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	r.classes[class] = true
	return r.state.CompiledClassHash(class)
}

// Classes returns the classes whose compiled class hashes were read, ascending.
func (r *Reads) Classes() []felt.Felt {
	return slices.SortedFunc(maps.Keys(r.classes), func(a, b felt.Felt) int { return a.Cmp(&b) })
}

// Tries gives access to the tries of the whole state, from which a prestate is taken.
type Tries struct {
	ContractsRoot, ClassesRoot felt.Felt
	Nodes                      trie.Store                             // nodes of all tries
	Contract                   func(felt.Felt) (trie.Contract, error) // values to which a contract's leaf commits
}

// Prestate returns the trie nodes that the recorded reads and the application of diff need.
func (r *Reads) Prestate(tries *Tries, diff *starknet.StateDiff) (*Prestate, error) {
	s, contractsRoot, classesRoot, contract := tries.Nodes, tries.ContractsRoot, tries.ClassesRoot, tries.Contract
	for _, c := range diff.Storage {
		r.contracts[c.Address] = true
		for _, e := range c.Entries {
			r.slots[slot{c.Address, e.Key}] = true
		}
	}
	for _, n := range diff.Nonces {
		r.contracts[n.Address] = true
	}
	for _, c := range slices.Concat(diff.Deployed, diff.Replaced) {
		r.contracts[c.Address] = true
	}
	for _, c := range diff.Declared {
		r.classes[c.ClassHash] = true
	}
	p := &Prestate{ContractsRoot: contractsRoot, ClassesRoot: classesRoot, Contracts: []PrestateLeaf{}}
	pedersen, poseidon := newNodeLog(s), newNodeLog(s)
	addresses := slices.SortedFunc(maps.Keys(r.contracts), func(a, b felt.Felt) int { return a.Cmp(&b) })
	if _, err := trie.Prove(pedersen, contractsRoot, addresses...); err != nil {
		return nil, err
	}
	keys := map[felt.Felt][]felt.Felt{}
	for s := range r.slots {
		keys[s.contract] = append(keys[s.contract], s.key)
	}
	for _, address := range addresses {
		leaf, err := contract(address)
		if err != nil {
			return nil, err
		}
		p.Contracts = append(p.Contracts, PrestateLeaf{Address: address, ClassHash: leaf.ClassHash, StorageRoot: leaf.StorageRoot, Nonce: leaf.Nonce})
		slices.SortFunc(keys[address], func(a, b felt.Felt) int { return a.Cmp(&b) })
		if _, err := trie.Prove(pedersen, leaf.StorageRoot, keys[address]...); err != nil {
			return nil, err
		}
	}
	if _, err := trie.Prove(poseidon, classesRoot, r.Classes()...); err != nil {
		return nil, err
	}
	if _, err := transition(diff, contractsRoot, classesRoot, pedersen, poseidon, contract); err != nil {
		return nil, err
	}
	p.Pedersen, p.Poseidon = pedersen.nodes, poseidon.nodes
	return p, nil
}

// nodeLog records each node that is read from a store, once, in order.
type nodeLog struct {
	store trie.Store
	seen  map[felt.Felt]bool
	nodes []PrestateNode
}

func newNodeLog(s trie.Store) *nodeLog { return &nodeLog{s, map[felt.Felt]bool{}, []PrestateNode{}} }

func (l *nodeLog) TrieNode(hash felt.Felt) ([]byte, error) {
	b, err := l.store.TrieNode(hash)
	if err != nil || b == nil || l.seen[hash] {
		return b, err
	}
	node, err := trie.DecodeNode(b)
	if err != nil {
		return nil, err
	}
	l.seen[hash] = true
	l.nodes = append(l.nodes, PrestateNode{node})
	return b, nil
}
