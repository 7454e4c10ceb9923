package app

import (
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// An engine that makes code of classes is told which ones are likely to be called, so that their first call finds it made: classes
// as they are declared, and when a node starts those of its latest blocks. No result depends on it, and errors only leave it out.

// announce tells the engine of classes that are declared.
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

// Bounds of what precompileRecent reads.
const (
	recentBlocks       = 256
	recentTransactions = 1000
	recentClasses      = 32
)

// precompileRecent tells the engine of the classes that the latest blocks declared or, as senders and events show it, used.
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
