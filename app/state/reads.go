package state

import "github.com/starkd/starkd/crypto/felt"

// An overlay remembers the values of its base that it read. A run of code on an overlay is a function of these values, so its result is
// that of a run on any state in which they are the same.

// Misread returns the cells whose value, as the overlay read it from its base, is not that of st. If there are none, st can take the place
// of the base. The order of the cells is not determined.
func (o *Overlay) Misread(st Reader) ([]Cell, error) {
	var out []Cell
	check := func(c Cell, seen felt.Felt) error {
		now, err := c.Read(st)
		if err == nil && now != seen {
			out = append(out, c)
		}
		return err
	}
	for slot, v := range o.baseStorage {
		if err := check(Cell{StorageCell, slot}, v); err != nil {
			return nil, err
		}
	}
	for i, m := range [...]map[felt.Felt]felt.Felt{o.baseNonces, o.baseClasses, o.baseDeclared} {
		for k, v := range m {
			if err := check(Cell{NonceCell + CellKind(i), Slot{Contract: k}}, v); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Forget makes the overlay read a cell from its base again.
func (o *Overlay) Forget(c Cell) {
	switch c.Kind {
	case StorageCell:
		delete(o.baseStorage, c.Slot)
	case NonceCell:
		delete(o.baseNonces, c.Contract)
	case ClassCell:
		delete(o.baseClasses, c.Contract)
	case DeclaredCell:
		delete(o.baseDeclared, c.Contract)
	}
}

// cells returns the cells that the overlay changes.
func (o *Overlay) cells() []Cell {
	out := make([]Cell, 0, len(o.storage)+len(o.nonces)+len(o.classes)+len(o.declared))
	for slot := range o.storage {
		out = append(out, Cell{StorageCell, slot})
	}
	for contract := range o.nonces {
		out = append(out, Cell{NonceCell, Slot{Contract: contract}})
	}
	for contract := range o.classes {
		out = append(out, Cell{ClassCell, Slot{Contract: contract}})
	}
	for class := range o.declared {
		out = append(out, Cell{DeclaredCell, Slot{Contract: class}})
	}
	return out
}

// valueOf returns the value of a cell that the overlay changes.
func (o *Overlay) valueOf(c Cell) felt.Felt {
	switch c.Kind {
	case StorageCell:
		return o.storage[c.Slot]
	case NonceCell:
		return o.nonces[c.Contract]
	case ClassCell:
		return o.classes[c.Contract]
	}
	return o.declared[c.Contract].CompiledHash
}

// has reports whether the overlay changes a cell.
func (o *Overlay) has(c Cell) (ok bool) {
	switch c.Kind {
	case StorageCell:
		_, ok = o.storage[c.Slot]
	case NonceCell:
		_, ok = o.nonces[c.Contract]
	case ClassCell:
		_, ok = o.classes[c.Contract]
	case DeclaredCell:
		_, ok = o.declared[c.Contract]
	}
	return ok
}

// Added returns the difference between the overlay's value of a storage slot and the base's, 0 if the overlay did not write the slot.
func (o *Overlay) Added(slot Slot) (felt.Felt, error) {
	v, ok := o.storage[slot]
	if !ok {
		return felt.Felt{}, nil
	}
	before, err := o.baseStorageAt(slot)
	return *new(felt.Felt).Sub(&v, &before), err
}

// Detach drops the base, which the overlay must not read again. Misread and MergeInto still work.
func (o *Overlay) Detach() { o.base, o.journal = nil, nil }

// Bytes returns about how much memory the overlay takes, without the classes that it declares.
func (o *Overlay) Bytes() int {
	slots, contracts := len(o.storage)+len(o.baseStorage), len(o.nonces)+len(o.classes)+len(o.baseNonces)+len(o.baseClasses)+len(o.baseDeclared)
	return 1024 + 3*felt.Bytes*slots*2 + 2*felt.Bytes*contracts*2
}
