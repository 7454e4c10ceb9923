package app

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// counting counts the runs of __validate__.
type counting struct {
	cairo.Engine
	validations atomic.Int64
}

func (c *counting) Begin() cairo.Session { return &countingSession{c.Engine.Begin(), c} }

func (*counting) CountsSteps() {}

type countingSession struct {
	cairo.Session
	c *counting
}

func (s *countingSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	if call.Selector == selValidate {
		s.c.validations.Add(1)
	}
	return s.Session.Run(call, sys)
}

// TestValidatedOnce checks that a block takes over the validation of the mempool if the validation would do the same again: with the same
// signature, values, rounded time and gas. The block's results are those of a run without it.
func TestValidatedOnce(t *testing.T) {
	s := newScripted(t, rand.New(rand.NewPCG(1, 2)))
	count := &counting{Engine: s.engine}
	s.app.exec.Engine = count
	s.app.config.Parallel = 1
	alice := s.accounts[0]
	read := []felt.Felt{u(opRead), u(1), {}, {}, u(opBurn), {}, {}, {}, u(opEvent), {}, {}, {}, u(opWrite), u(2), u(5), {}}
	for name, test := range map[string]struct {
		runs   int64 // of the transaction's validation in the block
		change func(b *Block)
		before []felt.Felt // program of a transaction before it, by the same account
	}{
		"the same":          {runs: 0},
		"the time":          {runs: 0, change: func(b *Block) { b.Timestamp -= b.Timestamp % constants.RoundTime }},
		"the rounded time":  {runs: 1, change: func(b *Block) { b.Timestamp += constants.RoundTime }},
		"the value read":    {runs: 1, before: []felt.Felt{u(opWrite), u(1), u(7), {}}},
		"another value":     {runs: 0, before: []felt.Felt{u(opWrite), u(3), u(7), {}}},
		"the value written": {runs: 0, before: []felt.Felt{u(opWrite), u(2), u(7), {}}},
	} {
		t.Run(name, func(t *testing.T) {
			s.app.pool.reset()
			s.app.validated = newValidated()
			var txs [][]byte
			alice.nonce = 0
			if test.before != nil {
				tx := &starknet.Invoke{Common: alice.common(), SenderAddress: alice.address, Calldata: test.before}
				raw, err := starknet.MarshalTransaction(tx)
				if err != nil {
					t.Fatal(err)
				}
				txs = append(txs, raw)
			}
			tx := &starknet.Invoke{Common: alice.common(), SenderAddress: alice.address}
			tx.Signature = read
			raw, err := starknet.MarshalTransaction(tx)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.app.CheckTx(raw, false); err != nil || got.Code != 0 {
				t.Fatalf("the mempool answers %+v (%v)", got, err)
			}
			b := s.next(append(txs, raw)...)
			b.Timestamp = testTime + 5
			if test.change != nil {
				test.change(b)
			}
			s.app.runs.Purge()
			before := count.validations.Load()
			got, err := s.app.runBlock(b, true)
			if err != nil {
				t.Fatal(err)
			}
			if n := count.validations.Load() - before - int64(len(txs)); n != test.runs {
				t.Errorf("the block validates the transaction %d times, want %d", n, test.runs)
			}
			s.app.validated = newValidated()
			s.app.runs.Purge()
			want, err := s.app.runBlock(b, true)
			if err != nil {
				t.Fatal(err)
			}
			sameRun(t, got, want)

			// A transaction with the same hash and another signature is another transaction.
			if _, err := s.app.CheckTx(raw, false); err != nil {
				t.Fatal(err)
			}
			tx.Signature = []felt.Felt{u(opBurn), {}, {}, {}}
			other, err := starknet.MarshalTransaction(tx)
			if err != nil {
				t.Fatal(err)
			}
			b.Txs[len(b.Txs)-1] = other
			before = count.validations.Load()
			if _, err := s.app.runBlock(b, true); err != nil {
				t.Fatal(err)
			}
			if n := count.validations.Load() - before; n < 1 {
				t.Error("the block takes over the validation of another signature")
			}
		})
	}
}

// TestValidatedBound checks that the kept validations are bounded, and that a dropped one leaves nothing behind.
func TestValidatedBound(t *testing.T) {
	s := newScripted(t, rand.New(rand.NewPCG(1, 2)))
	alice := s.accounts[0]
	alice.nonce = 0
	tx := &starknet.Invoke{Common: alice.common(), SenderAddress: alice.address}
	st, env := s.app.store.Latest(), environment(s.app.genesis.Load(), 1, testTime, felt.Felt{})
	a, err := s.app.exec.Attempt(st, env, tx, executor.Options{Brief: true, Keep: true, ValidateOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.End()
	v := a.Validated()
	if v == nil || v.Bytes() < 2000 {
		t.Fatalf("the validation is %+v", v)
	}
	k := newValidated()
	most := maxValidated / v.Bytes()
	for i := range most + 10 {
		k.put(u(uint64(i)), v)
	}
	if k.kept.Len() != most || k.bytes != most*v.Bytes() || k.get(u(9)) != nil || k.get(u(10)) != v {
		t.Errorf("%d validations of %d bytes are kept, want %d; the tenth is %v", k.kept.Len(), k.bytes, most, k.get(u(9)))
	}
	for i := range most + 10 {
		k.drop(u(uint64(i)))
	}
	if k.kept.Len() != 0 || k.bytes != 0 {
		t.Errorf("%d validations of %d bytes are left", k.kept.Len(), k.bytes)
	}
}
