package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
)

// trust is what the user of a page trusts and requires of a proof.
type trust struct {
	Genesis       json.RawMessage `json:"genesis"`         // the chain's genesis file, whose validators must have signed the headers
	Header        string          `json:"header"`          // hash of the header after the block; if set, it is used instead of Genesis
	MinBits       *uint16         `json:"min_bits"`        // minimal conjectured security; absent means prover.DefaultMinBits
	MinProvenBits uint            `json:"min_proven_bits"` // minimal proven security
	Program       string          `json:"program"`         // reject a proof of a program with another hash
	ProgramFile   json.RawMessage `json:"program_file"`    // reject a proof of a program other than that of this file
	Tx            string          `json:"tx"`              // reject a proof that does not cover this transaction
	Block         *uint64         `json:"block"`           // reject a proof of another block
}

// answer is the result of a call. Unless the proof is valid, only Verdict and Error are set.
type answer struct {
	OK      bool   `json:"ok"`      // the proof is valid
	Verdict string `json:"verdict"` // "valid", "refused" or "could not check"
	Error   string `json:"error,omitempty"`
	*verdict
}

// An uncheckedError says that the proof could not be checked: the trusted data is missing or malformed, or the file is not a proof. It says
// nothing about the proof.
type uncheckedError struct{ error }

func (e *uncheckedError) Unwrap() error { return e.error }

func uncheckedf(format string, args ...any) error {
	return &uncheckedError{fmt.Errorf(format, args...)}
}

// verdict describes a valid proof, in the words of `starkd verify`.
type verdict struct {
	Kind         string        `json:"kind"` // block, stone or stwo
	Chain        string        `json:"chain,omitempty"`
	Block        uint64        `json:"block,omitempty"`
	Last         uint64        `json:"last,omitempty"` // last block of the proof
	Trusted      string        `json:"trusted"`
	Signed       bool          `json:"signed"` // the validators' signatures were checked
	StateBefore  string        `json:"state_before,omitempty"`
	StateAfter   string        `json:"state_after,omitempty"`
	Program      felt.Felt     `json:"program"` // its hash
	Named        bool          `json:"named"`   // the user required this program
	Builtins     []string      `json:"builtins,omitempty"`
	Alternatives [][]string    `json:"alternatives,omitempty"` // see prover.Claim
	Output       []felt.Felt   `json:"output,omitempty"`
	Proofs       int           `json:"proofs"`
	Layout       string        `json:"layout"`
	Steps        uint64        `json:"steps"`
	Bits         uint          `json:"bits"`        // conjectured security
	ProvenBits   uint          `json:"proven_bits"` // proven security
	Rejected     int           `json:"rejected"`
	Transactions []transaction `json:"transactions,omitempty"`
	Milliseconds int64         `json:"milliseconds"`
}

// transaction is the part of a verdict about one transaction.
type transaction struct {
	Hash          felt.Felt `json:"hash"`
	Status        string    `json:"status"` // succeeded or reverted
	Fee           string    `json:"fee"`    // FRI, in decimal digits
	Events        int       `json:"events"`
	Proven        []string  `json:"covered"`
	UnprovenParts []string  `json:"not_covered"`
	Unproven      string    `json:"uncovered,omitempty"` // why no proof covers it; empty if one does
}

// respond returns judge's result as an answer in JSON. A panic gives an answer too.
func respond(judge func() (*verdict, error)) (text string) {
	defer func() {
		if fault := recover(); fault != nil {
			text = encode(answer{Verdict: "could not check", Error: fmt.Sprintf("the verifier failed, which says nothing about the proof: %v", fault)})
		}
	}()
	started := time.Now()
	v, err := judge()
	if err != nil {
		if _, ok := errors.AsType[*uncheckedError](err); ok {
			return encode(answer{Verdict: "could not check", Error: err.Error()})
		}
		return encode(answer{Verdict: "refused", Error: err.Error()})
	}
	v.Milliseconds = time.Since(started).Milliseconds()
	return encode(answer{OK: true, Verdict: "valid", verdict: v})
}

func encode(a answer) string {
	text, err := json.Marshal(a)
	if err != nil {
		return `{"ok":false,"verdict":"could not check","error":"the answer cannot be encoded"}`
	}
	return string(text)
}

// verify verifies a block's proof or a bare proof of Stone or S-two.
func verify(data []byte, trusted string) (*verdict, error) {
	var t trust
	if err := jsonv2.Unmarshal([]byte(trusted), &t, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, uncheckedf("trust: %w", bounded.Fault(err))
	}
	policy, err := t.policy()
	if err != nil {
		return nil, err
	}
	proof, err := block.Parse(data)
	if errors.Is(err, block.ErrNotBundle) {
		isStone, isStwo := stone.IsProof(data), stwo.IsProof(data)
		if !isStone && !isStwo {
			return nil, uncheckedf("the file is neither a block's proof nor a proof of Stone or S-two")
		}
		if t.Tx != "" || t.Block != nil {
			return nil, errors.New("not a block's proof: only such a proof is about blocks and transactions")
		}
		if isStone {
			return verifyStone(data, policy)
		}
		return verifyStwo(data, policy)
	}
	if err != nil {
		return nil, err
	}
	return verifyBlock(proof, &t, policy)
}

// policy returns the requirements that apply to any proof.
func (t *trust) policy() (policy prover.Policy, err error) {
	policy.MinProvenBits = t.MinProvenBits
	if t.MinBits != nil {
		if policy.MinBits = int(*t.MinBits); policy.MinBits == 0 {
			policy.MinBits = prover.AnyBits
		}
	}
	var hash felt.Felt
	switch {
	case t.Program != "":
		if hash, err = felt.FromHex(t.Program); err != nil {
			return policy, uncheckedf("program hash: %w", err)
		}
	case len(t.ProgramFile) > 0 && string(t.ProgramFile) != "null":
		program, err := prover.ParseProgram(t.ProgramFile)
		if err != nil {
			return policy, &uncheckedError{err}
		}
		hash = program.Hash()
	default:
		return policy, nil
	}
	policy.Program = &hash
	return policy, nil
}

func verifyBlock(proof *block.Bundle, t *trust, policy prover.Policy) (*verdict, error) {
	if t.Block != nil && !proof.Has(*t.Block) {
		return nil, fmt.Errorf("the proof is of block %d, not of %d", proof.Block, *t.Block)
	}
	from, err := t.headers()
	if err != nil {
		return nil, &uncheckedError{err}
	}
	if err := from.CheckChain(proof); err != nil {
		return nil, &uncheckedError{err}
	}
	anchors, err := headers.VerifyRange(proof, from)
	if err != nil {
		return nil, err
	}
	shown, err := block.VerifyRange(proof, anchors, policy)
	if err != nil {
		return nil, err
	}
	v := &verdict{
		Kind: "block", Chain: proof.Chain, Block: proof.Block, Last: proof.Last(), Trusted: from.String(), Signed: len(from.Header) == 0, Named: policy.Program != nil,
		StateBefore: anchors[0].Before.String(), StateAfter: anchors[len(anchors)-1].After.String(), Program: shown.Format.ProgramHash(),
		Proofs: len(proof.Proofs), Layout: shown.Layout, Steps: shown.Steps, Bits: shown.Security.Conjectured, ProvenBits: shown.Security.Proven,
	}
	for _, one := range shown.Blocks {
		v.Rejected += one.Rejected
		for i := range one.Outcome.Transactions {
			v.Transactions = append(v.Transactions, describe(&one.Outcome.Transactions[i]))
		}
	}
	if t.Tx != "" {
		hash, err := felt.FromHex(t.Tx)
		if err != nil {
			return nil, uncheckedf("transaction %.80q: %w", t.Tx, err)
		}
		if err := shown.Covers(anchors, hash); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// headers returns the trust against which the block's headers are verified.
func (t *trust) headers() (*headers.Trust, error) {
	from := new(headers.Trust)
	var err error
	if len(t.Genesis) > 0 && string(t.Genesis) != "null" {
		if from.Genesis, err = headers.ParseGenesis(t.Genesis); err != nil {
			return nil, err
		}
	}
	if t.Header != "" {
		if from.Header, err = headers.ParseHash(t.Header); err != nil {
			return nil, fmt.Errorf("the trusted header %w", err)
		}
		return from, nil
	}
	if from.Genesis == nil {
		return nil, errors.New("a block's proof needs something to trust: a genesis or the hash of a header")
	}
	return from, nil
}

// describe returns the proved and unproven parts of a transaction, or the reason why it is unproven.
func describe(t *statement.TransactionOutcome) transaction {
	d := transaction{
		Hash: t.Hash, Status: t.Status(), Fee: t.Fee.BigInt().String(), Events: len(t.Events),
		Proven: t.Proven(), UnprovenParts: append([]string{}, t.UnprovenParts...),
	}
	if t.Unproven != nil {
		d.Unproven = t.Unproven.String()
	}
	return d
}

func verifyStone(data []byte, policy prover.Policy) (*verdict, error) {
	proof, err := stone.ParseProof(data)
	if err != nil {
		return nil, err
	}
	claim, err := prover.Verify(proof, policy)
	if err != nil {
		return nil, err
	}
	return bare("stone", claim), nil
}

func verifyStwo(data []byte, policy prover.Policy) (*verdict, error) {
	proof, err := stwo.Parse(data)
	if err != nil {
		return nil, err
	}
	claim, err := prover.VerifyStwo(proof, policy)
	if err != nil {
		return nil, err
	}
	return bare("stwo", claim), nil
}

// bare returns the verdict on a proof that is not of a block.
func bare(kind string, claim *prover.Claim) *verdict {
	return &verdict{
		Kind: kind, Trusted: "nothing: a bare proof is not about a chain", Program: claim.ProgramHash, Named: claim.Named,
		Builtins: claim.Program.Builtins, Alternatives: claim.Alternatives, Output: claim.Output,
		Proofs: 1, Layout: claim.Layout, Steps: claim.Steps, Bits: claim.Security.Conjectured, ProvenBits: claim.Security.Proven,
	}
}
