package app

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// TestListener checks that the listener is called once for each transaction and for each block when the block can be read, and that it
// does not change the app hash.
func TestListener(t *testing.T) {
	heard, deaf := newChain(t), newChain(t)
	var told []string
	heard.app.Listen(&starknet.Listener{
		Block:       func() { told = append(told, fmt.Sprint("block ", heard.app.Store().Head().Height)) },
		Transaction: func(_ starknet.Transaction, hash felt.Felt) { told = append(told, hash.String()) },
	})
	deaf.app.Listen(&starknet.Listener{})
	var want []string
	for n := range uint64(3) {
		tx := heard.alice.transfer(heard.bob.address, 5)
		raw := heard.alice.sign(t, tx)
		for _, recheck := range []bool{false, true, false} {
			for _, c := range []*chain{heard, deaf} {
				if got, err := c.app.CheckTx(raw, recheck); err != nil || got.Code != 0 {
					t.Fatal(got, err)
				}
			}
		}
		heard.run(raw)
		deaf.run(raw)
		want = append(want, tx.Hash(felt.FromShortString(testChain)).String(), fmt.Sprint("block ", n+1))
		_, a := heard.app.Info()
		_, b := deaf.app.Info()
		if !bytes.Equal(a, b) {
			t.Errorf("block %d: app hash %x with a listener, %x without", n+1, a, b)
		}
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	heard.app.Listen(nil)
	heard.run()
	if len(told) != len(want) {
		t.Errorf("a removed listener was told %v", told[len(want):])
	}
}
