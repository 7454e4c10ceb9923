package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/watcher/proofstore"
)

// proveBlock returns the record and the bundle of a verified and executed block that has transactions. The bundle is nil if no transaction
// of the block can be proved. results are the signed results of its transactions.
//
// proveBlock records the calls of the block, runs them in the OS, proves the traces (and verifies each proof), collects the witness
// that the statement needs, and checks the bundle against the signed headers. Transactions that cannot be proved are left out of the traces;
// the bundle has their signed results instead.
func (w *Watcher) proveBlock(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
	stop := new(atomic.Bool)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	options := cairoos.Options{Layout: w.system.format().Layout(), MaxSteps: w.config.MaxSteps, Stop: stop}
	trace, err := w.app.TraceCalls(ctx, uint64(b.Height), w.engine, cairoos.MaxWords(options.MaxSteps))
	if err != nil { // the replica has executed the block: its store is damaged, or execution is not deterministic
		return nil, nil, permanent{fmt.Errorf("watcher: executing block %d again: %w", b.Height, err)}
	}
	replayed, record := osBlock(trace), newRecord(trace)
	if record.Status == proofstore.Empty {
		return record, nil, nil
	}
	proof := &block.Bundle{Chain: b.Light.ChainID, Block: uint64(b.Height)}
	failed, err := cairoos.RunParts([]*cairoos.Block{replayed}, options, func(part cairoos.Part) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		started := time.Now()
		p, err := w.system.prove(ctx, part.Trace, w.progress(b.Height, part.Trace.Public.Steps))
		if err != nil {
			return err
		}
		took := time.Since(started)
		w.metrics.proving.Observe(took.Seconds())
		security := w.system.security(part.Trace.Public.Steps)
		entry := proofstore.Entry{
			Block: record.Block, Part: len(proof.Proofs), ProgramHash: w.system.format().ProgramHash().String(), Layout: part.Trace.Public.Layout,
			Steps: part.Trace.Public.Steps, SecurityBits: security.Conjectured, ProvenBits: security.Proven, ProvingMS: took.Milliseconds(),
		}
		for _, t := range part.Transactions {
			entry.Transactions = append(entry.Transactions, record.Transactions[t.Transaction])
		}
		proof.Proofs, record.Proofs = append(proof.Proofs, p), append(record.Proofs, entry)
		return nil
	})
	if err != nil {
		return nil, nil, refusedProof(b.Height, err)
	}
	unproven, err := unprovenOf(trace, failed)
	if err != nil {
		return nil, nil, err
	}
	addUnproven(record, unproven)
	if len(proof.Proofs) == 0 {
		record.Status = proofstore.NotProved
		return record, nil, nil
	}
	if err := w.witness(b, results, trace, unproven, proof); err != nil {
		return nil, nil, err
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: w.trusted})
	if err != nil {
		return nil, nil, &SelfCheckError{b.Height, err}
	}
	verdict, err := block.Check(proof, anchor, w.policy())
	if err != nil {
		return nil, nil, &SelfCheckError{b.Height, err}
	}
	bundle, err := proof.Encode()
	if err != nil {
		return nil, nil, err
	}
	if len(bundle) > stone.MaxProofJSON {
		return tooLarge(newRecord(trace), len(bundle)), nil, nil
	}
	addCoverage(record, verdict.Outcome.Transactions)
	record.Status, record.StateRoot = proofstore.Proved, anchor.After.String()
	return record, bundle, nil
}

// tooLarge returns the record of a block whose bundle of size bytes is too large for verifiers: all its transactions are unproven.
func tooLarge(record *proofstore.Record, size int) *proofstore.Record {
	record.Status = proofstore.NotProved
	for _, hash := range record.Transactions {
		record.Unproven = append(record.Unproven, proofstore.Unproven{
			Transaction: hash, Reason: fmt.Sprintf("the proof of the block has %d bytes, verifiers read at most %d", size, stone.MaxProofJSON),
		})
	}
	return record
}

// osBlock returns a recorded block as the input of the OS.
func osBlock(trace *app.BlockTrace) *cairoos.Block {
	block := &cairoos.Block{
		ChainID: trace.ChainID, Number: trace.Header.Number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer,
	}
	for i := range trace.Transactions {
		t := &trace.Transactions[i]
		block.Transactions = append(block.Transactions, cairoos.Transaction{Info: *t.Info, Reverted: t.Outcome.Receipt.Reverted, Calls: t.Calls})
	}
	return block
}

// newRecord returns the record of a block without proofs.
func newRecord(trace *app.BlockTrace) *proofstore.Record {
	record := &proofstore.Record{Block: trace.Header.Number, Transactions: []string{}, Proofs: []proofstore.Entry{}}
	for i := range trace.Transactions {
		record.Transactions = append(record.Transactions, trace.Transactions[i].Info.Hash.String())
	}
	if len(record.Transactions) == 0 {
		record.Status = proofstore.Empty
	}
	return record
}

// unprovenOf returns the transactions that cannot be proved, each with its reason and its state diff.
func unprovenOf(trace *app.BlockTrace, failed []cairoos.Unproven) ([]statement.Unproven, error) {
	var unproven []statement.Unproven
	for _, e := range failed {
		u := statement.Unproven{Index: e.Transaction}
		if cannot, ok := errors.AsType[*cairoos.UnprovableError](e.Err); ok {
			u.Reason = statement.Reason{Builtin: cannot.Builtin, Syscall: string(cannot.Syscall), Class: cannot.Class, Selector: cannot.Selector}
		} else if long, ok := errors.AsType[*cairoos.TooLongError](e.Err); ok {
			u.Reason = statement.Reason{MaxSteps: long.MaxSteps}
		} else {
			return nil, e.Err
		}
		diff, err := trace.Transactions[e.Transaction].Outcome.Diff.MarshalBinary()
		if err != nil {
			return nil, err
		}
		u.Diff = diff
		unproven = append(unproven, u)
	}
	return unproven, nil
}

// validationsOf returns the effects of the signature checks of the proven transactions, which Stone's proofs do not cover: events, messages and state
// changes.
func validationsOf(trace *app.BlockTrace, unproven []statement.Unproven) []statement.Validation {
	var validations []statement.Validation
	for i := range trace.Transactions {
		left := trace.Transactions[i].Outcome.Validation
		if left == nil || slices.ContainsFunc(unproven, func(u statement.Unproven) bool { return u.Index == i }) {
			continue
		}
		v := statement.Validation{Index: i, Events: left.Events, Messages: left.Messages}
		for _, e := range left.Storage {
			v.Storage = append(v.Storage, statement.SlotChange(e))
		}
		if !left.ClassHash.IsZero() {
			v.Class = &left.ClassHash
		}
		validations = append(validations, v)
	}
	return validations
}

// addUnproven adds the unproven transactions to a record.
func addUnproven(record *proofstore.Record, unproven []statement.Unproven) {
	for i := range unproven {
		u := &unproven[i]
		record.Unproven = append(record.Unproven, proofstore.Unproven{
			Transaction: record.Transactions[u.Index], Reason: u.Reason.String(), Builtin: u.Reason.Builtin, Syscall: u.Reason.Syscall,
		})
	}
}

// addCoverage sets for each proof of a record which frames of its transactions are proven and which are not.
func addCoverage(record *proofstore.Record, outcomes []statement.TransactionOutcome) {
	for i := range record.Proofs {
		entry := &record.Proofs[i]
		covered, unprovenParts := map[string]bool{}, map[string]bool{}
		for _, t := range outcomes {
			if slices.Contains(entry.Transactions, t.Hash.String()) {
				for _, call := range t.Calls {
					covered[call.Kind.String()] = true
				}
				for _, frame := range t.UnprovenParts {
					unprovenParts[frame] = true
				}
			}
		}
		entry.Proven, entry.UnprovenParts = slices.Sorted(maps.Keys(covered)), slices.Sorted(maps.Keys(unprovenParts))
	}
}

// witness adds to a bundle everything that a verifier needs besides the proofs.
func (w *Watcher) witness(b *Block, results []statement.Result, trace *app.BlockTrace, unproven []statement.Unproven, proof *block.Bundle) error {
	store, height := w.app.Store(), uint64(b.Height)
	_, roots, _, err := store.Header(height - 1)
	if err != nil {
		return permanent{err}
	}
	var failed error // of reading the replica
	e := &block.WitnessInput{
		Transactions: b.Txs, Results: results, Unproven: unproven,
		Before: &watchedState{store.At(height - 1), &failed},
		Class: watched(&failed, func(hash felt.Felt) (*casm.Class, error) {
			class, err := store.At(height).Class(hash)
			if err != nil {
				return nil, err
			}
			return casm.DecodeClass(class.Casm)
		}),
		Tries: &statement.Tries{
			ContractsRoot: roots.ContractsRoot, ClassesRoot: roots.ClassesRoot,
			Nodes: &watchedNodes{store, &failed}, Contract: watched(&failed, store.ContractAt(height-1)),
		},
	}
	if w.system.format() == statement.FormatStone {
		e.Validations = validationsOf(trace, unproven)
	}
	for i, signed := range []*cmttypes.SignedHeader{b.Light.SignedHeader, b.Next.SignedHeader} {
		if e.Headers[i], err = cmtjson.Marshal(signed); err != nil {
			return err
		}
	}
	signed := &block.Bundle{Chain: proof.Chain, Block: proof.Block, Headers: e.Headers}
	signed.Witness.Results = results
	for _, tx := range b.Txs {
		signed.Witness.Transactions = append(signed.Witness.Transactions, tx)
	}
	if e.Anchor, err = headers.Verify(signed, &headers.Trust{Genesis: w.trusted}); err != nil {
		return err
	}
	if height >= constants.BlockHashLag {
		_, old, _, err := store.Header(height - constants.BlockHashLag)
		if err != nil {
			return permanent{err}
		}
		e.OldBlockHash = &old.BlockHash
	}
	for i := range trace.Transactions {
		e.Calls = append(e.Calls, trace.Transactions[i].Calls)
	}
	err = proof.Complete(e)
	if failed != nil {
		return permanent{fmt.Errorf("watcher: block %d: reading the state before it: %w", height, failed)}
	}
	return err
}
