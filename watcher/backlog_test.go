package watcher

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
)

// heights returns the heights of a batch.
func heights(batch []*candidate) []uint64 {
	var h []uint64
	for _, c := range batch {
		h = append(h, c.height)
	}
	return h
}

// TestBacklog checks which blocks make a batch: all that wait if the prover is idle, else only as many as fill a proof; a block that is larger than a proof
// is alone; blocks with nothing to prove do not wait.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(func() uint64 { return 100 })
		put := func(height, weight uint64) {
			if !b.put(t.Context(), &candidate{height: height, weight: weight}) {
				t.Fatal("the context has ended")
			}
		}
		waits := func(why string) {
			t.Helper()
			if got := b.next(); got != nil {
				t.Fatalf("%s: got the batch %v, want to wait", why, heights(got))
			}
		}
		takes := func(want ...uint64) {
			t.Helper()
			if got := heights(b.take(t.Context())); !slices.Equal(got, want) {
				t.Fatalf("got the batch %v, want %v", got, want)
			}
		}
		waits("nothing there")
		put(1, 0)
		takes(1)
		put(2, 30)
		put(3, 0)
		waits("a proof that is not full, and the prover is busy")
		b.setIdle(true)
		takes(2, 3)
		put(4, 30)
		waits("the prover has been given a batch")
		put(5, 60)
		put(6, 20)
		takes(4, 5)
		put(7, 80)
		takes(6, 7)
		put(8, 500)
		takes(8)
		put(9, 30)
		put(10, 150)
		takes(9)
		takes(10)

		// A full backlog makes put wait, and take wakes it.
		put(11, 100)
		put(12, 100)
		done := make(chan struct{})
		go func() { put(13, 1); close(done) }()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("a backlog of two batches takes a third")
		default:
		}
		takes(11)
		<-done
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		takes(12)
		if got := b.take(ended); got != nil {
			t.Errorf("got the batch %v after the end of the context", heights(got))
		}
	})
}

// TestPlannedBatches checks that a planned batch has the planned blocks, however heavy they are, and that it is not joined to those before it.
func TestPlannedBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog(func() uint64 { return 100 })
		takes := func(want ...uint64) {
			t.Helper()
			if got := heights(b.take(t.Context())); !slices.Equal(got, want) {
				t.Fatalf("got the batch %v, want %v", got, want)
			}
		}
		b.plan(2, 6)
		b.plan(8, 8)
		for height, weight := range []uint64{0, 0, 90, 0, 90, 90} {
			if !b.put(t.Context(), &candidate{height: uint64(height), weight: weight}) {
				t.Fatal("the context has ended")
			}
		}
		b.setIdle(true)
		if got := b.next(); got != nil {
			t.Fatalf("got the batch %v without its last block", heights(got))
		}
		b.put(t.Context(), &candidate{height: 6, weight: 90})
		takes(0, 1, 2, 3, 4, 5, 6)
		b.put(t.Context(), &candidate{height: 7, weight: 10})
		b.put(t.Context(), &candidate{height: 8, weight: 10})
		b.put(t.Context(), &candidate{height: 9, weight: 10})
		takes(7)
		takes(8)

		// Another watcher has planned more blocks than were taken.
		b.setIdle(true)
		all := b.take(t.Context())
		b.putBack(all)
		b.plan(9, 10)
		if got := b.next(); got != nil {
			t.Fatalf("got the batch %v without its last block", heights(got))
		}
		b.put(t.Context(), &candidate{height: 10, weight: 500})
		takes(9, 10)
	})
}

// TestLag checks the lag, its estimates, and when it is said to grow.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLag(newMetrics())
		l.add(100)
		if w := l.status(); w != (Waiting{Transactions: 100}) {
			t.Errorf("before the first proof: %+v", w)
		}
		time.Sleep(10 * time.Second)
		l.measured(50, 50_000)
		l.sub(50)
		if w := l.status(); w != (Waiting{Transactions: 50, Steps: 50_000, Seconds: 10, Rate: 5, TransactionSteps: 1000}) {
			t.Errorf("after half of them: %+v", w)
		}
		// The pace is that of the last minutes, and the time at rest does not count.
		l.sub(50)
		time.Sleep(time.Hour)
		l.add(1200)
		time.Sleep(time.Minute)
		l.sub(1200)
		if w := l.status(); w.Rate < 17 || w.Rate > 20 {
			t.Errorf("after 1,200 in a minute: %+v", w)
		}
		l.add(50)
		var said []string
		for minute := range 2*lagMinutes + 1 {
			l.add(1)
			if minute == 2*lagMinutes {
				l.sub(30)
			}
			if text := l.sample(); text != "" {
				said = append(said, text)
			}
			if grows := l.status().Grows; grows != (minute >= lagMinutes-1 && minute < 2*lagMinutes) {
				t.Errorf("minute %d: grows is %t", minute, grows)
			}
		}
		if len(said) != 3 || !strings.HasPrefix(said[0], "proving falls behind") || said[2] != "proving keeps up again" {
			t.Errorf("said %q", said)
		}
	})
}

// TestBlocksOfOneProof checks that small blocks that wait together share a proof and a bundle, which is refused without one of them. A block
// between them is empty.
func TestBlocksOfOneProof(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of S-two: set STARKD_FULL=1 (make test-full)")
	}
	l := newLocal(t)
	to := felt.FromUint64(0xbe)
	transfer := func() []byte { return l.invoke(l.wallet.Address, wallet.Transfer(to, 1)) }
	l.block(transfer(), transfer())
	l.block()
	l.block(l.invoke(l.wallet.Address, hades(1)))
	l.block(l.invoke(restless, wallet.Transfer(to, 4)))
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.system = &stwoSystem{params: *StwoParams(26, 70)}
	// All blocks are executed before the prover begins, so that they are one batch.
	for height := 1; height <= 4; height++ {
		b, _ := l.verified(height)
		if height == 1 {
			if err := f.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.replica.replay(b); err != nil {
			t.Fatal(err)
		}
	}
	var all []*candidate
	for height := 1; height <= 4; height++ {
		b, results := l.verified(height)
		c := &candidate{height: uint64(height)}
		if len(b.Txs) > 0 {
			var err error
			if c, err = f.record(t.Context(), b, results); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	b := newBatch(all)
	f.prepare(t.Context(), b)
	if err := f.prove(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if len(b.parts) != 1 || len(b.parts[0].transactions) != 4 || len(b.unproven) != 0 {
		t.Fatalf("%d proofs, %v", len(b.parts), b.unproven)
	}
	groups := b.groups()
	if len(groups) != 1 {
		t.Fatalf("groups %v", groups)
	}
	done, err := f.finish(b, groups[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, height := range []uint64{1, 3, 4} {
		if record := done.records[i]; record.Block != height || len(record.Proofs) != 1 || len(record.Unproven) != 0 || len(record.Proofs[0].Transactions) != len(record.Transactions) {
			t.Errorf("block %d: record %+v", height, record)
		}
	}
	bundle, err := block.Parse(done.bundle)
	if err != nil {
		t.Fatal(err)
	}
	trust := &headers.Trust{Genesis: f.trusted}
	anchors, err := headers.VerifyRange(bundle, trust)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	verdict, err := block.VerifyRange(bundle, anchors, prover.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, verified in %v, %v, %d steps", len(done.bundle), time.Since(started), verdict.Security, verdict.Steps)
	for _, v := range verdict.Blocks {
		for _, tx := range v.Outcome.Transactions {
			if tx.Unproven != nil || len(tx.UnprovenParts) > 0 {
				t.Errorf("%+v", tx)
			}
		}
	}
	if bundle.Block != 1 || bundle.Last() != 4 || !bundle.Has(3) || bundle.Has(2) {
		t.Errorf("the bundle is of the blocks %d to %d", bundle.Block, bundle.Last())
	}
	// Without one of its blocks, or with one twice or in another order, the proof is refused.
	for name, change := range map[string]func(b *block.Bundle){
		"the last block left out":   func(b *block.Bundle) { b.Others = b.Others[:1] },
		"the middle one left out":   func(b *block.Bundle) { b.Others = b.Others[1:] },
		"all others left out":       func(b *block.Bundle) { b.Others = nil },
		"one twice":                 func(b *block.Bundle) { b.Others = append(b.Others, b.Others[1]) },
		"another order":             func(b *block.Bundle) { b.Others[0], b.Others[1] = b.Others[1], b.Others[0] },
		"a class that is not there": func(b *block.Bundle) { b.Others[1].Witness.Classes[0].Hash = felt.One },
		"another's witness":         func(b *block.Bundle) { b.Others[0].Witness = b.Others[1].Witness },
	} {
		other, err := block.Parse(done.bundle)
		if err != nil {
			t.Fatal(err)
		}
		change(other)
		anchors, err := headers.VerifyRange(other, trust)
		if err == nil {
			_, err = block.VerifyRange(other, anchors, prover.Policy{})
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			t.Logf("%s: %.140v", name, err)
		}
	}
	// A trusted header of the last block says nothing of blocks before a gap.
	next, err := headers.ParseSignedHeader(bundle.Others[1].Headers[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := headers.VerifyRange(bundle, &headers.Trust{Header: next.Header.Hash()}); err == nil || !strings.Contains(err.Error(), "blocks 1 and 3") {
		t.Errorf("a trusted header after a gap: %v", err)
	}
	f.measure(b)
	perWeight := f.progress.stepsPerWeight()
	t.Logf("%.2f steps for a unit of weight", perWeight)
	if perWeight < 0.5 || perWeight > 3 {
		t.Errorf("the weight of blocks is far from their steps: %.2f", perWeight)
	}
}
