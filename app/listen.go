package app

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Listener hears of what a node did. Its functions may be nil; they are called while the app waits, perhaps several at a time: they
// return at once and do not call the app. No result depends on them.
type Listener struct {
	// Committed is called when a block is durable and the latest.
	Committed func()
	// Admitted is called when a transaction enters the mempool.
	Admitted func(tx starknet.Transaction, hash felt.Felt)
}

// Listen makes l the listener, or nobody if it is nil. A call that is under way may still reach the one before.
func (a *App) Listen(l *Listener) { a.listener.Store(l) }

func (a *App) tellCommitted() {
	if l := a.listener.Load(); l != nil && l.Committed != nil {
		l.Committed()
	}
}

func (a *App) tellAdmitted(tx starknet.Transaction, hash felt.Felt) {
	if l := a.listener.Load(); l != nil && l.Admitted != nil {
		l.Admitted(tx, hash)
	}
}
