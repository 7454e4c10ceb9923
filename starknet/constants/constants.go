// Package constants holds the numbers and names of the Starknet protocol, which its reference implementation calls
// versioned constants: prices, limits and the short strings that contracts see. They are those of Starknet 0.14.4
// (blockifier_versioned_constants_0_14_4.json), and the test compares each with that file, or says that the file lacks it.
//
// The executor that makes blocks and the verifier that checks them share these numbers and no rule: each computes gas and
// fees by itself. The package imports nothing, so that every other package may import it.
package constants

// Prices in gas of what the Cairo machine does.
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
	// EntryPointGas is what a call pays before its first instruction. Code that needs less gives the rest back to itself.
	EntryPointGas = 10_000
	// SyscallBaseGas is what compiled code pays before each syscall. The rest of the price is charged when it is served.
	SyscallBaseGas = 10_000
)

// BuiltinGas returns the prices that a contract finds when it asks for the costs of builtins, in the order of that table:
// pedersen, bitwise, ec_op, poseidon, add_mod, mul_mod, blake.
func BuiltinGas() [7]uint64 {
	return [...]uint64{PedersenGas, BitwiseGas, EcOpGas, PoseidonGas, AddModGas, MulModGas, BlakeGas}
}

// The most gas that the protocol gives to a call, where the transaction's bound allows it.
const (
	MaxValidateGas = 100_000_000 // __validate__ and the constructor of a DEPLOY_ACCOUNT
	MaxExecuteGas  = 1_110_000_000
	FeeTransferGas = 10_000_000_000 // no bound applies, because the transfer is not billed
)

// What a transaction is billed in addition to the gas of its calls.
const (
	FeltGas           = 5120 // a felt of calldata, signature, event data or message payload
	EventKeyFelts     = 2    // an event's key costs as much as this many felts of data
	MessageHeadFelts  = 3    // a message to L1 costs as much as this many felts more than its payload
	CodeByteGas       = 1280 // a byte of a declared class
	BytesPerFelt      = 32   // of a class's programs
	AllocatedSlotGas  = 402_000
	L1Gas             = 40_000 // a unit of L1 gas costs this much L2 gas
	StepsPerL1Gas     = 400    // fee weight of a step, as 1/StepsPerL1Gas units of L1 gas
	RangeCheckWeight  = 16     // fee weights of builtins, in steps
	PedersenWeight    = 32
	PoseidonWeight    = 32
	BlobWordSteps     = 113 // steps of the Starknet OS for a word that it publishes on L1
	CalldataPerFactor = 2   // a transaction's overhead grows for every two felts of calldata
)

// Limits of what contracts do.
const (
	MaxCallDepth   = 50   // nested calls, the one from the protocol counted
	MaxEvents      = 1000 // of a transaction
	MaxEventKeys   = 50   // felts
	MaxEventData   = 300  // felts
	BlockHashLag   = 10   // the newest block whose hash contracts can read is this many before the current one
	RoundBlock     = 100  // validation sees the block number rounded down to a multiple of this
	RoundTime      = 3600 // and the timestamp, in seconds
	KeccakBlock    = 17   // words of 64 bits that a round of the keccak syscall absorbs
	L1AddressBits  = 160
	ClassHashBits  = 251 // the height of the classes trie
	MaxArrayLength = 1 << 32
	MinSierraMajor = 1 // the first Sierra version whose execution is billed in gas
	MinSierraMinor = 7
)

// Limits of what a transaction may carry.
const (
	MaxCalldata     = 5_000     // felts of calldata or constructor calldata
	MaxSignature    = 4_000     // felts
	MaxProgramFelts = 81_920    // of a class, as Sierra and as CASM
	MaxClassBytes   = 4_089_446 // of a class as JSON, in the form of the RPC
)

// RetWord is the instruction word of a ret, which follows a class's code in memory.
const RetWord = 0x208b7fff7fff7ffe

// Short strings of panics that the protocol makes.
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
	Validated     = "VALID" // what __validate__ returns
	L1GasName     = "L1_GAS"
	L2GasName     = "L2_GAS"
	L1DataGasName = "L1_DATA"
)

// Names of the entry points that the protocol calls, and of the variable that holds an ERC20 contract's balances. Their
// selectors and keys are made of them.
const (
	Execute         = "__execute__"
	Validate        = "__validate__"
	ValidateDeclare = "__validate_declare__"
	ValidateDeploy  = "__validate_deploy__"
	Constructor     = "constructor"
	Transfer        = "transfer"
	Balances        = "ERC20_balances"
)
