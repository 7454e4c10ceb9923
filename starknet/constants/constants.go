// Package constants holds the numbers and names of the Starknet protocol that the official implementation calls versioned constants: prices,
// limits and the short strings that contracts see. They are those of Starknet 0.14.4 (blockifier_versioned_constants_0_14_4.json). A test
// compares them with that file.
//
// The executor that makes blocks and the verifier that checks them share these numbers but no rules: each computes gas and
// fees by itself. The package imports nothing, so that every other package may import it.
package constants

// Prices in Sierra gas of steps, memory holes and builtins.
const (
	StepGas         = 100
	MemoryHoleGas   = 10
	RangeCheckGas   = 70
	RangeCheck96Gas = 56
	PedersenGas     = 4050
	BitwiseGas      = 583
	EcOpGas         = 4085
	PoseidonGas     = 491
	AddModGas       = 230
	MulModGas       = 604
	BlakeGas        = 3334
	KeccakGas       = 136_189
)

const (
	// EntryPointGas is charged for a call before its first instruction. The code itself adds the unused part back to its gas.
	EntryPointGas = 10_000
	// SyscallBaseGas is charged by compiled code before each syscall. The syscall's handler charges the rest of its price.
	SyscallBaseGas = 10_000
)

// BuiltinGas returns the table of builtin costs that a contract reads (get_builtin_costs), in its order: pedersen, bitwise, ec_op, poseidon,
// add_mod, mul_mod, blake.
func BuiltinGas() [7]uint64 {
	return [...]uint64{PedersenGas, BitwiseGas, EcOpGas, PoseidonGas, AddModGas, MulModGas, BlakeGas}
}

// Upper bounds of the gas of the calls that the protocol makes. The transaction's own bound may be lower.
const (
	MaxValidateGas = 100_000_000 // __validate__ and the constructor of a DEPLOY_ACCOUNT
	MaxExecuteGas  = 1_110_000_000
	FeeTransferGas = 10_000_000_000 // the transfer is not billed, so the transaction's bound does not apply
)

// Limits of the calls of classes that are billed in VM resources. A phase is the part of a transaction that these calls belong to.
const (
	MaxValidateSteps = 1_000_000 // of the code in a validation phase; the transaction's own bound may be lower
	MaxExecuteSteps  = 10_000_000
	InfiniteGas      = 10_000_000_000 // the Sierra gas that such a call gets, whatever its caller has; nothing is billed for it
)

// Prices and weights that make up a transaction's bill, in addition to the gas of its calls.
const (
	FeltGas            = 5120    // per felt of calldata, signature, event data or message payload
	EventKeyFelts      = 2       // an event's key costs as much as this many felts of data
	MessageHeadFelts   = 3       // a message to L1 costs as much as its payload and this many felts
	CodeByteGas        = 1280    // per byte of a declared class
	BytesPerFelt       = 32      // of a class's Sierra and CASM programs
	AllocatedSlotGas   = 402_000 // per storage slot that becomes nonzero
	L1Gas              = 40_000  // L2 gas per unit of L1 gas
	StepsPerL1Gas      = 400     // steps per unit of L1 gas, the inverse of a step's fee weight
	RangeCheckWeight   = 16      // fee weights of builtins, in steps
	RangeCheck96Weight = 16
	PedersenWeight     = 32
	PoseidonWeight     = 32
	BitwiseWeight      = 64
	EcOpWeight         = 1024
	KeccakWeight       = 2048
	AddModWeight       = 16
	MulModWeight       = 16
	SegmentArenaSteps  = 10  // the Starknet OS's steps per instance, which has no fee weight
	BlobWordSteps      = 113 // steps of the Starknet OS per word that it publishes on L1
	CalldataPerFactor  = 2   // felts of calldata per unit of a transaction's linear overhead
)

// Limits of execution.
const (
	MaxCallDepth   = 50   // nested calls, including the one from the protocol
	MaxEvents      = 1000 // in a transaction
	MaxEventKeys   = 50   // in an event
	MaxEventData   = 300  // felts of data in an event
	BlockHashLag   = 10   // contracts can read the hashes of blocks that are at least this many blocks old
	RoundBlock     = 100  // __validate__ sees the block number rounded down to a multiple of this
	RoundTime      = 3600 // seconds; likewise for the timestamp
	KeccakBlock    = 17   // 64-bit words that the keccak syscall absorbs per round
	L1AddressBits  = 160
	ClassHashBits  = 251 // the height of the classes trie
	MaxArrayLength = 1 << 32
	MinSierraMajor = 1 // with MinSierraMinor, the first Sierra version that is billed in Sierra gas
	MinSierraMinor = 7
)

// Limits of the contents of a transaction.
const (
	MaxCalldata     = 5_000     // felts of calldata or constructor calldata
	MaxSignature    = 4_000     // felts
	MaxProgramFelts = 81_920    // of a class's Sierra program, and of its CASM program
	MaxClassBytes   = 4_089_446 // of a class as JSON in the form of the RPC
)

// RetWord is the encoded ret instruction that follows a class's code in memory.
const RetWord = 0x208b7fff7fff7ffe

// Short strings in the panic data of failures that the protocol detects.
const (
	OutOfGas           = "Out of gas"
	EntryPointFailed   = "ENTRYPOINT_FAILED"
	EntryPointNotFound = "ENTRYPOINT_NOT_FOUND"
	InvalidArgument    = "Invalid argument"
	InvalidInputLength = "Invalid input length"
	BlockOutOfRange    = "Block number out of range"
)

// Other short strings that contracts see.
const (
	Validated     = "VALID" // returned by __validate__
	L1GasName     = "L1_GAS"
	L2GasName     = "L2_GAS"
	L1DataGasName = "L1_DATA"
)

// Names of the entry points that the protocol calls, and of the storage variable with an ERC20 contract's balances. Selectors and storage
// keys are computed from them.
const (
	Execute         = "__execute__"
	Validate        = "__validate__"
	ValidateDeclare = "__validate_declare__"
	ValidateDeploy  = "__validate_deploy__"
	Constructor     = "constructor"
	Transfer        = "transfer"
	Balances        = "ERC20_balances"
)
