package state

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// record is the stored form of a block without its transactions.
type record struct {
	header                     starknet.Header
	blockHash                  felt.Felt
	contractsRoot, classesRoot felt.Felt
}

func (r *record) head() *Head {
	return &Head{
		Height: r.header.Number, BlockHash: r.blockHash, Timestamp: r.header.Timestamp, StateRoot: r.header.StateRoot,
		ContractsRoot: r.contractsRoot, ClassesRoot: r.classesRoot,
	}
}

// MarshalBinary returns the block hash, the contracts root and the classes root, 32 bytes each, then the header.
func (r *record) MarshalBinary() ([]byte, error) {
	header, err := r.header.MarshalBinary()
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, f := range []felt.Felt{r.blockHash, r.contractsRoot, r.classesRoot} {
		raw := f.Bytes()
		b = append(b, raw[:]...)
	}
	return append(b, header...), nil
}

func (r *record) unmarshal(b []byte) (err error) {
	if len(b) < 96 {
		return fmt.Errorf("record of %d bytes is cut short", len(b))
	}
	for i, f := range []*felt.Felt{&r.blockHash, &r.contractsRoot, &r.classesRoot} {
		if *f, err = felt.FromBytes(b[32*i : 32*i+32]); err != nil {
			return err
		}
	}
	return r.header.UnmarshalBinary(b[96:])
}

// record reads a block's record. A missing record is an error.
func (s *Store) record(height uint64) (*record, error) {
	b, err := s.get(key(blockPrefix, nil, height))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("state: block %d is not stored", height)
	}
	r := &record{}
	if err := r.unmarshal(b); err != nil {
		return nil, fmt.Errorf("state: block %d: %w", height, err)
	}
	return r, nil
}

func (s *Store) get(k []byte) ([]byte, error) {
	b, err := s.db.Get(k)
	if err != nil {
		return nil, fmt.Errorf("state: reading %x: %w", k, err)
	}
	return b, nil
}

// exists reports whether a block is part of the chain.
func (s *Store) exists(height uint64) bool {
	head := s.Head()
	return head != nil && height <= head.Height
}

// block writes a block, its state difference and its indices, except the index of events.
func (w *writer) block(b *starknet.Block, r *record, diff *starknet.StateDiff) {
	w.marshal(key(blockPrefix, nil, b.Number), r)
	w.marshal(key(diffPrefix, nil, b.Number), diff)
	w.set(key(blockHashPrefix, one(b.BlockHash)), binary.BigEndian.AppendUint64(nil, b.Number))
	for i := range b.Transactions {
		index := uint64(i)
		tx, err := starknet.MarshalStoredTransaction(b.Transactions[i])
		if err != nil && w.err == nil {
			w.err = err
		}
		w.set(key(transactionPrefix, nil, b.Number, index), tx)
		receipt := &b.Receipts[i]
		w.marshal(key(receiptPrefix, nil, b.Number, index), receipt)
		w.set(key(hashPrefix, one(receipt.TransactionHash)), key(0, nil, b.Number, index)[1:])
	}
}

// Header returns the header and hash of a block and the roots of both tries after it, or false if the chain has no such block.
func (s *Store) Header(height uint64) (*starknet.Header, *Head, bool, error) {
	if !s.exists(height) {
		return nil, nil, false, nil
	}
	r, err := s.record(height)
	if err != nil {
		return nil, nil, false, err
	}
	return &r.header, r.head(), true, nil
}

// Block returns a block with its transactions and receipts, or false if the chain has no such block. Its DECLAREs have no classes.
func (s *Store) Block(height uint64) (*starknet.Block, bool, error) {
	header, head, ok, err := s.Header(height)
	if err != nil || !ok {
		return nil, false, err
	}
	b := &starknet.Block{Header: *header, BlockHash: head.BlockHash}
	for i := range header.TransactionCount {
		tx, receipt, err := s.Transaction(starknet.Position{Block: height, Index: i})
		if err != nil {
			return nil, false, err
		}
		b.Transactions = append(b.Transactions, tx)
		b.Receipts = append(b.Receipts, *receipt)
	}
	return b, true, nil
}

// StateDiff returns the state difference of a block, or false if the chain has no such block.
func (s *Store) StateDiff(height uint64) (*starknet.StateDiff, bool, error) {
	if !s.exists(height) {
		return nil, false, nil
	}
	b, err := s.get(key(diffPrefix, nil, height))
	if err != nil {
		return nil, false, err
	}
	d := &starknet.StateDiff{}
	if err := d.UnmarshalBinary(b); err != nil {
		return nil, false, fmt.Errorf("state: difference of block %d: %w", height, err)
	}
	return d, true, nil
}

// BlockByHash returns the height of the block with a hash, or false if there is none.
func (s *Store) BlockByHash(hash felt.Felt) (height uint64, ok bool, err error) {
	b, err := s.get(key(blockHashPrefix, one(hash)))
	if err != nil || len(b) != 8 {
		return 0, false, err
	}
	height = binary.BigEndian.Uint64(b)
	return height, s.exists(height), nil // a block is on disk shortly before it becomes the head
}

// TransactionByHash returns the position of the transaction with a hash, or false if there is none.
func (s *Store) TransactionByHash(hash felt.Felt) (at starknet.Position, ok bool, err error) {
	b, err := s.get(key(hashPrefix, one(hash)))
	if err != nil || len(b) != 16 {
		return starknet.Position{}, false, err
	}
	at = starknet.Position{Block: binary.BigEndian.Uint64(b), Index: binary.BigEndian.Uint64(b[8:])}
	return at, s.exists(at.Block), nil // a block is on disk shortly before it becomes the head
}

// Transaction returns the transaction at an existing position, and its receipt. A DECLARE has no class.
func (s *Store) Transaction(at starknet.Position) (starknet.Transaction, *starknet.Receipt, error) {
	b, err := s.get(key(transactionPrefix, nil, at.Block, at.Index))
	if err != nil {
		return nil, nil, err
	}
	tx, err := starknet.UnmarshalStoredTransaction(b)
	if err != nil {
		return nil, nil, fmt.Errorf("state: transaction %d of block %d: %w", at.Index, at.Block, err)
	}
	receipt, err := s.receipt(at)
	return tx, receipt, err
}

func (s *Store) receipt(at starknet.Position) (*starknet.Receipt, error) {
	b, err := s.get(key(receiptPrefix, nil, at.Block, at.Index))
	if err != nil {
		return nil, err
	}
	receipt := &starknet.Receipt{}
	if err := receipt.UnmarshalBinary(b); err != nil {
		return nil, fmt.Errorf("state: receipt %d of block %d: %w", at.Index, at.Block, err)
	}
	return receipt, nil
}
