package executor

import (
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// CheckStateless rejects a transaction if a field has a value that is out of range or that this chain does not support.
// Starknet's gateway does not support these values either.
func CheckStateless(tx starknet.Transaction) error {
	f := tx.Fields()
	var deployment, proof []felt.Felt
	switch tx := tx.(type) {
	case *starknet.Invoke:
		deployment, proof = tx.AccountDeploymentData, tx.ProofFacts
	case *starknet.Declare:
		deployment = tx.AccountDeploymentData
	}
	switch {
	case len(f.PaymasterData) > 0:
		return reject(UnexpectedError, "paymaster_data has %d felts, must be empty", len(f.PaymasterData))
	case len(deployment) > 0:
		return reject(UnexpectedError, "account_deployment_data has %d felts, must be empty", len(deployment))
	case len(proof) > 0:
		return reject(InvalidProof, "proof_facts has %d felts, must be empty", len(proof))
	case f.NonceDAMode != starknet.DAModeL1 || f.FeeDAMode != starknet.DAModeL1:
		return reject(UnexpectedError, "data availability modes are %v and %v, must be L1", f.NonceDAMode, f.FeeDAMode)
	case !f.Nonce.IsUint64():
		return reject(InvalidTransactionNonce, "nonce %v does not fit in 64 bits", f.Nonce)
	case !starknet.IsAddress(tx.Sender()):
		return reject(UnexpectedError, "sender %v is not below 2^251", tx.Sender())
	}
	return nil
}

// check runs all checks that precede the transaction's code, and increments the account's nonce.
func (t *transaction) check() error {
	if err := CheckStateless(t.tx); err != nil {
		return err
	}
	sender, nonce := t.tx.Sender(), t.tx.Fields().Nonce
	current, err := t.st.NonceAt(sender)
	if err != nil {
		return err
	}
	if nonce != current && (!t.opts.FutureNonce || nonce.Cmp(&current) < 0) {
		return reject(InvalidTransactionNonce, "nonce of account %v is %v, the transaction has %v", sender, current, nonce)
	}
	t.st.SetNonce(sender, *new(felt.Felt).Add(&current, &felt.One))
	if t.opts.SkipFee {
		return nil
	}
	return t.checkBounds()
}

// checkBounds rejects a transaction whose bounds do not cover its least cost or the block's price, or whose account cannot
// pay up to the bounds.
func (t *transaction) checkBounds() error {
	b := t.tx.Fields().ResourceBounds
	least := LeastGas(t.tx)
	if t.opts.ValidateOnly {
		// A mempool also rejects a bound below the intrinsic gas; a block would execute the transaction, revert it and
		// charge the bound.
		least = max(least, t.intrinsicGas())
	}
	if b.L2Gas.MaxAmount < least {
		return reject(InsufficientResources, "L2 gas max amount %d is below the least, %d", b.L2Gas.MaxAmount, least)
	}
	if b.L2Gas.MaxPricePerUnit.Cmp(t.block.L2GasPrice) < 0 {
		return reject(FeeBelowMinimum, "L2 gas max price %v is below the block's price %v", b.L2Gas.MaxPricePerUnit, t.block.L2GasPrice)
	}
	most, ok := maxFee(&b, t.tx.Fields().Tip)
	if !ok {
		return reject(InsufficientAccountBalance, "the resource bounds add up to 2^128 FRI or more")
	}
	// The check reads the balance past t.st, because a transaction depends on its result only: see Attempt.Covered.
	low, high, err := t.balanceIn(t.base)
	if err != nil {
		return err
	}
	t.covered = &most
	if !covers(low, high, most) {
		return reject(InsufficientAccountBalance, "the resource bounds add up to %v FRI, balance low/high is %v/%v", most, low, high)
	}
	return nil
}

// maxFee returns the most FRI that the bounds allow, with the tip on L2 gas. ok is false if the sum is 2^128 or more.
func maxFee(b *starknet.ResourceBounds, tip uint64) (sum starknet.Uint128, ok bool) {
	price, ok := b.L2Gas.MaxPricePerUnit.Add(starknet.NewUint128(tip))
	if !ok {
		return sum, b.L2Gas.MaxAmount == 0
	}
	for _, r := range []starknet.ResourceBound{b.L1Gas, b.L1DataGas, {MaxAmount: b.L2Gas.MaxAmount, MaxPricePerUnit: price}} {
		product, ok := r.MaxPricePerUnit.Mul64(r.MaxAmount)
		if !ok {
			return sum, false
		}
		if sum, ok = sum.Add(product); !ok {
			return sum, false
		}
	}
	return sum, true
}

// balance returns the account's balance of the fee token, as two halves of 128 bits.
func (t *transaction) balance() (low, high felt.Felt, err error) { return t.balanceIn(t.st) }

func (t *transaction) balanceIn(st state.Reader) (low, high felt.Felt, err error) {
	if t.balanceSlot.IsZero() {
		t.balanceSlot = BalanceKey(t.tx.Sender())
	}
	key := t.balanceSlot
	if low, err = st.StorageAt(t.block.FeeToken, key); err != nil {
		return low, high, err
	}
	high, err = st.StorageAt(t.block.FeeToken, *key.Add(&key, &felt.One))
	return low, high, err
}

func covers(low, high felt.Felt, amount starknet.Uint128) bool {
	need := amount.Felt()
	return !high.IsZero() || low.Cmp(&need) >= 0
}

// BalanceKey returns the storage slot of the low half of an account's balance in an ERC20 contract. The high half is in the
// next slot.
func BalanceKey(account felt.Felt) felt.Felt {
	return starknet.ReduceAddress(pedersen.Hash(balances, account))
}

// LeastGas returns the smallest L2 gas bound with which a transaction may be in a block. It is Starknet's estimate of the
// steps of the Starknet OS, including those for data that Starknet publishes on L1, and can be above the charge.
func LeastGas(tx starknet.Transaction) uint64 {
	switch tx := tx.(type) {
	case *starknet.Invoke:
		return invokeOverhead.least(uint64(len(tx.Calldata)+len(tx.ProofFacts)), leastWords)
	case *starknet.DeployAccount:
		return deployAccountOverhead.least(uint64(len(tx.ConstructorCalldata)), leastWords+1)
	}
	return declareOverhead.least(0, leastWords)
}

// intrinsicGas returns what a transaction costs before any of its code runs.
func (t *transaction) intrinsicGas() uint64 { return vmGas(t.overhead(), 0) + t.dataGas() }

// overhead returns the Starknet OS's resources for the transaction.
func (t *transaction) overhead() constants.Resources {
	switch tx := t.tx.(type) {
	case *starknet.Invoke:
		return invokeOverhead.resources(uint64(len(tx.Calldata) + len(tx.ProofFacts)))
	case *starknet.DeployAccount:
		return deployAccountOverhead.resources(uint64(len(tx.ConstructorCalldata)))
	}
	return declareOverhead.resources(0)
}

// dataGas returns the cost of the transaction's calldata and signature.
func (t *transaction) dataGas() uint64 {
	data := len(t.tx.Fields().Signature)
	switch tx := t.tx.(type) {
	case *starknet.Invoke:
		data += len(tx.Calldata) + len(tx.ProofFacts)
	case *starknet.DeployAccount:
		data += len(tx.ConstructorCalldata)
	}
	return uint64(data) * constants.FeltGas
}

// charge is the L2 gas and the fee that a transaction has to pay.
type charge struct {
	gas uint64
	fee starknet.Uint128
}

// charge returns the charge for what the transaction has used so far. reverted and steps are the Sierra gas and the steps of an undone
// execution.
func (t *transaction) charge(reverted, steps uint64) (charge, error) {
	vm := vmGas(t.overhead().Plus(t.vm, 1), steps)
	gas := saturatingAdd(saturatingAdd(vm, t.dataGas()), saturatingAdd(t.used, reverted))
	for _, e := range t.events {
		gas = saturatingAdd(gas, uint64(constants.EventKeyFelts*len(e.Keys)+len(e.Data))*constants.FeltGas)
	}
	for _, m := range t.msgs {
		gas = saturatingAdd(gas, uint64(constants.MessageHeadFelts+len(m.Payload))*constants.FeltGas)
	}
	if tx, ok := t.tx.(*starknet.Declare); ok {
		code := uint64(len(t.declared.Casm.Bytecode)+len(tx.Class.SierraProgram))*constants.BytesPerFelt + uint64(len(tx.Class.ABI))
		gas = saturatingAdd(gas, code*constants.CodeByteGas)
	}
	slots, err := t.st.Allocated()
	if err != nil {
		return charge{}, err
	}
	gas = saturatingAdd(gas, uint64(slots)*constants.AllocatedSlotGas)
	fee, err := t.fee(gas)
	return charge{gas, fee}, err
}

// fee returns gas × (price + tip).
func (t *transaction) fee(gas uint64) (starknet.Uint128, error) {
	if price, ok := t.block.L2GasPrice.Add(starknet.NewUint128(t.tx.Fields().Tip)); ok {
		if fee, ok := price.Mul64(gas); ok {
			return fee, nil
		}
	}
	return starknet.Uint128{}, reject(UnexpectedError, "the fee for %d gas is 2^128 FRI or more", gas)
}

// exceeds returns the revert reason if a charge exceeds the transaction's bounds or the account's balance, else "".
func (t *transaction) exceeds(c charge) (string, error) {
	if t.opts.SkipFee {
		if t.opts.Bound != 0 && c.gas > t.opts.Bound {
			return starknet.OverGasReason(t.opts.Bound, c.gas), nil
		}
		return "", nil
	}
	if most := t.tx.Fields().ResourceBounds.L2Gas.MaxAmount; c.gas > most {
		return starknet.OverGasReason(most, c.gas), nil
	}
	low, high, err := t.balance()
	if err != nil || covers(low, high, c.fee) {
		return "", err
	}
	return starknet.OverBalanceReason(c.fee, low, high), nil
}

// withinBounds rejects a transaction that cannot revert if its charge exceeds its bounds or the balance.
func (t *transaction) withinBounds(c charge) error {
	reason, err := t.exceeds(c)
	if err == nil && reason != "" {
		return reject(InsufficientResources, "%s", reason)
	}
	return err
}
