package executor

import (
	"math"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/starknet/constants"
)

// gasOf returns the price of resources in Sierra gas.
func gasOf(r constants.Resources) uint64 {
	return r.Steps*constants.StepGas + r.RangeChecks*constants.RangeCheckGas + r.Pedersens*constants.PedersenGas +
		r.Poseidons*constants.PoseidonGas + r.Bitwises*constants.BitwiseGas + r.Keccaks*constants.KeccakGas
}

// costOf returns the cost of a syscall.
func costOf(selector cairo.Selector) (syscallCost, bool) {
	c, ok := constants.Syscall(string(selector))
	return syscallCost(c), ok
}

// syscallCost is what the Starknet OS does for a system call, and for each further felt or round of it.
type syscallCost constants.Cost

// gas returns what a syscall costs with a linear part of n, the base cost that compiled code pre-charges included.
func (c syscallCost) gas(n uint64) uint64 {
	return saturatingAdd(max(gasOf(c.Constant), constants.SyscallBaseGas), saturatingMul(gasOf(c.Linear), n))
}

// overhead is what the Starknet OS does for a transaction, and for every two felts of its calldata.
type overhead constants.Cost

var (
	invokeOverhead        = overhead(constants.InvokeOverhead())
	deployAccountOverhead = overhead(constants.DeployAccountOverhead())
	declareOverhead       = overhead(constants.DeclareOverhead())
)

// use returns the amount for so much calldata, given that of the transaction and that of every two felts, rounded up.
func use(constant, linear, calldata uint64) uint64 {
	return constant + (linear*calldata+constants.CalldataPerFactor-1)/constants.CalldataPerFactor
}

// gas prices the overhead with the fee weights of a proof, as the reference does: the largest of steps and each builtin,
// in units of 1/400 step, rounded up to whole units of L1 gas, one of which is 40,000 of L2 gas.
func (o overhead) gas(calldata uint64) uint64 {
	units := func(constant, linear, weight uint64) uint64 {
		return ceil(use(constant, linear, calldata), weight, constants.StepsPerL1Gas)
	}
	l1 := max(
		units(o.Constant.Steps, o.Linear.Steps, 1),
		units(o.Constant.RangeChecks, o.Linear.RangeChecks, constants.RangeCheckWeight),
		units(o.Constant.Pedersens, o.Linear.Pedersens, constants.PedersenWeight),
		units(o.Constant.Poseidons, o.Linear.Poseidons, constants.PoseidonWeight),
	)
	return l1 * constants.L1Gas
}

// ceil is amount × numerator / denominator, rounded up.
func ceil(amount, numerator, denominator uint64) uint64 {
	return (amount*numerator + denominator - 1) / denominator
}

// leastWords is what Starknet publishes at least for a transaction: the account with its nonce, two words, and its balance of the fee
// token, a key and a value. The class of a deployed account is one more.
const leastWords = 4

// least prices the steps of the overhead together with those of publishing so many words.
func (o overhead) least(calldata, words uint64) uint64 {
	steps := use(o.Constant.Steps, o.Linear.Steps, calldata) + words*constants.BlobWordSteps + poseidonSteps(words)
	return ceil(steps, 1, constants.StepsPerL1Gas) * constants.L1Gas
}

// poseidonSteps returns the OS's steps for a Poseidon hash of n words, fewer than ten.
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
