package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet"
)

// TestOld checks the case file of our own contracts, of each of which there are two classes. One is billed in Sierra gas. The other, whose
// hash is even, runs as if it were of Sierra 1.5.0, so it is billed in VM resources, and so are its calls of the former. The files are made
// as those of TestOwn, by a judge that does the same if JUDGE_OLD is "even".
func TestOld(t *testing.T) {
	if _, err := os.Stat(filepath.Join("testdata", "old.blockifier.jsonl.gz")); err != nil && *judge == "" {
		t.Skip("no results of blockifier yet: set -judge")
	}
	const least = 150
	statuses := checkPinned(t, "old", oldCase(t))
	if n := statuses["succeeded"] + statuses["reverted"] + statuses["rejected"]; n < least || statuses["succeeded"] < least/2 || statuses["reverted"] < least/4 || statuses["rejected"] < least/50 {
		t.Errorf("%d transactions, by blockifier's status %v: want at least %d, half of them succeeding", n, statuses, least)
	}
}

// isEven reports whether a hash is even.
func isEven(hash felt.Felt) bool { b := hash.Bytes(); return b[31]&1 == 0 }

// variants are the suffixes of the names of the two classes of a contract: the one that is billed in Sierra gas, and the other.
var variants = []string{"", " as an old class"}

// The contracts of the case. Of each kind, the first is of the class that is billed in Sierra gas, the next of the other.
const (
	oldDeployers = 0x20000
	oldCounters  = 0x30000
	oldFibs      = 0x40000
	oldFactors   = 0x50000
	oldTokens    = 0x60000
)

// oldCase returns the case file of our own contracts as old classes.
func oldCase(t *testing.T) map[string]any {
	m := &caseMaker{
		t: t, random: rand.New(rand.NewPCG(13, 2026)), chain: felt.FromShortString("SN_OLD"),
		token:   felt.MustHex("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"),
		classes: map[string]*starknet.ContractClass{},
	}
	var classes []map[string]string
	for _, name := range []string{contracts.Account, contracts.ERC20, contracts.UniversalDeployer, contracts.Counter, contracts.Fibonacci, contracts.Factorial} {
		for old, variant := range variants {
			sierra := "../../../contracts/classes/" + name + ".contract_class.json"
			spaces := 0
			for ; m.classes[name+variant] == nil; spaces++ {
				class, err := (&Case{dir: "testdata"}).Class(ClassFile{Sierra: sierra, Spaces: spaces})
				m.must(err)
				if isEven(class.Hash()) == (old == 1) {
					m.classes[name+variant] = class
				}
			}
			classes = append(classes, map[string]string{
				"name": name + variant, "sierra": sierra, "casm": casmFile(name), "abi_spaces": strconv.Itoa(spaces - 1),
			})
		}
	}
	none := map[felt.Felt]felt.Felt{}
	balances := map[felt.Felt]felt.Felt{}
	states := []any{contractInit{felt.One, felt.Zero, felt.Zero, none}}
	at := func(address int, name string, storage map[felt.Felt]felt.Felt) {
		states = append(states, contractInit{felt.FromUint64(uint64(address)), m.classes[name].Hash(), felt.Zero, storage})
	}
	for i := range m.nonces {
		at(ownAccounts+i, contracts.Account+variants[i%2], map[felt.Felt]felt.Felt{keccak.Starknet([]byte("Account_public_key")): m.publicKey(i)})
		balances[executor.BalanceKey(felt.FromUint64(uint64(ownAccounts+i)))] = felt.MustHex("0x100000000000000000000000000")
	}
	for i, variant := range variants {
		at(oldDeployers+i, contracts.UniversalDeployer+variant, none)
		at(oldCounters+i, contracts.Counter+variant, none)
		at(oldFibs+i, contracts.Fibonacci+variant, none)
		at(oldFactors+i, contracts.Factorial+variant, none)
		at(oldTokens+i, contracts.ERC20+variant, none)
	}
	states = append(states, contractInit{m.token, m.classes[contracts.ERC20+variants[1]].Hash(), felt.Zero, balances})
	for i := range 16 {
		m.oldRound(i)
	}
	return map[string]any{
		"chain_id": "SN_OLD", "fee_token": m.token, "old": "even",
		"block":   BlockInfo{Number: 4242, Timestamp: 1_790_000_000, Sequencer: felt.FromUint64(0x5e9), L2GasPrice: felt.FromUint64(1_000_000_000)},
		"classes": classes, "contracts": states, "steps": m.steps,
	}
}

// oldRound adds a transaction of each kind, with random senders, versions and values.
func (m *caseMaker) oldRound(i int) {
	number := func(n uint64) uint64 { return m.random.Uint64N(n) }
	account := func() int { return m.random.IntN(len(m.nonces)) }
	one := func(base uint64) felt.Felt { return felt.FromUint64(base + number(2)) }
	other := ownAccounts + number(4)
	m.invoke("transfer", account(), limits{enough.gas, enough.price, number(1000)}, encoded(m.token, "transfer", other, number(1<<60), 0))
	m.invoke("transfer what is not there", account(), enough, encoded(one(oldTokens), "transfer", other, 1, number(2)))
	m.invoke("count others", account(), enough, encoded(one(oldCounters), "increment_other", oldCounters+number(2)), encoded(one(oldCounters), "increment"))
	m.invoke("count, fail and be caught", account(), enough, encoded(one(oldCounters), "try_decrement_other", oldCounters+number(2)))
	m.invoke("count down", account(), enough, encoded(one(oldCounters), "decrement"))
	m.invoke("store", account(), enough, encoded(one(oldFibs), "store", number(300)), encoded(one(oldCounters), "get"))
	m.invoke("run out of steps or gas", account(), limits{gas: 1_500_000 + number(6_000_000), price: enough.price}, encoded(one(oldFibs), "store", number(60_000)))
	bare := 600_000 + number(600_000) // little beyond what validation needs
	m.invoke("a bound that validation nearly uses", account(), limits{gas: bare, price: enough.price}, encoded(one(oldCounters), "increment"))
	class := []string{contracts.Counter, contracts.Fibonacci}[number(2)] + variants[number(2)]
	deploy := func(name string, hash felt.Felt, constructor ...uint64) {
		words := append(encoded(one(oldDeployers), "deploy_contract"), hash, felt.FromUint64(number(1<<40)), felt.FromUint64(number(2)), felt.FromUint64(uint64(len(constructor))))
		for _, w := range constructor {
			words = append(words, felt.FromUint64(w))
		}
		words[2] = felt.FromUint64(uint64(len(words) - 3))
		m.invoke(name, account(), enough, words)
	}
	switch i % 8 {
	case 0:
		m.add("a wrong signature", 1, m.invocation(1, enough, encoded(one(oldCounters), "increment")), "", true)
	case 1:
		m.invoke("a contract that is not deployed", account(), enough, encoded(felt.FromUint64(0x77777), "increment"))
	case 2:
		deploy("deploy an undeclared class", felt.FromUint64(number(1<<40)+1))
	case 3:
		m.invoke("an entry point that is missing", account(), enough, encoded(one(oldCounters), "multiply", number(7)))
	case 4:
		deploy("deploy with too much calldata", m.classes[class].Hash(), number(9), number(9), number(9))
	case 5:
		m.deployOldAccount(account(), number(1<<40))
	case 6:
		m.invoke("call __execute__", account(), enough, encoded(felt.FromUint64(other), "__execute__", 0))
	case 7:
		m.invoke("an address that is none", account(), enough, encoded(*new(felt.Felt).Neg(&felt.One), "increment"))
	}
	deploy("deploy by the deployer", m.classes[contracts.Counter+variants[number(2)]].Hash(), number(100))
	m.invoke("multiply", account(), enough, encoded(one(oldFactors), "store", 1+number(30)))
}

// deployOldAccount adds a DEPLOY_ACCOUNT of an old account class. Its address is funded by an earlier step.
func (m *caseMaker) deployOldAccount(account int, salt uint64) {
	m.t.Helper()
	key, class := m.publicKey(account), m.classes[contracts.Account+variants[1]].Hash()
	address := starknet.ContractAddress(felt.Zero, felt.FromUint64(salt), class, []felt.Felt{key})
	transfer := append(encoded(m.token, "transfer"), address, felt.FromUint64(1<<62), felt.Zero)
	transfer[2] = felt.FromUint64(3)
	m.invoke("fund a new account", account, enough, transfer)
	tx := common("DEPLOY_ACCOUNT", enough, 0)
	tx["class_hash"], tx["contract_address_salt"], tx["constructor_calldata"] = class, felt.FromUint64(salt), []felt.Felt{key}
	m.add("deploy an account of an old class", account, tx, "", false)
}
