package executor

import (
	"errors"
	"fmt"
)

// Reason says why a transaction cannot be in a block. Its number is the error code of the Starknet JSON-RPC specification.
type Reason int

// The reasons.
const (
	ContractNotFound                Reason = 20
	EntrypointNotFound              Reason = 21
	ClassHashNotFound               Reason = 28
	ContractError                   Reason = 40
	ClassAlreadyDeclared            Reason = 51
	InvalidTransactionNonce         Reason = 52
	InsufficientResources           Reason = 53 // for validation, or for the least a transaction costs
	InsufficientAccountBalance      Reason = 54
	ValidationFailure               Reason = 55
	CompilationFailed               Reason = 56
	ContractClassSizeTooLarge       Reason = 57
	NonAccount                      Reason = 58
	CompiledClassHashMismatch       Reason = 60
	UnsupportedTxVersion            Reason = 61
	UnsupportedContractClassVersion Reason = 62
	UnexpectedError                 Reason = 63
	FeeBelowMinimum                 Reason = 65
	InvalidProof                    Reason = 69
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

// failf is a failure in a syscall itself.
func failf(format string, args ...any) *failure {
	return &failure{reason: fmt.Sprintf(format, args...)}
}

// failCallf is a failure of an entry point. The reference ends its text with a line break, that of a syscall's without.
func failCallf(format string, args ...any) *failure { return failf(format+"\n", args...) }

// asFailure tells failures of the program from those of the node.
func asFailure(err error) (*failure, bool) { return errors.AsType[*failure](err) }
