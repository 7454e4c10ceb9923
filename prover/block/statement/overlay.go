package statement

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// slot identifies a storage slot.
type slot struct{ contract, key felt.Felt }

// overlay is the state after the transactions so far. It reads each value of the state before the block at most once.
type overlay struct {
	before   State
	values   changes[slot]
	classes  changes[felt.Felt]
	declared changes[felt.Felt] // compiled class hashes
	nonces   changes[felt.Felt]
	journal  []func() // undo functions of the changes since the beginning of the transaction
}

// changes holds one kind of state: the values before the block of all keys that were read, the current values, and the values
// at the beginning of the transaction of all keys that it has changed.
type changes[K comparable] struct{ before, start, now map[K]felt.Felt }

func newChanges[K comparable]() changes[K] {
	return changes[K]{make(map[K]felt.Felt), make(map[K]felt.Felt), make(map[K]felt.Felt)}
}

// set changes a value; last is its current value.
func (c *changes[K]) set(key K, last, value felt.Felt) {
	if _, changed := c.start[key]; !changed {
		c.start[key] = last
	}
	c.now[key] = value
}

func newOverlay(before State) *overlay {
	return &overlay{
		before: before, values: newChanges[slot](), classes: newChanges[felt.Felt](), declared: newChanges[felt.Felt](),
		nonces: newChanges[felt.Felt](),
	}
}

// begin begins a transaction of an account with the given nonce. The nonce is incremented even if the transaction is reverted.
func (o *overlay) begin(account, nonce felt.Felt) {
	clear(o.values.start)
	clear(o.classes.start)
	clear(o.declared.start)
	clear(o.nonces.start)
	o.nonces.set(account, nonce, *new(felt.Felt).Add(&nonce, &felt.One))
	o.journal = o.journal[:0] // later writes of the transaction can be reverted
}

// get returns the current value. It reads an unknown value from the state before the block with ask.
func (c *changes[K]) get(key K, ask func() (felt.Felt, error)) (felt.Felt, error) {
	if value, ok := c.now[key]; ok {
		return value, nil
	}
	value, err := ask()
	if err != nil {
		return felt.Zero, err
	}
	c.before[key], c.now[key] = value, value
	return value, nil
}

func (o *overlay) storage(s slot) (felt.Felt, error) {
	return o.values.get(s, func() (felt.Felt, error) { return o.before.StorageAt(s.contract, s.key) })
}

func (o *overlay) classAt(contract felt.Felt) (felt.Felt, error) {
	return o.classes.get(contract, func() (felt.Felt, error) { return o.before.ClassHashAt(contract) })
}

func (o *overlay) compiled(class felt.Felt) (felt.Felt, error) {
	return o.declared.get(class, func() (felt.Felt, error) { return o.before.CompiledClassHash(class) })
}

func (o *overlay) nonce(account felt.Felt) (felt.Felt, error) {
	return o.nonces.get(account, func() (felt.Felt, error) { return o.before.NonceAt(account) })
}

// write sets a slot. It also reads the value before the block, because a state difference holds only values that differ from
// it.
func (o *overlay) write(s slot, value felt.Felt) error {
	last, err := o.storage(s)
	if err != nil {
		return err
	}
	o.values.set(s, last, value)
	o.journal = append(o.journal, func() { o.values.now[s] = last })
	return nil
}

func (o *overlay) setClass(contract, class felt.Felt) error {
	last, err := o.classAt(contract)
	if err != nil {
		return err
	}
	o.classes.set(contract, last, class)
	o.journal = append(o.journal, func() { o.classes.now[contract] = last })
	return nil
}

// declare declares a class. It returns an error if the class is already declared.
func (o *overlay) declare(class, compiled felt.Felt) error {
	last, err := o.compiled(class)
	if err != nil {
		return err
	}
	if !last.IsZero() {
		return fmt.Errorf("declares class %v with compiled class hash %v, but it is already declared with %v", class, compiled, last)
	}
	o.declared.set(class, last, compiled)
	return nil
}

// snapshot returns a savepoint to which revert rolls back.
func (o *overlay) snapshot() int { return len(o.journal) }

func (o *overlay) revert(snapshot int) {
	for i := len(o.journal) - 1; i >= snapshot; i-- {
		o.journal[i]()
	}
	o.journal = o.journal[:snapshot]
}

// diff returns the state difference of the block so far, in canonical order.
func (o *overlay) diff() starknet.StateDiff {
	d := o.difference(o.values.before, o.classes.before, o.declared.before, o.nonces.before)
	d.Sort()
	return d
}

// transactionDiff returns the state difference of the transaction so far, in canonical order.
func (o *overlay) transactionDiff() starknet.StateDiff {
	d := o.difference(o.values.start, o.classes.start, o.declared.start, o.nonces.start)
	d.Sort()
	return d
}

// allocated counts the slots that were zero at the beginning of the transaction and are not now.
func (o *overlay) allocated() (n int) {
	for s, before := range o.values.start {
		if value := o.values.now[s]; before.IsZero() && !value.IsZero() {
			n++
		}
	}
	return n
}

// difference returns the values that differ from the given earlier values, in no particular order.
func (o *overlay) difference(values map[slot]felt.Felt, classes, declared, nonces map[felt.Felt]felt.Felt) starknet.StateDiff {
	var d starknet.StateDiff
	contracts := make(map[felt.Felt][]starknet.StorageEntry)
	for s, before := range values {
		if value := o.values.now[s]; value != before {
			contracts[s.contract] = append(contracts[s.contract], starknet.StorageEntry{Key: s.key, Value: value})
		}
	}
	for contract, entries := range contracts {
		d.Storage = append(d.Storage, starknet.ContractStorage{Address: contract, Entries: entries})
	}
	for contract, before := range classes {
		switch class := o.classes.now[contract]; {
		case class == before:
		case before.IsZero():
			d.Deployed = append(d.Deployed, starknet.ContractClassHash{Address: contract, ClassHash: class})
		default:
			d.Replaced = append(d.Replaced, starknet.ContractClassHash{Address: contract, ClassHash: class})
		}
	}
	for class, before := range declared {
		if compiled := o.declared.now[class]; compiled != before {
			d.Declared = append(d.Declared, starknet.DeclaredClass{ClassHash: class, CompiledClassHash: compiled})
		}
	}
	for account, before := range nonces {
		if nonce := o.nonces.now[account]; nonce != before {
			d.Nonces = append(d.Nonces, starknet.NonceUpdate{Address: account, Nonce: nonce})
		}
	}
	return d
}
