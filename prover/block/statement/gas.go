package statement

import (
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Gas of Starknet 0.14: what a resource costs, and what is charged for a syscall beyond the part that compiled code has
// paid before it asks (versioned constants 0.14.4).
const (
	gasPerStep       = 100
	gasPerRangeCheck = 70
	gasPerPedersen   = 4_050
	gasPerBitwise    = 583
	gasPerKeccak     = 136_189

	// entryPointGas is taken from a call's gas before its code runs.
	entryPointGas = 10_000
	// syscallGas is what compiled code pays for any syscall in advance.
	syscallGas = 10_000

	// The most that the protocol gives to a call, where the transaction's bound allows it.
	maxValidateGas = 100_000_000 // signature checks, and the constructor of a DEPLOY_ACCOUNT
	maxExecuteGas  = 1_110_000_000
	feeTransferGas = 10_000_000_000 // no bound applies: it is not billed
)

// resources are what the Starknet OS uses for a syscall.
type resources struct{ steps, rangeChecks, pedersens, bitwises, keccaks uint64 }

func (r resources) gas() uint64 {
	return r.steps*gasPerStep + r.rangeChecks*gasPerRangeCheck + r.pedersens*gasPerPedersen +
		r.bitwises*gasPerBitwise + r.keccaks*gasPerKeccak
}

// charge is the gas of a syscall that names words words of an array which it is charged for, less what has been paid.
func (r *rule) charge(words int) uint64 {
	return max(r.cost.gas(), syscallGas) + uint64(words)*r.perWord.gas() - syscallGas
}

// keccakRound is what a block of 17 words costs.
var keccakRound = resources{steps: 223, rangeChecks: 45, bitwises: 6, keccaks: 1}

// What a transaction is billed beside the gas of its calls.
const (
	gasPerFelt    = 5_120 // of calldata, signature, event data and payload
	keyFelts      = 2     // an event's key costs as much as this many felts of data
	messageFelts  = 3     // and a message's header as this many of payload
	gasPerSlot    = 402_000
	gasPerByte    = 1_280 // of a declared class
	bytesPerFelt  = 32
	gasPerL1Gas   = 40_000
	stepsPerL1Gas = 400
)

// overhead is what the Starknet OS uses for a transaction, and for every two felts of its calldata.
type overhead struct {
	steps, rangeChecks, pedersens, poseidons             uint64
	twoSteps, twoRangeChecks, twoPedersens, twoPoseidons uint64
}

var overheads = map[starknet.TransactionType]overhead{
	starknet.InvokeType:        {steps: 4779, rangeChecks: 110, pedersens: 4, poseidons: 11, twoSteps: 11, twoPoseidons: 1},
	starknet.DeployAccountType: {steps: 4989, rangeChecks: 113, pedersens: 10, poseidons: 10, twoSteps: 37, twoPedersens: 2, twoPoseidons: 1},
	starknet.DeclareType:       {steps: 3938, rangeChecks: 92, pedersens: 4, poseidons: 15},
}

// gas is the price of the overhead with n felts of calldata: the resource that costs most counts, in L1 gas rounded up. A
// range check weighs as much as 16 steps, a hash as 32.
func (o overhead) gas(n uint64) uint64 {
	use := func(constant, two uint64) uint64 { return constant + (two*n+1)/2 }
	steps := max(
		use(o.steps, o.twoSteps), 16*use(o.rangeChecks, o.twoRangeChecks),
		32*use(o.pedersens, o.twoPedersens), 32*use(o.poseidons, o.twoPoseidons),
	)
	return (steps + stepsPerL1Gas - 1) / stepsPerL1Gas * gasPerL1Gas
}

// intrinsicGas is what a transaction is billed for itself. Of a DECLARE it leaves out the compiled class.
func intrinsicGas(tx starknet.Transaction) uint64 {
	calldata, data := 0, uint64(0)
	switch tx := tx.(type) {
	case *starknet.Invoke:
		calldata = len(tx.Calldata)
	case *starknet.DeployAccount:
		calldata = len(tx.ConstructorCalldata)
	case *starknet.Declare:
		if tx.Class != nil {
			data = gasPerByte * uint64(bytesPerFelt*len(tx.Class.SierraProgram)+len(tx.Class.ABI))
		}
	}
	return overheads[tx.Type()].gas(uint64(calldata)) + gasPerFelt*uint64(calldata+len(tx.Fields().Signature)) + data
}

// dataGas is what a transaction is billed for what it has left behind so far.
func (t *replayer) dataGas() uint64 {
	felts := 0
	for i := range t.events {
		felts += keyFelts*len(t.events[i].Keys) + len(t.events[i].Data)
	}
	for i := range t.messages {
		felts += messageFelts + len(t.messages[i].Payload)
	}
	return gasPerFelt*uint64(felts) + gasPerSlot*uint64(t.state.allocated())
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
func (r *Replay) checkFee(tx starknet.Transaction, fee starknet.Uint128, gas uint64) error {
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
func (r *Replay) checkSignedFee(tx starknet.Transaction, receipt *starknet.Receipt) error {
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

// overdraft is the reason for which a transaction has to be reverted, or must not be in a block at all, that has used so much
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
