package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// TestUncoveredTransactions checks the output of verify for a block that is proved in part.
func TestUncoveredTransactions(t *testing.T) {
	outcome := &statement.Outcome{Transactions: []statement.TransactionOutcome{
		{Hash: felt.FromUint64(0xa), Fee: starknet.NewUint128(5), UnprovenParts: []string{"__validate__"}},
		{Hash: felt.FromUint64(0xb), Fee: starknet.NewUint128(6), Reverted: true, Events: make([]starknet.Event, 2), UnprovenParts: []string{"all of it"},
			Unproven: &statement.Reason{Builtin: "poseidon", Class: felt.FromUint64(0xc), Selector: felt.FromUint64(0xd)}},
	}}
	for _, c := range []struct {
		hash uint64
		want string
	}{
		{0xa, ""},
		{0xb, "the proof of block 7 does not cover transaction 0xb: entry point 0xd of class 0xc needs the builtin poseidon, which is not provable"},
		{0xe, "the proof of block 7 does not cover transaction 0xe"},
	} {
		err := covers(&block.Verdict{Blocks: []*statement.Verdict{{Outcome: &statement.Outcome{}}, {Outcome: outcome}}}, []*statement.Anchor{{Number: 6}, {Number: 7}}, felt.FromUint64(c.hash), true)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("transaction %#x: got %v, want %q", c.hash, err, c.want)
		}
	}
	var out bytes.Buffer
	listTransactions(&out, outcome.Transactions, true)
	const want = `  transaction   0xa succeeded, fee 5 FRI, 0 events; covered: nothing; not covered: __validate__
  not covered   0xb reverted, fee 6 FRI, 2 events, as signed by the validators: entry point 0xd of class 0xc needs the builtin poseidon, which is not provable
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	// With a trusted header the output does not mention signatures, and control characters in a reason are escaped.
	outcome.Transactions[1].Unproven.Builtin = "\x1b[2J\nvalid: all"
	out.Reset()
	listTransactions(&out, outcome.Transactions, false)
	if got := out.String(); strings.Contains(got, "signed") || strings.Count(got, "\n") != 2 || !strings.Contains(got, `needs the builtin "\x1b[2J\nvalid: all"`) {
		t.Errorf("by a header: got\n%q", got)
	}
}
