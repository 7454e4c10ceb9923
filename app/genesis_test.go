package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

// TestGenesisFaults checks the error text of every fault of a genesis, which names the field and the allowed values.
func TestGenesisFaults(t *testing.T) {
	address, hash := `"address":"0x1234"`, classHash(t, contracts.Fibonacci).String()
	definition, err := json.Marshal(class(t, contracts.Fibonacci))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ chain, appState, want string }{
		{"", "{}", `chain id "" has 0 characters, want 1 to 31`},
		{strings.Repeat("x", 32), "{}", "has 32 characters, want 1 to 31"},
		{"caf\u00e9", "{}", "chain id"},
		{testChain, "[]", "genesis"},
		{testChain, `{"gas":1}`, `unknown object member name "gas"`},
		{testChain, `{} {}`, "after top-level value"},
		{testChain, `{"chain_id":"OTHER"}`, `chain_id "OTHER" is not the chain's`},
		{testChain, `{"fee_token":"12"}`, "0x-prefixed"},
		{testChain, `{"gas_prices":{"l2_gas":{"fri":"0x100000000000000000000000000000000"}}}`, "fri: amount"},
		{testChain, `{"gas_prices":{"l2_gas":{"fri":-1}}}`, "fri: amount"},
		{testChain, `{"gas_prices":{"l2_gas":{"gwei":1}}}`, `unknown object member name "gwei"`},
		{testChain, `{"limits":{"block_l2_gas":18446744073709551616}}`, "block_l2_gas"},
		{testChain, `{"fee_recipients":{"AB":"0x1"}}`, `fee_recipients: "AB" is not the address of a validator`},
		{testChain, `{"fee_recipients":{"` + strings.Repeat("ab", 20) + `":"0x0"}}`, "0x0 is not a contract address"},
		{testChain, `{"classes":[null]}`, "classes[0]: null"},
		{testChain, `{"classes":[` + string(definition) + `,` + string(definition) + `]}`, "classes[1]: class " + hash + " appears twice"},
		{testChain, `{"contracts":[{` + address + `,"class_hash":"0x5"}]}`, "contracts[0].class_hash: 0x5 is none of the classes"},
		{testChain, `{"contracts":[{"address":"0x1"}]}`, "contracts[0].address: 0x1 is not a contract address"},
		{testChain, `{"contracts":[{` + address + `},{` + address + `}]}`, "contracts[1].address: 0x1234 appears twice"},
		{testChain, `{"contracts":[{` + address + `,"nonce":"0x10000000000000000"}]}`, "contracts[0].nonce: 0x10000000000000000 does not fit in 64 bits"},
		{testChain, `{"contracts":[{` + address + `,"storage":{"12":"0x1"}}]}`, `contracts[0].storage: key "12"`},
		{testChain, `{"contracts":[{` + address + `,"storage":{"0x1":"0x1","0x01":"0x2"}}]}`, `contracts[0].storage: key 0x1 appears twice, once as "0x1"`},
		{testChain, `{"contracts":[{` + address + `,"storage":{"0x1":"0x1","0x1":"0x2"}}]}`, "duplicate object member name"},
		{testChain, `{"Chain_ID":"STARKD_TEST"}`, `unknown object member name "Chain_ID"`},
		{testChain, `{"chain_id":"STARKD_TEST","chain_id":"STARKD_TEST"}`, "duplicate object member name"},
		{testChain, `{"balances":[{"address":"0x1","Address":"0x2","amount":1}]}`, `unknown object member name "Address"`},
		{testChain, `{"balances":[{"address":"0x1234","amount":"1e9"}]}`, "balances: of 0x1234: amount: amount \"1e9\" is not an integer below 2^128"},
		{testChain, `{"balances":[{"address":"0x800000000000000000000000000000000000000000000000000000000000000"}]}`, "balances[0].address"},
	} {
		_, err := ParseGenesis(c.chain, []byte(c.appState))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("chain %q, app_state %.100s: %v, want %q", c.chain, c.appState, err, c.want)
		}
	}
	// Several faults are reported at once.
	_, err = ParseGenesis("", []byte(`{"contracts":[{"address":"0x1"}],"classes":[null]}`))
	for _, part := range []string{"chain id", "classes[0]", "contracts[0].address", "contracts[0].class_hash"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %s", err, part)
		}
	}
}

// TestGenesisRuns checks the errors of faults that only the execution of the genesis finds.
func TestGenesisRuns(t *testing.T) {
	definition, err := json.Marshal(class(t, contracts.Account))
	if err != nil {
		t.Fatal(err)
	}
	hash := classHash(t, contracts.Account).String()
	for appState, want := range map[string]string{
		`{"classes":[` + string(definition) + `],"contracts":[{"address":"0x1234","class_hash":"` + hash + `","constructor_calldata":[]}]}`:                                "contracts[0].constructor_calldata",
		`{"classes":[{"sierra_program":["0x1","0x2"],"contract_class_version":"0.1.0","entry_points_by_type":{"CONSTRUCTOR":[],"EXTERNAL":[],"L1_HANDLER":[]},"abi":""}]}`: "classes[0]",
	} {
		store, err := state.Open(dbm.NewMemDB())
		if err != nil {
			t.Fatal(err)
		}
		engine := engines.New(t)
		a, err := New(store, engine, nil, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.InitGenesis(testChain, testTime, []byte(appState)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("genesis %.80s: %v, want %q", appState, err, want)
		}
		if store.Head() != nil || a.Genesis() != nil {
			t.Error("a bad genesis was stored")
		}
	}
}

// TestGenesisState checks that block 0 has the state of the genesis, and that a restarted node has the same parameters.
func TestGenesisState(t *testing.T) {
	c := newChain(t)
	amount, _ := starknet.NewUint128(tokens).Mul64(1000)
	if got := c.balance(c.alice.address); got != amount.Felt() {
		t.Errorf("alice has %v, want %v", got, amount)
	}
	supply, _ := amount.Mul64(2)
	if got := c.view(starknet.StrkAddress, "total_supply"); got[0] != supply.Felt() || !got[1].IsZero() {
		t.Errorf("total supply %v, want %v", got, supply)
	}
	if got := c.count(); got != 10 {
		t.Errorf("the counter starts at %d, want 10", got)
	}
	before, root := c.app.Genesis(), c.app.store.Head().StateRoot
	again, err := c.app.InitGenesis(testChain, testTime, c.genesis)
	if err != nil || felt.FromBytesReduce(again) != root {
		t.Errorf("genesis again: %x, %v", again, err)
	}
	if _, err := c.app.InitGenesis("OTHER", testTime, c.genesis); err == nil {
		t.Error("the genesis of another chain was accepted")
	}
	c.open()
	stored := *before
	stored.Classes, stored.Contracts, stored.Balances, stored.hashes = nil, nil, nil, nil
	if d := cmp.Diff(&stored, c.app.Genesis(), cmp.AllowUnexported(Genesis{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("parameters after a restart (-want +got):\n%s", d)
	}
}

// TestParseAmount checks that amounts are decimal or hexadecimal and below 2^128.
func TestParseAmount(t *testing.T) {
	for s, want := range map[string]starknet.Uint128{
		"0": {}, "17": {Lo: 17}, "0x11": {Lo: 17}, "340282366920938463463374607431768211455": {Hi: 1<<64 - 1, Lo: 1<<64 - 1},
		"0x10000000000000000": {Hi: 1},
	} {
		if got, err := ParseAmount(s); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "0x", "-1", "+1", "1_000", "1e3", "1.5", "340282366920938463463374607431768211456", strings.Repeat("0", 100)} {
		if got, err := ParseAmount(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

// FuzzParseGenesis checks that any bytes are a genesis or an error, and that a genesis survives being written and read again.
func FuzzParseGenesis(f *testing.F) {
	f.Add("STARKD", []byte(`{"fee_token":"0x5","gas_prices":{"l2_gas":{"wei":"7","fri":9}},"limits":{"block_l2_gas":5},"balances":[{"address":"0x9","amount":"12"}]}`))
	f.Add("", []byte(`{"contracts":[{"address":"0x5","storage":{"0x1":"0x2"}}]}`))
	f.Fuzz(func(t *testing.T, chain string, b []byte) {
		g, err := ParseGenesis(chain, b)
		if err != nil {
			return
		}
		again, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseGenesis(chain, again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if d := cmp.Diff(g, h, cmp.AllowUnexported(Genesis{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzTransactionBytes checks that mempool, proposer and validator agree on whether they accept any bytes from a peer, and do not panic.
func FuzzTransactionBytes(f *testing.F) {
	c := newChain(f)
	f.Add(c.alice.sign(f, c.alice.transfer(c.bob.address, 5)))
	f.Add(c.bob.sign(f, &starknet.DeployAccount{Common: c.bob.common(), ClassHash: u(5), ConstructorCalldata: []felt.Felt{u(1)}}))
	f.Add(c.bob.sign(f, &starknet.Declare{Common: c.bob.common(), SenderAddress: c.bob.address, Class: &starknet.ContractClass{SierraProgram: []felt.Felt{u(1)}, Version: "0.1.0"}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := c.app.CheckTx(raw, false)
		if err != nil {
			t.Fatal(err)
		}
		txs, err := c.app.Propose(c.next(raw), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		bad := c.app.Process(c.next(raw))
		if (len(txs) == 1) != (bad == nil) || got.Code != 0 && bad == nil {
			t.Fatalf("mempool %+v, proposer %d, validator %v", got, len(txs), bad)
		}
	})
}

// TestCheckGenesis checks that a genesis is compared with that of the stored chain at every height.
func TestCheckGenesis(t *testing.T) {
	c := newChain(t)
	for height := range 3 {
		if err := c.app.CheckGenesis(testChain, testTime, c.genesis); err != nil {
			t.Errorf("height %d: the same: %v", height, err)
		}
		c.open() // so that the stored genesis is compared, not that of InitGenesis
		for what, err := range map[string]error{
			"chain id":     c.app.CheckGenesis("OTHER", testTime, c.genesis),
			"genesis time": c.app.CheckGenesis(testChain, testTime+1, c.genesis),
			"state":        c.app.CheckGenesis(testChain, testTime, genesisOf(t, c.alice, c.bob, u(0xc1))),
			"parameters":   c.app.CheckGenesis(testChain, testTime, bytes.Replace(c.genesis, []byte(`"block_transactions":0`), []byte(`"block_transactions":7`), 1)),
		} {
			if e, ok := errors.AsType[*GenesisError](err); !ok || e.What != what || e.Given == e.Stored {
				t.Errorf("height %d: another %s: %v", height, what, err)
			}
		}
		c.run()
	}
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis); !errors.Is(err, errOrder) {
		t.Errorf("InitGenesis at a height: %v", err)
	}
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	engine := engines.New(t)
	a, err := New(store, engine, nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CheckGenesis(testChain, testTime, c.genesis); err != nil {
		t.Errorf("no chain is stored: %v", err)
	}
}
