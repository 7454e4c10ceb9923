package block

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
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
	// Class returns a class that is declared after the block. The check also needs classes that the block names and does not enter.
	Class func(hash felt.Felt) (*casm.Class, error)
	Tries *statement.Tries // of the state before the block
}

// Complete adds the witness for the check of the proofs to b. It replays the proofs' claims on the whole state and records what
// the check reads.
func (b *Bundle) Complete(e *WitnessInput) error { return b.CompleteRange([]*WitnessInput{e}) }

// CompleteRange does what Complete does for a bundle of several blocks, of which b has the proofs: it adds the others.
func (b *Bundle) CompleteRange(inputs []*WitnessInput) error {
	claims, err := b.claims()
	if err != nil {
		return err
	}
	var all []*Bundle
	var blocks []*statement.Block
	var reads []*statement.Reads
	var states []statement.State
	for _, e := range inputs {
		one := &Bundle{Chain: b.Chain, Block: e.Anchor.Number, Headers: e.Headers}
		w := &one.Witness
		w.Results = e.Results
		for _, tx := range e.Transactions {
			w.Transactions = append(w.Transactions, tx)
		}
		w.Opening = []statement.Write{}
		if e.OldBlockHash != nil {
			w.Opening = append(w.Opening, statement.OpeningWrite(e.Anchor.Number, *e.OldBlockHash))
		}
		w.Unproven, w.Validations = append([]statement.Unproven{}, e.Unproven...), append([]statement.Validation{}, e.Validations...)
		block, err := w.Block(e.Anchor)
		if err != nil {
			return err
		}
		if block.Format = statement.FormatStone; len(b.Proofs) > 0 {
			block.Format = b.Proofs[0].format()
		}
		block.Classes, block.Load = e.classes(), e.Class
		read := statement.NewReads(e.Before)
		all, blocks, reads, states = append(all, one), append(blocks, block), append(reads, read), append(states, read)
	}
	outcomes, err := statement.CheckBlocks(claims, blocks, states)
	if err != nil {
		return fmt.Errorf("block: the statement does not hold for our own output of block %d: %w", b.Block, err)
	}
	for i, e := range inputs {
		w := &all[i].Witness
		if w.Classes, err = e.compiled(blocks[i].Classes, reads[i], &outcomes[i].Diff); err != nil {
			return err
		}
		if w.Prestate, err = reads[i].Prestate(e.Tries, &outcomes[i].Diff); err != nil {
			return err
		}
		if i == 0 {
			b.Block, b.Witness, b.Headers, b.Others = all[0].Block, all[0].Witness, all[0].Headers, nil
		} else {
			b.Add(all[i])
		}
	}
	return nil
}

// compiled returns the classes of the witness: those whose compiled class hash the replay read, and those that the block declares and
// uses. known holds the classes that the block entered.
func (e *WitnessInput) compiled(known map[felt.Felt]*casm.Class, reads *statement.Reads, diff *starknet.StateDiff) ([]statement.Compiled, error) {
	needed := map[felt.Felt]*casm.Class{}
	for _, hash := range reads.Classes() {
		declared, err := e.Before.CompiledClassHash(hash)
		if err != nil {
			return nil, err
		}
		if declared.IsZero() {
			continue
		}
		if needed[hash] = known[hash]; needed[hash] != nil {
			continue
		}
		if needed[hash], err = e.Class(hash); err != nil {
			return nil, err
		}
	}
	for _, d := range diff.Declared {
		if class := known[d.ClassHash]; class != nil {
			needed[d.ClassHash] = class
		}
	}
	list := []statement.Compiled{}
	for _, hash := range slices.SortedFunc(maps.Keys(needed), func(a, b felt.Felt) int { return a.Cmp(&b) }) {
		compiled, err := statement.NewCompiled(hash, needed[hash])
		if err != nil {
			return nil, err
		}
		list = append(list, compiled)
	}
	return list, nil
}

// classes returns the classes that the block entered.
func (e *WitnessInput) classes() map[felt.Felt]*casm.Class {
	classes := map[felt.Felt]*casm.Class{}
	for _, calls := range e.Calls {
		for _, call := range calls {
			collectClasses(call, classes)
		}
	}
	return classes
}

// collectClasses adds the classes of a call and of its inner calls to into.
func collectClasses(e *cairo.CallTrace, into map[felt.Felt]*casm.Class) {
	into[e.Call.Class.Hash] = e.Call.Class.Casm
	for i := range e.Syscalls {
		if inner := e.Syscalls[i].Inner; inner != nil {
			collectClasses(inner, into)
		}
	}
}
