package state

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Overlay is a set of changes on top of a base: those of a block on the state at a height, or of a transaction on its block. It is a
// Reader of the changed state. It reads each value of the base once, and never writes to the base. It is not safe for concurrent use.
type Overlay struct {
	base Reader

	storage  map[Slot]felt.Felt
	nonces   map[felt.Felt]felt.Felt
	classes  map[felt.Felt]felt.Felt // class hash by contract
	declared map[felt.Felt]*Class

	// Values of the base that were read.
	baseStorage map[Slot]felt.Felt
	baseNonces  map[felt.Felt]felt.Felt
	baseClasses map[felt.Felt]felt.Felt
	// baseDeclared has the compiled class hashes, 0 of classes that are not declared. It is nil until the first is read.
	baseDeclared map[felt.Felt]felt.Felt

	journal []change
}

// change is one write to one of the overlay's maps, with the previous entry that undoing it restores.
type change struct {
	kind   changeKind
	slot   Slot // the storage slot; of the other kinds only Contract, the contract or the class hash
	before felt.Felt
	had    bool // the map had an entry, before
}

type changeKind uint8

const (
	storageChange changeKind = iota
	nonceChange
	classChange
	declaredChange
)

// NewOverlay returns an overlay on base without changes.
func NewOverlay(base Reader) *Overlay {
	return &Overlay{
		base:        base,
		storage:     map[Slot]felt.Felt{},
		nonces:      map[felt.Felt]felt.Felt{},
		classes:     map[felt.Felt]felt.Felt{},
		declared:    map[felt.Felt]*Class{},
		baseStorage: map[Slot]felt.Felt{},
		baseNonces:  map[felt.Felt]felt.Felt{},
		baseClasses: map[felt.Felt]felt.Felt{},
	}
}

// StorageAt implements Reader.
func (o *Overlay) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	slot := Slot{contract, key}
	if v, ok := o.storage[slot]; ok {
		return v, nil
	}
	return o.baseStorageAt(slot)
}

func (o *Overlay) baseStorageAt(slot Slot) (felt.Felt, error) {
	return cached(o.baseStorage, slot, func() (felt.Felt, error) { return o.base.StorageAt(slot.Contract, slot.Key) })
}

// NonceAt implements Reader.
func (o *Overlay) NonceAt(contract felt.Felt) (felt.Felt, error) {
	if v, ok := o.nonces[contract]; ok {
		return v, nil
	}
	return o.baseNonceAt(contract)
}

func (o *Overlay) baseNonceAt(contract felt.Felt) (felt.Felt, error) {
	return cached(o.baseNonces, contract, func() (felt.Felt, error) { return o.base.NonceAt(contract) })
}

// ClassHashAt implements Reader.
func (o *Overlay) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	if v, ok := o.classes[contract]; ok {
		return v, nil
	}
	return o.baseClassHashAt(contract)
}

func (o *Overlay) baseClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return cached(o.baseClasses, contract, func() (felt.Felt, error) { return o.base.ClassHashAt(contract) })
}

// CompiledClassHash implements Reader.
func (o *Overlay) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	if c, ok := o.declared[class]; ok {
		return c.CompiledHash, nil
	}
	if o.baseDeclared == nil {
		o.baseDeclared = map[felt.Felt]felt.Felt{}
	}
	return cached(o.baseDeclared, class, func() (felt.Felt, error) { return o.base.CompiledClassHash(class) })
}

// Class implements Reader. It also counts as a read of the compiled class hash, which determines the class.
func (o *Overlay) Class(class felt.Felt) (*Class, error) {
	if c, ok := o.declared[class]; ok {
		return c, nil
	}
	if _, err := o.CompiledClassHash(class); err != nil {
		return nil, err
	}
	return o.base.Class(class)
}

// cached returns m[k]. If there is no entry it calls read and keeps the value.
func cached[K comparable](m map[K]felt.Felt, k K, read func() (felt.Felt, error)) (felt.Felt, error) {
	if v, ok := m[k]; ok {
		return v, nil
	}
	v, err := read()
	if err != nil {
		return felt.Felt{}, err
	}
	m[k] = v
	return v, nil
}

// SetStorage writes a contract's storage slot.
func (o *Overlay) SetStorage(contract, key, value felt.Felt) {
	slot := Slot{contract, key}
	before, had := o.storage[slot]
	o.journal = append(o.journal, change{kind: storageChange, slot: slot, before: before, had: had})
	o.storage[slot] = value
}

// SetNonce writes a contract's nonce.
func (o *Overlay) SetNonce(contract, nonce felt.Felt) {
	before, had := o.nonces[contract]
	o.journal = append(o.journal, change{kind: nonceChange, slot: Slot{Contract: contract}, before: before, had: had})
	o.nonces[contract] = nonce
}

// SetClassHash sets a contract's class hash: it deploys the contract or replaces its class.
func (o *Overlay) SetClassHash(contract, class felt.Felt) {
	before, had := o.classes[contract]
	o.journal = append(o.journal, change{kind: classChange, slot: Slot{Contract: contract}, before: before, had: had})
	o.classes[contract] = class
}

// Declare adds a class. It must not be declared yet.
func (o *Overlay) Declare(class *Class) {
	o.journal = append(o.journal, change{kind: declaredChange, slot: Slot{Contract: class.Hash}})
	o.declared[class.Hash] = class
}

// Snapshot returns a point for Rollback. Snapshots nest.
func (o *Overlay) Snapshot() int { return len(o.journal) }

// Rollback undoes all changes since a snapshot. The snapshot stays valid.
func (o *Overlay) Rollback(snapshot int) {
	for i := len(o.journal) - 1; i >= snapshot; i-- {
		switch c := o.journal[i]; c.kind {
		case storageChange:
			restore(o.storage, c.slot, c)
		case nonceChange:
			restore(o.nonces, c.slot.Contract, c)
		case classChange:
			restore(o.classes, c.slot.Contract, c)
		case declaredChange:
			delete(o.declared, c.slot.Contract)
		}
	}
	o.journal = o.journal[:snapshot]
}

func restore[K comparable](m map[K]felt.Felt, k K, c change) {
	if c.had {
		m[k] = c.before
	} else {
		delete(m, k)
	}
}

// MergeInto applies the overlay's changes to another overlay, usually its base.
func (o *Overlay) MergeInto(to *Overlay) {
	for slot, v := range o.storage {
		to.SetStorage(slot.Contract, slot.Key, v)
	}
	for contract, v := range o.nonces {
		to.SetNonce(contract, v)
	}
	for contract, v := range o.classes {
		to.SetClassHash(contract, v)
	}
	for _, c := range o.declared {
		to.Declare(c)
	}
}

// Diff returns the difference from the base in canonical order. It leaves out writes that restored the base's value.
func (o *Overlay) Diff() (*starknet.StateDiff, error) {
	d := &starknet.StateDiff{}
	at := map[felt.Felt]int{}
	for slot, v := range o.storage {
		before, err := o.baseStorageAt(slot)
		if err != nil {
			return nil, err
		}
		if v == before {
			continue
		}
		i, ok := at[slot.Contract]
		if !ok {
			i = len(d.Storage)
			at[slot.Contract] = i
			d.Storage = append(d.Storage, starknet.ContractStorage{Address: slot.Contract})
		}
		d.Storage[i].Entries = append(d.Storage[i].Entries, starknet.StorageEntry{Key: slot.Key, Value: v})
	}
	for contract, v := range o.nonces {
		before, err := o.baseNonceAt(contract)
		if err != nil {
			return nil, err
		}
		if v != before {
			d.Nonces = append(d.Nonces, starknet.NonceUpdate{Address: contract, Nonce: v})
		}
	}
	for contract, v := range o.classes {
		before, err := o.baseClassHashAt(contract)
		switch {
		case err != nil:
			return nil, err
		case before.IsZero() && !v.IsZero():
			d.Deployed = append(d.Deployed, starknet.ContractClassHash{Address: contract, ClassHash: v})
		case before != v:
			d.Replaced = append(d.Replaced, starknet.ContractClassHash{Address: contract, ClassHash: v})
		}
	}
	for hash, c := range o.declared {
		d.Declared = append(d.Declared, starknet.DeclaredClass{ClassHash: hash, CompiledClassHash: c.CompiledHash})
	}
	d.Sort()
	return d, nil
}

// Since returns the difference from the state at a snapshot in canonical order, for the storage and the classes of contracts only.
func (o *Overlay) Since(snapshot int) (*starknet.StateDiff, error) {
	storage, classes := map[Slot]felt.Felt{}, map[felt.Felt]felt.Felt{} // at the snapshot
	for _, c := range o.journal[snapshot:] {
		before, err := c.before, error(nil)
		switch c.kind {
		case storageChange:
			if _, seen := storage[c.slot]; seen {
				continue
			}
			if !c.had {
				before, err = o.baseStorageAt(c.slot)
			}
			storage[c.slot] = before
		case classChange:
			if _, seen := classes[c.slot.Contract]; seen {
				continue
			}
			if !c.had {
				before, err = o.baseClassHashAt(c.slot.Contract)
			}
			classes[c.slot.Contract] = before
		}
		if err != nil {
			return nil, err
		}
	}
	d := &starknet.StateDiff{}
	contracts := map[felt.Felt][]starknet.StorageEntry{}
	for slot, before := range storage {
		if v := o.storage[slot]; v != before {
			contracts[slot.Contract] = append(contracts[slot.Contract], starknet.StorageEntry{Key: slot.Key, Value: v})
		}
	}
	for contract, entries := range contracts {
		d.Storage = append(d.Storage, starknet.ContractStorage{Address: contract, Entries: entries})
	}
	for contract, before := range classes {
		switch v := o.classes[contract]; {
		case v == before:
		case before.IsZero():
			d.Deployed = append(d.Deployed, starknet.ContractClassHash{Address: contract, ClassHash: v})
		default:
			d.Replaced = append(d.Replaced, starknet.ContractClassHash{Address: contract, ClassHash: v})
		}
	}
	d.Sort()
	return d, nil
}

// Declared returns the classes that the overlay declares, ascending by hash.
func (o *Overlay) Declared() []*Class {
	classes := make([]*Class, 0, len(o.declared))
	for _, c := range o.declared {
		classes = append(classes, c)
	}
	sortClasses(classes)
	return classes
}

// Allocated returns the number of storage slots that are 0 in the base but not in the overlay.
func (o *Overlay) Allocated() (int, error) {
	n := 0
	for slot, v := range o.storage {
		if v.IsZero() {
			continue
		}
		before, err := o.baseStorageAt(slot)
		if err != nil {
			return 0, err
		}
		if before.IsZero() {
			n++
		}
	}
	return n, nil
}
