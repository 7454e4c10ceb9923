package offchain

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/internal/hint"
)

// Call describes a call of the contract of a World as the arguments of `starkd class call` do.
type Call struct {
	Function    string // name, or selector as a number; may be empty for a constructor
	Constructor bool
	L1Handler   bool
	Calldata    []string // felts, see ParseFelt
	Caller      string   // address
	Gas         uint64   // Sierra gas that the call may use
}

// An ArgumentError says that an argument of a call is malformed. Its text begins with the argument's name.
type ArgumentError struct {
	Name string
	Err  error
}

func (e *ArgumentError) Error() string { return e.Name + ": " + e.Err.Error() }

// Entry returns the entry point of w's contract that c calls, with its arguments.
func (c *Call) Entry(w *World) (*executor.Entry, error) {
	e := &executor.Entry{Contract: w.Contract, Gas: c.Gas}
	var err error
	if e.Caller, err = ParseFelt(c.Caller); err != nil {
		return nil, &ArgumentError{"caller", err}
	}
	for _, s := range c.Calldata {
		x, err := ParseFelt(s)
		if err != nil {
			return nil, &ArgumentError{"calldata", err}
		}
		e.Calldata = append(e.Calldata, x)
	}
	switch {
	case c.Constructor && c.L1Handler:
		return nil, &ArgumentError{"constructor", errors.New("excludes --l1-handler")}
	case c.Constructor:
		constructors := w.Casm.EntryPoints.Constructor
		if len(constructors) == 0 {
			return nil, errors.New("the class has no constructor")
		}
		e.Kind, e.Selector = cairo.Constructor, constructors[0].Selector
		if c.Function == "" {
			return e, nil
		}
	case c.L1Handler:
		e.Kind = cairo.L1Handler
	}
	if e.Selector, err = ParseSelector(c.Function); err != nil {
		return nil, &ArgumentError{"function", err}
	}
	if w.Casm.EntryPoint(e.Kind, e.Selector) == nil {
		return nil, hint.With(fmt.Errorf("the class has no entry point %q, selector %v", c.Function, e.Selector),
			"the ABI of the class lists its functions; use the bare name, also for a function of an embedded implementation; "+
				"--constructor runs the constructor, --l1-handler an L1 handler")
	}
	return e, nil
}
