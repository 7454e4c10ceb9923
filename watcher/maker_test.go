package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/watcher/proofstore"
)

// scarce is S-two's system with memory for runs of at most some steps. Its proofs are empty.
type scarce struct {
	stwoSystem
	most uint64
}

func (s *scarce) prove(_ context.Context, r *run, _ func(string, int, int)) (*block.Proof, error) {
	steps := uint64(0)
	for i := range r.input.Opcodes {
		steps += uint64(r.input.Opcodes[i].Len())
	}
	steps++ // the last state
	if steps > s.most {
		return nil, &stwo.MemoryError{Need: int64(steps), Bound: int64(s.most)}
	}
	return new(block.Proof), nil
}

// spin returns a transaction of 9 steps for each round, and 1,968 more.
func (l *local) spin(rounds uint64) []byte {
	return l.invoke(l.wallet.Address, wallet.Call{To: probe, Name: "spin", Calldata: []felt.Felt{felt.FromUint64(rounds)}})
}

// candidateOf records a block of the chain as a watcher of S-two does.
func (l *local) candidateOf(height uint64) *candidate {
	l.t.Helper()
	trace, err := l.app.TraceCalls(l.t.Context(), height, vm.NewEngine(), cairoos.Options{Layout: cairoos.LayoutStwo}.MaxWords())
	if err != nil {
		l.t.Fatal(err)
	}
	return &candidate{height: height, weight: weigh(trace), trace: trace, input: osBlock(trace)}
}

// TestMemoryIsShort checks what a maker does with runs that need too much memory: it splits those of several transactions, and leaves out a transaction that
// is too long alone. A block without proven transactions gets a proof that has none. Later batches get longer runs again.
func TestMemoryIsShort(t *testing.T) {
	l := newLocal(t)
	const long, short = 40_000, 3_000 // more than 2^18 steps; five are more than 2^17
	l.block(l.spin(short), l.spin(long), l.spin(short), l.spin(short), l.spin(short), l.spin(short), l.spin(short))
	l.block(l.spin(long))
	blocks := []*candidate{l.candidateOf(1), l.candidateOf(2)}
	alone := func(c *candidate, i int) uint64 {
		one := *c.input
		one.Transactions = one.Transactions[i : i+1]
		trace, err := cairoos.Run([]*cairoos.Block{&one}, cairoos.Options{Layout: cairoos.LayoutStwo})
		if err != nil {
			t.Fatal(err)
		}
		return uint64(len(trace.Registers))
	}
	steps := alone(blocks[0], 1)
	if steps <= 1<<18 || steps > 1<<20 || alone(blocks[0], 0) > 1<<16 {
		t.Fatalf("transactions of %d and %d steps", steps, alone(blocks[0], 0))
	}
	at := func(transactions ...int) (refs []cairoos.Ref) {
		for _, i := range transactions {
			refs = append(refs, cairoos.Ref{Block: 0, Transaction: i})
		}
		return refs
	}
	last := []cairoos.Ref{{Block: 1, Transaction: 0}}
	for name, c := range map[string]struct {
		memory, maxSteps, maxAlone uint64
		parts                      [][]cairoos.Ref // nil for a proof without transactions
		unproven                   uint64          // the bound in the reason of the long ones; 0 if they are proved
		left                       uint64          // the bound on runs after the batch
	}{
		"enough for the long ones":          {steps, 1 << 18, 1 << 20, [][]cairoos.Ref{at(0), at(1), at(2, 3, 4, 5, 6), last}, 0, 1 << 18},
		"a step too little":                 {steps - 1, 1 << 18, 1 << 20, [][]cairoos.Ref{at(0), at(2, 3, 4, 5, 6), nil}, 1 << 18, 1 << 18},
		"for short runs":                    {1 << 17, 1 << 18, 1 << 20, [][]cairoos.Ref{at(0), at(2, 3, 4, 5), at(6), nil}, 1 << 18, 1 << 17},
		"for one transaction at a time":     {40_000, 1 << 18, 1 << 20, [][]cairoos.Ref{at(0), at(2), at(3), at(4), at(5), at(6), nil}, 1 << 18, 1 << 15},
		"not alone":                         {steps, 1 << 18, 1 << 18, [][]cairoos.Ref{at(0, 2, 3, 4, 5, 6), nil}, 1 << 18, 1 << 18},
		"the long ones fit with the others": {1 << 21, 1 << 21, 1 << 21, [][]cairoos.Ref{append(at(0, 1, 2, 3, 4, 5, 6), last...)}, 0, 1 << 21},
	} {
		s := &scarce{stwoSystem: stwoSystem{params: *StwoParams(20, 2)}, most: c.memory}
		m := newMaker(s, c.maxSteps, c.maxAlone, slog.New(slog.DiscardHandler))
		b := newBatch(blocks)
		m.prepare(t.Context(), b)
		if err := m.prove(t.Context(), b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var parts [][]cairoos.Ref
		for _, p := range b.parts {
			parts = append(parts, p.transactions)
			if len(p.transactions) == 0 && p.block != 1 {
				t.Errorf("%s: a proof without transactions of block %d", name, p.block)
			}
		}
		if !reflect.DeepEqual(parts, c.parts) {
			t.Errorf("%s: parts %v, want %v", name, parts, c.parts)
		}
		var unproven []cairoos.Ref
		for _, u := range b.unproven {
			unproven = append(unproven, u.Ref)
			if long, ok := errors.AsType[*cairoos.TooLongError](u.Err); !ok || long.MaxSteps != c.unproven || long.First != blocks[u.Block].input.Transactions[u.Transaction].Info.Hash {
				t.Errorf("%s: %v: %v, want the bound %d", name, u.Ref, u.Err, c.unproven)
			}
		}
		if want := append(at(1), last...); (c.unproven > 0) != slices.Equal(unproven, want) || c.unproven == 0 && len(unproven) > 0 {
			t.Errorf("%s: unproven %v", name, unproven)
		}
		if m.maxSteps() != c.left {
			t.Errorf("%s: the bound on runs is then %d, want %d", name, m.maxSteps(), c.left)
		}
		if groups := fmt.Sprint(b.groups()); groups != "[[0] [1]]" && name != "the long ones fit with the others" {
			t.Errorf("%s: groups %v", name, groups)
		}
	}

	// A batch that fits lengthens the runs of the next ones, up to the configured length.
	s := &scarce{stwoSystem: stwoSystem{params: *StwoParams(20, 2)}, most: 1 << 20}
	m := newMaker(s, 1<<18, 1<<18, slog.New(slog.DiscardHandler))
	m.steps.Store(1 << 16)
	for _, want := range []uint64{1 << 17, 1 << 18, 1 << 18} {
		b := newBatch(blocks[1:])
		m.prepare(t.Context(), b)
		if err := m.prove(t.Context(), b); err != nil || m.maxSteps() != want {
			t.Errorf("the bound on runs is %d, want %d: %v", m.maxSteps(), want, err)
		}
	}
	// A transaction that is too large to prove and of at most 2^17 steps cannot be left out as too long. It does not shorten runs.
	s.most = 100
	l.block(l.spin(short))
	b := newBatch([]*candidate{l.candidateOf(3)})
	m.prepare(t.Context(), b)
	if err := m.prove(t.Context(), b); !errors.As(err, new(*stwo.MemoryError)) || m.maxSteps() != 1<<18 {
		t.Errorf("got %v and the bound %d on runs, want a MemoryError and %d", err, m.maxSteps(), 1<<18)
	}
}

// TestCheckTooLong checks that only a transaction of more than LeastSteps steps counts as too long.
func TestCheckTooLong(t *testing.T) {
	l := newLocal(t)
	length := func(c *candidate, i int) uint64 {
		one := *c.input
		one.Transactions = one.Transactions[i : i+1]
		trace, err := cairoos.Run([]*cairoos.Block{&one}, cairoos.Options{Layout: cairoos.LayoutStwo})
		if err != nil {
			t.Fatal(err)
		}
		return cairoos.Length(trace)
	}
	const perRound = 9
	l.block(l.spin(10))
	most := 10 + (LeastSteps-length(l.candidateOf(1), 0))/perRound // rounds
	l.block(l.spin(10), l.spin(most), l.spin(most+1), l.invoke(l.wallet.Address, handOn(1000)))
	c := l.candidateOf(2)
	if good, bad := length(c, 1), length(c, 2); good > LeastSteps || bad != good+perRound || bad <= LeastSteps {
		t.Fatalf("lengths of %d and %d, want the last one that is not too long and the next", good, bad)
	}
	for i, tooLong := range []bool{false, false, true, true} { // the last one's arrays are too long
		err := CheckTooLong(t.Context(), l.app, vm.NewEngine(), statement.FormatStwo, 2, []int{2, i})
		if (err == nil) != tooLong {
			t.Errorf("transaction %d: %v, want an error: %t", i, err, !tooLong)
		}
	}
	for _, i := range []int{-1, 4} {
		if err := CheckTooLong(t.Context(), l.app, vm.NewEngine(), statement.FormatStwo, 2, []int{i}); err == nil {
			t.Errorf("there is no transaction %d", i)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	want := errors.New("the end")
	cancel(want)
	if err := CheckTooLong(ctx, l.app, vm.NewEngine(), statement.FormatStwo, 2, []int{0}); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// TestLongTransaction proves a block with a transaction that is longer than a proof of several may be, between two short ones, and a block with one that is
// too long for a proof alone. Both have a bundle that a verifier accepts. The second says that it covers nothing, and a validator finds that it is so.
func TestLongTransaction(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("proofs of S-two: set STARKD_FULL=1 (make test-full)")
	}
	const maxSteps, maxAlone = 1 << 14, 1 << 17
	l := newLocal(t)
	to := felt.FromUint64(0xbe)
	l.block(l.invoke(l.wallet.Address, wallet.Transfer(to, 1)), l.spin(3_000), l.invoke(l.wallet.Address, wallet.Transfer(to, 2)))
	l.block(l.spin(40_000))
	w := l.watcher
	w.system = &stwoSystem{params: *StwoParams(20, 2)}
	w.config.MaxSteps, w.config.MaxAlone = maxSteps, maxAlone
	w.maker = newMaker(w.system, maxSteps, maxAlone, w.log)
	for height, c := range map[int]struct {
		status   proofstore.Status
		proofs   []int // transactions of each
		unproven []string
	}{
		1: {proofstore.Proved, []int{1, 1, 1}, nil},
		2: {proofstore.NotProved, []int{0}, []string{"it needs more than 131072 steps"}},
	} {
		b, results := l.verified(height)
		record, bundle, err := w.proveBlock(t.Context(), b, results)
		if err != nil {
			t.Fatal(err)
		}
		var proofs []int
		for _, p := range record.Proofs {
			proofs = append(proofs, len(p.Transactions))
		}
		var unproven []string
		for _, u := range record.Unproven {
			unproven = append(unproven, u.Reason)
		}
		if record.Status != c.status || !slices.Equal(proofs, c.proofs) || !slices.Equal(unproven, c.unproven) || record.StateRoot == "" {
			t.Errorf("block %d: %+v", height, record)
		}
		proof, err := block.Parse(bundle)
		if err != nil {
			t.Fatal(err)
		}
		anchor, err := headers.Verify(proof, &headers.Trust{Genesis: w.trusted})
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := block.Verify(proof, anchor, prover.Policy{MinBits: 22})
		if err != nil {
			t.Fatalf("block %d: %v", height, err)
		}
		var left []int
		for i, tx := range verdict.Outcome.Transactions {
			if tx.Unproven != nil {
				left = append(left, i)
			}
		}
		if len(left) != len(c.unproven) {
			t.Errorf("block %d: %d transactions are not covered", height, len(left))
		}
		if err := CheckTooLong(t.Context(), l.app, vm.NewEngine(), verdict.Format, uint64(height), left); err != nil {
			t.Errorf("block %d: a validator refuses the bundle: %v", height, err)
		}
		// A proof without transactions is accepted only if there are none to prove: otherwise a bundle would leave them out without a reason.
		if height == 2 {
			proof.Witness.Unproven = nil
			if _, err := block.Verify(proof, anchor, prover.Policy{MinBits: 22}); err == nil || !strings.Contains(err.Error(), "0 transactions, want 1 to 1") {
				t.Errorf("the transaction is left out without a reason: %v", err)
			}
		}
	}
}
