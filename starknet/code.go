package starknet

// The error codes of the Starknet JSON-RPC specification for what keeps a transaction or a call from running. The executor rejects with
// them, CheckTx answers with them, and JSON-RPC sends them.
const (
	CodeContractNotFound                = 20
	CodeEntrypointNotFound              = 21
	CodeClassHashNotFound               = 28
	CodeContractError                   = 40
	CodeClassAlreadyDeclared            = 51
	CodeInvalidTransactionNonce         = 52
	CodeInsufficientResources           = 53
	CodeInsufficientAccountBalance      = 54
	CodeValidationFailure               = 55
	CodeCompilationFailed               = 56
	CodeContractClassSizeTooLarge       = 57
	CodeNonAccount                      = 58
	CodeDuplicateTransaction            = 59
	CodeCompiledClassHashMismatch       = 60
	CodeUnsupportedTxVersion            = 61
	CodeUnsupportedContractClassVersion = 62
	CodeUnexpectedError                 = 63
	CodeFeeBelowMinimum                 = 65
	CodeInvalidProof                    = 69
)
