package cairo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// DifferenceError reports that two engines have different results for a call. The node must stop.
type DifferenceError struct {
	Class    felt.Felt
	Selector felt.Felt
	Detail   string
}

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("cairo: engines differ in entry point %v of class %v: %s", e.Selector, e.Class, e.Detail)
}

// Both returns an engine that runs every call on two engines and returns the result of first. If the results or the syscalls
// differ, the run ends with a *DifferenceError. Only the syscalls of first are carried out; second gets the same answers.
func Both(first, second Engine) Engine { return &both{first, second} }

type both struct{ first, second Engine }

// Stats returns the counts of the first engine, nil if it has none.
func (b *both) Stats() map[string]uint64 {
	if e, ok := b.first.(interface{ Stats() map[string]uint64 }); ok {
		return e.Stats()
	}
	return nil
}

// Begin implements Engine.
func (b *both) Begin() Session { return &bothSession{b.first.Begin(), b.second.Begin()} }

type bothSession struct{ first, second Session }

// End implements Session.
func (s *bothSession) End() {
	s.first.End()
	s.second.End()
}

// Run implements Session.
func (s *bothSession) Run(call Call, sys Syscalls) (Result, error) {
	c := &comparison{steps: call.Steps}
	if c.steps != nil {
		copied := *call.Steps
		c.again = &copied
	}
	res, err := s.first.Run(call, &interceptor{sys, c.record})
	if errors.Is(err, ErrFallback) || errors.Is(err, ErrInterrupted) {
		return res, err
	}
	if _, ok := errors.AsType[*DifferenceError](err); ok {
		return res, err // a call inside this one differs
	}
	call.Steps = c.again
	second, secondErr := s.second.Run(call, &interceptor{nil, c.replay})
	if errors.Is(secondErr, ErrInterrupted) {
		return res, secondErr
	}
	if errors.Is(secondErr, ErrFallback) {
		return res, err
	}
	differ := func(format string, args ...any) (Result, error) {
		return Result{}, &DifferenceError{call.Class.Hash, call.Selector, fmt.Sprintf(format, args...)}
	}
	switch {
	case c.difference != "":
		return differ("%s", c.difference)
	case c.next < len(c.syscalls) && secondErr == nil:
		return differ("%d syscalls, then %d", len(c.syscalls), c.next)
	case kindOf(err) != kindOf(secondErr):
		return differ("error %v, then %v", err, secondErr)
	case c.steps != nil && *c.steps != *c.again:
		return differ("%+v left, then %+v", *c.steps, *c.again)
	case err != nil:
		return res, err
	case res.Resources != second.Resources:
		return differ("resources %+v, then %+v", res.Resources, second.Resources)
	case res.Failed != second.Failed || !slices.Equal(res.Retdata, second.Retdata):
		return differ("failed %t with %v, then %t with %v", res.Failed, res.Retdata, second.Failed, second.Retdata)
	case res.GasLeft != second.GasLeft:
		return differ("%d gas left, then %d", res.GasLeft, second.GasLeft)
	}
	res.Steps = max(res.Steps, second.Steps)
	return res, nil
}

// kindOf returns the kind of an error by its effect on the transaction.
func kindOf(err error) string {
	if err == nil {
		return "none"
	}
	if _, ok := errors.AsType[*RunError](err); ok {
		return "run"
	}
	if err == ErrSteps || err == ErrWork {
		return err.Error()
	}
	return "syscalls"
}

// comparison records the syscalls of the first run of a call and answers those of the second.
type comparison struct {
	syscalls   []comparedSyscall
	next       int    // index of the next syscall of the second run
	difference string // the first difference, "" if there is none
	// The Call.Steps of the two runs, nil if steps are not counted.
	steps, again *StepBudget
}

type comparedSyscall struct {
	selector     Selector
	args         []felt.Felt
	gas, gasLeft uint64
	answer       answer
	left         StepBudget // when the syscall was made, if steps are counted
	leftAfter    StepBudget
}

var errDifference = errors.New("cairo: a syscall differs from the recorded one")

// args joins a request's values and arrays, each array with its length.
func (r *request) args() []felt.Felt {
	out := slices.Clone(r.values)
	for _, a := range r.arrays {
		out = append(append(out, felt.FromUint64(uint64(len(a)))), a...)
	}
	return out
}

// record passes a syscall of the first run on and keeps it with its answer.
func (c *comparison) record(req request, gas *uint64, pass func() answer) answer {
	kept := comparedSyscall{selector: req.selector, args: req.args(), gas: *gas}
	if c.steps != nil {
		kept.left = *c.steps
	}
	a := pass()
	if c.steps != nil {
		kept.leftAfter = *c.steps
	}
	kept.gasLeft, kept.answer = *gas, a
	kept.answer.array = slices.Clone(a.array) // a.array is only valid while the caller runs
	c.syscalls = append(c.syscalls, kept)
	return a
}

// replay answers a syscall of the second run as the first run's was answered, and notes differences.
func (c *comparison) replay(req request, gas *uint64, _ func() answer) answer {
	if c.next >= len(c.syscalls) {
		c.note("syscall %s is one more than %d", req.selector, len(c.syscalls))
		return answer{err: errDifference}
	}
	s := &c.syscalls[c.next]
	c.next++
	if args := req.args(); s.selector != req.selector || s.gas != *gas || !slices.Equal(s.args, args) {
		c.note("syscall %d is %s%v with %d gas, then %s%v with %d", c.next-1, s.selector, s.args, s.gas, req.selector, args, *gas)
		return answer{err: errDifference}
	}
	*gas = s.gasLeft
	if c.again != nil {
		if *c.again != s.left {
			c.note("syscall %d is made with %+v left, then with %+v", c.next-1, s.left, *c.again)
			return answer{err: errDifference}
		}
		*c.again = s.leftAfter
	}
	return s.answer
}

// note keeps the difference if it is the first one.
func (c *comparison) note(format string, args ...any) {
	if c.difference == "" {
		c.difference = fmt.Sprintf(format, args...)
	}
}
