package abci

import (
	"context"
	"fmt"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cryptoenc "github.com/cometbft/cometbft/crypto/encoding"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/starknet/finality"
)

// Proofs tells up to which height this node has seen every block proved. It is called in consensus and must not block.
type Proofs interface {
	// Verified returns the height.
	Verified() uint64
}

// WithProofs sets what this node says in its votes about proofs, and returns a. Without it the node says that nothing is proved.
func (a *Application) WithProofs(p Proofs) *Application {
	a.proofs = p
	return a
}

// votesAboutProofs reports whether the validators of this chain vote about proofs.
func (a *Application) votesAboutProofs() bool {
	g := a.app.Genesis()
	return g != nil && g.ProofVotes
}

// ExtendVote returns the extension of this node's vote: the height up to which it has seen every block proved.
func (a *Application) ExtendVote(_ context.Context, r *abcitypes.RequestExtendVote) (*abcitypes.ResponseExtendVote, error) {
	if !a.votesAboutProofs() {
		return &abcitypes.ResponseExtendVote{}, nil
	}
	var verified uint64
	if a.proofs != nil {
		verified = min(a.proofs.Verified(), finality.Most(uint64(r.Height)))
	}
	return &abcitypes.ResponseExtendVote{VoteExtension: finality.Extension(verified)}, nil
}

// VerifyVoteExtension rejects another validator's extension if it is malformed or states more than can be known at its height. Consensus does
// not call it for every vote, so PrepareProposal checks again.
func (a *Application) VerifyVoteExtension(_ context.Context, r *abcitypes.RequestVerifyVoteExtension) (*abcitypes.ResponseVerifyVoteExtension, error) {
	if err := a.checkExtension(r); err != nil {
		a.log.Error("vote rejected", "height", r.Height, "validator", fmt.Sprintf("%X", r.ValidatorAddress), "reason", err)
		return &abcitypes.ResponseVerifyVoteExtension{Status: abcitypes.ResponseVerifyVoteExtension_REJECT}, nil
	}
	return &abcitypes.ResponseVerifyVoteExtension{Status: abcitypes.ResponseVerifyVoteExtension_ACCEPT}, nil
}

func (a *Application) checkExtension(r *abcitypes.RequestVerifyVoteExtension) error {
	if !a.votesAboutProofs() {
		if n := len(r.VoteExtension); n > 0 {
			return fmt.Errorf("abci: vote extension of %d bytes on a chain without proof_votes", n)
		}
		return nil
	}
	height, err := finality.ParseExtension(r.VoteExtension)
	if err != nil {
		return err
	}
	if most := finality.Most(uint64(r.Height)); height > most {
		return fmt.Errorf("abci: vote extension says that block %d is proved, the highest at height %d is %d", height, r.Height, most)
	}
	return nil
}

// localCommit returns the votes for the block before as the next proposer has them.
func localCommit(c *abcitypes.ExtendedCommitInfo) *app.LastCommit {
	out := &app.LastCommit{Round: uint32(c.Round), Votes: make([]app.LastVote, len(c.Votes))}
	for i, v := range c.Votes {
		out.Votes[i] = app.LastVote{
			Address: v.Validator.Address, Power: v.Validator.Power, Signed: v.BlockIdFlag == cmtproto.BlockIDFlagCommit,
			Extension: v.VoteExtension, Signature: v.ExtensionSignature,
		}
	}
	return out
}

// proposedCommit returns the votes for the block before as they are in a proposed block.
func proposedCommit(c *abcitypes.CommitInfo) *app.LastCommit {
	out := &app.LastCommit{Round: uint32(c.Round), Votes: make([]app.LastVote, len(c.Votes))}
	for i, v := range c.Votes {
		out.Votes[i] = app.LastVote{Address: v.Validator.Address, Power: v.Validator.Power, Signed: v.BlockIdFlag == cmtproto.BlockIDFlagCommit}
	}
	return out
}

// validatorsOf returns the validators of a genesis if the chain's validators vote about proofs, and else nil. Such a chain needs
// vote_extensions_enable_height 1 in the consensus parameters, other chains 0.
func validatorsOf(r *abcitypes.RequestInitChain) ([]finality.Validator, error) {
	enabled := int64(0)
	if r.ConsensusParams != nil && r.ConsensusParams.Abci != nil {
		enabled = r.ConsensusParams.Abci.VoteExtensionsEnableHeight
	}
	g, err := app.ParseGenesis(r.ChainId, r.AppStateBytes)
	if err != nil {
		return nil, err
	}
	if !g.ProofVotes {
		if enabled != 0 {
			return nil, fmt.Errorf("abci: genesis: vote_extensions_enable_height is %d, which needs proof_votes in app_state", enabled)
		}
		return nil, nil
	}
	if enabled != 1 {
		return nil, fmt.Errorf("abci: genesis: vote_extensions_enable_height is %d, proof_votes in app_state needs 1", enabled)
	}
	validators := make([]finality.Validator, len(r.Validators))
	for i, v := range r.Validators {
		key, err := cryptoenc.PubKeyFromProto(v.PubKey)
		if err != nil {
			return nil, fmt.Errorf("abci: genesis: validator %d: %w", i, err)
		}
		if key.Type() != ed25519.KeyType {
			return nil, fmt.Errorf("abci: genesis: validator %X has a key of type %s, proof_votes needs %s", key.Address(), key.Type(), ed25519.KeyType)
		}
		validators[i] = finality.Validator{Key: key.Bytes(), Power: v.Power}
	}
	return validators, nil
}
