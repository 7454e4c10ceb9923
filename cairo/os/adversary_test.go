package os

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// The tests in this file are those of an auditor. The prover is the enemy: he chooses what the hints write. An attack must end in a run that fails, because
// the program asserts the opposite, or in an output that the statement refuses.

// victim is a chain of two blocks with calls of every kind, which an enemy proves.
type victim struct {
	t       *testing.T
	app     *app.App
	account felt.Felt
	key     felt.Felt
	nonce   uint64
}

// Addresses of the victim's contracts.
var (
	victimAccount = felt.FromUint64(0xacc)
	victimProbe   = felt.FromUint64(0x9b)
	victimWork    = felt.FromUint64(0x3013)
)

func victimClass(t *testing.T, path ...string) *starknet.ContractClass {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{golden.ModuleRoot(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	class := new(starknet.ContractClass)
	if err := json.Unmarshal(text, class); err != nil {
		t.Fatal(err)
	}
	return class
}

func newVictim(t *testing.T) *victim {
	v := &victim{t: t, account: victimAccount, key: felt.FromUint64(4711)}
	public, err := starkcurve.PublicKey(v.key)
	if err != nil {
		t.Fatal(err)
	}
	var g app.Genesis
	deploy := func(address felt.Felt, class *starknet.ContractClass, constructor ...felt.Felt) {
		g.Classes = append(g.Classes, class)
		g.Contracts = append(g.Contracts, app.GenesisContract{Address: address, ClassHash: class.Hash(), Constructor: &constructor})
	}
	deploy(victimAccount, victimClass(t, "contracts", "classes", "account.contract_class.json"), public)
	deploy(starknet.StrkAddress, victimClass(t, "contracts", "classes", "erc20.contract_class.json"),
		felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), felt.Zero, felt.Zero, victimAccount)
	deploy(victimProbe, victimClass(t, "cairo", "os", "testdata", "probe.contract_class.json"))
	deploy(victimWork, victimClass(t, "cairo", "os", "testdata", "workload.contract_class.json"))
	funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
	g.Balances = []app.GenesisBalance{{Address: victimAccount, Amount: funds}}
	genesis, err := json.Marshal(&g)
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	if v.app, err = app.New(store, vm.NewEngine(), executor.CompileClass, app.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.app.Close)
	if _, err := v.app.InitGenesis("TEST", 1_700_000_000, genesis); err != nil {
		t.Fatal(err)
	}
	number := felt.FromUint64
	point := []felt.Felt{number(0)}
	for _, text := range []string{"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8", "3"} {
		x, _ := new(big.Int).SetString(text, 16)
		high, low := new(big.Int).DivMod(x, new(big.Int).Lsh(big.NewInt(1), 128), new(big.Int))
		point = append(point, felt.FromBigInt(low), felt.FromBigInt(high))
	}
	v.block(
		v.invoke(starknet.StrkAddress, "transfer", number(0xbe), number(1), number(0)),
		v.invoke(victimWork, "keccak", number(3)),
		v.invoke(victimWork, "sha256", number(3)),
		v.invoke(victimWork, "point", point...),
		v.invoke(victimWork, "meta", victimWork, executeSelector, number(1), number(9), number(1), number(8)),
		v.invoke(victimWork, "dictionary", number(5)),
		v.invoke(victimProbe, "survive", starknet.StrkAddress, keccak.Starknet([]byte("transfer")), number(3), number(0xbe), number(0), number(1)),
		v.invoke(victimProbe, "note_info"),
		v.invoke(starknet.StrkAddress, "balance_of", number(0xbe)),
	)
	v.block(v.invoke(starknet.StrkAddress, "transfer", number(0xbe), number(1), number(0)))
	return v
}

// invoke returns a signed INVOKE with one call.
func (v *victim) invoke(to felt.Felt, name string, calldata ...felt.Felt) []byte {
	v.t.Helper()
	tx := &starknet.Invoke{SenderAddress: v.account}
	tx.Calldata = append([]felt.Felt{felt.One, to, keccak.Starknet([]byte(name)), felt.FromUint64(uint64(len(calldata)))}, calldata...)
	tx.Nonce = felt.FromUint64(v.nonce)
	v.nonce++
	tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 400_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
	r, s, err := starkcurve.Sign(v.key, tx.Hash(felt.FromShortString("TEST")))
	if err != nil {
		v.t.Fatal(err)
	}
	tx.Signature = []felt.Felt{r, s}
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		v.t.Fatal(err)
	}
	return raw
}

func (v *victim) block(txs ...[]byte) {
	v.t.Helper()
	height, _ := v.app.Info()
	f, err := v.app.Finalize(&app.Block{Height: height + 1, Timestamp: 1_700_000_123 + height, Proposer: []byte("twenty bytes of hers"), Txs: txs})
	if err != nil {
		v.t.Fatal(err)
	}
	for i, r := range f.Results {
		if r.Err != nil || r.Code != 0 {
			v.t.Fatalf("transaction %d: %v, code %d", i, r.Err, r.Code)
		}
	}
	if err := v.app.Commit(); err != nil {
		v.t.Fatal(err)
	}
}

// scene is a fresh job of the program on the victim's blocks, before it runs, and the blocks as a verifier knows them.
type scene struct {
	t      *testing.T
	job    *job
	hints  map[string]cairo0.ProgramHint
	blocks []*statement.Block
	before []statement.State
	// forge, if not nil, answers a syscall in place of the job. It returns nil for a syscall that the job shall answer.
	forge func(s *cairo.SyscallTrace, m *machine.Machine, request machine.Addr) []machine.Value
	steps uint64
}

func (v *victim) scene() *scene {
	v.t.Helper()
	s := &scene{t: v.t, steps: 1 << 18}
	var blocks []*Block
	for height := uint64(1); height <= 2; height++ {
		trace, err := v.app.TraceCalls(v.t.Context(), height, vm.NewEngine(), 0)
		if err != nil {
			v.t.Fatal(err)
		}
		b := &Block{ChainID: trace.ChainID, Number: trace.Header.Number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer}
		known := &statement.Block{
			ChainID: b.ChainID, Number: b.Number, Timestamp: b.Timestamp, Sequencer: b.Sequencer, FeeToken: starknet.StrkAddress, Classes: map[felt.Felt]*casm.Class{},
		}
		for i := range trace.Transactions {
			tx := &trace.Transactions[i]
			digest, err := tx.Outcome.Diff.Digest()
			if err != nil {
				v.t.Fatal(err)
			}
			b.Transactions = append(b.Transactions, Transaction{Info: *tx.Info, Reverted: tx.Outcome.Receipt.Reverted, Calls: tx.Calls})
			known.Transactions = append(known.Transactions, tx.Tx)
			known.Results = append(known.Results, &starknet.Result{Receipt: tx.Outcome.Receipt, Diff: digest})
			for _, call := range tx.Calls {
				walk(call, func(e *cairo.CallTrace) { known.Classes[e.Call.Class.Hash] = e.Call.Class.Casm })
			}
		}
		blocks = append(blocks, b)
		s.blocks, s.before = append(s.blocks, known), append(s.before, v.app.Store().At(height-1))
	}
	r, err := newRunner(blocks, Options{Layout: LayoutStwo})
	if err != nil {
		v.t.Fatal(err)
	}
	for _, ref := range r.all() {
		if err := r.plan(ref); err != nil {
			v.t.Fatal(err)
		}
	}
	s.job = r.join(r.all())
	s.hints = s.job.hints()
	return s
}

// walk calls f for a call and its inner calls.
func walk(e *cairo.CallTrace, f func(*cairo.CallTrace)) {
	f(e)
	for i := range e.Syscalls {
		if inner := e.Syscalls[i].Inner; inner != nil {
			walk(inner, f)
		}
	}
}

// run runs the program with the scene's hints and returns the claim.
func (s *scene) run() (*statement.Claim, error) {
	header := s.hints["os.header"]
	s.hints["os.header"] = func(m *machine.Machine, ids *cairo0.IDs) error {
		err := header(m, ids)
		if s.forge != nil {
			s.job.run.core.Syscall = s.syscall
		}
		return err
	}
	result, err := cairo0.RunProgram(version2.program, cairo0.RunOptions{Layout: LayoutStwo, ProofMode: true, MaxSteps: s.steps, Hints: s.hints})
	if err != nil {
		return nil, err
	}
	in := &statement.PublicInput{Layout: LayoutStwo}
	for _, segment := range result.Trace.Public.Segments {
		in.Segments = append(in.Segments, statement.Segment(segment))
	}
	for _, cell := range result.Trace.Public.Memory {
		in.Memory = append(in.Memory, statement.Cell{Address: cell.Address, Value: cell.Value})
	}
	return statement.ReadClaim(in)
}

// syscall answers a syscall as the enemy does.
func (s *scene) syscall(m *machine.Machine, ptr machine.Addr) error {
	f, err := s.job.top()
	if err != nil {
		return err
	}
	n := len(f.answered)
	if n == len(f.execution.Syscalls) {
		return s.job.syscall(m, ptr)
	}
	trace := &f.execution.Syscalls[n]
	words := s.forge(trace, m, ptr.Add(2))
	if words == nil {
		return s.job.syscall(m, ptr)
	}
	f.answered = append(f.answered, answered{request: ptr.Add(2)})
	_, err = m.Memory.Load(ptr.Add(2+requestWords[trace.Selector]), append([]machine.Value{machine.UintValue(trace.GasLeft)}, words...)...)
	return err
}

// requestWords are the numbers of words of requests that the attacks answer.
var requestWords = map[cairo.Selector]int{
	cairo.StorageRead: 2, cairo.CallContract: 4, cairo.Keccak: 2, cairo.Sha256ProcessBlock: 2, cairo.GetExecutionInfo: 0,
	cairo.Secp256k1New: 4, cairo.Secp256k1Mul: 3, cairo.Secp256k1Add: 2, cairo.Secp256k1GetXy: 1, cairo.Secp256k1GetPointFromX: 3, cairo.MetaTxV0: 6,
}

// root returns call i from the protocol of transaction tx of the first block.
func (s *scene) root(tx, i int) *plannedCall { return &s.job.sections[0].transactions[tx].calls[i] }

// inner returns the first inner call of the __execute__ of a transaction of the first block.
func (s *scene) inner(tx int) *cairo.CallTrace {
	s.t.Helper()
	e := s.root(tx, 1).execution
	for i := range e.Syscalls {
		if inner := e.Syscalls[i].Inner; inner != nil {
			return inner
		}
	}
	s.t.Fatal("no inner call")
	return nil
}

// entry gives a call a class of its own with a changed entry point.
func entry(e *cairo.CallTrace, change func(*casm.EntryPoint)) {
	class, code := *e.Call.Class, *e.Call.Class.Casm
	code.EntryPoints.External = slices.Clone(code.EntryPoints.External)
	for i := range code.EntryPoints.External {
		if code.EntryPoints.External[i].Selector == e.Call.Selector {
			code.EntryPoints.External[i].Builtins = slices.Clone(code.EntryPoints.External[i].Builtins)
			change(&code.EntryPoints.External[i])
		}
	}
	class.Casm, e.Call.Class = &code, &class
}

// lax replaces the hint that ends a call by one that does not compare the number of syscalls with the trace.
func (s *scene) lax() {
	leave := s.job.leave
	s.hints["os.leave"] = func(m *machine.Machine, ids *cairo0.IDs) error {
		f, err := s.job.top()
		if err != nil {
			return err
		}
		f.answered = make([]answered, len(f.execution.Syscalls))
		return leave(m, ids)
	}
}

// second leaves only the second block, whose transaction reads nothing of its block.
func (s *scene) second() *Block {
	s.job.order = s.job.sections[1].transactions[0].order
	s.job.sections, s.blocks, s.before = s.job.sections[1:], s.blocks[1:], s.before[1:]
	classes := s.job.classes
	s.job.classes = nil
	for _, class := range classes {
		if slices.ContainsFunc(s.job.order, func(e *cairo.CallTrace) bool { return e.Call.Class.Hash == class.Hash }) {
			s.job.classes = append(s.job.classes, class)
		}
	}
	b := *s.job.sections[0].block
	s.job.sections[0].block = &b
	return &b
}

// Indices of the victim's transactions.
const (
	aTransfer = iota
	aKeccak
	aSha
	aPoint
	aMeta
	aDictionary
	aFailure
	aNote
	aBalance
)

// words writes words to a new segment and returns its start and end.
func words(m *machine.Machine, words ...uint64) (machine.Value, machine.Value) {
	start := m.Memory.AddSegment()
	for i, w := range words {
		if err := m.Memory.Insert(start.Add(i), machine.UintValue(w)); err != nil {
			panic(err)
		}
	}
	return machine.AddrValue(start), machine.AddrValue(start.Add(len(words)))
}

// TestAdversary makes one attack at a time. Each must fail, for the reason that the table gives: "run: " is an error of the run, "statement: " of
// the check of its claim.
func TestAdversary(t *testing.T) {
	v := newVictim(t)
	number := felt.FromUint64
	success, failure := machine.UintValue(0), machine.UintValue(1)
	// first answers the first syscall of a kind as answer says.
	first := func(selector cairo.Selector, answer func(m *machine.Machine, request machine.Addr) []machine.Value) func(*scene) {
		return func(s *scene) {
			done := false
			s.lax()
			s.forge = func(trace *cairo.SyscallTrace, m *machine.Machine, request machine.Addr) []machine.Value {
				if trace.Selector != selector || done {
					return nil
				}
				done = true
				return answer(m, request)
			}
		}
	}
	for _, attack := range []struct {
		name string
		make func(s *scene)
		want string
	}{
		{"nothing", func(*scene) {}, ""},

		// The header and the classes.
		{"another chain", func(s *scene) { s.second().ChainID = number(7) }, "statement: chain id is"},
		{"another program's format", func(s *scene) { w := *version2; w.name = number(1); s.job.version = &w }, "run: ASSERT_EQ instruction failed"},
		{"fewer blocks than run", func(s *scene) { s.job.sections = s.job.sections[:1] }, "statement: the claims and the unproven transactions are 0 transactions, the block has 1"},
		{"code of a class", func(s *scene) {
			i := s.job.classIndex(s.inner(aTransfer).Call.Class)
			class, code := *s.job.classes[i], *s.job.classes[i].Casm
			code.Bytecode = slices.Clone(code.Bytecode)
			code.Bytecode[code.EntryPoint(cairo.External, keccak.Starknet([]byte("approve"))).Offset] = number(1) // no call enters it
			class.Casm, s.job.classes[i] = &code, &class
		}, "statement: of the code is 0x1"},
		{"a class without the end that code needs", func(s *scene) {
			s.hints["os.class"] = func(m *machine.Machine, _ *cairo0.IDs) error {
				end := s.job.end(m)
				code := s.job.classes[len(s.job.run.code)].Casm.Bytecode
				s.job.run.code = append(s.job.run.code, codeRange{end.Offset + 2, uint64(len(code))})
				list := append([]machine.Value{machine.UintValue(1), machine.UintValue(uint64(len(code)))}, feltValues(code)...)
				return s.job.append(m, append(list, machine.UintValue(1), machine.UintValue(2))...)
			}
		}, "run: ASSERT_EQ instruction failed"},

		// The blocks and their transactions.
		{"section of another block", func(s *scene) { b := *s.job.sections[1].block; b.Number += 5; s.job.sections[1].block = &b }, "statement: which is not one of the 2 blocks"},
		{"section of a block twice", func(s *scene) {
			b := *s.job.sections[1].block
			b.Number = s.job.sections[0].block.Number
			s.job.sections[1].block = &b
		}, "statement: which is not one of the 2 blocks that are checked (1 to 2) or is out of order"},
		{"another time", func(s *scene) { s.second().Timestamp++ }, "statement: block timestamp is"},
		{"hash of another transaction", func(s *scene) {
			info := *s.job.sections[0].transactions[0].info
			info.Hash = number(5)
			s.job.sections[0].transactions[0].info = &info
		}, "statement: at this position"},
		{"another signature", func(s *scene) {
			info := *s.job.sections[0].transactions[aTransfer].info
			info.Signature = []felt.Felt{number(1), number(2)}
			s.job.sections[0].transactions[aTransfer].info = &info
			s.lax()
		}, "statement: of the transaction info is 0x1"},
		{"order of the transactions", func(s *scene) {
			list := s.job.sections[0].transactions
			list[0], list[1] = list[1], list[0]
			s.job.order = nil
			for _, section := range s.job.sections {
				for _, p := range section.transactions {
					s.job.order = append(s.job.order, p.order...)
				}
			}
		}, "statement: at this position"},
		{"outcome: reverted", func(s *scene) { s.job.sections[0].transactions[0].outcome = panicked }, "statement: __execute__ panicked: false, but the outcome says true"},
		{"outcome: aborted", func(s *scene) { s.job.sections[0].transactions[0].outcome = aborted }, "statement: the outcome says that it was aborted"},

		// The calls from the protocol.
		{"signature check skipped", func(s *scene) { s.drop(0, 0) }, "statement: __validate__: the output has a call of kind __execute__ instead"},
		{"signature check twice", func(s *scene) { s.again(0, 0) }, "statement: __execute__: the output has a call of kind signature check instead"},
		{"__execute__ skipped", func(s *scene) { s.drop(0, 1) }, "statement: __execute__: the output has a call of kind fee transfer instead"},
		{"__execute__ twice", func(s *scene) { s.again(0, 1) }, "statement: fee transfer: the output has a call of kind __execute__ instead"},
		{"fee transfer skipped", func(s *scene) { s.drop(0, 2) }, "statement: calldata for a fee transfer, but the output has no such call"},
		{"fee transfer twice", func(s *scene) { s.again(0, 2) }, "statement: 1 calls more than the transaction makes, the next of kind fee transfer"},
		{"kind of a call", func(s *scene) {
			p := s.job.sections[0].transactions[aTransfer]
			s.hints["os.call"] = func(m *machine.Machine, _ *cairo0.IDs) error {
				j := s.job
				if j.run.current != p || j.run.roots != 1 {
					return j.root(m)
				}
				j.run.roots++
				j.run.blockInfo = j.run.exact
				from, to, err := p.calldataAt(&p.calls[1])
				if err != nil {
					return err
				}
				if err := j.append(m, machine.UintValue(feeTransferCall), machine.AddrValue(j.run.calldata.Add(from)), machine.AddrValue(j.run.calldata.Add(to))); err != nil {
					return err
				}
				return j.prepare(m, &frame{execution: p.calls[1].execution, txInfo: j.run.txInfo}, true)
			}
		}, "statement: the output has a call of kind fee transfer instead"},

		// The entry of code.
		{"entry in the middle of the code", func(s *scene) {
			entry(s.inner(aNote), func(e *casm.EntryPoint) { e.Offset += 2 })
			s.lax()
		}, "run: "},
		{"entry of a function that does the same", func(s *scene) {
			e := s.inner(aBalance)
			other := e.Call.Class.Casm.EntryPoint(cairo.External, keccak.Starknet([]byte("balanceOf")))
			entry(e, func(e *casm.EntryPoint) { e.Offset = other.Offset })
			s.lax()
			s.anyGas()
		}, "statement: entry point is"},
		{"entry in another class's code", func(s *scene) {
			e := s.inner(aTransfer)
			e.Call.Class = s.inner(aNote).Call.Class
			e.Call.Selector = keccak.Starknet([]byte("note_info"))
			s.lax()
		}, "run: "},
		{"a builtin less", func(s *scene) {
			entry(s.inner(aDictionary), func(e *casm.EntryPoint) { e.Builtins = e.Builtins[1:] })
			s.sets()
		}, "run: "},
		{"a builtin more", func(s *scene) {
			entry(s.inner(aTransfer), func(e *casm.EntryPoint) {
				e.Builtins = append([]string{machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinBitwise}, e.Builtins[2:]...)
			})
			s.sets()
		}, "run: "},
		{"another builtin handed on", func(s *scene) {
			entry(s.root(0, 0).execution, func(e *casm.EntryPoint) {
				if i := slices.Index(e.Builtins, machine.BuiltinECOp); i >= 0 {
					e.Builtins[i] = machine.BuiltinPoseidon
				}
			})
			s.sets()
		}, "run: "},
		{"more gas", func(s *scene) { s.inner(aTransfer).Call.Gas += 1000; s.lax(); s.anyGas() }, "statement: gas is"},
		{"another caller", func(s *scene) { s.inner(aKeccak).Call.Caller = number(1) }, "statement: caller is"},
		{"another contract", func(s *scene) { s.inner(aKeccak).Call.Contract = number(1) }, "statement: contract is"},
		{"another selector", func(s *scene) {
			e := s.inner(aKeccak)
			code := *e.Call.Class.Casm
			class := *e.Call.Class
			code.EntryPoints.External = slices.Clone(code.EntryPoints.External)
			for i := range code.EntryPoints.External {
				if code.EntryPoints.External[i].Selector == e.Call.Selector {
					code.EntryPoints.External[i].Selector = number(1)
				}
			}
			class.Casm, e.Call.Class, e.Call.Selector = &code, &class, number(1)
		}, "statement: selector is"},
		{"an inner call left out", func(s *scene) {
			e := s.root(aTransfer, 1).execution
			for i := range e.Syscalls {
				if e.Syscalls[i].Inner != nil {
					s.job.order = slices.DeleteFunc(s.job.order, func(c *cairo.CallTrace) bool { return c == e.Syscalls[i].Inner })
					e.Syscalls[i].Inner = nil
				}
			}
		}, "statement: the call entered no code"},

		// The arrays.
		{"returned data at another place", func(s *scene) {
			first(cairo.CallContract, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				start, end := words(m, 1)
				return []machine.Value{success, start, end}
			})(s)
		}, "run: ASSERT_EQ instruction failed"},
		{"returned data of negative length", func(s *scene) {
			first(cairo.CallContract, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				start, end := words(m, 1)
				return []machine.Value{success, end, start}
			})(s)
		}, "run: "},
		{"returned data that is the output", func(s *scene) {
			first(cairo.CallContract, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				at := s.job.at(1)
				return []machine.Value{success, machine.AddrValue(at), machine.AddrValue(at.Add(1))}
			})(s)
		}, "run: ASSERT_EQ instruction failed"},
		{"panic data of negative length", func(s *scene) {
			first(cairo.GetExecutionInfo, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				start, end := words(m, 1)
				return []machine.Value{failure, end, start}
			})(s)
		}, "run: "},
		{"a failure that did not happen", func(s *scene) {
			first(cairo.GetExecutionInfo, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				start, end := words(m, 1)
				return []machine.Value{failure, start, end}
			})(s)
		}, "statement: failed with [0x1], want success"},
		{"execution info of another call", func(s *scene) {
			first(cairo.GetExecutionInfo, func(m *machine.Machine, _ machine.Addr) []machine.Value {
				return []machine.Value{success, machine.AddrValue(s.job.run.exact)}
			})(s)
		}, "run: "},

		// The syscalls.
		{"syscall changed after the call", func(s *scene) {
			leave := s.hints["os.leave"]
			s.hints["os.leave"] = func(m *machine.Machine, ids *cairo0.IDs) error {
				f, err := s.job.top()
				if err != nil {
					return err
				}
				if len(f.answered) > 0 {
					if err := m.Memory.Insert(f.answered[0].request, machine.UintValue(0x666)); err != nil {
						return err
					}
				}
				return leave(m, ids)
			}
		}, "run: inconsistent memory assignment"},
		{"a storage read that answers something else", first(cairo.StorageRead, func(m *machine.Machine, _ machine.Addr) []machine.Value {
			return []machine.Value{success, machine.UintValue(0x666)}
		}), "statement: read as 0x666"},
		{"keccak: another digest", first(cairo.Keccak, func(m *machine.Machine, _ machine.Addr) []machine.Value {
			return []machine.Value{success, machine.UintValue(1), machine.UintValue(2)}
		}), "statement: word 0 of the digest is 0x1"},
		{"sha256: another state", first(cairo.Sha256ProcessBlock, func(m *machine.Machine, _ machine.Addr) []machine.Value {
			start, _ := words(m, 1, 2, 3, 4, 5, 6, 7, 8)
			return []machine.Value{success, start}
		}), "statement: word 0 of the next state is 0x1"},
		{"sha256: the state before", first(cairo.Sha256ProcessBlock, func(m *machine.Machine, request machine.Addr) []machine.Value {
			at, err := m.Memory.Pointer(request)
			if err != nil {
				panic(err)
			}
			return []machine.Value{success, machine.AddrValue(at)}
		}), "statement: word 0 of the next state is 0x6a09e667"},
		{"secp: the factor is the product", first(cairo.Secp256k1Mul, func(m *machine.Machine, request machine.Addr) []machine.Value {
			at, err := m.Memory.Pointer(request)
			if err != nil {
				panic(err)
			}
			return []machine.Value{success, machine.AddrValue(at)}
		}), "statement: the point is at"},
		{"secp: no point though there is one", func(s *scene) {
			// The code then makes no syscalls with the point.
			e := s.inner(aPoint)
			e.Syscalls = slices.DeleteFunc(e.Syscalls, func(t cairo.SyscallTrace) bool {
				return t.Selector == cairo.Secp256k1Mul || t.Selector == cairo.Secp256k1Add
			})
			xy := slices.IndexFunc(e.Syscalls, func(t cairo.SyscallTrace) bool { return t.Selector == cairo.Secp256k1GetXy })
			e.Syscalls = slices.Delete(e.Syscalls, xy, xy+1)
			s.lax()
			s.anyGas()
			gas := s.forge
			s.forge = func(trace *cairo.SyscallTrace, m *machine.Machine, request machine.Addr) []machine.Value {
				gas(trace, m, request)
				if trace.Selector != cairo.Secp256k1New {
					return nil
				}
				return []machine.Value{success, machine.UintValue(1), machine.UintValue(0)}
			}
		}, "statement: no point was returned"},
		{"secp: other coordinates", first(cairo.Secp256k1GetXy, func(m *machine.Machine, _ machine.Addr) []machine.Value {
			return []machine.Value{success, machine.UintValue(1), machine.UintValue(0), machine.UintValue(2), machine.UintValue(0)}
		}), "statement: word 0 of the coordinates"},
		{"meta: another transaction info", func(s *scene) {
			s.hints["os.meta"] = func(m *machine.Machine, _ *cairo0.IDs) error {
				f, err := s.job.top()
				if err != nil {
					return err
				}
				f.metaInfo = s.job.end(m).Add(1)
				chain := felt.FromShortString("TEST")
				legacy := starknet.LegacyTransaction{Address: victimWork, Selector: executeSelector, Calldata: []felt.Felt{number(9)}}
				info := infoWords(&cairo.TxInfo{
					Account: victimWork, Signature: []felt.Felt{number(7)}, Hash: legacy.HashInvokeV0(chain), ChainID: chain,
				}, f.metaInfo)
				return s.job.append(m, append([]machine.Value{machine.UintValue(uint64(len(info)))}, info...)...)
			}
			s.lax()
		}, "statement: of the transaction info is"},

		// The dictionaries.
		{"an arena that is not empty", func(s *scene) {
			s.hints["os.arena"] = func(m *machine.Machine, _ *cairo0.IDs) error {
				at := m.Memory.AddSegment()
				if _, err := m.Memory.Load(at, machine.AddrValue(m.Memory.AddSegment()), machine.UintValue(1), machine.UintValue(1)); err != nil {
					return err
				}
				return m.Memory.Insert(m.FPAddr(), machine.AddrValue(at))
			}
		}, "run: ASSERT_EQ instruction failed"},
		{"dictionaries that overlap", func(s *scene) {
			s.hints["os.adjoin"] = func(m *machine.Machine, _ *cairo0.IDs) error {
				infos, err := m.Memory.Pointer(m.FPAddr().Add(-4))
				if err != nil {
					return err
				}
				start, err := m.Memory.Pointer(infos)
				if err != nil {
					return err
				}
				next, err := m.Memory.Pointer(infos.Add(3))
				if err != nil {
					return err
				}
				return m.Memory.AddRelocationRule(next, start)
			}
		}, "run: ASSERT_EQ instruction failed"},
		{"dictionaries apart", func(s *scene) {
			s.hints["os.adjoin"] = func(*machine.Machine, *cairo0.IDs) error { return nil }
		}, "run: ASSERT_EQ instruction failed"},
	} {
		t.Run(attack.name, func(t *testing.T) {
			s := v.scene()
			s.t = t
			attack.make(s)
			claim, err := s.run()
			got := "run: "
			if err == nil {
				got = "statement: "
				_, err = statement.CheckBlocks([]*statement.Claim{claim}, s.blocks, s.before)
			}
			if err == nil {
				if attack.name != "nothing" {
					t.Error("the attack succeeds")
				}
				return
			}
			kind, text, _ := strings.Cut(attack.want, ": ")
			if kind+": " != got || !strings.Contains(err.Error(), text) || attack.want == "" {
				t.Errorf("%s%v, want %q", got, err, attack.want)
			}
		})
	}
}

// drop leaves out call i from the protocol of transaction tx.
func (s *scene) drop(tx, i int) {
	p := s.job.sections[0].transactions[tx]
	gone := map[*cairo.CallTrace]bool{}
	walk(p.calls[i].execution, func(e *cairo.CallTrace) { gone[e] = true })
	s.job.order = slices.DeleteFunc(s.job.order, func(e *cairo.CallTrace) bool { return gone[e] })
	s.calls(p, len(p.calls)-1, func() {
		if s.job.run.roots == i {
			s.job.run.roots++
		}
	})
}

// again makes call i from the protocol of transaction tx twice.
func (s *scene) again(tx, i int) {
	p := s.job.sections[0].transactions[tx]
	var calls []*cairo.CallTrace
	walk(p.calls[i].execution, func(e *cairo.CallTrace) {
		if entersCode(&e.Call) {
			calls = append(calls, e)
		}
	})
	s.job.order = slices.Insert(s.job.order, slices.Index(s.job.order, calls[0])+len(calls), calls...)
	done := false
	s.calls(p, len(p.calls)+1, func() {
		if s.job.run.roots == i+1 && !done {
			done = true
			s.job.run.roots--
		}
	})
}

// calls makes the transaction p have n calls. turn is called before each, to choose which.
func (s *scene) calls(p *plan, n int, turn func()) {
	j := s.job
	s.hints["os.transaction"] = func(m *machine.Machine, _ *cairo0.IDs) error {
		if j.run.transactions[0] != p {
			return j.transaction(m)
		}
		j.run.transactions, j.run.current = j.run.transactions[1:], p
		j.run.begun++
		j.run.roots = 0
		j.run.txInfo = j.end(m).Add(2)
		info := infoWords(p.info, j.run.txInfo)
		j.run.calldata = j.run.txInfo.Add(len(info))
		info = append(info, p.calldata()...)
		list := append([]machine.Value{machine.UintValue(uint64(1 + len(info))), machine.UintValue(p.outcome)}, info...)
		return j.append(m, append(list, machine.UintValue(uint64(n)))...)
	}
	s.hints["os.call"] = func(m *machine.Machine, _ *cairo0.IDs) error {
		if j.run.current == p {
			turn()
		}
		return j.root(m)
	}
}

// sets lists the builtin sets of the changed entry points, too.
func (s *scene) sets() {
	for _, e := range s.job.order {
		if set := setOf(entryPoint(&e.Call)); !slices.Contains(s.job.sets, set) {
			s.job.sets = append(s.job.sets, set)
		}
	}
	s.lax()
}

// anyGas lets syscalls have other gas than in the trace.
func (s *scene) anyGas() {
	s.forge = func(trace *cairo.SyscallTrace, m *machine.Machine, request machine.Addr) []machine.Value {
		gas, err := m.Memory.Uint64(request.Add(-1))
		if err != nil {
			panic(err)
		}
		trace.GasLeft += gas - trace.Gas
		trace.Gas = gas
		return nil
	}
}

// TestAdversaryBuiltinSets flips each flag of each builtin set in the output of an honest run.
func TestAdversaryBuiltinSets(t *testing.T) {
	s := newVictim(t).scene()
	claim, err := s.run()
	if err != nil {
		t.Fatal(err)
	}
	for i := headerSize; i < headerSize+builtinSetSize*len(s.job.sets); i++ {
		forged := *claim
		forged.Output = slices.Clone(claim.Output)
		forged.Output[i].Sub(&felt.One, &forged.Output[i])
		_, err := statement.CheckBlocks([]*statement.Claim{&forged}, s.blocks, s.before)
		// The program publishes the instances of ec_op if the flag for it is set, so without them the output cannot be read.
		const ecOp = 4
		if err == nil || (i-headerSize)%builtinSetSize != ecOp && !strings.Contains(err.Error(), "of the builtins is") {
			t.Errorf("flag %d of set %d: %v", (i-headerSize)%builtinSetSize, (i-headerSize)/builtinSetSize, err)
		}
	}
}

// TestAdversaryClass checks that a claim with a call of the prover's own code is refused, whatever block it is for. Such code could write any words to the
// output, or hand back pointers that no builtin checks.
func TestAdversaryClass(t *testing.T) {
	v := newVictim(t)
	for _, c := range []struct {
		name   string
		only   int // index of the only block that the verifier gives; -1 if it gives both
		number uint64
		want   string
	}{
		{"in the block", 1, 2, "which is not one of the 1 blocks"},
		{"in a block that the verifier does not have", 0, 2, "which is not one of the 1 blocks"},
		{"in a block that there is not", -1, 99, "which is not one of the 2 blocks"},
		{"in another block", -1, 2, "entry point is"},
	} {
		s := v.scene()
		// The call of the second block gets code of its own, which does what the program expects and could do anything else.
		own := &cairo.Class{Hash: felt.FromUint64(0xbad), Casm: hostile(executeSelector, machine.BuiltinPoseidon, 0)}
		call := s.job.sections[1].transactions[0].calls[1].execution
		s.job.order = slices.DeleteFunc(s.job.order, func(e *cairo.CallTrace) bool {
			inside := false
			for i := range call.Syscalls {
				inside = inside || call.Syscalls[i].Inner == e
			}
			return inside
		})
		call.Call.Class, call.Syscalls = own, nil
		b := *s.job.sections[1].block
		b.Number = c.number
		s.job.sections[1].block = &b
		s.job.classes = append(s.job.classes, own)
		s.sets()
		claim, err := s.run()
		if err != nil {
			t.Fatal(err)
		}
		blocks, before := s.blocks, s.before
		if c.only >= 0 {
			blocks, before = blocks[c.only:c.only+1], before[c.only:c.only+1]
		}
		if _, err := statement.CheckBlocks([]*statement.Claim{claim}, blocks, before); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("code of the prover's %s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Instructions of hostile code, as felts. An immediate value follows.
func instruction(op, op1, op0, dst int) felt.Felt {
	return felt.FromUint64(uint64(op)<<48 | uint64(0x8000+op1)<<32 | uint64(0x8000+op0)<<16 | uint64(0x8000+dst))
}

func push(fp int) []felt.Felt { return []felt.Felt{instruction(0x480a, fp, -1, 0)} } // [ap] = [fp + …], ap++

func pushSum(fp int, add int64) []felt.Felt { // [ap] = [fp + …] + add, ap++
	return []felt.Felt{instruction(0x4826, 1, fp, 0), felt.FromInt64(add)}
}

func pushValue(v int64) []felt.Felt { // [ap] = v, ap++
	return []felt.Felt{instruction(0x4806, 1, -1, 0), felt.FromInt64(v)}
}

func pushAt(fp, off int) []felt.Felt   { return []felt.Felt{instruction(0x4802, off, fp, 0)} }  // [ap] = [[fp + …] + off], ap++
func assertAt(fp, off int) []felt.Felt { return []felt.Felt{instruction(0x4002, off, fp, -1)} } // [ap - 1] = [[fp + …] + off]

// Offsets from fp of the arguments of an entry point that takes one builtin.
const (
	argStart = -4 - iota
	argSyscalls
	argGas
	argBuiltin
)

// hostile returns a class whose only entry point takes a builtin and moves its pointer by some cells, after it has run the code
// before.
func hostile(selector felt.Felt, builtin string, move int64, before ...[]felt.Felt) *casm.Class {
	code := slices.Concat(before...)
	code = slices.Concat(code, pushSum(argBuiltin, move), push(argGas), push(argSyscalls), pushValue(0), push(argStart), push(argStart))
	code = append(code, felt.FromUint64(constants.RetWord))
	return &casm.Class{
		Bytecode: code, CompilerVersion: "2.20.0",
		EntryPoints: casm.EntryPoints{External: []casm.EntryPoint{{Selector: selector, Builtins: []string{builtin}}}},
	}
}

// TestAdversaryPointers runs code that hands back the pointer of a builtin, or a segment arena, that the program must not accept.
func TestAdversaryPointers(t *testing.T) {
	arena := func(infos, segments, finalized []felt.Felt) [][]felt.Felt {
		return [][]felt.Felt{infos, assertAt(argBuiltin, 0), segments, assertAt(argBuiltin, 1), finalized, assertAt(argBuiltin, 2)}
	}
	same := pushAt(argBuiltin, -3) // the infos of the instance before
	for _, c := range []struct {
		builtin string
		move    int64
		before  [][]felt.Felt
		good    bool
	}{
		{machine.BuiltinPedersen, 0, nil, true},
		{machine.BuiltinPedersen, 1, nil, false},
		{machine.BuiltinPedersen, 2, nil, false},
		{machine.BuiltinPedersen, -3, nil, false},
		{machine.BuiltinRangeCheck, 0, nil, true},
		{machine.BuiltinRangeCheck, -1, nil, false},
		{machine.BuiltinBitwise, 0, nil, true},
		{machine.BuiltinBitwise, 4, nil, false},
		{machine.BuiltinBitwise, -5, nil, false},
		{machine.BuiltinECOp, 0, nil, true},
		{machine.BuiltinECOp, 1, nil, false},
		{machine.BuiltinECOp, 6, nil, false},
		{machine.BuiltinECOp, -7, nil, false},
		{machine.BuiltinPoseidon, 0, nil, true},
		{machine.BuiltinPoseidon, 1, nil, false},
		{machine.BuiltinPoseidon, 5, nil, false},
		{machine.BuiltinPoseidon, -6, nil, false},
		{machine.BuiltinRangeCheck96, 0, nil, true},
		{machine.BuiltinRangeCheck96, -1, nil, false},
		{machine.BuiltinAddMod, 0, nil, true},
		{machine.BuiltinAddMod, 6, nil, false},
		{machine.BuiltinAddMod, -7, nil, false},
		{machine.BuiltinMulMod, 0, nil, true},
		{machine.BuiltinMulMod, 6, nil, false},
		{machine.BuiltinMulMod, -7, nil, false},
		{machine.BuiltinSegmentArena, 0, nil, true},
		{machine.BuiltinSegmentArena, 1, nil, false},
		{machine.BuiltinSegmentArena, -3, nil, false},
		{machine.BuiltinSegmentArena, 3, arena(same, pushValue(0), pushValue(0)), true},
		{machine.BuiltinSegmentArena, 3, arena(same, pushValue(1), pushValue(0)), false},           // a dictionary that is not squashed
		{machine.BuiltinSegmentArena, 3, arena(push(argStart), pushValue(0), pushValue(0)), false}, // another list of dictionaries
		{machine.BuiltinSegmentArena, 3, arena(same, pushValue(-1), pushValue(-1)), false},         // fewer dictionaries than none
	} {
		call := &cairo.CallTrace{Call: cairo.Call{
			Class: &cairo.Class{Hash: felt.FromUint64(0xbad), Casm: hostile(felt.One, c.builtin, c.move, c.before...)}, Selector: felt.One,
			Contract: felt.FromUint64(1), Caller: felt.FromUint64(2), Gas: 1_000_000,
		}}
		block := &Block{Number: 5, Transactions: []Transaction{{Info: cairo.TxInfo{Hash: felt.One}, Calls: []*cairo.CallTrace{call}}}}
		_, err := Run([]*Block{block}, Options{Layout: LayoutStwo, MaxSteps: 1 << 17})
		if (err == nil) != c.good {
			t.Errorf("%s moved by %d cells after %v: error %v, want a run: %t", c.builtin, c.move, c.before, err, c.good)
		}
	}
}
