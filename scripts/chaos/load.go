//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

// burstInterval is the pause between bursts of transfers. The watcher needs ten seconds or more to prove a block with transactions, so more
// frequent bursts would outrun it.
const burstInterval = 20 * time.Second

// load sends a transfer from each account at intervals. Like a wallet whose node has died, it submits the same bytes to another node until
// the transaction is in a block.
type load struct {
	lab     *lab
	wallets []*wallet.Wallet
	sent    map[felt.Felt]int // from transaction hash to account
	bursts  int
}

func newLoad(l *lab) *load { return &load{lab: l, sent: map[felt.Felt]int{}} }

// run sends bursts until ctx ends. It returns after the last burst is in blocks.
func (l *load) run(ctx context.Context) error {
	chain, err := l.lab.Nodes[0].Client().ChainID(ctx)
	if err != nil {
		return err
	}
	for _, a := range l.lab.Accounts {
		l.wallets = append(l.wallets, &wallet.Wallet{Chain: chain, Address: a.Address, Key: a.PrivateKey})
	}
	for ctx.Err() == nil {
		begun := time.Now()
		// A burst is always completed, because every sent transaction must be found at the end.
		if err := l.burst(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(burstInterval - time.Since(begun)):
		}
	}
	return nil
}

// burst sends one transfer from each account and waits until all are in blocks.
func (l *load) burst(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	type item struct {
		tx   *starknet.Invoke
		hash felt.Felt
		done bool
	}
	var items []*item
	for i, w := range l.wallets {
		tx := w.Invoke(wallet.Transfer(l.lab.Accounts[(i+1)%len(l.lab.Accounts)].Address, uint64(1_000_000+i)))
		tx.Nonce = felt.FromUint64(uint64(l.bursts))
		tx.ResourceBounds = bounds()
		if err := w.Sign(tx); err != nil {
			return err
		}
		hash := tx.Hash(w.Chain)
		items = append(items, &item{tx: tx, hash: hash})
		l.sent[hash] = i
	}
	l.bursts++
	var last error
	for round := 0; ; round++ {
		missing := 0
		for i, it := range items {
			if it.done {
				continue
			}
			client := l.lab.Nodes[(i+round)%validators].Client()
			short, cancel := context.WithTimeout(ctx, 3*time.Second)
			receipt, _, err := client.Receipt(short, it.hash)
			switch {
			case err == nil && receipt.Reverted:
				cancel()
				return fmt.Errorf("transaction %v reverted: %s", it.hash, receipt.RevertReason)
			case err == nil:
				it.done = true
			case round%10 == 0: // new, or perhaps lost with its node
				if _, err := client.Submit(short, it.tx); err != nil {
					last = err
				}
			}
			cancel()
			if !it.done {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d transactions of burst %d are in no block after %v: %w", missing, l.bursts, 2*patience, errors.Join(ctx.Err(), last))
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// bounds returns resource bounds that suffice for a transfer.
func bounds() starknet.ResourceBounds {
	return starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 5_000_000, MaxPricePerUnit: starknet.NewUint128(1 << 44)}}
}

// settle waits until every node has every block and the watcher has proved all blocks.
func (l *load) settle(ctx context.Context) error {
	top := l.lab.top(ctx)
	for i := range validators {
		if err := l.lab.caughtUp(ctx, i, top); err != nil {
			return err
		}
		for account, a := range l.lab.Accounts {
			nonce, err := l.lab.Nodes[i].Client().Nonce(ctx, rpc.LatestBlock, a.Address)
			if err != nil || nonce != felt.FromUint64(uint64(l.bursts)) {
				return fmt.Errorf("node%d: nonce of account %d is %v (%v), it sent %d transactions", i, account, nonce, err, l.bursts)
			}
		}
	}
	fmt.Printf("load: %d transactions in %d bursts; %d blocks; waiting for their proofs\n", len(l.sent), l.bursts, top)
	for proved, since := uint64(0), time.Now(); proved < top; {
		status, err := l.lab.watcherStatus(ctx)
		if err == nil && status.ProvedHeight > proved {
			proved, since = status.ProvedHeight, time.Now()
		}
		if time.Since(since) > 2*patience {
			return fmt.Errorf("the watcher has stayed at block %d of %d for %v (%v)", proved, top, 2*patience, err)
		}
		if err := l.lab.unexpected(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return nil
}
