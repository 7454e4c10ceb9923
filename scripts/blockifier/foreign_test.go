package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet"
)

// TestForeign checks the classes in the folder STARKD_OLD_CLASSES, which other people compiled: X.sierra.json, and X.casm.json by the
// official compiler. It compares our compiler's output with the latter, and then runs transactions that deploy the classes and call their
// entry points with values of the types in the ABI, and compares the results with blockifier's in foreign.blockifier.jsonl.gz in that
// folder. That file is made with -update -judge, as that of TestOwn.
func TestForeign(t *testing.T) {
	dir := os.Getenv("STARKD_OLD_CLASSES")
	if dir == "" {
		t.Skip("STARKD_OLD_CLASSES is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sierra.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no classes in %s (%v)", dir, err)
	}
	made := foreignCase(t, files)
	raw, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	caseFile := filepath.Join(dir, "foreign.json")
	if err := os.WriteFile(caseFile, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	machine := vm.NewEngine()
	code, err := native.NewEngine(machine, native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner()
	r.Engine, r.Second = code, machine
	c, err := ReadCase(caseFile)
	if err != nil {
		t.Fatal(err)
	}
	classes, steps, err := r.Run(c)
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]int{}
	for _, s := range steps {
		statuses[s.Status]++
	}
	t.Logf("%d classes, transactions: %v", len(files), statuses)
	results := filepath.Join(dir, "foreign.blockifier.jsonl")
	if *judge != "" {
		if err := os.WriteFile(results, judged(t, made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantClasses, wantSteps, err := ReadResults(results)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Compare(c, classes, steps, wantClasses, wantSteps) {
		t.Error(d)
	}
}

// The addresses of the case: a contract of each class, and accounts of classes that are accounts.
const (
	foreignContracts = 0x70000
	foreignAccounts  = 0x80000
)

// foreign makes the calls of one class.
type foreign struct {
	*caseMaker
	random *rand.Rand
	types  map[string]abiEntry
	known  []felt.Felt // addresses
	hashes []felt.Felt // class hashes
}

type abiEntry struct {
	Type     string     `json:"type"`
	Name     string     `json:"name"`
	Inputs   []abiField `json:"inputs"`
	Items    []abiEntry `json:"items"`
	Members  []abiField `json:"members"`
	Variants []abiField `json:"variants"`
}

type abiField struct{ Name, Type string }

// foreignCase returns the case file of foreign classes.
func foreignCase(t *testing.T, files []string) map[string]any {
	m := &caseMaker{
		t: t, random: rand.New(rand.NewPCG(14, 2026)), chain: felt.FromShortString("SN_FOREIGN"),
		token:   felt.MustHex("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"),
		classes: map[string]*starknet.ContractClass{},
	}
	var classes []map[string]string
	for _, name := range []string{contracts.Account, contracts.ERC20, contracts.UniversalDeployer} {
		raw, err := contracts.ClassJSON(name)
		m.must(err)
		m.classes[name] = new(starknet.ContractClass)
		m.must(json.Unmarshal(raw, m.classes[name]))
		file, err := filepath.Abs("../../contracts/classes/" + name + ".contract_class.json")
		m.must(err)
		official, err := filepath.Abs(filepath.Join("testdata", casmFile(name)))
		m.must(err)
		classes = append(classes, map[string]string{"name": name, "sierra": file, "casm": official})
	}
	balances := map[felt.Felt]felt.Felt{}
	none := map[felt.Felt]felt.Felt{}
	var states []any
	for i := range m.nonces {
		address := felt.FromUint64(uint64(ownAccounts + i))
		states = append(states, contractInit{address, m.classes[contracts.Account].Hash(), felt.Zero, map[felt.Felt]felt.Felt{keccak.Starknet([]byte("Account_public_key")): m.publicKey(i)}})
		balances[executor.BalanceKey(address)] = felt.MustHex("0x100000000000000000000000000")
	}
	states = append(states, contractInit{felt.FromUint64(ownDeployer), m.classes[contracts.UniversalDeployer].Hash(), felt.Zero, none})
	f := &foreign{caseMaker: m, random: rand.New(rand.NewPCG(15, 2026))}
	seen := map[felt.Felt]bool{}
	compiled := executor.NewClasses(nil)
	var todo []func()
	for i, file := range files {
		raw, err := os.ReadFile(file)
		m.must(err)
		class := new(starknet.ContractClass)
		m.must(json.Unmarshal(raw, class))
		if seen[class.Hash()] {
			continue
		}
		seen[class.Hash()] = true
		name := strings.TrimSuffix(filepath.Base(file), ".sierra.json")
		official := strings.TrimSuffix(file, ".sierra.json") + ".casm.json"
		want, err := os.ReadFile(official)
		m.must(err)
		decoded, err := casm.DecodeClass(want)
		m.must(err)
		own, err := compiled.Compile(class.Hash(), class)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ours, err := own.Casm.MarshalJSON()
		m.must(err)
		theirs, err := decoded.MarshalJSON()
		m.must(err)
		if string(ours) != string(theirs) || own.Casm.BlakeHash() != decoded.BlakeHash() {
			t.Errorf("%s: our CASM differs from the official compiler's", name)
		}
		m.classes[name] = class
		classes = append(classes, map[string]string{"name": name, "sierra": file, "casm": official})
		address := felt.FromUint64(uint64(foreignContracts + i))
		f.known, f.hashes = append(f.known, address), append(f.hashes, class.Hash())
		states = append(states, contractInit{address, class.Hash(), felt.Zero, none})
		todo = append(todo, func() { f.class(name, class, address) })
		if strings.Contains(class.ABI, `"__execute__"`) {
			account := felt.FromUint64(uint64(foreignAccounts + i))
			owner := i % len(m.nonces)
			storage := map[felt.Felt]felt.Felt{}
			for _, variable := range []string{"Account_public_key", "public_key", "_signer"} {
				storage[keccak.Starknet([]byte(variable))] = m.publicKey(owner)
			}
			states = append(states, contractInit{account, class.Hash(), felt.Zero, storage})
			balances[executor.BalanceKey(account)] = felt.MustHex("0x100000000000000000000000000")
			todo = append(todo, func() { f.account(name, account, owner) })
		}
	}
	f.known = append(f.known, m.token, felt.Zero, felt.FromUint64(ownAccounts))
	states = append(states, contractInit{m.token, m.classes[contracts.ERC20].Hash(), felt.Zero, balances})
	for _, step := range todo {
		step()
	}
	return map[string]any{
		"chain_id": "SN_FOREIGN", "fee_token": m.token,
		"block":   BlockInfo{Number: 4242, Timestamp: 1_790_000_000, Sequencer: felt.FromUint64(0x5e9), L2GasPrice: felt.FromUint64(1_000_000_000)},
		"classes": classes, "contracts": states, "steps": m.steps,
	}
}

// account adds transactions of a foreign account whose key is that of an account of the case.
func (f *foreign) account(name string, address felt.Felt, owner int) {
	nonce := uint64(0)
	for i, calls := range [][][]felt.Felt{
		{append(encoded(f.token, "transfer"), felt.FromUint64(ownAccounts), felt.FromUint64(7), felt.Zero)},
		{encoded(f.known[f.random.IntN(len(f.known))], "get_owner"), encoded(f.token, "totalSupply")},
		{encoded(f.token, "name"), encoded(f.token, "decimals"), append(encoded(f.token, "balanceOf"), address)},
	} {
		words := []felt.Felt{felt.FromUint64(uint64(len(calls)))}
		for _, c := range calls {
			c[2] = felt.FromUint64(uint64(len(c) - 3))
			words = append(words, c...)
		}
		tx := common("INVOKE", limits{enough.gas, enough.price, uint64(i)}, nonce)
		tx["sender_address"], tx["calldata"], tx["account_deployment_data"] = address, words, []string{}
		f.add(fmt.Sprintf("%s as an account, %d", name, i), owner, tx, "", false)
		nonce++
	}
	tx := common("DEPLOY_ACCOUNT", enough, 0)
	class, salt, key := f.classes[name].Hash(), felt.FromUint64(f.random.Uint64N(1<<40)), f.publicKey(owner)
	for _, constructor := range [][]felt.Felt{{key}, {key, felt.Zero}, {felt.Zero, key, felt.One}} {
		at := starknet.ContractAddress(felt.Zero, salt, class, constructor)
		fund := append(encoded(f.token, "transfer"), at, felt.FromUint64(1<<62), felt.Zero)
		fund[2] = felt.FromUint64(3)
		f.invoke("fund "+name, owner, enough, fund)
		tx["class_hash"], tx["contract_address_salt"], tx["constructor_calldata"] = class, salt, constructor
		f.add("deploy account "+name, owner, tx, "", false)
		tx = common("DEPLOY_ACCOUNT", enough, 0)
	}
}

// class adds transactions that deploy a class, and that call its functions at an address.
func (f *foreign) class(name string, class *starknet.ContractClass, at felt.Felt) {
	var abi []abiEntry
	f.must(json.Unmarshal([]byte(class.ABI), &abi))
	f.types = map[string]abiEntry{}
	var functions []abiEntry
	var constructor abiEntry
	for _, e := range abi {
		switch e.Type {
		case "struct", "enum":
			f.types[e.Name] = e
		case "function":
			functions = append(functions, e)
		case "interface":
			functions = append(functions, e.Items...)
		case "constructor":
			constructor = e
		}
	}
	const most = 8
	f.random.Shuffle(len(functions), func(i, j int) { functions[i], functions[j] = functions[j], functions[i] })
	words := f.arguments(constructor.Inputs)
	deploy := append(encoded(felt.FromUint64(ownDeployer), "deploy_contract"), class.Hash(), felt.FromUint64(f.random.Uint64N(1<<40)), felt.Zero, felt.FromUint64(uint64(len(words))))
	deploy = append(deploy, words...)
	deploy[2] = felt.FromUint64(uint64(len(deploy) - 3))
	f.invoke("deploy "+name, f.random.IntN(len(f.nonces)), enough, deploy)
	for _, e := range functions[:min(len(functions), most)] {
		call := append([]felt.Felt{at, keccak.Starknet([]byte(e.Name)), {}}, f.arguments(e.Inputs)...)
		call[2] = felt.FromUint64(uint64(len(call) - 3))
		f.invoke(name+" "+e.Name, f.random.IntN(len(f.nonces)), enough, call)
	}
}

func (f *foreign) arguments(fields []abiField) (words []felt.Felt) {
	for _, in := range fields {
		words = append(words, f.value(in.Type, 0)...)
	}
	return words
}

var (
	genericType = regexp.MustCompile(`^(.*?)::<(.*)>$`)
	fixedArray  = regexp.MustCompile(`^\[(.*); (\d+)\]$`)
)

// value returns the felts of a random value of a type.
func (f *foreign) value(kind string, depth int) []felt.Felt {
	small := func(n uint64) []felt.Felt { return []felt.Felt{felt.FromUint64(f.random.Uint64N(n))} }
	pick := func(list []felt.Felt) []felt.Felt { return []felt.Felt{list[f.random.IntN(len(list))]} }
	switch kind {
	case "()":
		return nil
	case "core::bool":
		return small(2)
	case "core::integer::u8":
		return small(1 << 8)
	case "core::integer::u16":
		return small(1 << 16)
	case "core::integer::u32":
		return small(40)
	case "core::integer::u64", "core::integer::u128":
		return small(1 << 60)
	case "core::integer::u256":
		return append(small(1<<60), small(2)...)
	case "core::integer::u512":
		return append(append(small(1<<60), small(9)...), append(small(9), small(2)...)...)
	case "core::starknet::contract_address::ContractAddress":
		return pick(f.known)
	case "core::starknet::class_hash::ClassHash":
		return pick(f.hashes)
	case "core::byte_array::ByteArray":
		return []felt.Felt{felt.Zero, felt.FromShortString("ab"), felt.FromUint64(2)}
	}
	if e, ok := f.types[kind]; ok && depth < 6 {
		if e.Type == "struct" {
			var words []felt.Felt
			for _, m := range e.Members {
				words = append(words, f.value(m.Type, depth+1)...)
			}
			return words
		}
		i := f.random.IntN(len(e.Variants))
		return append([]felt.Felt{felt.FromUint64(uint64(i))}, f.value(e.Variants[i].Type, depth+1)...)
	}
	if g := fixedArray.FindStringSubmatch(kind); g != nil {
		n, _ := strconv.Atoi(g[2])
		var words []felt.Felt
		for range min(n, 100) {
			words = append(words, f.value(g[1], depth+1)...)
		}
		return words
	}
	if strings.HasPrefix(kind, "(") {
		var words []felt.Felt
		for _, part := range split(strings.Trim(kind, "()")) {
			words = append(words, f.value(part, depth+1)...)
		}
		return words
	}
	if g := genericType.FindStringSubmatch(kind); g != nil && (strings.HasSuffix(g[1], "Array") || strings.HasSuffix(g[1], "Span")) {
		n := f.random.IntN(4)
		words := []felt.Felt{felt.FromUint64(uint64(n))}
		for range n {
			words = append(words, f.value(g[2], depth+1)...)
		}
		return words
	}
	if f.random.IntN(3) == 0 {
		return pick(f.hashes)
	}
	return small(1 << 20)
}

// split splits the types of a tuple.
func split(list string) (parts []string) {
	depth, from := 0, 0
	for i, c := range list {
		switch c {
		case '(', '<', '[':
			depth++
		case ')', '>', ']':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(list[from:i]))
				from = i + 1
			}
		}
	}
	if last := strings.TrimSpace(list[from:]); last != "" {
		parts = append(parts, last)
	}
	return parts
}
