package watcher

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/starknet"
)

// stwoParameters are those of S-two in production, with the smallest preprocessed columns.
const stwoParameters = `{"channel_hash":"blake2s","channel_salt":0,"pcs_config":{"pow_bits":26,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":70,"fold_step":3},"lifting_log_size":null},"preprocessed_trace":"canonical_small","store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`

// TestBlocksByStwo proves the OS program on two blocks in one run by S-two's system, verifies the proof, and replays its
// claim. StarkWare's verifier judges the proof too if STARKD_STWO_JUDGE is the path of stwo-judge.
func TestBlocksByStwo(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("a proof of a block by S-two: set STARKD_FULL=1 (make test-full)")
	}
	l := mixed(t)
	traces := []*app.BlockTrace{}
	blocks := []*cairoos.Block{}
	for height := uint64(1); height <= 2; height++ {
		trace, err := l.app.TraceCalls(t.Context(), height, vm.NewEngine(), 0)
		if err != nil {
			t.Fatal(err)
		}
		traces, blocks = append(traces, trace), append(blocks, osBlock(trace))
	}
	run, err := cairoos.Run(blocks, cairoos.Options{Layout: cairoos.LayoutStwo})
	if err != nil {
		t.Fatal(err)
	}
	claim := proveByStwo(t, run)
	var list []*statement.Block
	var states []statement.State
	for i, trace := range traces {
		list, states = append(list, l.statementBlock(trace)), append(states, l.app.Store().At(uint64(i)))
	}
	outcomes, err := statement.CheckBlocks([]*statement.Claim{claim}, list, states)
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range outcomes {
		for _, tx := range outcome.Transactions {
			if tx.Unproven != nil || len(tx.UnprovenParts) > 0 || !slices.Contains(tx.Proven(), statement.ValidateCall.String()) {
				t.Errorf("transaction %v: unproven %v, %v; proven %v", tx.Hash, tx.Unproven, tx.UnprovenParts, tx.Proven())
			}
		}
	}
}

// proveByStwo proves a run of the OS by S-two's system, verifies the proof, and returns its claim. StarkWare's verifier judges the proof too
// if STARKD_STWO_JUDGE is the path of stwo-judge.
func proveByStwo(t *testing.T, run *cairo.Trace) *statement.Claim {
	t.Helper()
	params, err := stwo.ParseParams([]byte(stwoParameters))
	if err != nil {
		t.Fatal(err)
	}
	p, err := stwo.NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	input, err := adapter.FromTrace(run)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	proof, err := prover.ProveStwo(t.Context(), p, input, &stwo.Progress{Stage: func(name string, _, _ int) { t.Log(time.Since(start), name) }})
	if err != nil {
		t.Fatal(err)
	}
	hash := statement.FormatStwo.ProgramHash()
	start = time.Now()
	checked, err := prover.VerifyStwo(proof, prover.Policy{Program: &hash})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps, %d words of output, %v, %d bytes, verified in %v",
		run.Public.Steps, len(checked.Output), checked.Security, len(proof.AppendBinary(nil)), time.Since(start))
	if judge := os.Getenv("STARKD_STWO_JUDGE"); judge != "" {
		file := filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, proof.AppendJSON(nil, false), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), judge, file).CombinedOutput()
		t.Logf("%.60s", out)
		if err != nil {
			t.Errorf("StarkWare's verifier: %v", err)
		}
	}
	claim, err := statement.StwoClaim(checked.Program.Words, checked.Output, uint64(proof.Claim.Public.Final.AP))
	if err != nil {
		t.Fatal(err)
	}
	return claim
}

// statementBlock returns a recorded block as a verifier knows it.
func (l *local) statementBlock(trace *app.BlockTrace) *statement.Block {
	l.t.Helper()
	block := &statement.Block{
		ChainID: trace.ChainID, Number: trace.Header.Number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer,
		FeeToken: starknet.StrkAddress, Classes: map[felt.Felt]*casm.Class{},
	}
	var collect func(e *cairo.CallTrace)
	collect = func(e *cairo.CallTrace) {
		block.Classes[e.Call.Class.Hash] = e.Call.Class.Casm
		for i := range e.Syscalls {
			if inner := e.Syscalls[i].Inner; inner != nil {
				collect(inner)
			}
		}
	}
	for i := range trace.Transactions {
		tx := &trace.Transactions[i]
		digest, err := tx.Outcome.Diff.Digest()
		if err != nil {
			l.t.Fatal(err)
		}
		block.Transactions = append(block.Transactions, tx.Tx)
		block.Results = append(block.Results, &starknet.Result{Receipt: tx.Outcome.Receipt, Diff: digest})
		for _, e := range tx.Calls {
			collect(e)
		}
	}
	return block
}
