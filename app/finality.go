package app

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/finality"
)

// This file makes the validators' statements about proofs (package finality) part of blocks and of the state. A proposer carries the statements
// of the votes for the previous block as the first transaction of its block, if they raise the proved height. Without them a block is valid
// too, so a proposer can at most delay the rise until the next block.

// LastCommit is the votes that decided the block before, in the order of the validator set.
type LastCommit struct {
	Round uint32
	Votes []LastVote
}

// LastVote is a validator's vote for the block before.
type LastVote struct {
	Address []byte // of the validator
	Power   int64
	Signed  bool // voted for the block
	// Extension and Signature are the vote's extension and the signature of it. Only the next proposer has them. CometBFT verifies the
	// signature, but it does not show every extension to VerifyVoteExtension, so the extension may be any bytes.
	Extension, Signature []byte
}

// Proved returns the height up to which validators with more than two thirds of the power had verified proofs when block at was decided. It
// returns false on a chain whose validators do not vote about proofs.
func (a *App) Proved(at uint64) (height uint64, ok bool, err error) {
	if g := a.genesis.Load(); g == nil || !g.ProofVotes {
		return 0, false, nil
	}
	height, err = provedHeight(a.store.At(at))
	return height, true, err
}

// provedHeight reads the proved height of a state.
func provedHeight(st state.Reader) (uint64, error) {
	value, err := st.StorageAt(finality.Address, finality.Slot)
	if err != nil {
		return 0, err
	}
	if !value.IsUint64() { // only recordVotes writes the slot
		return 0, fmt.Errorf("app: the stored proved height is %v", value)
	}
	return value.Uint64(), nil
}

// recordVotes runs the validators' statements at the beginning of a block. It rejects statements that are not those of the votes for the block
// before, and statements that do not raise the proved height.
func (r *run) recordVotes(raw []byte) error {
	refuse := func(err error) error { return reject(executor.UnexpectedError, err.Error()) }
	g := r.app.genesis.Load()
	commit, err := finality.ParseCommit(raw, len(g.Validators.Validators()))
	if err != nil {
		return refuse(err)
	}
	proved, err := g.Validators.Check(g.ChainID, r.block.Height-1, commit)
	if err != nil {
		return refuse(err)
	}
	current, err := provedHeight(r.overlay)
	if err != nil {
		return err
	}
	if proved <= current {
		return refuse(fmt.Errorf("statements that prove block %d, which is not above the proved height %d", proved, current))
	}
	r.overlay.SetStorage(finality.Address, finality.Slot, felt.FromUint64(proved))
	r.results = append(r.results, TxResult{Data: finality.Result(proved)})
	return nil
}

// carryVotes begins a proposal with the statements of the last commit, if there are any that raise the proved height. It leaves out malformed
// statements, because another validator's mistake must not make this node's proposal invalid.
func (p *proposal) carryVotes(last *LastCommit) error {
	g := p.app.genesis.Load()
	if !g.ProofVotes || last == nil || p.run.block.Height < 2 || last.check(g.Validators) != nil {
		return nil
	}
	voted := p.run.block.Height - 1
	commit := &finality.Commit{Round: last.Round, Statements: make([]*finality.Statement, len(last.Votes))}
	for i := range last.Votes {
		if s := last.Votes[i].statement(); s != nil && g.Validators.CheckStatement(g.ChainID, voted, last.Round, i, s) == nil {
			commit.Statements[i] = s
		}
	}
	raw := commit.Encode()
	size := protoBytes(raw)
	if size > p.left {
		return nil
	}
	if err := p.run.recordVotes(raw); err != nil {
		if _, ok := errors.AsType[*executor.Rejection](err); ok { // they do not raise the height
			return nil
		}
		return err
	}
	p.txs, p.left = append(p.txs, raw), p.left-size
	return nil
}

// statement returns the statement of a vote, or nil if it has none that is well-formed.
func (v *LastVote) statement() *finality.Statement {
	height, err := finality.ParseExtension(v.Extension)
	s := &finality.Statement{Height: height}
	if err != nil || !v.Signed || len(v.Signature) != len(s.Signature) {
		return nil
	}
	copy(s.Signature[:], v.Signature)
	return s
}

// check compares the validators of a commit with those of the genesis.
func (c *LastCommit) check(set *finality.Set) error {
	validators := set.Validators()
	if len(c.Votes) != len(validators) {
		return fmt.Errorf("app: the last commit has %d votes, the genesis %d validators", len(c.Votes), len(validators))
	}
	for i := range validators {
		v, vote := &validators[i], &c.Votes[i]
		if !bytes.Equal(v.Address(), vote.Address) || v.Power != vote.Power {
			return fmt.Errorf("app: vote %d of the last commit is of validator %X of power %d, the genesis has %X of power %d", i, vote.Address, vote.Power, v.Address(), v.Power)
		}
	}
	return nil
}

// checkVotes compares the statements at the beginning of a proposed block, if it has any, with the votes that CometBFT has verified: the round,
// the validators, and who voted. It returns the number of transactions that are statements, 0 or 1. The run of the block checks the rest.
func (a *App) checkVotes(b *Block) (int, error) {
	g := a.genesis.Load()
	if !g.ProofVotes || len(b.Txs) == 0 || !finality.IsCommit(b.Txs[0]) {
		return 0, nil
	}
	commit, err := finality.ParseCommit(b.Txs[0], len(g.Validators.Validators()))
	if err != nil {
		return 0, fmt.Errorf("app: block %d: %w", b.Height, err)
	}
	if b.LastCommit == nil {
		return 0, fmt.Errorf("app: block %d has statements, but no votes for the block before", b.Height)
	}
	if err := b.LastCommit.check(g.Validators); err != nil {
		return 0, err
	}
	if commit.Round != b.LastCommit.Round {
		return 0, fmt.Errorf("app: block %d has statements of round %d, the block before was decided in round %d", b.Height, commit.Round, b.LastCommit.Round)
	}
	for i, s := range commit.Statements {
		if s != nil && !b.LastCommit.Votes[i].Signed {
			return 0, fmt.Errorf("app: block %d has a statement of validator %X, who did not vote for the block before", b.Height, b.LastCommit.Votes[i].Address)
		}
	}
	return 1, nil
}

// reopenBlock makes the changes that precede the transactions of a stored block, for a second execution of them. The proved height is that
// after the block, since no transaction changes it.
func (a *App) reopenBlock(st *state.Overlay, height uint64) error {
	if err := a.openBlock(st, height); err != nil {
		return err
	}
	proved, ok, err := a.Proved(height)
	if ok && err == nil && proved > 0 {
		st.SetStorage(finality.Address, finality.Slot, felt.FromUint64(proved))
	}
	return err
}
