package state

import (
	"cmp"
	"slices"
	"sync"

	"github.com/starkd/starkd/crypto/felt"
)

// Cell names one value of the state.
type Cell struct {
	Kind CellKind
	Slot // the storage slot; of the other kinds only Contract, the contract or the class hash
}

// CellKind is the kind of a value of the state.
type CellKind uint8

// The kinds of values.
const (
	StorageCell  CellKind = iota
	NonceCell             // of a contract
	ClassCell             // class hash of a contract
	DeclaredCell          // compiled class hash of a class
)

// Read returns the value of a cell in a state.
func (c Cell) Read(st Reader) (felt.Felt, error) {
	switch c.Kind {
	case StorageCell:
		return st.StorageAt(c.Contract, c.Key)
	case NonceCell:
		return st.NonceAt(c.Contract)
	case ClassCell:
		return st.ClassHashAt(c.Contract)
	}
	return st.CompiledClassHash(c.Contract)
}

// Versions is the multi-version memory of Block-STM (Gelashvili et al., 2022): the values that the transactions of a block wrote, each
// under the index of its transaction, on top of the state before the block. A transaction that runs before its turn reads the value of the
// nearest lower index. It also caches what it reads from the state before the block. It is safe for concurrent use if its base is.
type Versions struct {
	base   Reader
	shards [versionShards]versionShard
}

const versionShards = 64

type versionShard struct {
	mu    sync.Mutex
	cells map[Cell]*history
}

// history is the versions of one cell.
type history struct {
	base   felt.Felt
	known  bool // base is set
	hot    bool
	writes []version // ascending by index
}

type version struct {
	index int
	value felt.Felt
	class *Class // of a DeclaredCell
}

// NewVersions returns a memory without writes on base.
func NewVersions(base Reader) *Versions {
	v := &Versions{base: base}
	for i := range v.shards {
		v.shards[i].cells = map[Cell]*history{}
	}
	return v
}

// Version is a value of a cell that a transaction with a given index may see.
type Version struct {
	Value  felt.Felt
	Writer int    // index of the transaction that wrote it, -1 if it is that of the state before the block
	Hot    bool   // MarkHot was called for the cell
	Class  *Class // the class of a DeclaredCell, nil if Writer is -1
}

// Read returns the value of a cell that the nearest lower index than index wrote, else the base's value.
func (v *Versions) Read(index int, c Cell) (Version, error) {
	s := v.shard(c)
	s.mu.Lock()
	h := s.history(c)
	out := Version{Value: h.base, Writer: -1, Hot: h.hot}
	for i := len(h.writes) - 1; i >= 0; i-- {
		if w := &h.writes[i]; w.index < index {
			out.Value, out.Writer, out.Class = w.value, w.index, w.class
			break
		}
	}
	known := h.known || out.Writer >= 0
	s.mu.Unlock()
	if known {
		return out, nil
	}
	base, err := c.Read(v.base)
	if err != nil {
		return Version{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.base, h.known = base, true
	out.Value = base
	return out, nil
}

// Class returns the class with a hash that a lower index than index declared, else the base's.
func (v *Versions) Class(index int, hash felt.Felt) (*Class, error) {
	declared, err := v.Read(index, Cell{DeclaredCell, Slot{Contract: hash}})
	if err != nil || declared.Class != nil {
		return declared.Class, err
	}
	return v.base.Class(hash)
}

// Replace makes the changes of an overlay those of an index, instead of the changes that the index had before. It returns the cells that
// changed, for the next call. Nil is no changes.
func (v *Versions) Replace(index int, before []Cell, changes *Overlay) []Cell {
	var after []Cell
	if changes != nil {
		after = changes.cells()
	}
	for _, c := range after {
		s := v.shard(c)
		s.mu.Lock()
		s.history(c).set(version{index: index, value: changes.valueOf(c), class: changes.declared[c.Contract]})
		s.mu.Unlock()
	}
	for _, c := range before {
		if changes == nil || !changes.has(c) {
			s := v.shard(c)
			s.mu.Lock()
			s.history(c).remove(index)
			s.mu.Unlock()
		}
	}
	return after
}

// MarkHot marks a cell that transactions of the block are expected to read and write in turn.
func (v *Versions) MarkHot(c Cell) {
	s := v.shard(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history(c).hot = true
}

func (v *Versions) shard(c Cell) *versionShard {
	return &v.shards[(c.Contract[0]^c.Key[0]*0x9e3779b97f4a7c15)>>32%versionShards]
}

// history returns the versions of a cell. The caller holds the shard's mutex.
func (s *versionShard) history(c Cell) *history {
	h := s.cells[c]
	if h == nil {
		h = &history{}
		s.cells[c] = h
	}
	return h
}

func (h *history) find(index int) (int, bool) {
	return slices.BinarySearchFunc(h.writes, index, func(w version, index int) int { return cmp.Compare(w.index, index) })
}

func (h *history) set(w version) {
	i, ok := h.find(w.index)
	if ok {
		h.writes[i] = w
		return
	}
	h.writes = slices.Insert(h.writes, i, w)
}

func (h *history) remove(index int) {
	if i, ok := h.find(index); ok {
		h.writes = slices.Delete(h.writes, i, i+1)
	}
}

// Base returns the state before the block, with the values that are cached. It is safe for concurrent use.
func (v *Versions) Base() Reader { return versionsBase{v} }

type versionsBase struct{ v *Versions }

// beforeBlock is an index below those of all writes.
const beforeBlock = -1 << 31

func (b versionsBase) read(c Cell) (felt.Felt, error) {
	out, err := b.v.Read(beforeBlock, c)
	return out.Value, err
}

// StorageAt implements Reader.
func (b versionsBase) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return b.read(Cell{StorageCell, Slot{contract, key}})
}

// NonceAt implements Reader.
func (b versionsBase) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return b.read(Cell{NonceCell, Slot{Contract: contract}})
}

// ClassHashAt implements Reader.
func (b versionsBase) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return b.read(Cell{ClassCell, Slot{Contract: contract}})
}

// CompiledClassHash implements Reader.
func (b versionsBase) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	return b.read(Cell{DeclaredCell, Slot{Contract: class}})
}

// Class implements Reader.
func (b versionsBase) Class(class felt.Felt) (*Class, error) { return b.v.base.Class(class) }
