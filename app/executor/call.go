package executor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Selectors of the entry points that the protocol calls.
var (
	executeSelector         = Selector(constants.Execute)
	validateSelector        = Selector(constants.Validate)
	validateDeclareSelector = Selector(constants.ValidateDeclare)
	validateDeploySelector  = Selector(constants.ValidateDeploy)
	constructorSelector     = Selector(constants.Constructor)
	transferSelector        = Selector(constants.Transfer)
	balances                = Selector(constants.Balances)
	// TotalSupplyKey is the storage slot of the low half of an ERC20 contract's total supply. The high half is in the next slot.
	TotalSupplyKey = starknet.ReduceAddress(Selector("ERC20_total_supply"))
)

// Short strings that contracts see.
var (
	validated           = felt.FromShortString(constants.Validated)
	outOfGas            = felt.FromShortString(constants.OutOfGas)
	entrypointFailed    = felt.FromShortString(constants.EntryPointFailed)
	entrypointNotFound  = felt.FromShortString(constants.EntryPointNotFound)
	invalidArgument     = felt.FromShortString(constants.InvalidArgument)
	blockNumberOutRange = felt.FromShortString(constants.BlockOutOfRange)
)

// Selector returns the selector of the entry point called name.
func Selector(name string) felt.Felt { return keccak.Starknet([]byte(name)) }

// Frame is one call with the calls that it made.
type Frame struct {
	Contract    felt.Felt // the contract whose storage the call works on
	ClassHash   felt.Felt
	Caller      felt.Felt
	Selector    felt.Felt
	Kind        cairo.EntryPointType
	Library     bool // a library call
	Calldata    []felt.Felt
	Gas         uint64 // the gas that the caller gave
	Failed      bool
	Retdata     []felt.Felt // panic data if Failed
	GasConsumed uint64      // Sierra gas, including the inner calls
	// CairoSteps means that the call is billed in VM resources. Gas is then constants.InfiniteGas, and GasConsumed 0.
	CairoSteps bool
	// Resources is what the call used on the machine and in the Starknet OS if CairoSteps, and what the inner calls used.
	Resources constants.Resources
	Events    []OrderedEvent
	Messages  []OrderedMessage
	Inner     []*Frame

	answer  []felt.Felt     // Retdata as the engine returned it, valid while the caller runs
	stopped *cairo.Location // where a call with CairoSteps failed, nil if it did not begin
}

// OrderedEvent is an event with its number in its phase, from 0.
type OrderedEvent struct {
	Order      uint64
	Keys, Data []felt.Felt
}

// OrderedMessage is a message with its number in its phase, from 0.
type OrderedMessage struct {
	Order   uint64
	To      felt.Felt
	Payload []felt.Felt
}

// discard drops the events and messages of an undone frame and of all its inner frames.
func (f *Frame) discard() {
	f.Events, f.Messages = nil, nil
	for _, in := range f.Inner {
		in.discard()
	}
}

// phase is a running phase of a transaction: a tree of calls.
type phase struct {
	txn        *transaction
	kind       Phase
	initialGas uint64
	lastGas    uint64 // gas left at the last syscall or at the end; after a failure nothing else is known
	depth      int
	from       savepoint     // the beginning of the phase
	txInfo     *cairo.TxInfo // differs inside a meta transaction

	// What calls that are billed in VM resources may use, and what is left.
	granted, budget cairo.StepBudget
	cairoSteps      bool // the running call is billed in VM resources
}

// phase begins a phase with an amount of gas.
func (t *transaction) phase(kind Phase, gas uint64) *phase {
	p := &phase{txn: t, kind: kind, initialGas: gas, lastGas: gas, from: t.savepoint(), txInfo: t.txInfo, granted: t.budget(kind)}
	p.budget = p.granted
	t.phases = append(t.phases, p)
	return p
}

// validating reports whether the restrictions of validation apply.
func (p *phase) validating() bool { return p.kind == ValidatePhase || p.kind == ConstructorPhase }

// gasUsed returns the Sierra gas that the phase has used. After a failure it counts up to the last syscall.
func (p *phase) gasUsed() uint64 { return p.initialGas - p.lastGas }

// entry is a call to be made.
type entry struct {
	kind     cairo.EntryPointType
	selector felt.Felt
	storage  felt.Felt
	caller   felt.Felt
	class    *felt.Felt // of a library call; nil for the class at storage
	calldata []felt.Felt
	gas      uint64
}

// call runs an entry point. If the contract panics, has no such entry point, or the gas does not cover the entry, the frame
// is Failed and the error is nil. A *failure ends the transaction. The frame is never nil: with an error it has the fields
// that were known by then.
func (p *phase) call(e entry) (*Frame, error) {
	f := &Frame{
		Contract: e.storage, Caller: e.caller, Selector: e.selector, Kind: e.kind, Library: e.class != nil,
		Gas: e.gas,
	}
	if !p.txn.opts.Brief {
		if err := p.takeRoom(len(e.calldata)); err != nil {
			return f, err
		}
		f.Calldata = slices.Clone(e.calldata)
	}
	at, err := p.txn.st.ClassHashAt(e.storage)
	if err != nil {
		return f, err
	}
	f.ClassHash = at
	if e.class != nil {
		f.ClassHash = *e.class
	}
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > constants.MaxCallDepth {
		return f, failCallf("Execution failed due to recursion depth exceeded.")
	}
	if at.IsZero() {
		return f, failCallf("Requested contract address %s is not deployed.", starknet.PaddedHex(e.storage))
	}
	class, err := p.class(f.ClassHash)
	if err != nil {
		return f, err
	}
	outer := p.cairoSteps
	defer func() { p.cairoSteps = outer }()
	if p.enter(f, class); f.CairoSteps {
		e.gas = constants.InfiniteGas
	}
	switch {
	case class.Casm.EntryPoint(e.kind, e.selector) == nil:
		f.Failed, f.Retdata = true, []felt.Felt{entrypointNotFound}
		return f, nil
	case e.gas < constants.EntryPointGas:
		f.Failed, f.Retdata = true, []felt.Felt{outOfGas}
		return f, nil
	}
	if err := p.outOfSteps(f); err != nil {
		return f, err
	}
	call := cairo.Call{
		Class: class, Type: e.kind, Selector: e.selector, Contract: e.storage, Caller: e.caller, Calldata: e.calldata, Gas: e.gas,
		Stop: p.txn.x.Stop,
	}
	if f.CairoSteps {
		call.Steps = &p.budget
	}
	result, err := p.run(call, f)
	f.stopped = result.Stopped
	switch _, isRun := err.(*cairo.RunError); {
	case err == cairo.ErrSteps:
		return f, failCallf(noSteps)
	case err == cairo.ErrWork:
		return f, failCallf(noWork)
	case isRun:
		// The receipt's hash covers this text, so it cannot contain the engine's own text, which differs between engines.
		return f, failCallf("Error in the Cairo run: a rule of the machine was broken.")
	case err != nil:
		return f, err
	case result.GasLeft > e.gas:
		return f, fmt.Errorf("executor: engine returned %d gas of %d", result.GasLeft, e.gas)
	}
	f.Failed = result.Failed
	if !f.CairoSteps {
		f.GasConsumed = e.gas - result.GasLeft
	}
	f.addInner()
	f.answer = result.Retdata
	if !p.txn.opts.Brief || f.Failed || p.depth == 1 {
		if err := p.takeRoom(len(result.Retdata)); err != nil {
			return f, err
		}
		f.Retdata = slices.Clone(result.Retdata)
	}
	return f, nil
}

// enter makes the frame the running one. It is billed in VM resources if its class or the calling frame is.
func (p *phase) enter(f *Frame, class *cairo.Class) {
	if p.cairoSteps = p.cairoSteps || bySteps(class); p.cairoSteps {
		f.CairoSteps, f.Gas = true, constants.InfiniteGas
	}
}

// run runs a call in the transaction's session. If the session falls back to another engine during an outermost call, run
// undoes the effects of that call and runs it again, as cairo.Session requires.
func (p *phase) run(call cairo.Call, f *Frame) (cairo.Result, error) {
	if p.depth > 1 {
		return p.runOnce(call, f)
	}
	before, lastGas, steps, budget, room := p.txn.savepoint(), p.lastGas, p.txn.out.Steps, p.budget, p.txn.opts.Room
	if room != nil {
		room = new(int)
		*room = *p.txn.opts.Room
	}
	result, err := p.runOnce(call, f)
	if !errors.Is(err, cairo.ErrFallback) {
		return result, err
	}
	p.txn.rollback(before)
	p.lastGas, p.txn.out.Steps, p.budget = lastGas, steps, budget
	if room != nil {
		*p.txn.opts.Room = *room
	}
	f.Inner, f.Events, f.Messages = nil, nil, nil
	return p.runOnce(call, f)
}

func (p *phase) runOnce(call cairo.Call, f *Frame) (cairo.Result, error) {
	own := &syscalls{txn: p.txn, phase: p, frame: f}
	var sys cairo.Syscalls = own
	var done func(cairo.Result, error)
	if p.txn.opts.Observe != nil {
		sys, done = p.txn.opts.Observe(p.kind, call, sys)
	}
	result, err := p.txn.session.Run(call, sys)
	if done != nil {
		done(result, err)
	}
	p.txn.out.Steps += result.Steps
	if f.CairoSteps {
		f.Resources = result.Resources.Plus(own.used, 1)
	}
	return result, err
}

// takeRoom takes felts that a frame is about to keep from Options.Room, and rejects the transaction if they do not fit. It
// bounds memory: a contract can pass the same large array to many calls, and calldata in calls costs no gas.
func (p *phase) takeRoom(felts int) error {
	if p.txn.opts.Room == nil {
		return nil
	}
	if felts > *p.txn.opts.Room {
		return reject(UnexpectedError, "the calldata and results of all calls have more felts than a simulation or trace may keep")
	}
	*p.txn.opts.Room -= felts
	return nil
}

// callTop runs a call whose panic is a failure and ends the phase.
func (p *phase) callTop(e entry) (*Frame, error) {
	f, err := p.call(e)
	if err != nil {
		return f, err
	}
	if !f.CairoSteps {
		p.lastGas = e.gas - f.GasConsumed
	}
	if f.Failed {
		return f, &failure{reason: revertSummary(starknet.ExecutionPanicHeader, f)}
	}
	return f, nil
}

// class returns a declared class. An undeclared class is a failure.
func (p *phase) class(hash felt.Felt) (*cairo.Class, error) {
	class, err := p.txn.x.Classes.Get(p.txn.st, hash)
	if err == nil && class == nil {
		return nil, failCallf(undeclared, starknet.PaddedHex(hash))
	}
	return class, err
}

const undeclared = "Class with hash %s is not declared."

// deploy puts a contract at an address and runs its constructor. A panic of the constructor is a *failure too.
func (p *phase) deploy(class, address, deployer felt.Felt, calldata []felt.Felt, gas uint64) (*Frame, error) {
	f := &Frame{
		Contract: address, ClassHash: class, Caller: deployer, Selector: constructorSelector, Kind: cairo.Constructor, Gas: gas,
	}
	wrap := func(f *Frame, err error, called bool) (*Frame, error) {
		if cause, ok := asFailure(err); ok {
			return f, &failure{title: starknet.ConstructorTitle, frame: f, noSelector: !called, cause: cause}
		}
		return f, err
	}
	at, err := p.txn.st.ClassHashAt(address)
	if err != nil {
		return f, err
	}
	if !at.IsZero() {
		return wrap(f, failCallf("Deployment failed: contract already deployed at address %s", starknet.PaddedHex(address)), false)
	}
	p.txn.st.SetClassHash(address, class)
	declared, err := p.class(class)
	if err != nil {
		return wrap(f, err, false)
	}
	constructors := declared.Casm.EntryPoints.Constructor
	if len(constructors) == 0 {
		if len(calldata) > 0 {
			return wrap(f, failCallf("Invalid input: constructor_calldata; Cannot pass calldata to a contract with no constructor."), false)
		}
		outer := p.cairoSteps
		p.enter(f, declared)
		p.cairoSteps = outer
		return f, nil
	}
	f, err = p.callTop(entry{
		kind: cairo.Constructor, selector: constructors[0].Selector, storage: address, caller: deployer, calldata: calldata, gas: gas,
	})
	return wrap(f, err, true)
}

// outside returns a transaction without contents, in which calls outside a transaction run.
func (x *Executor) outside(st *state.Overlay, block *Block) *transaction {
	return &transaction{x: x, session: x.Engine.Begin(), st: st, block: block, txInfo: &cairo.TxInfo{ChainID: block.ChainID}}
}

// Construct deploys a contract outside a transaction, as genesis does, and runs its constructor.
func (x *Executor) Construct(st *state.Overlay, block *Block, class, address felt.Felt, calldata []felt.Felt) error {
	t := x.outside(state.NewOverlay(st), block)
	defer t.session.End()
	_, err := t.phase(ExecutePhase, constants.MaxExecuteGas).deploy(class, address, felt.Felt{}, calldata, constants.MaxExecuteGas)
	if err != nil {
		return err
	}
	t.st.MergeInto(st)
	return nil
}

// Call runs an entry point as starknet_call does: outside a transaction, with the largest amount of gas that an execution
// may have. It leaves st unchanged.
func (x *Executor) Call(st state.Reader, block *Block, contract, selector felt.Felt, calldata []felt.Felt) (*Frame, error) {
	t := x.outside(state.NewOverlay(st), block)
	defer t.session.End()
	t.opts.Brief = true
	class, err := t.st.ClassHashAt(contract)
	if err != nil {
		return nil, err
	}
	if class.IsZero() {
		return nil, reject(ContractNotFound, "no contract is deployed at %v", contract)
	}
	p := t.phase(CallPhase, constants.MaxExecuteGas)
	f, err := p.call(entry{kind: cairo.External, selector: selector, storage: contract, calldata: calldata, gas: p.initialGas})
	if failure, ok := asFailure(err); ok {
		return f, reject(ContractError, "%s", revertText("", f, failure))
	}
	if err != nil {
		return nil, err
	}
	if f.Failed {
		if len(f.Retdata) == 1 && f.Retdata[0] == entrypointNotFound && len(f.Inner) == 0 {
			return f, reject(EntrypointNotFound, "contract %v has no entry point %v", contract, selector)
		}
		return f, reject(ContractError, "%s", revertSummary(starknet.ExecutionPanicHeader, f))
	}
	return f, nil
}
