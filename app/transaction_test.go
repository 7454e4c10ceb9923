package app

import (
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// TestTransfer checks that a transfer moves the amount, pays the fee to the proposer's recipient and increments the nonce.
func TestTransfer(t *testing.T) {
	c := newChain(t)
	before, to := c.balance(c.alice.address), c.balance(c.bob.address)
	tx := c.alice.transfer(c.bob.address, 5)
	raw := c.alice.sign(t, tx)
	if got, err := c.app.CheckTx(raw, false); err != nil || got.Code != 0 {
		t.Fatalf("the mempool answers %+v, %v", got, err)
	}
	r := c.run(raw)[0]
	if r.Reverted {
		t.Fatal(r.RevertReason)
	}
	t.Logf("transfer: %d L2 gas, %v FRI", r.Resources.L2Gas, r.ActualFee)
	if got, want := sub(c.balance(c.bob.address), to), u(5); got != want {
		t.Errorf("bob received %v, want %v", got, want)
	}
	fee := r.ActualFee.Felt()
	if got, want := sub(before, c.balance(c.alice.address)), *new(felt.Felt).Add(&fee, ptr(u(5))); got != want {
		t.Errorf("alice paid %v, want %v", got, want)
	}
	if got := c.balance(u(0x5e9)); got != fee {
		t.Errorf("the sequencer received %v, want the fee %v", got, fee)
	}
	want, _ := starknet.NewUint128(defaultPrice).Mul64(r.Resources.L2Gas)
	if r.ActualFee != want {
		t.Errorf("fee %v, want %v for %d gas", r.ActualFee, want, r.Resources.L2Gas)
	}
	transfer := executor.Selector("Transfer")
	if len(r.Events) != 2 || r.Events[0].Keys[0] != transfer || r.Events[1].Keys[0] != transfer || r.Events[1].Data[0] != fee {
		t.Errorf("events %+v, want those of the transfer and the fee transfer", r.Events)
	}
	if n, err := c.app.Store().Latest().NonceAt(c.alice.address); err != nil || n != u(1) {
		t.Errorf("nonce %v (%v), want 1", n, err)
	}
}

func ptr(x felt.Felt) *felt.Felt { return &x }

// TestTip checks that a tip is paid for every unit of L2 gas.
func TestTip(t *testing.T) {
	c := newChain(t)
	plain := c.run(c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))[0]
	tx := c.alice.transfer(c.bob.address, 5)
	tx.Tip = 7
	r := c.run(c.alice.sign(t, tx))[0]
	if r.Resources.L2Gas > plain.Resources.L2Gas {
		t.Errorf("%d gas with a tip, %d without", r.Resources.L2Gas, plain.Resources.L2Gas)
	}
	if want, _ := starknet.NewUint128(defaultPrice + 7).Mul64(r.Resources.L2Gas); r.ActualFee != want {
		t.Errorf("fee %v, want %v", r.ActualFee, want)
	}
}

// TestRevert checks that an execution that panics is undone and paid for, with Starknet's revert reason.
func TestRevert(t *testing.T) {
	c := newChain(t)
	before := c.balance(c.alice.address)
	tx := c.alice.invoke(
		call{c.counter, "increment", nil},
		call{starknet.StrkAddress, "transfer", []felt.Felt{c.bob.address, u(1), u(1)}}, // more than alice has
	)
	r := c.run(c.alice.sign(t, tx))[0]
	if !r.Reverted {
		t.Fatal("a transfer of more than the balance succeeded")
	}
	if got := c.count(); got != 10 {
		t.Errorf("counter is at %d after a revert, want 10", got)
	}
	if len(r.Events) != 1 {
		t.Errorf("%d events, want only that of the fee transfer", len(r.Events))
	}
	fee := r.ActualFee.Felt()
	if got := sub(before, c.balance(c.alice.address)); got != fee || fee.IsZero() {
		t.Errorf("alice paid %v, want %v", got, fee)
	}
	for _, part := range []string{
		"Transaction execution has failed:\n0: Error in the called contract (contract address: " + padded(c.alice.address),
		"Execution failed. Failure reason:\nError in contract (contract address: " + padded(c.alice.address),
		"Error in contract (contract address: " + padded(starknet.StrkAddress),
	} {
		if !strings.Contains(r.RevertReason, part) {
			t.Errorf("reason %q does not contain %q", r.RevertReason, part)
		}
	}
}

func padded(x felt.Felt) string {
	s := x.String()[2:]
	return "0x" + strings.Repeat("0", 64-len(s)) + s
}

// TestInnerFailure checks that only the failed inner call is undone and that its caller continues.
func TestInnerFailure(t *testing.T) {
	c := newChain(t)
	other := u(0xc1)
	// The deployer deploys a second counter, at 0.
	counter := classHash(t, contracts.Counter)
	deploy := c.alice.invoke(call{starknet.UdcAddress, "deploy_contract", []felt.Felt{counter, u(1), u(1), u(1), u(0)}})
	r := c.run(c.alice.sign(t, deploy))[0]
	if r.Reverted {
		t.Fatal(r.RevertReason)
	}
	for _, e := range r.Events {
		if e.From == starknet.UdcAddress {
			other = e.Data[0]
		}
	}
	if got := c.view(other, "get")[0]; !got.IsZero() {
		t.Fatalf("the new counter is at %v, want 0", got)
	}
	r = c.run(c.alice.sign(t, c.alice.invoke(
		call{c.counter, "try_decrement_other", []felt.Felt{other}},
		call{c.counter, "increment_other", []felt.Felt{other}},
	)))[0]
	if r.Reverted {
		t.Fatal(r.RevertReason)
	}
	if got := c.view(other, "get")[0]; got != u(1) {
		t.Errorf("the other counter is at %v, want 1", got)
	}
}

// TestOutOfGas checks that a transaction that needs more L2 gas than its bound is reverted and pays at most its bound.
func TestOutOfGas(t *testing.T) {
	c := newChain(t)
	full := c.run(c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))[0].Resources.L2Gas
	for _, limit := range []uint64{full - 1, full - 100_000, 1_200_000} {
		before := c.balance(c.bob.address)
		tx := c.alice.transfer(c.bob.address, 5)
		tx.ResourceBounds.L2Gas.MaxAmount = limit
		raw := c.alice.sign(t, tx)
		r := c.run(raw)[0]
		if !r.Reverted {
			t.Fatalf("limit %d of %d: succeeded with %d gas", limit, full, r.Resources.L2Gas)
		}
		most, _ := starknet.NewUint128(defaultPrice).Mul64(limit)
		if r.ActualFee.Cmp(most) > 0 || r.ActualFee.IsZero() {
			t.Errorf("limit %d: fee %v, want at most %v", limit, r.ActualFee, most)
		}
		if got := c.balance(c.bob.address); got != before {
			t.Errorf("limit %d: bob's balance changed", limit)
		}
		if !strings.Contains(r.RevertReason, "Insufficient max L2Gas") || r.Resources.L2Gas > full {
			t.Errorf("limit %d: reverted with %d gas of %d: %s", limit, r.Resources.L2Gas, full, r.RevertReason)
		}
	}
}

// TestValidationBeyondBound checks that the mempool rejects an INVOKE whose validation needs more than its bound. In a block it is reverted and
// pays its bound, because its validation has to be paid for. The mempool does not run validation if the bound does not even cover
// calldata and signature.
func TestValidationBeyondBound(t *testing.T) {
	for limit, detail := range map[uint64]string{600_000: "actual used", 560_000: "is below the least"} {
		c := newChain(t)
		tx := c.alice.transfer(c.bob.address, 5)
		tx.ResourceBounds.L2Gas.MaxAmount = limit
		raw := c.alice.sign(t, tx)
		got, err := c.app.CheckTx(raw, false)
		if err != nil || got.Code != uint32(executor.InsufficientResources) || !strings.Contains(got.Detail, detail) {
			t.Errorf("limit %d: the mempool answers %d %q (%v), want %q", limit, got.Code, got.Detail, err, detail)
		}
		before := c.balance(c.bob.address)
		r := c.run(raw)[0]
		want, _ := starknet.NewUint128(defaultPrice).Mul64(limit)
		if !r.Reverted || r.ActualFee != want || c.balance(c.bob.address) != before {
			t.Errorf("limit %d: reverted %v, fee %v, want %v: %s", limit, r.Reverted, r.ActualFee, want, r.RevertReason)
		}
	}
}

// TestRejected checks that the mempool, a proposer and a validator reject the transactions that cannot be in a block, with the
// specification's code.
func TestRejected(t *testing.T) {
	c := newChain(t)
	fresh := func() *starknet.Invoke {
		c.alice.nonce = 0
		return c.alice.transfer(c.bob.address, 5)
	}
	tx := fresh()
	raw := c.alice.sign(t, tx)
	tx.Signature[1] = u(5)
	bad, err := starknet.MarshalTransaction(tx)
	if err != nil {
		t.Fatal(err)
	}
	c.rejects("signature", executor.ValidationFailure, "", bad)
	c.rejects("bytes", executor.UnexpectedError, "", raw[:len(raw)-1])
	c.rejects("no bytes", executor.UnexpectedError, "", nil)

	tx = fresh()
	tx.SenderAddress = u(0xdead)
	c.rejects("sender", executor.InsufficientAccountBalance, "balance low/high is 0x0/0x0", c.alice.sign(t, tx))

	tx = fresh()
	tx.ResourceBounds.L2Gas.MaxAmount = 400_000
	c.rejects("gas", executor.InsufficientResources, "is below the least", c.alice.sign(t, tx))

	tx = fresh()
	tx.ResourceBounds.L2Gas.MaxPricePerUnit = starknet.NewUint128(defaultPrice - 1)
	c.rejects("price", executor.FeeBelowMinimum, "below the block's price", c.alice.sign(t, tx))

	tx = fresh()
	tx.ResourceBounds.L2Gas.MaxPricePerUnit = starknet.NewUint128(10_000 * defaultPrice)
	c.rejects("balance", executor.InsufficientAccountBalance, "add up to", c.alice.sign(t, tx))

	tx = fresh()
	tx.ResourceBounds.L1Gas = starknet.ResourceBound{MaxAmount: 1 << 63, MaxPricePerUnit: starknet.Uint128{Hi: 1 << 62}}
	c.rejects("overflow", executor.InsufficientAccountBalance, "2^128", c.alice.sign(t, tx))

	tx = fresh()
	tx.PaymasterData = []felt.Felt{u(1)}
	c.rejects("paymaster", executor.UnexpectedError, "paymaster_data", c.alice.sign(t, tx))

	tx = fresh()
	tx.ProofFacts = []felt.Felt{u(1)}
	c.rejects("proof facts", executor.InvalidProof, "proof_facts", c.alice.sign(t, tx))

	tx = fresh()
	tx.Nonce = u(200)
	c.rejects("nonce", executor.InvalidTransactionNonce, "above 64", c.alice.sign(t, tx))

	c.run(c.alice.sign(t, fresh()))
	c.rejects("replay", executor.InvalidTransactionNonce, "nonce of account", raw)

	// A signature for another chain.
	tx = c.alice.transfer(c.bob.address, 5)
	c.alice.sign(t, tx)
	other := starknet.Invoke{Common: tx.Common, SenderAddress: tx.SenderAddress, Calldata: tx.Calldata}
	other.Signature = signFor(c.alice, &other, "ANOTHER_CHAIN")
	b, err := starknet.MarshalTransaction(&other)
	if err != nil {
		t.Fatal(err)
	}
	c.rejects("chain id", executor.ValidationFailure, "", b)
}

// TestDeclareDeploy checks that one block can declare a class, deploy an account and contract of it, and use them.
func TestDeclareDeploy(t *testing.T) {
	c := newChain(t)
	definition := class(t, contracts.Fibonacci)
	hash := definition.Hash()
	declare := &starknet.Declare{
		Common: c.alice.common(), SenderAddress: c.alice.address, Class: definition, ClassHash: hash,
		CompiledClassHash: official()[hash].BlakeHash(),
	}
	carol := newAccount(t, 1003)
	fund := c.alice.transfer(carol.address, 100*tokens/20)
	deployment := &starknet.DeployAccount{
		Common: carol.common(), ClassHash: classHash(t, contracts.Account), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
	}
	if deployment.Sender() != carol.address {
		t.Fatalf("deploys to %v, want %v", deployment.Sender(), carol.address)
	}
	use := carol.invoke(call{starknet.UdcAddress, "deploy_contract", []felt.Felt{hash, u(7), u(0), u(0)}})
	for _, tx := range []starknet.Transaction{declare, fund, deployment, use} {
		tx.Fields().ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 3_000_000_000, MaxPricePerUnit: starknet.NewUint128(defaultPrice)}
	}
	receipts := c.run(c.alice.sign(t, declare), c.alice.sign(t, fund), carol.sign(t, deployment), carol.sign(t, use))
	for i, r := range receipts {
		t.Logf("%v: %d L2 gas", r.Type, r.Resources.L2Gas)
		if r.Reverted {
			t.Fatalf("transaction %d: %s", i, r.RevertReason)
		}
	}
	if receipts[2].ContractAddress != carol.address {
		t.Errorf("receipt says %v was deployed, want %v", receipts[2].ContractAddress, carol.address)
	}
	var fibonacci felt.Felt
	for _, e := range receipts[3].Events {
		if e.From == starknet.UdcAddress {
			fibonacci = e.Data[0]
		}
	}
	if got := c.view(fibonacci, "fib", u(10)); len(got) != 1 || got[0] != u(55) {
		t.Errorf("fib(10) = %v, want 55", got)
	}

	again := *declare
	again.Common = c.alice.common()
	again.ResourceBounds = declare.ResourceBounds
	c.rejects("declared twice", executor.ClassAlreadyDeclared, "already declared", c.alice.sign(t, &again))
	wrong := *declare
	wrong.Common, wrong.Class = again.Common, class(t, contracts.Factorial)
	wrong.ClassHash, wrong.CompiledClassHash = wrong.Class.Hash(), u(5)
	if err := c.app.exec.Classes.Prepare(wrong.ClassHash, wrong.Class); err != nil { // otherwise the mempool accepts it until the class is compiled
		t.Fatal(err)
	}
	c.rejects("compiled class hash", executor.CompiledClassHashMismatch, "compiled class hash is", c.alice.sign(t, &wrong))
	twice := *deployment
	twice.Common = carol.common()
	twice.ResourceBounds = deployment.ResourceBounds
	c.rejects("deployed twice", executor.ValidationFailure, "already deployed", carol.sign(t, &twice))
}
