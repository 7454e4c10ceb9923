package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
)

// declareAndDeploy declares a class without constructor arguments, deploys it and returns its address.
func (c *chain) declareAndDeploy(path string) felt.Felt {
	c.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	definition := &starknet.ContractClass{}
	if err := json.Unmarshal(b, definition); err != nil {
		c.t.Fatal(err)
	}
	hash := definition.Hash()
	compiled, err := executor.NewClasses(nil).Compile(hash, definition)
	if err != nil {
		c.t.Fatal(err)
	}
	declare := &starknet.Declare{Common: c.alice.common(), SenderAddress: c.alice.address, Class: definition, ClassHash: hash, CompiledClassHash: compiled.CompiledHash}
	deploy := c.alice.invoke(call{starknet.UdcAddress, "deploy_contract", []felt.Felt{hash, u(1), u(0), u(0)}})
	receipts := c.run(c.alice.sign(c.t, declare), c.alice.sign(c.t, deploy))
	if receipts[1].Reverted {
		c.t.Fatal(receipts[1].RevertReason)
	}
	return starknet.ContractAddress(felt.Felt{}, u(1), hash, nil)
}

// estimate returns the estimate of a simulated transaction.
func (c *chain) estimate(tx starknet.Transaction, options executor.Options) *executor.Estimate {
	c.t.Helper()
	out, err := c.app.Simulate(c.t.Context(), starknet.At{Block: c.height, Next: true}, []starknet.Transaction{tx}, options, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if out[0].Estimate == nil {
		c.t.Fatalf("no estimate: %s", out[0].Receipt.RevertReason)
	}
	return out[0].Estimate
}

// bound returns a signed copy of an INVOKE with an L2 gas bound.
func (c *chain) bound(a *account, tx *starknet.Invoke, most uint64) *starknet.Invoke {
	c.t.Helper()
	signed := *tx
	signed.ResourceBounds.L2Gas.MaxAmount = most
	a.sign(c.t, &signed)
	return &signed
}

// TestEstimateSuffices checks that a transaction succeeds with its estimate as the bound, that the estimate does not depend on the bounds
// in the request, and that one percent less does not suffice if code needs more gas than it consumes.
func TestEstimateSuffices(t *testing.T) {
	type row struct {
		name string
		n    uint64
		more bool // the call needs more gas than it uses
	}
	for _, class := range []struct {
		path string
		rows []row
	}{
		{filepath.Join("testdata", "pit.contract_class.json"), []row{
			{"down", 0, false}, {"down", 1, false}, {"down", 10, false}, {"down", 100, true}, {"down", 500, true},
		}},
		{"pathfinder__l2_gas_accounting__l2_gas_accounting.contract_class.json", []row{
			{"test_redeposits", 10, true}, {"test_redeposits", 50, true}, {"test_redeposits", 100, true}, {"test_redeposits", 1000, true},
		}},
	} {
		t.Run(filepath.Base(class.path), func(t *testing.T) {
			path := class.path
			if !strings.Contains(path, "testdata") {
				path = golden.Corpus(t, "contracts", "sierra-casm", path)
			}
			c := newChain(t)
			at := c.declareAndDeploy(path)
			for _, r := range class.rows {
				tx := c.alice.invoke(call{at, r.name, []felt.Felt{u(r.n)}})
				free := c.estimate(c.bound(c.alice, tx, 0), executor.Options{SkipFee: true})
				for _, most := range []uint64{600_000, 2_000_000_000, math.MaxUint64} {
					if got := c.estimate(c.bound(c.alice, tx, most), executor.Options{SkipFee: true}); *got != *free {
						t.Errorf("%s(%d): with a bound of %d the estimate is %v, without %v", r.name, r.n, most, got, free)
					}
				}
				// With a fee the estimate is the same, whether or not the bound suffices.
				for _, most := range []uint64{2_000_000, 2_000_000_000} {
					if got := c.estimate(c.bound(c.alice, tx, most), executor.Options{}); got.L2Gas > free.L2Gas+free.L2Gas/50 || free.L2Gas > got.L2Gas+got.L2Gas/50 {
						t.Errorf("%s(%d): with a fee and a bound of %d the estimate is %v, else %v", r.name, r.n, most, got, free)
					}
				}
				if fee, ok := starknet.NewUint128(defaultPrice).Mul64(free.L2Gas); !ok || fee != free.Fee {
					t.Errorf("%s(%d): the fee is %v for %d gas", r.name, r.n, free.Fee, free.L2Gas)
				}
				less := c.bound(c.alice, tx, free.L2Gas-free.L2Gas/100-1)
				out, err := c.app.Simulate(t.Context(), starknet.At{Block: c.height, Next: true}, []starknet.Transaction{less}, executor.Options{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !out[0].Receipt.Reverted {
					t.Errorf("%s(%d): %d gas suffices, the estimate is %d", r.name, r.n, less.ResourceBounds.L2Gas.MaxAmount, free.L2Gas)
				}
				raw, err := starknet.MarshalTransaction(c.bound(c.alice, tx, free.L2Gas))
				if err != nil {
					t.Fatal(err)
				}
				receipt := c.run(raw)[0]
				if receipt.Reverted {
					t.Errorf("%s(%d): reverts with the estimate of %d: %s", r.name, r.n, free.L2Gas, receipt.RevertReason)
				}
				if used := receipt.Resources.L2Gas; r.more != (free.L2Gas > used) || used > free.L2Gas {
					t.Errorf("%s(%d): the estimate is %d, used are %d", r.name, r.n, free.L2Gas, used)
				}
				t.Logf("%s(%d): estimate %d, used %d: %.2f x", r.name, r.n, free.L2Gas, receipt.Resources.L2Gas, float64(free.L2Gas)/float64(receipt.Resources.L2Gas))
			}
		})
	}
}

// TestEstimateAtLeastBound checks that the estimate is the least bound for a transaction that uses less gas, here because its validation
// is left out.
func TestEstimateAtLeastBound(t *testing.T) {
	c := newChain(t)
	tx := c.alice.invoke()
	got := c.estimate(tx, executor.Options{SkipFee: true, SkipValidate: true})
	if least := executor.LeastGas(tx); got.L2Gas != least {
		t.Errorf("the estimate is %d, the least bound %d", got.L2Gas, least)
	}
}

// TestEstimateSequence checks a list of transactions: later ones see the effects of earlier ones, each has its own estimate, and one that
// no bound lets succeed has none.
func TestEstimateSequence(t *testing.T) {
	c := newChain(t)
	at := c.declareAndDeploy(filepath.Join("testdata", "pit.contract_class.json"))
	carol := newAccount(t, 1003)
	list := func() []starknet.Transaction {
		fund := c.alice.transfer(carol.address, tokens)
		deploy := &starknet.DeployAccount{
			Common: carol.common(), ClassHash: classHash(t, "account"), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
		}
		deep := carol.invoke(call{at, "down", []felt.Felt{u(100)}})
		fails := carol.invoke(call{starknet.StrkAddress, "transfer", []felt.Felt{c.bob.address, u(2 * tokens), {}}})
		c.alice.sign(t, fund)
		carol.sign(t, deploy)
		carol.sign(t, deep)
		carol.sign(t, fails)
		return []starknet.Transaction{fund, deploy, deep, fails}
	}
	txs := list()
	out, err := c.app.Simulate(t.Context(), starknet.At{Block: c.height, Next: true}, txs, executor.Options{SkipFee: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if failed := i == 3; o.Receipt.Reverted != failed || (o.Estimate == nil) != failed {
			t.Fatalf("transaction %d: reverted %t, estimate %v", i, o.Receipt.Reverted, o.Estimate)
		}
	}
	var raws [][]byte
	for i, tx := range txs[:3] {
		tx.Fields().ResourceBounds.L2Gas.MaxAmount = out[i].Estimate.L2Gas
		raws = append(raws, map[bool]*account{true: c.alice, false: carol}[i == 0].sign(t, tx))
	}
	for i, r := range c.run(raws...) {
		if r.Reverted || r.Resources.L2Gas > out[i].Estimate.L2Gas {
			t.Errorf("transaction %d with its estimate: reverted %t, %d gas of %d", i, r.Reverted, r.Resources.L2Gas, out[i].Estimate.L2Gas)
		}
	}
}

// TestReadersStop checks that calls, simulations and traces end soon after their context.
func TestReadersStop(t *testing.T) {
	c := newChain(t)
	at := c.declareAndDeploy(filepath.Join("testdata", "pit.contract_class.json"))
	txs := make([]starknet.Transaction, 100)
	for i := range txs {
		txs[i] = c.alice.invoke(call{at, "down", []felt.Felt{u(60_000)}})
	}
	for name, run := range map[string]func(context.Context) error{
		"simulate": func(ctx context.Context) error {
			_, err := c.app.Simulate(ctx, starknet.At{Block: c.height, Next: true}, txs, executor.Options{SkipFee: true, SkipValidate: true}, nil)
			return err
		},
		"call": func(ctx context.Context) error {
			for {
				if _, err := c.app.Call(ctx, starknet.At{Block: c.height}, at, executor.Selector("down"), []felt.Felt{u(60_000)}); err != nil {
					return err
				}
			}
		},
		"trace": func(ctx context.Context) error {
			for {
				if _, err := c.app.TraceBlock(ctx, c.height, nil); err != nil {
					if failed, ok := errors.AsType[*SimulationError](err); ok {
						return fmt.Errorf("blamed on a transaction: %w", failed)
					}
					return err
				}
			}
		},
	} {
		gone := errors.New("the reader has gone")
		ctx, leave := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx) }()
		time.Sleep(30 * time.Millisecond)
		leave(gone)
		began := time.Now()
		select {
		case err := <-ended:
			if !errors.Is(err, gone) {
				t.Errorf("%s ends with %v", name, err)
			}
			t.Logf("%s ends after %v", name, time.Since(began))
		case <-time.After(20 * time.Second):
			t.Fatalf("%s goes on", name)
		}
	}
}
