package rpc

import (
	"encoding/json"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Error is an error of the Starknet RPC specification, or of JSON-RPC itself, as the client sees it. Errors with the same code
// match by errors.Is, whatever their data.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`

	undeployed bool // see UndeployedSender
}

func (e *Error) Error() string {
	if e.Data == nil {
		return fmt.Sprintf("rpc: %s (%d)", e.Message, e.Code)
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		data = fmt.Append(nil, e.Data)
	}
	return fmt.Sprintf("rpc: %s (%d): %s", e.Message, e.Code, data)
}

// Is matches by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With is e with data that says more.
func (e *Error) With(data any) *Error { return &Error{Code: e.Code, Message: e.Message, Data: data} }

// The errors of the specification.
var (
	ErrFailedToReceive           = &Error{Code: 1, Message: "Failed to write transaction"}
	ErrNoTrace                   = &Error{Code: 10, Message: "No trace available for transaction"}
	ErrContractNotFound          = &Error{Code: 20, Message: "Contract not found"}
	ErrEntryPointNotFound        = &Error{Code: 21, Message: "Requested entry point does not exist in the contract"}
	ErrBlockNotFound             = &Error{Code: 24, Message: "Block not found"}
	ErrInvalidTransactionIndex   = &Error{Code: 27, Message: "Invalid transaction index in a block"}
	ErrClassNotFound             = &Error{Code: 28, Message: "Class hash not found"}
	ErrTransactionNotFound       = &Error{Code: 29, Message: "Transaction hash not found"}
	ErrPageSizeTooBig            = &Error{Code: 31, Message: "Requested page size is too big"}
	ErrNoBlocks                  = &Error{Code: 32, Message: "There are no blocks"}
	ErrInvalidContinuationToken  = &Error{Code: 33, Message: "The supplied continuation token is invalid or unknown"}
	ErrTooManyKeys               = &Error{Code: 34, Message: "Too many keys provided in a filter"}
	errContract                  = &Error{Code: 40, Message: "Contract error"}
	errTransactionExecution      = &Error{Code: 41, Message: "Transaction execution error"}
	ErrStorageProofNotSupported  = &Error{Code: 42, Message: "the node doesn't support storage proofs for blocks that are too far in the past"}
	ErrClassAlreadyDeclared      = &Error{Code: 51, Message: "Class already declared"}
	ErrInvalidNonce              = &Error{Code: 52, Message: "Invalid transaction nonce"}
	ErrInsufficientResources     = &Error{Code: 53, Message: "The transaction's resources don't cover validation or the minimal transaction fee"}
	ErrInsufficientBalance       = &Error{Code: 54, Message: "Account balance is smaller than the transaction's maximal fee (calculated as the sum of each resource's limit x max price)"}
	ErrValidationFailure         = &Error{Code: 55, Message: "Account validation failed"}
	ErrCompilationFailed         = &Error{Code: 56, Message: "Compilation failed"}
	ErrClassTooLarge             = &Error{Code: 57, Message: "Contract class size is too large"}
	ErrNonAccount                = &Error{Code: 58, Message: "Sender address is not an account contract"}
	ErrDuplicateTransaction      = &Error{Code: 59, Message: "A transaction with the same hash already exists in the mempool"}
	ErrCompiledClassHashMismatch = &Error{Code: 60, Message: "the compiled class hash did not match the one supplied in the transaction"}
	ErrUnsupportedVersion        = &Error{Code: 61, Message: "the transaction version is not supported"}
	ErrUnsupportedClassVersion   = &Error{Code: 62, Message: "the contract class version is not supported"}
	ErrUnexpected                = &Error{Code: 63, Message: "An unexpected error occurred"}
	ErrReplacementUnderpriced    = &Error{Code: 64, Message: "Replacement transaction is underpriced"}
	ErrFeeBelowMinimum           = &Error{Code: 65, Message: "Transaction fee below minimum"}
	ErrTooManyAddresses          = &Error{Code: 67, Message: "Too many addresses in filter sender_address filter"}
	ErrInvalidSubscriptionID     = &Error{Code: 66, Message: "Invalid subscription id"}
	ErrTooManyBlocksBack         = &Error{Code: 68, Message: "Cannot go back more than 1024 blocks"}
	ErrInvalidProof              = &Error{Code: 69, Message: "The proof field in the invoke v3 transaction is invalid"}
	ErrCompilation               = &Error{Code: 100, Message: "Failed to compile the contract"}
	errLimit                     = &Error{Code: -32005, Message: "Limit exceeded"} // EIP-1474
	errParse                     = &Error{Code: -32700, Message: "Parse error"}
	errInvalidRequest            = &Error{Code: -32600, Message: "Invalid Request"}
	errMethodNotFound            = &Error{Code: -32601, Message: "Method not found"}
	errInvalidParams             = &Error{Code: -32602, Message: "Invalid params"}
	errInternal                  = &Error{Code: -32603, Message: "Internal error"}
)

// ContractError is a call that failed: an account of the calls that led to it, or its text (CONTRACT_ERROR).
func ContractError(failure any) *Error {
	return errContract.With(map[string]any{"revert_error": failure})
}

// TransactionExecutionError is the i-th transaction of a simulation that failed (TRANSACTION_EXECUTION_ERROR).
func TransactionExecutionError(i int, failure any) *Error {
	return errTransactionExecution.With(map[string]any{"transaction_index": i, "execution_error": failure})
}

// UndeployedSender is the TransactionExecutionError of a transaction whose sender is no contract. starknet_estimateFee answers
// ErrContractNotFound instead.
func UndeployedSender(i int, failure any) *Error {
	e := TransactionExecutionError(i, failure)
	e.undeployed = true
	return e
}

// in09 returns the error that version 0.9 has for what e says.
func (e *Error) in09(method string) *Error {
	switch {
	case e.Code == ErrEntryPointNotFound.Code:
		return &Error{Code: e.Code, Message: "Requested entrypoint does not exist in the contract", Data: e.Data}
	case e.Code == ErrInvalidProof.Code:
		return ErrUnexpected.With(e.Message)
	case e.Code == ErrContractNotFound.Code && method == "starknet_estimateMessageFee":
		return ContractError(e.Message)
	}
	return e
}

// CallFailure is a failed call in the account of a failure: where it was, and what failed inside, a CallFailure again or
// a text (CONTRACT_EXECUTION_ERROR).
type CallFailure struct {
	ContractAddress felt.Felt `json:"contract_address"`
	ClassHash       felt.Felt `json:"class_hash"`
	Selector        felt.Felt `json:"selector"`
	Error           any       `json:"error"`
}
