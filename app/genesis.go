package app

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
)

// Genesis is the app_state of a chain's genesis file: the initial state and the chain's parameters. A zero value means the
// documented default.
type Genesis struct {
	// FeeToken is the ERC20 contract that fees are paid in. Default: the STRK address.
	FeeToken felt.Felt `json:"fee_token"`
	// GasPrices are the prices of a unit of gas. Only L2 gas is ever used. Default: 10^9 FRI and WEI each.
	GasPrices GasPrices `json:"gas_prices"`
	// Limits bound every block.
	Limits Limits `json:"limits"`
	// FeeRecipients maps the hexadecimal address of a proposing validator to the sequencer address that receives the fees.
	// Default: the validator's address as a felt.
	FeeRecipients map[string]felt.Felt `json:"fee_recipients,omitempty"`
	// ProofVotes makes the validators say in their votes which blocks are proved (package finality). Default: false, and no block is ever
	// ACCEPTED_ON_L1.
	ProofVotes bool `json:"proof_votes,omitempty"`
	// Classes are declared in block 0. Their form is CONTRACT_CLASS of the JSON-RPC specification.
	Classes []*starknet.ContractClass `json:"classes,omitempty"`
	// Contracts are deployed in block 0, in this order.
	Contracts []GenesisContract `json:"contracts,omitempty"`
	// Balances are added to accounts' balances of the fee token and to its total supply.
	Balances []GenesisBalance `json:"balances,omitempty"`

	// ChainID is the chain id of consensus. An app_state need not have it.
	ChainID string `json:"chain_id,omitempty"`
	// Validators are the validators of consensus if ProofVotes is set, else nil. An app_state need not have them.
	Validators *finality.Set `json:"validators,omitempty"`

	chainID felt.Felt   // ChainID as a short string
	hashes  []felt.Felt // hashes of Classes, set by Validate
}

// GasPrices are prices by resource.
type GasPrices struct {
	L1Gas     GasPrice `json:"l1_gas"`
	L1DataGas GasPrice `json:"l1_data_gas"`
	L2Gas     GasPrice `json:"l2_gas"`
}

// GasPrice is a price in both tokens.
type GasPrice struct{ Wei, Fri starknet.Uint128 }

// Limits bound a block.
type Limits struct {
	// BlockL2Gas is the limit of the L2 gas of all transactions of a block, and of the L2 gas bound of a transaction.
	// Default 10^10.
	BlockL2Gas uint64 `json:"block_l2_gas"`
	// BlockSierraGas is the limit of the gas that code uses in a block, including fee transfers. It bounds the time to execute
	// a block. Default 2·10^9, about twice the limit of one transaction.
	BlockSierraGas uint64 `json:"block_sierra_gas"`
	// BlockTransactions is the limit of the number of transactions of a block. Default 500.
	BlockTransactions uint64 `json:"block_transactions"`
}

// GenesisContract is a contract that exists in block 0.
type GenesisContract struct {
	Address   felt.Felt `json:"address"`
	ClassHash felt.Felt `json:"class_hash"`
	Nonce     felt.Felt `json:"nonce"`
	// Constructor, if not nil, is the calldata with which the class's constructor runs.
	Constructor *[]felt.Felt `json:"constructor_calldata,omitempty"`
	// Storage is written after the constructor has run. Keys are hexadecimal.
	Storage map[string]felt.Felt `json:"storage,omitempty"`
}

// GenesisBalance is an amount of the fee token, below 2^128.
type GenesisBalance struct {
	Address felt.Felt
	Amount  starknet.Uint128
}

const (
	defaultPrice             = 1_000_000_000
	defaultBlockL2Gas        = 10_000_000_000
	defaultBlockSierraGas    = 2_000_000_000
	defaultBlockTransactions = 500
	maxChainID               = 31 // the most characters of a short string
	proposerBytes            = 20 // length of a validator's address
)

type gasPriceJSON struct {
	Wei json.RawMessage `json:"wei"`
	Fri json.RawMessage `json:"fri"`
}

// MarshalJSON writes both prices in hexadecimal.
func (p GasPrice) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Wei string `json:"wei"`
		Fri string `json:"fri"`
	}{p.Wei.Felt().String(), p.Fri.Felt().String()})
}

// UnmarshalJSON reads amounts as [ParseAmount] does.
func (p *GasPrice) UnmarshalJSON(b []byte) (err error) {
	var raw gasPriceJSON
	if err := strict(b, &raw); err != nil {
		return err
	}
	if p.Wei, err = amountJSON("wei", raw.Wei); err != nil {
		return err
	}
	p.Fri, err = amountJSON("fri", raw.Fri)
	return err
}

type balanceJSON struct {
	Address felt.Felt       `json:"address"`
	Amount  json.RawMessage `json:"amount"`
}

// MarshalJSON writes the amount in hexadecimal.
func (b GenesisBalance) MarshalJSON() ([]byte, error) {
	amount, err := json.Marshal(b.Amount.Felt())
	if err != nil {
		return nil, err
	}
	return json.Marshal(balanceJSON{b.Address, amount})
}

// UnmarshalJSON reads the amount as [ParseAmount] does.
func (b *GenesisBalance) UnmarshalJSON(data []byte) (err error) {
	var raw balanceJSON
	if err := strict(data, &raw); err != nil {
		return err
	}
	b.Address = raw.Address
	if b.Amount, err = amountJSON("amount", raw.Amount); err != nil {
		return fmt.Errorf("balances: of %v: %w", b.Address, err)
	}
	return nil
}

// amountJSON reads an amount that is a JSON string or number. An absent amount is 0.
func amountJSON(name string, raw json.RawMessage) (starknet.Uint128, error) {
	if len(raw) == 0 {
		return starknet.Uint128{}, nil
	}
	a, err := ParseAmount(strings.Trim(string(raw), `"`))
	if err != nil {
		return a, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// ParseAmount reads an amount below 2^128, decimal or 0x-prefixed hexadecimal.
func ParseAmount(s string) (starknet.Uint128, error) {
	v, ok := new(big.Int), false
	if digits, isHex := strings.CutPrefix(s, "0x"); isHex {
		v, ok = v.SetString(digits, 16)
	} else {
		v, ok = v.SetString(s, 10)
	}
	if len(s) > 60 || !ok || v.Sign() < 0 || v.BitLen() > 128 || strings.ContainsAny(s, "+_") {
		return starknet.Uint128{}, fmt.Errorf("amount %.70q is not an integer below 2^128", s)
	}
	lo := new(big.Int).And(v, new(big.Int).SetUint64(^uint64(0)))
	return starknet.Uint128{Hi: new(big.Int).Rsh(v, 64).Uint64(), Lo: lo.Uint64()}, nil
}

// strict decodes one JSON value and rejects unknown members.
func strict(b []byte, v any) error {
	return bounded.Fault(jsonv2.Unmarshal(b, v, jsonv2.RejectUnknownMembers(true)))
}

// ParseGenesis reads an app_state, sets the defaults and validates it. The error lists every fault with its field.
func ParseGenesis(chainID string, appState []byte) (*Genesis, error) {
	g := &Genesis{}
	if len(bytes.TrimSpace(appState)) > 0 {
		if err := strict(appState, g); err != nil {
			return nil, fmt.Errorf("app: genesis: %w", err)
		}
	}
	if g.ChainID != "" && g.ChainID != chainID {
		return nil, fmt.Errorf("app: genesis: chain_id %q is not the chain's %q", g.ChainID, chainID)
	}
	g.ChainID = chainID
	g.setDefaults()
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("app: genesis: %w", err)
	}
	g.chainID = felt.FromShortString(chainID)
	return g, nil
}

func (g *Genesis) setDefaults() {
	if g.FeeToken.IsZero() {
		g.FeeToken = starknet.StrkAddress
	}
	p := &g.GasPrices
	for _, price := range []*starknet.Uint128{&p.L1Gas.Wei, &p.L1Gas.Fri, &p.L1DataGas.Wei, &p.L1DataGas.Fri, &p.L2Gas.Wei, &p.L2Gas.Fri} {
		if price.IsZero() {
			*price = starknet.NewUint128(defaultPrice)
		}
	}
	if g.Limits.BlockL2Gas == 0 {
		g.Limits.BlockL2Gas = defaultBlockL2Gas
	}
	if g.Limits.BlockSierraGas == 0 {
		g.Limits.BlockSierraGas = defaultBlockSierraGas
	}
	if g.Limits.BlockTransactions == 0 {
		g.Limits.BlockTransactions = defaultBlockTransactions
	}
}

// Validate returns an error with all faults that can be found without executing anything.
func (g *Genesis) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if g.ChainID == "" || len(g.ChainID) > maxChainID {
		fault("chain id %q has %d characters, want 1 to %d", g.ChainID, len(g.ChainID), maxChainID)
	} else if _, err := felt.ParseShortString(g.ChainID); err != nil {
		fault("chain id %q: %w", g.ChainID, err)
	}
	for proposer, recipient := range g.FeeRecipients {
		if b, err := hex.DecodeString(proposer); err != nil || len(b) != proposerBytes || proposer != strings.ToLower(proposer) {
			fault("fee_recipients: %q is not the address of a validator in %d lower-case hexadecimal digits", proposer, 2*proposerBytes)
		}
		if recipient.IsZero() || !starknet.IsAddress(recipient) {
			fault("fee_recipients[%s]: %v is not a contract address", proposer, recipient)
		}
	}
	declared := map[felt.Felt]bool{}
	g.hashes = make([]felt.Felt, len(g.Classes))
	for i, c := range g.Classes {
		if c == nil {
			fault("classes[%d]: null", i)
			continue
		}
		hash := c.Hash()
		g.hashes[i] = hash
		if declared[hash] {
			fault("classes[%d]: class %v appears twice", i, hash)
		}
		declared[hash] = true
	}
	if g.Validators != nil && !g.ProofVotes {
		fault("validators: given without proof_votes")
	}
	deployed := map[felt.Felt]bool{}
	for i, c := range g.Contracts {
		if c.Address.IsZero() || !starknet.IsAddress(c.Address) || c.Address == starknet.BlockHashAddress || c.Address == finality.Address {
			fault("contracts[%d].address: %v is not a contract address", i, c.Address)
		}
		if deployed[c.Address] {
			fault("contracts[%d].address: %v appears twice", i, c.Address)
		}
		deployed[c.Address] = true
		if !declared[c.ClassHash] {
			fault("contracts[%d].class_hash: %v is none of the classes", i, c.ClassHash)
		}
		if !c.Nonce.IsUint64() {
			fault("contracts[%d].nonce: %v does not fit in 64 bits", i, c.Nonce)
		}
		slots := make(map[felt.Felt]bool, len(c.Storage))
		for _, key := range slices.Sorted(maps.Keys(c.Storage)) {
			k, err := felt.FromHex(key)
			if err != nil || !starknet.IsAddress(k) {
				fault("contracts[%d].storage: key %.70q is not a felt below 2^251", i, key)
			} else if slots[k] { // 0x1 and 0x01: map order would decide which is written last
				fault("contracts[%d].storage: key %v appears twice, once as %q", i, k, key)
			}
			slots[k] = true
		}
	}
	for i, b := range g.Balances {
		if !starknet.IsAddress(b.Address) {
			fault("balances[%d].address: %v is not a contract address", i, b.Address)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// Sequencer returns the address that receives the fees of a block from a proposer.
func (g *Genesis) Sequencer(proposer []byte) felt.Felt {
	if r, ok := g.FeeRecipients[hex.EncodeToString(proposer)]; ok {
		return r
	}
	return felt.FromBytesReduce(proposer)
}

// header returns a block's header with the fields that follow from the arguments and the chain's parameters.
func (g *Genesis) header(number, timestamp uint64, sequencer felt.Felt) starknet.Header {
	price := func(p GasPrice) starknet.GasPrice { return starknet.GasPrice{Wei: p.Wei, Fri: p.Fri} }
	return starknet.Header{
		Number: number, Timestamp: timestamp, Sequencer: sequencer, Version: starknet.Version, DAMode: starknet.Calldata,
		L1GasPrice: price(g.GasPrices.L1Gas), L1DataGasPrice: price(g.GasPrices.L1DataGas), L2GasPrice: price(g.GasPrices.L2Gas),
	}
}

// encode returns the parameters as JSON, without classes, contracts and balances, which are only needed for block 0.
func (g *Genesis) encode() ([]byte, error) {
	params := *g
	params.Classes, params.Contracts, params.Balances = nil, nil, nil
	return json.Marshal(&params)
}

func decodeGenesis(b []byte) (*Genesis, error) {
	var named struct {
		ChainID string `json:"chain_id"`
	}
	if err := jsonv2.Unmarshal(b, &named); err != nil {
		return nil, err
	}
	return ParseGenesis(named.ChainID, b)
}

// InitGenesis creates block 0 from a chain id, a time in seconds and an app_state, and returns the app hash. Block 0 is durable
// when InitGenesis returns. The validators are those of consensus; only a chain with Genesis.ProofVotes needs them. A second call with the same genesis before block 1 does nothing; with another genesis the error is
// a [*GenesisError].
func (a *App) InitGenesis(chainID string, timestamp uint64, appState []byte, validators ...finality.Validator) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, overlay, diff, err := a.genesisOf(chainID, timestamp, appState, validators)
	if err != nil {
		return nil, err
	}
	if head := a.store.Head(); head != nil {
		if head.Height != 0 {
			return nil, fmt.Errorf("%w: genesis of a chain that has %d blocks", errOrder, head.Height)
		}
		return appHashOf(head.StateRoot), a.compareGenesis(g, timestamp, diff)
	}
	change, err := a.store.Apply(diff)
	if err != nil {
		return nil, err
	}
	if change.Genesis, err = g.encode(); err != nil {
		return nil, err
	}
	block := &starknet.Block{Header: g.header(0, timestamp, felt.Felt{})}
	block.StateRoot = change.Commitment
	block.Seal(nil, nil, diff)
	block.BlockHash = block.Hash()
	if err := a.store.Commit(block, change, overlay.Declared()); err != nil {
		return nil, err
	}
	a.genesis.Store(g)
	a.background.run(a.precompileRecent)
	return appHashOf(block.StateRoot), nil
}

// genesisOf parses a genesis and returns it with its state.
func (a *App) genesisOf(chainID string, timestamp uint64, appState []byte, validators []finality.Validator) (*Genesis, *state.Overlay, *starknet.StateDiff, error) {
	g, err := ParseGenesis(chainID, appState)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := g.setValidators(validators); err != nil {
		return nil, nil, nil, fmt.Errorf("app: genesis: %w", err)
	}
	overlay := state.NewOverlay(&empty{})
	if err := a.build(g, overlay, timestamp); err != nil {
		return nil, nil, nil, fmt.Errorf("app: genesis: %w", err)
	}
	diff, err := overlay.Diff()
	return g, overlay, diff, err
}

// setValidators sets Validators on a chain with ProofVotes to the validators of consensus. If the app_state has validators, they must be these.
func (g *Genesis) setValidators(validators []finality.Validator) error {
	if !g.ProofVotes {
		return nil
	}
	set, err := finality.NewSet(validators)
	if err != nil {
		return fmt.Errorf("proof_votes: %w", err)
	}
	if g.Validators != nil && !g.Validators.Equal(set) {
		return errors.New("validators: are not the validators of consensus")
	}
	g.Validators = set
	return nil
}

// GenesisError is the error of a genesis that differs from that of the stored chain.
type GenesisError struct {
	What          string // "chain id", "genesis time", "parameters" or "state"
	Given, Stored string
}

func (e *GenesisError) Error() string {
	return fmt.Sprintf("app: the genesis has %s %s, the stored chain began with %s", e.What, e.Given, e.Stored)
}

// CheckGenesis compares a genesis with the stored chain at any height, and returns a [*GenesisError] if they differ. Without a stored
// chain every genesis is accepted.
func (a *App) CheckGenesis(chainID string, timestamp uint64, appState []byte, validators ...finality.Validator) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store.Head() == nil {
		return nil
	}
	if stored := a.genesis.Load(); stored.ChainID != chainID { // compared first, because the state depends on the chain id
		return &GenesisError{"chain id", strconv.Quote(chainID), strconv.Quote(stored.ChainID)}
	}
	g, _, diff, err := a.genesisOf(chainID, timestamp, appState, validators)
	if err != nil {
		return err
	}
	return a.compareGenesis(g, timestamp, diff)
}

// compareGenesis compares a genesis and its state with the stored chain.
func (a *App) compareGenesis(g *Genesis, timestamp uint64, diff *starknet.StateDiff) error {
	ours := a.genesis.Load()
	stored, err := ours.encode()
	if err != nil {
		return err
	}
	params, err := g.encode()
	if err != nil {
		return err
	}
	header, _, ok, err := a.store.Header(0)
	if err != nil || !ok {
		return errors.Join(err, errors.New("app: block 0 is not stored"))
	}
	switch {
	case g.ChainID != ours.ChainID:
		return &GenesisError{"chain id", strconv.Quote(g.ChainID), strconv.Quote(ours.ChainID)}
	case header.Timestamp != timestamp:
		return &GenesisError{"genesis time", strconv.FormatUint(timestamp, 10), strconv.FormatUint(header.Timestamp, 10)}
	case !bytes.Equal(stored, params):
		return &GenesisError{"parameters", string(params), string(stored)}
	case header.StateDiffCommitment != diff.Hash():
		return &GenesisError{"state", diff.Hash().String(), header.StateDiffCommitment.String()}
	}
	return nil
}

// build writes the genesis state into an overlay.
func (a *App) build(g *Genesis, st *state.Overlay, timestamp uint64) error {
	for i, definition := range g.Classes {
		class, err := a.exec.Classes.Compile(g.hashes[i], definition)
		if err != nil {
			return fmt.Errorf("classes[%d]: %w", i, err)
		}
		stored, err := executor.Stored(class, definition)
		if err != nil {
			return fmt.Errorf("classes[%d]: %w", i, err)
		}
		st.Declare(stored)
	}
	env := environment(g, 0, timestamp, felt.Felt{})
	for i, c := range g.Contracts {
		if c.Constructor != nil {
			if err := a.exec.Construct(st, env, c.ClassHash, c.Address, *c.Constructor); err != nil {
				return fmt.Errorf("contracts[%d].constructor_calldata: %w", i, err)
			}
		} else {
			st.SetClassHash(c.Address, c.ClassHash)
		}
		if !c.Nonce.IsZero() {
			st.SetNonce(c.Address, c.Nonce)
		}
		for key, value := range c.Storage {
			st.SetStorage(c.Address, felt.MustHex(key), value)
		}
	}
	for i, b := range g.Balances {
		for _, slot := range []felt.Felt{executor.BalanceKey(b.Address), executor.TotalSupplyKey} {
			if err := credit(st, g.FeeToken, slot, b.Amount); err != nil {
				return fmt.Errorf("balances[%d]: %w", i, err)
			}
		}
	}
	return nil
}

// credit adds an amount to a 256-bit number in two storage slots, low half first.
func credit(st *state.Overlay, contract, slot felt.Felt, amount starknet.Uint128) error {
	low, err := st.StorageAt(contract, slot)
	if err != nil {
		return err
	}
	held, err := starknet.Uint128FromFelt(low)
	if err != nil {
		return err
	}
	sum, ok := held.Add(amount)
	if !ok {
		next := *new(felt.Felt).Add(&slot, &felt.One)
		high, err := st.StorageAt(contract, next)
		if err != nil {
			return err
		}
		st.SetStorage(contract, next, *high.Add(&high, &felt.One))
	}
	st.SetStorage(contract, slot, sum.Felt())
	return nil
}

// empty is the state before genesis.
type empty struct{}

func (*empty) StorageAt(_, _ felt.Felt) (felt.Felt, error)    { return felt.Felt{}, nil }
func (*empty) NonceAt(felt.Felt) (felt.Felt, error)           { return felt.Felt{}, nil }
func (*empty) ClassHashAt(felt.Felt) (felt.Felt, error)       { return felt.Felt{}, nil }
func (*empty) CompiledClassHash(felt.Felt) (felt.Felt, error) { return felt.Felt{}, nil }
func (*empty) Class(felt.Felt) (*state.Class, error)          { return nil, nil }
