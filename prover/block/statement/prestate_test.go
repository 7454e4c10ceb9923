package statement

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// fullState is a whole state in memory, with which prestates are compared.
type fullState struct {
	nodes                      map[felt.Felt][]byte
	contracts                  map[felt.Felt]trie.Contract
	slots                      map[slot]felt.Felt
	compiled                   map[felt.Felt]felt.Felt
	contractsRoot, classesRoot felt.Felt
}

func (s *fullState) TrieNode(hash felt.Felt) ([]byte, error) { return s.nodes[hash], nil }

func (s *fullState) contract(a felt.Felt) (trie.Contract, error) { return s.contracts[a], nil }

func (s *fullState) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return s.slots[slot{contract, key}], nil
}

func (s *fullState) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return s.contracts[contract].ClassHash, nil
}

func (s *fullState) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return s.contracts[contract].Nonce, nil
}

func (s *fullState) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	return s.compiled[class], nil
}

// after returns the commitment of the state with a difference applied, computed from an empty trie.
func (s *fullState) after(t *testing.T, diff *starknet.StateDiff) felt.Felt {
	t.Helper()
	contracts, slots, compiled := maps.Clone(s.contracts), maps.Clone(s.slots), maps.Clone(s.compiled)
	for _, c := range diff.Storage {
		for _, e := range c.Entries {
			slots[slot{c.Address, e.Key}] = e.Value
		}
	}
	for _, n := range diff.Nonces {
		c := contracts[n.Address]
		c.Nonce = n.Nonce
		contracts[n.Address] = c
	}
	for _, d := range slices.Concat(diff.Deployed, diff.Replaced) {
		c := contracts[d.Address]
		c.ClassHash = d.ClassHash
		contracts[d.Address] = c
	}
	for _, d := range diff.Declared {
		compiled[d.ClassHash] = d.CompiledClassHash
	}
	commit := func(h trie.Hash, leaves []trie.Leaf) felt.Felt {
		roots, _, err := trie.Commit(&fullState{}, h, []trie.Update{{Leaves: leaves}})
		if err != nil {
			t.Fatal(err)
		}
		return roots[0]
	}
	storage := map[felt.Felt][]trie.Leaf{}
	for at, value := range slots {
		if !value.IsZero() {
			storage[at.contract] = append(storage[at.contract], trie.Leaf{Key: at.key, Value: value})
		}
	}
	var leaves, classes []trie.Leaf
	for address, c := range contracts {
		c.StorageRoot = felt.Zero
		if len(storage[address]) > 0 {
			c.StorageRoot = commit(trie.Pedersen, storage[address])
		}
		leaves = append(leaves, trie.Leaf{Key: address, Value: trie.ContractLeaves([]trie.Contract{c})[0]})
	}
	for class, compiled := range compiled {
		classes = append(classes, trie.Leaf{Key: class, Value: trie.ClassLeaf(compiled)})
	}
	return starknet.StateCommitment(commit(trie.Pedersen, leaves), commit(trie.Poseidon, classes))
}

func newFullState(t *testing.T, r *rand.Rand) *fullState {
	t.Helper()
	s := &fullState{nodes: map[felt.Felt][]byte{}, contracts: map[felt.Felt]trie.Contract{}, slots: map[slot]felt.Felt{}, compiled: map[felt.Felt]felt.Felt{}}
	commit := func(h trie.Hash, leaves []trie.Leaf) felt.Felt {
		roots, nodes, err := trie.Commit(s, h, []trie.Update{{Leaves: leaves}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range nodes {
			s.nodes[nodes[i].Hash] = nodes[i].Node.Encode()
		}
		return roots[0]
	}
	var contracts, classes []trie.Leaf
	for range 12 {
		address := key(r)
		if _, taken := s.contracts[address]; taken {
			continue
		}
		var leaves []trie.Leaf
		for range 1 + r.IntN(6) {
			leaf := trie.Leaf{Key: key(r), Value: key(r)}
			leaves = append(leaves, leaf)
			s.slots[slot{address, leaf.Key}] = leaf.Value
		}
		c := trie.Contract{ClassHash: key(r), StorageRoot: commit(trie.Pedersen, leaves), Nonce: felt.FromUint64(r.Uint64N(5))}
		s.contracts[address] = c
		contracts = append(contracts, trie.Leaf{Key: address, Value: trie.ContractLeaves([]trie.Contract{c})[0]})
	}
	for range 5 {
		class, compiled := key(r), key(r)
		s.compiled[class] = compiled
		classes = append(classes, trie.Leaf{Key: class, Value: trie.ClassLeaf(compiled)})
	}
	s.contractsRoot, s.classesRoot = commit(trie.Pedersen, contracts), commit(trie.Poseidon, classes)
	return s
}

// key returns a trie key. Half of the keys are small, so that paths share prefixes.
func key(r *rand.Rand) felt.Felt {
	if r.IntN(2) == 0 {
		return felt.FromUint64(1 + r.Uint64N(64))
	}
	return felt.FromLimbs([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64() >> 8})
}

func TestPrestateAnswersAndLeadsToTheNextCommitment(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newFullState(t, r)
		diff := &starknet.StateDiff{}
		for address := range s.contracts {
			if r.IntN(3) > 0 {
				continue
			}
			written := map[felt.Felt]felt.Felt{key(r): key(r)}
			for at := range s.slots {
				if at.contract == address && r.IntN(2) == 0 {
					written[at.key] = felt.Zero // removing a key merges edges, which needs the sibling nodes
				}
			}
			c := starknet.ContractStorage{Address: address}
			for k, v := range written {
				c.Entries = append(c.Entries, starknet.StorageEntry{Key: k, Value: v})
			}
			diff.Storage = append(diff.Storage, c)
			diff.Nonces = append(diff.Nonces, starknet.NonceUpdate{Address: address, Nonce: felt.FromUint64(9)})
		}
		diff.Deployed = append(diff.Deployed, starknet.ContractClassHash{Address: felt.FromUint64(1000), ClassHash: felt.One})
		diff.Declared = append(diff.Declared, starknet.DeclaredClass{ClassHash: felt.FromUint64(2000), CompiledClassHash: felt.One})
		diff.Sort()

		reads := NewReads(s)
		for at, want := range s.slots {
			if got, err := reads.StorageAt(at.contract, at.key); err != nil || got != want {
				t.Fatal(got, err)
			}
			break
		}
		absent := felt.FromUint64(77777)
		reads.ClassHashAt(absent)
		for class := range s.compiled {
			reads.CompiledClassHash(class)
		}
		p, err := reads.Prestate(&Tries{s.contractsRoot, s.classesRoot, s, s.contract}, diff)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again Prestate
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		root := starknet.StateCommitment(s.contractsRoot, s.classesRoot)
		before, err := again.open(root)
		if err != nil {
			t.Fatal(err)
		}
		want := s.after(t, diff)
		if got, err := before.after(diff); err != nil || got != want {
			t.Fatalf("seed %d: After = %v, %v; want %v", seed, got, err, want)
		}
		view := before.withClasses(s.compiled)
		for at := range reads.slots {
			if got, err := view.StorageAt(at.contract, at.key); err != nil || got != s.slots[at] {
				t.Fatalf("slot %v = %v, %v; want %v", at, got, err, s.slots[at])
			}
		}
		if got, err := view.ClassHashAt(absent); err != nil || !got.IsZero() {
			t.Errorf("an absent contract has class %v, %v", got, err)
		}
		if _, err := view.ClassHashAt(felt.FromUint64(88888)); err == nil {
			t.Error("a contract outside the prestate has an answer")
		}
		for class, compiled := range s.compiled {
			if got, err := view.CompiledClassHash(class); err != nil || got != compiled {
				t.Errorf("class %v: %v, %v", class, got, err)
			}
			var wrong felt.Felt
			wrong.Add(&compiled, &felt.One)
			other := map[felt.Felt]felt.Felt{class: wrong}
			if _, err := before.withClasses(other).CompiledClassHash(class); err == nil {
				t.Error("another compiled class hash is accepted")
			}
			break
		}

		// A prestate with any change or without any part gives an error or the right result.
		if _, err := again.open(felt.One); err == nil || !strings.Contains(err.Error(), "commit to") {
			t.Errorf("another root: %v", err)
		}
		for i := range again.Pedersen {
			cut := again
			cut.Pedersen = slices.Delete(slices.Clone(again.Pedersen), i, i+1)
			b, err := cut.open(root)
			if err != nil {
				continue
			}
			if got, err := b.after(diff); err == nil && got != want {
				t.Errorf("without node %d: %v", i, got)
			}
		}
		for i := range again.Contracts {
			forged := again
			forged.Contracts = slices.Clone(again.Contracts)
			forged.Contracts[i].Nonce = felt.FromUint64(123)
			if _, err := forged.open(root); err == nil {
				t.Errorf("a forged nonce of contract %v is accepted", forged.Contracts[i].Address)
			}
		}
	}
}

func FuzzPrestateJSON(f *testing.F) {
	f.Add([]byte(`{"contracts_root":"0x0","classes_root":"0x0","contracts":[],"pedersen_nodes":["00"],"poseidon_nodes":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Prestate
		if json.Unmarshal(data, &p) != nil {
			return
		}
		if b, err := p.open(starknet.StateCommitment(p.ContractsRoot, p.ClassesRoot)); err == nil {
			b.after(&starknet.StateDiff{})
		}
	})
}
