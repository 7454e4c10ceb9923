package trie

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/poseidon"
)

// memory is a Store in memory.
type memory map[felt.Felt][]byte

func (m memory) TrieNode(hash felt.Felt) ([]byte, error) { return m[hash], nil }

// commit applies one update, stores the new nodes and returns the new root.
func (m memory) commit(t interface{ Fatal(...any) }, h Hash, root felt.Felt, leaves ...Leaf) felt.Felt {
	roots, nodes, err := Commit(m, h, []Update{{root, leaves}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		m[n.Hash] = n.Node.Encode()
	}
	return roots[0]
}

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

// TestLeavesOfReference compares leaves with those of the official sequencer (starknet_committer/src/hash_function/hash_test.rs).
func TestLeavesOfReference(t *testing.T) {
	for _, c := range []struct{ class, root, nonce, want string }{
		{"0x150917f3bba17e3c0be685981d6cf8874098a857f354d374688e76eb69f44ab", "0x5d6b3a46ac855f3cea9af60e13cc6c81bf237b901f49f73981a521d4cb6c50c", "0x38", "0x3f27688d56740e5e238acde5b408154563c4f6e05514b8029e86ad51c388f8b"},
	} {
		got := ContractLeaves([]Contract{{felt.MustHex(c.class), felt.MustHex(c.root), felt.MustHex(c.nonce)}, {}})
		if got[0] != felt.MustHex(c.want) || !got[1].IsZero() {
			t.Errorf("contract leaves: got %v, want [%v 0x0]", got, c.want)
		}
	}
	if got, want := ClassLeaf(u(0xacdc)), felt.MustHex("0x49ed9a06987e7e55770d6c4d7d16b819ad984bf4aed552042847380cc31210d"); got != want {
		t.Errorf("class leaf: got %v, want %v", got, want)
	}
}

// TestRootsOfReference compares the roots after two blocks with those of the official sequencer
// (starknet_committer/src/block_committer/commit_test.rs).
func TestRootsOfReference(t *testing.T) {
	m := memory{}
	first, second := u(1), felt.FromUint128(1<<36, 0)
	storage := m.commit(t, Pedersen, felt.Zero, Leaf{u(1), u(1)}, Leaf{u(2), u(2)})
	leaves := ContractLeaves([]Contract{{ClassHash: u(1), StorageRoot: storage}, {ClassHash: u(2), StorageRoot: storage}})
	contracts := m.commit(t, Pedersen, felt.Zero, Leaf{first, leaves[0]}, Leaf{second, leaves[1]})

	changed := m.commit(t, Pedersen, storage, Leaf{u(1), u(2)}, Leaf{u(2), u(4)})
	leaves = ContractLeaves([]Contract{{ClassHash: u(2), StorageRoot: storage}, {ClassHash: u(2), StorageRoot: changed}})
	contracts = m.commit(t, Pedersen, contracts, Leaf{first, leaves[0]}, Leaf{second, leaves[1]})
	classes := m.commit(t, Poseidon, felt.Zero, Leaf{u(3), ClassLeaf(u(3))})
	if want := felt.MustHex("0x6a70cc05bcb982d269d9c7a66f92a5e9265c451871bc25487ca61c40e0f1829"); contracts != want {
		t.Errorf("contracts root: got %v, want %v", contracts, want)
	}
	if want := felt.MustHex("0x7ae8007b033a1c032c6a791331f56a652833b0b25633587318276f4462c8c1c"); classes != want {
		t.Errorf("classes root: got %v, want %v", classes, want)
	}
}

// naive returns a trie's root by the definition, and the top edge's child, path and length. The keys of leaves are the remaining bits of the
// trie's keys, as strings of 0 and 1.
func naive(leaves map[string]felt.Felt, height int) (root, child felt.Felt, path *big.Int, length int) {
	if len(leaves) == 0 {
		return felt.Zero, felt.Zero, new(big.Int), 0
	}
	if height == 0 {
		return leaves[""], leaves[""], new(big.Int), 0
	}
	halves := [2]map[string]felt.Felt{{}, {}}
	for k, v := range leaves {
		halves[k[0]-'0'][k[1:]] = v
	}
	for side := range 2 {
		if len(halves[1-side]) > 0 {
			continue
		}
		_, child, path, length = naive(halves[side], height-1)
		path = new(big.Int).SetBit(path, length, uint(side))
		length++
		root = pedersen.Hash(child, felt.FromBigInt(path))
		l := u(uint64(length))
		return *root.Add(&root, &l), child, path, length
	}
	left, _, _, _ := naive(halves[0], height-1)
	right, _, _, _ := naive(halves[1], height-1)
	root = pedersen.Hash(left, right)
	return root, root, new(big.Int), 0
}

func bitString(k felt.Felt) string { return fmt.Sprintf("%0251b", k.BigInt()) }

// keyGenerator generates keys that share long prefixes or long suffixes, and random keys.
func keyGenerator() *rapid.Generator[felt.Felt] {
	return rapid.Custom(func(t *rapid.T) felt.Felt {
		k := new(big.Int).SetUint64(rapid.Uint64Range(0, 7).Draw(t, "low"))
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 1:
			k.SetBit(k, 250, 1)
		case 2:
			k.Add(k, new(big.Int).Lsh(big.NewInt(int64(rapid.IntRange(0, 7).Draw(t, "high"))), 248))
		case 3:
			k.SetBytes(rapid.SliceOfN(rapid.Byte(), 31, 31).Draw(t, "bytes"))
		}
		return felt.FromBigInt(k)
	})
}

// TestAgainstDefinition checks that after any sequence of batches the root is that of the definition, every value can be read and proved, and
// a proof without one of its nodes is rejected.
func TestAgainstDefinition(t *testing.T) {
	keys := keyGenerator()
	rapid.Check(t, func(t *rapid.T) {
		m, root, want := memory{}, felt.Zero, map[felt.Felt]felt.Felt{}
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			var batch []Leaf
			for range rapid.IntRange(0, 8).Draw(t, "leaves") {
				l := Leaf{keys.Draw(t, "key"), u(rapid.Uint64Range(0, 2).Draw(t, "value"))}
				batch = append(batch, l)
				want[l.Key] = l.Value
			}
			root = m.commit(t, Pedersen, root, batch...)
		}
		leaves := map[string]felt.Felt{}
		for k, v := range want {
			if !v.IsZero() {
				leaves[bitString(k)] = v
			}
		}
		if naiveRoot, _, _, _ := naive(leaves, Height); root != naiveRoot {
			t.Fatalf("root %v, want %v, of %v", root, naiveRoot, want)
		}
		want[keys.Draw(t, "other")] = felt.Zero
		for k := range want {
			v := leaves[bitString(k)]
			if got, err := Get(m, root, k); err != nil || got != v {
				t.Fatalf("Get(%v) = %v, %v, want %v", k, got, err, v)
			}
			proof, err := Prove(m, root, k)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := VerifyProof(Pedersen, root, k, proof); err != nil || got != v {
				t.Fatalf("VerifyProof(%v) = %v, %v, want %v", k, got, err, v)
			}
			for drop := range proof {
				less := append(append(Proof{}, proof[:drop]...), proof[drop+1:]...)
				if got, err := VerifyProof(Pedersen, root, k, less); err == nil {
					t.Fatalf("proof of %v without node %d shows %v", k, drop, got)
				}
			}
		}
	})
}

// TestCommitTogether checks that tries get the same roots and nodes whether they are committed together or one by one.
func TestCommitTogether(t *testing.T) {
	alone, together := memory{}, memory{}
	var updates []Update
	var want []felt.Felt
	for i := range uint64(40) {
		var leaves []Leaf
		for j := range i {
			leaves = append(leaves, Leaf{pedersen.Hash(u(i), u(j)), u(i + j)})
			if leaves[j].Key.BitLen() > Height {
				t.Fatal("choose another key")
			}
		}
		updates = append(updates, Update{Leaves: leaves})
		want = append(want, alone.commit(t, Pedersen, felt.Zero, leaves...))
	}
	got, nodes, err := Commit(together, Pedersen, updates)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		together[n.Hash] = n.Node.Encode()
		if n.Node.Hash(Pedersen) != n.Hash {
			t.Errorf("node %+v is stored under %v, not its hash", n.Node, n.Hash)
		}
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("trie %d: root %v, want %v", i, got[i], want[i])
		}
	}
	if len(alone) != len(together) {
		t.Errorf("%d nodes, want %d", len(together), len(alone))
	}
	for h, b := range alone {
		if !bytes.Equal(together[h], b) {
			t.Errorf("node %v: %x, want %x", h, together[h], b)
		}
	}
}

// TestErrors checks that a key of 252 bits is rejected, and that a missing node is an error and not an absent key.
func TestErrors(t *testing.T) {
	m := memory{}
	big := felt.MustHex("0x800000000000000000000000000000000000000000000000000000000000000")
	if _, _, err := Commit(m, Pedersen, []Update{{Leaves: []Leaf{{big, u(1)}}}}); err == nil {
		t.Error("a key of 2^251 was accepted")
	}
	if _, err := Get(m, u(7), u(1)); err == nil {
		t.Error("a root that is not stored was read as empty")
	}
	if _, _, err := Commit(m, Pedersen, []Update{{Root: u(7), Leaves: []Leaf{{u(1), u(1)}}}}); err == nil {
		t.Error("a root that is not stored was updated")
	}
	if _, err := VerifyProof(Pedersen, u(7), big, nil); err == nil {
		t.Error("a proof of a key of 2^251 was accepted")
	}
}

// TestInvalidNodes checks that nodes that no trie can have prove nothing, even under a root that is their hash.
func TestInvalidNodes(t *testing.T) {
	for name, n := range map[string]Node{
		"binary without left child": {Right: u(1)},
		"binary without children":   {},
		"edge without child":        {Path: u(1), Length: 251},
		"path too long for length":  {Child: u(1), Path: u(2), Length: 1},
		"edge below the leaves":     {Child: u(1), Path: u(2), Length: 252},
	} {
		if got, err := VerifyProof(Pedersen, n.Hash(Pedersen), u(1), Proof{n}); err == nil {
			t.Errorf("%s: shows %v", name, got)
		}
	}
}

// FuzzVerifyProof checks that VerifyProof never panics and returns no value for a fixed root that the trie does not have.
func FuzzVerifyProof(f *testing.F) {
	m := memory{}
	root := m.commit(f, Poseidon, felt.Zero, Leaf{u(1), u(11)}, Leaf{u(2), u(12)}, Leaf{felt.MustHex("0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), u(13)})
	for _, key := range []felt.Felt{u(1), u(2), u(3), felt.FromUint128(1, 0)} {
		proof, err := Prove(m, root, key)
		if err != nil {
			f.Fatal(err)
		}
		var b []byte
		for _, n := range proof {
			e := n.Encode()
			b = append(append(b, byte(len(e))), e...)
		}
		k := key.Bytes()
		f.Add(k[:], b)
	}
	f.Fuzz(func(t *testing.T, keyBytes, b []byte) {
		key := felt.FromBytesReduce(keyBytes)
		var proof Proof
		for len(b) > 0 {
			size := min(int(b[0]), len(b)-1)
			n, err := DecodeNode(b[1 : 1+size])
			if err == nil && !bytes.Equal(n.Encode(), b[1:1+size]) {
				t.Fatalf("node %x decodes to %+v", b[1:1+size], n)
			}
			if err != nil && len(b) > 2 { // a node that only an attacker would send
				n = Node{Length: b[1], Child: felt.FromBytesReduce(b[2:]), Path: felt.FromBytesReduce(b[1:])}
			}
			proof, b = append(proof, n), b[1+size:]
		}
		got, err := VerifyProof(Poseidon, root, key, proof)
		if err != nil {
			return
		}
		if want, err := Get(m, root, key); err != nil || got != want {
			t.Fatalf("proof shows %v = %v, the trie holds %v (%v)", key, got, want, err)
		}
	})
}

// BenchmarkCommit changes 1,000 leaves of a trie of 20,000.
func BenchmarkCommit(b *testing.B) {
	m := memory{}
	var leaves []Leaf
	for i := range uint64(20000) {
		leaves = append(leaves, Leaf{poseidonKey(i), u(i + 1)})
	}
	root := m.commit(b, Pedersen, felt.Zero, leaves...)
	for b.Loop() {
		m.commit(b, Pedersen, root, leaves[:1000]...)
		for i := range leaves[:1000] {
			leaves[i].Value.Add(&leaves[i].Value, &felt.One)
		}
	}
}

func poseidonKey(i uint64) felt.Felt {
	k := poseidon.Hash(u(i), u(0))
	return felt.FromLimbs(path(k.Limbs()).low(Height))
}
