package statement

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// admit makes all checks of a transaction that come before its code, and begins it in the overlay. Validators make the same
// checks. They are repeated here so that a proof of a block that validators should not have signed is not accepted.
func (r *replay) admit(tx starknet.Transaction, hash, sender felt.Felt) error {
	if r.seen[hash] {
		return fmt.Errorf("the block contains transaction %v twice", hash)
	}
	r.seen[hash] = true
	if err := admissible(tx, sender); err != nil {
		return err
	}
	nonce := tx.Fields().Nonce
	if current, err := r.state.nonce(sender); err != nil {
		return err
	} else if nonce != current {
		return fmt.Errorf("nonce is %v, but account %v has nonce %v", nonce, sender, current)
	}
	r.state.begin(sender, nonce)

	most, ok := boundsTotal(tx.Fields())
	if !ok {
		return fmt.Errorf("the resource bounds add up to 2^128 FRI or more")
	}
	low, high, err := r.balance(sender)
	if err != nil {
		return err
	}
	if !covers(low, high, most) {
		return fmt.Errorf("the resource bounds add up to %v FRI, but the balance (low, high) is %v, %v", most, low, high)
	}
	return nil
}

// admissible makes the checks that need only the transaction.
func admissible(tx starknet.Transaction, sender felt.Felt) error {
	f := tx.Fields()
	var deployment, facts []felt.Felt
	switch tx := tx.(type) {
	case *starknet.Invoke:
		deployment, facts = tx.AccountDeploymentData, tx.ProofFacts
	case *starknet.Declare:
		deployment = tx.AccountDeploymentData
		if tx.ClassHash.BitLen() > constants.ClassHashBits {
			return fmt.Errorf("class hash %v does not fit in %d bits", tx.ClassHash, constants.ClassHashBits)
		}
	}
	for _, list := range []struct {
		name  string
		felts []felt.Felt
	}{{"paymaster_data", f.PaymasterData}, {"account_deployment_data", deployment}, {"proof_facts", facts}} {
		if n := len(list.felts); n > 0 {
			return fmt.Errorf("%s has %d felts, want 0", list.name, n)
		}
	}
	switch {
	case f.Query:
		return fmt.Errorf("version %v is for queries only", f.Version())
	case f.NonceDAMode != starknet.DAModeL1 || f.FeeDAMode != starknet.DAModeL1:
		return fmt.Errorf("data availability modes are %v and %v, want %v", f.NonceDAMode, f.FeeDAMode, starknet.DAModeL1)
	case !f.Nonce.IsUint64():
		return fmt.Errorf("nonce %v does not fit in 64 bits", f.Nonce)
	case !starknet.IsAddress(sender):
		return fmt.Errorf("sender %v, want an address %s", sender, addressRange)
	}
	return nil
}

// boundsTotal returns the most that a transaction may cost: the sum of its bounds, with the tip on L2 gas.
func boundsTotal(f *starknet.Common) (sum starknet.Uint128, ok bool) {
	b := &f.ResourceBounds
	price, ok := b.L2Gas.MaxPricePerUnit.Add(starknet.NewUint128(f.Tip))
	if !ok {
		return sum, false
	}
	for _, r := range []starknet.ResourceBound{{MaxAmount: b.L2Gas.MaxAmount, MaxPricePerUnit: price}, b.L1Gas, b.L1DataGas} {
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

var balances = keccak.Starknet([]byte(constants.Balances))

// balance returns an account's balance of the fee token as two halves of 128 bits.
func (r *replay) balance(account felt.Felt) (low, high felt.Felt, err error) {
	if r.balanceSlot.account != account || r.balanceSlot.key.IsZero() {
		r.balanceSlot.account, r.balanceSlot.key = account, starknet.ReduceAddress(pedersen.Hash(balances, account))
	}
	key := r.balanceSlot.key
	if low, err = r.state.storage(slot{r.block.FeeToken, key}); err != nil {
		return low, high, err
	}
	high, err = r.state.storage(slot{r.block.FeeToken, *key.Add(&key, &felt.One)})
	return low, high, err
}

// covers reports whether a balance is at least amount.
func covers(low, high felt.Felt, amount starknet.Uint128) bool {
	need := amount.Felt()
	return !high.IsZero() || low.Cmp(&need) >= 0
}
