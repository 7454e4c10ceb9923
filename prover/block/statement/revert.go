package statement

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// panicReason returns the revert reason of a transaction whose __execute__ panicked.
func panicReason(root *starknet.PanicFrame) string {
	return executeReason(root, starknet.PanicSummary(starknet.ExecutionPanicHeader, root))
}

// executeReason returns the revert reason of a failure in __execute__ itself.
func executeReason(root *starknet.PanicFrame, cause string) string {
	return starknet.RevertReason(starknet.ExecutionHeader, &starknet.ErrorTrace{
		Frames: []starknet.ErrorFrame{{Title: starknet.CallTitle, Contract: root.Contract, ClassHash: root.ClassHash, Selector: root.Selector}},
		Cause:  cause,
	})
}

// checkAborted checks the signed revert reason of a transaction whose __execute__, call f, was aborted. bound is the gas
// that was left for f and, in FormatStone, for the signature check; used is the gas that they used. The reason must be one with which a run is aborted, so that a panic, which could have been proved,
// is not presented as an abortion. Two reasons look like a panic of __execute__ itself: those of a call that entered no code.
// These two are checked.
func (t *replayer) checkAborted(f *frame, bound, used uint64) error {
	signed := t.receipt.RevertReason
	notFound := panicReason(f.shows(true, []felt.Felt{entryPointNotFound}))
	lacks := signed == notFound // if the witness does not have the class
	if t.block.Classes[f.class] != nil {
		class, err := t.class(f.class)
		if err != nil {
			return err
		}
		lacks = class.EntryPoint(f.kind, f.selector) == nil
	}
	if lacks != (signed == notFound) {
		return fmt.Errorf("class %v has no __execute__: %t, but the signed revert reason is %.500q", f.class, lacks, signed)
	}
	// A call that entered no code has used no gas.
	unused := func() error {
		if t.format.whole && used != 0 {
			return fmt.Errorf("__execute__ entered no code, but %d gas is not proved", used)
		}
		return nil
	}
	if lacks {
		return unused()
	}
	root := f.shows(true, nil)
	if signed == panicReason(f.shows(true, []felt.Felt{outOfGas})) {
		// In FormatStone the signature check used all of used.
		if left := bound - used; left >= constants.EntryPointGas {
			return fmt.Errorf("the signed revert reason says that __execute__ lacked the gas to enter, %d, but it had %d", constants.EntryPointGas, left)
		}
		return unused()
	}
	cause, ok := strings.CutPrefix(signed, executeReason(root, ""))
	if !ok || strings.HasPrefix(cause, starknet.ExecutionPanicHeader) {
		return fmt.Errorf("the outcome says that it was aborted, but the signed revert reason is %.500q", signed)
	}
	return nil
}

// checkReceipt checks the parts of a signed receipt that follow from the transaction alone.
func checkReceipt(receipt *starknet.Receipt, tx starknet.Transaction, sender felt.Felt) error {
	var deployed felt.Felt
	if tx.Type() == starknet.DeployAccountType {
		deployed = sender
	}
	switch {
	case receipt.Type != tx.Type():
		return fmt.Errorf("the signed receipt is of a %v, but the transaction is a %v", receipt.Type, tx.Type())
	case receipt.ContractAddress != deployed:
		return fmt.Errorf("the signed receipt says that %v was deployed, want %v", receipt.ContractAddress, deployed)
	case receipt.Resources.L1Gas != 0 || receipt.Resources.L1DataGas != 0:
		return fmt.Errorf("the signed receipt charges %d L1 gas and %d L1 data gas, want 0", receipt.Resources.L1Gas, receipt.Resources.L1DataGas)
	}
	return nil
}
