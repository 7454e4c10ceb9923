package watcher

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/watcher/proofstore"
	"github.com/starkd/starkd/watcher/queue"
)

// pooled returns a watcher of a chain with blocks of one transfer each, whose proofs workers make, with few bits of security.
func pooled(t *testing.T, blocks int) *follower {
	t.Helper()
	l := newLocal(t)
	for range blocks {
		l.block(l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(0xbe), 1)))
	}
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "file://"+t.TempDir())
	q, err := queue.Open(t.Context(), queue.Config{Dir: t.TempDir(), Lease: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	f.system = &stwoSystem{params: *StwoParams(20, 2)}
	f.pool = &pool{
		queue: q, objects: f.config.Proofs, policy: prover.Policy{MinBits: 22}, log: f.log,
		demand: demand{Version: workVersion, System: SystemStwo, PowBits: 20, Queries: 2, MaxSteps: f.maxSteps(), MaxAlone: 2 * f.maxSteps()},
	}
	return f
}

// lying is a store that changes the first result of a job.
type lying struct {
	*proofstore.Store
	mu   sync.Mutex
	lies int
}

func (s *lying) PutProof(ctx context.Context, job string, proof []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lies++; s.lies == 1 {
		proof = []byte(strings.Replace(string(proof), `"version":2`, `"version":7`, 1))
	}
	return s.Store.PutProof(ctx, job, proof)
}

// TestPool checks that workers prove the blocks of a watcher. The first stores a wrong result, which is refused and made again.
func TestPool(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("proofs of S-two: set STARKD_FULL=1 (make test-full)")
	}
	f := pooled(t, 3)
	ctx, stop := context.WithCancel(t.Context())
	store := &lying{Store: f.config.Proofs}
	var workers sync.WaitGroup
	for i := range 2 {
		workers.Go(func() {
			if err := Work(ctx, WorkerConfig{Queue: f.pool.queue, Store: store, Name: fmt.Sprintf("worker-%d", i), Log: f.log}); err != nil {
				t.Error(err)
			}
		})
	}
	f.until(t, func() bool { return f.Status().ProvedHeight == 3 })
	stop()
	workers.Wait()
	if store.lies < 2 {
		t.Errorf("%d results were stored, and the first was wrong", store.lies)
	}
	for height := uint64(1); height <= 3; height++ {
		if record, err := f.config.Proofs.Record(t.Context(), height); err != nil || record.Status != proofstore.Proved || len(record.Unproven) != 0 {
			t.Errorf("block %d: %+v, %v", height, record, err)
		}
	}
}

// TestWorkIsRead checks that inputs and results of jobs are read back, and that wrong ones are refused with the reason.
func TestWorkIsRead(t *testing.T) {
	f := pooled(t, 1)
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, results := f.source.verified(1)
	if err := f.replica.replay(b); err != nil {
		t.Fatal(err)
	}
	c, err := f.record(t.Context(), b, results)
	if err != nil {
		t.Fatal(err)
	}
	good, err := encodeWork(f.pool.demand, []*cairoos.Block{c.input})
	if err != nil {
		t.Fatal(err)
	}
	d, blocks, err := decodeWork(good)
	if err != nil || d != f.pool.demand || len(blocks) != 1 || blocks[0].Number != 1 {
		t.Fatalf("%+v, %d blocks, %v", d, len(blocks), err)
	}
	for want, change := range map[string][2]string{
		"version 3":               {`"version":2`, `"version":3`},
		"262144 steps of a tran":  {`"max_steps":131072`, `"max_steps":524288`},
		"131071 steps of a tran":  {`"max_alone":262144`, `"max_alone":131071`},
		"alone, want a power":     {`"max_alone":262144`, `"max_alone":262145`},
		"268435456 steps of a":    {`"max_alone":262144`, `"max_alone":268435456`},
		"99 bits of work":         {`"pow_bits":20`, `"pow_bits":99`},
		"0 queries":               {`"queries":2`, `"queries":0`},
		"1024 bytes":              {`{"version"`, strings.Repeat(" ", maxDemand) + `{"version"`},
		"power of two":            {`"max_steps":131072`, `"max_steps":131073`},
		"unknown object member":   {`"queries":2`, `"queries":2,"x":1`},
		"watcher: the input of a": {`{"version"`, `["version"`},
	} {
		if want == "1024 bytes" {
			want = "a line of at most 512 bytes"
		}
		if _, _, err := decodeWork([]byte(strings.Replace(string(good), change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q for %q: %v", change[1], change[0], err)
		}
	}
	if _, _, err := decodeWork(good[:len(good)-1]); err == nil {
		t.Error("an input without its last byte is accepted")
	}
	one := newBatch([]*candidate{c})
	long := `{"transaction":[0,0],"max_steps":131072}`
	for result, want := range map[string]string{
		`{"version":2,"proofs":[],"not_provable":[` + long + `]}`:                                                                       "",
		`{"version":3,"proofs":[],"not_provable":[` + long + `]}`:                                                                       "version 3",
		`{"version":2,"proofs":[],"not_provable":[]}`:                                                                                   "leaves out 1",
		`{"version":2,"proofs":[],"not_provable":[` + long + `,` + long + `]}`:                                                          "transaction 0 of block 0, which is not left",
		`{"version":2,"proofs":[],"not_provable":[{"transaction":[0,1],"max_steps":131072}]}`:                                           "transaction 1 of block 0",
		`{"version":2,"proofs":[],"not_provable":[{"transaction":[0,0],"max_steps":262144}]}`:                                           "",
		`{"version":2,"proofs":[],"not_provable":[{"transaction":[0,0],"max_steps":524288}]}`:                                           "more than 524288 steps",
		`{"version":2,"proofs":[{"transactions":[],"block":1,"steps":1,"milliseconds":1,"proof":null}],"not_provable":[` + long + `]}`:  "want 0 of a block below 1",
		`{"version":2,"proofs":[{"transactions":[],"block":-1,"steps":1,"milliseconds":1,"proof":null}],"not_provable":[` + long + `]}`: "want 0 of a block below 1",
		`{"version":2,"proofs":[{"transactions":[[0,0]],"block":1,"steps":1,"milliseconds":1,"proof":null}],"not_provable":[]}`:         "want 0 of a block below 1",
		`{"version":2,"proofs":[{"transactions":[],"block":0,"steps":1,"milliseconds":1,"proof":null}],"not_provable":[` + long + `]}`:  "no proof",
		`{"version":2,"proofs":[],"not_provable":[{"transaction":[0,0],"max_steps":65536}]}`:                                            "more than 65536 steps",
		`{"version":2,"proofs":[{"transactions":[[0,0]],"steps":1,"milliseconds":1,"proof":{"stwo":"AQ=="}}],"not_provable":[]}`:        "not a proof in binary form",
		`{"version":2,"proofs":[{"transactions":[[0,0]],"steps":1,"milliseconds":1,"proof":null}],"not_provable":[],"padding":"0"}`:     "unknown object member",
		`{"version":2,"proofs":[{"transactions":[[0,0]],"steps":1,"milliseconds":1,"proof":null          }],"not_provable":[]}`:         "no proof",
		`[]`: "the result of a job",
	} {
		err := decodeResult(one, []byte(result), f.pool.demand, f.pool.policy)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", result, err, want)
		}
	}
}

// FuzzDecodeResult checks that no result of a worker makes the reader fail in another way than with an error.
func FuzzDecodeResult(f *testing.F) {
	f.Add([]byte(`{"version":2,"proofs":[{"transactions":[[0,0]],"steps":1,"milliseconds":1,"proof":{"stwo":"AQ=="}}],"not_provable":[]}`))
	f.Add([]byte(`{"version":2,"proofs":[],"not_provable":[{"transaction":[0,0],"max_steps":131072}]}`))
	b := &batch{blocks: []*candidate{{input: &cairoos.Block{Transactions: make([]cairoos.Transaction, 2)}}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		decodeResult(b, data, demand{MaxSteps: 1 << 17, MaxAlone: 1 << 18}, prover.Policy{})
	})
}

// FuzzDecodeWork checks the same of the inputs of jobs.
func FuzzDecodeWork(f *testing.F) {
	f.Add([]byte("{\"version\":1,\"system\":\"stwo\",\"pow_bits\":20,\"queries\":2,\"max_steps\":131072,\"max_alone\":131072}\nstarkdjob\x01"))
	f.Fuzz(func(t *testing.T, data []byte) { decodeWork(data) })
}
