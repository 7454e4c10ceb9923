package app

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Listen makes l the listener; nil is none. A call that has begun may still reach the previous one. Its functions are called while
// the app waits, and no result depends on them.
func (a *App) Listen(l *starknet.Listener) { a.listener.Store(l) }

func (a *App) tellCommitted() {
	if l := a.listener.Load(); l != nil && l.Block != nil {
		l.Block()
	}
}

func (a *App) tellAdmitted(tx starknet.Transaction, hash felt.Felt) {
	if l := a.listener.Load(); l != nil && l.Transaction != nil {
		l.Transaction(tx, hash)
	}
}
