package block

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
)

// WitnessInput is the result of executing a block, from which Complete makes a witness.
type WitnessInput struct {
	Anchor       *statement.Anchor
	Transactions [][]byte           // canonical form of all transactions of the block
	Results      []statement.Result // of each transaction
	Headers      [2]json.RawMessage
	Calls        [][]*cairo.CallTrace   // call traces of each executed transaction
	Unproven     []statement.Unproven   // executed transactions that no proof covers
	Validations  []statement.Validation // effects of the signature checks of proven transactions
	OldBlockHash *felt.Felt             // the block hash that this block makes readable; nil for the first ten blocks
	Before       statement.State
	Tries        *statement.Tries // of the state before the block
}

// Complete adds the witness for the check of the proofs to b. It replays the proofs' claims on the whole state and records what
// the check reads.
func (b *Bundle) Complete(e *WitnessInput) error {
	b.Headers = e.Headers
	w := &b.Witness
	w.Results = e.Results
	for _, tx := range e.Transactions {
		w.Transactions = append(w.Transactions, tx)
	}
	w.Opening = []statement.Write{}
	if e.OldBlockHash != nil {
		w.Opening = append(w.Opening, statement.OpeningWrite(e.Anchor.Number, *e.OldBlockHash))
	}
	w.Unproven, w.Validations = append([]statement.Unproven{}, e.Unproven...), append([]statement.Validation{}, e.Validations...)
	classes := e.classes()
	w.Classes = []statement.Compiled{}
	for _, hash := range slices.SortedFunc(maps.Keys(classes), func(a, b felt.Felt) int { return a.Cmp(&b) }) {
		compiled, err := statement.NewCompiled(hash, classes[hash].Casm)
		if err != nil {
			return err
		}
		w.Classes = append(w.Classes, compiled)
	}
	claims, err := b.claims()
	if err != nil {
		return err
	}
	block, err := w.Block(e.Anchor)
	if err != nil {
		return err
	}
	block.Format = statement.FormatStone
	reads := statement.NewReads(e.Before)
	outcome, err := statement.Check(claims, block, reads)
	if err != nil {
		return fmt.Errorf("block: the statement does not hold for our own output of block %d: %w", b.Block, err)
	}
	w.Prestate, err = reads.Prestate(e.Tries, &outcome.Diff)
	return err
}

// classes returns the classes that the check needs: all classes of the proven transactions, and for each unproven transaction
// the class that its reason names.
func (e *WitnessInput) classes() map[felt.Felt]*cairo.Class {
	classes := map[felt.Felt]*cairo.Class{}
	for i, calls := range e.Calls {
		all := map[felt.Felt]*cairo.Class{}
		for _, call := range calls {
			collectClasses(call, all)
		}
		at := slices.IndexFunc(e.Unproven, func(u statement.Unproven) bool { return u.Index == i })
		for hash, class := range all {
			if at < 0 || hash == e.Unproven[at].Reason.Class {
				classes[hash] = class
			}
		}
	}
	return classes
}

// collectClasses adds the classes of a call and of its inner calls to into.
func collectClasses(e *cairo.CallTrace, into map[felt.Felt]*cairo.Class) {
	into[e.Call.Class.Hash] = e.Call.Class
	for i := range e.Syscalls {
		if inner := e.Syscalls[i].Inner; inner != nil {
			collectClasses(inner, into)
		}
	}
}
