package starknet

// Error codes of the Starknet JSON-RPC specification for transactions and calls that cannot run. The executor's rejections, CheckTx's
// responses and JSON-RPC errors carry them.
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
