package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/headers"
)

// trust is what the page's reader trusts and demands.
type trust struct {
	Genesis json.RawMessage `json:"genesis"`  // the chain's genesis file: its validators must have signed
	Header  string          `json:"header"`   // hash of the header after the block; it is taken before Genesis if both are there
	MinBits uint            `json:"min_bits"` // least security; 0 means prover.DefaultMinBits
	Tx      string          `json:"tx"`       // refuse a proof that does not cover this transaction
	Block   *uint64         `json:"block"`    // refuse a proof of another block
}

// answer is what the page is told. Of a refusal it holds Error alone.
type answer struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	*verdict
}

// verdict is what a proof shows, in the words of `starkd verify`.
type verdict struct {
	Kind         string        `json:"kind"` // block or stone
	Chain        string        `json:"chain,omitempty"`
	Block        uint64        `json:"block,omitempty"`
	Trusted      string        `json:"trusted"`
	StateBefore  string        `json:"state_before,omitempty"`
	StateAfter   string        `json:"state_after,omitempty"`
	Program      felt.Felt     `json:"program"` // hash
	Output       []felt.Felt   `json:"output,omitempty"`
	Proofs       int           `json:"proofs"`
	Layout       string        `json:"layout"`
	Steps        uint64        `json:"steps"`
	Bits         uint          `json:"bits"`
	Rejected     int           `json:"rejected"`
	Transactions []transaction `json:"transactions,omitempty"`
	Milliseconds int64         `json:"milliseconds"`
}

// transaction is what a block's proof shows of one transaction.
type transaction struct {
	Hash       felt.Felt `json:"hash"`
	Status     string    `json:"status"` // succeeded or reverted
	Fee        string    `json:"fee"`    // FRI, in decimal digits
	Events     int       `json:"events"`
	Covered    []string  `json:"covered"`
	NotCovered []string  `json:"not_covered"`
	Uncovered  string    `json:"uncovered,omitempty"` // why no proof speaks of it
}

// respond is the answer to a page, whatever the judge does: a panic is an answer too.
func respond(judge func() (*verdict, error)) (text string) {
	defer func() {
		if fault := recover(); fault != nil {
			text = encode(answer{Error: fmt.Sprintf("the verifier failed, which says nothing of the proof: %v", fault)})
		}
	}()
	started := time.Now()
	v, err := judge()
	if err != nil {
		return encode(answer{Error: err.Error()})
	}
	v.Milliseconds = time.Since(started).Milliseconds()
	return encode(answer{OK: true, verdict: v})
}

func encode(a answer) string {
	text, err := json.Marshal(a)
	if err != nil {
		return `{"ok":false,"error":"the answer cannot be written"}`
	}
	return string(text)
}

// verify judges a block's proof, or a bare Stone proof.
func verify(data []byte, trusted string) (*verdict, error) {
	var t trust
	if err := jsonv2.Unmarshal([]byte(trusted), &t, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("what is trusted: %w", err)
	}
	policy := prover.Policy{MinBits: t.MinBits}
	proof, err := prover.ParseBlockProof(data)
	if errors.Is(err, prover.ErrNotBlockProof) {
		if t.Tx != "" || t.Block != nil {
			return nil, errors.New("not a block's proof: nothing else speaks of blocks and transactions")
		}
		return verifyStone(data, policy)
	}
	if err != nil {
		return nil, err
	}
	return verifyBlock(proof, &t, policy)
}

func verifyBlock(proof *prover.BlockProof, t *trust, policy prover.Policy) (*verdict, error) {
	if t.Block != nil && proof.Block != *t.Block {
		return nil, fmt.Errorf("the proof is of block %d, not of %d", proof.Block, *t.Block)
	}
	from, trusted, err := t.headers()
	if err != nil {
		return nil, err
	}
	anchor, err := headers.Verify(proof, from)
	if err != nil {
		return nil, err
	}
	shown, err := prover.VerifyBlock(proof, anchor, policy)
	if err != nil {
		return nil, err
	}
	v := &verdict{
		Kind: "block", Chain: proof.Chain, Block: proof.Block, Trusted: trusted,
		StateBefore: anchor.Before.String(), StateAfter: anchor.After.String(), Program: prover.OSProgramHash,
		Proofs: len(proof.Proofs), Layout: shown.Layout, Steps: shown.Steps, Bits: shown.Bits, Rejected: shown.Rejected,
	}
	for i := range shown.Outcome.Transactions {
		v.Transactions = append(v.Transactions, describe(&shown.Outcome.Transactions[i]))
	}
	if t.Tx != "" {
		if err := v.covers(t.Tx); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// headers is what the block's headers are held against, and its name.
func (t *trust) headers() (*headers.Trust, string, error) {
	from := new(headers.Trust)
	var err error
	if len(t.Genesis) > 0 && string(t.Genesis) != "null" {
		if from.Genesis, err = headers.ParseGenesis(t.Genesis); err != nil {
			return nil, "", err
		}
	}
	if t.Header != "" {
		if from.Header, err = hex.DecodeString(strings.TrimPrefix(t.Header, "0x")); err != nil || len(from.Header) != 32 {
			return nil, "", fmt.Errorf("the trusted header %.80q is not 64 hexadecimal digits", t.Header)
		}
		return from, "header " + hex.EncodeToString(from.Header), nil
	}
	if from.Genesis == nil {
		return nil, "", errors.New("a block's proof needs something to trust: a genesis or the hash of a header")
	}
	return from, fmt.Sprintf("the %d validators of the genesis", from.Genesis.Validators.Len()), nil
}

// describe says of a transaction what is proved, or why nothing is.
func describe(t *prover.TransactionOutcome) transaction {
	d := transaction{
		Hash: t.Hash, Status: "succeeded", Fee: t.Fee.BigInt().String(), Events: len(t.Events),
		Covered: []string{}, NotCovered: append([]string{}, t.NotCovered...),
	}
	if t.Reverted {
		d.Status = "reverted"
	}
	if t.Uncovered != nil {
		d.Uncovered = t.Uncovered.String()
		return d
	}
	for _, call := range t.Calls {
		d.Covered = append(d.Covered, call.Kind.String())
	}
	return d
}

// covers refuses a transaction that the proof says nothing of: one of another block, or one that could not be proved.
func (v *verdict) covers(tx string) error {
	hash, err := felt.FromHex(tx)
	if err != nil {
		return fmt.Errorf("transaction %.80q: %w", tx, err)
	}
	i := slices.IndexFunc(v.Transactions, func(t transaction) bool { return t.Hash == hash })
	if i < 0 {
		return fmt.Errorf("the proof of block %d does not cover transaction %v", v.Block, hash)
	}
	if reason := v.Transactions[i].Uncovered; reason != "" {
		return fmt.Errorf("the proof of block %d does not cover transaction %v: %s", v.Block, hash, reason)
	}
	return nil
}

func verifyStone(data []byte, policy prover.Policy) (*verdict, error) {
	proof, err := prover.ParseProof(data)
	if err != nil {
		return nil, fmt.Errorf("neither a block's proof nor a Stone proof: %w", err)
	}
	claim, err := prover.Verify(proof, policy)
	if err != nil {
		return nil, err
	}
	return &verdict{
		Kind: "stone", Trusted: "nothing: a Stone proof speaks of no chain", Program: claim.ProgramHash, Output: claim.Output,
		Proofs: 1, Layout: claim.Layout, Steps: claim.Steps, Bits: claim.Bits,
	}, nil
}
