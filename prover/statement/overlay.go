package statement

import (
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
	nonces   map[felt.Felt]felt.Felt
	nonce    starknet.NonceUpdate // of the transaction
	journal  []func()             // how to take back each change since the beginning of the transaction
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
		nonces: make(map[felt.Felt]felt.Felt),
	}
}

// begin begins a transaction, whose nonce is used whatever becomes of it.
func (o *overlay) begin(tx starknet.Transaction) {
	clear(o.values.start)
	clear(o.classes.start)
	clear(o.declared.start)
	nonce := tx.Fields().Nonce
	o.nonce = starknet.NonceUpdate{Address: tx.Sender(), Nonce: *nonce.Add(&nonce, &felt.One)}
	o.nonces[o.nonce.Address] = o.nonce.Nonce
	o.journal = o.journal[:0] // what the transaction writes from here on, it may take back
}

// get is the value now, asking the state before the block through ask where nothing is known.
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

func (o *overlay) declare(class, compiled felt.Felt) error {
	last, err := o.compiled(class)
	if err != nil {
		return err
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

// diff is what is not as it was before the block.
func (o *overlay) diff() starknet.StateDiff {
	d := o.difference(o.values.before, o.classes.before, o.declared.before)
	for contract, nonce := range o.nonces {
		d.Nonces = append(d.Nonces, starknet.NonceUpdate{Address: contract, Nonce: nonce})
	}
	d.Sort()
	return d
}

// transactionDiff is what is not as it was at the beginning of the transaction.
func (o *overlay) transactionDiff() starknet.StateDiff {
	d := o.difference(o.values.start, o.classes.start, o.declared.start)
	d.Nonces = []starknet.NonceUpdate{o.nonce}
	d.Sort()
	return d
}

// difference is what is not as it was, in no order and without nonces.
func (o *overlay) difference(values map[slot]felt.Felt, classes, declared map[felt.Felt]felt.Felt) starknet.StateDiff {
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
	return d
}
