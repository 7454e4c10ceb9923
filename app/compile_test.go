package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/starknet"
)

// slowCompiler is a compiler that counts its calls. It rejects classes whose ABI begins with "reject".
type slowCompiler struct {
	count atomic.Int64
	let   chan struct{} // if not nil, each call receives from it first
}

func (s *slowCompiler) compile(c *starknet.ContractClass, p *sierra.Program) (*casm.Class, error) {
	s.count.Add(1)
	if s.let != nil {
		<-s.let
	}
	if strings.HasPrefix(c.ABI, "reject") {
		return nil, errors.New("rejected by the test")
	}
	return compile(c, p)
}

// compilingChain returns a chain that compiles all classes after genesis with s.
func compilingChain(t *testing.T, s *slowCompiler) *chain {
	c := newChain(t)
	store, err := state.Open(c.db)
	if err != nil {
		t.Fatal(err)
	}
	engine := engines.New(t)
	if c.app, err = New(store, engine, s.compile, Config{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// declareOf returns a DECLARE of a class with the given ABI, which is part of the class hash.
func declareOf(t *testing.T, a *account, nonce uint64, abi string) *starknet.Declare {
	definition := *class(t, contracts.Fibonacci)
	definition.ABI = abi
	d := &starknet.Declare{
		Common: starknet.Common{Nonce: u(nonce), ResourceBounds: bounds()}, SenderAddress: a.address, Class: &definition, ClassHash: definition.Hash(),
		CompiledClassHash: official()[classHash(t, contracts.Fibonacci)].BlakeHash(),
	}
	return d
}

func (c *chain) checked(raw []byte, recheck bool) CheckResult {
	c.t.Helper()
	r, err := c.app.CheckTx(raw, recheck)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// compiledAll waits until all queued classes are compiled.
func (c *chain) compiledAll() {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		c.app.classes.mu.Lock()
		n := len(c.app.classes.jobs)
		c.app.classes.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%d classes still wait to be compiled", n)
		}
	}
}

// TestUnsignedDeclare checks that a class is compiled only after the sender's signature was verified, and a rejected class only once.
func TestUnsignedDeclare(t *testing.T) {
	s := &slowCompiler{}
	c := compilingChain(t, s)
	unsigned := declareOf(t, c.alice, 0, "[]1")
	unsigned.Signature = []felt.Felt{u(1), u(1)}
	raw, err := starknet.MarshalTransaction(unsigned)
	if err != nil {
		t.Fatal(err)
	}
	c.rejects("unsigned", executor.ValidationFailure, "", raw)
	if err := c.app.CheckDeclare(t.Context(), unsigned, raw); !isRejection(err, executor.ValidationFailure) {
		t.Errorf("CheckDeclare answers %v", err)
	}
	if n := s.count.Load(); n != 0 {
		t.Errorf("the class of an unsigned DECLARE was compiled %d times", n)
	}
	bad := declareOf(t, c.alice, 0, "reject")
	raw = c.alice.sign(t, bad)
	for range 3 {
		if err := c.app.CheckDeclare(t.Context(), bad, raw); !isRejection(err, executor.CompilationFailed) {
			t.Errorf("CheckDeclare answers %v", err)
		}
		c.rejects("a class that does not compile", executor.CompilationFailed, "rejected by the test", raw)
	}
	if n := s.count.Load(); n != 1 {
		t.Errorf("a rejected class was compiled %d times", n)
	}
}

func isRejection(err error, reason executor.Reason) bool {
	r, ok := errors.AsType[*executor.Rejection](err)
	return ok && r.Reason == reason
}

// TestCompilingInBackground checks that while classes wait to be compiled the mempool answers, blocks are made without them, and
// further classes are rejected when the queue is full.
func TestCompilingInBackground(t *testing.T) {
	s := &slowCompiler{let: make(chan struct{})}
	c := compilingChain(t, s)
	var waiting [][]byte
	var first *starknet.Declare
	for i := range maxSenderClasses + 1 {
		d := declareOf(t, c.alice, uint64(i), fmt.Sprint("[]", i))
		if i == 0 {
			first = d
		}
		raw := c.alice.sign(t, d)
		got := c.checked(raw, false)
		if i < maxSenderClasses && got.Code != 0 {
			t.Fatalf("DECLARE %d is answered %d %s", i, got.Code, got.Detail)
		}
		if i == maxSenderClasses && (got.Code != uint32(executor.UnexpectedError) || !strings.Contains(got.Detail, "busy: 4 classes of account")) {
			t.Fatalf("DECLARE %d is answered %d %q", i, got.Code, got.Detail)
		}
		if got.Code == 0 {
			waiting = append(waiting, raw)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.app.CheckDeclare(ctx, first, waiting[0]); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("CheckDeclare answers %v before its class is compiled", err)
	}
	transfer := c.bob.sign(t, c.bob.transfer(c.alice.address, 5))
	if got := c.checked(transfer, false); got.Code != 0 {
		t.Fatalf("a transfer is answered %d %s", got.Code, got.Detail)
	}
	txs, err := c.app.Propose(c.next(append(waiting, transfer)...), 1<<22)
	if err != nil || len(txs) != 1 {
		t.Fatalf("%d transactions are proposed (%v), want the transfer", len(txs), err)
	}
	c.run(txs...)
	for _, raw := range waiting {
		if got := c.checked(raw, true); got.Code != 0 {
			t.Errorf("a DECLARE that waits is evicted: %d %s", got.Code, got.Detail)
		}
	}
	close(s.let)
	c.compiledAll()
	if txs, err = c.app.Propose(c.next(waiting...), 1<<22); err != nil || len(txs) != len(waiting) {
		t.Fatalf("%d of %d DECLAREs are proposed (%v)", len(txs), len(waiting), err)
	}
	c.run(txs...)
	if n := s.count.Load(); n != int64(len(waiting)) {
		t.Errorf("%d classes were compiled %d times", len(waiting), n)
	}
	if class, err := c.app.exec.Classes.Get(c.app.store.Latest(), declareOf(t, c.alice, 0, "[]0").ClassHash); err != nil || class == nil || class.Gas == nil {
		t.Errorf("a declared class has no gas info for the native engine: %v, %v", class, err)
	}
}

// TestWrongCompiledHash checks that a DECLARE with a wrong compiled class hash, which the mempool accepts before its class is compiled,
// is evicted by the next recheck.
func TestWrongCompiledHash(t *testing.T) {
	c := compilingChain(t, &slowCompiler{})
	d := declareOf(t, c.alice, 0, "[]")
	d.CompiledClassHash = u(5)
	raw := c.alice.sign(t, d)
	if got := c.checked(raw, false); got.Code != 0 {
		t.Fatalf("it is answered %d %s", got.Code, got.Detail)
	}
	c.compiledAll()
	if got := c.checked(raw, true); got.Code != uint32(executor.CompiledClassHashMismatch) {
		t.Errorf("a recheck answers %d %s", got.Code, got.Detail)
	}
}

// TestDeclareRoom checks the bounds of the DECLAREs that are decoded between two blocks, before their senders are verified, and of
// those that wait.
func TestDeclareRoom(t *testing.T) {
	c := compilingChain(t, &slowCompiler{})
	size := func(n int) []byte {
		d := declareOf(t, c.alice, 0, "")
		d.Class.ABI = strings.Repeat("x", n)
		d.Signature = []felt.Felt{u(1), u(uint64(n))}
		raw, err := starknet.MarshalTransaction(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	first := size(3_000_000)
	rest := maxHashed - len(first)
	n := rest
	exact := size(n)
	for range 3 {
		n += rest - len(exact)
		exact = size(n)
	}
	if len(exact) != rest {
		t.Fatalf("a DECLARE of %d bytes, want %d", len(exact), rest)
	}
	if got := c.checked(first, false); got.Code != uint32(executor.ValidationFailure) {
		t.Errorf("the first is answered %d %s", got.Code, got.Detail)
	}
	if got := c.checked(exact, false); got.Code != uint32(executor.ValidationFailure) {
		t.Errorf("a DECLARE that just fits is answered %d %s", got.Code, got.Detail)
	}
	one := size(1)
	if got := c.checked(one, false); got.Code != uint32(executor.UnexpectedError) || !strings.Contains(got.Detail, "busy") {
		t.Errorf("one more is answered %d %s", got.Code, got.Detail)
	}
	if got := c.checked(first, false); got.Code != uint32(executor.ValidationFailure) {
		t.Errorf("the first again is answered %d %s", got.Code, got.Detail)
	}
	c.run()
	if got := c.checked(one, false); got.Code != uint32(executor.ValidationFailure) {
		t.Errorf("one more after the next block is answered %d %s", got.Code, got.Detail)
	}
	p := &c.app.pool
	p.classes = maxPoolClasses - 10
	if err := p.roomFor(10); err != nil {
		t.Error(err)
	}
	if err := p.roomFor(11); !isRejection(err, executor.UnexpectedError) {
		t.Errorf("a DECLARE beyond the pool's room is answered %v", err)
	}
}

// TestDeclareRoomOfAccount checks that the DECLAREs of one account, whose nonces may never be reached, do not exclude those of other
// accounts.
func TestDeclareRoomOfAccount(t *testing.T) {
	c := compilingChain(t, &slowCompiler{})
	overhead := len(c.alice.sign(t, declareOf(t, c.alice, 5, ""))) + 10
	large := func(a *account, nonce uint64, size int) []byte { // of size bytes, or a few less if the signature is short
		d := declareOf(t, a, nonce, strings.Repeat("x", size-overhead))
		d.ResourceBounds.L2Gas.MaxAmount = 9_000_000_000
		return a.sign(t, d)
	}
	first := large(c.alice, 5, starknet.MaxTransactionBytes)
	if got := c.checked(first, false); got.Code != 0 {
		t.Fatalf("a DECLARE of %d bytes is answered %d %s", len(first), got.Code, got.Detail)
	}
	c.compiledAll()
	rest := maxSenderBytes - len(first)
	for _, step := range []struct {
		what string
		raw  []byte
		busy bool
	}{
		{"some bytes too many of the account", large(c.alice, 6, rest+30), true},
		{"one that just fits", large(c.alice, 6, rest), false},
		{"the first again", first, false},
		{"another account's", large(c.bob, 0, starknet.MaxTransactionBytes), false},
	} {
		c.run() // resets the bytes that may be hashed between two blocks
		got := c.checked(step.raw, false)
		if busy := strings.Contains(got.Detail, fmt.Sprintf("busy: DECLAREs of %d bytes of account", len(first))); busy != step.busy || !busy && got.Code != 0 {
			t.Errorf("%s is answered %d %s", step.what, got.Code, got.Detail)
		}
		c.compiledAll()
	}
	for _, e := range c.app.pool.byHash.Values() {
		c.app.pool.drop(c.app.pool.declares[e.id].hash)
	}
	if n := len(c.app.pool.senders); n != 0 {
		t.Errorf("DECLAREs of %d accounts are still counted when none waits", n)
	}
}

// TestPoolClasses checks that the bytes of waiting DECLAREs are counted until they leave the mempool, and that a recheck does not decode
// them again.
func TestPoolClasses(t *testing.T) {
	c := compilingChain(t, &slowCompiler{})
	raw := c.alice.sign(t, declareOf(t, c.alice, 0, "[]"))
	for range 2 {
		if got := c.checked(raw, false); got.Code != 0 {
			t.Fatalf("it is answered %d %s", got.Code, got.Detail)
		}
	}
	// Even if other transactions evict it from the cache, it is not decoded again.
	c.app.decoded.kept.Purge()
	c.app.decoded.bytes = 0
	if got := c.checked(raw, true); got.Code != 0 || c.app.decoded.kept.Len() != 0 {
		t.Errorf("a recheck answers %d %s and decodes %d transactions", got.Code, got.Detail, c.app.decoded.kept.Len())
	}
	if c.app.pool.classes != len(raw) {
		t.Errorf("%d bytes wait, want %d", c.app.pool.classes, len(raw))
	}
	c.run(raw)
	if c.app.pool.classes != 0 || len(c.app.pool.declares) != 0 {
		t.Errorf("%d bytes and %d DECLAREs wait after the block", c.app.pool.classes, len(c.app.pool.declares))
	}
}

// TestStuck checks that a transaction that waits for a missing nonce is evicted, and that one whose nonce will be reached is not.
func TestStuck(t *testing.T) {
	c := newChain(t)
	gap := c.alice.transfer(c.bob.address, 5)
	gap.Nonce = u(5)
	raw := c.alice.sign(t, gap)
	next, after := c.bob.sign(t, c.bob.transfer(c.alice.address, 5)), c.bob.sign(t, c.bob.transfer(c.alice.address, 5))
	for _, tx := range [][]byte{raw, next, after} {
		if got := c.checked(tx, false); got.Code != 0 {
			t.Fatalf("it is answered %d %s", got.Code, got.Detail)
		}
	}
	for range pendingBlocks - 1 {
		c.run()
	}
	if got := c.checked(raw, true); got.Code != 0 {
		t.Errorf("after %d blocks it is answered %d %s", pendingBlocks-1, got.Code, got.Detail)
	}
	c.run()
	if got := c.checked(raw, true); got.Code != uint32(executor.InvalidTransactionNonce) {
		t.Errorf("after %d blocks it is answered %d %s", pendingBlocks, got.Code, got.Detail)
	}
	for _, tx := range [][]byte{next, after} {
		if got := c.checked(tx, true); got.Code != 0 {
			t.Errorf("one that only waits is answered %d %s", got.Code, got.Detail)
		}
	}
}
