package statement_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// memory implements State with maps.
type memory struct {
	slots     map[state.Slot]felt.Felt
	nonces    map[felt.Felt]felt.Felt
	contracts map[felt.Felt]felt.Felt
	classes   map[felt.Felt]*state.Class
}

func (m *memory) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return m.slots[state.Slot{Contract: contract, Key: key}], nil
}
func (m *memory) NonceAt(contract felt.Felt) (felt.Felt, error) { return m.nonces[contract], nil }
func (m *memory) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return m.contracts[contract], nil
}
func (m *memory) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	if c := m.classes[class]; c != nil {
		return c.CompiledHash, nil
	}
	return felt.Zero, nil
}
func (m *memory) Class(class felt.Felt) (*state.Class, error) { return m.classes[class], nil }

func (m *memory) clone() *memory {
	return &memory{maps.Clone(m.slots), maps.Clone(m.nonces), maps.Clone(m.contracts), maps.Clone(m.classes)}
}

// chain executes transactions as a node does, on the VM engine with call traces, and keeps the data that a watcher keeps.
type chain struct {
	t        *testing.T
	format   statement.Format // of the claims
	before   *memory
	st       *state.Overlay
	executor *executor.Executor
	recorder *cairo.Tracer
	block    executor.Block
	compiled map[felt.Felt]*casm.Class // compiled classes by class hash

	account, key felt.Felt
	nonce        uint64

	// execute executes a transaction. Tests may replace it.
	execute func(st *state.Overlay, tx starknet.Transaction) (*executor.Outcome, error)

	transactions []starknet.Transaction
	receipts     []starknet.Receipt
	results      []*starknet.Result
	diffs        []*starknet.StateDiff
	validations  []statement.Validation
	recorded     []cairoos.Transaction
}

// Addresses of the contracts in the genesis state.
var (
	accountAddress = felt.FromUint64(0xacc)
	counterA       = felt.FromUint64(0xca)
	counterB       = felt.FromUint64(0xcb)
	fibonacciAt    = felt.FromUint64(0xf1b)
	probeAt        = felt.FromUint64(0x9b)
	sequencer      = felt.FromUint64(0x5e9)
)

func selector(name string) felt.Felt { return keccak.Starknet([]byte(name)) }

func n(v uint64) felt.Felt { return felt.FromUint64(v) }

// class returns the definition and the compiled class of a test contract.
func (c *chain) class(name string) (*starknet.ContractClass, *casm.Class) {
	c.t.Helper()
	root := golden.ModuleRoot(c.t)
	sierraPath := filepath.Join(root, "contracts", "classes", name+".contract_class.json")
	casmPath := filepath.Join(root, "contracts", "testdata", name+".compiled_contract_class.json")
	if name == "probe" {
		folder := filepath.Join(root, "cairo", "os", "testdata")
		sierraPath, casmPath = filepath.Join(folder, "probe.contract_class.json"), filepath.Join(folder, "probe.compiled_contract_class.json")
	}
	if name == "restless" {
		sierraPath, casmPath = filepath.Join("testdata", "restless.contract_class.json"), filepath.Join("testdata", "restless.compiled_contract_class.json")
	}
	text, err := os.ReadFile(sierraPath)
	if err != nil {
		c.t.Fatal(err)
	}
	definition := &starknet.ContractClass{}
	if err := json.Unmarshal(text, definition); err != nil {
		c.t.Fatal(err)
	}
	if text, err = os.ReadFile(casmPath); err != nil {
		c.t.Fatal(err)
	}
	code, err := casm.DecodeClass(text)
	if err != nil {
		c.t.Fatal(err)
	}
	return definition, code
}

// declared adds a class to the genesis state and returns its hash.
func (c *chain) declared(name string) felt.Felt {
	c.t.Helper()
	definition, code := c.class(name)
	text, err := code.MarshalJSON()
	if err != nil {
		c.t.Fatal(err)
	}
	hash := definition.Hash()
	c.compiled[hash] = code
	c.before.classes[hash] = &state.Class{Hash: hash, CompiledHash: code.BlakeHash(), Definition: definition, Casm: text}
	return hash
}

// both runs a test for each format.
func both(t *testing.T, test func(t *testing.T, format statement.Format)) {
	for _, format := range []statement.Format{statement.FormatStone, statement.FormatStwo} {
		t.Run(format.Layout(), func(t *testing.T) { test(t, format) })
	}
}

func newChain(t *testing.T) *chain {
	c := &chain{
		t: t, format: statement.FormatStone, account: accountAddress, key: felt.FromUint64(0x1234567),
		compiled: make(map[felt.Felt]*casm.Class),
		before: &memory{
			make(map[state.Slot]felt.Felt), make(map[felt.Felt]felt.Felt), make(map[felt.Felt]felt.Felt), make(map[felt.Felt]*state.Class),
		},
		recorder: &cairo.Tracer{Engine: vm.NewEngine()},
	}
	m := c.before
	m.contracts[starknet.StrkAddress] = c.declared("erc20")
	m.contracts[accountAddress] = c.declared("account")
	m.contracts[starknet.UdcAddress] = c.declared("universal_deployer")
	m.contracts[counterA] = c.declared("counter")
	m.contracts[counterB] = m.contracts[counterA]
	m.contracts[fibonacciAt] = c.declared("fibonacci")
	m.contracts[probeAt] = c.declared("probe")
	public, err := starkcurve.PublicKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	m.slots[state.Slot{Contract: accountAddress, Key: selector("Account_public_key")}] = public
	c.fund(accountAddress)
	m.slots[state.Slot{Contract: starknet.BlockHashAddress, Key: n(3)}] = n(0x333)
	c.executor = &executor.Executor{Engine: c.recorder, Classes: executor.NewClasses(
		func(definition *starknet.ContractClass, _ *sierra.Program) (*casm.Class, error) {
			_, code := c.class("factorial") // the only class that the tests declare
			c.compiled[definition.Hash()] = code
			return code, nil
		})}
	c.block = executor.Block{
		Number: 234, Timestamp: 1_700_000_123, Sequencer: sequencer, ChainID: felt.FromShortString("STARKD_TEST"),
		L2GasPrice: starknet.NewUint128(1_000_000_000), FeeToken: starknet.StrkAddress,
	}
	c.execute = func(st *state.Overlay, tx starknet.Transaction) (*executor.Outcome, error) {
		return c.executor.Execute(st, &c.block, tx, executor.Options{Diff: true})
	}
	return c
}

func (c *chain) fund(account felt.Felt) {
	c.before.slots[state.Slot{Contract: starknet.StrkAddress, Key: executor.BalanceKey(account)}] = felt.FromUint128(1<<20, 0)
}

func (c *chain) common(gas uint64) starknet.Common {
	return starknet.Common{
		Nonce: n(c.nonce), Tip: 5,
		ResourceBounds: starknet.ResourceBounds{
			L2Gas: starknet.ResourceBound{MaxAmount: gas, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)},
		},
	}
}

// call is a call in an account's transaction.
type call struct {
	to       felt.Felt
	name     string
	calldata []felt.Felt
}

const plenty = 400_000_000 // a gas bound that is large enough for every test

// invoke sends one transaction with the calls from the account.
func (c *chain) invoke(gas uint64, calls ...call) *starknet.Receipt {
	c.t.Helper()
	calldata := []felt.Felt{n(uint64(len(calls)))}
	for _, call := range calls {
		calldata = append(calldata, call.to, selector(call.name), n(uint64(len(call.calldata))))
		calldata = append(calldata, call.calldata...)
	}
	tx := &starknet.Invoke{Common: c.common(gas), SenderAddress: c.account, Calldata: calldata}
	return c.send(tx, &tx.Common, c.key)
}

// send signs and executes a transaction.
func (c *chain) send(tx starknet.Transaction, common *starknet.Common, key felt.Felt) *starknet.Receipt {
	c.t.Helper()
	if c.st == nil {
		c.st = state.NewOverlay(c.before)
	}
	hash := tx.Hash(c.block.ChainID)
	r, s, err := starkcurve.Sign(key, hash)
	if err != nil {
		c.t.Fatal(err)
	}
	common.Signature = []felt.Felt{r, s}
	outcome, err := c.execute(c.st, tx)
	if err != nil {
		c.t.Fatalf("%v %v: %v", tx.Type(), hash, err)
	}
	if tx.Sender() == c.account {
		c.nonce++
	}
	c.transactions = append(c.transactions, tx)
	if v := outcome.Validation; v != nil {
		left := statement.Validation{Index: len(c.receipts), Events: v.Events, Messages: v.Messages}
		for _, e := range v.Storage {
			left.Storage = append(left.Storage, statement.SlotChange(e))
		}
		if !v.ClassHash.IsZero() {
			left.Class = &v.ClassHash
		}
		c.validations = append(c.validations, left)
	}
	c.receipts, c.diffs = append(c.receipts, outcome.Receipt), append(c.diffs, outcome.Diff)
	digest, err := outcome.Diff.Digest()
	if err != nil {
		c.t.Fatal(err)
	}
	c.results = append(c.results, &starknet.Result{Receipt: outcome.Receipt, Diff: digest})
	c.recorded = append(c.recorded, cairoos.Transaction{Info: *executor.TxInfo(tx, c.block.ChainID), Reverted: outcome.Receipt.Reverted, Calls: c.recorder.Take()})
	return &outcome.Receipt
}

// statementBlock returns the block as a verifier knows it.
func (c *chain) statementBlock() *statement.Block {
	b := &statement.Block{
		ChainID: c.block.ChainID, Number: c.block.Number, Timestamp: c.block.Timestamp, Sequencer: c.block.Sequencer,
		FeeToken: c.block.FeeToken, Transactions: c.transactions, Results: c.results, Classes: c.compiled,
		Format: c.format,
	}
	if c.format == statement.FormatStone {
		b.Validations = c.validations
	}
	return b
}

// osBlock returns transactions from to to-1 as the OS takes them.
func (c *chain) osBlock(from, to int) *cairoos.Block {
	return &cairoos.Block{
		ChainID: c.block.ChainID, Number: c.block.Number, Timestamp: c.block.Timestamp, Sequencer: c.block.Sequencer, Transactions: c.recorded[from:to],
	}
}

// run executes transactions from to to-1 in the OS and returns the claim of the trace.
func (c *chain) run(from, to int) (*statement.Claim, *cairo.Trace, error) {
	trace, err := cairoos.Run([]*cairoos.Block{c.osBlock(from, to)}, cairoos.Options{Layout: c.format.Layout()})
	if err != nil {
		return nil, nil, err
	}
	claim, err := statement.ReadClaim(publicInput(trace))
	return claim, trace, err
}

// parts executes all transactions that can be proved in the OS. It returns the claims and the unproven transactions.
func (c *chain) parts(maxSteps uint64) ([]*statement.Claim, []statement.Unproven) {
	c.t.Helper()
	var claims []*statement.Claim
	excluded, err := cairoos.RunParts([]*cairoos.Block{c.osBlock(0, len(c.recorded))}, cairoos.Options{Layout: c.format.Layout(), MaxSteps: maxSteps}, func(p cairoos.Part) error {
		claim, err := statement.ReadClaim(publicInput(p.Trace))
		claims = append(claims, claim)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var unproven []statement.Unproven
	for _, e := range excluded {
		u := statement.Unproven{Index: e.Transaction}
		if cannot, ok := errors.AsType[*cairoos.UnprovableError](e.Err); ok {
			u.Reason = statement.Reason{Builtin: cannot.Builtin, Syscall: string(cannot.Syscall), Class: cannot.Class, Selector: cannot.Selector}
		} else if long, ok := errors.AsType[*cairoos.TooLongError](e.Err); ok {
			u.Reason = statement.Reason{MaxSteps: long.MaxSteps}
		}
		if u.Diff, err = c.diffs[e.Transaction].MarshalBinary(); err != nil {
			c.t.Fatal(err)
		}
		unproven = append(unproven, u)
	}
	return claims, unproven
}

func publicInput(trace *cairo.Trace) *statement.PublicInput {
	in := &statement.PublicInput{Layout: trace.Public.Layout}
	for _, s := range trace.Public.Segments {
		in.Segments = append(in.Segments, statement.Segment(s))
	}
	for _, cell := range trace.Public.Memory {
		in.Memory = append(in.Memory, statement.Cell{Address: cell.Address, Value: cell.Value})
	}
	return in
}
