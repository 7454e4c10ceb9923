package starknet

import (
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

// The expected values of this file are the official sequencer's regression values (starknet_api, block_hash tests).

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

func us(vs ...uint64) []felt.Felt {
	fs := make([]felt.Felt, len(vs))
	for i, v := range vs {
		fs[i] = u(v)
	}
	return fs
}

func message(seed uint64) Message {
	return Message{From: u(seed), To: u(seed + 1), Payload: us(seed+2, seed+3)}
}

func abortedReceipt(hash uint64) Receipt {
	return Receipt{
		TransactionHash: u(hash), ActualFee: NewUint128(99804), Reverted: true, RevertReason: "aborted",
		Messages: []Message{message(34), message(56)}, Resources: GasVector{L1Gas: 16580, L1DataGas: 32},
	}
}

func sampleDiff() *StateDiff {
	return &StateDiff{
		Storage: []ContractStorage{
			{Address: u(4), Entries: []StorageEntry{{u(5), u(6)}, {u(7), u(8)}}},
			{Address: u(9), Entries: []StorageEntry{{u(10), u(11)}}},
		},
		Nonces:     []NonceUpdate{{u(17), u(18)}},
		Deployed:   []ContractClassHash{{u(0), u(1)}, {u(19), u(20)}},
		Replaced:   []ContractClassHash{{u(2), u(3)}},
		Declared:   []DeclaredClass{{u(12), u(13)}, {u(14), u(15)}},
		Deprecated: us(16),
	}
}

func wantFelt(t *testing.T, what string, got felt.Felt, want string) {
	t.Helper()
	if got != felt.MustHex(want) {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// TestBlockHash checks a block hash of the official sequencer, and that every field of the header changes the hash.
func TestBlockHash(t *testing.T) {
	h := Header{
		Number: 1, Sequencer: u(3), Timestamp: 4, StateRoot: u(2), Parent: u(11), DAMode: Blob, Version: "0.13.4",
		L1GasPrice:     GasPrice{Fri: NewUint128(6), Wei: NewUint128(7)},
		L1DataGasPrice: GasPrice{Fri: NewUint128(10), Wei: NewUint128(9)},
		L2GasPrice:     GasPrice{Fri: NewUint128(11), Wei: NewUint128(12)},
	}
	tx := &Invoke{Common: Common{Signature: us(2, 3)}}
	h.Seal([]Transaction{tx}, []Receipt{abortedReceipt(1)}, sampleDiff())
	wantFelt(t, "block hash", h.Hash(), "0x3d6174623c812f5dc03fa3faa07c42c06fd90ad425629ee5f39e149df65c3ca")

	// Every field changes the hash.
	base := h.Hash()
	for name, change := range map[string]func(*Header){
		"number": func(h *Header) { h.Number++ }, "parent": func(h *Header) { h.Parent = u(1) },
		"timestamp": func(h *Header) { h.Timestamp++ }, "sequencer": func(h *Header) { h.Sequencer = u(9) },
		"state root": func(h *Header) { h.StateRoot = u(9) }, "mode": func(h *Header) { h.DAMode = Calldata },
		"version": func(h *Header) { h.Version = Version }, "l1 price": func(h *Header) { h.L1GasPrice.Wei.Hi++ },
		"data price": func(h *Header) { h.L1DataGasPrice.Fri.Lo++ }, "l2 price": func(h *Header) { h.L2GasPrice.Fri.Lo++ },
		"transactions": func(h *Header) { h.TransactionCount++ }, "events": func(h *Header) { h.EventCount++ },
		"diff length": func(h *Header) { h.StateDiffLength++ }, "tx commitment": func(h *Header) { h.TransactionCommitment = u(9) },
		"event commitment":   func(h *Header) { h.EventCommitment = u(9) },
		"receipt commitment": func(h *Header) { h.ReceiptCommitment = u(9) },
		"diff commitment":    func(h *Header) { h.StateDiffCommitment = u(9) },
	} {
		g := h
		change(&g)
		if g.Hash() == base {
			t.Errorf("%s does not change the block hash", name)
		}
	}
}

// TestCounts checks the packing of the counts.
func TestCounts(t *testing.T) {
	h := Header{TransactionCount: 4, EventCount: 3, StateDiffLength: 2, DAMode: Blob}
	wantFelt(t, "counts", h.counts(), "0x0000000000000004000000000000000300000000000000028000000000000000")
}

// TestTransactionCommitment checks the leaves and roots of transaction trees.
func TestTransactionCommitment(t *testing.T) {
	wantFelt(t, "leaf", transactionLeaf(u(1), us(2, 3)), "0x2f0d8840bcf3bc629598d8a6cc80cb7c0d9e52d93dab244bbf9cd0dca0ad082")
	wantFelt(t, "leaf without signature", transactionLeaf(u(1), nil), "0x579e8877c7755365d5ec1ec7d3a94a457eff5d1f40482bbe9729c064cdead2")
	wantFelt(t, "commitment", TransactionCommitment(us(1, 1), [][]felt.Felt{us(2, 3), us(2, 3)}),
		"0x282b635972328bd1cfa86496fe920d20bd9440cd78ee8dc90ae2b383d664dcf")
	wantFelt(t, "signature of one zero", TransactionCommitment(us(1), [][]felt.Felt{us(0)}),
		"0x30259cdf52543aa0866b46a839c5e089184408a97945b4ffa8dcae78177dfde")
}

// TestEventCommitment checks a leaf and a root of event trees.
func TestEventCommitment(t *testing.T) {
	event := func(seed uint64) Event {
		// The sequencer's test reads the address "8" … "10" as decimal and writes it in hexadecimal.
		return Event{From: u(seed + 8), Keys: us(seed, seed+1), Data: us(seed+2, seed+3, seed+4)}
	}
	third := event(2)
	wantFelt(t, "leaf", third.leaf(u(0x1234)), "0x367807f532742a4dcbe2d8a47b974b22dd7496faa75edc64a3a5fdb6709057")
	receipts := []Receipt{
		{TransactionHash: u(0x1234), Events: []Event{event(0), event(1)}}, {TransactionHash: u(7)},
		{TransactionHash: u(0x1234), Events: []Event{third}},
	}
	wantFelt(t, "commitment", EventCommitment(receipts), "0x69bb140ddbbeb01d81c7201ecfb933031306e45dab9c77ff9f9ba3cd4c2b9c3")
}

// TestReceiptCommitment checks a leaf and a root of receipt trees, and the hash of messages.
func TestReceiptCommitment(t *testing.T) {
	r := abortedReceipt(1234)
	wantFelt(t, "leaf", r.leaf(), "0x6276abf21e7c68b2eecfdc8a845b11b44401901f5f040efe10c60d625049646")
	wantFelt(t, "commitment", ReceiptCommitment([]Receipt{r}), "0x31963cb891ebb825e83514deb748c89b6967b5368cbc48a9b56193a1464ca87")
	wantFelt(t, "messages", messagesHash([]Message{message(0), message(1)}), "0xc89474a9007dc060aed76caf8b30b927cfea1ebce2d134b943b8d7121004e4")
}

// TestStateDiffHash checks the commitment of a diff, also of one that Sort has brought into canonical order.
func TestStateDiffHash(t *testing.T) {
	const want = "0x281f5966e49ad7dad9323826d53d1d27c0c4e6ebe5525e2e2fbca549bfa0a67"
	wantFelt(t, "diff", sampleDiff().Hash(), want)

	d := sampleDiff()
	d.Storage[0], d.Storage[1] = d.Storage[1], d.Storage[0]
	d.Storage[1].Entries[0], d.Storage[1].Entries[1] = d.Storage[1].Entries[1], d.Storage[1].Entries[0]
	d.Storage = append(d.Storage, ContractStorage{Address: u(3)})
	d.Deployed[0], d.Deployed[1] = d.Deployed[1], d.Deployed[0]
	d.Declared[0], d.Declared[1] = d.Declared[1], d.Declared[0]
	d.Sort()
	wantFelt(t, "sorted diff", d.Hash(), want)
	if got := d.Len(); got != 10 {
		t.Errorf("length %d, want 10", got)
	}
}

// TestMerkleRoot compares merkleRoot with the definition: a sparse tree of height 64, built level by level from the leaves.
func TestMerkleRoot(t *testing.T) {
	for n := range 70 {
		var leaves []felt.Felt
		for i := range n {
			leaves = append(leaves, u(uint64(1000*n+i+1)))
		}
		if got, want := merkleRoot(leaves), sparseRoot(leaves); got != want {
			t.Errorf("%d leaves: root %s, want %s", n, got, want)
		}
	}
}

// sparseRoot returns the root of a tree of height commitmentHeight by the definition.
func sparseRoot(leaves []felt.Felt) felt.Felt {
	type node struct {
		bottom, path felt.Felt
		length       uint64
	}
	hash := func(n node) felt.Felt {
		if n.length == 0 {
			return n.bottom
		}
		h, l := poseidon.Hash(n.bottom, n.path), u(n.length)
		return *h.Add(&h, &l)
	}
	level := make([]node, len(leaves))
	for i, l := range leaves {
		level[i].bottom = l
	}
	for range commitmentHeight {
		var up []node
		for i := 0; i < len(level); i += 2 {
			if i+1 < len(level) {
				up = append(up, node{bottom: poseidon.Hash(hash(level[i]), hash(level[i+1]))})
			} else {
				n := level[i]
				n.length++ // the path gains a leading 0
				up = append(up, n)
			}
		}
		level = up
	}
	if len(level) == 0 {
		return felt.Zero
	}
	return hash(level[0])
}

// TestStateCommitment checks the empty state and a state without classes.
func TestStateCommitment(t *testing.T) {
	if got := StateCommitment(felt.Zero, felt.Zero); !got.IsZero() {
		t.Errorf("empty state: %s, want 0", got)
	}
	if got, want := StateCommitment(u(5), felt.Zero), poseidon.HashMany(prefixState, u(5), felt.Zero); got != want {
		t.Errorf("no classes: %s, want %s", got, want)
	}
}
