package statement_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// These tests come from an audit. In each, validators sign and a prover proves a block that breaks a rule of the chain. The
// transactions are really executed, by an executor without the check that the block breaks.

// rejected checks that the block of the claims is rejected with an error that contains all of texts.
func (c *chain) rejected(claims []*statement.Claim, block *statement.Block, texts ...string) {
	c.t.Helper()
	_, err := statement.Check(claims, block, c.before)
	if err == nil {
		c.t.Errorf("accepted, want a refusal that says %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			c.t.Errorf("rejected with %q, want an error that contains %q", err, text)
		}
	}
}

// all returns a claim for all transactions.
func (c *chain) all() []*statement.Claim {
	c.t.Helper()
	claim, _, err := c.run(0, len(c.recorded))
	if err != nil {
		c.t.Fatal(err)
	}
	return []*statement.Claim{claim}
}

// unproven returns a block in which transaction i is unproven because of its length.
func (c *chain) unproven(i int) *statement.Block {
	c.t.Helper()
	diff, err := c.diffs[i].MarshalBinary()
	if err != nil {
		c.t.Fatal(err)
	}
	block := c.statementBlock()
	block.Unproven = []statement.Unproven{{Index: i, Reason: statement.Reason{MaxSteps: 1 << 17}, Diff: diff}}
	return block
}

// withoutFeeChecks makes the chain execute transactions without checking bounds and balances, and charge fee(receipt).
func (c *chain) withoutFeeChecks(fee func(*starknet.Receipt) starknet.Uint128) {
	c.execute = func(st *state.Overlay, tx starknet.Transaction) (*executor.Outcome, error) {
		own := state.NewOverlay(st)
		outcome, err := c.executor.Execute(own, &c.block, tx, executor.Options{SkipFee: true, Bound: tx.Fields().ResourceBounds.L2Gas.MaxAmount})
		if err != nil {
			return nil, err
		}
		receipt := &outcome.Receipt
		receipt.ActualFee = fee(receipt)
		frame, err := c.executor.Enter(own, &c.block, executor.Entry{
			Contract: c.block.FeeToken, Caller: tx.Sender(), Selector: selector("transfer"),
			Calldata: []felt.Felt{c.block.Sequencer, receipt.ActualFee.Felt(), {}}, Gas: 10_000_000_000,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range frame.Events {
			receipt.Events = append(receipt.Events, starknet.Event{From: frame.Contract, Keys: e.Keys, Data: e.Data})
		}
		if outcome.Diff, err = own.Diff(); err != nil {
			return nil, err
		}
		own.MergeInto(st)
		return outcome, nil
	}
}

// priced returns a function that computes the fee at a price, with the tip of the chain's transactions.
func priced(price uint64) func(*starknet.Receipt) starknet.Uint128 {
	return func(r *starknet.Receipt) starknet.Uint128 {
		fee, _ := starknet.NewUint128(price + 5).Mul64(r.Resources.L2Gas)
		return fee
	}
}

// TestAuditHonestFee checks that withoutFeeChecks with an honest fee gives a block that is accepted.
func TestAuditHonestFee(t *testing.T) {
	c := newChain(t)
	c.withoutFeeChecks(priced(2_000_000_000)) // the sender's bound
	c.invoke(plenty, transfer(0xbe, 1000))
	c.check(c.all()...)
}

// TestAuditNonceReplay checks that a transaction whose nonce is not the account's is rejected.
func TestAuditNonceReplay(t *testing.T) {
	c := newChain(t)
	c.before.nonces[c.account] = n(1000)
	c.invokeAt(0, transfer(0xbe, 1000))
	for _, block := range []*statement.Block{c.statementBlock(), c.unproven(0)} {
		claims := c.all()
		if len(block.Unproven) > 0 {
			claims = nil
		}
		c.rejected(claims, block, "nonce is 0x0", "has nonce 0x3e8")
	}
}

// invokeAt sets the account's nonce to the transaction's nonce and executes the transaction.
func (c *chain) invokeAt(nonce uint64, calls ...call) {
	c.t.Helper()
	if c.st == nil {
		c.st = state.NewOverlay(c.before)
	}
	c.st.SetNonce(c.account, n(nonce))
	c.nonce = nonce
	c.invoke(plenty, calls...)
}

// TestAuditTwice checks that a block may contain a transaction only once.
func TestAuditTwice(t *testing.T) {
	c := newChain(t)
	c.invokeAt(0, transfer(0xbe, 1000))
	c.invokeAt(0, transfer(0xbe, 1000))
	hash := c.transactions[0].Hash(c.block.ChainID)
	if c.transactions[1].Hash(c.block.ChainID) != hash {
		t.Fatal("the transactions differ")
	}
	c.rejected(c.all(), c.statementBlock(), hash.String()+" twice")
	claim, _, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.rejected([]*statement.Claim{claim}, c.unproven(1), hash.String()+" twice")
}

// TestAuditFee checks that fees are within the senders' bounds and that all transactions of a block pay the same price.
func TestAuditFee(t *testing.T) {
	for _, x := range []struct {
		name  string
		fees  []func(*starknet.Receipt) starknet.Uint128
		texts []string
	}{
		{"above the bounds", []func(*starknet.Receipt) starknet.Uint128{priced(2_000_000_001)}, []string{"a price of 2000000001", "allows at most 2000000000"}},
		{"a million times the bounds", []func(*starknet.Receipt) starknet.Uint128{priced(2_000_000_000_000_000)}, []string{"a price of 2000000000000000", "allows at most 2000000000"}},
		{"two prices", []func(*starknet.Receipt) starknet.Uint128{priced(1_000_000_000), priced(1_000_000_001)}, []string{"a price of 1000000001", "other transactions of the block paid 1000000000"}},
		{"below the tip", []func(*starknet.Receipt) starknet.Uint128{func(r *starknet.Receipt) starknet.Uint128 {
			return starknet.NewUint128(4 * r.Resources.L2Gas)
		}}, []string{"gas times a whole price plus a tip of 5"}},
		{"no whole price", []func(*starknet.Receipt) starknet.Uint128{func(r *starknet.Receipt) starknet.Uint128 {
			return starknet.NewUint128(6*r.Resources.L2Gas + 1)
		}}, []string{"gas times a whole price"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newChain(t)
			c.before.slots[state.Slot{Contract: starknet.StrkAddress, Key: executor.BalanceKey(accountAddress)}] = felt.FromUint128(1<<60, 0)
			for _, fee := range x.fees {
				c.withoutFeeChecks(fee)
				c.invoke(plenty, transfer(0xbe, 1000))
			}
			last := len(x.fees) - 1
			c.rejected(c.all(), c.statementBlock(), x.texts...)
			var claims []*statement.Claim
			if last > 0 {
				claim, _, err := c.run(0, last)
				if err != nil {
					t.Fatal(err)
				}
				claims = append(claims, claim)
			}
			c.rejected(claims, c.unproven(last), x.texts...)
		})
	}
}

// TestAuditFeeOfUncoveredRevert checks that the fee of an unproven, reverted transaction is bounded too.
func TestAuditFeeOfUncoveredRevert(t *testing.T) {
	for _, x := range []struct {
		price uint64
		good  bool
	}{{2_000_000_000, true}, {2_000_000_001, false}} {
		c := newChain(t)
		c.withoutFeeChecks(func(*starknet.Receipt) starknet.Uint128 {
			fee, _ := starknet.NewUint128(x.price + 5).Mul64(plenty)
			return fee
		})
		if got := c.invoke(plenty, call{counterB, "decrement", nil}); !got.Reverted {
			t.Fatal("0 was decremented")
		}
		if x.good {
			if _, err := statement.Check(nil, c.unproven(0), c.before); err != nil {
				t.Error(err)
			}
			continue
		}
		c.rejected(nil, c.unproven(0), "a fee of 800000002400000000", "400000000 gas at 2000000005 with the tip")
	}

	// Once other transactions have determined the price, it bounds the fee.
	c := newChain(t)
	c.withoutFeeChecks(priced(1_000_000_000))
	c.invoke(plenty, transfer(0xbe, 1000))
	c.withoutFeeChecks(func(*starknet.Receipt) starknet.Uint128 { return starknet.NewUint128((1_000_000_005)*plenty + 1) })
	c.invoke(plenty, call{counterB, "decrement", nil})
	claim, _, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	c.rejected([]*statement.Claim{claim}, c.unproven(1), "a fee of 400000002000000001", "400000000 gas at 1000000005 with the tip")
}

// TestAuditRedeclare checks that a class may be declared only once.
func TestAuditRedeclare(t *testing.T) {
	c := newChain(t)
	definition, code := c.class("counter") // a declared class with two contracts
	honest := c.before
	other := *code
	other.Bytecode = append(slices.Clone(code.Bytecode), words(1, 2, 3)...) // represents any other code
	other.Segments = nil
	c.executor = &executor.Executor{Engine: c.recorder, Classes: executor.NewClasses(
		func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) { return &other, nil })}
	c.before = honest.clone()
	delete(c.before.classes, definition.Hash()) // the validators' state
	tx := &starknet.Declare{
		Common: c.common(4_000_000_000), SenderAddress: c.account, Class: definition, ClassHash: definition.Hash(), CompiledClassHash: other.BlakeHash(),
	}
	c.send(tx, &tx.Common, c.key)
	claims := c.all()
	c.check(claims...) // on the validators' state
	c.before = honest
	was, is := code.BlakeHash(), other.BlakeHash()
	c.rejected(claims, c.statementBlock(), definition.Hash().String(), "hash "+is.String(), "already declared with "+was.String())
	c.rejected(nil, c.unproven(0), definition.Hash().String(), "hash "+is.String(), "already declared with "+was.String())
}

// TestAuditForeignDeclaration checks that the state difference of a transaction declares only the class that the transaction
// declares.
func TestAuditForeignDeclaration(t *testing.T) {
	c := newChain(t)
	c.execute = func(st *state.Overlay, tx starknet.Transaction) (*executor.Outcome, error) {
		outcome, err := c.executor.Execute(st, &c.block, tx, executor.Options{Diff: true})
		if err == nil {
			outcome.Diff.Declared = []starknet.DeclaredClass{{ClassHash: n(77), CompiledClassHash: n(78)}}
		}
		return outcome, err
	}
	c.invoke(plenty, transfer(0xbe, 1000))
	c.rejected(nil, c.unproven(0), "declares class 0x4d with compiled class hash 0x4e")
}

// changingEngine is an engine that changes calls before it executes them.
type changingEngine struct {
	cairo.Engine
	change func(*cairo.Call)
}

func (l *changingEngine) Begin() cairo.Session { return &changingSession{l.Engine.Begin(), l.change} }

type changingSession struct {
	cairo.Session
	change func(*cairo.Call)
}

func (l *changingSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	given := call.Gas
	l.change(&call)
	result, err := l.Session.Run(call, sys)
	result.GasLeft += given - call.Gas
	return result, err
}

// TestAuditOtherGas checks blocks in which the prover gives __execute__ other gas than the chain did, so that it ends
// differently or leaves other gas. All signed data is the chain's.
func TestAuditOtherGas(t *testing.T) {
	panics := []call{{counterA, "increment", nil}, {counterB, "decrement", nil}}
	for _, x := range []struct {
		name  string
		calls []call
		gas   uint64
		texts []string
	}{
		{"another panic", panics, 200_000, []string{"__execute__ received 200000 gas, want"}},
		{"the same panic with less gas", panics, 40_000_000, []string{"__execute__ received 40000000 gas, want"}},
		{"success with less gas", []call{{counterA, "increment", nil}}, 40_000_000, []string{"__execute__ received 40000000 gas, want"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			honest := newChain(t)
			receipt := honest.invoke(plenty, x.calls...)
			honest.check(honest.all()...)

			evil := newChain(t)
			evil.executor.Engine = &changingEngine{evil.recorder, func(c *cairo.Call) {
				switch c.Selector {
				case selector("__execute__"):
					c.Gas = x.gas
				case selector("transfer"):
					c.Calldata = slices.Clone(c.Calldata)
					c.Calldata[1] = receipt.ActualFee.Felt()
				}
			}}
			evil.invoke(plenty, x.calls...)
			honest.rejected(evil.all(), honest.statementBlock(), x.texts...)
		})
	}
}

// TestAuditRevertReason checks that the signed revert reason must be that of the run, for each way in which a transaction can
// be reverted.
func TestAuditRevertReason(t *testing.T) {
	spent := func(c *chain) { // the transaction spends its balance, so that the fee cannot be paid
		key := executor.BalanceKey(c.account)
		c.before.slots[state.Slot{Contract: starknet.StrkAddress, Key: key}] = felt.FromUint64(plenty * 2_000_000_005)
		c.invoke(plenty, call{starknet.StrkAddress, "transfer", words(0xbe, plenty*2_000_000_005-1000, 0)})
	}
	for _, x := range []struct {
		name string
		send func(c *chain)
		says string // part of the honest receipt's revert reason
	}{
		{"panic", func(c *chain) { c.invoke(plenty, call{counterB, "decrement", nil}) }, "Execution failed. Failure reason:\nError in contract"},
		{"out of gas", func(c *chain) { c.invoke(4_000_000, call{probeAt, "spin", words(10_000)}) }, "Out of gas"},
		{"more than its bounds", func(c *chain) {
			c.invoke(3_200_000, transfer(0xbf, 1), transfer(0xc0, 1), transfer(0xc1, 1), transfer(0xc2, 1), transfer(0xc3, 1))
		}, "Insufficient max L2Gas: max amount: 3200000"},
		{"more than its balance", spent, "Insufficient fee token balance. Fee: "},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newChain(t)
			x.send(c)
			claims, block := c.all(), c.statementBlock()
			reason := c.receipts[0].RevertReason
			if !strings.Contains(reason, x.says) {
				t.Fatalf("the revert reason is %q, want %q", reason, x.says)
			}
			c.check(claims...)

			// Validators sign another reason.
			for _, other := range []string{"", reason + " ", strings.Replace(reason, "a", "b", 1), "Insufficient max L2Gas: max amount: 3200000, actual used: 3200001."} {
				result := *c.results[0]
				result.Receipt.RevertReason = other
				block.Results = []*starknet.Result{&result}
				c.rejected(claims, block, "in the signed receipt")
			}
			// The prover claims that the transaction was aborted, to prove nothing of it.
			for _, root := range c.recorded[0].Calls {
				if root.Call.Selector == selector("__execute__") {
					root.Err = errors.New("passed off as aborted")
				}
			}
			c.rejected(c.all(), c.statementBlock(), "says that it was aborted, but the signed revert reason is")
		})
	}
}

// TestAuditAborted checks that the revert reason of an aborted transaction is one with which a run can be aborted.
func TestAuditAborted(t *testing.T) {
	c := newChain(t)
	c.invoke(plenty, call{n(0xdead), "increment", nil})
	claims := c.all()
	c.check(claims...)
	root := "0: Error in the called contract (contract address: " + starknet.PaddedHex(c.account) + ", class hash: " +
		starknet.PaddedHex(c.before.contracts[c.account]) + ", selector: " + starknet.PaddedHex(selector("__execute__")) + "):\n"
	if !strings.HasPrefix(c.receipts[0].RevertReason, starknet.ExecutionHeader+root) {
		t.Fatalf("the revert reason is %q", c.receipts[0].RevertReason)
	}
	for _, other := range []string{
		"", "anything", starknet.ExecutionHeader + strings.Replace(root, "0: ", "1: ", 1) + "no",
		starknet.ExecutionHeader + root + "Execution failed. Failure reason:\n0x1.\n",
		starknet.OverGasReason(plenty, plenty+1),
		starknet.OverBalanceReason(c.receipts[0].ActualFee, n(0), n(0)),
	} {
		block, result := c.statementBlock(), *c.results[0]
		result.Receipt.RevertReason = other
		block.Results = []*starknet.Result{&result}
		c.rejected(claims, block, "says that it was aborted")
	}
	panicked := func(data string) string {
		summary := "Error in contract" + strings.TrimPrefix(strings.TrimSuffix(root, "\n"), "0: Error in the called contract") + "\n"
		return starknet.ExecutionHeader + root + "Execution failed. Failure reason:\n" + summary + data + ".\n"
	}
	for reason, text := range map[string]string{
		panicked("0x454e545259504f494e545f4e4f545f464f554e44 ('ENTRYPOINT_NOT_FOUND')"): "has no __execute__: false",
		panicked("0x4f7574206f6620676173 ('Out of gas')"):                               "lacked the gas to enter, 10000, but it had ",
	} {
		block, result := c.statementBlock(), *c.results[0]
		result.Receipt.RevertReason = reason
		block.Results = []*starknet.Result{&result}
		c.rejected(claims, block, text)
	}
}

// TestLowBounds checks that blocks of transactions with low gas bounds are accepted.
func TestLowBounds(t *testing.T) {
	c := newChain(t)
	var reasons []string
	for _, gas := range []uint64{560_000, 600_000, 640_000, 700_000, 1_000_000, 1_500_000, 2_000_000, 4_000_000} {
		reasons = append(reasons, c.invoke(gas, transfer(0xbe, 1000)).RevertReason)
	}
	c.check(c.all()...)
	for i, want := range []string{"Out of gas", "", "", "", "Insufficient max L2Gas"} {
		if want != "" && !strings.Contains(reasons[i], want) {
			t.Errorf("transaction %d was reverted for %q, want %q", i, reasons[i], want)
		}
	}
	if last := reasons[len(reasons)-1]; last != "" {
		t.Errorf("with plenty: %s", last)
	}
}
