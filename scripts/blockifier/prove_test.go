package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/starknet"
)

// provedBlock is a block of a case file: the transactions that were not rejected, as a watcher and as a verifier know them.
type provedBlock struct {
	before    state.Reader
	os        *cairoos.Block
	statement *statement.Block
	diffs     []*starknet.StateDiff // of the transactions
}

// provedBlocks executes the steps of a case with call traces and returns the blocks, in order.
func provedBlocks(t *testing.T, classes *executor.Classes, c *Case) []*provedBlock {
	t.Helper()
	tracer := &cairo.Tracer{Engine: vm.NewEngine()}
	x := &executor.Executor{Engine: tracer, Classes: classes}
	st := state.NewOverlay(nothing{})
	if _, err := new(Runner).genesis(x, st, c); err != nil {
		t.Fatal(err)
	}
	compiled := map[felt.Felt]*casm.Class{}
	var collect func(e *cairo.CallTrace)
	collect = func(e *cairo.CallTrace) {
		compiled[e.Call.Class.Hash] = e.Call.Class.Casm
		for i := range e.Syscalls {
			if inner := e.Syscalls[i].Inner; inner != nil {
				collect(inner)
			}
		}
	}
	// load returns a class that no call has entered.
	load := func(hash felt.Felt) (*casm.Class, error) {
		class, err := classes.Get(st, hash)
		if err != nil {
			return nil, err
		}
		return class.Casm, nil
	}
	var blocks []*provedBlock
	chainID, info := felt.FromShortString(c.ChainID), c.Block
	for i, s := range c.Steps {
		if s.Block != nil {
			info = *s.Block
		}
		price, err := starknet.Uint128FromFelt(info.L2GasPrice)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 || s.Block != nil {
			st = state.NewOverlay(st)
			blocks = append(blocks, &provedBlock{
				before: st, // the state after the block before it, since st is replaced next
				os:     &cairoos.Block{ChainID: chainID, Number: info.Number, Timestamp: info.Timestamp, Sequencer: info.Sequencer},
				statement: &statement.Block{
					ChainID: chainID, Number: info.Number, Timestamp: info.Timestamp, Sequencer: info.Sequencer, FeeToken: c.FeeToken, Classes: compiled,
					Load: load,
				},
			})
			st = state.NewOverlay(st)
		}
		b := blocks[len(blocks)-1]
		env := &executor.Block{
			Number: info.Number, Timestamp: info.Timestamp, Sequencer: info.Sequencer, ChainID: chainID, L2GasPrice: price, FeeToken: c.FeeToken,
		}
		out, err := x.Execute(st, env, s.Tx.Transaction, executor.Options{Diff: true})
		calls := tracer.Take()
		if _, rejected := errors.AsType[*executor.Rejection](err); rejected {
			continue
		}
		if err != nil {
			t.Fatalf("%s: step %d (%s): %v", c.Name, i, s.Name, err)
		}
		for _, e := range calls {
			collect(e)
		}
		digest, err := out.Diff.Digest()
		if err != nil {
			t.Fatal(err)
		}
		b.diffs = append(b.diffs, out.Diff)
		b.os.Transactions = append(b.os.Transactions, cairoos.Transaction{Info: *executor.TxInfo(s.Tx.Transaction, chainID), Reverted: out.Receipt.Reverted, Calls: calls})
		b.statement.Transactions = append(b.statement.Transactions, s.Tx.Transaction)
		b.statement.Results = append(b.statement.Results, &starknet.Result{Receipt: out.Receipt, Diff: digest})
	}
	return blocks
}

// TestBlockifierIsProved checks that the OS program runs every transaction of the case files that is not rejected, several blocks at a time,
// and that the statement accepts what blockifier says of it (TestBlockifier compares the two). Only an aborted __execute__ is unproven.
func TestBlockifierIsProved(t *testing.T) {
	dir := golden.Corpus(t, "blockifier")
	files, err := filepath.Glob(filepath.Join(dir, "*.json.gz"))
	if err != nil || len(files) != caseFiles {
		t.Fatalf("%d case files (%v), want %d", len(files), err, caseFiles)
	}
	const maxSteps = 1 << 21
	classes := executor.NewClasses(nil)
	total, tooLong, aborted, syscalls := 0, 0, 0, map[cairo.Selector]int{}
	for _, file := range files {
		c, err := ReadCase(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := provedBlocks(t, classes, c)
		var steps, words uint64
		n := 0
		for len(blocks) > 0 {
			// One run has blocks with ascending numbers.
			count := 1
			for count < len(blocks) && blocks[count].os.Number > blocks[count-1].os.Number {
				count++
			}
			var run []*cairoos.Block
			for _, b := range blocks[:count] {
				run = append(run, b.os)
			}
			var claims []*statement.Claim
			unproven, err := cairoos.RunParts(run, cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: maxSteps}, func(p cairoos.Part) error {
				claim, err := statement.ReadClaim(publicInput(p.Trace))
				if err != nil {
					return err
				}
				steps, words = steps+p.Trace.Public.Steps, words+uint64(len(claim.Output))
				claims = append(claims, claim)
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				break
			}
			for _, u := range unproven {
				b := blocks[u.Block]
				long, ok := errors.AsType[*cairoos.TooLongError](u.Err)
				if !ok {
					t.Errorf("%s: %v", c.Name, u.Err)
					continue
				}
				tooLong++
				diff, err := b.diffs[u.Transaction].MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				b.statement.Unproven = append(b.statement.Unproven, statement.Unproven{Index: u.Transaction, Reason: statement.Reason{MaxSteps: long.MaxSteps}, Diff: diff})
			}
			var list []*statement.Block
			var states []statement.State
			for _, b := range blocks[:count] {
				list, states = append(list, b.statement), append(states, b.before)
				for _, tx := range b.os.Transactions {
					for _, call := range tx.Calls {
						countSyscalls(call, syscalls)
					}
				}
			}
			outcomes, err := statement.CheckBlocks(claims, list, states)
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			for _, outcome := range outcomes {
				n += len(outcome.Transactions)
				for _, tx := range outcome.Transactions {
					switch {
					case len(tx.UnprovenParts) == 1 && tx.UnprovenParts[0] == "__execute__, which was aborted":
						aborted++
					case tx.Unproven != nil && tx.Unproven.MaxSteps == maxSteps:
					case len(tx.UnprovenParts) > 0 || tx.Unproven != nil:
						t.Errorf("%s: transaction %v: unproven parts %v, %v", c.Name, tx.Hash, tx.UnprovenParts, tx.Unproven)
					}
				}
			}
			blocks = blocks[count:]
		}
		total += n
		t.Logf("%s: %d transactions, %d steps, %d words", c.Name, n, steps, words)
	}
	t.Logf("%d transactions, of which %d have an aborted __execute__ and %d are too long; syscalls %v", total, aborted, tooLong, syscalls)
	if total < 1000 || aborted > total/4 || tooLong > 10 {
		t.Errorf("%d transactions, of which %d have an aborted __execute__ and %d are too long", total, aborted, tooLong)
	}
	for _, selector := range []cairo.Selector{cairo.MetaTxV0, cairo.Sha256ProcessBlock, cairo.Secp256k1Mul, cairo.Secp256r1GetPointFromX, cairo.Deploy, cairo.ReplaceClass} {
		if syscalls[selector] == 0 {
			t.Errorf("no transaction makes the syscall %s", selector)
		}
	}
}

// countSyscalls counts the syscalls of a call and of its inner calls.
func countSyscalls(e *cairo.CallTrace, counts map[cairo.Selector]int) {
	for i := range e.Syscalls {
		counts[e.Syscalls[i].Selector]++
		if inner := e.Syscalls[i].Inner; inner != nil {
			countSyscalls(inner, counts)
		}
	}
}

func publicInput(trace *cairo.Trace) *statement.PublicInput {
	in := &statement.PublicInput{Layout: trace.Public.Layout}
	for _, s := range trace.Public.Segments {
		in.Segments = append(in.Segments, statement.Segment(s))
	}
	for _, cell := range trace.Public.Memory {
		in.Memory = append(in.Memory, statement.Cell{Address: cell.Address, Value: cell.Value})
	}
	return in
}

// stwoParameters are those of S-two in production, with the smallest preprocessed columns.
const stwoParameters = `{"channel_hash":"blake2s","channel_salt":0,"pcs_config":{"pow_bits":26,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":70,"fold_step":3},"lifting_log_size":null},"preprocessed_trace":"canonical_small","store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`

// TestBlockifierByStwo proves the cases that use every builtin and syscall by S-two's system, and replays the claims of the proofs. StarkWare's
// verifier judges the proofs too if STARKD_STWO_JUDGE is the path of stwo-judge.
func TestBlockifierByStwo(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("proofs of blocks by S-two: set STARKD_FULL=1 (make test-full)")
	}
	dir := golden.Corpus(t, "blockifier")
	params, err := stwo.ParseParams([]byte(stwoParameters))
	if err != nil {
		t.Fatal(err)
	}
	p, err := stwo.NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	classes := executor.NewClasses(nil)
	for _, name := range []string{"features", "crypto", "meta", "corpus"} {
		t.Run(name, func(t *testing.T) {
			c, err := ReadCase(filepath.Join(dir, name+".json.gz"))
			if err != nil {
				t.Fatal(err)
			}
			blocks := provedBlocks(t, classes, c)
			for i, b := range blocks {
				if i > 0 && b.os.Number <= blocks[i-1].os.Number {
					t.Fatalf("block %d follows %d", b.os.Number, blocks[i-1].os.Number)
				}
			}
			var run []*cairoos.Block
			for _, b := range blocks {
				run = append(run, b.os)
			}
			trace, err := cairoos.Run(run, cairoos.Options{Layout: cairoos.LayoutStwo})
			if err != nil {
				t.Fatal(err)
			}
			input, err := adapter.FromTrace(trace)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := prover.ProveStwo(t.Context(), p, input, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range proof.Claim.Tables {
				t.Logf("%s: 2^%d", table.Component.Name, table.LogSize)
			}
			public := &proof.Claim.Public
			claim, err := statement.StwoClaim(public.ProgramWords(), public.OutputWords(), uint64(public.Final.AP))
			if err != nil {
				t.Fatal(err)
			}
			var list []*statement.Block
			var states []statement.State
			for _, b := range blocks {
				list, states = append(list, b.statement), append(states, b.before)
			}
			if _, err := statement.CheckBlocks([]*statement.Claim{claim}, list, states); err != nil {
				t.Error(err)
			}
			t.Logf("%d steps, %d words, %d bytes", trace.Public.Steps, len(claim.Output), len(proof.AppendBinary(nil)))
			judge := os.Getenv("STARKD_STWO_JUDGE")
			if judge == "" {
				return
			}
			file := filepath.Join(t.TempDir(), "proof.json")
			if err := os.WriteFile(file, proof.AppendJSON(nil, false), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), judge, file).CombinedOutput()
			if t.Logf("%.60s", out); err != nil {
				t.Errorf("StarkWare's verifier: %v", err)
			}
		})
	}
}
