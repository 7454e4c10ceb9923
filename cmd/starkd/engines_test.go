package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	coretypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// The nodes of these tests use the engine that the environment selects for the tests.
func init() {
	if os.Getenv("STARKD_APP_ENGINE") == "" && os.Getenv(engines.Variable) != "" {
		os.Setenv("STARKD_APP_ENGINE", engines.Name())
	}
}

// TestEngines runs a chain whose validators use different engines, two native and two the VM, with every kind of transaction. It checks that
// all four agree on every app hash and give the same answers about every transaction. Then the validators change engines, two of them to
// "both", and the test checks again.
func TestEngines(t *testing.T) {
	count := 60
	corpus := []string{"d_dict", "d_store", "d_loops"}
	if os.Getenv("STARKD_FULL") != "" {
		count = 500
		corpus = []string{
			"d_bounds", "d_circuit", "d_curve", "d_dict", "d_digest", "d_gas_coupon", "d_loops", "d_secp", "d_shapes", "d_signed_large",
			"d_signed_small", "d_store", "d_unsigned_large", "d_unsigned_small", "d_wide",
		}
	}
	n := newTestnet(t, 4, "--block-time", "500ms")
	m := &mix{t: t, net: n, rng: rand.New(rand.NewPCG(5, 11)), want: map[felt.Felt]outcome{}, kinds: map[string]int{}}
	m.start("native", "native", "vm", "vm")
	for i := range n.Accounts {
		m.senders = append(m.senders, &sender{Wallet: n.wallet(t, i, 0)})
	}
	m.found(corpus)
	for m.total < count {
		m.next()
	}
	m.settle()
	m.stop()

	m.start("vm", "both", "native", "both")
	for range count / 5 {
		m.next()
	}
	m.settle()
	m.stop()
	t.Logf("%d transactions, %d in blocks: %v", m.total, len(m.want), m.kinds)
}

// outcome is the expected result of a transaction.
type outcome int

const (
	either outcome = iota
	succeeds
	reverts
)

// sender is an account that counts its own nonces, so that it can have many pending transactions.
type sender struct {
	*wallet.Wallet
	nonce uint64
}

// mix sends every kind of transaction, the same in each run, and checks the results.
type mix struct {
	t       *testing.T
	net     *testnet
	engines []string // current engine of each node
	rng     *rand.Rand
	senders []*sender

	counters  []felt.Felt // the first has the value zero
	fibonacci felt.Felt
	factorial felt.Felt
	edges     felt.Felt
	others    []target
	counter   felt.Felt // class

	total   int
	kinds   map[string]int
	endless int // transactions of that kind before the nodes started
	want    map[felt.Felt]outcome
	pending []felt.Felt
	checked int64 // height up to which the nodes were compared
}

// endless is the kind of transaction that overflows the stack of native code before it is out of gas, so that native code falls back to the
// VM.
const endless = "recursion without end"

// target is a deployed class with the selectors of its functions.
type target struct {
	at        felt.Felt
	selectors []felt.Felt
}

// entry is one call of an __execute__, by selector.
type entry struct {
	to, selector felt.Felt
	calldata     []felt.Felt
}

func named(to felt.Felt, name string, calldata ...felt.Felt) entry {
	return entry{to, wallet.Selector(name), calldata}
}

func number(v uint64) felt.Felt { return felt.FromUint64(v) }

// start starts node i on the i-th engine.
func (m *mix) start(engines ...string) {
	m.t.Helper()
	m.engines, m.endless = engines, m.kinds[endless]
	for i, engine := range engines {
		m.net.startOn(m.t, i, engine)
	}
	before := m.checked
	for i := range engines {
		m.net.until(m.t, fmt.Sprintf("a block of node%d", i), func() (bool, error) { return m.net.height(m.t, i) > uint64(before), nil })
	}
}

// stop ends the nodes and checks the statistics of the engines in their logs: native code ran, and fell back only while it was being compiled
// or because of its limits.
func (m *mix) stop() {
	m.t.Helper()
	line := regexp.MustCompile(`msg="runs of Cairo[^"]*" engine=(\w+)(.*)`)
	for i, engine := range m.engines {
		before, err := os.ReadFile(m.net.nodeLog(i))
		if err != nil {
			m.t.Fatal(err)
		}
		m.net.nodes[i].stop(m.t)
		log, err := os.ReadFile(m.net.nodeLog(i))
		if err != nil {
			m.t.Fatal(err)
		}
		said := line.FindSubmatch(log[len(before):])
		if engine == "vm" {
			if said != nil {
				m.t.Errorf("node%d runs on the VM, and says %s", i, said[0])
			}
			continue
		}
		if said == nil || string(said[1]) != engine {
			m.t.Errorf("node%d runs on %s and does not say what became of its runs: %q", i, engine, said)
			continue
		}
		runs := map[string]int{}
		for _, pair := range regexp.MustCompile(`(\w+)=(\d+)`).FindAllSubmatch(said[2], -1) {
			runs[string(pair[1])], _ = strconv.Atoi(string(pair[2]))
		}
		m.t.Logf("node%d: runs %v", i, runs)
		if (runs["stack"] > 0) != (m.kinds[endless] > m.endless) {
			m.t.Errorf("node%d: %d runs were too deep, of %d without end", i, runs["stack"], m.kinds[endless]-m.endless)
		}
		if runs["native"] == 0 || runs["internal"] > 0 || runs["class"] > 0 || runs["curve"] > 0 {
			m.t.Errorf("node%d: runs %v", i, runs)
		}
	}
}

// send signs a transaction with a sender's next nonce and gives it to the next node.
func (m *mix) send(kind string, s *sender, want outcome, gas uint64, tx starknet.Transaction) {
	m.t.Helper()
	m.prepare(s, gas, tx)
	hash, err := m.net.client(m.total%4).Submit(m.t.Context(), tx)
	if err != nil {
		m.t.Fatalf("%s, transaction %d: %v", kind, m.total, err)
	}
	s.nonce++
	m.count(kind)
	m.want[hash] = want
	m.pending = append(m.pending, hash)
}

func (m *mix) count(kind string) {
	m.total++
	m.kinds[kind]++
}

// plenty is more gas than any transaction of the mix needs, except those that are meant to run out of gas.
const plenty = 400_000_000

func (m *mix) prepare(s *sender, gas uint64, tx starknet.Transaction) {
	m.t.Helper()
	fields := tx.Fields()
	fields.Nonce = number(s.nonce)
	fields.ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: gas, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
	if err := s.Sign(tx); err != nil {
		m.t.Fatal(err)
	}
}

func (s *sender) invoke(calls ...entry) *starknet.Invoke {
	tx := &starknet.Invoke{SenderAddress: s.Address, Calldata: []felt.Felt{number(uint64(len(calls)))}}
	for _, c := range calls {
		tx.Calldata = append(append(tx.Calldata, c.to, c.selector, number(uint64(len(c.calldata)))), c.calldata...)
	}
	return tx
}

// refused sends a node an invalid transaction and checks its error.
func (m *mix) refused(kind string, s *sender, want *jsonrpc.Error, change func(tx *starknet.Invoke)) {
	m.t.Helper()
	tx := s.invoke(named(m.counters[1], "increment"))
	m.prepare(s, plenty, tx)
	change(tx)
	if _, err := m.net.client(m.total%4).Submit(m.t.Context(), tx); !errors.Is(err, want) {
		m.t.Errorf("%s: %v, want %v", kind, err, want)
	}
	m.count(kind)
}

// sender returns the next account in turn.
func (m *mix) sender() *sender { return m.senders[m.total%len(m.senders)] }

// found declares the classes, deploys contracts, and makes accounts.
func (m *mix) found(corpus []string) {
	m.t.Helper()
	classes := map[string]*starknet.Declare{}
	declare := func(name string, class []byte, err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
		s := m.sender()
		tx, err := s.Declare(class)
		if err != nil {
			m.t.Fatal(err)
		}
		classes[name] = tx
		m.send("declare", s, succeeds, 4_000_000_000, tx)
	}
	for _, name := range []string{contracts.Counter, contracts.Fibonacci, contracts.Factorial} {
		class, err := contracts.ClassJSON(name)
		declare(name, class, err)
	}
	class, err := os.ReadFile(filepath.Join(golden.ModuleRoot(m.t), "cairo", "native", "testdata", "edges.contract_class.json"))
	declare("edges", class, err)
	for _, name := range corpus {
		class, err := os.ReadFile(golden.Corpus(m.t, "contracts", "sierra-casm", name+".contract_class.json"))
		declare(name, class, err)
	}
	m.settle()

	deploy := func(name string, constructor ...felt.Felt) felt.Felt {
		m.t.Helper()
		s := m.sender()
		call, at := wallet.Deploy(classes[name].ClassHash, number(uint64(m.total)), constructor...)
		m.send("deploy", s, succeeds, plenty, s.Invoke(call))
		return at
	}
	m.counter = classes[contracts.Counter].ClassHash
	for _, start := range []uint64{0, 100, 100, 100} {
		m.counters = append(m.counters, deploy(contracts.Counter, number(start)))
	}
	m.fibonacci, m.factorial, m.edges = deploy(contracts.Fibonacci), deploy(contracts.Factorial), deploy("edges")
	for _, name := range append(corpus, "edges") {
		it := target{at: m.edges}
		if name != "edges" {
			it.at = deploy(name)
		}
		for _, e := range classes[name].Class.EntryPoints.External {
			// Deep recursion is a separate kind.
			if e.Selector != wallet.Selector("recursion") && e.Selector != wallet.Selector("memory") {
				it.selectors = append(it.selectors, e.Selector)
			}
		}
		m.others = append(m.others, it)
	}
	account, err := m.net.client(0).ClassHashAt(m.t.Context(), rpc.LatestBlock, m.net.Accounts[0].Address)
	if err != nil {
		m.t.Fatal(err)
	}
	var made []*starknet.DeployAccount
	var owners []*sender
	for i := range 3 {
		key := number(uint64(7000 + i))
		public, err := starkcurve.PublicKey(key)
		if err != nil {
			m.t.Fatal(err)
		}
		tx := &starknet.DeployAccount{ClassHash: account, ContractAddressSalt: number(uint64(i)), ConstructorCalldata: []felt.Felt{public}}
		made = append(made, tx)
		owners = append(owners, &sender{Wallet: &wallet.Wallet{Chain: m.senders[0].Chain, Address: tx.Sender(), Key: key}})
		s := m.sender()
		m.send("transfer", s, succeeds, plenty, s.Invoke(wallet.Transfer(tx.Sender(), 10_000_000_000_000_000_000)))
	}
	m.settle()
	for i, tx := range made {
		m.send("deploy account", owners[i], succeeds, plenty, tx)
	}
	m.settle()
	m.senders = append(m.senders, owners...)
}

// next sends the next transaction. The kinds take turns.
func (m *mix) next() {
	m.t.Helper()
	s, small := m.sender(), func(bound uint64) felt.Felt { return number(m.rng.Uint64N(bound)) }
	counter := m.counters[1+m.rng.IntN(len(m.counters)-1)]
	invoke := func(kind string, want outcome, calls ...entry) {
		m.t.Helper()
		m.send(kind, s, want, plenty, s.invoke(calls...))
	}
	// anything calls a function of a class of the corpus with arguments that may be invalid.
	anything := func() entry {
		it := m.others[m.rng.IntN(len(m.others))]
		call := entry{to: it.at, selector: it.selectors[m.rng.IntN(len(it.selectors))]}
		for range m.rng.IntN(7) {
			call.calldata = append(call.calldata, small([]uint64{2, 4, 256, 1 << 40}[m.rng.IntN(4)]))
		}
		return call
	}
	switch turn := m.total % 20; turn {
	case 0, 1, 2:
		to := m.senders[m.rng.IntN(len(m.senders))].Address
		invoke("transfer", succeeds, named(starknet.StrkAddress, "transfer", to, small(1_000_000), felt.Zero))
	case 3:
		invoke("transfer above the balance", reverts, named(starknet.StrkAddress, "transfer", counter, felt.Zero, felt.One))
	case 4:
		invoke("increment", succeeds, named(counter, "increment"))
	case 5:
		invoke("decrement below zero", reverts, named(counter, "increment"), named(m.counters[0], "decrement"))
	case 6:
		invoke("increment of another", succeeds, named(counter, "increment_other", m.counters[3]))
	case 7:
		invoke("inner failure", succeeds, named(counter, "try_decrement_other", m.counters[0]), named(counter, "increment"))
	case 8:
		invoke("fibonacci", succeeds, named(m.fibonacci, "store", small(3000)))
	case 9:
		invoke("factorial", succeeds, named(m.factorial, "store", small(3000)))
	case 10, 11:
		invoke("corpus", either, anything())
	case 12:
		invoke("corpus, several", either, named(counter, "increment"), anything(), named(m.fibonacci, "store", small(100)))
	case 13:
		call, _ := wallet.Deploy(m.counter, number(m.rng.Uint64()), number(1))
		m.send("deploy", s, succeeds, plenty, s.Invoke(call))
	case 14:
		call, _ := wallet.Deploy(m.counter, number(1<<50), number(7)) // the same each time
		m.send("deploy again", s, either, plenty, s.Invoke(call))
	case 15:
		if m.rng.IntN(2) == 0 {
			invoke("no such function", reverts, named(counter, "increment"), named(counter, "nothing"))
		} else {
			invoke("no such contract", reverts, named(counter, "increment"), named(small(1<<40), "increment"))
		}
	case 16:
		m.send("out of gas", s, reverts, 12_000_000+m.rng.Uint64N(1_000_000), s.invoke(named(counter, "increment"), named(m.fibonacci, "store", number(3_000_000))))
	case 17:
		m.send("out of gas in a call", s, reverts, 12_000_000+m.rng.Uint64N(1_000_000), s.invoke(anything(), named(m.factorial, "store", number(3_000_000))))
	case 18:
		if m.total/20%5 == 2 {
			m.send(endless, s, reverts, 1_200_000_000, s.invoke(named(counter, "increment"), named(m.edges, "recursion", number(1<<31))))
			return
		}
		depth := small(3000)
		invoke("recursion", succeeds, named(m.edges, "recursion", depth), named(m.edges, "memory", depth))
	case 19:
		switch m.total / 20 % 3 {
		case 0:
			m.refused("signed by another", s, rpc.ErrValidationFailure, func(tx *starknet.Invoke) { tx.Signature[0] = felt.One })
		case 1:
			m.refused("a used nonce", s, rpc.ErrInvalidNonce, func(tx *starknet.Invoke) { tx.Nonce = felt.Zero })
		case 2:
			m.refused("too little gas", s, rpc.ErrInsufficientResources, func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxAmount = 1 })
		}
	}
}

// settle waits until all nodes have executed all transactions, and compares the nodes: the headers of every height, the state updates of
// blocks with transactions, and the receipts, byte for byte.
func (m *mix) settle() {
	m.t.Helper()
	n, blocks := m.net, map[uint64]bool{}
	for _, hash := range m.pending {
		var receipts [][]byte
		for i := range n.nodes {
			var raw json.RawMessage
			n.until(m.t, fmt.Sprintf("transaction %v on node%d", hash, i), func() (bool, error) {
				err := n.client(i).Do(m.t.Context(), "starknet_getTransactionReceipt", map[string]any{"transaction_hash": hash}, &raw)
				var decided struct {
					Block *uint64 `json:"block_number"`
				}
				return err == nil && json.Unmarshal(raw, &decided) == nil && decided.Block != nil, err
			})
			receipts = append(receipts, raw)
			// The finality of a block depends on the time; nothing else may differ.
			if !bytes.Equal(finality.ReplaceAll(raw, nil), finality.ReplaceAll(receipts[0], nil)) {
				m.t.Errorf("transaction %v: node%d on %s says\n%s\nnode0 on %s\n%s", hash, i, m.engines[i], raw, m.engines[0], receipts[0])
			}
		}
		receipt, block, err := n.client(0).Receipt(m.t.Context(), hash)
		if err != nil {
			m.t.Fatal(err)
		}
		if want := m.want[hash]; want == succeeds && receipt.Reverted || want == reverts && !receipt.Reverted {
			m.t.Errorf("transaction %v: reverted is %t: %s", hash, receipt.Reverted, receipt.RevertReason)
		}
		blocks[block] = true
	}
	m.pending = nil
	last := slices.Max(slices.Collect(maps.Keys(blocks)))
	for i := range n.nodes {
		// The app hash of a block is in the header of the next one.
		n.until(m.t, fmt.Sprintf("block %d of node%d", last+2, i), func() (bool, error) { return n.height(m.t, i) > last+1, nil })
	}
	for height := m.checked + 1; height <= int64(last)+1; height++ {
		var first *coretypes.ResultHeader
		for i := range n.nodes {
			got, err := n.comet(m.t, i).Header(m.t.Context(), &height)
			if err != nil {
				m.t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			h, want := got.Header, first.Header
			if !bytes.Equal(h.AppHash, want.AppHash) || !bytes.Equal(h.LastResultsHash, want.LastResultsHash) || !bytes.Equal(h.Hash(), want.Hash()) {
				m.t.Errorf("block %d: node%d on %s has app hash %X, results %X, node0 on %s %X, %X",
					height, i, m.engines[i], h.AppHash, h.LastResultsHash, m.engines[0], want.AppHash, want.LastResultsHash)
			}
		}
		m.checked = height
	}
	for block := range blocks {
		var updates [][]byte
		for i := range n.nodes {
			var raw json.RawMessage
			if err := n.client(i).Do(m.t.Context(), "starknet_getStateUpdate", map[string]any{"block_id": rpc.BlockByNumber(block)}, &raw); err != nil {
				m.t.Fatal(err)
			}
			if updates = append(updates, raw); !bytes.Equal(raw, updates[0]) {
				m.t.Errorf("block %d changes on node%d\n%s\non node0\n%s", block, i, raw, updates[0])
			}
		}
	}
	m.t.Logf("%d transactions, height %d: agreed", m.total, m.checked)
}

var finality = regexp.MustCompile(`"finality_status":"[A-Z0-9_]+"`)
