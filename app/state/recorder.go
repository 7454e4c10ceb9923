package state

import (
	"cmp"
	"maps"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Recorder is a Reader that records the values that are read through it. As the base of an [Overlay] it records the part of
// the state that a run needs. It is not safe for concurrent use.
type Recorder struct {
	base     Reader
	storage  map[Slot]felt.Felt
	nonces   map[felt.Felt]felt.Felt
	classes  map[felt.Felt]felt.Felt // class hash by contract
	declared map[felt.Felt]bool
}

// NewRecorder returns an empty Recorder of base.
func NewRecorder(base Reader) *Recorder {
	return &Recorder{
		base: base, storage: map[Slot]felt.Felt{}, nonces: map[felt.Felt]felt.Felt{}, classes: map[felt.Felt]felt.Felt{},
		declared: map[felt.Felt]bool{},
	}
}

// StorageAt implements Reader.
func (r *Recorder) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	slot := Slot{contract, key}
	return cached(r.storage, slot, func() (felt.Felt, error) { return r.base.StorageAt(contract, key) })
}

// NonceAt implements Reader.
func (r *Recorder) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return cached(r.nonces, contract, func() (felt.Felt, error) { return r.base.NonceAt(contract) })
}

// ClassHashAt implements Reader.
func (r *Recorder) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return cached(r.classes, contract, func() (felt.Felt, error) { return r.base.ClassHashAt(contract) })
}

// CompiledClassHash implements Reader. It is recorded as a read of whether the class is declared.
func (r *Recorder) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	compiled, err := r.base.CompiledClassHash(class)
	if err == nil {
		r.declared[class] = !compiled.IsZero()
	}
	return compiled, err
}

// Class implements Reader. It is recorded as a read of whether the class is declared.
func (r *Recorder) Class(class felt.Felt) (*Class, error) {
	c, err := r.base.Class(class)
	if err == nil {
		r.declared[class] = c != nil
	}
	return c, err
}

// Reads returns all values read so far, in ascending order of their keys.
func (r *Recorder) Reads() *starknet.StateReads {
	out := &starknet.StateReads{}
	slots := slices.SortedFunc(maps.Keys(r.storage), func(a, b Slot) int {
		return cmp.Or(a.Contract.Cmp(&b.Contract), a.Key.Cmp(&b.Key))
	})
	for _, slot := range slots {
		out.Storage = append(out.Storage, starknet.StorageRead{Contract: slot.Contract, Key: slot.Key, Value: r.storage[slot]})
	}
	for _, contract := range ascending(r.nonces) {
		out.Nonces = append(out.Nonces, starknet.NonceRead{Contract: contract, Nonce: r.nonces[contract]})
	}
	for _, contract := range ascending(r.classes) {
		out.ClassHashes = append(out.ClassHashes, starknet.ClassHashRead{Contract: contract, ClassHash: r.classes[contract]})
	}
	for _, class := range ascending(r.declared) {
		out.Declared = append(out.Declared, starknet.DeclarationRead{ClassHash: class, Declared: r.declared[class]})
	}
	return out
}

// ascending returns a map's keys in ascending order.
func ascending[V any](m map[felt.Felt]V) []felt.Felt {
	return slices.SortedFunc(maps.Keys(m), func(a, b felt.Felt) int { return a.Cmp(&b) })
}
