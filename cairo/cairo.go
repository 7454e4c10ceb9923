// Package cairo is the contract between the chain and the engines that execute Cairo: a class, a call, the session in
// which calls run, the syscalls that a running contract may make, the result, and the trace of a run that a prover can
// take. Two engines implement it: cairo/vm, which is the reference and the only one that makes traces, and cairo/native.
// Their results are equal to the last unit of gas.
package cairo

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// Class is a declared class in both forms. Immutable once made; engines may cache by pointer or by Hash.
type Class struct {
	Hash         felt.Felt       // Sierra class hash
	CompiledHash felt.Felt       // BLAKE compiled class hash
	Sierra       *sierra.Program // decoded program
	Casm         *casm.Class     // what the VM runs
	// Gas finds out what the native engine needs beyond Sierra, once it needs it. Nil, and a nil answer, leave the class to the VM.
	Gas func() *sierra.GasInfo
}

// EntryPointType is one of a class's three lists of entry points.
type EntryPointType = casm.EntryPointType

// The kinds of entry point.
const (
	External    = casm.External
	L1Handler   = casm.L1Handler
	Constructor = casm.Constructor
)

// Call is one entry into a class.
type Call struct {
	Class    *Class
	Type     EntryPointType
	Selector felt.Felt
	Contract felt.Felt // whose storage the call works on
	Caller   felt.Felt // zero for calls from the protocol
	Calldata []felt.Felt
	Gas      uint64 // Sierra gas available, before the entry point's initial cost is charged
	// Stop, if not nil, ends the run with ErrInterrupted soon after it is set: engines look at it where they charge gas. Only runs
	// whose result nobody keeps have one.
	Stop *atomic.Bool
}

// ErrInterrupted ends a run whose Call.Stop was set.
var ErrInterrupted = errors.New("cairo: the run was interrupted")

// Interrupted reports whether the call is to end.
func (c *Call) Interrupted() bool { return c.Stop != nil && c.Stop.Load() }

// Result is the outcome of a call that ended normally or in a panic.
type Result struct {
	Failed  bool        // the contract panicked; Retdata is the panic data
	Retdata []felt.Felt // returned, or panic data; of a nested call valid until the call around it ends
	GasLeft uint64
	Steps   uint64 // VM steps of this frame alone, 0 from an engine that counts none; informative, never consensus
}

// Engine executes Cairo. It is safe for concurrent use, and each session belongs to one goroutine.
type Engine interface {
	// Begin returns a session for one transaction.
	Begin() Session
}

// Session runs the calls of one transaction: its outermost calls one after another, and inside each of them the calls that
// its syscalls make. An engine keeps in a session what these calls share, such as their memory.
type Session interface {
	// Run runs a call. The error is
	//   - a *RunError when the program broke a rule of the machine: the transaction reverts, and no caller can catch it;
	//   - ErrInterrupted once Call.Stop is set;
	//   - a *FallbackError when the engine cannot finish the outermost call. The session has then switched to another
	//     engine: the caller undoes all effects of that outermost call and runs it again in the same session, once;
	//   - whatever Syscalls returned, when that was not a *SyscallFailure.
	//
	// Run never panics on a class that the compiler accepted.
	Run(call Call, sys Syscalls) (Result, error)
	// End frees what the session holds. No call may be running.
	End()
}

// Run runs one call in a session of its own. Calls that its syscalls make are not part of that session.
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

// RunError is a violation of the machine's rules: an unknown entry point, an assertion, an access to memory that is not
// there.
type RunError struct{ Reason string }

func (e *RunError) Error() string { return "cairo: " + e.Reason }

// RunErrorf makes a RunError.
func RunErrorf(format string, args ...any) error {
	return &RunError{Reason: fmt.Sprintf(format, args...)}
}

// ErrFallback matches every *FallbackError.
var ErrFallback = errors.New("cairo: the engine cannot finish the call")

// FallbackError ends a run that an engine began and could not finish because of a limit of its own, such as a full stack.
// Session.Run says what the caller does then.
type FallbackError struct {
	Reason string // one of a few words, to count by
	Detail string
}

func (e *FallbackError) Error() string {
	return "cairo: fallback to the VM (" + e.Reason + "): " + e.Detail
}

// Is makes every FallbackError an ErrFallback.
func (e *FallbackError) Is(target error) bool { return target == ErrFallback }

// SyscallFailure is a syscall's answer with the failure flag set: the contract sees Data as the syscall's panic data and
// may go on.
type SyscallFailure struct{ Data []felt.Felt }

func (e *SyscallFailure) Error() string { return fmt.Sprintf("cairo: syscall failed: %v", e.Data) }

// Syscalls answers a running contract (Starknet 0.14 system calls). gas points to the frame's gas counter as the contract
// sent it; the implementation charges it before it does anything (the base cost of 10,000 that compiled code
// pre-charges is taken off the charge). A *SyscallFailure goes to the contract, any other error ends the run.
// Slices passed in are only read and not kept; slices returned are not modified by the engine.
//
// CallContract, LibraryCall, Deploy and MetaTxV0 run at most one call themselves, in the caller's session. That call has
// the syscall's calldata, and the syscall returns the call's Retdata, both unchanged: engines pass arrays from frame to
// frame without copying them.
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
	// Meter charges a syscall that is computation only and that the engine carries out itself: keccak, sha256, sha512,
	// secp256k1 and secp256r1. units counts keccak rounds (blocks of 17 words), and is 1 for the others.
	Meter(gas *uint64, selector Selector, units uint64) error
}

// ExecutionInfo is what get_execution_info (v1, v2, v3) shows a contract.
type ExecutionInfo struct {
	BlockNumber    uint64
	BlockTimestamp uint64 // seconds
	Sequencer      felt.Felt
	Tx             *TxInfo
	Caller         felt.Felt
	Contract       felt.Felt
	Selector       felt.Felt
}

// TxInfo is the transaction part of ExecutionInfo, the same for every frame of a transaction.
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

// ResourceBounds is one resource's bounds as a contract sees them.
type ResourceBounds struct {
	Resource        felt.Felt // short string L1_GAS, L2_GAS or L1_DATA
	MaxAmount       uint64
	MaxPricePerUnit felt.Felt // below 2^128
}
