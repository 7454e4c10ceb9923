package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/headers"
)

func newVerifyCommand() *cobra.Command {
	var chainID, tx, header, validators string
	var block int64
	var minBits uint
	var stone5 bool
	cmd := &cobra.Command{
		Use:   "verify FILE|URL",
		Short: "Check a proof: of a block, against what validators signed, or a bare Stone proof",
		Long: `Check a proof.

A block's proof (from the watcher's REST) is held against what you trust: --validators, a genesis file whose validators must
have signed the block's headers, or --trusted-header, the hash of the header after the block. Nothing else in the file is
trusted. A Stone proof file is checked as such, and reported as program hash, output and security.`,
		Args: exactArgs("FILE|URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := fetch(cmd, args[0])
			if err != nil {
				return err
			}
			defer boundMemory(len(data))()
			proof, err := prover.ParseBlockProof(data)
			if errors.Is(err, prover.ErrNotBlockProof) {
				if chainID != "" || tx != "" || header != "" || validators != "" || block >= 0 {
					if _, stoneErr := prover.ParseProof(data); stoneErr != nil {
						return withHint(err, "the file is neither a block's proof nor a Stone proof")
					}
					return withHint(err, "a bare Stone proof says nothing of chains, blocks and transactions: leave --chain-id, --tx, --block, --validators and --trusted-header out")
				}
				return verifyStone(cmd, data, minBits, stone5)
			}
			if err != nil {
				return withHint(err, "the file is damaged or was changed: fetch it again")
			}
			trust := &headers.Trust{ChainID: chainID}
			if validators != "" {
				file, err := readFile(cmd, validators, maxGenesisFile)
				if err != nil {
					return fmt.Errorf("--validators: %w", err)
				}
				if trust.Genesis, err = headers.ParseGenesis(file); err != nil {
					return fmt.Errorf("--validators %s: %w", validators, err)
				}
			}
			if header != "" {
				if trust.Header, err = hex.DecodeString(strings.TrimPrefix(header, "0x")); err != nil || len(trust.Header) != 32 {
					return usagef("--trusted-header %.80q is not 64 hexadecimal digits", header)
				}
			}
			if trust.Genesis == nil && trust.Header == nil {
				return usagef("a block's proof needs something to trust: --validators genesis.json or --trusted-header HASH")
			}
			return verifyBlock(cmd, proof, trust, block, tx, minBits)
		},
	}
	f := cmd.Flags()
	f.StringVar(&chainID, "chain-id", "", "refuse a proof of another chain")
	f.StringVar(&tx, "tx", "", "refuse a proof that does not cover this transaction")
	f.Int64Var(&block, "block", -1, "refuse a proof of another block")
	f.StringVar(&header, "trusted-header", "", "hash of the header after the block, from a source you trust")
	f.StringVar(&validators, "validators", "", "genesis file whose validators you trust")
	f.UintVar(&minBits, "min-security", prover.DefaultMinBits, "least bits of security")
	f.BoolVar(&stone5, "stone5", false, "also accept bare proofs by Stone v2")
	return cmd
}

// maxGenesisFile bounds a genesis file: its classes are the larger part.
const maxGenesisFile = 256 << 20

func verifyBlock(cmd *cobra.Command, proof *prover.BlockProof, trust *headers.Trust, block int64, tx string, minBits uint) error {
	started := time.Now()
	if block >= 0 && proof.Block != uint64(block) {
		return withHint(fmt.Errorf("the proof is of block %d, not of %d", proof.Block, block), "GET /v1/blocks/%d/proof of a watcher has the other", block)
	}
	anchor, err := headers.Verify(proof, trust)
	if err != nil {
		return withHint(err, "the headers in the file are not those of the chain that you trust: compare the genesis file or the header with a source of your own")
	}
	verdict, err := prover.VerifyBlock(proof, anchor, prover.Policy{MinBits: minBits})
	if err != nil {
		return withHint(err, "nothing of a refused proof is to be believed; the watcher that made it can be asked again")
	}
	if tx != "" {
		hash, err := felt.FromHex(tx)
		if err != nil {
			return usagef("--tx: %v", err)
		}
		if err := covers(verdict.Outcome.Transactions, proof.Block, hash); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	trusted := "header " + hex.EncodeToString(trust.Header)
	if trust.Header == nil {
		trusted = fmt.Sprintf("the %d validators of the genesis", trust.Genesis.Validators.Len())
	}
	fmt.Fprintf(out, "valid: block %d of chain %s\n", proof.Block, proof.Chain)
	fmt.Fprintf(out, "  trusted       %s\n", trusted)
	fmt.Fprintf(out, "  state         %v → %v\n", anchor.Before, anchor.After)
	fmt.Fprintf(out, "  program       %v (starkd OS)\n", prover.OSProgramHash)
	fmt.Fprintf(out, "  proofs        %d, layout %s, %d steps, %d bits of security\n", len(proof.Proofs), verdict.Layout, verdict.Steps, verdict.Bits)
	listTransactions(out, verdict.Outcome.Transactions)
	if verdict.Rejected > 0 {
		fmt.Fprintf(out, "  rejected      %d transactions of the block did nothing\n", verdict.Rejected)
	}
	fmt.Fprintf(out, "  checked in    %v\n", time.Since(started).Round(time.Millisecond))
	return nil
}

// covers refuses a transaction that a block's proof says nothing of: one of another block, or one that could not be proved.
func covers(transactions []prover.TransactionOutcome, block uint64, hash felt.Felt) error {
	i := slices.IndexFunc(transactions, func(t prover.TransactionOutcome) bool { return t.Hash == hash })
	if i < 0 {
		return withHint(fmt.Errorf("the proof of block %d does not cover transaction %v", block, hash), "GET /v1/proofs/%v of a watcher says which block's proof does", hash)
	}
	if reason := transactions[i].Uncovered; reason != nil {
		return withHint(fmt.Errorf("the proof of block %d does not cover transaction %v: %v", block, hash, reason),
			"what it did is known by the validators' signatures alone; without --tx the rest of the block is checked")
	}
	return nil
}

// listTransactions says of each transaction what is proved, or why nothing is.
func listTransactions(out io.Writer, transactions []prover.TransactionOutcome) {
	for _, t := range transactions {
		status := "succeeded"
		if t.Reverted {
			status = "reverted"
		}
		if t.Uncovered != nil {
			fmt.Fprintf(out, "  not covered   %v %s, fee %v FRI, %d events, as signed by the validators: %v\n",
				t.Hash, status, t.Fee.BigInt(), len(t.Events), t.Uncovered)
			continue
		}
		var covered []string
		for _, call := range t.Calls {
			covered = append(covered, call.Kind.String())
		}
		fmt.Fprintf(out, "  transaction   %v %s, fee %v FRI, %d events; covered: %s; not covered: %s\n",
			t.Hash, status, t.Fee.BigInt(), len(t.Events), list(covered), list(t.NotCovered))
	}
}

// refusal is a proof's refusal with the flag that would change it, where there is one.
func refusal(err error, proof *prover.Proof, minBits uint, stone5 bool) error {
	switch bits := proof.Parameters.SecurityBits(); {
	case bits < minBits:
		return withHint(err, "--min-security %d accepts it, if that is enough for you", bits)
	case !stone5:
		return withHint(err, "nothing of a refused proof is to be believed; if it is by Stone v2 (stone5), --stone5 judges it as such")
	}
	return withHint(err, "nothing of a refused proof is to be believed")
}

func list(items []string) string {
	if len(items) == 0 {
		return "nothing"
	}
	return strings.Join(items, ", ")
}

func verifyStone(cmd *cobra.Command, data []byte, minBits uint, stone5 bool) error {
	proof, err := prover.ParseProof(data)
	if err != nil {
		return err
	}
	policy := prover.Policy{MinBits: minBits}
	if stone5 {
		policy.Versions = []prover.Version{prover.Stone6, prover.Stone5}
	}
	claim, err := prover.Verify(proof, policy)
	if err != nil {
		return refusal(err, proof, minBits, stone5)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "valid: a run of a Cairo program\n")
	fmt.Fprintf(out, "  program hash  %v\n", claim.ProgramHash)
	fmt.Fprintf(out, "  output        %d felts\n", len(claim.Output))
	for i, word := range claim.Output {
		if i == 32 {
			fmt.Fprintf(out, "                … %d more\n", len(claim.Output)-i)
			break
		}
		fmt.Fprintf(out, "                %v\n", word)
	}
	fmt.Fprintf(out, "  layout        %s, %d steps\n", claim.Layout, claim.Steps)
	fmt.Fprintf(out, "  security      %d bits (%v)\n", claim.Bits, claim.Version)
	return nil
}
