package prover

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// Evidence is what someone who executed a block knows of it, and a witness is made of.
type Evidence struct {
	Anchor       *Anchor
	Transactions [][]byte // canonical form, all of the block's
	Results      []Result // of each
	Headers      [2]json.RawMessage
	Calls        [][]*cairo.Execution // of each transaction that was executed
	Uncovered    []Uncovered          // of those, the ones that the proofs do not cover
	Validations  []Validation         // what signature checks of the others left behind
	OldBlockHash *felt.Felt           // the block hash that the block makes readable; nil for the first ten blocks
	Before       statement.State
	Tries        *Tries // of the state before
}

// NewAnchor is the anchor that two signed headers make: before and after are their app hashes.
func NewAnchor(chain string, number, timestamp uint64, sequencer, feeToken felt.Felt, before, after []byte) (*Anchor, error) {
	chainID, err := starknet.ChainID(chain)
	if err != nil {
		return nil, err
	}
	a := &Anchor{ChainID: chainID, Number: number, Timestamp: timestamp, Sequencer: sequencer, FeeToken: feeToken}
	if a.Before, err = felt.FromBytes(before); err != nil {
		return nil, fmt.Errorf("prover: app hash of header %d: %w", number, err)
	}
	if a.After, err = felt.FromBytes(after); err != nil {
		return nil, fmt.Errorf("prover: app hash of header %d: %w", number+1, err)
	}
	return a, nil
}

// Complete adds to a block proof the witness that its check needs: it replays the proofs' claims on the whole state and
// keeps what was asked.
func (b *BlockProof) Complete(e *Evidence) error {
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
	w.Uncovered, w.Validations = append([]Uncovered{}, e.Uncovered...), append([]Validation{}, e.Validations...)
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
	reads := statement.NewReads(e.Before)
	outcome, err := statement.Check(claims, block, reads)
	if err != nil {
		return fmt.Errorf("prover: our own transcript of block %d: %w", b.Block, err)
	}
	w.Prestate, err = reads.Prestate(e.Tries, &outcome.Diff)
	return err
}

// classes are those that the check needs: all of the covered transactions, and that which keeps another from being covered.
func (e *Evidence) classes() map[felt.Felt]*cairo.Class {
	classes := map[felt.Felt]*cairo.Class{}
	for i, calls := range e.Calls {
		all := map[felt.Felt]*cairo.Class{}
		for _, call := range calls {
			collectClasses(call, all)
		}
		at := slices.IndexFunc(e.Uncovered, func(u Uncovered) bool { return u.Index == i })
		for hash, class := range all {
			if at < 0 || hash == e.Uncovered[at].Reason.Class {
				classes[hash] = class
			}
		}
	}
	return classes
}

// collectClasses adds the classes of a call and of those inside it.
func collectClasses(e *cairo.Execution, into map[felt.Felt]*cairo.Class) {
	into[e.Call.Class.Hash] = e.Call.Class
	for i := range e.Syscalls {
		if inner := e.Syscalls[i].Inner; inner != nil {
			collectClasses(inner, into)
		}
	}
}

// claims are what the public inputs of the proofs say.
func (b *BlockProof) claims() ([]*statement.Claim, error) {
	var claims []*statement.Claim
	for i, p := range b.Proofs {
		claim, err := statement.ReadClaim(publicInput(p.PublicInput))
		if err != nil {
			return nil, fmt.Errorf("prover: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		claims = append(claims, claim)
	}
	return claims, nil
}
