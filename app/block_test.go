package app

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// finalize finalizes a block on a node.
func finalize(t *testing.T, a *App, b *Block) *Finalized {
	t.Helper()
	f, err := a.Finalize(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestDeterminism checks that nodes that propose, validate or only replay the same blocks agree on every byte that consensus hashes.
func TestDeterminism(t *testing.T) {
	proposer, validator, replayer := newChain(t), newChain(t), newChain(t)
	pool := [][]byte{}
	alice, bob := proposer.alice, proposer.bob
	for i := range uint64(4) {
		pool = append(pool, alice.sign(t, alice.transfer(bob.address, 5+i)), bob.sign(t, bob.invoke(call{proposer.counter, "increment", nil})))
	}
	pool[0], pool[4] = pool[4], pool[0] // nonces out of order
	for round := range 13 {
		offer := pool
		if round > 0 {
			offer = nil
			for range 3 {
				offer = append(offer, alice.sign(t, alice.transfer(u(uint64(0x100+round)), 1)))
			}
		}
		b := proposer.next(offer...)
		txs, err := proposer.app.Propose(b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(txs) != len(offer) {
			t.Fatalf("block %d: %d transactions of %d are proposed", b.Height, len(txs), len(offer))
		}
		b.Txs = txs
		for _, c := range []*chain{proposer, validator} {
			if err := c.app.Process(b); err != nil {
				t.Fatal(err)
			}
		}
		want := finalize(t, proposer.app, b)
		for name, c := range map[string]*chain{"validator": validator, "replayer": replayer} {
			if d := cmp.Diff(want, finalize(t, c.app, b)); d != "" {
				t.Fatalf("block %d: the %s differs:\n%s", b.Height, name, d)
			}
		}
		for _, c := range []*chain{proposer, validator, replayer} {
			if err := c.app.Commit(); err != nil {
				t.Fatal(err)
			}
			c.height++
		}
	}
	// From block 10 on, the state has the hash of the block ten blocks earlier.
	_, old, _, err := replayer.app.Store().Header(2)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := replayer.app.Store().Latest().StorageAt(starknet.BlockHashAddress, u(2)); err != nil || got != old.BlockHash {
		t.Errorf("hash of block 2 in the state: %v (%v), want %v", got, err, old.BlockHash)
	}
}

// diskDies is a database whose process is killed at one of its writes. Later writes fail; the batch at which it is killed is
// applied or not.
type diskDies struct {
	dbm.DB
	left    int // batches until the process is killed
	applied bool
}

var errKilled = errors.New("killed")

func (d *diskDies) NewBatch() dbm.Batch { return &dyingBatch{d.DB.NewBatch(), d} }

func (d *diskDies) Set(_, _ []byte) error     { panic("a write outside a batch") }
func (d *diskDies) SetSync(_, _ []byte) error { panic("a write outside a batch") }
func (d *diskDies) Delete([]byte) error       { panic("a write outside a batch") }
func (d *diskDies) DeleteSync([]byte) error   { panic("a write outside a batch") }

type dyingBatch struct {
	dbm.Batch
	db *diskDies
}

func (b *dyingBatch) Write() error { panic("a batch that is not synced") }

func (b *dyingBatch) WriteSync() error {
	if b.db.left--; b.db.left > 0 {
		return b.Batch.WriteSync()
	}
	if b.db.left == 0 && b.db.applied {
		if err := b.Batch.WriteSync(); err != nil {
			return err
		}
	}
	return errKilled
}

// TestKilled checks that a node that is killed at any write, or between Finalize and Commit, restarts at the old or the new height,
// and that a replay by consensus brings it to the right state.
func TestKilled(t *testing.T) {
	straight := newChain(t)
	var blocks []*Block
	var hashes [][]byte
	for i := range uint64(3) {
		b := straight.next(straight.alice.sign(t, straight.alice.transfer(straight.bob.address, 5)), straight.bob.sign(t, straight.bob.transfer(u(0x77+i), 1)))
		hashes = append(hashes, finalize(t, straight.app, b).AppHash)
		if err := straight.app.Commit(); err != nil {
			t.Fatal(err)
		}
		straight.height++
		blocks = append(blocks, b)
	}
	for died := 1; died <= 4; died++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d applied %v", died, applied), func(t *testing.T) {
				disk := dbm.NewMemDB()
				c := &chain{t: t, db: &diskDies{disk, died, applied}, genesis: straight.genesis}
				c.open()
				_, err := c.app.InitGenesis(testChain, testTime, c.genesis)
				for i := 0; err == nil && i < len(blocks); i++ {
					finalize(t, c.app, blocks[i])
					err = c.app.Commit()
				}
				if !errors.Is(err, errKilled) {
					t.Fatalf("the node was not killed: %v", err)
				}
				// Consensus asks for the app's height and replays the missing blocks.
				c.db = disk
				c.open()
				height, _ := c.app.Info()
				if want := uint64(died - 1); height != want && height+1 != want || c.app.Store().Head() != nil && applied && height != want {
					t.Errorf("killed at write %d, the node is at height %d", died, height)
				}
				if height == 0 {
					if _, err := c.app.InitGenesis(testChain, testTime, c.genesis); err != nil {
						t.Fatal(err)
					}
				}
				for i := int(height); i < len(blocks); i++ {
					finalize(t, c.app, blocks[i])
					f := finalize(t, c.app, blocks[i]) // again, as after a crash of consensus only
					if !bytes.Equal(f.AppHash, hashes[i]) {
						t.Errorf("block %d: app hash %x, want %x", i+1, f.AppHash, hashes[i])
					}
					if err := c.app.Commit(); err != nil {
						t.Fatal(err)
					}
				}
				if got, appHash := c.app.Info(); got != 3 || !bytes.Equal(appHash, hashes[2]) {
					t.Errorf("at the end: height %d, app hash %x", got, appHash)
				}
			})
		}
	}
}

// TestOrder checks that calls that break the order of consensus are errors and have no effects.
func TestOrder(t *testing.T) {
	c := newChain(t)
	if err := c.app.Commit(); !errors.Is(err, errOrder) {
		t.Errorf("commit before a block: %v", err)
	}
	b := c.next()
	b.Height = 2
	for name, f := range map[string]func() error{
		"finalize": func() error { _, err := c.app.Finalize(b); return err },
		"process":  func() error { return c.app.Process(b) },
		"propose":  func() error { _, err := c.app.Propose(b, 1000); return err },
	} {
		if err := f(); !errors.Is(err, errOrder) {
			t.Errorf("%s of block 2 after genesis: %v", name, err)
		}
	}
	c.run()
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis); !errors.Is(err, errOrder) {
		t.Errorf("genesis after block 1: %v", err)
	}
	late := c.next()
	late.Timestamp = testTime
	if err := c.app.Process(late); err == nil {
		t.Error("a block before its parent was accepted")
	}
}

// TestRejectedInDecidedBlock checks that a rejected transaction of a decided block has no effects and that its result has the reason.
func TestRejectedInDecidedBlock(t *testing.T) {
	c := newChain(t)
	good := c.alice.sign(t, c.alice.transfer(c.bob.address, 5))
	b := c.next([]byte("nonsense"), good, good)
	f := finalize(t, c.app, b)
	if err := c.app.Commit(); err != nil {
		t.Fatal(err)
	}
	if f.Results[0].Code != uint32(executor.UnexpectedError) || f.Results[1].Code != 0 || f.Results[2].Code != uint32(executor.InvalidTransactionNonce) {
		t.Errorf("results %+v", f.Results)
	}
	block, _, err := c.app.Store().Block(1)
	if err != nil || len(block.Transactions) != 1 {
		t.Errorf("%d transactions in the block (%v), want 1", len(block.Transactions), err)
	}
}

// TestProposalLimits checks that a proposal stays within the limits of bytes, number, gas and steps and takes the transactions that
// fit.
func TestProposalLimits(t *testing.T) {
	c := newChain(t)
	g := *c.app.genesis.Load()
	var pool [][]byte
	for range 6 {
		pool = append(pool, c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))
	}
	propose := func(maxBytes int64) int {
		txs, err := c.app.Propose(c.next(pool...), maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		return len(txs)
	}
	if got := propose(2*protoBytes(pool[0]) + 10); got != 2 {
		t.Errorf("bytes for 2: %d", got)
	}
	limited := g
	limited.Limits.BlockTransactions = 3
	c.app.genesis.Store(&limited)
	if got := propose(1 << 20); got != 3 {
		t.Errorf("3 transactions: %d", got)
	}
	if err := c.app.Process(c.next(pool[:4]...)); err == nil {
		t.Error("a block of 4 transactions was accepted")
	}
	limited = g
	limited.Limits.BlockL2Gas = 2_600_000
	c.app.genesis.Store(&limited)
	for i := range pool {
		tx, _ := starknet.UnmarshalTransaction(pool[i])
		tx.Fields().ResourceBounds.L2Gas.MaxAmount = 2_000_000
		pool[i] = c.alice.sign(t, tx)
	}
	if got := propose(1 << 20); got != 2 {
		t.Errorf("gas for 2: %d", got)
	}
	if err := c.app.Process(c.next(pool[:3]...)); err == nil {
		t.Error("a block above its gas was accepted")
	}
	limited = g
	limited.Limits.BlockSierraGas = 2_200_000
	c.app.genesis.Store(&limited)
	if got := propose(1 << 20); got < 1 || got > 3 {
		t.Errorf("Sierra gas for a few: %d", got)
	} else if err := c.app.Process(c.next(pool[:got+1]...)); err == nil {
		t.Error("a block above its Sierra gas was accepted")
	}
	c.app.genesis.Store(&g)
	c.app.config.BlockSteps = 1
	if got := propose(1 << 20); got != 1 {
		t.Errorf("one step: %d transactions, want 1, which a block may always have", got)
	}
	c.app.config.BlockSteps = 0
	for _, p := range []struct {
		pace *Pace
		want int
	}{
		{&Pace{0, 0}, 1}, // a block may always have one
		{&Pace{1, 1 << 40}, 1}, {&Pace{2, 1 << 40}, 2}, {&Pace{1 << 40, 1}, 1},
		{nil, len(pool)}, {&Pace{uint64(len(pool)), 1 << 40}, len(pool)},
	} {
		c.app.SetPace(p.pace)
		if got := propose(1 << 20); got != p.want {
			t.Errorf("pace %+v: %d transactions, want %d", p.pace, got, p.want)
		}
	}
}

// TestMempool checks that the mempool accepts transactions ahead of the account's nonce, one for each nonce, and those of an account
// whose deployment waits.
func TestMempool(t *testing.T) {
	c := newChain(t)
	check := func(name string, raw []byte, recheck bool, want executor.Reason) {
		t.Helper()
		if got, err := c.app.CheckTx(raw, recheck); err != nil || got.Code != uint32(want) {
			t.Errorf("%s: code %d %q (%v), want %d", name, got.Code, got.Detail, err, want)
		}
	}
	var ahead [][]byte
	for range 3 {
		ahead = append(ahead, c.alice.sign(t, c.alice.transfer(c.bob.address, 5)))
	}
	for i, raw := range ahead {
		check(fmt.Sprintf("nonce %d", i), raw, false, 0)
	}
	check("again", ahead[1], false, 0)
	c.alice.nonce = 1
	check("another with nonce 1", c.alice.sign(t, c.alice.transfer(c.bob.address, 6)), false, executor.InvalidTransactionNonce)

	carol := newAccount(t, 1003)
	c.run(c.bob.sign(t, c.bob.transfer(carol.address, 5*tokens)))
	deploy := &starknet.DeployAccount{
		Common: carol.common(), ClassHash: c.accountClass(), ContractAddressSalt: carol.private, ConstructorCalldata: []felt.Felt{carol.public()},
	}
	use := carol.transfer(c.bob.address, 1)
	for _, tx := range []starknet.Transaction{deploy, use} {
		tx.Fields().ResourceBounds.L2Gas.MaxPricePerUnit = starknet.NewUint128(defaultPrice)
	}
	raw := carol.sign(t, use)
	check("use before deployment", raw, false, executor.ValidationFailure)
	check("deployment", carol.sign(t, deploy), false, 0)
	check("use after deployment", raw, false, 0)
	if !c.app.Pending(use.Hash(c.app.ChainID())) {
		t.Error("the use is not pending")
	}
	c.run(carol.sign(t, deploy), raw)
	if c.app.Pending(use.Hash(c.app.ChainID())) {
		t.Error("the use is pending after its block")
	}
	c.run(ahead[0])
	check("deployed in a block", carol.sign(t, deploy), true, executor.InvalidTransactionNonce)
	check("in a block", ahead[0], true, executor.InvalidTransactionNonce)
	check("still waiting", ahead[1], true, 0)
}

func (c *chain) accountClass() felt.Felt {
	hash, err := c.app.Store().Latest().ClassHashAt(c.alice.address)
	if err != nil {
		c.t.Fatal(err)
	}
	return hash
}

// TestReads checks that traces, simulations and calls run on the requested state.
func TestReads(t *testing.T) {
	c := newChain(t)
	r := c.run(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))[0]
	c.run(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))
	for height, want := range []uint64{10, 11, 12} {
		got, err := c.app.Call(c.t.Context(), starknet.At{Block: uint64(height)}, c.counter, executor.Selector("get"), nil)
		if err != nil || len(got) != 1 || got[0] != u(want) {
			t.Errorf("counter at height %d: %v (%v), want %d", height, got, err, want)
		}
	}
	outcomes, err := c.app.TraceBlock(c.t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, outcomes[0].Receipt); d != "" {
		t.Errorf("trace of block 1 has another receipt:\n%s", d)
	}
	diff, _, err := c.app.Store().StateDiff(1)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(diff, outcomes[0].Diff); d != "" {
		t.Errorf("trace of block 1 has another state difference:\n%s", d)
	}
	inner := outcomes[0].Execute.Inner
	if len(inner) != 1 || inner[0].Contract != c.counter || inner[0].Caller != c.alice.address || outcomes[0].Validate == nil || outcomes[0].FeeTransfer == nil {
		t.Errorf("calls of the trace: %+v", outcomes[0].Execute)
	}

	// An estimate needs neither a signature nor bounds, and equals the transaction's later cost.
	tx := c.alice.invoke(call{c.counter, "increment", nil})
	tx.ResourceBounds, tx.Query, tx.Signature = starknet.ResourceBounds{}, true, []felt.Felt{{}, {}}
	sim, err := c.app.Simulate(c.t.Context(), starknet.At{Block: 2, Next: true}, []starknet.Transaction{tx}, executor.Options{SkipFee: true, SkipValidate: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.count(); got != 12 {
		t.Errorf("a simulation left the counter at %d", got)
	}
	if sim[0].Receipt.ActualFee.IsZero() || sim[0].Validate != nil || sim[0].FeeTransfer != nil {
		t.Errorf("simulation: %+v", sim[0])
	}
	sim, err = c.app.Simulate(c.t.Context(), starknet.At{Block: 2}, []starknet.Transaction{tx}, executor.Options{SkipFee: true}, nil)
	var failed *SimulationError
	if !errors.As(err, &failed) || failed.Index != 0 {
		t.Errorf("simulation of a bad signature: %v %v", sim, err)
	}
	for name, want := range map[string]struct {
		contract felt.Felt
		selector string
		reason   executor.Reason
	}{
		"contract":    {u(0xdead), "get", executor.ContractNotFound},
		"entry point": {c.counter, "nothing", executor.EntrypointNotFound},
		"panic":       {c.counter, "get_nothing", executor.EntrypointNotFound},
	} {
		_, err := c.app.Call(c.t.Context(), starknet.At{Block: 2}, want.contract, executor.Selector(want.selector), nil)
		if r, ok := errors.AsType[*executor.Rejection](err); !ok || r.Reason != want.reason {
			t.Errorf("%s: %v, want reason %d", name, err, want.reason)
		}
	}
	if _, err := c.app.Call(c.t.Context(), starknet.At{Block: 2}, c.counter, executor.Selector("increment"), []felt.Felt{u(1)}); err == nil {
		t.Error("a call with too much calldata succeeded")
	}
}

// BenchmarkBlock runs a block of 200 transfers to new accounts: execution, state root and writing to disk.
func BenchmarkBlock(b *testing.B) {
	db, err := dbm.NewGoLevelDB("bench", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c := newChainOn(b, db)
	var run, seal, commit time.Duration
	next := uint64(1 << 32)
	for b.Loop() {
		var txs [][]byte
		for range 200 {
			next++
			txs = append(txs, c.alice.sign(b, c.alice.transfer(u(next), 1)))
		}
		block := c.next(txs...)
		start := time.Now()
		if err := c.app.Process(block); err != nil {
			b.Fatal(err)
		}
		ran := time.Now()
		if _, err := c.app.Finalize(block); err != nil {
			b.Fatal(err)
		}
		sealed := time.Now()
		if err := c.app.Commit(); err != nil {
			b.Fatal(err)
		}
		run, seal, commit = run+ran.Sub(start), seal+sealed.Sub(ran), commit+time.Since(sealed)
		c.height++
	}
	for name, d := range map[string]time.Duration{"run": run, "seal": seal, "commit": commit} {
		b.ReportMetric(float64(d.Microseconds())/float64(200*b.N), "µs/tx-"+name)
	}
}

// TestConcurrentReads runs the mempool, calls and reads while blocks are made. The race detector checks it.
func TestConcurrentReads(t *testing.T) {
	c := newChain(t)
	done := make(chan struct{})
	var readers sync.WaitGroup
	raw := c.bob.sign(t, c.bob.transfer(c.alice.address, 1))
	for _, read := range []func(){
		func() {
			if got, err := c.app.CheckTx(raw, false); err != nil || got.Code != 0 {
				t.Errorf("mempool: %+v %v", got, err)
			}
		},
		func() {
			height, _ := c.app.Info()
			out, err := c.app.Call(c.t.Context(), starknet.At{Block: height}, starknet.StrkAddress, executor.Selector("balance_of"), []felt.Felt{c.bob.address})
			want := new(felt.Felt).Add(ptr(felt.FromUint128(54, 3875820019684212736)), ptr(u(height)))
			if err != nil || out[0] != *want {
				t.Errorf("bob has %v at height %d (%v), want %v", out, height, err, want)
			}
		},
		func() {
			height, _ := c.app.Info()
			if _, err := c.app.TraceBlock(c.t.Context(), height, nil); err != nil {
				t.Error(err)
			}
			if _, _, err := c.app.Store().Prove(height, nil, []felt.Felt{c.bob.address}, nil); err != nil {
				t.Error(err)
			}
		},
	} {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					read()
				}
			}
		})
	}
	for range 8 {
		c.run(c.alice.sign(t, c.alice.transfer(c.bob.address, 1)))
	}
	close(done)
	readers.Wait()
}

// TestProposalWaste checks that a proposer tries transactions that only fail in a block once, and that the next recheck evicts
// them.
func TestProposalWaste(t *testing.T) {
	c := newChain(t)
	var pool [][]byte
	for i := range uint64(maxWasted) {
		c.alice.nonce = 0
		tx := c.alice.transfer(c.bob.address, i)
		c.alice.sign(t, tx)
		tx.Signature[1] = u(i + 1)
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		pool = append(pool, raw)
	}
	pool = append(pool, c.bob.sign(t, c.bob.transfer(c.alice.address, 1)))
	for i, want := range []int{0, 1} {
		txs, err := c.app.Propose(c.next(pool...), 1<<20)
		if err != nil || len(txs) != want {
			t.Errorf("proposal %d has %d transactions (%v), want %d", i, len(txs), err, want)
		}
	}
	for _, raw := range pool[:maxWasted] {
		if got, err := c.app.CheckTx(raw, true); err != nil || got.Code != uint32(executor.ValidationFailure) {
			t.Errorf("recheck of a failed transaction: %+v %v", got, err)
		}
	}
}

// TestMempoolReplacement checks that a transaction that has waited too long no longer excludes another with its nonce.
func TestMempoolReplacement(t *testing.T) {
	c := newChain(t)
	first := c.alice.sign(t, c.alice.transfer(c.bob.address, 1))
	c.alice.nonce = 0
	second := c.alice.sign(t, c.alice.transfer(c.bob.address, 2))
	check := func(raw []byte, want executor.Reason) {
		t.Helper()
		if got, err := c.app.CheckTx(raw, false); err != nil || got.Code != uint32(want) {
			t.Errorf("at height %d: %+v (%v), want %d", c.height, got, err, want)
		}
	}
	check(first, 0)
	for range pendingBlocks {
		check(second, executor.InvalidTransactionNonce)
		check(first, 0)
		c.run()
	}
	check(second, 0)
}
