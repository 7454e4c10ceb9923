//go:build unix

package watcher

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/watcher/queue"
)

// TestPace measures how many ERC20 transfers, covered whole, a watcher proves in a second, for scripts/bench/watch. STARKD_BENCH is the time of the
// measurement. The chain is in this process and has all its blocks, of STARKD_BENCH_BLOCK transfers (100 by default), before the watcher begins, so the
// watcher always has enough to do: it executes, records, proves and stores as fast as it can. With STARKD_BENCH_WORKERS, that many processes prove for it.
func TestPace(t *testing.T) {
	want, err := time.ParseDuration(os.Getenv("STARKD_BENCH"))
	if err != nil {
		t.Skip("a benchmark: scripts/bench/watch runs it")
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	perBlock := number("STARKD_BENCH_BLOCK", 100)
	maxSteps := uint64(1) << number("STARKD_BENCH_LOG_STEPS", 20)
	l := newLocal(t)
	total := int(want.Seconds()) * 60
	for sent := 0; sent < total; sent += perBlock {
		var txs [][]byte
		for i := range perBlock {
			txs = append(txs, l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(uint64(1000+(sent+i)%500)), 1)))
		}
		l.block(txs...)
	}
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "file://"+t.TempDir()+"?no_tmp_dir=true&metadata=skip")
	f.system = &stwoSystem{params: *StwoParams(26, 70)}
	f.config.MaxSteps = maxSteps
	f.steps.Store(maxSteps)
	var workers []*benchWorker
	if n := number("STARKD_BENCH_WORKERS", 0); n > 0 {
		workers = f.benchWorkers(t, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), want)
	defer cancel()
	var peak uint64
	go func() {
		sample := []runtimemetrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for ctx.Err() == nil {
			runtimemetrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64()-sample[1].Value.Uint64())
			time.Sleep(100 * time.Millisecond)
		}
	}()
	started, used := time.Now(), processorTime(t)
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for ctx.Err() == nil && f.config.Proofs.Cursor() < uint64(len(l.txs)) { // until the end of the time, or of the chain
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	took := time.Since(started)
	used = processorTime(t) - used
	proved := 0
	for height := uint64(1); height <= f.config.Proofs.Cursor(); height++ {
		record, err := f.config.Proofs.Record(t.Context(), height)
		if err != nil {
			t.Fatal(err)
		}
		proved += len(record.Transactions) - len(record.Unproven)
	}
	var phases []string
	families, err := f.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "starkd_watcher_phase_seconds_total" {
			for _, m := range family.Metric {
				phases = append(phases, fmt.Sprintf("%s %.1f s", m.Label[0].GetValue(), m.Counter.GetValue()))
			}
		}
	}
	f.lag.mu.Lock()
	defer f.lag.mu.Unlock()
	fmt.Printf("%d transfers proved whole in %.0f s: %.2f a second, %.2f a second and core, %.0f steps each; %.0f s of processor time; %s; at most %d MiB\n",
		proved, took.Seconds(), float64(proved)/took.Seconds(), float64(proved)/took.Seconds()/float64(runtime.NumCPU()), f.lag.perTx, used.Seconds(),
		strings.Join(phases, ", "), peak>>20)
	made := map[string]int{}
	for i, w := range workers {
		fmt.Printf("worker %d: %s\n", i+1, w.end(t, made))
	}
	if len(workers) > 0 {
		twice := 0
		for _, times := range made {
			twice += times - 1
		}
		fmt.Printf("%d jobs proved by %d workers, %d of them twice\n", len(made), len(workers), twice)
		if twice > 0 {
			t.Errorf("%d jobs were proved twice", twice)
		}
	}
}

// benchWorker is a process that proves jobs of the benchmark's watcher.
type benchWorker struct {
	cmd *exec.Cmd
	log string
}

// benchWorkers gives the watcher a queue and n workers, which are processes.
func (f *follower) benchWorkers(t *testing.T, n int) (workers []*benchWorker) {
	t.Helper()
	q, err := queue.Open(t.Context(), queue.Config{URL: "embedded://127.0.0.1:0", Dir: t.TempDir(), Log: f.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	f.pool = &pool{
		queue: q, objects: f.config.Proofs, policy: f.policy(), log: f.log,
		demand: demand{Version: workVersion, System: SystemStwo, PowBits: 26, Queries: 70, MaxSteps: f.config.MaxSteps, MaxAlone: f.config.MaxSteps},
	}
	dir := t.TempDir()
	starkd := filepath.Join(dir, "starkd")
	build := exec.Command("go", "build", "-o", starkd, "./cmd/starkd")
	build.Dir = golden.ModuleRoot(t)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	for i := range n {
		w := &benchWorker{log: filepath.Join(dir, fmt.Sprintf("worker%d.log", i+1))}
		file, err := os.Create(w.log)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		w.cmd = exec.Command(starkd, "prove-worker", "--queue", "nats://"+q.Address(), "--store", f.url, "--name", fmt.Sprintf("worker%d", i+1))
		w.cmd.Stderr = file
		if err := w.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.cmd.Process.Kill() }) // after a failure
		workers = append(workers, w)
	}
	return workers
}

var jobDone = regexp.MustCompile(`msg="a job is done" job=(\S+) result="?(\w+).* seconds=(\S+) prove_seconds=(\S+)`)

// end ends a worker. It adds the jobs that it has proved to made, and returns what they took.
func (w *benchWorker) end(t *testing.T, made map[string]int) string {
	t.Helper()
	w.cmd.Process.Signal(syscall.SIGTERM)
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("%s: %v", w.log, err)
	}
	log, err := os.ReadFile(w.log)
	if err != nil {
		t.Fatal(err)
	}
	jobs, total, proving := 0, 0.0, 0.0
	for _, m := range jobDone.FindAllStringSubmatch(string(log), -1) {
		if m[2] != "stored" {
			continue
		}
		jobs++
		made[m[1]]++
		all, _ := strconv.ParseFloat(m[3], 64)
		proved, _ := strconv.ParseFloat(m[4], 64)
		total, proving = total+all, proving+proved
	}
	state := w.cmd.ProcessState
	text := fmt.Sprintf("%d jobs; prove %.1f s, the rest of the jobs %.1f s; %.0f s of processor time", jobs, proving, total-proving, (state.UserTime() + state.SystemTime()).Seconds())
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		text += fmt.Sprintf("; at most %d MiB", usage.Maxrss>>10)
	}
	return text
}

// processorTime returns the processor time that this process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
