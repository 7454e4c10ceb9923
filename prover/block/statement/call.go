package statement

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/secp"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// frame describes a call as the replay expects it.
type frame struct {
	class            felt.Felt
	kind             casm.EntryPointType
	selector         felt.Felt
	contract, caller felt.Felt
	gas              uint64 // gas before the entry point's initial charge
	depth            int    // 1 for a call from the protocol
	deploys          bool   // the call is the constructor of a contract that the call deploys

	txInfo uint64                  // address of the TxInfo that the call sees
	info   uint64                  // address of the call's ExecutionInfo
	points map[felt.Felt]secpPoint // the points that the call has got from syscalls, by address
	// operands are the points in the request of the current syscall.
	operands []secp.Point
	shown    *starknet.PanicFrame // the call as a revert reason shows it; nil until the call is replayed
}

// shows returns the call as a revert reason shows it.
func (f *frame) shows(failed bool, retdata []felt.Felt) *starknet.PanicFrame {
	return &starknet.PanicFrame{Contract: f.contract, ClassHash: f.class, Selector: f.selector, Failed: failed, Retdata: retdata}
}

// call checks that c is the call f of the entry point, and then replays its syscalls in order.
func (t *replayer) call(c *Call, f *frame, entry *casm.EntryPoint) error {
	published, err := t.publishedClass(f.class)
	if err != nil {
		return err
	}
	builtins, err := t.format.flags(entry.Builtins)
	if err != nil {
		return err
	}
	for _, word := range []struct {
		what      string
		got, want felt.Felt
	}{
		{"block info", c.BlockInfo, felt.FromUint64(t.blockInfo)},
		{"transaction info", c.TxInfo, felt.FromUint64(f.txInfo)},
		{"caller", c.Caller, f.caller},
		{"contract", c.Contract, f.contract},
		{"selector", c.Selector, f.selector},
		{"entry point", c.Entry, felt.FromUint64(published.Address + uint64(entry.Offset))},
		{"gas", felt.FromUint64(c.Gas), felt.FromUint64(f.gas - constants.EntryPointGas)},
	} {
		if word.got != word.want {
			return fmt.Errorf("%s is %v, want %v", word.what, word.got, word.want)
		}
	}
	if err := same("builtins", c.Builtins, builtins); err != nil {
		return err
	}
	for i := range len(c.ECOps) / ecOpSize {
		if !t.output.ecOpHolds(c.firstEC + i) {
			return fmt.Errorf("instance %d of ec_op: %w", i, ecOpError([ecOpSize]felt.Felt(c.ECOps[i*ecOpSize:])))
		}
	}
	f.info, f.shown = c.address, f.shows(c.Failed, c.Retdata)
	for i := range c.Syscalls {
		s := &c.Syscalls[i]
		if err := t.syscall(f, s); err != nil {
			return fmt.Errorf("syscall %d (%s): %w", i, s.rule.name, err)
		}
	}
	return nil
}

// checkBuiltins returns an error if a class names an unknown builtin. The class hash contains names modulo P, so another text
// can replace a builtin's name without changing the hash.
func checkBuiltins(class *casm.Class) error {
	known := FormatStwo.format().provable
	for _, list := range [][]casm.EntryPoint{class.EntryPoints.External, class.EntryPoints.L1Handler, class.EntryPoints.Constructor} {
		for i := range list {
			for _, name := range list[i].Builtins {
				if !slices.Contains(known, name) {
					return fmt.Errorf("entry point %v names the builtin %.40q, want one of %q", list[i].Selector, name, known)
				}
			}
		}
	}
	return nil
}

func (t *replayer) syscall(f *frame, s *Syscall) error {
	if check := s.rule.readable; check != nil { // the request is checked before the charge
		if err := check(f, s); err != nil {
			return err
		}
	}
	words := 0
	if i := s.rule.charged; i >= 0 {
		var err error
		if words, err = arraySize(s.Request[i], s.Request[i+1]); err != nil {
			return err
		}
	}
	charge := s.rule.charge(words)
	if s.Gas < charge {
		if s.Inner != nil {
			return fmt.Errorf("%d gas is too little, but it made a call", s.Gas)
		}
		return s.fails(s.Gas, outOfGas)
	}
	return s.rule.answer(t, f, s, s.Gas-charge)
}

// arraySize returns the number of words from start to end, which must be below the bound of a Sierra array.
func arraySize(start, end felt.Felt) (int, error) {
	var size felt.Felt
	size.Sub(&end, &start)
	if !size.IsUint64() || size.Uint64() >= constants.MaxArrayLength {
		return 0, fmt.Errorf("array of %v words, want fewer than %d", size, constants.MaxArrayLength)
	}
	return int(size.Uint64()), nil
}

// inner replays the call that a syscall of call f made, or checks why it made none, and that the syscall returns the call's
// result. The effects of a failed call are reverted.
func (t *replayer) inner(f *frame, s *Syscall, callee frame) error {
	snapshot, events, messages := t.state.snapshot(), len(t.events), len(t.messages)
	callee.depth = f.depth + 1
	if callee.txInfo == 0 {
		callee.txInfo = f.txInfo
	}
	if err := t.innerCall(s, &callee); err != nil {
		return err
	}
	if callee.shown != nil {
		f.shown.Inner = append(f.shown.Inner, callee.shown)
	}
	if s.Failed {
		if callee.deploys {
			return fmt.Errorf("a deployment failed with %v but did not abort the transaction", s.Arrays[0])
		}
		t.state.revert(snapshot)
		t.events, t.messages = t.events[:events], t.messages[:messages]
	}
	return nil
}

func (t *replayer) innerCall(s *Syscall, callee *frame) error {
	class, err := t.class(callee.class)
	if err != nil {
		return err
	}
	if callee.deploys {
		if err := t.state.setClass(callee.contract, callee.class); err != nil {
			return err
		}
	}
	entry := class.EntryPoint(callee.kind, callee.selector)
	var refusal []felt.Felt
	switch {
	case entry == nil && callee.deploys: // the class has no constructor
		if s.Inner != nil {
			return fmt.Errorf("it calls a class without a constructor")
		}
		if err := s.succeeds(callee.gas); err != nil {
			return err
		}
		if t.format.whole { // the array is not published
			return same("end of the returned data", s.Response[2:], s.Response[1:2])
		}
		return same("returned data", s.Arrays[0], nil)
	case callee.depth > constants.MaxCallDepth:
		return fmt.Errorf("call at depth %d, want at most %d", callee.depth, constants.MaxCallDepth)
	case entry == nil:
		refusal = []felt.Felt{entryPointNotFound, entryPointFailed}
	case callee.gas < constants.EntryPointGas:
		refusal = []felt.Felt{outOfGas, entryPointFailed}
	}
	if refusal != nil {
		if s.Inner != nil {
			return fmt.Errorf("a call that must fail with %v entered code", refusal)
		}
		callee.shown = callee.shows(true, refusal[:1])
		return s.fails(callee.gas, refusal...)
	}
	if s.Inner == nil {
		return fmt.Errorf("the call entered no code")
	}
	// The calldata addresses are at this place in every syscall that calls.
	if size, err := arraySize(s.Request[2], s.Request[3]); err != nil {
		return err
	} else if !t.format.whole && size != len(s.Inner.Calldata) {
		return fmt.Errorf("the call has %d words of calldata, the syscall names %d", len(s.Inner.Calldata), size)
	}
	if err := t.call(s.Inner, callee, entry); err != nil {
		return fmt.Errorf("call of %v: %w", callee.contract, err)
	}
	if s.Inner.Failed {
		return s.fails(s.Inner.GasLeft, append(slices.Clone(s.Inner.Retdata), entryPointFailed)...)
	}
	if err := s.succeeds(s.Inner.GasLeft); err != nil {
		return err
	}
	if t.format.whole { // the program compares the addresses with those of the call
		n := len(s.Response)
		_, err := arraySize(s.Response[n-2], s.Response[n-1])
		return err
	}
	return same("returned data", s.Arrays[0], s.Inner.Retdata)
}
