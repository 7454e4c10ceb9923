package contracts

import (
	"errors"
	"slices"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

// fixture is as much of Starknet as the contracts need: contracts at addresses, storage and events, without fees and rollback.
type fixture struct {
	t        *testing.T
	engine   cairo.Engine
	classes  map[felt.Felt]*cairo.Class // by address
	storage  map[[2]felt.Felt]felt.Felt
	events   []starknet.Event
	tx       cairo.TxInfo
	deployed []felt.Felt // for each deployment: salt, calldata, and "from zero" if that flag is set
}

func newFixture(t *testing.T) *fixture {
	engine := engines.New(t) // a fallback fails the test: the contracts need none
	return &fixture{
		t: t, engine: engine, classes: make(map[felt.Felt]*cairo.Class), storage: make(map[[2]felt.Felt]felt.Felt),
		tx: cairo.TxInfo{Version: num(3)},
	}
}

func num(v uint64) felt.Felt { return felt.FromUint64(v) }

func nums(values ...uint64) (list []felt.Felt) {
	for _, v := range values {
		list = append(list, num(v))
	}
	return list
}

func text(s string) felt.Felt     { return felt.FromShortString(s) }
func selector(s string) felt.Felt { return keccak.Starknet([]byte(s)) }

// loadClass returns a contract's class for every engine: the official compiler's CASM for the VM, our Sierra for native.
func loadClass(t *testing.T, name string) *cairo.Class {
	t.Helper()
	text, err := ClassJSON(name)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := sierra.DecodeClass(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	program, err := definition.Program()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	gas, err := compiler.GasInfo(definition)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &cairo.Class{Hash: selector(name), Sierra: program, Casm: compiledCode(t, name), Gas: func() *sierra.GasInfo { return gas }}
}

// at puts a contract at an address and runs its constructor, if it has one.
func (w *fixture) at(address uint64, name string, calldata ...felt.Felt) felt.Felt {
	w.t.Helper()
	class := loadClass(w.t, name)
	w.classes[num(address)] = class
	if len(class.Casm.EntryPoints.Constructor) > 0 {
		call := cairo.Call{Class: class, Type: cairo.Constructor, Selector: selector("constructor"), Contract: num(address), Calldata: calldata, Gas: 1e9}
		result, err := w.outermost(call)
		if err != nil || result.Failed {
			w.t.Fatalf("constructor of %s: %v, %v", name, result.Retdata, err)
		}
	}
	return num(address)
}

// outermost runs a call in its own session.
func (w *fixture) outermost(call cairo.Call) (cairo.Result, error) {
	session := w.engine.Begin()
	defer session.End()
	return session.Run(call, &frame{fixture: w, session: session, call: call})
}

// run calls an entry point on behalf of a caller.
func (w *fixture) run(caller uint64, contract felt.Felt, name string, calldata ...felt.Felt) cairo.Result {
	w.t.Helper()
	call := cairo.Call{
		Class: w.classes[contract], Selector: selector(name), Contract: contract, Caller: num(caller), Calldata: calldata, Gas: 1e9,
	}
	result, err := w.outermost(call)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return result
}

// returns checks that a call succeeds and returns want.
func (w *fixture) returns(want []felt.Felt, caller uint64, contract felt.Felt, name string, calldata ...felt.Felt) {
	w.t.Helper()
	if got := w.run(caller, contract, name, calldata...); got.Failed || !slices.Equal(got.Retdata, want) {
		w.t.Errorf("%s(%v): failed %t, %v, want %v", name, calldata, got.Failed, got.Retdata, want)
	}
}

// panics checks that a call panics with a message.
func (w *fixture) panics(want string, caller uint64, contract felt.Felt, name string, calldata ...felt.Felt) {
	w.t.Helper()
	got := w.run(caller, contract, name, calldata...)
	if !got.Failed || len(got.Retdata) == 0 || got.Retdata[0] != text(want) {
		w.t.Errorf("%s(%v): failed %t, %v, want panic %q", name, calldata, got.Failed, got.Retdata, want)
	}
}

// emitted checks the events since the last check and clears them.
func (w *fixture) emitted(want ...starknet.Event) {
	w.t.Helper()
	equal := func(a, b starknet.Event) bool {
		return a.From == b.From && slices.Equal(a.Keys, b.Keys) && slices.Equal(a.Data, b.Data)
	}
	if !slices.EqualFunc(w.events, want, equal) {
		w.t.Errorf("events %v, want %v", w.events, want)
	}
	w.events = nil
}

// frame implements the system calls of one call.
type frame struct {
	cairo.Syscalls
	*fixture
	session cairo.Session
	call    cairo.Call
}

func (f *frame) StorageRead(_ *uint64, _ uint32, key felt.Felt) (felt.Felt, error) {
	return f.storage[[2]felt.Felt{f.call.Contract, key}], nil
}

func (f *frame) StorageWrite(_ *uint64, _ uint32, key, value felt.Felt) error {
	f.storage[[2]felt.Felt{f.call.Contract, key}] = value
	return nil
}

func (f *frame) EmitEvent(_ *uint64, keys, data []felt.Felt) error {
	f.events = append(f.events, starknet.Event{From: f.call.Contract, Keys: slices.Clone(keys), Data: slices.Clone(data)})
	return nil
}

func (f *frame) GetExecutionInfo(*uint64) (*cairo.ExecutionInfo, error) {
	return &cairo.ExecutionInfo{Tx: &f.tx, Caller: f.call.Caller, Contract: f.call.Contract, Selector: f.call.Selector}, nil
}

func (f *frame) CallContract(gas *uint64, contract, entry felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	call := cairo.Call{
		Class: f.classes[contract], Selector: entry, Contract: contract, Caller: f.call.Contract, Calldata: calldata, Gas: *gas,
	}
	result, err := f.session.Run(call, &frame{fixture: f.fixture, session: f.session, call: call})
	if err != nil {
		return nil, err
	}
	*gas = result.GasLeft
	if result.Failed {
		return nil, &cairo.SyscallFailure{Data: append(result.Retdata, text("ENTRYPOINT_FAILED"))}
	}
	return result.Retdata, nil
}

func (f *frame) Deploy(_ *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	if class != text("class") {
		return felt.Zero, nil, errors.New("another class than the test's")
	}
	f.deployed = append(f.deployed, salt)
	f.deployed = append(f.deployed, calldata...)
	if fromZero {
		f.deployed = append(f.deployed, text("from zero"))
	}
	return text("address"), nil, nil
}

// TestFibonacci checks results of the fibonacci contract, returned and stored.
func TestFibonacci(t *testing.T) {
	w := newFixture(t)
	c := w.at(1, Fibonacci)
	for _, row := range [][2]uint64{{0, 0}, {1, 1}, {2, 1}, {10, 55}, {90, 2880067194370816120}} {
		w.returns(nums(row[1]), 0, c, "fib", num(row[0]))
	}
	w.returns(nil, 0, c, "store", num(20))
	w.returns(nums(6765), 0, c, "stored")
}

// TestFactorial checks results of the factorial contract, returned and stored.
func TestFactorial(t *testing.T) {
	w := newFixture(t)
	c := w.at(1, Factorial)
	for _, row := range [][2]uint64{{0, 1}, {1, 1}, {5, 120}, {20, 2432902008176640000}} {
		w.returns(nums(row[1]), 0, c, "factorial", num(row[0]))
	}
	w.returns(nil, 0, c, "store", num(6))
	w.returns(nums(720), 0, c, "stored")
}

// TestCounter checks the counter, its events, and calls between two counters, one of which fails.
func TestCounter(t *testing.T) {
	w := newFixture(t)
	a, b := w.at(1, Counter, num(5)), w.at(2, Counter, num(0))
	changed := func(counter felt.Felt, by, count uint64) starknet.Event {
		return starknet.Event{From: counter, Keys: []felt.Felt{selector("Changed"), num(by)}, Data: nums(count)}
	}
	w.returns(nums(5), 0, a, "get")
	w.returns(nil, 7, a, "increment")
	w.returns(nil, 7, a, "decrement")
	w.emitted(changed(a, 7, 6), changed(a, 7, 5))
	w.panics("Counter: below zero", 7, b, "decrement")
	w.returns(nums(1), 7, a, "increment_other", b)
	w.emitted(changed(b, 1, 1), changed(a, 7, 6))
	w.returns(nums(1), 7, a, "try_decrement_other", b)
	w.returns(nums(0), 7, a, "try_decrement_other", b)
	w.emitted(changed(b, 1, 0), changed(a, 7, 7))
}

// TestERC20 checks the token's views, transfers, allowances, events and storage layout.
func TestERC20(t *testing.T) {
	const alice, bob, carol = 0xa, 0xb, 0xc
	w := newFixture(t)
	c := w.at(1, ERC20, text("Starknet Token"), text("STRK"), num(18), num(1000), num(2), num(alice))
	event := func(name string, from, to, low, high uint64) starknet.Event {
		return starknet.Event{From: c, Keys: []felt.Felt{selector(name), num(from), num(to)}, Data: nums(low, high)}
	}
	w.emitted(event("Transfer", 0, alice, 1000, 2))
	w.returns([]felt.Felt{text("Starknet Token")}, 0, c, "name")
	w.returns([]felt.Felt{text("STRK")}, 0, c, "symbol")
	w.returns(nums(18), 0, c, "decimals")
	for _, name := range []string{"total_supply", "totalSupply"} {
		w.returns(nums(1000, 2), 0, c, name)
	}

	w.returns(nums(1), alice, c, "transfer", num(bob), num(1001), num(0)) // borrows from the high word
	w.emitted(event("Transfer", alice, bob, 1001, 0))
	w.returns([]felt.Felt{felt.FromUint128(1<<64-1, 1<<64-1), num(1)}, 0, c, "balance_of", num(alice))
	w.returns(nums(1001, 0), 0, c, "balanceOf", num(bob))
	w.panics("ERC20: insufficient balance", bob, c, "transfer", num(carol), num(1002), num(0))
	w.panics("ERC20: transfer to 0", bob, c, "transfer", num(0), num(1), num(0))
	w.returns(nums(1), bob, c, "transfer", num(bob), num(1001), num(0)) // to itself
	w.returns(nums(1001, 0), 0, c, "balance_of", num(bob))
	w.emitted(event("Transfer", bob, bob, 1001, 0))

	w.panics("ERC20: insufficient allowance", carol, c, "transfer_from", num(bob), num(carol), num(1), num(0))
	w.returns(nums(1), bob, c, "approve", num(carol), num(10), num(0))
	w.returns(nums(10, 0), 0, c, "allowance", num(bob), num(carol))
	w.returns(nums(1), carol, c, "transfer_from", num(bob), num(carol), num(4), num(0))
	w.returns(nums(1), carol, c, "transferFrom", num(bob), num(carol), num(6), num(0))
	w.returns(nums(0, 0), 0, c, "allowance", num(bob), num(carol))
	w.emitted(event("Approval", bob, carol, 10, 0), event("Approval", bob, carol, 6, 0), event("Transfer", bob, carol, 4, 0),
		event("Approval", bob, carol, 0, 0), event("Transfer", bob, carol, 6, 0))
	most := felt.FromUint128(1<<64-1, 1<<64-1)
	w.returns(nums(1), bob, c, "approve", num(carol), most, most)
	w.returns(nums(1), carol, c, "transfer_from", num(bob), num(carol), num(1), num(0))
	w.returns([]felt.Felt{most, most}, 0, c, "allowance", num(bob), num(carol)) // the maximum allowance does not decrease

	// Balances are at the storage addresses that tools expect.
	slot := pedersen.Hash(selector("ERC20_balances"), num(carol))
	if got := w.storage[[2]felt.Felt{c, slot}]; got != num(11) {
		t.Errorf("balance slot holds %v, want 11", got)
	}
}

// TestAccount checks signatures, interfaces, and which callers and versions may execute.
func TestAccount(t *testing.T) {
	key := num(12345)
	public, err := starkcurve.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	w := newFixture(t)
	c, counter := w.at(1, Account, public), w.at(2, Counter, num(0))
	w.emitted(starknet.Event{From: c, Keys: []felt.Felt{selector("OwnerAdded"), public}})
	w.returns([]felt.Felt{public}, 0, c, "get_public_key")
	if got := w.storage[[2]felt.Felt{c, selector("Account_public_key")}]; got != public {
		t.Errorf("key slot holds %v, want %v", got, public)
	}

	hash := text("transaction")
	r, s, err := starkcurve.Sign(key, hash)
	if err != nil {
		t.Fatal(err)
	}
	valid := []felt.Felt{text("VALID")}
	w.tx.Hash, w.tx.Signature = hash, []felt.Felt{r, s}
	validations := map[string][]felt.Felt{
		"__validate__":         nums(0),
		"__validate_declare__": nums(1),
		"__validate_deploy__":  {num(1), num(2), public},
	}
	for name, calldata := range validations {
		w.returns(valid, 0, c, name, calldata...)
	}
	for _, name := range []string{"is_valid_signature", "isValidSignature"} {
		w.returns(valid, 9, c, name, hash, num(2), r, s)
		w.returns(nums(0), 9, c, name, hash, num(2), s, r)
		w.returns(nums(0), 9, c, name, hash, num(1), r)
		w.returns(nums(0), 9, c, name, hash, num(2), r, felt.Zero)
	}
	for _, signature := range [][]felt.Felt{{s, r}, {r}, {r, s, s}, nil} {
		w.tx.Signature = signature
		for name, calldata := range validations {
			w.panics("Account: invalid signature", 0, c, name, calldata...)
		}
	}

	w.returns(nums(1), 0, c, "supports_interface", felt.MustHex("0x3f918d17e5ee77373b56385708f855659a07f75997f365cf87748628532a055"))
	w.returns(nums(1), 0, c, "supports_interface", felt.MustHex("0x2ceccef7f994940b3962a6c67e0ba4fcd37df7d131417c604f91e03caecc1cd"))
	w.returns(nums(0), 0, c, "supports_interface", num(1))

	calls := []felt.Felt{num(2), counter, selector("increment"), num(0), counter, selector("get"), num(0)}
	w.returns(nums(2, 0, 1, 1), 0, c, "__execute__", calls...) // results: an empty one, and [1]
	w.returns(nums(0), 0, c, "__execute__", num(0))
	w.panics("Account: invalid caller", 9, c, "__execute__", calls...)
	query := felt.FromLimbs([4]uint64{0, 0, 1, 0}) // 2^128
	for version, allowed := range map[felt.Felt]bool{
		num(0): false, num(1): true, num(3): true, query: false, *new(felt.Felt).Add(&query, &felt.One): true,
	} {
		w.tx.Version = version
		if allowed {
			w.returns(nums(0), 0, c, "__execute__", num(0))
		} else {
			w.panics("Account: invalid tx version", 0, c, "__execute__", num(0))
		}
	}
	w.tx.Version = num(3)
	w.panics("Counter: below zero", 0, c, "__execute__", num(1), w.at(3, Counter, num(0)), selector("decrement"), num(0))
}

// TestUniversalDeployer checks the arguments of deployments and their events, with both values of unique.
func TestUniversalDeployer(t *testing.T) {
	w := newFixture(t)
	c := w.at(1, UniversalDeployer)
	for _, name := range []string{"deploy_contract", "deployContract"} {
		for _, unique := range []uint64{0, 1} {
			w.deployed = nil
			w.returns([]felt.Felt{text("address")}, 9, c, name, text("class"), num(77), num(unique), num(2), num(5), num(6))
			want := []felt.Felt{num(77), num(5), num(6), text("from zero")}
			if unique == 1 {
				want = []felt.Felt{pedersen.Hash(num(9), num(77)), num(5), num(6)}
			}
			if !slices.Equal(w.deployed, want) {
				t.Errorf("%s, unique %d: deployed with %v, want %v", name, unique, w.deployed, want)
			}
			w.emitted(starknet.Event{From: c, Keys: []felt.Felt{selector("ContractDeployed")},
				Data: []felt.Felt{text("address"), num(9), num(unique), text("class"), num(2), num(5), num(6), num(77)}})
		}
	}
}
