package app

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

// The chain of these tests runs the contracts of package contracts on the engine that STARKD_ENGINE names.

const (
	testChain = "STARKD_TEST"
	testTime  = 1_700_000_000
)

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

// class returns the class of a contract of package contracts. The caller must not modify it.
func class(t testing.TB, name string) *starknet.ContractClass {
	t.Helper()
	return loaded()[name].class
}

// classHash returns the class hash of a contract of package contracts.
func classHash(t testing.TB, name string) felt.Felt {
	t.Helper()
	return loaded()[name].hash
}

type loadedClass struct {
	class *starknet.ContractClass
	hash  felt.Felt
}

var loaded = sync.OnceValue(func() map[string]loadedClass {
	out := map[string]loadedClass{}
	for _, name := range contracts.Names() {
		b, err := contracts.ClassJSON(name)
		if err != nil {
			panic(err)
		}
		c := &starknet.ContractClass{}
		if err := json.Unmarshal(b, c); err != nil {
			panic(err)
		}
		out[name] = loadedClass{c, c.Hash()}
	}
	return out
})

// compile compiles a class for the chain, each class once for all tests.
func compile(c *starknet.ContractClass, p *sierra.Program) (*casm.Class, error) {
	for _, l := range loaded() {
		if slices.Equal(l.class.SierraProgram, c.SierraProgram) {
			code, _ := compiled.LoadOrStore(l.class, sync.OnceValues(func() (*casm.Class, error) { return executor.CompileClass(c, p) }))
			return code.(func() (*casm.Class, error))()
		}
	}
	return executor.CompileClass(c, p)
}

var compiled sync.Map

// official returns the official compiler's CASM of the contracts of package contracts, by class hash.
var official = sync.OnceValue(func() map[felt.Felt]*casm.Class {
	out := map[felt.Felt]*casm.Class{}
	for name, l := range loaded() {
		b, err := os.ReadFile(filepath.Join("..", "contracts", "testdata", name+".compiled_contract_class.json"))
		if err != nil {
			panic(err)
		}
		if out[l.hash], err = casm.DecodeClass(b); err != nil {
			panic(err)
		}
	}
	return out
})

// account is an account contract with its key.
type account struct {
	private felt.Felt
	address felt.Felt
	nonce   uint64
}

func newAccount(t testing.TB, private uint64) *account {
	a := &account{private: u(private)}
	a.address = starknet.ContractAddress(felt.Zero, u(private), classHash(t, contracts.Account), []felt.Felt{a.public()})
	return a
}

func (a *account) public() felt.Felt {
	p, err := starkcurve.PublicKey(a.private)
	if err != nil {
		panic(err)
	}
	return p
}

// bounds returns resource bounds that suffice for every transaction of these tests.
func bounds() starknet.ResourceBounds {
	return starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 2_000_000_000, MaxPricePerUnit: starknet.NewUint128(2 * defaultPrice)}}
}

// common returns the common fields of a transaction with the account's next nonce.
func (a *account) common() starknet.Common {
	a.nonce++
	return starknet.Common{Nonce: u(a.nonce - 1), ResourceBounds: bounds()}
}

// signFor returns the signature of a transaction on a chain.
func signFor(a *account, tx starknet.Transaction, chain string) []felt.Felt {
	r, s, err := starkcurve.Sign(a.private, tx.Hash(felt.FromShortString(chain)))
	if err != nil {
		panic(err)
	}
	return []felt.Felt{r, s}
}

// sign signs a transaction and encodes it.
func (a *account) sign(t testing.TB, tx starknet.Transaction) []byte {
	t.Helper()
	tx.Fields().Signature = signFor(a, tx, testChain)
	b, err := starknet.MarshalTransaction(tx)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call is one call of an __execute__.
type call struct {
	to       felt.Felt
	name     string
	calldata []felt.Felt
}

// invoke returns an unsigned INVOKE with calls.
func (a *account) invoke(calls ...call) *starknet.Invoke {
	tx := &starknet.Invoke{Common: a.common(), SenderAddress: a.address}
	tx.Calldata = []felt.Felt{u(uint64(len(calls)))}
	for _, c := range calls {
		tx.Calldata = append(tx.Calldata, c.to, executor.Selector(c.name), u(uint64(len(c.calldata))))
		tx.Calldata = append(tx.Calldata, c.calldata...)
	}
	return tx
}

// transfer returns an unsigned transfer of the fee token.
func (a *account) transfer(to felt.Felt, amount uint64) *starknet.Invoke {
	return a.invoke(call{starknet.StrkAddress, "transfer", []felt.Felt{to, u(amount), {}}})
}

// chain is a chain of one node.
type chain struct {
	t       testing.TB
	app     *App
	db      dbm.DB
	height  uint64
	genesis []byte
	alice   *account
	bob     *account
	counter felt.Felt
}

// tokens returns n · 10^18.
const tokens = 1_000_000_000_000_000_000

// genesisOf returns a genesis with the fee token, the deployer, two funded accounts and a counter.
func genesisOf(t testing.TB, alice, bob *account, counter felt.Felt) []byte {
	g := Genesis{
		Classes:       []*starknet.ContractClass{class(t, contracts.Account), class(t, contracts.ERC20), class(t, contracts.UniversalDeployer), class(t, contracts.Counter)},
		FeeRecipients: map[string]felt.Felt{hex.EncodeToString(proposer): u(0x5e9)},
	}
	token := []felt.Felt{felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), u(18), u(0), u(0), alice.address}
	start := []felt.Felt{u(10)}
	g.Contracts = []GenesisContract{
		{Address: starknet.StrkAddress, ClassHash: classHash(t, contracts.ERC20), Constructor: &token},
		{Address: starknet.UdcAddress, ClassHash: classHash(t, contracts.UniversalDeployer)},
		{Address: counter, ClassHash: classHash(t, contracts.Counter), Constructor: &start},
	}
	for _, a := range []*account{alice, bob} {
		key := []felt.Felt{a.public()}
		g.Contracts = append(g.Contracts, GenesisContract{Address: a.address, ClassHash: classHash(t, contracts.Account), Constructor: &key})
		amount, _ := starknet.NewUint128(tokens).Mul64(1000)
		g.Balances = append(g.Balances, GenesisBalance{a.address, amount})
	}
	b, err := json.Marshal(&g)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var proposer = []byte("twenty bytes address")

func newChain(t testing.TB) *chain { return newChainOn(t, dbm.NewMemDB()) }

func newChainOn(t testing.TB, db dbm.DB) *chain {
	t.Helper()
	c := &chain{t: t, db: db, alice: newAccount(t, 1001), bob: newAccount(t, 1002), counter: u(0xc0)}
	c.genesis = genesisOf(t, c.alice, c.bob, c.counter)
	c.open()
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis); err != nil {
		t.Fatal(err)
	}
	return c
}

// open starts the node, or starts it again, on its database.
func (c *chain) open() {
	c.t.Helper()
	store, err := state.Open(c.db)
	if err != nil {
		c.t.Fatal(err)
	}
	engine := engines.New(c.t)
	if c.app, err = New(store, engine, compile, Config{}); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.app.Close)
	c.height, _ = c.app.Info()
}

// next returns the next block, with transactions.
func (c *chain) next(txs ...[]byte) *Block {
	return &Block{Height: c.height + 1, Timestamp: testTime + 5*(c.height+1), Proposer: proposer, Txs: txs}
}

// run makes a block of transactions, none of which may be rejected, and returns their receipts.
func (c *chain) run(txs ...[]byte) []starknet.Receipt {
	c.t.Helper()
	b := c.next(txs...)
	if err := c.app.Process(b); err != nil {
		c.t.Fatal(err)
	}
	if got, ok := c.app.runs.Peek(b.id()); ok && c.app.config.Parallel > 1 && len(txs) > 1 {
		sameRun(c.t, got, c.alone(b))
	}
	f, err := c.app.Finalize(b)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.app.Commit(); err != nil {
		c.t.Fatal(err)
	}
	c.height++
	block, ok, err := c.app.Store().Block(c.height)
	if err != nil || !ok {
		c.t.Fatal(ok, err)
	}
	if len(block.Receipts) != len(txs) {
		c.t.Fatalf("%d receipts of %d transactions", len(block.Receipts), len(txs))
	}
	if block.BlockHash != f.BlockHash {
		c.t.Fatalf("block hash %v was finalized as %v", block.BlockHash, f.BlockHash)
	}
	return block.Receipts
}

// view calls a contract on the latest state.
func (c *chain) view(contract felt.Felt, name string, calldata ...felt.Felt) []felt.Felt {
	c.t.Helper()
	out, err := c.app.Call(c.t.Context(), starknet.At{Block: c.height}, contract, executor.Selector(name), calldata)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return out
}

func (c *chain) balance(of felt.Felt) felt.Felt {
	c.t.Helper()
	return c.view(starknet.StrkAddress, "balance_of", of)[0]
}

func (c *chain) count() uint64 {
	c.t.Helper()
	return c.view(c.counter, "get")[0].Uint64()
}

// rejects checks that the mempool, a validator and a proposer reject a transaction, with the given reason and detail.
func (c *chain) rejects(name string, reason executor.Reason, detail string, raw []byte) {
	c.t.Helper()
	got, err := c.app.CheckTx(raw, false)
	if err != nil || got.Code != uint32(reason) || !strings.Contains(got.Detail, detail) {
		c.t.Errorf("%s: the mempool answers %d %q (%v), want %d %q", name, got.Code, got.Detail, err, reason, detail)
	}
	err = c.app.Process(c.next(raw))
	if r, ok := errors.AsType[*executor.Rejection](err); !ok || r.Reason != reason {
		c.t.Errorf("%s: a proposal with it is answered %v, want reason %d", name, err, reason)
	}
	if txs, err := c.app.Propose(c.next(raw), 1<<20); len(txs) != 0 || err != nil {
		c.t.Errorf("%s: it is proposed (%v)", name, err)
	}
}

// sub returns a - b.
func sub(a, b felt.Felt) felt.Felt { return *new(felt.Felt).Sub(&a, &b) }
