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

// syscallCost is the Starknet OS's resources for a syscall, and for each felt or round of its linear part.
type syscallCost constants.Cost

// gas returns the gas of a syscall with a linear part of n. It includes the base cost that compiled code charges in advance.
func (c syscallCost) gas(n uint64) uint64 {
	return saturatingAdd(max(gasOf(c.Constant), constants.SyscallBaseGas), saturatingMul(gasOf(c.Linear), n))
}

// overhead is the Starknet OS's resources for a transaction, and for every two felts of its calldata.
type overhead constants.Cost

var (
	invokeOverhead        = overhead(constants.InvokeOverhead())
	deployAccountOverhead = overhead(constants.DeployAccountOverhead())
	declareOverhead       = overhead(constants.DeclareOverhead())
)

// use returns the amount of a resource for a transaction: constant, and linear for every two felts of calldata, rounded up.
func use(constant, linear, calldata uint64) uint64 {
	return constant + (linear*calldata+constants.CalldataPerFactor-1)/constants.CalldataPerFactor
}

// resources returns the overhead of a transaction with that many felts of calldata.
func (o overhead) resources(calldata uint64) constants.Resources {
	return constants.Resources{
		Steps:       use(o.Constant.Steps, o.Linear.Steps, calldata),
		RangeChecks: use(o.Constant.RangeChecks, o.Linear.RangeChecks, calldata),
		Pedersens:   use(o.Constant.Pedersens, o.Linear.Pedersens, calldata),
		Poseidons:   use(o.Constant.Poseidons, o.Linear.Poseidons, calldata),
	}
}

// vmGas returns the L2 gas of resources of the Cairo machine and of steps of an undone execution. They are priced with the fee weights of
// a proof as blockifier does: the largest of steps and each builtin, times its weight, in units of L1 gas (400 steps) rounded up. One unit
// of L1 gas is 40,000 L2 gas. Memory holes cost as much as steps.
func vmGas(r constants.Resources, reverted uint64) uint64 {
	units := func(amount, weight uint64) uint64 { return ceil(amount, weight, constants.StepsPerL1Gas) }
	return max(
		units(r.Steps+constants.SegmentArenaSteps*r.SegmentArenas+r.MemoryHoles+reverted, 1),
		units(r.RangeChecks, constants.RangeCheckWeight),
		units(r.RangeChecks96, constants.RangeCheck96Weight),
		units(r.Pedersens, constants.PedersenWeight),
		units(r.Poseidons, constants.PoseidonWeight),
		units(r.Bitwises, constants.BitwiseWeight),
		units(r.ECOps, constants.EcOpWeight),
		units(r.Keccaks, constants.KeccakWeight),
		units(r.AddMods, constants.AddModWeight),
		units(r.MulMods, constants.MulModWeight),
		r.Blakes*ceil(constants.BlakeGas, 1, constants.L1Gas),
	) * constants.L1Gas
}

// ceil returns amount × numerator / denominator, rounded up.
func ceil(amount, numerator, denominator uint64) uint64 {
	return (amount*numerator + denominator - 1) / denominator
}

// leastWords is the least number of words that Starknet publishes for a transaction: two for the account and its nonce, two for the
// key and the value of its fee token balance. The class of a deployed account is one more.
const leastWords = 4

// least returns the L2 gas for the steps of the overhead and for those of publishing a number of words.
func (o overhead) least(calldata, words uint64) uint64 {
	steps := use(o.Constant.Steps, o.Linear.Steps, calldata) + words*constants.BlobWordSteps + poseidonSteps(words)
	return ceil(steps, 1, constants.StepsPerL1Gas) * constants.L1Gas
}

// poseidonSteps returns the OS's steps for a Poseidon hash of n words; n is below 10.
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
