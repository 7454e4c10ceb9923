package watcher

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/watcher/job"
)

// The files that a watcher and its workers exchange. The input of a job is a line of JSON, the demand, and the encoded blocks (package job). The result is
// JSON. Both are from strangers for the side that reads them.

// demand says how the blocks of a job are to be proved.
type demand struct {
	Version  int    `json:"version"`
	System   string `json:"system"`
	PowBits  uint   `json:"pow_bits"`
	Queries  int    `json:"queries"`
	MaxSteps uint64 `json:"max_steps"`
	MaxAlone uint64 `json:"max_alone"` // of a transaction that is too long for MaxSteps
}

const (
	workVersion = 2
	maxDemand   = 512 // bytes of a demand
)

// encodeWork returns the input of a job.
func encodeWork(d demand, blocks []*cairoos.Block) ([]byte, error) {
	d.Version = workVersion
	line, err := jsonv2.Marshal(d)
	if err != nil {
		return nil, err
	}
	data, err := job.Encode(blocks)
	if err != nil {
		return nil, err
	}
	return append(append(line, '\n'), data...), nil
}

// decodeWork reads the input of a job.
func decodeWork(data []byte) (demand, []*cairoos.Block, error) {
	var d demand
	line, _, ok := bytes.Cut(data[:min(len(data), maxDemand)], []byte("\n"))
	if !ok {
		return d, nil, fmt.Errorf("watcher: the input of a job does not begin with a line of at most %d bytes", maxDemand)
	}
	if err := jsonv2.Unmarshal(line, &d, jsonv2.RejectUnknownMembers(true)); err != nil {
		return d, nil, fmt.Errorf("watcher: the input of a job: %w", bounded.Fault(err))
	}
	switch {
	case d.Version != workVersion:
		return d, nil, fmt.Errorf("watcher: the input of a job has version %d, want %d: watcher and worker have different versions of starkd", d.Version, workVersion)
	case d.PowBits > 50 || d.Queries < 1 || d.Queries > 1024:
		return d, nil, fmt.Errorf("watcher: a job demands %d bits of work and %d queries, want at most 50, and 1 to 1024", d.PowBits, d.Queries)
	case d.MaxSteps < 1<<14 || d.MaxSteps > 1<<27 || bits.OnesCount64(d.MaxSteps) != 1:
		return d, nil, fmt.Errorf("watcher: a job demands at most %d steps, want a power of two from 2^14 to 2^27", d.MaxSteps)
	case d.MaxAlone < max(d.MaxSteps, leastSteps) || d.MaxAlone > 1<<27 || bits.OnesCount64(d.MaxAlone) != 1:
		return d, nil, fmt.Errorf("watcher: a job demands at most %d steps of a transaction alone, want a power of two from %d to 2^27", d.MaxAlone, max(d.MaxSteps, leastSteps))
	}
	blocks, err := job.Decode(data[len(line)+1:])
	return d, blocks, err
}

// result is what a worker has made of a job.
type result struct {
	Version  int            `json:"version"`
	Proofs   []resultProof  `json:"proofs"`
	Unproven []resultTooBig `json:"not_provable"` // transactions that need too many steps alone
}

type resultProof struct {
	Transactions [][2]int     `json:"transactions"`   // index of the block in the job, and of the transaction in it
	Block        int          `json:"block,omitzero"` // without transactions: the index of the block that has no proven ones
	Steps        uint64       `json:"steps"`
	Milliseconds int64        `json:"milliseconds"`
	Proof        *block.Proof `json:"proof"`
}

type resultTooBig struct {
	Transaction [2]int `json:"transaction"`
	MaxSteps    uint64 `json:"max_steps"`
}

// encodeResult returns the result of a batch that is proved. The error is one of a transaction that cannot be proved for another reason than its length.
func encodeResult(b *batch) ([]byte, error) {
	r := result{Version: workVersion, Proofs: []resultProof{}, Unproven: []resultTooBig{}}
	for _, p := range b.parts {
		made := resultProof{Transactions: [][2]int{}, Block: p.block, Steps: p.steps, Milliseconds: p.took.Milliseconds(), Proof: p.proof}
		for _, t := range p.transactions {
			made.Transactions = append(made.Transactions, [2]int{t.Block, t.Transaction})
		}
		r.Proofs = append(r.Proofs, made)
	}
	for _, u := range b.unproven {
		long, ok := errors.AsType[*cairoos.TooLongError](u.Err)
		if !ok {
			return nil, u.Err
		}
		r.Unproven = append(r.Unproven, resultTooBig{[2]int{u.Block, u.Transaction}, long.MaxSteps})
	}
	return jsonv2.Marshal(&r)
}

// maxResultTransactions bounds the lists of a result.
const maxResultTransactions = 1 << 17

// decodeResult reads the result of a job on a batch, verifies its proofs under a policy, and sets the parts of the batch. Each transaction of the batch must
// be in one proof, or be named as too long for the demanded bound. What the proofs say is checked when the blocks are finished.
func decodeResult(b *batch, data []byte, d demand, policy prover.Policy) error {
	var r result
	err := jsonv2.Unmarshal(data, &r, jsonv2.RejectUnknownMembers(true), jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		bounded.List[resultProof]("proofs", maxResultTransactions, len(`{"transactions":[],"steps":0,"milliseconds":0,"proof":{}}`)),
		bounded.List[[2]int]("transactions of a proof", maxResultTransactions, len(`[0,0]`)),
		bounded.List[resultTooBig]("transactions that are too long", maxResultTransactions, len(`{"transaction":[0,0],"max_steps":0}`)),
	)))
	if err != nil {
		return fmt.Errorf("watcher: the result of a job: %w", bounded.Fault(err))
	}
	if r.Version != workVersion {
		return fmt.Errorf("watcher: the result of a job has version %d, want %d", r.Version, workVersion)
	}
	left := map[cairoos.Ref]bool{}
	for i, c := range b.blocks {
		for t := range c.input.Transactions {
			left[cairoos.Ref{Block: i, Transaction: t}] = true
		}
	}
	take := func(at [2]int) (cairoos.Ref, error) {
		ref := cairoos.Ref{Block: at[0], Transaction: at[1]}
		if !left[ref] {
			return ref, fmt.Errorf("watcher: the result of a job names transaction %d of block %d, which is not left", at[1], at[0])
		}
		delete(left, ref)
		return ref, nil
	}
	var parts []*part
	proved := map[int]bool{} // the blocks that have a proof
	for i, made := range r.Proofs {
		if len(made.Transactions) > 0 && made.Block != 0 || made.Block < 0 || made.Block >= len(b.blocks) {
			return fmt.Errorf("watcher: proof %d of a job has %d transactions and is of block %d, want 0 of a block below %d or some and block 0",
				i, len(made.Transactions), made.Block, len(b.blocks))
		}
		p := &part{block: made.Block, steps: made.Steps, proof: made.Proof, took: time.Duration(made.Milliseconds) * time.Millisecond}
		for _, at := range made.Transactions {
			ref, err := take(at)
			if err != nil {
				return err
			}
			p.transactions = append(p.transactions, ref)
			proved[ref.Block] = true
		}
		if len(p.transactions) == 0 {
			if proved[p.block] {
				return fmt.Errorf("watcher: proof %d of a job has no transactions of block %d, which has another proof", i, p.block)
			}
			proved[p.block] = true
		}
		if err := made.Proof.Verify(policy); err != nil {
			return fmt.Errorf("watcher: proof %d of %d of a job: %w", i+1, len(r.Proofs), err)
		}
		parts = append(parts, p)
	}
	var unproven []cairoos.Unproven
	for _, u := range r.Unproven {
		ref, err := take(u.Transaction)
		if err != nil {
			return err
		}
		if u.MaxSteps < leastSteps || u.MaxSteps > d.MaxAlone || bits.OnesCount64(u.MaxSteps) != 1 {
			return fmt.Errorf("watcher: a transaction of a job needs more than %d steps, want a power of two from %d to %d", u.MaxSteps, leastSteps, d.MaxAlone)
		}
		unproven = append(unproven, cairoos.Unproven{Ref: ref, Err: &cairoos.TooLongError{
			First: b.blocks[ref.Block].input.Transactions[ref.Transaction].Info.Hash, Transactions: 1, MaxSteps: u.MaxSteps,
		}})
	}
	if len(left) > 0 {
		return fmt.Errorf("watcher: the result of a job leaves out %d of its transactions", len(left))
	}
	b.parts, b.unproven = parts, unproven
	return nil
}
