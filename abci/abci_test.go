package abci

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abcicli "github.com/cometbft/cometbft/abci/client"
	"github.com/cometbft/cometbft/abci/server"
	abcitypes "github.com/cometbft/cometbft/abci/types"
	cfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

const testChain = "STARKD_ABCI"

var proposer = []byte("twenty bytes address")

// fixture is the genesis of a chain with the fee token and one funded account.
type fixture struct {
	appState []byte
	private  felt.Felt
	account  felt.Felt
}

func newFixture(t testing.TB) *fixture {
	w := &fixture{private: felt.FromUint64(77), account: felt.FromUint64(0xacc)}
	var classes []*starknet.ContractClass
	for _, name := range []string{contracts.Account, contracts.ERC20} {
		b, err := contracts.ClassJSON(name)
		if err != nil {
			t.Fatal(err)
		}
		c := &starknet.ContractClass{}
		if err := json.Unmarshal(b, c); err != nil {
			t.Fatal(err)
		}
		classes = append(classes, c)
	}
	public, err := starkcurve.PublicKey(w.private)
	if err != nil {
		t.Fatal(err)
	}
	key, token := []felt.Felt{public}, []felt.Felt{felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), {}, {}, w.account}
	w.appState, err = json.Marshal(&app.Genesis{
		Classes: classes,
		Contracts: []app.GenesisContract{
			{Address: w.account, ClassHash: classes[0].Hash(), Constructor: &key},
			{Address: starknet.StrkAddress, ClassHash: classes[1].Hash(), Constructor: &token},
		},
		Balances: []app.GenesisBalance{{Address: w.account, Amount: starknet.Uint128{Hi: 100}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *fixture) open(t testing.TB, db dbm.DB) *app.App {
	store, err := state.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	engine := engines.New(t)
	a, err := app.New(store, engine, nil, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// transfer returns a signed transfer of the fee token.
func (w *fixture) transfer(t testing.TB, nonce uint64) []byte {
	tx := &starknet.Invoke{SenderAddress: w.account}
	tx.Nonce = felt.FromUint64(nonce)
	tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 5_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
	tx.Calldata = []felt.Felt{felt.One, starknet.StrkAddress, executor.Selector("transfer"), felt.FromUint64(3), felt.FromUint64(0xb0b), felt.One, {}}
	r, s, err := starkcurve.Sign(w.private, tx.Hash(felt.FromShortString(testChain)))
	if err != nil {
		t.Fatal(err)
	}
	tx.Signature = []felt.Felt{r, s}
	b, err := starknet.MarshalTransaction(tx)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines is a writer that sends each write to the channel.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestSocket runs the application over a socket, as a stock cometbft binary does: a block from genesis to commit, and rejections.
func TestSocket(t *testing.T) {
	w := newFixture(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + listener.Addr().String()
	listener.Close()
	reasons := make(lines, 10)
	s := server.NewSocketServer(address, New(w.open(t, dbm.NewMemDB())).WithLog(slog.New(slog.NewTextHandler(reasons, nil))))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := abcicli.NewSocketClient(address, true)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	ctx, now := context.Background(), time.Unix(1_700_000_000, 5)

	info, err := c.Info(ctx, &abcitypes.RequestInfo{})
	if err != nil || info.LastBlockHeight != 0 || len(info.LastBlockAppHash) != 0 {
		t.Fatal(info, err)
	}
	genesis, err := c.InitChain(ctx, &abcitypes.RequestInitChain{Time: now, ChainId: testChain, AppStateBytes: w.appState, InitialHeight: 1})
	if err != nil || len(genesis.AppHash) != 32 {
		t.Fatal(genesis, err)
	}
	good, late := w.transfer(t, 0), w.transfer(t, 999)
	check, err := c.CheckTx(ctx, &abcitypes.RequestCheckTx{Tx: good})
	if err != nil || check.Code != 0 || len(check.Data) != 32 {
		t.Fatal(check, err)
	}
	if check, err = c.CheckTx(ctx, &abcitypes.RequestCheckTx{Tx: late}); err != nil || check.Code != 52 || check.Codespace != Codespace || check.Log == "" {
		t.Fatal(check, err)
	}
	prepared, err := c.PrepareProposal(ctx, &abcitypes.RequestPrepareProposal{Height: 1, Time: now, ProposerAddress: proposer, MaxTxBytes: 10_000, Txs: [][]byte{late, good}})
	if err != nil || len(prepared.Txs) != 1 || !bytes.Equal(prepared.Txs[0], good) {
		t.Fatal(prepared, err)
	}
	for _, p := range []struct {
		txs  [][]byte
		want abcitypes.ResponseProcessProposal_ProposalStatus
	}{
		{[][]byte{good, late}, abcitypes.ResponseProcessProposal_REJECT},
		{prepared.Txs, abcitypes.ResponseProcessProposal_ACCEPT},
	} {
		got, err := c.ProcessProposal(ctx, &abcitypes.RequestProcessProposal{Height: 1, Time: now, ProposerAddress: proposer, Txs: p.txs})
		if err != nil || got.Status != p.want {
			t.Errorf("proposal of %d transactions: %v (%v), want %v", len(p.txs), got, err, p.want)
		}
	}
	// The log has the reason, which CometBFT does not log.
	if reason := <-reasons; !strings.Contains(reason, "height=1 proposer=") || !strings.Contains(reason, "nonce") || len(reasons) != 0 {
		t.Errorf("the log of a rejected proposal: %q, and %d more lines", reason, len(reasons))
	}
	block, err := c.FinalizeBlock(ctx, &abcitypes.RequestFinalizeBlock{Height: 1, Time: now, ProposerAddress: proposer, Txs: prepared.Txs})
	if err != nil || len(block.AppHash) != 32 || bytes.Equal(block.AppHash, genesis.AppHash) || len(block.TxResults) != 1 {
		t.Fatal(block, err)
	}
	var result starknet.Result
	if err := result.UnmarshalBinary(block.TxResults[0].Data); err != nil || result.Receipt.Reverted || block.TxResults[0].GasUsed != int64(result.Receipt.Resources.L2Gas) {
		t.Errorf("result %+v (%v) in %v", result, err, block.TxResults[0])
	}
	if none, err := new(starknet.StateDiff).Digest(); err != nil || result.Diff == none || result.Diff == (starknet.Digest{}) {
		t.Errorf("the result of a transfer signs %v, no difference has %v (%v)", result.Diff, none, err)
	}
	if _, err := c.Commit(ctx, &abcitypes.RequestCommit{}); err != nil {
		t.Fatal(err)
	}
	if info, err = c.Info(ctx, &abcitypes.RequestInfo{}); err != nil || info.LastBlockHeight != 1 || !bytes.Equal(info.LastBlockAppHash, block.AppHash) {
		t.Error(info, err)
	}
	if q, err := c.Query(ctx, &abcitypes.RequestQuery{Path: "/anything"}); err != nil || q.Code == 0 {
		t.Error(q, err)
	}
	if _, err := New(w.open(t, dbm.NewMemDB())).InitChain(ctx, &abcitypes.RequestInitChain{Time: now, ChainId: testChain, AppStateBytes: []byte(`{"limits":{"block_l2_gas":-1}}`)}); err == nil || !strings.Contains(err.Error(), "block_l2_gas") {
		t.Errorf("a bad genesis: %v", err)
	}
}

// recorder records each consensus call as a letter.
type recorder struct {
	abcitypes.Application
	mu    sync.Mutex
	calls strings.Builder
}

func (r *recorder) note(letter string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.WriteString(letter)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls.String()
}

func (r *recorder) InitChain(ctx context.Context, q *abcitypes.RequestInitChain) (*abcitypes.ResponseInitChain, error) {
	r.note("i")
	return r.Application.InitChain(ctx, q)
}

func (r *recorder) PrepareProposal(ctx context.Context, q *abcitypes.RequestPrepareProposal) (*abcitypes.ResponsePrepareProposal, error) {
	r.note("p")
	return r.Application.PrepareProposal(ctx, q)
}

func (r *recorder) ProcessProposal(ctx context.Context, q *abcitypes.RequestProcessProposal) (*abcitypes.ResponseProcessProposal, error) {
	r.note("r")
	return r.Application.ProcessProposal(ctx, q)
}

func (r *recorder) FinalizeBlock(ctx context.Context, q *abcitypes.RequestFinalizeBlock) (*abcitypes.ResponseFinalizeBlock, error) {
	r.note("f")
	return r.Application.FinalizeBlock(ctx, q)
}

func (r *recorder) Commit(ctx context.Context, q *abcitypes.RequestCommit) (*abcitypes.ResponseCommit, error) {
	r.note("c")
	return r.Application.Commit(ctx, q)
}

// grammar is the order of calls that CometBFT promises (spec/abci/abci++_comet_expected_behavior.md): an optional InitChain,
// then heights of rounds that end in FinalizeBlock and Commit.
var grammar = regexp.MustCompile(`^i?((pr?|r)*fc)*((pr?|r)*f?)$`)

// cometHome makes a home for a CometBFT node of a chain with one validator, and returns its configuration and the validator's key.
func cometHome(t *testing.T) (*cfg.Config, *privval.FilePV, crypto.PubKey) {
	t.Helper()
	home := t.TempDir()
	config := cfg.TestConfig().SetRoot(home)
	config.P2P.ListenAddress, config.RPC.ListenAddress = "tcp://127.0.0.1:0", ""
	config.P2P.PexReactor = false // it writes its address book after the node has stopped
	config.DBBackend, config.TxIndex.Indexer = "goleveldb", "null"
	config.Consensus.TimeoutCommit = 20 * time.Millisecond
	for _, dir := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	key := privval.GenFilePV(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile())
	public, err := key.GetPubKey()
	if err != nil {
		t.Fatal(err)
	}
	return config, key, public
}

// TestCometBFT checks that one CometBFT node with the app in process makes blocks with transactions and, after a restart on the same
// databases, continues at its height. The order of calls must match the grammar.
func TestCometBFT(t *testing.T) {
	w := newFixture(t)
	config, key, public := cometHome(t)
	doc := &cmttypes.GenesisDoc{
		GenesisTime: time.Now(), ChainID: testChain, InitialHeight: 1, AppState: w.appState, ConsensusParams: cmttypes.DefaultConsensusParams(),
		Validators: []cmttypes.GenesisValidator{{PubKey: public, Power: 10}},
	}
	if err := doc.ValidateAndComplete(); err != nil {
		t.Fatal(err)
	}
	appDB := dbm.NewMemDB()
	start := func() (*node.Node, *recorder, *app.App) {
		a := w.open(t, appDB)
		r := &recorder{Application: New(a)}
		n, err := node.NewNode(config, key, &p2p.NodeKey{PrivKey: ed25519.GenPrivKeyFromSecret([]byte("node"))}, proxy.NewConnSyncLocalClientCreator(r),
			func() (*cmttypes.GenesisDoc, error) { return doc, nil }, cfg.DefaultDBProvider, node.DefaultMetricsProvider(config.Instrumentation), log.NewNopLogger())
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		return n, r, a
	}
	var last uint64
	for life := range 2 {
		n, r, a := start()
		for i := range uint64(3) {
			nonce := uint64(life)*3 + i
			if err := n.Mempool().CheckTx(w.transfer(t, nonce), nil, mempool.TxInfo{}); err != nil {
				t.Fatal(err)
			}
		}
		deadline := time.Now().Add(20 * time.Second)
		for {
			nonce, err := a.Store().Latest().NonceAt(w.account)
			if err != nil {
				t.Fatal(err)
			}
			if nonce == felt.FromUint64(uint64(life+1)*3) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("life %d: nonce %v after 20 s; calls %s", life, nonce, r)
			}
			time.Sleep(20 * time.Millisecond)
		}
		height, _ := a.Info()
		if height <= last {
			t.Errorf("life %d: height %d after %d", life, height, last)
		}
		last = height
		for h := uint64(1); h <= height; h++ {
			meta := n.BlockStore().LoadBlockMeta(int64(h))
			_, head, ok, err := a.Store().Header(h - 1)
			if err != nil || !ok {
				t.Fatal(err)
			}
			if root := head.StateRoot.Bytes(); meta == nil || !bytes.Equal(meta.Header.AppHash, root[:]) {
				t.Errorf("block %d signs app hash %v, state root of block %d is %x", h, meta, h-1, root)
			}
		}
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		n.Wait()
		if calls := r.String(); !grammar.MatchString(calls) || (life == 0) != strings.HasPrefix(calls, "i") {
			t.Errorf("life %d: calls %s", life, calls)
		}
	}
}
