//go:build unix

package watcher

import (
	"context"
	"fmt"
	"os"
	runtimemetrics "runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
)

// TestPace measures how many ERC20 transfers, covered whole, a watcher proves in a second, for scripts/bench/watch. STARKD_BENCH is the time of the
// measurement. The chain is in this process and has all its blocks, of STARKD_BENCH_BLOCK transfers (100 by default), before the watcher begins, so the
// watcher always has enough to do: it executes, records, proves and stores as fast as it can.
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
	total := int(want.Seconds()) * 40
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
	if err := f.Run(ctx); err != nil {
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
	fmt.Printf("%d transfers proved whole in %.0f s: %.2f a second, %.0f steps each; %.0f s of processor time; %s; at most %d MiB\n",
		proved, took.Seconds(), float64(proved)/took.Seconds(), f.lag.perTx, used.Seconds(), strings.Join(phases, ", "), peak>>20)
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
