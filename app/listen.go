package app

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Listen sets the listener; nil removes it. A call in progress may still reach the previous listener. The app waits for the
// listener's functions; no result depends on them.
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
