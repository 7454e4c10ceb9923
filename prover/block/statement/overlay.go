package statement

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// slot is a place in a contract's storage.
type slot struct{ contract, key felt.Felt }

// overlay is the state as the block's transactions have left it so far. What they have not touched is asked of the state
// before the block, once.
type overlay struct {
	before   State
	values   changes[slot]
	classes  changes[felt.Felt]
	declared changes[felt.Felt] // compiled class hashes
	nonces   changes[felt.Felt]
	journal  []func() // how to take back each change since the beginning of the transaction
}

// changes is one kind of state: what was before the block, for all that has been looked at, what is now, and what was at
// the beginning of the transaction, for all that it has changed.
type changes[K comparable] struct{ before, start, now map[K]felt.Felt }

func newChanges[K comparable]() changes[K] {
	return changes[K]{make(map[K]felt.Felt), make(map[K]felt.Felt), make(map[K]felt.Felt)}
}

// set changes a value that was last.
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

// begin begins a transaction of an account whose nonce is nonce. It is used whatever becomes of the transaction.
func (o *overlay) begin(account, nonce felt.Felt) {
	clear(o.values.start)
	clear(o.classes.start)
	clear(o.declared.start)
	clear(o.nonces.start)
	o.nonces.set(account, nonce, *new(felt.Felt).Add(&nonce, &felt.One))
	o.journal = o.journal[:0] // what the transaction writes from here on, it may take back
}

// get returns the value now, asking the state before the block through ask where nothing is known.
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

// write sets a slot. What was there before the block is asked for too, since a difference is what is not equal to it.
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

// declare declares a class, which must not have been declared.
func (o *overlay) declare(class, compiled felt.Felt) error {
	last, err := o.compiled(class)
	if err != nil {
		return err
	}
	if !last.IsZero() {
		return fmt.Errorf("declares class %v with the compiled class hash %v: it is declared already, with %v", class, compiled, last)
	}
	o.declared.set(class, last, compiled)
	return nil
}

// snapshot and revert bracket changes that may have to be taken back.
func (o *overlay) snapshot() int { return len(o.journal) }

func (o *overlay) revert(snapshot int) {
	for i := len(o.journal) - 1; i >= snapshot; i-- {
		o.journal[i]()
	}
	o.journal = o.journal[:snapshot]
}

// diff returns what is not as it was before the block.
func (o *overlay) diff() starknet.StateDiff {
	d := o.difference(o.values.before, o.classes.before, o.declared.before, o.nonces.before)
	d.Sort()
	return d
}

// transactionDiff returns what is not as it was at the beginning of the transaction.
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

// difference returns what is not as it was, in no order.
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
