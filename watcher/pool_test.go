package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	jsonv2 "github.com/go-json-experiment/json"

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

// mortal is a store that fails, and ends its watcher, from an operation on.
type mortal struct {
	*proofstore.Store
	mu   sync.Mutex
	left int // operations until then
	die  func()
}

// step counts an operation, and returns an error once the watcher is dead.
func (s *mortal) step() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		s.die()
		return errors.New("dead")
	}
	s.left--
	return nil
}

func (s *mortal) PutInput(ctx context.Context, input []byte) (string, string, error) {
	return withStep2(s, func() (string, string, error) { return s.Store.PutInput(ctx, input) })
}
func (s *mortal) HasProof(ctx context.Context, job string) (bool, error) {
	return withStep(s, func() (bool, error) { return s.Store.HasProof(ctx, job) })
}
func (s *mortal) Proof(ctx context.Context, job string) ([]byte, error) {
	return withStep(s, func() ([]byte, error) { return s.Store.Proof(ctx, job) })
}
func (s *mortal) Proofs(ctx context.Context) ([]string, error) {
	return withStep(s, func() ([]string, error) { return s.Store.Proofs(ctx) })
}
func (s *mortal) PutPlan(ctx context.Context, p *proofstore.Plan) (*proofstore.Plan, error) {
	return withStep(s, func() (*proofstore.Plan, error) { return s.Store.PutPlan(ctx, p) })
}
func (s *mortal) Plans(ctx context.Context) ([]*proofstore.Plan, error) {
	return withStep(s, func() ([]*proofstore.Plan, error) { return s.Store.Plans(ctx) })
}
func (s *mortal) DeleteInput(ctx context.Context, key string) error {
	_, err := withStep(s, func() (any, error) { return nil, s.Store.DeleteInput(ctx, key) })
	return err
}
func (s *mortal) DeleteProof(ctx context.Context, job string) error {
	_, err := withStep(s, func() (any, error) { return nil, s.Store.DeleteProof(ctx, job) })
	return err
}
func (s *mortal) DeletePlan(ctx context.Context, first uint64) error {
	_, err := withStep(s, func() (any, error) { return nil, s.Store.DeletePlan(ctx, first) })
	return err
}

func withStep[T any](s *mortal, do func() (T, error)) (zero T, err error) {
	if err := s.step(); err != nil {
		return zero, err
	}
	return do()
}

func withStep2[T, U any](s *mortal, do func() (T, U, error)) (zero T, zero2 U, err error) {
	if err := s.step(); err != nil {
		return zero, zero2, err
	}
	return do()
}

// clerk takes jobs and proves nothing: its results say that each transaction is too long. It counts the results that it makes.
func clerk(ctx context.Context, t *testing.T, q *queue.Queue, store *proofstore.Store, made map[string]int) {
	for {
		lease, err := q.Take(ctx, "clerk")
		if err != nil {
			return
		}
		j := lease.Job()
		switch data, err := store.Input(ctx, j.Input, j.Digest, j.Size); {
		case err == nil:
			d, blocks, err := decodeWork(data)
			if err != nil {
				t.Error(err)
			}
			r := result{Version: workVersion, Proofs: []resultProof{}}
			for i, b := range blocks {
				for n := range b.Transactions {
					r.Unproven = append(r.Unproven, resultTooBig{[2]int{i, n}, d.MaxSteps})
				}
			}
			out, err := jsonv2.Marshal(&r)
			if err != nil {
				t.Error(err)
			}
			if has, err := store.HasProof(ctx, j.Name); err == nil && !has {
				made[j.Name]++
				if _, err := store.PutProof(ctx, j.Name, out); err != nil {
					t.Error(err)
				}
			}
		case !errors.Is(err, proofstore.ErrNotFound):
			t.Error(err)
		}
		if err := lease.Done(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// TestPoolGoesOn ends a watcher before each operation of its pool on the store, and starts it again, with another bound on the blocks of a batch. The jobs must
// be those of the first run, each is done once, and nothing of them is left.
func TestPoolGoesOn(t *testing.T) {
	t.Parallel()
	f := pooled(t, 3)
	q, demand := f.pool.queue, f.pool.demand
	f.steps.Store(1) // each block is a batch
	f.until(t, func() bool {
		s, err := q.Status(t.Context())
		return err == nil && s.Waiting == 3
	})
	made := map[string]int{}
	demand.MaxSteps, demand.MaxAlone = 2*demand.MaxSteps, 2*demand.MaxAlone // more memory is free now
	ctx, stop := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { clerk(ctx, t, q, f.config.Proofs, made) })
	for left := 0; len(planned(t, f.config.Proofs)) > 0; left++ {
		again := follow(t, f.source.local, f.config.Genesis, f.db, f.url)
		again.system = f.system
		running, die := context.WithCancel(t.Context())
		store := &mortal{Store: again.config.Proofs, left: left, die: die}
		again.pool = &pool{queue: q, objects: store, policy: f.pool.policy, log: f.log, demand: demand}
		done := make(chan error, 1)
		go func() { done <- again.Run(running) }()
		for running.Err() == nil && len(planned(t, again.config.Proofs)) > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		die()
		if err := <-done; err != nil {
			t.Fatalf("the watcher that dies at operation %d: %v", left, err)
		}
		if left > 100 {
			t.Fatalf("after 100 runs %d blocks are handled", again.config.Proofs.Cursor())
		}
	}
	stop()
	worker.Wait()
	if cursor := f.config.Proofs.Cursor(); cursor > 0 {
		t.Errorf("the first run, which had no worker, has handled %d blocks", cursor)
	}
	for height := uint64(1); height <= 3; height++ {
		if _, err := f.config.Proofs.Record(t.Context(), height); err != nil {
			t.Errorf("block %d: %v", height, err)
		}
	}
	if len(made) != 3 {
		t.Errorf("%d jobs were done, want 3: %v", len(made), made)
	}
	for name, times := range made {
		if times != 1 {
			t.Errorf("job %s was done %d times", name, times)
		}
	}
	if names, err := f.config.Proofs.Proofs(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("results are left: %v, %v", names, err)
	}
	if s, err := q.Status(t.Context()); err != nil || s.Waiting+s.Running+s.SetAside > 0 {
		t.Errorf("the queue has %+v, %v", s, err)
	}
	if inputs, err := os.ReadDir(strings.TrimPrefix(f.url, "file://") + "/inputs"); err != nil || len(inputs) > 0 {
		t.Errorf("%d inputs are left, %v", len(inputs), err)
	}
}

// planned returns the plans of a store.
func planned(t *testing.T, s *proofstore.Store) []*proofstore.Plan {
	t.Helper()
	plans, err := s.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

// TestWorkIsRead checks that inputs and results of jobs are read back, and that wrong ones are refused with the reason.
func TestWorkIsRead(t *testing.T) {
	f := pooled(t, 1)
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, results := f.source.verified(1)
	if _, err := f.replica.replay(b); err != nil {
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
