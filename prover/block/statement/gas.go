package statement

import (
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// priceOf returns the price of resources in gas.
func priceOf(r constants.Resources) uint64 {
	return r.Steps*constants.StepGas + r.RangeChecks*constants.RangeCheckGas + r.Pedersens*constants.PedersenGas +
		r.Poseidons*constants.PoseidonGas + r.Bitwises*constants.BitwiseGas + r.Keccaks*constants.KeccakGas
}

// charge returns the gas of a syscall whose charged array has the given number of words, without the base price that compiled
// code has already paid.
func (r *rule) charge(words int) uint64 {
	return max(priceOf(r.cost.Constant), constants.SyscallBaseGas) + uint64(words)*priceOf(r.cost.Linear) - constants.SyscallBaseGas
}

// overhead is the resources that the Starknet OS uses for a transaction, constant and per CalldataPerFactor felts of calldata.
type overhead constants.Cost

var overheads = map[starknet.TransactionType]overhead{
	starknet.InvokeType:        overhead(constants.InvokeOverhead()),
	starknet.DeployAccountType: overhead(constants.DeployAccountOverhead()),
	starknet.DeclareType:       overhead(constants.DeclareOverhead()),
}

// gas returns the price of the overhead with n felts of calldata. The most expensive resource counts, in L1 gas rounded up. A
// range check weighs as much as 16 steps, a hash as 32.
func (o overhead) gas(n uint64) uint64 {
	use := func(constant, two uint64) uint64 { return constant + (two*n+1)/constants.CalldataPerFactor }
	c, two := &o.Constant, &o.Linear
	steps := max(
		use(c.Steps, two.Steps), constants.RangeCheckWeight*use(c.RangeChecks, two.RangeChecks),
		constants.PedersenWeight*use(c.Pedersens, two.Pedersens), constants.PoseidonWeight*use(c.Poseidons, two.Poseidons),
	)
	return (steps + constants.StepsPerL1Gas - 1) / constants.StepsPerL1Gas * constants.L1Gas
}

// intrinsicGas returns the gas that a transaction is charged independently of its execution. For a DECLARE it does not include
// the compiled class.
func intrinsicGas(tx starknet.Transaction) uint64 {
	calldata, data := 0, uint64(0)
	switch tx := tx.(type) {
	case *starknet.Invoke:
		calldata = len(tx.Calldata)
	case *starknet.DeployAccount:
		calldata = len(tx.ConstructorCalldata)
	case *starknet.Declare:
		if tx.Class != nil {
			data = constants.CodeByteGas * uint64(constants.BytesPerFelt*len(tx.Class.SierraProgram)+len(tx.Class.ABI))
		}
	}
	return overheads[tx.Type()].gas(uint64(calldata)) + constants.FeltGas*uint64(calldata+len(tx.Fields().Signature)) + data
}

// dataGas returns the gas that the transaction is charged for its events, messages and allocated slots so far.
func (t *replayer) dataGas() uint64 {
	felts := 0
	for i := range t.events {
		felts += constants.EventKeyFelts*len(t.events[i].Keys) + len(t.events[i].Data)
	}
	for i := range t.messages {
		felts += constants.MessageHeadFelts + len(t.messages[i].Payload)
	}
	return constants.FeltGas*uint64(felts) + constants.AllocatedSlotGas*uint64(t.state.allocated())
}

// checkGas subtracts known, the proven gas, from the gas that the signed receipt charges. The rest was used by unproven parts,
// which could use at most most.
func checkGas(receipt *starknet.Receipt, known, most uint64) (rest uint64, err error) {
	billed := receipt.Resources.L2Gas
	if billed < known {
		return 0, fmt.Errorf("the signed receipt charges %d gas, but %d is proved", billed, known)
	}
	if rest = billed - known; rest > most {
		return 0, fmt.Errorf("the signed receipt charges %d gas and %d is proved, which leaves %d for the unproven parts, want at most %d", billed, known, rest, most)
	}
	return rest, nil
}

// checkFee checks the fee of a transaction that pays for gas units of gas: fee = gas × (price + tip). No signed data contains
// the price, so the first fee determines it. All transactions must pay the same price, within the sender's bound.
func (r *replay) checkFee(tx starknet.Transaction, fee starknet.Uint128, gas uint64) error {
	f := tx.Fields()
	bound := f.ResourceBounds.L2Gas
	if gas == 0 || gas > bound.MaxAmount {
		return fmt.Errorf("the fee is for %d gas, want 1 to %d", gas, bound.MaxAmount)
	}
	unit, rest := divide(fee, gas)
	price, ok := unit.Sub(starknet.NewUint128(f.Tip))
	if rest != 0 || !ok {
		return fmt.Errorf("a fee of %v is not %d gas times a whole price plus a tip of %d", fee, gas, f.Tip)
	}
	if price.Cmp(bound.MaxPricePerUnit) > 0 {
		return fmt.Errorf("a fee of %v for %d gas and a tip of %d means a price of %v, the sender allows at most %v", fee, gas, f.Tip, price, bound.MaxPricePerUnit)
	}
	if r.price == nil {
		r.price = &price
	}
	if price != *r.price {
		return fmt.Errorf("a fee of %v for %d gas and a tip of %d means a price of %v, but other transactions of the block paid %v", fee, gas, f.Tip, price, *r.price)
	}
	return nil
}

// checkSignedFee checks the fee of an unproven transaction. The signed receipt has the gas for which it pays. If the
// transaction was reverted, the fee may be for less gas than that, so it must only be within the sender's bounds.
func (r *replay) checkSignedFee(tx starknet.Transaction, receipt *starknet.Receipt) error {
	f := tx.Fields()
	bound, billed := f.ResourceBounds.L2Gas, receipt.Resources.L2Gas
	if !receipt.Reverted {
		return r.checkFee(tx, receipt.ActualFee, billed)
	}
	unit, ok := bound.MaxPricePerUnit, true
	if r.price != nil {
		unit = *r.price
	}
	if unit, ok = unit.Add(starknet.NewUint128(f.Tip)); !ok {
		return fmt.Errorf("a price of %v and a tip of %d add up to 2^128 or more", bound.MaxPricePerUnit, f.Tip)
	}
	if most, ok := unit.Mul64(bound.MaxAmount); ok && receipt.ActualFee.Cmp(most) > 0 {
		return fmt.Errorf("a fee of %v exceeds the sender's bounds of %v: %d gas at %v with the tip", receipt.ActualFee, most, bound.MaxAmount, unit)
	}
	return nil
}

// divide returns the quotient and the remainder of x / y. y must not be 0.
func divide(x starknet.Uint128, y uint64) (quotient starknet.Uint128, rest uint64) {
	quotient.Hi, rest = x.Hi/y, x.Hi%y
	quotient.Lo, rest = bits.Div64(rest, x.Lo, y)
	return quotient, rest
}

// feeCheck makes the fee check after execution: gas must be within the bound, and the fee within the balance. It returns the
// revert reason, or "" if both hold.
func (t *replayer) feeCheck(sender felt.Felt, bound, gas uint64) (string, error) {
	if gas > bound {
		return starknet.OverGasReason(bound, gas), nil
	}
	fee := t.receipt.ActualFee
	low, high, err := t.balance(sender)
	if err != nil || covers(low, high, fee) {
		return "", err
	}
	return starknet.OverBalanceReason(fee, low, high), nil
}
