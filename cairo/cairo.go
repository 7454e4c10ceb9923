// Package cairo is the contract between the chain and the engines that execute Cairo: a class, a call, the session in
// which calls run, the syscalls that a running contract may make, the result, and the trace of a run that a prover
// takes. Two engines implement it: cairo/vm, which is the reference engine and the only one that makes traces, and
// cairo/native. Their results are equal, including gas.
package cairo

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// Class is a declared class, as Sierra and as CASM. It is immutable; engines may cache by pointer or by Hash.
type Class struct {
	Hash         felt.Felt       // Sierra class hash
	CompiledHash felt.Felt       // BLAKE compiled class hash
	Sierra       *sierra.Program // decoded program, for the native engine
	Casm         *casm.Class     // compiled program, for the VM
	// Gas computes the gas costs of the Sierra statements when the native engine needs them. If Gas or its result is nil, the class
	// runs on the VM.
	Gas func() *sierra.GasInfo
}

// EntryPointType names one of a class's three lists of entry points.
type EntryPointType = casm.EntryPointType

// Types of entry points.
const (
	External    = casm.External
	L1Handler   = casm.L1Handler
	Constructor = casm.Constructor
)

// Call is a call of an entry point of a class.
type Call struct {
	Class    *Class
	Type     EntryPointType
	Selector felt.Felt
	Contract felt.Felt // the contract whose storage the call uses
	Caller   felt.Felt // zero for calls from the protocol
	Calldata []felt.Felt
	Gas      uint64 // Sierra gas available, before the entry point's initial cost is charged
	// Steps, if not nil, makes every engine run the call on the VM, count what it uses (Result.Resources), and end it with ErrSteps or
	// ErrWork when nothing is left. The calls of such a call have the same Steps.
	Steps *StepBudget
	// Stop, if not nil, ends the run with ErrInterrupted soon after it is set; engines poll it when they charge gas. It must be nil
	// for runs whose result is kept, because such an end is not deterministic.
	Stop *atomic.Bool
}

// StepBudget is what the calls that share it may still use. It is up to date whenever a call or a syscall begins or ends.
type StepBudget struct {
	Left uint64 // steps; when none is left the run ends with ErrSteps
	// Work is the work that does not show in steps, in the time of so many steps: that of builtins whose instances take long, and that of
	// syscalls, which the implementation of Syscalls subtracts. A run that needs more ends with ErrWork.
	Work uint64
}

// The errors of a run that used up Call.Steps.
var (
	ErrSteps = errors.New("cairo: no steps left")
	ErrWork  = errors.New("cairo: builtins and syscalls need too much work")
)

// Location is where the code of a call stopped: offsets in the class's bytecode.
type Location struct {
	PC      uint64   // of the instruction that failed, or that would have been next
	Callers []uint64 // the call instructions of the running functions, outermost first; only the innermost ones if there are many
}

// ErrInterrupted is the error of a run whose Call.Stop was set.
var ErrInterrupted = errors.New("cairo: the run was interrupted")

// Interrupted reports whether Stop is set.
func (c *Call) Interrupted() bool { return c.Stop != nil && c.Stop.Load() }

// Result is the outcome of a call that ended normally or in a panic.
type Result struct {
	Failed  bool        // the contract panicked
	Retdata []felt.Felt // return data, or panic data if Failed; in a nested call valid only until the calling frame ends
	GasLeft uint64
	Steps   uint64 // VM steps of this frame without nested calls, 0 from an engine that does not count steps; not consensus
	// Resources is what this frame used, without nested calls and without the Starknet OS's work for its syscalls. It is set if Call.Steps
	// is not nil.
	Resources constants.Resources
	// Stopped is where a run with Call.Steps ended, if it ended with an error after its first instruction was due. All other fields are zero.
	Stopped *Location
}

// Engine executes Cairo. It is safe for concurrent use, and each session belongs to one goroutine.
type Engine interface {
	// Begin returns a session for one transaction.
	Begin() Session
}

// Session runs the calls of one transaction: its outermost calls one after another, and inside each of them the calls that
// its syscalls make. A session holds the state that these calls share, such as their memory.
type Session interface {
	// Run runs a call. The error is
	//   - a *RunError if the program broke a rule of the machine: the transaction reverts, and no caller can catch it;
	//   - ErrInterrupted if Call.Stop was set;
	//   - ErrSteps or ErrWork if Call.Steps was used up;
	//   - a *FallbackError if the engine cannot finish the outermost call. The session has then switched to another
	//     engine: the caller undoes all effects of that outermost call and runs it once more in the same session;
	//   - the error of a syscall if it is not a *SyscallFailure.
	//
	// Run never panics on a class that the compiler accepted.
	Run(call Call, sys Syscalls) (Result, error)
	// End frees the session's resources. No call may be running.
	End()
}

// Run runs one call in a new session. Calls that its syscalls make are not part of that session.
func Run(e Engine, call Call, sys Syscalls) (Result, error) {
	s := e.Begin()
	defer s.End()
	return s.Run(call, sys)
}

// Precompiler is implemented by engines that compile classes before their first call. Precompile is a hint and returns at
// once.
type Precompiler interface{ Precompile(*Class) }

// StepCounter is implemented by engines that count the steps of every call.
type StepCounter interface{ CountsSteps() }

// RunError is a violation of the machine's rules, such as an unknown entry point, a failed assertion or an access to an
// unknown memory cell.
type RunError struct{ Reason string }

func (e *RunError) Error() string { return "cairo: " + e.Reason }

// RunErrorf returns a *RunError with a formatted reason.
func RunErrorf(format string, args ...any) error {
	return &RunError{Reason: fmt.Sprintf(format, args...)}
}

// ErrFallback matches every *FallbackError with errors.Is.
var ErrFallback = errors.New("cairo: the engine cannot finish the call")

// FallbackError is the error of a run that an engine began but cannot finish because of a limit of its own, such as a full
// stack. Session.Run documents what the caller has to do.
type FallbackError struct {
	Reason string // one word from a small set, for counting
	Detail string
}

func (e *FallbackError) Error() string {
	return "cairo: fallback to the VM (" + e.Reason + "): " + e.Detail
}

// Is reports whether target is ErrFallback.
func (e *FallbackError) Is(target error) bool { return target == ErrFallback }

// SyscallFailure is the error of a syscall whose failure flag is set. The contract gets Data as the syscall's panic data
// and may continue.
type SyscallFailure struct{ Data []felt.Felt }

func (e *SyscallFailure) Error() string { return fmt.Sprintf("cairo: syscall failed: %v", e.Data) }

// Syscalls carries out the system calls of a running contract (Starknet 0.14). gas points to the frame's gas counter as the
// contract sent it. The implementation charges the syscall's cost before anything else, minus the base cost of 10,000 that
// compiled code has charged already. A *SyscallFailure goes to the contract; any other error ends the run. Implementations
// must not modify or keep the slices that they get, and engines do not modify the slices that they return.
//
// CallContract, LibraryCall, Deploy and MetaTxV0 run at most one call themselves, in the caller's session. They must pass
// the syscall's calldata to that call and return its Retdata unchanged, because engines pass arrays from frame to frame
// without copying them.
type Syscalls interface {
	StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error)
	StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error
	EmitEvent(gas *uint64, keys, data []felt.Felt) error
	CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error)
	LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error)
	Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (contract felt.Felt, retdata []felt.Felt, err error)
	GetExecutionInfo(gas *uint64) (*ExecutionInfo, error)
	GetBlockHash(gas *uint64, number uint64) (felt.Felt, error)
	GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error)
	ReplaceClass(gas *uint64, class felt.Felt) error
	SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error
	MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error)
	// Meter charges for a syscall that only computes and that the engine carries out itself: keccak, sha256, sha512,
	// secp256k1 and secp256r1. units is the number of keccak rounds (blocks of 17 words), NoRounds if the input of keccak is not whole
	// blocks so that the syscall fails, 1 for the other syscalls.
	Meter(gas *uint64, selector Selector, units uint64) error
}

// NoRounds is the units of a keccak syscall whose input is not whole blocks.
const NoRounds = math.MaxUint64

// ExecutionInfo is the result of get_execution_info (v1, v2, v3).
type ExecutionInfo struct {
	BlockNumber    uint64
	BlockTimestamp uint64 // seconds
	Sequencer      felt.Felt
	Tx             *TxInfo
	Caller         felt.Felt
	Contract       felt.Felt
	Selector       felt.Felt
}

// TxInfo is the transaction part of ExecutionInfo.
type TxInfo struct {
	Version               felt.Felt
	Account               felt.Felt
	MaxFee                felt.Felt // 0 for version 3
	Signature             []felt.Felt
	Hash                  felt.Felt
	ChainID               felt.Felt
	Nonce                 felt.Felt
	ResourceBounds        []ResourceBounds // l1_gas, l2_gas, l1_data_gas
	Tip                   uint64
	PaymasterData         []felt.Felt
	NonceDAMode           uint32
	FeeDAMode             uint32
	AccountDeploymentData []felt.Felt
	ProofFacts            []felt.Felt
}

// ResourceBounds holds the bounds of one resource, as a contract sees them.
type ResourceBounds struct {
	Resource        felt.Felt // short string L1_GAS, L2_GAS or L1_DATA
	MaxAmount       uint64
	MaxPricePerUnit felt.Felt // below 2^128
}
