package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
)

// judge and prices name the program that runs a case file on blockifier, and its second argument, the official constants.
var (
	judge  = flag.String("judge", "", "with -update: program that runs a case file on blockifier")
	prices = flag.String("constants", "", "with -judge: blockifier's versioned constants, as JSON")
)

// TestOwn checks the case file of our own contracts, testdata/own.json.gz, like TestBlockifier checks those of the corpus. It needs nothing
// from outside the repository. The case and blockifier's results are made by
//
//	go test ./scripts/blockifier -run TestOwn -update -judge PROGRAM -constants FILE
func TestOwn(t *testing.T) {
	const least = 200
	statuses := checkPinned(t, "own", ownCase(t))
	if n := statuses["succeeded"] + statuses["reverted"] + statuses["rejected"]; n < least || statuses["succeeded"] < least/2 || statuses["reverted"] < least/8 || statuses["rejected"] < least/20 {
		t.Errorf("%d transactions, by blockifier's status %v: want at least %d, half of them succeeding", n, statuses, least)
	}
}

// checkPinned checks that a case is the one in testdata and has the results of blockifier there, on both engines. It returns the number of
// transactions by status.
func checkPinned(t *testing.T, name string, made map[string]any) map[string]int {
	t.Helper()
	raw, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Gzip(t, name+".json.gz", raw)
	if *judge != "" {
		golden.Gzip(t, name+".blockifier.jsonl.gz", judged(t, made))
	}
	machine := vm.NewEngine()
	code, err := native.NewEngine(machine, native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner()
	r.Engine, r.Second = code, machine
	c, err := ReadCase(filepath.Join("testdata", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Old == "even" {
		r.Old = isEven
	}
	classes, steps, err := r.Run(c)
	if err != nil {
		t.Fatal(err)
	}
	wantClasses, wantSteps, err := ReadResults(filepath.Join("testdata", name+".blockifier.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Compare(c, classes, steps, wantClasses, wantSteps) {
		t.Error(d)
	}
	statuses := map[string]int{}
	for _, s := range wantSteps {
		statuses[s.Status]++
	}
	return statuses
}

// judged returns blockifier's results for a case. Blockifier needs the ABI of a class as text, as in JSON-RPC.
func judged(t *testing.T, made map[string]any) []byte {
	dir := t.TempDir()
	var classes []map[string]string
	for _, c := range made["classes"].([]map[string]string) {
		base := "testdata"
		if filepath.IsAbs(c["sierra"]) {
			base = ""
		}
		class, err := (&Case{dir: base}).Class(ClassFile{c["name"], c["sierra"], spacesOf(c)})
		if err != nil {
			t.Fatal(err)
		}
		sierra, err := class.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, c["name"]+".json")
		if err := os.WriteFile(file, sierra, 0o644); err != nil {
			t.Fatal(err)
		}
		casm := c["casm"]
		if base != "" {
			if casm, err = filepath.Abs(filepath.Join(base, casm)); err != nil {
				t.Fatal(err)
			}
		}
		classes = append(classes, map[string]string{"name": c["name"], "sierra": file, "casm": casm})
	}
	made = maps.Clone(made)
	made["classes"] = classes
	for _, step := range made["steps"].([]map[string]any) {
		if casm, ok := step["casm"].(string); ok {
			path, err := filepath.Abs(filepath.Join("testdata", casm))
			if err != nil {
				t.Fatal(err)
			}
			step["casm"] = path
		}
	}
	raw, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "own.json")
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(*judge, *prices, file)
	if old, ok := made["old"].(string); ok {
		cmd.Env = append(os.Environ(), "JUDGE_OLD="+old)
	}
	results, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", *judge, err)
	}
	return took.ReplaceAll(results, []byte(`"ms":0`))
}

// spacesOf returns the number of spaces of a class of a case.
func spacesOf(class map[string]string) int {
	n, _ := strconv.Atoi(class["abi_spaces"])
	return n
}

// took matches the time that blockifier took for a step.
var took = regexp.MustCompile(`"ms":[0-9]+`)

// The account addresses and other contracts of the case.
const (
	ownAccounts = 0x10000 // the first account
	ownDeployer = 0x20000
	ownCounter  = 0x30000 // two counters
	ownFib      = 0x40000
	ownFactor   = 0x50000
)

// caseMaker makes the steps of a case.
type caseMaker struct {
	t       *testing.T
	random  *rand.Rand
	chain   felt.Felt
	token   felt.Felt
	nonces  [4]uint64
	classes map[string]*starknet.ContractClass
	steps   []map[string]any
}

// privateKey returns the private key of an account.
func privateKey(account int) felt.Felt { return felt.FromUint64(uint64(1000 + 7*account)) }

func (m *caseMaker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// publicKey returns the public key of an account.
func (m *caseMaker) publicKey(account int) felt.Felt {
	key, err := starkcurve.PublicKey(privateKey(account))
	m.must(err)
	return key
}

// encoded encodes a call for __execute__.
func encoded(to felt.Felt, name string, calldata ...uint64) []felt.Felt {
	words := []felt.Felt{to, keccak.Starknet([]byte(name)), felt.FromUint64(uint64(len(calldata)))}
	for _, w := range calldata {
		words = append(words, felt.FromUint64(w))
	}
	return words
}

// limits are bounds and tip of a transaction.
type limits struct{ gas, price, tip uint64 }

var enough = limits{gas: 400_000_000, price: 2_000_000_000}

// common returns the JSON of the fields that every transaction has.
func common(kind string, l limits, nonce uint64) map[string]any {
	hex := func(n uint64) string { return fmt.Sprintf("%#x", n) }
	bound := func(amount, price uint64) map[string]string {
		return map[string]string{"max_amount": hex(amount), "max_price_per_unit": hex(price)}
	}
	return map[string]any{
		"type": kind, "version": "0x3", "nonce": hex(nonce), "tip": hex(l.tip), "paymaster_data": []string{},
		"nonce_data_availability_mode": "L1", "fee_data_availability_mode": "L1",
		"resource_bounds": map[string]any{"l1_gas": bound(1<<40, 0), "l1_data_gas": bound(1<<40, 0), "l2_gas": bound(l.gas, l.price)},
	}
}

// add signs a transaction with an account's key and adds it as a step. broken spoils the signature.
func (m *caseMaker) add(name string, account int, tx map[string]any, casm string, broken bool) {
	m.t.Helper()
	tx["signature"] = []felt.Felt{}
	raw, err := json.Marshal(tx)
	m.must(err)
	var decoded broadcast
	m.must(json.Unmarshal(raw, &decoded))
	hash := decoded.Hash(m.chain)
	r, s, err := starkcurve.Sign(privateKey(account), hash)
	m.must(err)
	if broken {
		r.Add(&r, &felt.One)
	}
	tx["signature"] = []felt.Felt{r, s}
	step := map[string]any{"name": name, "category": "own", "tx": tx}
	if casm != "" {
		step["casm"] = casm
	}
	m.steps = append(m.steps, step)
}

// invoke adds an INVOKE of an account with calls.
func (m *caseMaker) invoke(name string, account int, l limits, calls ...[]felt.Felt) {
	m.t.Helper()
	m.add(name, account, m.invocation(account, l, calls...), "", false)
	m.nonces[account]++
}

func (m *caseMaker) invocation(account int, l limits, calls ...[]felt.Felt) map[string]any {
	words := []felt.Felt{felt.FromUint64(uint64(len(calls)))}
	for _, c := range calls {
		words = append(words, c...)
	}
	tx := common("INVOKE", l, m.nonces[account])
	tx["sender_address"], tx["calldata"], tx["account_deployment_data"] = felt.FromUint64(uint64(ownAccounts+account)), words, []string{}
	return tx
}

// declare adds a DECLARE of a class.
func (m *caseMaker) declare(account int, class string) {
	m.t.Helper()
	raw, err := m.classes[class].MarshalJSON()
	m.must(err)
	compiled, err := executor.NewClasses(nil).Compile(m.classes[class].Hash(), m.classes[class])
	m.must(err)
	tx := common("DECLARE", enough, m.nonces[account])
	tx["sender_address"], tx["account_deployment_data"] = felt.FromUint64(uint64(ownAccounts+account)), []string{}
	tx["contract_class"], tx["compiled_class_hash"] = json.RawMessage(raw), compiled.CompiledHash
	m.add("declare "+class, account, tx, casmFile(class), false)
	m.nonces[account]++
}

// deployAccount adds a DEPLOY_ACCOUNT with the key of an account of the case. Its address is funded by an earlier step.
func (m *caseMaker) deployAccount(account int, salt uint64) {
	m.t.Helper()
	key, class := m.publicKey(account), m.classes[contracts.Account].Hash()
	address := starknet.ContractAddress(felt.Zero, felt.FromUint64(salt), class, []felt.Felt{key})
	transfer := append(encoded(m.token, "transfer"), address, felt.FromUint64(1<<62), felt.Zero)
	transfer[2] = felt.FromUint64(3)
	m.invoke("fund a new account", account, enough, transfer)
	tx := common("DEPLOY_ACCOUNT", enough, 0)
	tx["class_hash"], tx["contract_address_salt"], tx["constructor_calldata"] = class, felt.FromUint64(salt), []felt.Felt{key}
	m.add("deploy an account", account, tx, "", false)
}

// casmFile returns the path of a class that the official compiler compiled, relative to testdata.
func casmFile(class string) string {
	return "../../../contracts/testdata/" + class + ".compiled_contract_class.json"
}

// ownCase returns the case file of our own contracts.
func ownCase(t *testing.T) map[string]any {
	m := &caseMaker{
		t: t, random: rand.New(rand.NewPCG(10, 2026)), chain: felt.FromShortString("SN_OWN"),
		token:   felt.MustHex("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"),
		classes: map[string]*starknet.ContractClass{},
	}
	var classes []map[string]string
	declared := []string{contracts.Account, contracts.ERC20, contracts.UniversalDeployer, contracts.Counter, contracts.Fibonacci}
	for _, name := range append(declared, contracts.Factorial) {
		raw, err := contracts.ClassJSON(name)
		m.must(err)
		m.classes[name] = new(starknet.ContractClass)
		m.must(json.Unmarshal(raw, m.classes[name]))
		if name != contracts.Factorial { // it is declared by a step
			classes = append(classes, map[string]string{
				"name": name, "sierra": "../../../contracts/classes/" + name + ".contract_class.json", "casm": casmFile(name),
			})
		}
	}
	at := func(address uint64, class string, storage map[felt.Felt]felt.Felt) any {
		return contractInit{felt.FromUint64(address), m.classes[class].Hash(), felt.Zero, storage}
	}
	none := map[felt.Felt]felt.Felt{}
	balances := map[felt.Felt]felt.Felt{}
	states := []any{
		contractInit{felt.One, felt.Zero, felt.Zero, none},
		at(ownDeployer, contracts.UniversalDeployer, none), at(ownCounter, contracts.Counter, none), at(ownCounter+1, contracts.Counter, none),
		at(ownFib, contracts.Fibonacci, none),
	}
	for account := range m.nonces {
		address := uint64(ownAccounts + account)
		balances[executor.BalanceKey(felt.FromUint64(address))] = felt.MustHex("0x100000000000000000000000000")
		states = append(states, at(address, contracts.Account, map[felt.Felt]felt.Felt{keccak.Starknet([]byte("Account_public_key")): m.publicKey(account)}))
	}
	states = append(states, contractInit{m.token, m.classes[contracts.ERC20].Hash(), felt.Zero, balances})
	m.declare(3, contracts.Factorial)
	for i := range 30 {
		m.round(i)
	}
	return map[string]any{
		"chain_id": "SN_OWN", "fee_token": m.token,
		"block":   BlockInfo{Number: 4242, Timestamp: 1_790_000_000, Sequencer: felt.FromUint64(0x5e9), L2GasPrice: felt.FromUint64(1_000_000_000)},
		"classes": classes, "contracts": states, "steps": m.steps,
	}
}

// contractInit is ContractInit as a case file has it.
type contractInit struct {
	Address   felt.Felt               `json:"address"`
	ClassHash felt.Felt               `json:"class_hash"`
	Nonce     felt.Felt               `json:"nonce"`
	Storage   map[felt.Felt]felt.Felt `json:"storage"`
}

// round adds a transaction of each kind, with random senders and values.
func (m *caseMaker) round(i int) {
	number := func(n uint64) uint64 { return m.random.Uint64N(n) }
	account := func() int { return m.random.IntN(len(m.nonces)) }
	other := ownAccounts + number(4)
	counter := felt.FromUint64(ownCounter + number(2))
	fib := felt.FromUint64(ownFib)
	m.invoke("transfer", account(), limits{enough.gas, enough.price, number(1000)}, encoded(m.token, "transfer", other, number(1<<60), 0))
	m.invoke("transfer more than there is", account(), enough, encoded(m.token, "transfer", other, number(1<<60), 1<<60))
	m.invoke("count, fail and be caught", account(), enough, encoded(counter, "increment"), encoded(counter, "try_decrement_other", ownCounter+number(2)))
	m.invoke("count down", account(), enough, encoded(counter, "decrement"))
	m.invoke("two calls", account(), enough, encoded(m.token, "approve", other, number(1<<50), 0), encoded(fib, "store", number(300)))
	spender := account()
	m.invoke("spend an allowance", spender, enough, encoded(m.token, "transfer_from", ownAccounts+number(4), other, number(1<<52), 0))
	m.invoke("run out of gas", account(), limits{gas: 2_000_000 + number(4_000_000), price: enough.price}, encoded(fib, "store", number(40_000)))
	switch i % 6 {
	case 0:
		m.add("a wrong signature", 1, m.invocation(1, enough, encoded(counter, "increment")), "", true)
	case 1:
		tx := m.invocation(2, enough, encoded(counter, "increment"))
		tx["nonce"] = fmt.Sprintf("%#x", m.nonces[2]+1+number(9))
		m.add("a nonce ahead", 2, tx, "", false)
	case 2:
		m.add("a price below the block's", 0, m.invocation(0, limits{gas: enough.gas, price: number(1_000_000_000)}, encoded(counter, "increment")), "", false)
	case 3:
		m.invoke("an entry point that is missing", account(), enough, encoded(counter, "multiply", number(7)))
	case 4:
		class := m.classes[contracts.Counter].Hash()
		words := append(encoded(felt.FromUint64(ownDeployer), "deploy_contract"), class, felt.FromUint64(number(1<<40)), felt.FromUint64(number(2)), felt.One, felt.FromUint64(number(100)))
		words[2] = felt.FromUint64(5)
		m.invoke("deploy by the deployer", account(), enough, words)
	case 5:
		m.deployAccount(account(), number(1<<40))
	}
}
