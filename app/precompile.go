package app

import (
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// The app tells engines that compile classes which classes are likely to be called, so that they compile them before the first call:
// the classes that a block declares and, when a node starts, those of its latest blocks. No result depends on it, so errors are ignored.

// precompile asks the engine to compile declared classes.
func (a *App) precompile(classes ...felt.Felt) {
	engine, ok := a.exec.Engine.(cairo.Precompiler)
	if !ok {
		return
	}
	for _, hash := range classes {
		if a.background.stopped() {
			return
		}
		if class, err := a.exec.Classes.Get(a.store.Latest(), hash); err == nil && class != nil {
			engine.Precompile(class)
		}
	}
}

// Bounds of the blocks, transactions and classes that precompileRecent reads.
const (
	recentBlocks       = 256
	recentTransactions = 1000
	recentClasses      = 32
)

// precompileRecent asks the engine to compile the classes that the latest blocks declared, and the classes of the fee token, of senders
// and of contracts that emitted events.
func (a *App) precompileRecent() {
	if _, ok := a.exec.Engine.(cairo.Precompiler); !ok {
		return
	}
	var classes []felt.Felt
	add := func(hash felt.Felt) {
		if !hash.IsZero() && !slices.Contains(classes, hash) && len(classes) < recentClasses {
			classes = append(classes, hash)
		}
	}
	seen, latest := map[felt.Felt]bool{}, a.store.Latest()
	contract := func(address felt.Felt) {
		if seen[address] {
			return
		}
		seen[address] = true
		if hash, err := latest.ClassHashAt(address); err == nil {
			add(hash)
		}
	}
	contract(a.genesis.Load().FeeToken)
	head, txs := a.store.Head().Height, 0
	for n := uint64(0); n < recentBlocks && n <= head && txs < recentTransactions && len(classes) < recentClasses && !a.background.stopped(); n++ {
		block, ok, err := a.store.Block(head - n)
		if err != nil || !ok {
			break
		}
		txs += len(block.Transactions)
		for i, tx := range block.Transactions {
			contract(tx.Sender())
			for _, e := range block.Receipts[i].Events {
				contract(e.From)
			}
		}
		diff, ok, err := a.store.StateDiff(head - n)
		if err != nil || !ok {
			break
		}
		for _, c := range diff.Declared {
			add(c.ClassHash)
		}
	}
	a.precompile(classes...)
}
