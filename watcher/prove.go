package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/starkd/starkd/app"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/watcher/proofstore"
)

// proveBlock makes the record of a verified and replayed block that has transactions, and the bundle that goes with it; nil
// where no transaction of the block can be proved.
//
// The order is that of doc.go: record the calls again, run them in the OS, prove the traces, collect the witness from what
// the statement asks, and check the whole as a stranger would before it leaves this function.
func (w *Watcher) proveBlock(ctx context.Context, b *Block) (*proofstore.Record, []byte, error) {
	recording, err := w.app.Record(uint64(b.Height), w.engine)
	if err != nil {
		return nil, nil, err
	}
	record := &proofstore.Record{Block: uint64(b.Height), Transactions: []string{}, Proofs: []proofstore.Entry{}}
	block := &cairoos.Block{
		ChainID: recording.ChainID, Number: recording.Header.Number, Timestamp: recording.Header.Timestamp, Sequencer: recording.Header.Sequencer,
	}
	for i := range recording.Transactions {
		t := &recording.Transactions[i]
		record.Transactions = append(record.Transactions, t.Info.Hash.String())
		block.Transactions = append(block.Transactions, cairoos.Transaction{Info: *t.Info, Reverted: t.Outcome.Receipt.Reverted, Calls: t.Calls})
	}
	if len(record.Transactions) == 0 {
		record.Status = proofstore.Empty
		return record, nil, nil
	}
	if record.NotProvable = w.notProvable(block); len(record.NotProvable) > 0 {
		record.Status = proofstore.NotProvable
		return record, nil, nil
	}

	proof := &prover.BlockProof{Chain: b.Light.ChainID, Block: uint64(b.Height)}
	err = cairoos.RunParts(block, cairoos.Options{MaxSteps: w.config.MaxSteps}, func(part cairoos.Part) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		started := time.Now()
		p, err := prover.Prove(part.Trace, w.parameters(part.Trace.Public.Steps), w.progress(b.Height, part.Trace.Public.Steps))
		if err != nil {
			return err
		}
		p.Annotations = nil // they restate the proof, at twice its size
		took := time.Since(started)
		w.metrics.proving.Observe(took.Seconds())
		proof.Proofs = append(proof.Proofs, p)
		record.Proofs = append(record.Proofs, proofstore.Entry{
			Block: record.Block, Part: len(proof.Proofs) - 1, Transactions: record.Transactions[part.First : part.First+part.Count],
			ProgramHash: prover.OSProgramHash.String(), Layout: part.Trace.Public.Layout, Steps: part.Trace.Public.Steps,
			SecurityBits: p.Parameters.SecurityBits(), ProvingMS: took.Milliseconds(),
		})
		return nil
	})
	if tooLong, ok := errors.AsType[*cairoos.TooLongError](err); ok {
		record.Status, record.Proofs = proofstore.NotProvable, []proofstore.Entry{}
		record.NotProvable = exceptions(record.Transactions, tooLong.First.String(), proofstore.Exception{Reason: tooLong.Error()})
		return record, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := w.witness(ctx, b, recording, proof); err != nil {
		return nil, nil, err
	}
	anchor, err := VerifyHeaders(proof, &Trust{Genesis: w.config.Genesis})
	if err != nil {
		return nil, nil, err
	}
	verdict, err := prover.VerifyBlock(proof, anchor, prover.Policy{MinBits: w.minBits()})
	if err != nil {
		return nil, nil, err
	}
	for i := range record.Proofs {
		entry := &record.Proofs[i]
		covered, notCovered := map[string]bool{}, map[string]bool{}
		for _, t := range verdict.Outcome.Transactions {
			if slices.Contains(entry.Transactions, t.Hash.String()) {
				for _, call := range t.Calls {
					covered[call.Kind.String()] = true
				}
				for _, frame := range t.NotCovered {
					notCovered[frame] = true
				}
			}
		}
		entry.Covered, entry.NotCovered = slices.Sorted(maps.Keys(covered)), slices.Sorted(maps.Keys(notCovered))
	}
	record.Status, record.StateRoot = proofstore.Proved, anchor.After.String()
	bundle, err := proof.Encode()
	return record, bundle, err
}

// notProvable finds the transactions that the layout cannot prove, and says of the others of their block why they have no
// proof either: a block's transcript is one story, and later reads may see what the missing transaction wrote.
func (w *Watcher) notProvable(block *cairoos.Block) []proofstore.Exception {
	for i := range block.Transactions {
		one := *block
		one.Transactions = block.Transactions[i : i+1]
		cannot, ok := errors.AsType[*cairoos.NotProvableError](cairoos.Provable(&one))
		if !ok {
			continue
		}
		var hashes []string
		for j := range block.Transactions {
			hashes = append(hashes, block.Transactions[j].Info.Hash.String())
		}
		return exceptions(hashes, hashes[i], proofstore.Exception{Reason: cannot.Error(), Builtin: cannot.Builtin})
	}
	return nil
}

func exceptions(hashes []string, culprit string, why proofstore.Exception) []proofstore.Exception {
	out := make([]proofstore.Exception, len(hashes))
	for i, hash := range hashes {
		if out[i] = why; hash != culprit {
			out[i] = proofstore.Exception{Reason: fmt.Sprintf("transaction %s of the same block cannot be proved: %s", culprit, why.Reason)}
		}
		out[i].Transaction = hash
	}
	return out
}

// witness completes a block proof with everything that its check needs.
func (w *Watcher) witness(ctx context.Context, b *Block, recording *app.Recording, proof *prover.BlockProof) error {
	store, height := w.app.Store(), uint64(b.Height)
	_, roots, _, err := store.Header(height - 1)
	if err != nil {
		return err
	}
	e := &prover.Evidence{
		Transactions: b.Txs,
		Before:       store.At(height - 1),
		Tries:        &prover.Tries{ContractsRoot: roots.ContractsRoot, ClassesRoot: roots.ClassesRoot, Nodes: store, Contract: store.ContractAt(height - 1)},
	}
	if e.Anchor, err = anchorOf(b.Light.SignedHeader, b.Next.SignedHeader, w.app.Genesis()); err != nil {
		return err
	}
	if e.Results, err = w.chain.results(ctx, b); err != nil {
		return err
	}
	for i, signed := range []*cmttypes.SignedHeader{b.Light.SignedHeader, b.Next.SignedHeader} {
		if e.Headers[i], err = cmtjson.Marshal(signed); err != nil {
			return err
		}
	}
	if height >= blockHashLag {
		_, old, _, err := store.Header(height - blockHashLag)
		if err != nil {
			return err
		}
		e.OldBlockHash = &old.BlockHash
	}
	for i := range recording.Transactions {
		e.Executed = append(e.Executed, recording.Transactions[i].Tx)
		e.Calls = append(e.Calls, recording.Transactions[i].Calls...)
	}
	return proof.Complete(e)
}

// blockHashLag is how many blocks pass before a block's hash is readable to contracts.
const blockHashLag = 10
