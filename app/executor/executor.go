// Package executor runs one transaction, or one call, on a state. It has the semantics of Starknet 0.14 and works with any
// cairo.Engine.
//
// [Executor.Execute] takes a transaction through the checks before any code runs, the account's validation, execution, and
// the fee. There are three outcomes:
//   - rejected: the error is a [*Rejection]; the transaction cannot be in a block and the state is unchanged;
//   - reverted: Receipt.Reverted is set; execution was undone, the nonce is used and the fee is paid;
//   - accepted.
//
// Any other error means a broken store or a bug in this program, and the node must stop.
//
// All engines give the same results, down to a unit of gas, because only Sierra gas counts (docs/fees.md).
//
// Reference: the sequencer's blockifier; transaction/account_transaction.rs and execution/entry_point.rs.
package executor

import (
	"sync/atomic"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// Executor runs transactions. It is safe for concurrent use on different overlays if its engine is.
type Executor struct {
	Engine  cairo.Engine
	Classes *Classes
	// Stop, if not nil, interrupts running code soon after it is set; the error is cairo.ErrInterrupted.
	Stop *atomic.Bool
}

// Until returns a copy of the executor with Stop set to stop.
func (x *Executor) Until(stop *atomic.Bool) *Executor {
	y := *x
	y.Stop = stop
	return &y
}

// Block is the part of a block that execution sees.
type Block struct {
	Number     uint64
	Timestamp  uint64 // seconds
	Sequencer  felt.Felt
	ChainID    felt.Felt
	L2GasPrice starknet.Uint128 // FRI
	FeeToken   felt.Felt
}

// Options change what Execute does. The zero value executes a transaction of a block.
type Options struct {
	// ValidateOnly stops after validation, without execution and fee transfer, as a mempool does. The constructor of a
	// DEPLOY_ACCOUNT and the checks of a DECLARE still run.
	ValidateOnly bool
	// SkipValidate leaves out the account's validation entry point.
	SkipValidate bool
	// SkipFee leaves out the fee checks and the fee transfer and ignores the transaction's own bounds. The receipt still has
	// the fee.
	SkipFee bool
	// Bound, if not 0, is the L2 gas bound with SkipFee. 0 means the largest possible bound.
	Bound uint64
	// Compiled makes a DECLARE whose class is not compiled yet end with ErrNotCompiled after its validation, instead of
	// compiling the class.
	Compiled bool
	// Brief leaves calldata and results out of the frames. A block does not need them, and they can be larger than what the
	// transaction pays for.
	Brief bool
	// Room, if not nil, is how many more felts of calldata and results the frames may hold; Execute reduces it. A transaction
	// that needs more is rejected.
	Room *int
	// FutureNonce accepts a nonce above the account's.
	FutureNonce bool
	// Query accepts transactions with the query bit in their version.
	Query bool
	// Diff computes Outcome.Diff.
	Diff bool
	// Hash is the transaction's hash if the caller knows it, else 0.
	Hash felt.Felt
	// Keep sets Outcome.Validated, and takes over Validated, an earlier run of the transaction's validation, if it would do the same again. It needs
	// Brief, and has no effect with SkipFee, Query, Room or Observe.
	Keep      bool
	Validated *Validated
	// Observe, if not nil, is called before each run of an entry point and returns the syscalls that the run uses. The
	// function that it returns, if not nil, is called with the result.
	Observe func(Phase, cairo.Call, cairo.Syscalls) (cairo.Syscalls, func(cairo.Result, error))
}

// Phase is a part of a transaction's run.
type Phase uint8

// The phases. An INVOKE has no constructor; a DEPLOY_ACCOUNT runs its constructor before validation and has no execution.
const (
	ValidatePhase Phase = iota
	ConstructorPhase
	ExecutePhase
	FeeTransferPhase
	CallPhase // not part of a transaction
)

// String returns the phase's name.
func (p Phase) String() string {
	return [...]string{"validate", "constructor", "execute", "fee transfer", "call"}[p]
}

// Outcome is the result of a transaction that was not rejected.
type Outcome struct {
	Receipt starknet.Receipt
	// The calls made by the protocol; nil if there was none. For a DEPLOY_ACCOUNT, Execute is the constructor.
	Validate, Execute, FeeTransfer *Frame
	Diff                           *starknet.StateDiff // nil without Options.Diff
	Validation                     *Validation         // nil if validation had no effects
	Validated                      *Validated          // nil without Options.Keep, or if it cannot be used again
	Estimate                       *Estimate           // set by Executor.Estimate only
	// SierraGas is the Sierra gas that code used in all phases, including reverted execution, and a measure of the work of calls that are
	// billed in VM resources. Blocks are bounded by it.
	SierraGas uint64
	// Steps is the number of VM steps of all frames, or SierraGas / 100 if the engine is not a cairo.StepCounter. That
	// is an upper bound, because gas pays for builtins and syscalls too. Steps are not part of consensus.
	Steps uint64
}

// Validation is the effects of the account's validation, which a revert does not undo. They all belong to the account, because
// validation may not call other contracts.
type Validation struct {
	Storage          []starknet.StorageEntry // slots that changed, ascending by key
	ClassHash        felt.Felt               // the account's new class, 0 if it was not replaced
	Events, Messages int                     // the number of the receipt's events and messages that validation emitted
}

// Execute runs a transaction on st. If it returns an error, st is unchanged.
func (x *Executor) Execute(st *state.Overlay, block *Block, tx starknet.Transaction, opts Options) (*Outcome, error) {
	a, err := x.Attempt(st, block, tx, opts)
	if err != nil {
		return nil, err
	}
	defer a.End()
	out, err := a.Finish()
	if err != nil {
		return nil, err
	}
	a.Changes().MergeInto(st)
	return out, nil
}

// transaction is a transaction in execution.
type transaction struct {
	x       *Executor
	session cairo.Session
	base    state.Reader
	st      *state.Overlay // of this transaction only, on base
	block   *Block
	tx      starknet.Transaction
	opts    Options

	hash         felt.Felt
	balanceSlot  felt.Felt         // of the account; 0 until balance computes it
	sawBlockHash bool              // validation asked for a block hash
	covered      *starknet.Uint128 // what the balance in base was found to cover, nil if that was not checked
	txInfo       *cairo.TxInfo
	gas          uint64              // Sierra gas that remains of the L2 gas bound
	bound        uint64              // the L2 gas bound
	used         uint64              // Sierra gas used by frames that were not reverted
	vm           constants.Resources // likewise of the frames that are billed in VM resources
	declared     *cairo.Class        // the class of a DECLARE
	events       []starknet.Event
	msgs         []starknet.Message
	out          Outcome
	phases       []*phase
}

// spend counts what a frame that succeeded used.
func (t *transaction) spend(f *Frame) {
	t.gas -= f.GasConsumed
	t.used += f.GasConsumed
	t.vm = t.vm.Plus(f.Resources, 1)
}

// begin prepares the execution of a transaction from its fields and begins its session.
func (x *Executor) begin(base state.Reader, block *Block, tx starknet.Transaction, opts Options) (*transaction, error) {
	f := tx.Fields()
	if f.Query && !opts.Query {
		return nil, reject(UnsupportedTxVersion, "version %v is a query version, which only simulation accepts", f.Version())
	}
	t := &transaction{x: x, session: x.Engine.Begin(), base: base, st: state.NewOverlay(base), block: block, tx: tx, opts: opts}
	t.gas = f.ResourceBounds.L2Gas.MaxAmount
	if opts.SkipFee {
		if t.gas = opts.Bound; t.gas == 0 {
			t.gas = constants.MaxValidateGas + constants.MaxExecuteGas
		}
	}
	t.bound = t.gas
	if t.hash = opts.Hash; t.hash.IsZero() {
		t.hash = tx.Hash(block.ChainID)
	}
	t.txInfo = txInfo(tx, block.ChainID, t.hash)
	return t, nil
}

// TxInfo returns the transaction info that contracts see.
func TxInfo(tx starknet.Transaction, chainID felt.Felt) *cairo.TxInfo {
	return txInfo(tx, chainID, tx.Hash(chainID))
}

func txInfo(tx starknet.Transaction, chainID, hash felt.Felt) *cairo.TxInfo {
	f := tx.Fields()
	info := &cairo.TxInfo{
		Version: f.Version(), Account: tx.Sender(), Signature: f.Signature, Hash: hash, ChainID: chainID, Nonce: f.Nonce,
		ResourceBounds: []cairo.ResourceBounds{
			bounds(constants.L1GasName, f.ResourceBounds.L1Gas), bounds(constants.L2GasName, f.ResourceBounds.L2Gas), bounds(constants.L1DataGasName, f.ResourceBounds.L1DataGas),
		},
		Tip: f.Tip, PaymasterData: f.PaymasterData, NonceDAMode: uint32(f.NonceDAMode), FeeDAMode: uint32(f.FeeDAMode),
	}
	switch tx := tx.(type) {
	case *starknet.Invoke:
		info.AccountDeploymentData, info.ProofFacts = tx.AccountDeploymentData, tx.ProofFacts
	case *starknet.Declare:
		info.AccountDeploymentData = tx.AccountDeploymentData
	}
	return info
}

func bounds(name string, b starknet.ResourceBound) cairo.ResourceBounds {
	return cairo.ResourceBounds{Resource: felt.FromShortString(name), MaxAmount: b.MaxAmount, MaxPricePerUnit: b.MaxPricePerUnit.Felt()}
}

// run takes the transaction through all its phases except the fee transfer, and returns what it has to pay.
func (t *transaction) run() (charge, error) {
	if err := t.check(); err != nil {
		return charge{}, err
	}
	switch tx := t.tx.(type) {
	case *starknet.Invoke:
		return t.invoke(tx)
	case *starknet.Declare:
		return t.declare(tx)
	case *starknet.DeployAccount:
		return t.deployAccount(tx)
	}
	return charge{}, nil
}

// finish transfers the fee and returns the outcome.
func (t *transaction) finish(c charge) (*Outcome, error) {
	if err := t.payFee(c.fee); err != nil {
		return nil, err
	}
	t.out.SierraGas += t.used
	for _, p := range t.phases {
		t.out.SierraGas += p.workGas()
	}
	if f := t.out.FeeTransfer; f != nil {
		t.out.SierraGas += f.GasConsumed
	}
	if _, ok := t.x.Engine.(cairo.StepCounter); !ok {
		t.out.Steps = t.out.SierraGas / constants.StepGas
	}
	r := &t.out.Receipt
	r.TransactionHash, r.Type = t.hash, t.tx.Type()
	r.ActualFee, r.Resources = c.fee, starknet.GasVector{L2Gas: c.gas}
	r.Events, r.Messages = t.events, t.msgs
	if t.opts.Diff {
		var err error
		if t.out.Diff, err = t.st.Diff(); err != nil {
			return nil, err
		}
	}
	return &t.out, nil
}

// invoke validates and executes. If the execution fails or costs too much, invoke undoes it and keeps the effects of validation.
func (t *transaction) invoke(tx *starknet.Invoke) (charge, error) {
	if err := t.validate(validateSelector, tx.Calldata); err != nil {
		return charge{}, err
	}
	if t.opts.ValidateOnly {
		// A mempool rejects a transaction that a block would revert for its cost.
		return t.unrevertible()
	}
	before := t.savepoint()
	p := t.phase(ExecutePhase, min(t.gas, constants.MaxExecuteGas))
	frame, err := p.callTop(entry{
		kind: cairo.External, selector: executeSelector, storage: tx.SenderAddress, calldata: tx.Calldata, gas: p.initialGas,
	})
	t.out.Execute = frame
	if err != nil {
		failure, ok := asFailure(err)
		if !ok {
			return charge{}, err
		}
		return t.revert(before, p, revertText(starknet.ExecutionHeader, frame, failure), nil)
	}
	t.spend(frame)
	done, err := t.charge(0, 0)
	if err != nil {
		return charge{}, err
	}
	reason, err := t.exceeds(done)
	if err != nil {
		return charge{}, err
	}
	if reason != "" {
		return t.revert(before, p, reason, &done)
	}
	return done, nil
}

// revert undoes the execution and charges the gas that it used. If the execution succeeded but exceeded its bounds, done is
// its charge, and the account pays for that amount of gas instead. The gas paid for is capped at the transaction's bound.
func (t *transaction) revert(to savepoint, p *phase, reason string, done *charge) (charge, error) {
	used, steps := p.gasUsed(), p.stepsUsed()
	t.rollback(to)
	t.out.SierraGas += used
	t.out.Receipt.Reverted, t.out.Receipt.RevertReason = true, reason
	c, err := t.charge(used, steps)
	if err != nil {
		return charge{}, err
	}
	paid := c.gas
	if done != nil {
		paid = done.gas
	}
	if !t.opts.SkipFee {
		paid = min(paid, t.tx.Fields().ResourceBounds.L2Gas.MaxAmount)
	}
	c.fee, err = t.fee(paid)
	return c, err
}

// deployAccount runs the constructor and then validation, both with the restrictions of validation. It cannot revert.
func (t *transaction) deployAccount(tx *starknet.DeployAccount) (charge, error) {
	p := t.phase(ConstructorPhase, min(t.gas, constants.MaxValidateGas))
	address := tx.Sender()
	frame, err := p.deploy(tx.ClassHash, address, felt.Felt{}, tx.ConstructorCalldata, p.initialGas)
	t.out.Execute = frame
	if err != nil {
		class, classErr := t.x.Classes.Get(t.st, tx.ClassHash)
		if classErr != nil {
			return charge{}, classErr
		}
		reason := ValidationFailure
		if class == nil {
			reason = ClassHashNotFound
		}
		return charge{}, rejectFailure(reason, starknet.ConstructorHeader, err)
	}
	t.spend(frame)
	calldata := append([]felt.Felt{tx.ClassHash, tx.ContractAddressSalt}, tx.ConstructorCalldata...)
	if err := t.validate(validateDeploySelector, calldata); err != nil {
		return charge{}, err
	}
	t.out.Receipt.ContractAddress = address
	return t.unrevertible()
}

// declare validates and stores the class. It cannot revert. Validation comes first because compiling the class costs more
// and is not paid for by an invalid sender.
func (t *transaction) declare(tx *starknet.Declare) (charge, error) {
	if err := t.checkDeclare(tx); err != nil {
		return charge{}, err
	}
	if err := t.validate(validateDeclareSelector, []felt.Felt{tx.ClassHash}); err != nil {
		return charge{}, err
	}
	if err := t.compile(tx); err != nil {
		return charge{}, err
	}
	if !t.opts.ValidateOnly { // a mempool does not need the stored form, which is slow to make
		class, err := Stored(t.declared, tx.Class)
		if err != nil {
			return charge{}, err
		}
		t.st.Declare(class)
	}
	return t.unrevertible()
}

// unrevertible returns the charge of a transaction that cannot revert, and rejects it if the charge exceeds its bounds.
func (t *transaction) unrevertible() (charge, error) {
	c, err := t.charge(0, 0)
	if err != nil {
		return charge{}, err
	}
	return c, t.withinBounds(c)
}

// validate runs the account's validation entry point, which must return 'VALID'.
func (t *transaction) validate(selector felt.Felt, calldata []felt.Felt) error {
	if t.opts.SkipValidate {
		return nil
	}
	p, before := t.phase(ValidatePhase, min(t.gas, constants.MaxValidateGas)), t.savepoint()
	frame, err := t.callValidation(p, entry{
		kind: cairo.External, selector: selector, storage: t.tx.Sender(), calldata: calldata, gas: p.initialGas,
	})
	t.out.Validate = frame
	if err != nil {
		if failure, ok := asFailure(err); ok {
			return reject(ValidationFailure, "%s", revertText(starknet.ValidationHeader, frame, failure))
		}
		return err
	}
	if frame.Failed {
		class, err := t.x.Classes.Get(t.st, frame.ClassHash)
		if err != nil {
			return err
		}
		reason := ValidationFailure
		if class != nil && class.Casm.EntryPoint(cairo.External, validateSelector) == nil {
			reason = NonAccount
		}
		return reject(reason, "%s", revertSummary(starknet.ValidatePanicHeader, frame))
	}
	if len(frame.Retdata) != 1 || frame.Retdata[0] != validated {
		return reject(ValidationFailure, "the validation entry point should return 'VALID', got %v", frame.Retdata)
	}
	t.spend(frame)
	return t.noteValidation(before)
}

// noteValidation records the effects of validation since the savepoint. Most validations have none.
func (t *transaction) noteValidation(before savepoint) error {
	v := &Validation{Events: len(t.events) - before.events, Messages: len(t.msgs) - before.messages}
	if t.st.Snapshot() != before.snapshot {
		diff, err := t.st.Since(before.snapshot)
		if err != nil {
			return err
		}
		for _, c := range diff.Storage {
			v.Storage = c.Entries
		}
		for _, c := range diff.Replaced {
			v.ClassHash = c.ClassHash
		}
	}
	if len(v.Storage) > 0 || !v.ClassHash.IsZero() || v.Events > 0 || v.Messages > 0 {
		t.out.Validation = v
	}
	return nil
}

// rejectFailure turns the failure of a transaction that cannot revert into a rejection. Other errors stay as they are.
func rejectFailure(reason Reason, header string, err error) error {
	failure, ok := asFailure(err)
	if !ok {
		return err
	}
	return reject(reason, "%s", header+failure.text())
}

// payFee calls transfer of the fee token, from the account to the sequencer.
func (t *transaction) payFee(fee starknet.Uint128) error {
	if t.opts.SkipFee || t.opts.ValidateOnly || fee.IsZero() {
		return nil
	}
	p := t.phase(FeeTransferPhase, constants.FeeTransferGas)
	frame, err := p.callTop(entry{
		kind: cairo.External, selector: transferSelector, storage: t.block.FeeToken, caller: t.tx.Sender(),
		calldata: []felt.Felt{t.block.Sequencer, fee.Felt(), {}}, gas: p.initialGas,
	})
	t.out.FeeTransfer = frame
	if err == nil {
		return nil
	}
	if failure, ok := asFailure(err); ok {
		return reject(InsufficientAccountBalance, "fee transfer: %s", failure.text())
	}
	return err
}

// savepoint is a point of a transaction to which rollback can return.
type savepoint struct {
	snapshot, events, messages int
	used                       uint64
}

func (t *transaction) savepoint() savepoint {
	return savepoint{t.st.Snapshot(), len(t.events), len(t.msgs), t.used}
}

// rollback undoes the transaction's effects since the savepoint.
func (t *transaction) rollback(to savepoint) {
	t.st.Rollback(to.snapshot)
	t.events, t.msgs, t.used = t.events[:to.events], t.msgs[:to.messages], to.used
}
