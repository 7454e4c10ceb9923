package watcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/watcher/proofstore"
)

// Addresses of the accounts and contracts of a local chain.
var (
	probe    = felt.FromUint64(0x9b)
	restless = felt.FromUint64(0x4e57)
)

// local is a chain in this process: an app, validators that sign its blocks, and a watcher of it that uses no network.
type local struct {
	t          testing.TB
	watcher    *Watcher
	app        *app.App
	validators *cmttypes.ValidatorSet
	keys       []cmttypes.PrivValidator
	wallet     *wallet.Wallet
	nonces     map[felt.Felt]uint64
	headers    []*cmttypes.Header   // from height 1 on; the last is of the next block, which has no transactions yet
	txs        [][][]byte           // by height, from 1 on
	results    [][]statement.Result // by height, from 1 on
}

func classFile(t testing.TB, path ...string) *starknet.ContractClass {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{golden.ModuleRoot(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	class := new(starknet.ContractClass)
	if err := json.Unmarshal(b, class); err != nil {
		t.Fatal(err)
	}
	return class
}

// compileOnce compiles a class once for all tests.
func compileOnce(class *starknet.ContractClass, program *sierra.Program) (*casm.Class, error) {
	code, _ := compiled.LoadOrStore(class.Hash(), sync.OnceValues(func() (*casm.Class, error) { return executor.CompileClass(class, program) }))
	return code.(func() (*casm.Class, error))()
}

var compiled sync.Map

func newLocal(t testing.TB) *local {
	t.Helper()
	l := &local{t: t, nonces: map[felt.Felt]uint64{}}
	l.validators, l.keys = validatorSet(4)
	key := felt.FromUint64(4711)
	public, err := starkcurve.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	l.wallet = &wallet.Wallet{Chain: felt.FromShortString("TEST"), Key: key, Address: felt.FromUint64(0xacc)}

	var g app.Genesis
	deploy := func(address felt.Felt, class *starknet.ContractClass, constructor ...felt.Felt) {
		g.Classes = append(g.Classes, class)
		g.Contracts = append(g.Contracts, app.GenesisContract{Address: address, ClassHash: class.Hash(), Constructor: &constructor})
	}
	deploy(l.wallet.Address, classFile(t, "contracts", "classes", contracts.Account+".contract_class.json"), public)
	deploy(starknet.StrkAddress, classFile(t, "contracts", "classes", contracts.ERC20+".contract_class.json"),
		felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), felt.Zero, felt.Zero, l.wallet.Address)
	deploy(probe, classFile(t, "cairo", "os", "testdata", "probe.contract_class.json"))
	deploy(restless, classFile(t, "prover", "block", "statement", "testdata", "restless.contract_class.json"), felt.One)
	funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
	g.Balances = []app.GenesisBalance{{Address: l.wallet.Address, Amount: funds}, {Address: restless, Amount: funds}}
	l.start(&g, compileOnce)
	return l
}

// validatorSet returns n validators with their keys, which are the same every time.
func validatorSet(n int) (*cmttypes.ValidatorSet, []cmttypes.PrivValidator) {
	keys := map[string]cmttypes.PrivValidator{}
	var validators []*cmttypes.Validator
	for i := range n {
		key := ed25519.GenPrivKeyFromSecret([]byte{byte(i)})
		keys[key.PubKey().Address().String()] = cmttypes.NewMockPVWithParams(key, false, false)
		validators = append(validators, cmttypes.NewValidator(key.PubKey(), 10))
	}
	set := cmttypes.NewValidatorSet(validators)
	var sorted []cmttypes.PrivValidator
	for _, v := range set.Validators {
		sorted = append(sorted, keys[v.Address.String()])
	}
	return set, sorted
}

// start makes the app and the watcher of a chain with the genesis g.
func (l *local) start(g *app.Genesis, compile executor.Compile) {
	t := l.t
	t.Helper()
	appState, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	genesis := &cmttypes.GenesisDoc{ChainID: "TEST", GenesisTime: time.Unix(1_700_000_000, 0).UTC(), InitialHeight: 1, AppState: appState}
	for _, v := range l.validators.Validators {
		genesis.Validators = append(genesis.Validators, cmttypes.GenesisValidator{Address: v.Address, PubKey: v.PubKey, Power: v.VotingPower})
	}

	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	if l.app, err = app.New(store, vm.NewEngine(), compile, app.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.app.Close)
	if _, err := l.app.InitGenesis("TEST", uint64(genesis.GenesisTime.Unix()), appState); err != nil {
		t.Fatal(err)
	}
	proofs, err := proofstore.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proofs.Close() })
	if l.watcher, err = New(Config{
		Genesis: genesis, App: l.app, Engine: vm.NewEngine(), Proofs: proofs, System: SystemStone, PowBits: 20, Queries: 38, MaxSteps: 1 << 17, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		t.Fatal(err)
	}
	l.next(cmttypes.BlockID{}, nil)
}

// next appends the header of the next block.
func (l *local) next(last cmttypes.BlockID, results []statement.Result) {
	hash := func(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }
	height, appHash := l.app.Info()
	l.headers = append(l.headers, &cmttypes.Header{
		Version: cmtversion.Consensus{Block: version.BlockProtocol}, ChainID: "TEST", Height: int64(height) + 1,
		Time: time.Unix(1_700_000_000+5*int64(height+1), 0).UTC(), LastBlockID: last, LastCommitHash: hash(1), DataHash: headers.DataHash(nil),
		ValidatorsHash: l.validators.Hash(), NextValidatorsHash: l.validators.Hash(), ConsensusHash: hash(2), AppHash: appHash,
		LastResultsHash: headers.ResultsHash(results), EvidenceHash: hash(3), ProposerAddress: l.validators.Validators[0].Address,
	})
}

// block executes and signs a block of transactions.
func (l *local) block(txs ...[]byte) {
	l.t.Helper()
	header := l.headers[len(l.headers)-1]
	var data []statement.HexBytes
	for _, tx := range txs {
		data = append(data, tx)
	}
	header.DataHash = headers.DataHash(data)
	f, err := l.app.Finalize(&app.Block{Height: uint64(header.Height), Timestamp: uint64(header.Time.Unix()), Proposer: header.ProposerAddress, Txs: txs})
	if err != nil {
		l.t.Fatal(err)
	}
	var results []statement.Result
	for i, r := range f.Results {
		if r.Err != nil {
			l.t.Fatalf("transaction %d: %v", i, r.Err)
		}
		results = append(results, statement.Result{Code: r.Code, Data: r.Data, GasWanted: int64(r.GasWanted), GasUsed: int64(r.GasUsed)})
	}
	if err := l.app.Commit(); err != nil {
		l.t.Fatal(err)
	}
	l.txs, l.results = append(l.txs, txs), append(l.results, results)
	l.next(signHeader(l.t, header, l.validators, l.keys).Commit.BlockID, results)
}

// invoke returns an INVOKE transaction of an account with these calls.
func (l *local) invoke(from felt.Felt, calls ...wallet.Call) []byte {
	l.t.Helper()
	w := *l.wallet
	w.Address = from
	tx := w.Invoke(calls...)
	tx.Nonce = felt.FromUint64(l.nonces[from])
	tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 400_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
	l.nonces[from]++
	if err := w.Sign(tx); err != nil {
		l.t.Fatal(err)
	}
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		l.t.Fatal(err)
	}
	return raw
}

// verified returns a block as the light client returns it.
func (l *local) verified(height int) (*Block, []statement.Result) {
	sign := func(height int) *cmttypes.LightBlock {
		return signHeader(l.t, l.headers[height-1], l.validators, l.keys)
	}
	b := &Block{Height: int64(height), Light: sign(height), Next: sign(height + 1)}
	b.Txs = append(b.Txs, l.txs[height-1]...)
	return b, l.results[height-1]
}

// signHeader returns a header of chain TEST that is signed by the first validators.
func signHeader(t testing.TB, h *cmttypes.Header, validators *cmttypes.ValidatorSet, keys []cmttypes.PrivValidator) *cmttypes.LightBlock {
	t.Helper()
	id := cmttypes.BlockID{Hash: h.Hash(), PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: bytes.Repeat([]byte{4}, 32)}}
	commit := &cmttypes.Commit{Height: h.Height, BlockID: id, Signatures: make([]cmttypes.CommitSig, validators.Size())}
	for i := range commit.Signatures {
		if i >= len(keys) {
			commit.Signatures[i] = cmttypes.NewCommitSigAbsent()
			continue
		}
		vote := cmtproto.Vote{
			Type: cmtproto.PrecommitType, Height: h.Height, BlockID: id.ToProto(), Timestamp: h.Time,
			ValidatorAddress: validators.Validators[i].Address, ValidatorIndex: int32(i),
		}
		if err := keys[i].SignVote(h.ChainID, &vote); err != nil {
			t.Fatal(err)
		}
		commit.Signatures[i] = cmttypes.CommitSig{
			BlockIDFlag: cmttypes.BlockIDFlagCommit, ValidatorAddress: vote.ValidatorAddress, Timestamp: vote.Timestamp, Signature: vote.Signature,
		}
	}
	return &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: h, Commit: commit}, ValidatorSet: validators}
}

func hades(n uint64) wallet.Call {
	return wallet.Call{To: probe, Name: "hades", Calldata: []felt.Felt{felt.FromUint64(n)}}
}

// mixed returns a chain of two blocks. In the first, the middle transaction cannot be proved, and the signature check of the account after it
// has effects. In the second, nothing can be proved.
func mixed(t testing.TB) *local {
	l := newLocal(t)
	to := felt.FromUint64(0xbe)
	l.block(
		l.invoke(l.wallet.Address, wallet.Transfer(to, 1)),
		l.invoke(l.wallet.Address, hades(1), wallet.Transfer(to, 2)),
		l.invoke(restless, wallet.Transfer(to, 4)),
		l.invoke(l.wallet.Address, wallet.Transfer(to, 8)),
	)
	l.block(l.invoke(l.wallet.Address, hades(2)), l.invoke(restless, hades(3)))
	return l
}

// TestWitnessOfABlockInPart checks the bundle of a block that is proved in part, without its STARKs: the witness is complete, and a verifier
// rejects every change of it.
func TestWitnessOfABlockInPart(t *testing.T) {
	l := mixed(t)
	b, results := l.verified(1)
	trace, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	proof, claims, failed := claimsOf(t, trace, cairoos.Options{})
	unproven, err := unprovenOf(trace, failed)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.watcher.witness(b, results, trace, unproven, proof); err != nil {
		t.Fatal(err)
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
	if err != nil {
		t.Fatal(err)
	}
	w := &proof.Witness
	if len(w.Unproven) != 1 || w.Unproven[0].Index != 1 || len(w.Validations) != 1 || w.Validations[0].Index != 2 || len(claims) != 1 {
		t.Fatalf("%d claims, uncovered %v, signature checks %v", len(claims), w.Unproven, w.Validations)
	}
	verdict, err := w.Check(anchor, claims)
	if err != nil {
		t.Fatal(err)
	}
	for i, tx := range verdict.Outcome.Transactions {
		if (tx.Unproven != nil) != (i == 1) {
			t.Errorf("transaction %d: uncovered is %v", i, tx.Unproven)
		}
	}

	// A file with a changed byte and the digest of the changed body is rejected or does not decode.
	text, err := json.Marshal(struct {
		Unproven    []statement.Unproven
		Validations []statement.Validation
	}{w.Unproven, w.Validations})
	if err != nil {
		t.Fatal(err)
	}
	step := 7
	if os.Getenv("STARKD_FULL") != "" {
		step = 1
	}
	changed := 0
	for at := 0; at < len(text); at += step {
		other := slices.Clone(text)
		other[at] ^= 1
		forged := *w
		var lists struct {
			Unproven    []statement.Unproven
			Validations []statement.Validation
		}
		if json.Unmarshal(other, &lists) != nil {
			continue
		}
		if again, err := json.Marshal(&lists); err != nil || !bytes.Equal(again, other) {
			continue // not canonical: block.Parse rejects it
		}
		changed++
		forged.Unproven, forged.Validations = lists.Unproven, lists.Validations
		if _, err := forged.Check(anchor, claims); err == nil {
			t.Errorf("byte %d, %q for %q, goes unnoticed", at, other[at], text[at])
		}
	}
	if changed < len(text)/step/3 {
		t.Errorf("%d of %d changes could be read", changed, len(text)/step)
	}
}

// TestRecordOfABlockWithoutProof checks that a block in which nothing can be proved has a record with a reason for each transaction, and no bundle.
func TestRecordOfABlockWithoutProof(t *testing.T) {
	l := mixed(t)
	b, results := l.verified(2)
	record, bundle, err := l.watcher.proveBlock(t.Context(), b, results)
	if err != nil {
		t.Fatal(err)
	}
	if bundle != nil || record.Status != proofstore.NotProved || len(record.Proofs) != 0 || len(record.Unproven) != 2 {
		t.Fatalf("%d bytes of bundle, record %+v", len(bundle), record)
	}
	for i, e := range record.Unproven {
		if e.Transaction != record.Transactions[i] || e.Builtin != "poseidon" || e.Syscall != "" || !strings.Contains(e.Reason, "builtin poseidon") {
			t.Errorf("transaction %s: %+v", record.Transactions[i], e)
		}
	}
	l.block()
	b, results = l.verified(3)
	if record, bundle, err = l.watcher.proveBlock(t.Context(), b, results); err != nil || bundle != nil || record.Status != proofstore.Empty {
		t.Errorf("an empty block: %+v, %v", record, err)
	}
}

// TestRecordOfABlockInPart checks the REST answers for each transaction of a block that is proved in part.
func TestRecordOfABlockInPart(t *testing.T) {
	l := mixed(t)
	trace, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	record := newRecord(trace)
	record.Proofs = []proofstore.Entry{{Block: 1, Transactions: []string{record.Transactions[0], record.Transactions[2], record.Transactions[3]}}}
	unproven := []statement.Unproven{{Index: 1, Reason: statement.Reason{Builtin: "poseidon", Class: felt.One}}}
	addUnproven(record, unproven)
	var outcomes []statement.TransactionOutcome
	for i := range trace.Transactions {
		outcomes = append(outcomes, statement.TransactionOutcome{
			Hash: trace.Transactions[i].Info.Hash, Calls: []statement.CallOutcome{{Kind: statement.ExecuteCall}}, UnprovenParts: []string{"__validate__"},
		})
	}
	outcomes[1] = statement.TransactionOutcome{Hash: outcomes[1].Hash, UnprovenParts: []string{"all of it"}, Unproven: &unproven[0].Reason}
	addCoverage(record, outcomes)
	record.Status = proofstore.Proved
	answers(t, l, record, []byte("{}"))
	if e := record.Proofs[0]; !slices.Equal(e.Proven, []string{"__execute__"}) || !slices.Equal(e.UnprovenParts, []string{"__validate__"}) {
		t.Errorf("coverage %v, %v", e.Proven, e.UnprovenParts)
	}
}

// answers stores a record of the first block of mixed and checks the REST answers about it.
func answers(t *testing.T, l *local, record *proofstore.Record, bundle []byte) {
	t.Helper()
	store := l.watcher.config.Proofs
	var err error
	if record.Bundle, err = store.PutBundle(t.Context(), 1, bundle); err != nil {
		t.Fatal(err)
	}
	if err := store.PutRecord(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	for i, hash := range record.Transactions {
		status, raw, want := `"status":"proved"`, 200, `"layout"`
		if i == 1 {
			status, raw, want = `"status":"not_provable"`, 404, `"builtin":"poseidon"`
		}
		for path, c := range map[string]struct {
			code int
			want []string
		}{
			"/v1/proofs/" + hash:          {200, []string{status, want}},
			"/v1/proofs/" + hash + "/raw": {raw, nil},
		} {
			w := httptest.NewRecorder()
			l.watcher.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != c.code {
				t.Errorf("GET %s = %d %.200s, want %d", path, w.Code, w.Body, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("GET %s = %.500s, want %s", path, w.Body, want)
				}
			}
		}
	}
	w := httptest.NewRecorder()
	l.watcher.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/proofs?block=1", nil))
	if body := w.Body.String(); !strings.Contains(body, `"status":"proved"`) || strings.Count(body, `"reason"`) != 1 {
		t.Errorf("the block: %.500s", body)
	}
}

// TestProofOfABlockInPart makes the proof of a block that is proved in part, and verifies it as someone with only the genesis would.
func TestProofOfABlockInPart(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of 131,072 steps: set STARKD_FULL=1 (make test-full)")
	}
	l := mixed(t)
	b, results := l.verified(1)
	record, bundle, err := l.watcher.proveBlock(t.Context(), b, results)
	if err != nil {
		t.Fatal(err)
	}
	answers(t, l, record, bundle)
	proof, err := block.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := block.Verify(proof, anchor, prover.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if len(proof.Proofs) != 1 || len(verdict.Outcome.Transactions) != 4 || verdict.Outcome.Transactions[1].Unproven == nil {
		t.Errorf("%d proofs, %+v", len(proof.Proofs), verdict.Outcome.Transactions)
	}
	proof.Witness.Unproven[0].Diff[5] ^= 1
	if _, err := block.Verify(proof, anchor, prover.Policy{}); err == nil {
		t.Error("accepted with another state diff of an unproven transaction")
	}
}

// TestRecordOfABlockWithALargeBundle checks the record of a block whose bundle is larger than verifiers read: it has the reason for each transaction.
func TestRecordOfABlockWithALargeBundle(t *testing.T) {
	record := tooLarge(&proofstore.Record{Block: 1, Transactions: []string{"0x1", "0x2"}}, stone.MaxProofJSON+1)
	if record.Status != proofstore.NotProved || len(record.Unproven) != 2 || record.Bundle != nil || len(record.Proofs) != 0 {
		t.Fatalf("record %+v", record)
	}
	for i, e := range record.Unproven {
		if e.Transaction != record.Transactions[i] || !strings.Contains(e.Reason, "268435457 bytes") || !strings.Contains(e.Reason, "at most 268435456") {
			t.Errorf("transaction %s: %+v", record.Transactions[i], e)
		}
	}
}

// TestWitnessOfNamedClasses checks that a witness has the classes that a block names without entering them: that of a contract without the
// called entry point, and that which replaces another.
func TestWitnessOfNamedClasses(t *testing.T) {
	l := newLocal(t)
	class := classFile(t, "prover", "block", "statement", "testdata", "restless.contract_class.json").Hash()
	l.block(l.invoke(l.wallet.Address, wallet.Call{To: probe, Name: "survive", Calldata: []felt.Felt{restless, executor.Selector("no such name"), {}}}))
	l.block(l.invoke(l.wallet.Address, wallet.Call{To: probe, Name: "replace", Calldata: []felt.Felt{class}}))
	for height := 1; height <= 2; height++ {
		b, results := l.verified(height)
		trace, err := l.app.TraceCalls(t.Context(), uint64(height), vm.NewEngine(), 0)
		if err != nil {
			t.Fatal(err)
		}
		proof, claims, failed := claimsOf(t, trace, cairoos.Options{})
		if len(failed) > 0 || trace.Transactions[0].Outcome.Receipt.Reverted {
			t.Fatal(failed, trace.Transactions[0].Outcome.Receipt.RevertReason)
		}
		proof.Block = uint64(height)
		if err := l.watcher.witness(b, results, trace, nil, proof); err != nil {
			t.Fatal(err)
		}
		anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proof.Witness.Check(anchor, claims); err != nil {
			t.Errorf("block %d: %v", height, err)
		}
		if !slices.ContainsFunc(proof.Witness.Classes, func(c statement.Compiled) bool { return c.Hash == class }) {
			t.Errorf("block %d: the witness does not have class %v", height, class)
		}
	}
}

// TestWitnessOfALaterBlock checks that from block 10 on a witness has the hash of the block ten before it.
func TestWitnessOfALaterBlock(t *testing.T) {
	l := newLocal(t)
	for range constants.BlockHashLag - 1 {
		l.block()
	}
	l.block(l.invoke(l.wallet.Address, hades(1)))
	b, results := l.verified(constants.BlockHashLag)
	trace, err := l.app.TraceCalls(t.Context(), constants.BlockHashLag, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	failed, err := cairoos.RunParts([]*cairoos.Block{osBlock(trace)}, cairoos.Options{}, func(cairoos.Part) error { return errors.New("it cannot be proved") })
	if err != nil {
		t.Fatal(err)
	}
	unproven, err := unprovenOf(trace, failed)
	if err != nil {
		t.Fatal(err)
	}
	proof := &block.Bundle{Chain: "TEST", Block: constants.BlockHashLag}
	if err := l.watcher.witness(b, results, trace, unproven, proof); err != nil {
		t.Fatal(err)
	}
	_, genesis, ok, err := l.app.Store().Header(0)
	if err != nil || !ok {
		t.Fatal(err)
	}
	if got, want := proof.Witness.Opening, statement.OpeningWrite(constants.BlockHashLag, genesis.BlockHash); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("opening %+v, want %+v", got, want)
	}
}

// claimsOf runs the OS on a recorded block. It returns the bundle without its STARKs, their claims, and the unproven transactions.
func claimsOf(t *testing.T, trace *app.BlockTrace, options cairoos.Options) (*block.Bundle, []*statement.Claim, []cairoos.Unproven) {
	t.Helper()
	proof := &block.Bundle{Chain: "TEST", Block: 1}
	var claims []*statement.Claim
	failed, err := cairoos.RunParts([]*cairoos.Block{osBlock(trace)}, options, func(part cairoos.Part) error {
		proof.Proofs = append(proof.Proofs, &block.Proof{Stone: &stone.Proof{PublicInput: &part.Trace.Public}})
		claim, err := statement.ReadClaim(publicInput(part.Trace))
		claims = append(claims, claim)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return proof, claims, failed
}

// publicInput returns the public input of a run of the OS.
func publicInput(trace *cairo.Trace) *statement.PublicInput {
	in := &statement.PublicInput{Layout: trace.Public.Layout}
	for _, s := range trace.Public.Segments {
		in.Segments = append(in.Segments, statement.Segment(s))
	}
	for _, c := range trace.Public.Memory {
		in.Memory = append(in.Memory, statement.Cell{Address: c.Address, Value: c.Value})
	}
	return in
}
