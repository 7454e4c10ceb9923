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

// checkAborted checks the signed revert reason of a transaction of whose __execute__ f there is no complete run, when
// validation and it have used used gas. The reason must be one that such a run ends with, so that no panic, which could have
// been proved, is passed off as one: of the reasons that look like a panic of __execute__ itself only those of a call that
// entered no code are left, which can be checked.
func (t *replayer) checkAborted(f *frame, bound, used uint64) error {
	signed := t.receipt.RevertReason
	notFound := panicReason(f.shows(true, []felt.Felt{entryPointNotFound}))
	lacks := signed == notFound // of a class that the witness does not have
	if t.block.Classes[f.class] != nil {
		class, err := t.class(f.class)
		if err != nil {
			return err
		}
		lacks = class.EntryPoint(f.kind, f.selector) == nil
	}
	if lacks != (signed == notFound) {
		return fmt.Errorf("class %v has no __execute__: %t, the signed revert reason is %.500q", f.class, lacks, signed)
	}
	if lacks {
		return nil
	}
	root := f.shows(true, nil)
	if signed == panicReason(f.shows(true, []felt.Felt{outOfGas})) {
		// Then all that was used is the signature check's.
		if left := bound - used; left >= constants.EntryPointGas {
			return fmt.Errorf("__execute__ is said to have lacked the gas to enter, %d: it had %d", constants.EntryPointGas, left)
		}
		return nil
	}
	cause, ok := strings.CutPrefix(signed, executeReason(root, ""))
	if !ok || strings.HasPrefix(cause, starknet.ExecutionPanicHeader) {
		return fmt.Errorf("said to be aborted, the signed revert reason is %.500q", signed)
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
		return fmt.Errorf("the signed receipt is of a %v, the transaction a %v", receipt.Type, tx.Type())
	case receipt.ContractAddress != deployed:
		return fmt.Errorf("the signed receipt says that %v was deployed, want %v", receipt.ContractAddress, deployed)
	case receipt.Resources.L1Gas != 0 || receipt.Resources.L1DataGas != 0:
		return fmt.Errorf("the signed receipt bills %d L1 gas and %d L1 data gas, want 0", receipt.Resources.L1Gas, receipt.Resources.L1DataGas)
	}
	return nil
}
