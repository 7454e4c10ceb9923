package watcher

import (
	"bytes"
	"errors"
	"fmt"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/prover"
)

// Trust is what a reader of a proof trusts: a chain's validators, by its genesis, or one header, by its hash.
type Trust struct {
	ChainID string // demanded if not ""
	Genesis *cmttypes.GenesisDoc
	Header  []byte // hash of header n+1; it is taken before Genesis if both are there
}

// anchorOf is what the signed headers of a block say.
func anchorOf(light, next *cmttypes.SignedHeader, genesis *app.Genesis) (*prover.Anchor, error) {
	return prover.NewAnchor(light.ChainID, uint64(light.Height), uint64(light.Time.Unix()),
		genesis.Sequencer(light.ProposerAddress), genesis.FeeToken, light.AppHash, next.AppHash)
}

// VerifyHeaders checks the headers of a block proof against what the reader trusts, and the witness's transactions and
// results against the headers. The anchor it returns is as good as that trust.
func VerifyHeaders(b *prover.BlockProof, trust *Trust) (anchor *prover.Anchor, err error) {
	// CometBFT panics on some malformed values, such as keys of a wrong size. It has no part in what is accepted here: the
	// validator set comes from the genesis, never from the proof.
	defer func() {
		if fault := recover(); fault != nil {
			anchor, err = nil, fmt.Errorf("watcher: malformed header in the proof: %v", fault)
		}
	}()
	var headers [2]*cmttypes.SignedHeader
	for i, raw := range b.Headers {
		header := new(cmttypes.SignedHeader)
		if err := cmtjson.Unmarshal(raw, header); err != nil {
			return nil, fmt.Errorf("watcher: header %d of the proof: %w", i, err)
		}
		if header.Header == nil || header.Commit == nil {
			return nil, fmt.Errorf("watcher: header %d of the proof is incomplete", i)
		}
		if err := header.ValidateBasic(b.Chain); err != nil {
			return nil, fmt.Errorf("watcher: header %d of the proof: %w", i, err)
		}
		headers[i] = header
	}
	light, next := headers[0], headers[1]
	switch {
	case trust.ChainID != "" && b.Chain != trust.ChainID:
		return nil, fmt.Errorf("watcher: the proof is of chain %q, not of %q", b.Chain, trust.ChainID)
	case uint64(light.Height) != b.Block || next.Height != light.Height+1:
		return nil, fmt.Errorf("watcher: headers of heights %d and %d, want %d and %d", light.Height, next.Height, b.Block, b.Block+1)
	case !bytes.Equal(next.LastBlockID.Hash, light.Hash()):
		return nil, fmt.Errorf("watcher: header %d follows %X, header %d is %X", next.Height, next.LastBlockID.Hash, light.Height, light.Hash())
	}
	switch {
	case len(trust.Header) > 0:
		if !bytes.Equal(next.Hash(), trust.Header) {
			return nil, fmt.Errorf("watcher: header %d of the proof is %X, trusted is %X", next.Height, next.Hash(), trust.Header)
		}
	case trust.Genesis == nil:
		return nil, errors.New("watcher: neither a genesis nor a header is trusted")
	default:
		if trust.Genesis.ChainID != b.Chain {
			return nil, fmt.Errorf("watcher: the proof is of chain %q, the genesis of %q", b.Chain, trust.Genesis.ChainID)
		}
		validators := genesisValidators(trust.Genesis)
		for _, block := range headers {
			if !bytes.Equal(block.ValidatorsHash, validators.Hash()) {
				return nil, fmt.Errorf("watcher: header %d is of validators %X, genesis has %X", block.Height, block.ValidatorsHash, validators.Hash())
			}
			if err := validators.VerifyCommit(b.Chain, block.Commit.BlockID, block.Height, block.Commit); err != nil {
				return nil, fmt.Errorf("watcher: header %d is not signed by the genesis validators: %w", block.Height, err)
			}
		}
	}
	appState := []byte("{}") // without a genesis file: the parameters of a chain that changes none
	if trust.Genesis != nil {
		appState = trust.Genesis.AppState
	}
	genesis, err := app.ParseGenesis(b.Chain, appState)
	if err != nil {
		return nil, err
	}
	if hash := DataHash(b.Witness.Transactions); !bytes.Equal(hash, light.DataHash) {
		return nil, fmt.Errorf("watcher: the transactions hash to %X, header %d signs %X", hash, light.Height, light.DataHash)
	}
	if hash := ResultsHash(b.Witness.Results); !bytes.Equal(hash, next.LastResultsHash) {
		return nil, fmt.Errorf("watcher: the results hash to %X, header %d signs %X", hash, next.Height, next.LastResultsHash)
	}
	return anchorOf(light, next, genesis)
}

// genesisValidators is the validator set of a genesis file. The set of this chain does not change.
func genesisValidators(g *cmttypes.GenesisDoc) *cmttypes.ValidatorSet {
	validators := make([]*cmttypes.Validator, len(g.Validators))
	for i, v := range g.Validators {
		validators[i] = cmttypes.NewValidator(v.PubKey, v.Power)
	}
	return cmttypes.NewValidatorSet(validators)
}
