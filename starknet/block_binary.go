package starknet

import (
	"math"

	"github.com/starkd/starkd/crypto/felt"
)

// This file has the canonical binary forms of the parts of a block that a node stores. Each begins with its own format version.

const (
	headerFormat    = 1
	receiptFormat   = 1
	stateDiffFormat = 1
	resultFormat    = 1

	maxVersionText  = 31      // bytes, the length of a short string
	maxRevertReason = 1 << 20 // bytes; the executor's reasons are far shorter (MaxRevertText)
)

// MarshalBinary encodes the header.
func (h *Header) MarshalBinary() ([]byte, error) { return encode(h.code) }

// UnmarshalBinary decodes the output of MarshalBinary.
func (h *Header) UnmarshalBinary(b []byte) error {
	var d Header
	if err := decode(b, d.code); err != nil {
		return err
	}
	*h = d
	return nil
}

func (h *Header) code(c *coder) {
	c.format("header", headerFormat)
	c.uint("block number", &h.Number, math.MaxUint64)
	c.felt(&h.Parent)
	c.uint("timestamp", &h.Timestamp, math.MaxUint64)
	c.felt(&h.Sequencer)
	c.felt(&h.StateRoot)
	for _, p := range []*GasPrice{&h.L1GasPrice, &h.L1DataGasPrice, &h.L2GasPrice} {
		c.uint128(&p.Wei)
		c.uint128(&p.Fri)
	}
	c.byte("data availability mode", (*byte)(&h.DAMode), byte(Blob))
	c.text("version", &h.Version, maxVersionText)
	if _, err := felt.ParseShortString(h.Version); err != nil {
		c.fail("version: %w", err)
	}
	for _, n := range []*uint64{&h.TransactionCount, &h.EventCount, &h.StateDiffLength} {
		c.uint("count", n, math.MaxUint64)
	}
	for _, f := range []*felt.Felt{&h.TransactionCommitment, &h.EventCommitment, &h.ReceiptCommitment, &h.StateDiffCommitment} {
		c.felt(f)
	}
}

// MarshalBinary encodes the receipt.
func (r *Receipt) MarshalBinary() ([]byte, error) { return encode(r.code) }

// UnmarshalBinary decodes the output of MarshalBinary.
func (r *Receipt) UnmarshalBinary(b []byte) error {
	var d Receipt
	if err := decode(b, d.code); err != nil {
		return err
	}
	*r = d
	return nil
}

func (r *Receipt) code(c *coder) {
	c.format("receipt", receiptFormat)
	c.felt(&r.TransactionHash)
	c.byte("transaction type", (*byte)(&r.Type), byte(DeployAccountType))
	c.uint128(&r.ActualFee)
	c.bool("reverted", &r.Reverted)
	c.text("revert reason", &r.RevertReason, maxRevertReason)
	list(c, "events", &r.Events, math.MaxInt32, 3, func(c *coder, e *Event) {
		c.felt(&e.From)
		c.felts("event keys", &e.Keys, math.MaxInt32)
		c.felts("event data felts", &e.Data, math.MaxInt32)
	})
	list(c, "messages", &r.Messages, math.MaxInt32, 3, func(c *coder, m *Message) {
		c.felt(&m.From)
		c.felt(&m.To)
		c.felts("payload felts", &m.Payload, math.MaxInt32)
	})
	for _, n := range []*uint64{&r.Resources.L1Gas, &r.Resources.L1DataGas, &r.Resources.L2Gas} {
		c.uint("gas", n, math.MaxUint64)
	}
	c.felt(&r.ContractAddress)
}

// MarshalBinary encodes the result.
func (r *Result) MarshalBinary() ([]byte, error) { return encode(r.code) }

// UnmarshalBinary decodes the output of MarshalBinary.
func (r *Result) UnmarshalBinary(b []byte) error {
	var d Result
	if err := decode(b, d.code); err != nil {
		return err
	}
	*r = d
	return nil
}

func (r *Result) code(c *coder) {
	c.format("result", resultFormat)
	r.Receipt.code(c)
	c.digest(&r.Diff)
}

// MarshalBinary encodes the diff, which must be in canonical order.
func (d *StateDiff) MarshalBinary() ([]byte, error) { return encode(d.code) }

// UnmarshalBinary decodes the output of MarshalBinary.
func (d *StateDiff) UnmarshalBinary(b []byte) error {
	var e StateDiff
	if err := decode(b, e.code); err != nil {
		return err
	}
	*d = e
	return nil
}

func (d *StateDiff) code(c *coder) {
	c.format("state diff", stateDiffFormat)
	list(c, "contracts with storage", &d.Storage, math.MaxInt32, 2, func(c *coder, s *ContractStorage) {
		c.felt(&s.Address)
		list(c, "storage entries", &s.Entries, math.MaxInt32, 2, func(c *coder, e *StorageEntry) {
			c.felt(&e.Key)
			c.felt(&e.Value)
		})
	})
	list(c, "nonces", &d.Nonces, math.MaxInt32, 2, func(c *coder, n *NonceUpdate) {
		c.felt(&n.Address)
		c.felt(&n.Nonce)
	})
	for _, cs := range []*[]ContractClassHash{&d.Deployed, &d.Replaced} {
		list(c, "contract classes", cs, math.MaxInt32, 2, func(c *coder, x *ContractClassHash) {
			c.felt(&x.Address)
			c.felt(&x.ClassHash)
		})
	}
	list(c, "declared classes", &d.Declared, math.MaxInt32, 2, func(c *coder, x *DeclaredClass) {
		c.felt(&x.ClassHash)
		c.felt(&x.CompiledClassHash)
	})
	c.felts("deprecated classes", &d.Deprecated, math.MaxInt32)
	if c.err == nil && !d.IsSorted() {
		c.fail("state diff is not in canonical order")
	}
}

// IsSorted reports whether d is in canonical order.
func (d *StateDiff) IsSorted() bool {
	for i := range d.Storage {
		if len(d.Storage[i].Entries) == 0 || !ascends(d.Storage[i].Entries, func(e *StorageEntry) *felt.Felt { return &e.Key }) {
			return false
		}
	}
	return ascends(d.Storage, func(s *ContractStorage) *felt.Felt { return &s.Address }) &&
		ascends(d.Nonces, func(n *NonceUpdate) *felt.Felt { return &n.Address }) &&
		ascends(d.Deployed, func(x *ContractClassHash) *felt.Felt { return &x.Address }) &&
		ascends(d.Replaced, func(x *ContractClassHash) *felt.Felt { return &x.Address }) &&
		ascends(d.Declared, func(x *DeclaredClass) *felt.Felt { return &x.ClassHash }) &&
		ascends(d.Deprecated, func(x *felt.Felt) *felt.Felt { return x })
}

// ascends reports whether the elements' keys ascend strictly.
func ascends[T any](xs []T, key func(*T) *felt.Felt) bool {
	for i := 1; i < len(xs); i++ {
		if key(&xs[i-1]).Cmp(key(&xs[i])) >= 0 {
			return false
		}
	}
	return true
}
