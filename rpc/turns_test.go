package rpc

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// slowChain is a chain whose simulations block until the test releases them.
type slowChain struct {
	*fakeChain
	let chan struct{}
	mu  sync.Mutex // guards the records of fakeChain
}

func (c *slowChain) Simulate(ctx context.Context, at starknet.At, txs []starknet.Transaction, flags SimulationFlags) ([]Simulation, *starknet.StateReads, error) {
	select {
	case <-c.let:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fakeChain.Simulate(ctx, at, txs, flags)
}

// TestTurns checks that calls and sent transactions do not wait for slow simulations, and that other simulations do not wait for those of
// DECLAREs, which wait for classes to be compiled.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := &slowChain{fakeChain: newFakeChain(t), let: make(chan struct{})}
		s := NewServer(chain, Config{Transport: jsonrpc.Config{Timeout: 10 * time.Second}, MaxExecutions: 4})
		invoke := &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount}
		declare := &starknet.Declare{Common: fakeCommon(9), SenderAddress: fakeAccount, CompiledClassHash: u(0xca5), Class: fakeClass(), ClassHash: fakeClassHash}
		estimate := func(tx starknet.Transaction) *jsonrpc.Error {
			_, err := ask(t, s, "/", "starknet_estimateFee", fmt.Sprintf(`[[%s],[],"latest"]`, broadcast(t, tx)))
			return err
		}
		answers := make(chan *jsonrpc.Error, 40)
		for range 20 {
			go func() { answers <- estimate(declare) }()
		}
		synctest.Wait()
		if n, others := len(s.classes), len(s.simulations)+len(s.executions); n != 1 || others != 0 {
			t.Errorf("20 estimates of DECLAREs hold %d tokens of their gate and %d of others, want 1 and 0", n, others)
		}
		for range 20 {
			go func() { answers <- estimate(invoke) }()
		}
		synctest.Wait()
		if n, others := len(s.simulations), len(s.executions); n != 2 || others != 0 {
			t.Errorf("20 estimates hold %d tokens of their gate and %d of others, want 2 and 0", n, others)
		}
		began := time.Now()
		if _, err := ask(t, s, "/", "starknet_call", `[{"contract_address":"0xacc","entry_point_selector":"0x9","calldata":[]},"latest"]`); err != nil {
			t.Errorf("a call is answered %v", err)
		}
		if _, err := ask(t, s, "/", "starknet_addInvokeTransaction", `[`+broadcast(t, invoke)+`]`); err != nil {
			t.Errorf("a sent transaction is answered %v", err)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("they waited %v", waited)
		}
		close(chain.let)
		for range 40 {
			if err := <-answers; err != nil {
				t.Errorf("an estimate is answered %v", err)
			}
		}
		if n := len(s.classes) + len(s.simulations) + len(s.executions); n != 0 {
			t.Errorf("%d tokens are not given back", n)
		}
	})
}
