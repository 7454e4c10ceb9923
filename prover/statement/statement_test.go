package statement_test

import (
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/statement"
	"github.com/starkd/starkd/starknet"

	"github.com/google/go-cmp/cmp"
)

// transfers is a block of a token transfer.
func transfers(t *testing.T) *chain {
	c := newChain(t)
	c.invoke(plenty, call{starknet.StrkAddress, "transfer", []felt.Felt{n(0xbe), n(1000), n(0)}})
	return c
}

// check replays the claims and compares with what the executor says.
func (c *chain) check(claims ...*statement.Claim) {
	c.t.Helper()
	outcome, err := statement.Check(claims, c.statementBlock(), c.before)
	if err != nil {
		c.t.Fatal(err)
	}
	for i, got := range outcome.Transactions {
		want := c.receipts[i]
		if got.Hash != want.TransactionHash || got.Reverted != want.Reverted || got.Fee != want.ActualFee {
			c.t.Errorf("transaction %d: got %v, reverted %t, fee %v, want %v, %t, %v",
				i, got.Hash, got.Reverted, got.Fee, want.TransactionHash, want.Reverted, want.ActualFee)
		}
		if diff := cmp.Diff(want.Events, got.Events); diff != "" {
			c.t.Errorf("transaction %d: events: %s", i, diff)
		}
		if diff := cmp.Diff(want.Messages, got.Messages); diff != "" {
			c.t.Errorf("transaction %d: messages: %s", i, diff)
		}
	}
	want, err := c.st.Diff()
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff(*want, outcome.Diff); diff != "" {
		c.t.Errorf("state difference: %s", diff)
	}
}

func TestTransfer(t *testing.T) {
	c := transfers(t)
	claim, trace, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps, %d output words", trace.Public.Steps, len(claim.Output))
	c.check(claim)
}
