package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/download"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
)

// verdictError is the answer of verify to a proof that is not valid, or that it could not check.
type verdictError struct {
	error
	word   string
	status int
}

func (e *verdictError) Unwrap() error { return e.error }

// Verdict returns the word of the report and the exit status.
func (e *verdictError) Verdict() (word string, status int) { return e.word, e.status }

// refused returns the verdict that the proof was checked and is invalid, or is not of what the flags demand.
func refused(err error) error { return &verdictError{err, "refused", 1} }

// unchecked returns the verdict that the proof was not checked, because an input of the check is missing or malformed.
func unchecked(err error) error { return &verdictError{err, "could not check", 3} }

// verifyFlags are the flags of `starkd verify`: what to trust and what to demand.
type verifyFlags struct {
	chainID, tx, header, validators, program string
	block                                    int64
	minBits                                  int
	minProven                                uint
	stone5                                   bool
}

func newVerifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE|URL",
		Short: "Verify the proof of a block, or a bare proof of Stone or S-two",
		Long: `Verify the proof of a block, or a bare proof of Stone or S-two. FILE may be "-" for standard input. The answer is one of these:

  valid                    exit status 0; standard output says what the proof shows
  refused: REASON          exit status 1; the proof is damaged or forged, or is not of what the flags demand
  could not check: REASON  exit status 3; the proof, or a file that a flag names, is missing or malformed

A watcher serves the proof of block N at /v1/blocks/N/proof. To verify it, name what you trust:

  --validators FILE        a genesis file; its validators must have signed the headers of the block
  --trusted-header HASH    the hash of the header after the block; signatures are then not checked

Nothing else is trusted: neither the watcher nor anything in the proof file.

A bare proof shows a run of a Cairo program. The answer is its program hash, builtins, output and security. --program demands a
program, by its compiled file or by the hash that cairo-hash-program prints. Proofs of S-two may be in StarkWare's JSON or binary
form, in the list of felts for Cairo verifiers, or in starkd's binary form; their program hash is that of StarkWare's verifiers.

Security is in bits: each bit doubles the work of making a false proof. Conjectured bits assume that no attack is better than
those known today; proven bits follow from theorems.`,
		Args: exactArgs("FILE|URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.minBits < 0 {
				return usagef("--min-security %d is negative", f.minBits)
			}
			return f.verify(cmd, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.chainID, "chain-id", "", "demand a proof of this chain")
	flags.StringVar(&f.tx, "tx", "", "demand a proof that covers the transaction with this hash")
	flags.Int64Var(&f.block, "block", -1, "demand a proof of the block with this number; -1 is any block")
	flags.StringVar(&f.header, "trusted-header", "", "hash of the header after the block, from a source that you trust")
	flags.StringVar(&f.validators, "validators", "", "genesis file with the validators that you trust")
	flags.StringVar(&f.program, "program", "", "demand a proof of this program: its hash, or the file that cairo-compile made")
	flags.IntVar(&f.minBits, "min-security", prover.DefaultMinBits, "smallest conjectured security to accept, in bits; from 80 on, the parameters of the proof are also bounded")
	flags.UintVar(&f.minProven, "min-proven-security", 0, "smallest proven security to accept, in bits")
	flags.BoolVar(&f.stone5, "stone5", false, "also accept bare proofs made by Stone v2")
	return cmd
}

// verify verifies the proof at a path or URL. Its error is a verdictError or a usageError.
func (f *verifyFlags) verify(cmd *cobra.Command, from string) error {
	policy := prover.Policy{MinBits: f.minBits, MinProvenBits: f.minProven}
	if f.minBits == 0 {
		policy.MinBits = prover.AnyBits
	}
	if f.program != "" {
		var err error
		if policy.Program, err = programHash(cmd, f.program); err != nil {
			return err
		}
	}
	trust := &headers.Trust{ChainID: f.chainID}
	if f.validators != "" {
		file, err := readFile(cmd, f.validators, maxGenesisFile)
		if err != nil {
			return unchecked(fmt.Errorf("--validators: %w", err))
		}
		if trust.Genesis, err = headers.ParseGenesis(file); err != nil {
			return unchecked(hint.With(fmt.Errorf("--validators %s: %w", f.validators, err), "--validators takes the genesis file of the chain; a watcher serves its own at /genesis.json"))
		}
	}
	if f.header != "" {
		var err error
		if trust.Header, err = headers.ParseHash(f.header); err != nil {
			return usagef("--trusted-header %v", err)
		}
	}
	data, err := fetch(cmd, from)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			advice := "the proof could not be read, so it may be valid or not"
			if strings.Contains(err.Error(), `status "404`) {
				advice = "the block may not be proved yet: the watcher's /v1/status says how far proving has come"
			}
			err = hint.With(err, "%s", advice)
		}
		return unchecked(err)
	}
	defer boundMemory(len(data))()
	proof, err := block.Parse(data)
	if errors.Is(err, block.ErrNotBundle) {
		isStone := stone.IsProof(data)
		isStwo := !isStone && stwo.IsProof(data)
		if !isStone && !isStwo {
			return unchecked(hint.With(errors.New("the file is neither a block's proof nor a proof of Stone or S-two"), "a watcher serves proofs at /v1/blocks/NUMBER/proof and /v1/proofs/TRANSACTION/raw"))
		}
		if f.chainID != "" || f.tx != "" || f.header != "" || f.validators != "" || f.block >= 0 {
			return refused(hint.With(err, "a bare proof says nothing about chains, blocks and transactions: leave out --chain-id, --tx, --block, --validators and --trusted-header"))
		}
		if isStone {
			return f.verifyStone(cmd, data, policy)
		}
		return f.verifyStwo(cmd, data, policy)
	}
	if err != nil {
		return refused(hint.With(err, "the file is damaged or was changed: fetch it again"))
	}
	if trust.Genesis == nil && trust.Header == nil {
		return usagef("the proof of a block needs something to trust: --validators genesis.json or --trusted-header HASH")
	}
	return f.verifyBlock(cmd, proof, trust, policy)
}

// fetch returns the content of a proof file, of standard input for "-", or of a URL. It returns an error for more than
// stone.MaxProofJSON bytes, compressed or inflated.
func fetch(cmd *cobra.Command, from string) ([]byte, error) {
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		return download.Get(cmd.Context(), from, stone.MaxProofJSON)
	}
	return readFile(cmd, from, stone.MaxProofJSON)
}

// boundMemory sets the memory limit of the garbage collector for verifying a file of n bytes, so that the process stays near 8n + 64 MB.
// Without a limit the heap would grow to twice the memory in use. release restores the previous limit.
func boundMemory(n int) (release func()) {
	before := debug.SetMemoryLimit(stone.MemoryLimit(n))
	return func() { debug.SetMemoryLimit(before) }
}

// maxGenesisFile is the largest size of a genesis file in bytes. Most of it is classes.
const maxGenesisFile = 256 << 20

// programHash returns the hash of the program that --program names.
func programHash(cmd *cobra.Command, name string) (*felt.Felt, error) {
	if strings.HasPrefix(name, "0x") {
		hash, err := felt.FromHex(name)
		if err != nil {
			return nil, usagef("--program: %v", err)
		}
		return &hash, nil
	}
	data, err := readFile(cmd, name, prover.MaxProgramJSON)
	if err != nil {
		return nil, unchecked(fmt.Errorf("--program: %w", err))
	}
	program, err := prover.ParseProgram(data)
	if err != nil {
		return nil, unchecked(hint.With(fmt.Errorf("--program %s: %w", name, err), "--program takes a program that cairo-compile made, or its hash"))
	}
	hash := program.Hash()
	return &hash, nil
}

// verifyBlock verifies the proof of a block and prints what it shows.
func (f *verifyFlags) verifyBlock(cmd *cobra.Command, proof *block.Bundle, trust *headers.Trust, policy prover.Policy) error {
	started := time.Now()
	if f.block >= 0 && !proof.Has(uint64(f.block)) {
		return refused(hint.With(fmt.Errorf("the proof is of %s, not of %d", blocksOf(proof), f.block), "a watcher serves the proof of block %[1]d at /v1/blocks/%[1]d/proof", f.block))
	}
	if err := trust.CheckChain(proof); err != nil {
		return unchecked(hint.With(err, "--validators takes the genesis file of the proof's chain"))
	}
	anchors, err := headers.VerifyRange(proof, trust)
	if err != nil {
		return refused(hint.With(err, "the headers in the file are not of the chain that you trust: check the genesis file or the header hash against another source"))
	}
	verdict, err := block.VerifyRange(proof, anchors, policy)
	if err != nil {
		return refused(hint.With(err, "%s", f.hint(err)))
	}
	signed := len(trust.Header) == 0
	if f.tx != "" {
		hash, err := felt.FromHex(f.tx)
		if err != nil {
			return usagef("--tx: %v", err)
		}
		if err := covers(verdict, anchors, hash, signed); err != nil {
			return refused(err)
		}
	}
	out := cmd.OutOrStdout()
	say(out, "valid: %s of chain %s", blocksOf(proof), proof.Chain)
	say(out, "  trusted       %s", trust)
	for i, a := range anchors {
		if len(anchors) == 1 {
			say(out, "  state         %v → %v", a.Before, a.After)
		} else if i < maxStates {
			say(out, "  state         %v → %v, block %d", a.Before, a.After, a.Number)
		} else if i == maxStates {
			say(out, "                … %d more blocks", len(anchors)-i)
		}
	}
	say(out, "  program       %v (starkd OS)", verdict.Format.ProgramHash())
	say(out, "  proofs        %d, layout %s, %d steps", len(proof.Proofs), verdict.Layout, verdict.Steps)
	say(out, "  security      %v", verdict.Security)
	rejected := 0
	for _, v := range verdict.Blocks {
		listTransactions(out, v.Outcome.Transactions, signed)
		rejected += v.Rejected
	}
	if rejected > 0 {
		say(out, "  rejected      %d transactions of the block did nothing", rejected)
	}
	say(out, "  checked in    %v", time.Since(started).Round(time.Millisecond))
	return nil
}

// maxStates is the number of blocks of one proof whose states are printed.
const maxStates = 16

// blocksOf names the blocks of a proof.
func blocksOf(b *block.Bundle) string {
	switch n := len(b.Others); n {
	case 0:
		return fmt.Sprintf("block %d", b.Block)
	case int(b.Last() - b.Block):
		return fmt.Sprintf("blocks %d to %d", b.Block, b.Last())
	default:
		return fmt.Sprintf("%d blocks from %d to %d", n+1, b.Block, b.Last())
	}
}

// covers returns an error with advice if the proof of blocks does not cover a transaction.
func covers(verdict *block.Verdict, anchors []*statement.Anchor, hash felt.Felt, signed bool) error {
	err := verdict.Covers(anchors, hash)
	if uncovered, ok := errors.AsType[*statement.NotCoveredError](err); ok && uncovered.Reason != nil {
		return hint.With(err, "its effects are known only %s; verify without --tx to check the rest of the block", source(signed))
	}
	return hint.With(err, "a watcher says at /v1/proofs/%v which proof covers it", hash)
}

// source returns where the effects of an unproven transaction are known from.
func source(signed bool) string {
	if signed {
		return "as signed by the validators"
	}
	return "as bound by the header that you trust"
}

// listTransactions prints a line for each transaction: which parts are proved, or why none is.
func listTransactions(out io.Writer, transactions []statement.TransactionOutcome, signed bool) {
	for _, t := range transactions {
		if t.Unproven != nil {
			say(out, "  not covered   %v %s, fee %v FRI, %d events, %s: %v",
				t.Hash, t.Status(), t.Fee.BigInt(), len(t.Events), source(signed), t.Unproven)
			continue
		}
		say(out, "  transaction   %v %s, fee %v FRI, %d events; covered: %s; not covered: %s",
			t.Hash, t.Status(), t.Fee.BigInt(), len(t.Events), list(t.Proven(), "nothing"), list(t.UnprovenParts, "nothing"))
	}
}

// hint returns the advice for a proof that is refused: the flag that would accept it, if there is one.
func (f *verifyFlags) hint(err error) string {
	if weak, ok := errors.AsType[*prover.SecurityError](err); ok {
		switch s := weak.Security; {
		case s.Conjectured < uint(f.minBits):
			return fmt.Sprintf("--min-security %d accepts it, if that is enough for you", s.Conjectured)
		case s.Proven < f.minProven:
			return fmt.Sprintf("--min-proven-security %d accepts it, if that is enough for you", s.Proven)
		}
		return "a --min-security below 80 accepts parameters outside the bounds, if that is enough for you"
	}
	if _, ok := errors.AsType[*prover.ProgramError](err); ok {
		return "--program demands another program; without it any program is accepted, and its hash is printed"
	}
	return distrust
}

const distrust = "do not believe anything that a refused proof says"

// list returns the items separated by commas, or none if there are none.
func list(items []string, none string) string {
	if len(items) == 0 {
		return none
	}
	return strings.Join(items, ", ")
}

// verifyStone verifies a bare Stone proof and prints what it shows.
func (f *verifyFlags) verifyStone(cmd *cobra.Command, data []byte, policy prover.Policy) error {
	proof, err := stone.ParseProof(data)
	if err != nil {
		return refused(hint.With(err, "the file is damaged or was changed: fetch it again"))
	}
	if f.stone5 {
		policy.Versions = []stone.Version{stone.V6, stone.V5}
	}
	claim, err := prover.Verify(proof, policy)
	if err != nil {
		advice := f.hint(err)
		if !f.stone5 && advice == distrust {
			advice += "; if Stone v2 (stone5) made it, use --stone5"
		}
		return refused(hint.With(err, "%s", advice))
	}
	sayClaim(cmd.OutOrStdout(), claim)
	return nil
}

// verifyStwo verifies a bare proof of S-two and prints what it shows.
func (f *verifyFlags) verifyStwo(cmd *cobra.Command, data []byte, policy prover.Policy) error {
	proof, err := stwo.Parse(data)
	if err != nil {
		return refused(hint.With(err, "the file is damaged, was changed, or is of another version than "+stwo.Version))
	}
	claim, err := prover.VerifyStwo(proof, policy)
	if err != nil {
		return refused(hint.With(err, "%s", f.hint(err)))
	}
	sayClaim(cmd.OutOrStdout(), claim)
	return nil
}

// sayClaim prints the claim of a bare proof.
func sayClaim(out io.Writer, claim *prover.Claim) {
	if claim.Named {
		say(out, "valid: a run of the Cairo program that you named")
	} else {
		say(out, "valid: a run of a Cairo program; you named none (--program FILE|HASH demands one)")
	}
	say(out, "  program hash  %v", claim.ProgramHash)
	say(out, "  builtins      %s", list(claim.Program.Builtins, "none"))
	for i, names := range claim.Alternatives {
		if i == 4 {
			say(out, "                … %d more", len(claim.Alternatives)-i)
			break
		}
		say(out, "                or %s: the run did not use the builtins that differ", list(names, "none"))
	}
	say(out, "  output        %d felts", len(claim.Output))
	for i, word := range claim.Output {
		if i == 32 {
			say(out, "                … %d more", len(claim.Output)-i)
			break
		}
		say(out, "                %v", word)
	}
	say(out, "  layout        %s, %d steps", claim.Layout, claim.Steps)
	say(out, "  security      %v (%s)", claim.Security, claim.Version)
}
