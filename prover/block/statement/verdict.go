package statement

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// The words of a verdict, for everything that prints one.

// Status returns "succeeded" or "reverted".
func (t *TransactionOutcome) Status() string {
	if t.Reverted {
		return "reverted"
	}
	return "succeeded"
}

// Proven returns the names of the calls that the proof covers, none for an unproven transaction.
func (t *TransactionOutcome) Proven() []string {
	names := []string{}
	if t.Unproven == nil {
		for _, call := range t.Calls {
			names = append(names, call.Kind.String())
		}
	}
	return names
}

// A NotCoveredError says that the proof of a block does not cover a transaction.
type NotCoveredError struct {
	Block       uint64
	Transaction felt.Felt
	Reason      *Reason // nil if the transaction is not in the block
}

func (e *NotCoveredError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("the proof of block %d does not cover transaction %v", e.Block, e.Transaction)
	}
	return fmt.Sprintf("the proof of block %d does not cover transaction %v: %v", e.Block, e.Transaction, e.Reason)
}

// Covers returns nil if the proof of block number, whose outcome o is, covers a transaction. The error is a *NotCoveredError.
func (o *Outcome) Covers(number uint64, transaction felt.Felt) error {
	i := slices.IndexFunc(o.Transactions, func(t TransactionOutcome) bool { return t.Hash == transaction })
	if i < 0 {
		return &NotCoveredError{number, transaction, nil}
	}
	if reason := o.Transactions[i].Unproven; reason != nil {
		return &NotCoveredError{number, transaction, reason}
	}
	return nil
}
