package executor

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/starknet"
)

// Reason is why a transaction cannot be in a block. Its number is the error code of the Starknet JSON-RPC specification.
type Reason int

// The reasons.
const (
	ContractNotFound                Reason = starknet.CodeContractNotFound
	EntrypointNotFound              Reason = starknet.CodeEntrypointNotFound
	ClassHashNotFound               Reason = starknet.CodeClassHashNotFound
	ContractError                   Reason = starknet.CodeContractError
	ClassAlreadyDeclared            Reason = starknet.CodeClassAlreadyDeclared
	InvalidTransactionNonce         Reason = starknet.CodeInvalidTransactionNonce
	InsufficientResources           Reason = starknet.CodeInsufficientResources // for validation, or for the least cost of a transaction
	InsufficientAccountBalance      Reason = starknet.CodeInsufficientAccountBalance
	ValidationFailure               Reason = starknet.CodeValidationFailure
	CompilationFailed               Reason = starknet.CodeCompilationFailed
	ContractClassSizeTooLarge       Reason = starknet.CodeContractClassSizeTooLarge
	NonAccount                      Reason = starknet.CodeNonAccount
	CompiledClassHashMismatch       Reason = starknet.CodeCompiledClassHashMismatch
	UnsupportedTxVersion            Reason = starknet.CodeUnsupportedTxVersion
	UnsupportedContractClassVersion Reason = starknet.CodeUnsupportedContractClassVersion
	UnexpectedError                 Reason = starknet.CodeUnexpectedError
	FeeBelowMinimum                 Reason = starknet.CodeFeeBelowMinimum
	InvalidProof                    Reason = starknet.CodeInvalidProof
)

// Rejection is the error of a rejected transaction or call. The state is unchanged.
type Rejection struct {
	Reason Reason
	Detail string
}

func (r *Rejection) Error() string {
	return fmt.Sprintf("executor: rejected (%d): %s", int(r.Reason), r.Detail)
}

func reject(reason Reason, format string, args ...any) error {
	return &Rejection{reason, fmt.Sprintf(format, args...)}
}

// failure is an error of execution that no contract can catch. It reverts the transaction, or rejects one that cannot
// revert. Failures form a chain: each but the last is a frame that the error passed through, the last has the reason.
type failure struct {
	title      string // "Error in the called contract", …; empty in the last
	frame      *Frame // nil in the last
	noSelector bool   // a deployment that failed before its constructor ran
	cause      *failure
	reason     string // of the last
}

func (f *failure) Error() string { return "executor: " + f.text() }

// failf returns a failure of a syscall itself.
func failf(format string, args ...any) *failure {
	return &failure{reason: fmt.Sprintf(format, args...)}
}

// failCallf returns a failure of an entry point. As in blockifier, its text ends with a line break; that of a syscall does
// not.
func failCallf(format string, args ...any) *failure { return failf(format+"\n", args...) }

// asFailure reports whether err is a failure of the program, not an error of the node, and returns it.
func asFailure(err error) (*failure, bool) { return errors.AsType[*failure](err) }
