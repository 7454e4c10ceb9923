package headers

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/starknet"
)

// Genesis holds the parts of a chain's genesis file that a verifier needs: the chain id, the validators, and the parameters in
// app_state on which the check of a block depends.
type Genesis struct {
	ChainID    string
	Validators *ValidatorSet
	AppState   json.RawMessage
}

type genesisJSON struct {
	ChainID    string             `json:"chain_id"`
	Validators []genesisValidator `json:"validators"`
	AppState   json.RawMessage    `json:"app_state"`
}

type genesisValidator struct {
	Address hexBytes `json:"address"`
	Key     struct {
		Type  string `json:"type"`
		Value []byte `json:"value"`
	} `json:"pub_key"`
	Power int64 `json:"power,string"`
}

const ed25519Key = "tendermint/PubKeyEd25519"

// ParseGenesis reads a genesis file. It ignores members on which no proof depends, because the reader trusts the file.
func ParseGenesis(data []byte) (*Genesis, error) {
	var file genesisJSON
	if err := jsonv2.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("headers: genesis: %w", bounded.Fault(err))
	}
	if file.ChainID == "" || len(file.ChainID) > maxChainID {
		return nil, fmt.Errorf("headers: genesis: chain_id of %d bytes, want 1 to %d", len(file.ChainID), maxChainID)
	}
	if len(file.Validators) == 0 {
		return nil, errors.New("headers: genesis: there are no validators")
	}
	validators := make([]Validator, len(file.Validators))
	for i, v := range file.Validators {
		if v.Key.Type != ed25519Key {
			return nil, fmt.Errorf("headers: genesis: validators[%d].pub_key is a %.80q, want %q", i, v.Key.Type, ed25519Key)
		}
		validators[i] = Validator{Key: v.Key.Value, Power: v.Power}
		if address := validators[i].address(); len(v.Address) > 0 && !bytes.Equal(v.Address, address) {
			return nil, fmt.Errorf("headers: genesis: validators[%d].address is %X, but the address of its key is %X", i, []byte(v.Address), address)
		}
	}
	set, err := NewValidatorSet(validators)
	if err != nil {
		return nil, fmt.Errorf("headers: genesis: %w", err)
	}
	genesis := &Genesis{ChainID: file.ChainID, Validators: set, AppState: file.AppState}
	_, err = genesis.parameters(file.ChainID)
	return genesis, err
}

// parameters are the fields of app.Genesis on which the check of a block depends.
type parameters struct {
	feeToken      felt.Felt
	feeRecipients map[string]felt.Felt // by the proposer's address in lower-case hexadecimal digits
}

// parameters reads app_state and fills in the defaults.
func (g *Genesis) parameters(chain string) (*parameters, error) {
	var state struct {
		ChainID       string               `json:"chain_id"`
		FeeToken      felt.Felt            `json:"fee_token"`
		FeeRecipients map[string]felt.Felt `json:"fee_recipients"`
	}
	if len(g.AppState) > 0 {
		if err := jsonv2.Unmarshal(g.AppState, &state); err != nil {
			return nil, fmt.Errorf("headers: genesis: app_state: %w", bounded.Fault(err))
		}
	}
	if state.ChainID != "" && state.ChainID != chain {
		return nil, fmt.Errorf("headers: genesis: app_state's chain_id %.80q is not the chain's %q", state.ChainID, chain)
	}
	p := &parameters{feeToken: state.FeeToken, feeRecipients: state.FeeRecipients}
	if p.feeToken.IsZero() {
		p.feeToken = starknet.StrkAddress
	}
	var faults []error
	for proposer, recipient := range p.feeRecipients {
		if b, err := hex.DecodeString(proposer); err != nil || len(b) != addressBytes || proposer != strings.ToLower(proposer) {
			faults = append(faults, fmt.Errorf("headers: genesis: fee_recipients: %.80q is not the address of a validator", proposer))
		} else if recipient.IsZero() || !starknet.IsAddress(recipient) {
			faults = append(faults, fmt.Errorf("headers: genesis: fee_recipients[%s]: %v is not a contract address", proposer, recipient))
		}
	}
	sort.Slice(faults, func(i, j int) bool { return faults[i].Error() < faults[j].Error() })
	return p, errors.Join(faults...)
}

// sequencer returns the address that receives the fees of a proposer's blocks.
func (p *parameters) sequencer(proposer []byte) felt.Felt {
	if recipient, ok := p.feeRecipients[hex.EncodeToString(proposer)]; ok {
		return recipient
	}
	return felt.FromBytesReduce(proposer)
}
