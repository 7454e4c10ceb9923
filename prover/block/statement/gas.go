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

// charge returns the gas of a syscall that names words words of an array which it is charged for, less what compiled code has paid in advance.
func (r *rule) charge(words int) uint64 {
	return max(priceOf(r.cost.Constant), constants.SyscallBaseGas) + uint64(words)*priceOf(r.cost.Linear) - constants.SyscallBaseGas
}

// overhead is what the Starknet OS uses for a transaction, and for every two felts of its calldata.
type overhead constants.Cost

var overheads = map[starknet.TransactionType]overhead{
	starknet.InvokeType:        overhead(constants.InvokeOverhead()),
	starknet.DeployAccountType: overhead(constants.DeployAccountOverhead()),
	starknet.DeclareType:       overhead(constants.DeclareOverhead()),
}

// gas returns the price of the overhead with n felts of calldata: the resource that costs most counts, in L1 gas rounded up. A
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

// intrinsicGas returns what a transaction is billed for itself. Of a DECLARE it leaves out the compiled class.
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

// dataGas returns what a transaction is billed for what it has left behind so far.
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

// checkGas checks the gas that the transaction was billed by the signed receipt, of which known is proved; what remains was
// used where no proof looks, which had at most most.
func checkGas(receipt *starknet.Receipt, known, most uint64) (rest uint64, err error) {
	billed := receipt.Resources.L2Gas
	if billed < known {
		return 0, fmt.Errorf("the signed receipt bills %d gas, %d is proved", billed, known)
	}
	if rest = billed - known; rest > most {
		return 0, fmt.Errorf("the signed receipt bills %d gas, %d is proved, which leaves %d for what no proof covers: at most %d", billed, known, rest, most)
	}
	return rest, nil
}

// checkFee checks the fee of a transaction that pays for so much gas: gas × (the block's price + tip). No signed data has the
// price, so it follows from the first transaction; it is the same for all, and no sender pays more than it agreed to.
func (r *replay) checkFee(tx starknet.Transaction, fee starknet.Uint128, gas uint64) error {
	f := tx.Fields()
	bound := f.ResourceBounds.L2Gas
	if gas == 0 || gas > bound.MaxAmount {
		return fmt.Errorf("%d gas is paid for, the sender allows 1 to %d", gas, bound.MaxAmount)
	}
	unit, rest := divide(fee, gas)
	price, ok := unit.Sub(starknet.NewUint128(f.Tip))
	if rest != 0 || !ok {
		return fmt.Errorf("a fee of %v for %d gas is not a whole price and a tip of %d a unit", fee, gas, f.Tip)
	}
	if price.Cmp(bound.MaxPricePerUnit) > 0 {
		return fmt.Errorf("a fee of %v for %d gas and a tip of %d is a price of %v, the sender allows %v", fee, gas, f.Tip, price, bound.MaxPricePerUnit)
	}
	if r.price == nil {
		r.price = &price
	}
	if price != *r.price {
		return fmt.Errorf("a fee of %v for %d gas and a tip of %d is a price of %v, others of the block paid %v", fee, gas, f.Tip, price, *r.price)
	}
	return nil
}

// checkSignedFee checks the fee of a transaction of which nothing is proved. What it pays for is in the signed receipt; of one
// that was reverted for what it used, only that it is at most the bound.
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
		return fmt.Errorf("a fee of %v, the sender's bounds allow %v: %d gas at %v with the tip", receipt.ActualFee, most, bound.MaxAmount, unit)
	}
	return nil
}

// divide returns the quotient and the rest of x / y. y is not 0.
func divide(x starknet.Uint128, y uint64) (quotient starknet.Uint128, rest uint64) {
	quotient.Hi, rest = x.Hi/y, x.Hi%y
	quotient.Lo, rest = bits.Div64(rest, x.Lo, y)
	return quotient, rest
}

// overdraft returns the reason for which a transaction has to be reverted, or must not be in a block at all, that has used so much
// gas when everything but the fee transfer is done; "" if there is none.
func (t *replayer) overdraft(sender felt.Felt, bound, gas uint64) (string, error) {
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
