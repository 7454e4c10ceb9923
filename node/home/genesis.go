package home

import (
	"encoding/json"
	"fmt"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/starknet"
)

// genesisBalance is the balance of each predeployed account: 1000 tokens of 18 decimals, as on other development chains.
const genesisBalance = "1000000000000000000000"

// predeployed returns the n funded accounts of a new chain. A seed determines their keys; without one they are random.
func predeployed(n int, seed string) ([]Account, error) {
	accounts := make([]Account, n)
	for i := range accounts {
		key, err := RandomKey()
		if err != nil {
			return nil, err
		}
		if seed != "" {
			key = keccak.Starknet(fmt.Appendf(nil, "starkd account %d of seed %s", i, seed))
		}
		if accounts[i], err = NewAccount(key); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// newGenesis returns the genesis file of a chain. It declares the embedded account, token and deployer classes, deploys STRK, ETH and the
// universal deployer at their usual Starknet addresses, and deploys and funds the accounts. With proofVotes the validators vote about proofs.
func newGenesis(chainID string, validators []cmttypes.GenesisValidator, accounts []Account, proofVotes bool) (*cmttypes.GenesisDoc, error) {
	if _, err := starknet.ChainID(chainID); err != nil {
		return nil, hint.With(err, "a chain id is at most 31 ASCII characters, such as COMET_STARK")
	}
	balance, err := app.ParseAmount(genesisBalance)
	if err != nil {
		return nil, err
	}
	state := &app.Genesis{ProofVotes: proofVotes}
	hashes := map[string]felt.Felt{}
	for _, name := range []string{contracts.Account, contracts.ERC20, contracts.UniversalDeployer} {
		data, err := contracts.ClassJSON(name)
		if err != nil {
			return nil, err
		}
		class := new(starknet.ContractClass)
		if err := class.UnmarshalJSON(data); err != nil {
			return nil, err
		}
		state.Classes = append(state.Classes, class)
		hashes[name] = class.Hash()
	}
	token := func(address felt.Felt, name, symbol string) {
		constructor := []felt.Felt{
			felt.FromShortString(name), felt.FromShortString(symbol), felt.FromUint64(18), felt.Zero, felt.Zero, starknet.UdcAddress,
		}
		state.Contracts = append(state.Contracts, app.GenesisContract{Address: address, ClassHash: hashes[contracts.ERC20], Constructor: &constructor})
	}
	token(starknet.StrkAddress, "Starknet Token", "STRK")
	token(starknet.EthAddress, "Ether", "ETH")
	for _, address := range []felt.Felt{starknet.UdcAddress, starknet.LegacyUdcAddress} {
		state.Contracts = append(state.Contracts, app.GenesisContract{Address: address, ClassHash: hashes[contracts.UniversalDeployer]})
	}
	for _, a := range accounts {
		constructor := []felt.Felt{a.PublicKey}
		state.Contracts = append(state.Contracts, app.GenesisContract{Address: a.Address, ClassHash: hashes[contracts.Account], Constructor: &constructor})
		state.Balances = append(state.Balances, app.GenesisBalance{Address: a.Address, Amount: balance})
	}
	appState, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	params := cmttypes.DefaultConsensusParams()
	params.Block.MaxBytes = maxBlockBytes
	if proofVotes {
		params.ABCI.VoteExtensionsEnableHeight = 1
	}
	genesis := &cmttypes.GenesisDoc{
		ChainID: chainID, GenesisTime: time.Now().UTC().Truncate(time.Second), InitialHeight: 1,
		ConsensusParams: params, Validators: validators, AppState: appState,
	}
	return genesis, genesis.ValidateAndComplete()
}
