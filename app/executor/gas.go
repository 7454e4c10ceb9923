package executor

import (
	"math"

	"github.com/starkd/starkd/cairo"
)

// Costs and limits of Starknet 0.14.4 (blockifier_versioned_constants_0_14_4.json); gas_test.go compares them with that file
// where it is at hand.
const (
	stepGas = 100

	maxValidateGas = 100_000_000
	maxExecuteGas  = 1_110_000_000
	feeTransferGas = 10_000_000_000

	syscallBaseGas = 10_000 // charged by compiled code before each syscall
	entryPointGas  = 10_000 // least gas of a call, charged by the engine

	maxDepth = 50

	maxEvents     = 1000 // of a transaction
	maxEventKeys  = 50
	maxEventData  = 300
	roundBlock    = 100
	roundTime     = 3600
	gasPerFelt    = 5120    // of calldata, signature, event data and message payload
	keyFactor     = 2       // an event's key costs as much as this many felts of data
	gasPerByte    = 1280    // of a declared class
	gasPerSlot    = 402_000 // a storage slot that becomes non-zero
	bytesPerFelt  = 32
	messageHeader = 3 // felts of a message to L1 beside its payload
)

// usage is an amount of VM resources.
type usage struct{ steps, rangeCheck, pedersen, poseidon, bitwise, keccak uint64 }

// gas is the usage in Sierra gas.
func (u usage) gas() uint64 {
	return u.steps*stepGas + u.rangeCheck*70 + u.pedersen*4050 + u.poseidon*491 + u.bitwise*583 + u.keccak*136_189
}

// syscallCost is what the Starknet OS does for a system call, and for each further felt or round of it.
type syscallCost struct{ constant, linear usage }

var syscallCosts = map[cairo.Selector]syscallCost{
	cairo.StorageRead:            {constant: usage{steps: 240, rangeCheck: 1}},
	cairo.StorageWrite:           {constant: usage{steps: 599, rangeCheck: 1}},
	cairo.EmitEvent:              {constant: usage{steps: 47, rangeCheck: 1}},
	cairo.CallContract:           {constant: usage{steps: 901, rangeCheck: 18}},
	cairo.LibraryCall:            {constant: usage{steps: 874, rangeCheck: 18}},
	cairo.Deploy:                 {usage{steps: 1173, rangeCheck: 21, pedersen: 7}, usage{steps: 8, pedersen: 1}},
	cairo.GetExecutionInfo:       {constant: usage{steps: 111, rangeCheck: 2}},
	cairo.GetBlockHash:           {constant: usage{steps: 106, rangeCheck: 3}},
	cairo.GetClassHashAt:         {constant: usage{steps: 75, rangeCheck: 1}},
	cairo.ReplaceClass:           {constant: usage{steps: 92, rangeCheck: 1}},
	cairo.SendMessageToL1:        {usage{steps: 127, rangeCheck: 1}, usage{steps: 6}},
	cairo.MetaTxV0:               {usage{steps: 1307, rangeCheck: 20, pedersen: 9}, usage{steps: 8, pedersen: 1}},
	cairo.Keccak:                 {usage{steps: 100}, usage{steps: 223, rangeCheck: 45, keccak: 1, bitwise: 6}},
	cairo.Sha256ProcessBlock:     {constant: usage{steps: 1854, rangeCheck: 65, bitwise: 1115}},
	cairo.Sha512ProcessBlock:     {constant: usage{steps: 4737, rangeCheck: 65, bitwise: 3320}},
	cairo.Secp256k1New:           {constant: usage{steps: 445, rangeCheck: 35}},
	cairo.Secp256k1Add:           {constant: usage{steps: 400, rangeCheck: 29}},
	cairo.Secp256k1Mul:           {constant: usage{steps: 76495, rangeCheck: 7045}},
	cairo.Secp256k1GetPointFromX: {constant: usage{steps: 384, rangeCheck: 30}},
	cairo.Secp256k1GetXy:         {constant: usage{steps: 197, rangeCheck: 11}},
	cairo.Secp256r1New:           {constant: usage{steps: 564, rangeCheck: 49}},
	cairo.Secp256r1Add:           {constant: usage{steps: 585, rangeCheck: 57}},
	cairo.Secp256r1Mul:           {constant: usage{steps: 125336, rangeCheck: 13961}},
	cairo.Secp256r1GetPointFromX: {constant: usage{steps: 503, rangeCheck: 44}},
	cairo.Secp256r1GetXy:         {constant: usage{steps: 199, rangeCheck: 11}},
}

// gas is what a syscall costs with a linear part of n, the base cost that compiled code pre-charges included.
func (c syscallCost) gas(n uint64) uint64 {
	return saturatingAdd(max(c.constant.gas(), syscallBaseGas), saturatingMul(c.linear.gas(), n))
}

// overhead is what the Starknet OS does for a transaction, and for every two felts of its calldata.
type overhead struct{ constant, perTwoFelts usage }

var (
	invokeOverhead        = overhead{usage{steps: 4779, rangeCheck: 110, pedersen: 4, poseidon: 11}, usage{steps: 11, poseidon: 1}}
	deployAccountOverhead = overhead{usage{steps: 4989, rangeCheck: 113, pedersen: 10, poseidon: 10}, usage{steps: 37, pedersen: 2, poseidon: 1}}
	declareOverhead       = overhead{constant: usage{steps: 3938, rangeCheck: 92, pedersen: 4, poseidon: 15}}
)

// gas prices the overhead with the fee weights of a proof, as the reference does: the largest of steps and each builtin,
// in units of 1/400 step, rounded up to whole units of L1 gas, one of which is 40,000 of L2 gas.
func (o overhead) gas(calldata uint64) uint64 {
	n := func(constant, linear uint64) uint64 { return constant + (linear*calldata+1)/2 }
	l1 := max(
		ceil(n(o.constant.steps, o.perTwoFelts.steps), 25, 10_000),
		ceil(n(o.constant.rangeCheck, o.perTwoFelts.rangeCheck), 4, 100),
		ceil(n(o.constant.pedersen, o.perTwoFelts.pedersen), 8, 100),
		ceil(n(o.constant.poseidon, o.perTwoFelts.poseidon), 8, 100),
	)
	return l1 * l1Gas
}

// l1Gas is the L2 gas that a unit of L1 gas costs.
const l1Gas = 40_000

// ceil is amount × numerator / denominator, rounded up.
func ceil(amount, numerator, denominator uint64) uint64 {
	return (amount*numerator + denominator - 1) / denominator
}

// leastWords is what Starknet publishes at least for a transaction: the account with its nonce, two words, and its balance of the fee
// token, a key and a value. The class of a deployed account is one more.
const leastWords = 4

// least prices the steps of the overhead together with those of publishing so many words.
func (o overhead) least(calldata, words uint64) uint64 {
	steps := o.constant.steps + (o.perTwoFelts.steps*calldata+1)/2 + words*kzgSteps + poseidonSteps(words)
	return ceil(steps, 25, 10_000) * l1Gas
}

// kzgSteps are the OS's steps for a word of a blob.
const kzgSteps = 113

// poseidonSteps are the OS's steps for a Poseidon hash of n words, fewer than ten.
func poseidonSteps(n uint64) uint64 { return n/2*18 + n%2*3 + 21 }

func saturatingAdd(a, b uint64) uint64 {
	if s := a + b; s >= a {
		return s
	}
	return math.MaxUint64
}

func saturatingMul(a, b uint64) uint64 {
	if a != 0 && b > math.MaxUint64/a {
		return math.MaxUint64
	}
	return a * b
}
