package app

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// ahead executes the transactions of a block before their turn, on several cores. It is optimistic concurrency as in Block-STM (Gelashvili
// et al., 2022), arranged so that it cannot change a result: the loop that makes the block stays sequential and takes each transaction in its
// turn. A transaction is a function of what it reads, so a run before its turn is taken over if everything that it read has the same value in
// the block's own state; otherwise the loop runs the transaction itself. Everything else here is prediction: which transactions come
// (next), what they read (versions), and whom they had better wait for.
//
// All transactions add their fee to the balance of the sequencer. Its predicted value is the sum of the fees before, so the fee transfer of
// a run waits until the runs before it know their fees. If only this prediction is wrong, only the fee transfer runs again.
//
// No more goroutines than cores run at a time: each holds one of the tokens and gives it back while it waits. The loop that makes the block has a token of
// its own and gets it back first; then come waiting runs, the earliest first, and then new ones.
type ahead struct {
	run      *run
	exec     *executor.Executor // stops at the end of the block
	versions *state.Versions
	balance  [2]state.Slot                      // of the sequencer: low and high half
	redoing  atomic.Int64                       // index of the task that the loop runs itself, -1 if none
	hot      atomic.Pointer[map[felt.Felt]bool] // contracts whose storage many transactions read too early
	heat     map[felt.Felt]int                  // transactions that read a contract's storage too early; of the loop
	work     chan *task
	workers  sync.WaitGroup

	mu    sync.Mutex
	next  func() ([]byte, bool) // the order in which the transactions are expected
	stop  func()                // ends next
	queue [][]byte              // taken from next
	over  bool
	tasks []*task // all that were started, by index
	turn  int     // index of the task whose turn it is: those below have been taken or passed over
	// All tasks below these indices are decoded, know their fee, have finished.
	decoded, charged, finished int
	held                       [2]felt.Felt // balance of the sequencer after the tasks below turn
	tokens                     int          // not in use
	idle                       int          // workers
	waiting                    []*task
	inside                     int           // tasks in waiting that hold a session of the engine
	loopWaits                  *task         // the task that the loop waits for, or nil
	loop                       chan struct{} // gives a token to the loop
}

// aheadTally counts how the loop came to the results of transactions.
type aheadTally struct{ taken, paidAgain, ranAgain, unexpected int }

// task is a transaction in the expected order.
type task struct {
	index int
	raw   []byte

	// Guarded by ahead.mu.
	decoded, charged, finished bool
	sender                     felt.Felt
	added                      [2]felt.Felt // what it adds to the balance of the sequencer, set if charged
	ready                      func() bool  // what it waits for
	wake                       chan struct{}

	// Written by the worker before finished is set, then used by the loop.
	attempt  *executor.Attempt
	view     *view
	executed *executed // nil if there is no result to take over
	writes   []state.Cell
}

// Bounds of the tasks that are ahead of the block.
const (
	windowPerCore = 16 // started and not taken
	insidePerCore = 4  // waiting inside a call of the engine, which occupies memory
)

// errOver ends the runs that are not needed any more.
var errOver = errors.New("app: the block is complete")

// lookAhead begins to execute transactions of a block ahead of the loop that makes it, if the block runs on several cores. The caller must
// call close.
func (r *run) lookAhead(expected iter.Seq[[]byte]) error {
	if r.versions == nil {
		return nil
	}
	cores := r.app.config.Parallel
	s := &ahead{
		run: r, versions: r.versions, exec: r.app.exec.Until(new(atomic.Bool)), tokens: cores - 1, work: make(chan *task, windowPerCore*cores),
		loop: make(chan struct{}, 1), heat: map[felt.Felt]int{},
	}
	low := executor.BalanceKey(r.env.Sequencer)
	s.balance = [2]state.Slot{{Contract: r.env.FeeToken, Key: low}, {Contract: r.env.FeeToken, Key: *new(felt.Felt).Add(&low, &felt.One)}}
	s.redoing.Store(-1)
	s.next, s.stop = iter.Pull(expected)
	s.versions.Replace(-1, nil, r.overlay)
	if err := s.settle(); err != nil {
		s.stop()
		return err
	}
	r.ahead = s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dispatch()
	return nil
}

// close ends the runs that lookAhead began.
func (r *run) close() {
	if r.ahead != nil {
		r.ahead.close()
		r.ahead = nil
	}
}

// close ends all runs and waits for them.
func (s *ahead) close() {
	s.exec.Stop.Store(true)
	s.mu.Lock()
	s.over = true
	for _, t := range s.waiting {
		t.wake <- struct{}{}
	}
	s.waiting = nil
	close(s.work)
	s.mu.Unlock()
	s.workers.Wait()
	s.stop()
}

// settle reads the balance of the sequencer in the block's state.
func (s *ahead) settle() (err error) {
	var held [2]felt.Felt
	for i, slot := range s.balance {
		if held[i], err = s.run.overlay.StorageAt(slot.Contract, slot.Key); err != nil {
			return err
		}
	}
	s.held = held
	return nil
}

// take returns the result of a transaction on the block's state, r.overlay. It is called by the loop that makes the block, for one
// transaction after the other; the loop applies the changes before the next call.
func (s *ahead) take(raw []byte) (*executed, error) {
	t, err := s.await(raw)
	if err != nil {
		return nil, err
	}
	tally := &s.run.app.tally
	if t == nil {
		tally.unexpected++
		return s.run.attempt(raw)
	}
	if e := t.executed; e != nil {
		covered, err := t.attempt.Covered(s.run.overlay)
		if err != nil {
			return nil, err
		}
		misread, err := t.attempt.Changes().Misread(s.run.overlay)
		if err != nil {
			return nil, err
		}
		if covered && len(misread) == 0 {
			tally.taken++
			return e, nil
		}
		if covered {
			if e := s.payAgain(t, misread); e != nil {
				tally.paidAgain++
				return e, nil
			}
		}
	}
	tally.ranAgain++
	defer s.redo(t)()
	t.executed, err = s.run.attempt(raw)
	return t.executed, err
}

// await returns the finished task of a transaction, or nil if the transaction was not expected.
func (s *ahead) await(raw []byte) (*task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(); err != nil {
		return nil, err
	}
	if s.turn < len(s.tasks) && s.tasks[s.turn].taken() {
		s.tasks[s.turn].drop()
		s.turn++
	}
	at := slices.IndexFunc(s.tasks[s.turn:], func(t *task) bool { return bytes.Equal(t.raw, raw) })
	if at < 0 {
		t := s.find(raw)
		s.advance()
		s.dispatch()
		return t, nil
	}
	s.passOver(s.turn + at)
	t := s.tasks[s.turn]
	if len(s.heat) > 0 {
		s.findHot()
	}
	s.advance()
	if !t.finished {
		s.loopWaits = t
		s.tokens++
		s.dispatch()
		s.mu.Unlock()
		<-s.loop
		s.mu.Lock()
	} else {
		s.dispatch()
	}
	t.raw = nil // taken
	return t, nil
}

// find returns a new task for a transaction that is not started yet and is among the next that are expected, else nil. The caller holds mu.
func (s *ahead) find(raw []byte) *task {
	for i := range cap(s.work) {
		if i == len(s.queue) {
			next, ok := s.next()
			if !ok {
				return nil
			}
			s.queue = append(s.queue, next)
		}
		if bytes.Equal(s.queue[i], raw) {
			s.queue = s.queue[i+1:]
			s.passOver(len(s.tasks))
			t := &task{index: s.turn}
			s.tasks = append(s.tasks, t)
			return t
		}
	}
	return nil
}

// passOver drops the tasks from turn up to an index. The caller holds mu.
func (s *ahead) passOver(index int) {
	for ; s.turn < index; s.turn++ {
		if t := s.tasks[s.turn]; t.finished {
			s.versions.Replace(t.index, t.writes, nil)
			t.drop()
		}
	}
}

func (t *task) taken() bool { return t.raw == nil }

// drop frees what is not needed after a task was taken.
func (t *task) drop() {
	t.raw, t.attempt, t.view, t.executed, t.writes = nil, nil, nil, nil, nil
}

// redo announces that the loop runs a task itself. The function that it returns makes the new result known to the runs ahead.
func (s *ahead) redo(t *task) (done func()) {
	t.executed = nil
	s.redoing.Store(int64(t.index))
	s.mu.Lock()
	t.charged, t.finished = false, false
	s.charged, s.finished = min(s.charged, t.index), min(s.finished, t.index)
	s.mu.Unlock()
	return func() {
		added := s.publish(t)
		s.redoing.Store(-1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finish(t, added)
		s.dispatch()
	}
}

// payAgain transfers the fee again on the block's state, if nothing before it read a wrong value. It returns nil if the whole transaction
// must run again.
func (s *ahead) payAgain(t *task, misread []state.Cell) *executed {
	early := false
	var contracts []felt.Felt
	for _, c := range misread {
		if slices.Contains(t.view.late, c) {
			continue
		}
		early = true
		if s.isBalance(c) {
			continue
		}
		s.versions.MarkHot(c)
		if c.Kind == state.StorageCell && !slices.Contains(contracts, c.Contract) {
			contracts = append(contracts, c.Contract)
			s.heat[c.Contract]++
		}
	}
	if early {
		s.findHot()
		return nil
	}
	defer s.redo(t)()
	for _, c := range t.view.late {
		t.attempt.Changes().Forget(c)
	}
	t.view.late, t.view.turn = nil, s.run.overlay
	out, err := t.attempt.Finish()
	if err != nil {
		return nil // the run of the whole transaction says why
	}
	if t.executed, err = newExecuted(t.view.tx, out, t.attempt.Changes()); err != nil {
		return nil
	}
	return t.executed
}

// hotShare is the share of transactions that may read a contract's storage too early before others wait for their turn to read it.
const hotShare = 16

// findHot finds the contracts that transactions should not read before their turn.
func (s *ahead) findHot() {
	hot := map[felt.Felt]bool{}
	for contract, n := range s.heat {
		if n > 1 && n*hotShare > s.turn {
			hot[contract] = true
		}
	}
	s.hot.Store(&hot)
}

// publish makes the changes of a task known to the runs ahead. It returns what the task adds to the balance of the sequencer.
func (s *ahead) publish(t *task) (added [2]felt.Felt) {
	var changes *state.Overlay
	if t.executed != nil {
		changes = t.executed.changes
		for i, slot := range s.balance {
			added[i], _ = changes.Added(slot) // an error leaves the prediction wrong
		}
	}
	t.writes = s.versions.Replace(t.index, t.writes, changes)
	return added
}

// dispatch gives free tokens to the loop, to tasks that have waited, and to new tasks. The caller holds mu.
func (s *ahead) dispatch() {
	for s.tokens > 0 && !s.over {
		if s.loopWaits != nil && s.loopWaits.finished {
			s.loopWaits = nil
			s.tokens--
			s.loop <- struct{}{}
			continue
		}
		if t := s.ready(); t != nil {
			s.tokens--
			t.wake <- struct{}{}
			continue
		}
		t := s.expect()
		if t == nil {
			return
		}
		s.tokens--
		if s.idle > 0 {
			s.idle--
			s.work <- t
		} else {
			s.workers.Go(func() { s.worker(t) })
		}
	}
}

// ready removes and returns the earliest task whose wait is over, nil if there is none.
func (s *ahead) ready() *task {
	at := -1
	for i, t := range s.waiting {
		if (at < 0 || t.index < s.waiting[at].index) && t.ready() {
			at = i
		}
	}
	if at < 0 {
		return nil
	}
	t := s.waiting[at]
	s.waiting = slices.Delete(s.waiting, at, at+1)
	return t
}

// expect starts the next task, nil if there is none or enough are started.
func (s *ahead) expect() *task {
	cores := cap(s.work) / windowPerCore
	if len(s.tasks)-s.turn >= cap(s.work) || s.inside >= insidePerCore*cores {
		return nil
	}
	var raw []byte
	if len(s.queue) > 0 {
		raw, s.queue = s.queue[0], s.queue[1:]
	} else if next, ok := s.next(); ok {
		raw = next
	} else {
		return nil
	}
	t := &task{index: len(s.tasks), raw: raw, wake: make(chan struct{}, 1)}
	s.tasks = append(s.tasks, t)
	return t
}

// worker runs one task after the other, each with a token.
func (s *ahead) worker(t *task) {
	for t != nil {
		s.perform(t)
		added := s.publish(t)
		s.mu.Lock()
		s.finish(t, added)
		s.tokens++
		s.idle++
		s.dispatch()
		s.mu.Unlock()
		t = <-s.work
	}
}

// finish notes that a task has finished. The caller holds mu.
func (s *ahead) finish(t *task, added [2]felt.Felt) {
	t.decoded, t.charged, t.finished, t.added = true, true, true, added
	if t.index < s.turn { // passed over
		s.versions.Replace(t.index, t.writes, nil)
		t.drop()
	}
	s.advance()
}

// advance raises the indices up to which all tasks have come. The caller holds mu.
func (s *ahead) advance() {
	raise := func(at *int, passed func(*task) bool) {
		*at = max(*at, s.turn)
		for *at < len(s.tasks) && passed(s.tasks[*at]) {
			*at++
		}
	}
	raise(&s.decoded, func(t *task) bool { return t.decoded })
	raise(&s.charged, func(t *task) bool { return t.charged })
	raise(&s.finished, func(t *task) bool { return t.finished })
}

// perform runs a task. A panic is left to the loop, which runs the transaction again: this run may have seen a state that cannot be.
func (s *ahead) perform(t *task) {
	defer func() {
		if recover() != nil {
			t.executed = nil
		}
	}()
	tx, hash, err := s.run.app.decode(t.raw, s.run.env.ChainID)
	if err != nil {
		return
	}
	s.expectWrites(tx)
	s.mu.Lock()
	t.decoded, t.sender = true, tx.Sender()
	s.advance()
	s.dispatch()
	s.mu.Unlock()
	if err := s.wait(t, false, func() bool { return s.decoded >= t.index }); err != nil { // so that follows is right
		return
	}
	t.view = &view{ahead: s, task: t, tx: tx, checking: true}
	options := s.run.options(hash)
	options.Compiled = true // the loop compiles classes
	if t.attempt, err = s.exec.Attempt(t.view, s.run.env, tx, options); err != nil {
		return
	}
	t.attempt.End()
	s.run.app.validated.put(hash, t.attempt.Validated())
	s.mu.Lock()
	t.charged, t.added = true, [2]felt.Felt{t.attempt.Fee().Felt()}
	s.advance()
	s.dispatch()
	s.mu.Unlock()
	if err := s.wait(t, false, func() bool { return s.charged >= t.index }); err != nil {
		return
	}
	t.view.paying = true
	out, err := t.attempt.Finish()
	if err != nil {
		return
	}
	if e, err := newExecuted(tx, out, t.attempt.Changes()); err == nil {
		t.executed = e
	}
}

// expectWrites marks what a transaction surely writes and others may need: the class that it declares and the account that it deploys.
func (s *ahead) expectWrites(tx starknet.Transaction) {
	switch tx := tx.(type) {
	case *starknet.Declare:
		s.versions.MarkHot(state.Cell{Kind: state.DeclaredCell, Slot: state.Slot{Contract: tx.ClassHash}})
	case *starknet.DeployAccount:
		s.versions.MarkHot(state.Cell{Kind: state.ClassCell, Slot: state.Slot{Contract: tx.Sender()}})
	}
}

// follows reports whether an earlier transaction of the same sender has not finished. The caller holds mu.
func (s *ahead) follows(t *task) bool {
	for i := max(s.turn, s.finished); i < t.index; i++ {
		if before := s.tasks[i]; !before.finished && before.sender == t.sender {
			return true
		}
	}
	return false
}

func (s *ahead) followsNow(t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.follows(t)
}

// wait gives the token of a task back until ready returns true, which is called with mu held. inside says that the task is in a call of the
// engine. The error is errOver if the block is complete.
func (s *ahead) wait(t *task, inside bool, ready func() bool) error {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return errOver
	}
	if ready() {
		s.mu.Unlock()
		return nil
	}
	t.ready = ready
	s.waiting = append(s.waiting, t)
	if inside {
		s.inside++
	}
	s.tokens++
	s.dispatch()
	s.mu.Unlock()
	<-t.wake
	s.mu.Lock()
	defer s.mu.Unlock()
	if inside {
		s.inside--
	}
	if s.over {
		return errOver
	}
	return nil
}

// isBalance reports whether a cell is half of the balance of the sequencer.
func (s *ahead) isBalance(c state.Cell) bool {
	return c.Kind == state.StorageCell && (c.Slot == s.balance[0] || c.Slot == s.balance[1])
}

// view is the state that a task predicts.
type view struct {
	ahead    *ahead
	task     *task
	tx       starknet.Transaction
	checking bool         // no code has run: storage is read for the check of the balance only
	own      []state.Cell // what checking read: the balance of the sender
	paying   bool         // the fee is being transferred
	late     []state.Cell // read while paying only
	turn     state.Reader // the block's own state, when it is the task's turn, else nil
}

func (v *view) read(c state.Cell) (felt.Felt, error) {
	if v.paying {
		v.late = append(v.late, c)
	}
	if v.turn != nil {
		return c.Read(v.turn)
	}
	s, t := v.ahead, v.task
	switch {
	case v.checking && c.Kind == state.StorageCell && len(v.own) < 2:
		v.own = append(v.own, c)
		out, err := s.versions.Read(t.index, c)
		return out.Value, err
	case v.checking && c.Kind == state.NonceCell:
		if s.followsNow(t) { // which will raise the nonce
			return v.tx.Fields().Nonce, nil
		}
	case s.isBalance(c):
		return v.predictBalance(c)
	case slices.Contains(v.own, c): // an earlier transaction of the sender surely changes its balance
		if err := s.wait(t, true, func() bool { return !s.follows(t) }); err != nil {
			return felt.Felt{}, err
		}
	default:
		v.checking = false
	}
	for {
		out, err := s.versions.Read(t.index, c)
		if err != nil {
			return felt.Felt{}, err
		}
		if hot := s.hot.Load(); hot != nil && c.Kind == state.StorageCell && (*hot)[c.Contract] {
			out.Hot = true
		}
		after := 0 // the index up to which all tasks should have finished
		if int64(out.Writer) == s.redoing.Load() && out.Writer >= 0 {
			after = out.Writer + 1
		}
		if out.Hot {
			after = t.index
		}
		waited := false
		if after > 0 {
			if err := s.wait(t, true, func() bool {
				done := s.finished >= after
				waited = waited || !done
				return done
			}); err != nil {
				return felt.Felt{}, err
			}
		}
		if !waited {
			return out.Value, nil
		}
	}
}

// predictBalance returns half of the balance of the sequencer after the fees of all earlier tasks.
func (v *view) predictBalance(c state.Cell) (felt.Felt, error) {
	s, t := v.ahead, v.task
	if err := s.wait(t, true, func() bool { return s.charged >= t.index }); err != nil {
		return felt.Felt{}, err
	}
	half := 0
	if c.Slot == s.balance[1] {
		half = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := *new(felt.Felt).Add(&s.held[half], &s.run.app.skew)
	for i := s.turn; i < t.index; i++ {
		sum.Add(&sum, &s.tasks[i].added[half])
	}
	return sum, nil
}

// StorageAt implements state.Reader.
func (v *view) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return v.read(state.Cell{Kind: state.StorageCell, Slot: state.Slot{Contract: contract, Key: key}})
}

// NonceAt implements state.Reader.
func (v *view) NonceAt(contract felt.Felt) (felt.Felt, error) {
	return v.read(state.Cell{Kind: state.NonceCell, Slot: state.Slot{Contract: contract}})
}

// ClassHashAt implements state.Reader.
func (v *view) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	return v.read(state.Cell{Kind: state.ClassCell, Slot: state.Slot{Contract: contract}})
}

// CompiledClassHash implements state.Reader.
func (v *view) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	return v.read(state.Cell{Kind: state.DeclaredCell, Slot: state.Slot{Contract: class}})
}

// Class implements state.Reader.
func (v *view) Class(class felt.Felt) (*state.Class, error) {
	if v.turn != nil {
		return v.turn.Class(class)
	}
	return v.ahead.versions.Class(v.task.index, class)
}
