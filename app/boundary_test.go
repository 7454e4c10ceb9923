package app

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/boundary"
	"github.com/starkd/starkd/starknet"
)

// TestBoundaries checks that for every limit of the mempool, of blocks and of the genesis the last good value is accepted and the first
// bad one is rejected.
func TestBoundaries(t *testing.T) {
	// limited returns a chain with changed limits.
	limited := func(change func(*Limits)) *chain {
		c := newChain(t)
		g := *c.app.genesis.Load()
		change(&g.Limits)
		c.app.genesis.Store(&g)
		return c
	}
	// waits returns the mempool's rejection of a transaction, or nil.
	waits := func(c *chain, tx starknet.Transaction) error {
		got, err := c.app.CheckTx(c.alice.sign(t, tx), false)
		if err == nil && got.Code != 0 {
			err = &executor.Rejection{Reason: executor.Reason(got.Code), Detail: got.Detail}
		}
		return err
	}
	// outcome executes a transaction on the chain's state and returns its outcome.
	outcome := func(c *chain, tx starknet.Transaction) *executor.Outcome {
		g, head := c.app.genesis.Load(), c.app.store.Head()
		recipient := g.Sequencer(proposer)
		out, err := c.app.exec.Execute(state.NewOverlay(c.app.store.At(head.Height)), environment(g, head.Height+1, head.Timestamp+5, recipient), tx, executor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	boundary.Run(t, boundary.App, map[string]func(value *big.Int) error{
		"L2 gas bound above a block's limit": func(v *big.Int) error {
			c := limited(func(l *Limits) { l.BlockL2Gas = 3_000_000 })
			tx := c.alice.transfer(c.bob.address, 1)
			tx.ResourceBounds.L2Gas.MaxAmount = 3_000_000 + v.Uint64()
			return waits(c, tx)
		},
		"nonces ahead of the account's": func(v *big.Int) error {
			c := newChain(t)
			c.alice.nonce = v.Uint64()
			return waits(c, c.alice.transfer(c.bob.address, 1))
		},
		"transactions of a block beyond its limit": func(v *big.Int) error {
			c := limited(func(l *Limits) { l.BlockTransactions = 2 })
			var txs [][]byte
			for range 2 + v.Int64() {
				txs = append(txs, c.alice.sign(t, c.alice.transfer(c.bob.address, 1)))
			}
			return c.app.Process(c.next(txs...))
		},
		"L2 gas of a block beyond its limit": func(v *big.Int) error {
			c := newChain(t)
			tx := c.alice.transfer(c.bob.address, 1)
			raw := c.alice.sign(t, tx)
			g := *c.app.genesis.Load()
			g.Limits.BlockL2Gas = outcome(c, tx).Receipt.Resources.L2Gas - v.Uint64()
			c.app.genesis.Store(&g)
			return c.app.Process(c.next(raw))
		},
		"Sierra gas of a block beyond its limit": func(v *big.Int) error {
			c := newChain(t)
			tx := c.alice.transfer(c.bob.address, 1)
			raw := c.alice.sign(t, tx)
			g := *c.app.genesis.Load()
			g.Limits.BlockSierraGas = outcome(c, tx).SierraGas - v.Uint64()
			c.app.genesis.Store(&g)
			return c.app.Process(c.next(raw))
		},
		"seconds that a block is before its parent": func(v *big.Int) error {
			c := newChain(t)
			c.run()
			b := c.next()
			b.Timestamp = c.app.store.Head().Timestamp - v.Uint64()
			return c.app.Process(b)
		},
		"characters of the chain id": func(v *big.Int) error {
			c := newChain(t)
			_, err := ParseGenesis(strings.Repeat("x", int(v.Int64())), c.genesis)
			return err
		},
		"address in the genesis": func(v *big.Int) error {
			address := felt.FromBigInt(v)
			g := Genesis{Balances: []GenesisBalance{{Address: address}}, FeeRecipients: map[string]felt.Felt{strings.Repeat("00", proposerBytes): address}}
			raw, err := json.Marshal(&g)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseGenesis(testChain, raw)
			return err
		},
	})
}
