package native

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
)

// DifferenceError says that two engines disagree: the node must not go on.
type DifferenceError struct {
	Class    felt.Felt
	Selector felt.Felt
	Detail   string
}

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("native: engines differ in entry point %v of class %v: %s", e.Selector, e.Class, e.Detail)
}

// Both is an engine that runs every call on two engines and returns what the first did; where they differ in anything that can
// be seen, the run ends with a *DifferenceError. The first one's syscalls are carried out, the second one gets the recorded answers.
func Both(first, second cairo.Engine) cairo.Engine { return &both{first, second} }

type both struct{ first, second cairo.Engine }

// Stats are the first engine's, none where it counts nothing.
func (b *both) Stats() map[string]uint64 {
	if e, ok := b.first.(*Engine); ok {
		return e.Stats()
	}
	return nil
}

// Run implements cairo.Engine.
func (b *both) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	tape := &tape{sys: sys}
	res, err := b.first.Run(call, tape)
	if errors.Is(err, ErrFallback) || errors.Is(err, cairo.ErrInterrupted) {
		return res, err
	}
	if _, ok := errors.AsType[*DifferenceError](err); ok {
		return res, err // of a call within this one
	}
	tape.replaying = true
	again, againErr := b.second.Run(call, tape)
	if errors.Is(againErr, cairo.ErrInterrupted) {
		return res, againErr
	}
	if errors.Is(againErr, ErrFallback) {
		return res, err
	}
	differ := func(format string, args ...any) (cairo.Result, error) {
		return cairo.Result{}, &DifferenceError{call.Class.Hash, call.Selector, fmt.Sprintf(format, args...)}
	}
	switch {
	case tape.difference != "":
		return differ("%s", tape.difference)
	case tape.next < len(tape.answers) && againErr == nil:
		return differ("%d syscalls, then %d", len(tape.answers), tape.next)
	case kindOf(err) != kindOf(againErr):
		return differ("error %v, then %v", err, againErr)
	case err != nil:
		return res, err
	case res.Failed != again.Failed || !slices.Equal(res.Retdata, again.Retdata):
		return differ("failed %t with %v, then %t with %v", res.Failed, res.Retdata, again.Failed, again.Retdata)
	case res.GasLeft != again.GasLeft:
		return differ("%d gas left, then %d", res.GasLeft, again.GasLeft)
	}
	res.Steps = max(res.Steps, again.Steps)
	return res, nil
}

// kindOf is how an error ends a transaction.
func kindOf(err error) string {
	if err == nil {
		return "none"
	}
	if _, ok := errors.AsType[*cairo.RunError](err); ok {
		return "run"
	}
	return "syscalls"
}

// answer is a recorded syscall.
type answer struct {
	name          cairo.Selector
	args          []felt.Felt
	gas, gasAfter uint64
	value         felt.Felt
	list          []felt.Felt
	info          *cairo.ExecutionInfo
	err           error
}

// tape records syscalls, and answers them from the record while replaying.
type tape struct {
	sys        cairo.Syscalls
	answers    []answer
	replaying  bool
	next       int
	difference string
}

var errDifference = errors.New("native: a syscall differs from the recorded one")

// ask carries a syscall out, or finds its answer.
func (t *tape) ask(name cairo.Selector, gas *uint64, args []felt.Felt, do func(a *answer)) *answer {
	if !t.replaying {
		a := &answer{name: name, args: args, gas: *gas}
		do(a)
		a.gasAfter = *gas
		kept := *a
		kept.list = slices.Clone(a.list) // which is good while the caller runs
		t.answers = append(t.answers, kept)
		return a
	}
	if t.next >= len(t.answers) {
		t.note("syscall %s is one more than %d", name, len(t.answers))
		return &answer{err: errDifference}
	}
	a := &t.answers[t.next]
	t.next++
	if a.name != name || a.gas != *gas || !slices.Equal(a.args, args) {
		t.note("syscall %d is %s%v with %d gas, then %s%v with %d", t.next-1, a.name, a.args, a.gas, name, args, *gas)
		return &answer{err: errDifference}
	}
	*gas = a.gasAfter
	return a
}

func (t *tape) note(format string, args ...any) {
	if t.difference == "" {
		t.difference = fmt.Sprintf(format, args...)
	}
}

// pack joins arguments, each list with its length.
func pack(values []felt.Felt, lists ...[]felt.Felt) []felt.Felt {
	out := slices.Clone(values)
	for _, l := range lists {
		out = append(append(out, felt.FromUint64(uint64(len(l)))), l...)
	}
	return out
}

func (t *tape) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	a := t.ask(cairo.StorageRead, gas, []felt.Felt{felt.FromUint64(uint64(domain)), key}, func(a *answer) {
		a.value, a.err = t.sys.StorageRead(gas, domain, key)
	})
	return a.value, a.err
}

func (t *tape) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	return t.ask(cairo.StorageWrite, gas, []felt.Felt{felt.FromUint64(uint64(domain)), key, value}, func(a *answer) {
		a.err = t.sys.StorageWrite(gas, domain, key, value)
	}).err
}

func (t *tape) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	return t.ask(cairo.EmitEvent, gas, pack(nil, keys, data), func(a *answer) { a.err = t.sys.EmitEvent(gas, keys, data) }).err
}

func (t *tape) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	a := t.ask(cairo.CallContract, gas, pack([]felt.Felt{contract, selector}, calldata), func(a *answer) {
		a.list, a.err = t.sys.CallContract(gas, contract, selector, calldata)
	})
	return a.list, a.err
}

func (t *tape) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	a := t.ask(cairo.LibraryCall, gas, pack([]felt.Felt{class, selector}, calldata), func(a *answer) {
		a.list, a.err = t.sys.LibraryCall(gas, class, selector, calldata)
	})
	return a.list, a.err
}

func (t *tape) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	a := t.ask(cairo.Deploy, gas, pack([]felt.Felt{class, salt, felt.FromUint64(flagWord(fromZero))}, calldata), func(a *answer) {
		a.value, a.list, a.err = t.sys.Deploy(gas, class, salt, calldata, fromZero)
	})
	return a.value, a.list, a.err
}

func (t *tape) GetExecutionInfo(gas *uint64) (*cairo.ExecutionInfo, error) {
	a := t.ask(cairo.GetExecutionInfo, gas, nil, func(a *answer) { a.info, a.err = t.sys.GetExecutionInfo(gas) })
	return a.info, a.err
}

func (t *tape) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	a := t.ask(cairo.GetBlockHash, gas, []felt.Felt{felt.FromUint64(number)}, func(a *answer) {
		a.value, a.err = t.sys.GetBlockHash(gas, number)
	})
	return a.value, a.err
}

func (t *tape) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	a := t.ask(cairo.GetClassHashAt, gas, []felt.Felt{contract}, func(a *answer) {
		a.value, a.err = t.sys.GetClassHashAt(gas, contract)
	})
	return a.value, a.err
}

func (t *tape) ReplaceClass(gas *uint64, class felt.Felt) error {
	return t.ask(cairo.ReplaceClass, gas, []felt.Felt{class}, func(a *answer) { a.err = t.sys.ReplaceClass(gas, class) }).err
}

func (t *tape) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	return t.ask(cairo.SendMessageToL1, gas, pack([]felt.Felt{to}, payload), func(a *answer) {
		a.err = t.sys.SendMessageToL1(gas, to, payload)
	}).err
}

func (t *tape) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	a := t.ask(cairo.MetaTxV0, gas, pack([]felt.Felt{contract, selector}, calldata, signature), func(a *answer) {
		a.list, a.err = t.sys.MetaTxV0(gas, contract, selector, calldata, signature)
	})
	return a.list, a.err
}

func (t *tape) Meter(gas *uint64, selector cairo.Selector, units uint64) error {
	return t.ask(selector, gas, []felt.Felt{felt.FromUint64(units)}, func(a *answer) { a.err = t.sys.Meter(gas, selector, units) }).err
}
