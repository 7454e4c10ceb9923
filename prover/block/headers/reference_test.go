//go:build !js

package headers_test

import (
	"bytes"
	"errors"
	"fmt"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
)

// referenceTrust is headers.Trust with CometBFT's genesis.
type referenceTrust struct {
	chainID string
	genesis *cmttypes.GenesisDoc
	header  []byte
}

// referenceVerify implements headers.Verify with CometBFT's own types and checks. A panic in them counts as an error.
func referenceVerify(b *block.Bundle, trust *referenceTrust) (anchor *statement.Anchor, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			anchor, err = nil, fmt.Errorf("malformed header in the proof: %v", fault)
		}
	}()
	var signed [2]*cmttypes.SignedHeader
	for i, raw := range b.Headers {
		header := new(cmttypes.SignedHeader)
		if err := cmtjson.Unmarshal(raw, header); err != nil {
			return nil, err
		}
		if header.Header == nil || header.Commit == nil {
			return nil, fmt.Errorf("header %d is incomplete", i)
		}
		if err := header.ValidateBasic(b.Chain); err != nil {
			return nil, err
		}
		signed[i] = header
	}
	light, next := signed[0], signed[1]
	switch {
	case trust.chainID != "" && b.Chain != trust.chainID:
		return nil, errors.New("another chain")
	case uint64(light.Height) != b.Block || next.Height != light.Height+1:
		return nil, errors.New("other heights")
	case !bytes.Equal(next.LastBlockID.Hash, light.Hash()):
		return nil, errors.New("the second header does not follow the first")
	}
	appState := []byte("{}")
	if trust.genesis != nil {
		appState = trust.genesis.AppState
	}
	switch {
	case len(trust.header) > 0:
		if !bytes.Equal(next.Hash(), trust.header) {
			return nil, errors.New("another header is trusted")
		}
	case trust.genesis == nil:
		return nil, errors.New("nothing is trusted")
	default:
		if trust.genesis.ChainID != b.Chain {
			return nil, errors.New("the genesis is of another chain")
		}
		validators := make([]*cmttypes.Validator, len(trust.genesis.Validators))
		for i, v := range trust.genesis.Validators {
			validators[i] = cmttypes.NewValidator(v.PubKey, v.Power)
		}
		set := cmttypes.NewValidatorSet(validators)
		for _, block := range signed {
			if !bytes.Equal(block.ValidatorsHash, set.Hash()) {
				return nil, errors.New("other validators")
			}
			if err := set.VerifyCommit(b.Chain, block.Commit.BlockID, block.Height, block.Commit); err != nil {
				return nil, err
			}
		}
	}
	genesis, err := app.ParseGenesis(b.Chain, appState)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(referenceDataHash(b.Witness.Transactions), light.DataHash) {
		return nil, errors.New("other transactions")
	}
	if !bytes.Equal(referenceResultsHash(b.Witness.Results), next.LastResultsHash) {
		return nil, errors.New("other results")
	}
	return statement.NewAnchor(light.ChainID, uint64(light.Height), uint64(light.Time.Unix()),
		genesis.Sequencer(light.ProposerAddress), genesis.FeeToken, light.AppHash, next.AppHash)
}

// referenceResultsHash returns CometBFT's hash of a block's results.
func referenceResultsHash(results []statement.Result) []byte {
	list := make([]*abcitypes.ExecTxResult, len(results))
	for i, r := range results {
		list[i] = &abcitypes.ExecTxResult{Code: r.Code, Data: r.Data, GasWanted: r.GasWanted, GasUsed: r.GasUsed}
	}
	return cmttypes.NewResults(list).Hash()
}

// referenceDataHash returns CometBFT's hash of a block's transactions.
func referenceDataHash(txs []statement.HexBytes) []byte {
	list := make(cmttypes.Txs, len(txs))
	for i, tx := range txs {
		list[i] = cmttypes.Tx(tx)
	}
	return list.Hash()
}
