package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// witness is a Reader that has only the values of a starknet.StateReads. Declared classes come from a store.
type witness struct {
	storage  map[state.Slot]felt.Felt
	nonces   map[felt.Felt]felt.Felt
	classes  map[felt.Felt]felt.Felt
	declared map[felt.Felt]bool
	store    state.Reader
}

func newWitness(reads *starknet.StateReads, store state.Reader) *witness {
	w := &witness{map[state.Slot]felt.Felt{}, map[felt.Felt]felt.Felt{}, map[felt.Felt]felt.Felt{}, map[felt.Felt]bool{}, store}
	for _, r := range reads.Storage {
		w.storage[state.Slot{Contract: r.Contract, Key: r.Key}] = r.Value
	}
	for _, r := range reads.Nonces {
		w.nonces[r.Contract] = r.Nonce
	}
	for _, r := range reads.ClassHashes {
		w.classes[r.Contract] = r.ClassHash
	}
	for _, r := range reads.Declared {
		w.declared[r.ClassHash] = r.Declared
	}
	return w
}

func known[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, fmt.Errorf("%v is not among the reads", k)
	}
	return v, nil
}

func (w *witness) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return known(w.storage, state.Slot{Contract: contract, Key: key})
}

func (w *witness) NonceAt(contract felt.Felt) (felt.Felt, error) { return known(w.nonces, contract) }

func (w *witness) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return known(w.classes, contract)
}

func (w *witness) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	if declared, err := known(w.declared, class); !declared {
		return felt.Felt{}, err
	}
	return w.store.CompiledClassHash(class)
}

func (w *witness) Class(class felt.Felt) (*state.Class, error) {
	if declared, err := known(w.declared, class); !declared {
		return nil, err
	}
	return w.store.Class(class)
}

// TestInitialReads checks that the recorded reads suffice to execute the transactions again with the same results, that every read is
// needed, and that they are values of the state before the transactions.
func TestInitialReads(t *testing.T) {
	c := newChain(t)
	c.run() // the header of block 0 has no sequencer that receives fees
	increment := func() *starknet.Invoke { return c.alice.invoke(call{c.counter, "increment", nil}) }
	carol := newAccount(t, 1003)
	definition := class(t, contracts.Fibonacci)
	hash := definition.Hash()
	declare := &starknet.Declare{
		Common: c.bob.common(), SenderAddress: c.bob.address, Class: definition, ClassHash: hash, CompiledClassHash: official()[hash].BlakeHash(),
	}
	deployment := &starknet.DeployAccount{
		Common: carol.common(), ClassHash: c.accountClass(), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
	}
	txs := []starknet.Transaction{
		increment(),
		c.alice.transfer(carol.address, 5*tokens),
		declare,
		deployment,
		carol.invoke(call{starknet.UdcAddress, "deploy_contract", []felt.Felt{hash, u(7), u(0), u(0)}}),
		c.alice.invoke(call{c.counter, "nothing", nil}), // reverts
		increment(),
	}
	signers := []*account{c.alice, c.alice, c.bob, carol, carol, c.alice, c.alice}
	var raws [][]byte
	for i, tx := range txs {
		raws = append(raws, signers[i].sign(t, tx))
	}

	// check executes the transactions again on a witness of the reads.
	check := func(name string, at starknet.At, reads *starknet.StateReads, before uint64, outcomes []*executor.Outcome, open func(*state.Overlay) error) {
		t.Helper()
		env, err := c.app.environmentAt(at)
		if err != nil {
			t.Fatal(err)
		}
		recorder := state.NewRecorder(newWitness(reads, c.app.Store().At(before)))
		overlay := state.NewOverlay(recorder)
		if err := open(overlay); err != nil {
			t.Fatal(err)
		}
		again, err := c.app.execute(t.Context(), overlay, env, txs, executor.Options{Diff: true}, func(x *executor.Executor, tx starknet.Transaction, options executor.Options) (*executor.Outcome, error) {
			return tryExecute(x, overlay, env, tx, options)
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range again {
			if d := cmp.Diff(outcomes[i].Receipt, again[i].Receipt); d != "" {
				t.Errorf("%s: transaction %d has another receipt on the witness:\n%s", name, i, d)
			}
			if d := cmp.Diff(outcomes[i].Diff, again[i].Diff); d != "" {
				t.Errorf("%s: transaction %d has another state difference on the witness:\n%s", name, i, d)
			}
		}
		if d := cmp.Diff(reads, recorder.Reads()); d != "" {
			t.Errorf("%s: not all reads are needed:\n%s", name, d)
		}
		w := newWitness(reads, nil)
		for contract, want := range map[felt.Felt]felt.Felt{c.alice.address: {}, c.bob.address: {}, carol.address: {}} {
			if got, ok := w.nonces[contract]; !ok || got != want {
				t.Errorf("%s: nonce of %v is %v, read %v, want %v", name, contract, got, ok, want)
			}
		}
		if _, ok := w.nonces[c.counter]; ok {
			t.Errorf("%s: the counter's nonce was read", name)
		}
		if got, ok := w.classes[carol.address]; !ok || !got.IsZero() {
			t.Errorf("%s: class of an account that is deployed later: %v, read %v", name, got, ok)
		}
		if declared, ok := w.declared[hash]; !ok || declared {
			t.Errorf("%s: class that is declared later: %v, read %v", name, declared, ok)
		}
		if declared, ok := w.declared[c.accountClass()]; !ok || !declared {
			t.Errorf("%s: the accounts' class: %v, read %v", name, declared, ok)
		}
		values := 0
		for slot, got := range w.storage {
			want, err := c.app.Store().At(before).StorageAt(slot.Contract, slot.Key)
			if err != nil || got != want {
				t.Errorf("%s: slot %v is %v, want %v (%v)", name, slot, got, want, err)
			}
			if slot.Contract == c.counter && got == u(10) {
				values++
			}
		}
		if values != 1 {
			t.Errorf("%s: the counter's value is read %d times", name, values)
		}
	}

	at, reads := starknet.At{Block: 1, Next: true}, new(starknet.StateReads)
	outcomes, err := c.app.Simulate(t.Context(), at, txs, executor.Options{}, reads)
	if err != nil {
		t.Fatal(err)
	}
	if !outcomes[5].Receipt.Reverted || outcomes[4].Receipt.Reverted {
		t.Fatalf("reverted: %v, %v", outcomes[4].Receipt.RevertReason, outcomes[5].Receipt.RevertReason)
	}
	check("simulation", at, reads, 1, outcomes, func(*state.Overlay) error { return nil })

	reads = new(starknet.StateReads)
	if _, err := c.app.Simulate(t.Context(), at, nil, executor.Options{}, reads); err != nil || !cmp.Equal(reads, &starknet.StateReads{}) {
		t.Errorf("reads of no transactions: %+v, %v", reads, err)
	}

	c.run(raws...)
	reads = new(starknet.StateReads)
	if outcomes, err = c.app.TraceBlock(t.Context(), 2, reads); err != nil {
		t.Fatal(err)
	}
	check("trace", starknet.At{Block: 2}, reads, 1, outcomes, func(st *state.Overlay) error { return c.app.openBlock(st, 2) })
}

// TestReadsWithoutEstimates checks that the runs of the search for an estimate do not count as reads of a simulation, and that a
// transaction's reads are recorded even if such a run made them first.
func TestReadsWithoutEstimates(t *testing.T) {
	c := newChain(t)
	at := c.declareAndDeploy(filepath.Join("testdata", "pit.contract_class.json"))
	// The first runs out of gas before it reads the counter, which its estimate reads. The second reads the counter.
	short := c.alice.invoke(call{at, "down", []felt.Felt{u(500)}}, call{c.counter, "increment", nil})
	short.ResourceBounds.L2Gas.MaxAmount = 1_000_000
	enough := c.alice.invoke(call{c.counter, "increment", nil})
	for _, tx := range []*starknet.Invoke{short, enough} {
		c.alice.sign(t, tx)
	}
	height := c.height
	for name, options := range map[string]executor.Options{"with a fee": {}, "without": {SkipFee: true}} {
		for n, txs := range map[int][]starknet.Transaction{1: {short}, 2: {short, enough}} {
			at, reads := starknet.At{Block: height, Next: true}, new(starknet.StateReads)
			outcomes, err := c.app.Simulate(t.Context(), at, txs, options, reads)
			if err != nil {
				t.Fatal(err)
			}
			env, err := c.app.environmentAt(at)
			if err != nil {
				t.Fatal(err)
			}
			options := options
			options.Diff = true
			recorder := state.NewRecorder(c.app.Store().At(height))
			st := state.NewOverlay(recorder)
			for i, tx := range txs {
				options := options
				if options.SkipFee {
					options.Bound = outcomes[i].Estimate.L2Gas
				}
				out, err := tryExecute(c.app.exec, st, env, tx, options)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(out.Receipt, outcomes[i].Receipt); d != "" {
					t.Errorf("%s: transaction %d of %d has another receipt:\n%s", name, i, n, d)
				}
			}
			if d := cmp.Diff(recorder.Reads(), reads); d != "" {
				t.Errorf("%s: %d transactions executed once read other values (-) than the simulation reports (+):\n%s", name, n, d)
			}
			if reverted := outcomes[0].Receipt.Reverted; reverted == options.SkipFee {
				t.Errorf("%s: the first transaction reverted: %v", name, reverted)
			}
		}
	}
}

// TestUndeployedSender checks that a simulation rejects a transaction whose sender is not deployed, unless an earlier transaction deploys
// it.
func TestUndeployedSender(t *testing.T) {
	c := newChain(t)
	carol := newAccount(t, 1003)
	fund := c.alice.transfer(carol.address, 5*tokens)
	deployment := &starknet.DeployAccount{
		Common: carol.common(), ClassHash: c.accountClass(), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
	}
	use := carol.transfer(c.bob.address, 1)
	at, options := starknet.At{Next: true}, executor.Options{SkipFee: true, SkipValidate: true}
	if _, err := c.app.Simulate(t.Context(), at, []starknet.Transaction{fund, deployment, use}, options, nil); err != nil {
		t.Error(err)
	}
	_, err := c.app.Simulate(t.Context(), at, []starknet.Transaction{fund, use}, options, nil)
	failed, ok := errors.AsType[*SimulationError](err)
	if r, isRejection := errors.AsType[*executor.Rejection](err); !ok || failed.Index != 1 || !isRejection || r.Reason != executor.ContractNotFound {
		t.Errorf("%v, want transaction 1 with reason %d", err, executor.ContractNotFound)
	}
}

// TestNoAccount checks that a contract without __validate__ cannot send transactions, and that a DEPLOY_ACCOUNT of such a class or of an
// undeclared class is rejected.
func TestNoAccount(t *testing.T) {
	c := newChain(t)
	counter := &account{private: u(1), address: c.counter}
	token := &starknet.DeployAccount{Common: (&account{}).common(), ClassHash: classHash(t, contracts.Counter), ConstructorCalldata: []felt.Felt{u(1)}}
	nothing := &starknet.DeployAccount{Common: (&account{}).common(), ClassHash: u(0xabc)}
	c.run(c.alice.sign(t, c.alice.invoke(
		call{starknet.StrkAddress, "transfer", []felt.Felt{c.counter, felt.FromUint64(50 * tokens / 10), {}}},
		call{starknet.StrkAddress, "transfer", []felt.Felt{token.Sender(), felt.FromUint64(50 * tokens / 10), {}}},
		call{starknet.StrkAddress, "transfer", []felt.Felt{nothing.Sender(), felt.FromUint64(50 * tokens / 10), {}}},
	)))
	c.rejects("sender without __validate__", executor.NonAccount, "ENTRYPOINT_NOT_FOUND", counter.sign(t, counter.transfer(c.alice.address, 1)))
	counter.nonce = 0
	definition := class(t, contracts.Fibonacci)
	hash := definition.Hash()
	c.rejects("declaring without __validate__", executor.NonAccount, "ENTRYPOINT_NOT_FOUND", counter.sign(t, &starknet.Declare{
		Common: counter.common(), SenderAddress: c.counter, Class: definition, ClassHash: hash, CompiledClassHash: official()[hash].BlakeHash(),
	}))
	c.rejects("account without __validate__", executor.NonAccount, "ENTRYPOINT_NOT_FOUND", counter.sign(t, token))
	c.rejects("account of no class", executor.ClassHashNotFound, "is not declared", counter.sign(t, nothing))
	bad := c.alice.transfer(c.bob.address, 1)
	c.alice.sign(t, bad)
	bad.Signature[1] = u(5)
	raw, err := starknet.MarshalTransaction(bad)
	if err != nil {
		t.Fatal(err)
	}
	c.rejects("account whose __validate__ panics", executor.ValidationFailure, "", raw)
}

// TestPoolBound checks that at the bound the oldest transaction is evicted from the index, with everything that is counted for it.
func TestPoolBound(t *testing.T) {
	var p pool
	p.reset()
	deploy := &starknet.DeployAccount{}
	p.add(deploy, []byte{1}, u(0), 1)
	for i := range uint64(maxPool) {
		p.add(&starknet.Invoke{Common: starknet.Common{Nonce: u(i + 1)}}, []byte{1, 2}, u(i+1), 1)
	}
	if _, ok := p.get(u(0)); ok || p.deploys(deploy.Sender()) {
		t.Error("the oldest transaction is still there")
	}
	for _, n := range []uint64{1, maxPool} {
		if raw, ok := p.get(u(n)); !ok || raw == nil {
			t.Errorf("transaction %d is gone", n)
		}
	}
	if p.byHash.Len() != maxPool || p.raws.Len() != maxPool || p.bytes != 2*maxPool || len(p.nonces) != maxPool {
		t.Errorf("%d transactions, %d with bytes, %d bytes, %d nonces, at most %d", p.byHash.Len(), p.raws.Len(), p.bytes, len(p.nonces), maxPool)
	}
}

// TestPoolBytes checks that the kept bytes of waiting transactions are bounded, and that beyond the bound it is still known which
// transactions wait.
func TestPoolBytes(t *testing.T) {
	var p pool
	p.reset()
	half := make([]byte, maxPoolBytes/2)
	add := func(nonce uint64) {
		p.add(&starknet.Invoke{Common: starknet.Common{Nonce: u(nonce)}}, half, u(nonce), 1)
	}
	has := func(want map[uint64]bool) {
		t.Helper()
		for nonce, bytes := range want {
			if raw, ok := p.get(u(nonce)); !ok || (raw != nil) != bytes {
				t.Errorf("transaction %d: %d bytes, waits %v, want bytes %v", nonce, len(raw), ok, bytes)
			}
		}
	}
	add(1)
	add(2)
	has(map[uint64]bool{1: true, 2: true})
	add(3)
	has(map[uint64]bool{1: false, 2: true, 3: true})
	for nonce := range uint64(4) {
		p.drop(u(nonce))
	}
	if p.bytes != 0 || p.byHash.Len() != 0 || p.raws.Len() != 0 {
		t.Errorf("an empty pool has %d bytes", p.bytes)
	}
}
