package executor

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/starknet"
)

// Reason says why a transaction cannot be in a block. Its number is the error code of the Starknet JSON-RPC specification.
type Reason int

// The reasons.
const (
	ContractNotFound                Reason = starknet.CodeContractNotFound
	EntrypointNotFound              Reason = starknet.CodeEntrypointNotFound
	ClassHashNotFound               Reason = starknet.CodeClassHashNotFound
	ContractError                   Reason = starknet.CodeContractError
	ClassAlreadyDeclared            Reason = starknet.CodeClassAlreadyDeclared
	InvalidTransactionNonce         Reason = starknet.CodeInvalidTransactionNonce
	InsufficientResources           Reason = starknet.CodeInsufficientResources // for validation, or for the least a transaction costs
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

// Rejection is the error of a transaction or call that was rejected; the state is as before.
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

// failure is an end of execution that no contract can catch: it reverts the transaction, or rejects one that cannot
// revert. It is either where it happened, with the cause below, or the cause itself.
type failure struct {
	title      string // "Error in the called contract", …; empty at the cause
	frame      *Frame // with a title
	noSelector bool   // a deployment that came to no constructor
	cause      *failure
	reason     string
}

func (f *failure) Error() string { return "executor: " + f.text() }

// failf returns a failure in a syscall itself.
func failf(format string, args ...any) *failure {
	return &failure{reason: fmt.Sprintf(format, args...)}
}

// failCallf returns a failure of an entry point. The reference ends its text with a line break, that of a syscall's without.
func failCallf(format string, args ...any) *failure { return failf(format+"\n", args...) }

// asFailure tells failures of the program from those of the node.
func asFailure(err error) (*failure, bool) { return errors.AsType[*failure](err) }
