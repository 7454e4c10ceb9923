package rpc

import (
	"fmt"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// The errors of the specification.
var (
	errNoTrace                   = &jsonrpc.Error{Code: 10, Message: "No trace available for transaction"}
	ErrContractNotFound          = &jsonrpc.Error{Code: starknet.CodeContractNotFound, Message: "Contract not found"}
	ErrEntryPointNotFound        = &jsonrpc.Error{Code: starknet.CodeEntrypointNotFound, Message: "Requested entry point does not exist in the contract"}
	ErrBlockNotFound             = &jsonrpc.Error{Code: 24, Message: "Block not found"}
	errInvalidTransactionIndex   = &jsonrpc.Error{Code: 27, Message: "Invalid transaction index in a block"}
	ErrClassNotFound             = &jsonrpc.Error{Code: starknet.CodeClassHashNotFound, Message: "Class hash not found"}
	ErrTransactionNotFound       = &jsonrpc.Error{Code: 29, Message: "Transaction hash not found"}
	errPageSizeTooBig            = &jsonrpc.Error{Code: 31, Message: "Requested page size is too big"}
	ErrNoBlocks                  = &jsonrpc.Error{Code: 32, Message: "There are no blocks"}
	errInvalidContinuationToken  = &jsonrpc.Error{Code: 33, Message: "The supplied continuation token is invalid or unknown"}
	errTooManyKeys               = &jsonrpc.Error{Code: 34, Message: "Too many keys provided in a filter"}
	errContract                  = &jsonrpc.Error{Code: starknet.CodeContractError, Message: "Contract error"}
	errTransactionExecution      = &jsonrpc.Error{Code: 41, Message: "Transaction execution error"}
	ErrStorageProofNotSupported  = &jsonrpc.Error{Code: 42, Message: "the node doesn't support storage proofs for blocks that are too far in the past"}
	ErrClassAlreadyDeclared      = &jsonrpc.Error{Code: starknet.CodeClassAlreadyDeclared, Message: "Class already declared"}
	ErrInvalidNonce              = &jsonrpc.Error{Code: starknet.CodeInvalidTransactionNonce, Message: "Invalid transaction nonce"}
	ErrInsufficientResources     = &jsonrpc.Error{Code: starknet.CodeInsufficientResources, Message: "The transaction's resources don't cover validation or the minimal transaction fee"}
	ErrInsufficientBalance       = &jsonrpc.Error{Code: starknet.CodeInsufficientAccountBalance, Message: "Account balance is smaller than the transaction's maximal fee (calculated as the sum of each resource's limit x max price)"}
	ErrValidationFailure         = &jsonrpc.Error{Code: starknet.CodeValidationFailure, Message: "Account validation failed"}
	ErrCompilationFailed         = &jsonrpc.Error{Code: starknet.CodeCompilationFailed, Message: "Compilation failed"}
	ErrClassTooLarge             = &jsonrpc.Error{Code: starknet.CodeContractClassSizeTooLarge, Message: "Contract class size is too large"}
	ErrNonAccount                = &jsonrpc.Error{Code: starknet.CodeNonAccount, Message: "Sender address is not an account contract"}
	ErrDuplicateTransaction      = &jsonrpc.Error{Code: starknet.CodeDuplicateTransaction, Message: "A transaction with the same hash already exists in the mempool"}
	ErrCompiledClassHashMismatch = &jsonrpc.Error{Code: starknet.CodeCompiledClassHashMismatch, Message: "the compiled class hash did not match the one supplied in the transaction"}
	ErrUnsupportedVersion        = &jsonrpc.Error{Code: starknet.CodeUnsupportedTxVersion, Message: "the transaction version is not supported"}
	ErrUnsupportedClassVersion   = &jsonrpc.Error{Code: starknet.CodeUnsupportedContractClassVersion, Message: "the contract class version is not supported"}
	ErrUnexpected                = &jsonrpc.Error{Code: starknet.CodeUnexpectedError, Message: "An unexpected error occurred"}
	ErrFeeBelowMinimum           = &jsonrpc.Error{Code: starknet.CodeFeeBelowMinimum, Message: "Transaction fee below minimum"}
	errTooManyAddresses          = &jsonrpc.Error{Code: 67, Message: "Too many addresses in filter sender_address filter"}
	errInvalidSubscriptionID     = &jsonrpc.Error{Code: 66, Message: "Invalid subscription id"}
	errTooManyBlocksBack         = &jsonrpc.Error{Code: 68, Message: "Cannot go back more than 1024 blocks"}
	ErrInvalidProof              = &jsonrpc.Error{Code: starknet.CodeInvalidProof, Message: "The proof field in the invoke v3 transaction is invalid"}
)

// Rejection returns the error of the specification for a rejection with one of the codes of package starknet. Its data is the reason.
func Rejection(code int, reason string) *jsonrpc.Error {
	if code == starknet.CodeContractError {
		return ContractError(reason)
	}
	for _, e := range rejections {
		if e.Code == code {
			return e.With(reason)
		}
	}
	return ErrUnexpected.With(fmt.Sprintf("%d: %s", code, reason))
}

// rejections are the errors of rejected transactions and calls, except CONTRACT_ERROR.
var rejections = []*jsonrpc.Error{
	ErrContractNotFound, ErrEntryPointNotFound, ErrClassNotFound, ErrInvalidNonce, ErrValidationFailure,
	ErrCompilationFailed, ErrUnexpected, ErrClassAlreadyDeclared, ErrInsufficientResources,
	ErrInsufficientBalance, ErrClassTooLarge, ErrNonAccount, ErrCompiledClassHashMismatch,
	ErrUnsupportedVersion, ErrUnsupportedClassVersion, ErrFeeBelowMinimum, ErrInvalidProof, ErrDuplicateTransaction,
}

// ContractError returns the error of a failed call. failure is a text or the failed calls (CONTRACT_EXECUTION_ERROR).
func ContractError(failure any) *jsonrpc.Error {
	return errContract.With(map[string]any{"revert_error": failure})
}

// TransactionExecutionError returns the error of a simulation whose i-th transaction failed (TRANSACTION_EXECUTION_ERROR).
func TransactionExecutionError(i int, failure any) *jsonrpc.Error {
	return errTransactionExecution.With(map[string]any{"transaction_index": i, "execution_error": failure})
}

// UndeployedSender returns the TransactionExecutionError of a transaction whose sender is not a contract. starknet_estimateFee answers
// ErrContractNotFound instead.
func UndeployedSender(i int, failure any) error {
	return undeployedSender{TransactionExecutionError(i, failure)}
}

type undeployedSender struct{ error }

func (e undeployedSender) Unwrap() error { return e.error }

// in09 returns the error of version 0.9 that corresponds to e.
func in09(e *jsonrpc.Error, method string) *jsonrpc.Error {
	switch {
	case e.Code == ErrEntryPointNotFound.Code:
		return &jsonrpc.Error{Code: e.Code, Message: "Requested entrypoint does not exist in the contract", Data: e.Data}
	case e.Code == ErrInvalidProof.Code:
		return ErrUnexpected.With(e.Message)
	case e.Code == ErrContractNotFound.Code && method == "starknet_estimateMessageFee":
		return ContractError(e.Message)
	}
	return e
}
