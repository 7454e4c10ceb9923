package starknet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/golden"
)

// readJSON decodes the JSON file at path into v.
func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func hexUint128(t testing.TB, s string) Uint128 {
	t.Helper()
	u, err := Uint128FromFelt(felt.MustHex(s))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func hexUint64(t testing.TB, s string) uint64 {
	t.Helper()
	u := hexUint128(t, s)
	if u.Hi != 0 {
		t.Fatalf("%s does not fit in 64 bits", s)
	}
	return u.Lo
}

// vectorBound is a resource bound in a file of test vectors.
type vectorBound struct {
	MaxAmount       string `json:"max_amount"`
	MaxPricePerUnit string `json:"max_price_per_unit"`
}

func (b vectorBound) bound(t testing.TB) ResourceBound {
	if b == (vectorBound{}) {
		return ResourceBound{}
	}
	return ResourceBound{MaxAmount: hexUint64(t, b.MaxAmount), MaxPricePerUnit: hexUint128(t, b.MaxPricePerUnit)}
}

// vectorTransaction is a transaction in a file of test vectors, with the fields of every type and version.
type vectorTransaction struct {
	Version             felt.Felt              `json:"version"`
	Sender              felt.Felt              `json:"sender_address"`
	Contract            felt.Felt              `json:"contract_address"`
	Selector            felt.Felt              `json:"entry_point_selector"`
	Calldata            []felt.Felt            `json:"calldata"`
	ConstructorCalldata []felt.Felt            `json:"constructor_calldata"`
	Salt                felt.Felt              `json:"contract_address_salt"`
	ClassHash           felt.Felt              `json:"class_hash"`
	CompiledClassHash   felt.Felt              `json:"compiled_class_hash"`
	MaxFee              felt.Felt              `json:"max_fee"`
	Nonce               felt.Felt              `json:"nonce"`
	Tip                 string                 `json:"tip"`
	PaymasterData       []felt.Felt            `json:"paymaster_data"`
	AccountData         []felt.Felt            `json:"account_deployment_data"`
	ProofFacts          []felt.Felt            `json:"proof_facts"`
	NonceDAMode         json.RawMessage        `json:"nonce_data_availability_mode"`
	FeeDAMode           json.RawMessage        `json:"fee_data_availability_mode"`
	Bounds              map[string]vectorBound `json:"resource_bounds"`
	Hash                felt.Felt              `json:"hash"`
}

func (v *vectorTransaction) common(t testing.TB, query bool) Common {
	bounds := map[string]vectorBound{}
	for k, b := range v.Bounds {
		bounds[strings.ToLower(k)] = b
	}
	mode := func(raw json.RawMessage) DAMode {
		if s := string(raw); s == "1" || s == `"L2"` {
			return DAModeL2
		}
		return DAModeL1
	}
	return Common{
		Query: query, Nonce: v.Nonce, Tip: hexUint64(t, v.Tip), PaymasterData: v.PaymasterData,
		NonceDAMode: mode(v.NonceDAMode), FeeDAMode: mode(v.FeeDAMode),
		ResourceBounds: ResourceBounds{
			L1Gas: bounds["l1_gas"].bound(t), L2Gas: bounds["l2_gas"].bound(t), L1DataGas: bounds["l1_data_gas"].bound(t),
		},
	}
}

func (v *vectorTransaction) invoke(t testing.TB, query bool) *Invoke {
	return &Invoke{Common: v.common(t, query), SenderAddress: v.Sender, Calldata: v.Calldata,
		AccountDeploymentData: v.AccountData, ProofFacts: v.ProofFacts}
}

func (v *vectorTransaction) declare(t testing.TB, query bool) *Declare {
	return &Declare{Common: v.common(t, query), SenderAddress: v.Sender, AccountDeploymentData: v.AccountData,
		ClassHash: v.ClassHash, CompiledClassHash: v.CompiledClassHash}
}

func (v *vectorTransaction) deployAccount(t testing.TB, query bool) *DeployAccount {
	return &DeployAccount{Common: v.common(t, query), ClassHash: v.ClassHash, ContractAddressSalt: v.Salt,
		ConstructorCalldata: v.ConstructorCalldata}
}

// legacy returns v as a transaction of a retired version.
func (v *vectorTransaction) legacy(version uint64, query bool) *LegacyTransaction {
	l := &LegacyTransaction{Address: v.Sender, Selector: v.Selector, Calldata: v.Calldata, MaxFee: v.MaxFee,
		Nonce: v.Nonce, ClassHash: v.ClassHash, CompiledClassHash: v.CompiledClassHash}
	if !v.Contract.IsZero() {
		l.Address = v.Contract
	}
	if v.ConstructorCalldata != nil {
		l.Calldata = v.ConstructorCalldata
	}
	l.Version = felt.FromUint64(version)
	if query {
		l.Version = felt.FromLimbs([4]uint64{version, 0, 1, 0})
	}
	return l
}

// TestSequencerTransactionHashes checks the hashes of the official sequencer's vectors: mainnet transactions, and the same as queries.
// Their version 3 transactions are older than the bound on L1 data gas, so that only two bounds are hashed.
func TestSequencerTransactionHashes(t *testing.T) {
	var vectors []struct {
		ChainID     string                     `json:"chain_id"`
		Transaction map[string]json.RawMessage `json:"transaction"`
		Hash        felt.Felt                  `json:"transaction_hash"`
		QueryHash   felt.Felt                  `json:"only_query_transaction_hash"`
	}
	readJSON(t, golden.Corpus(t, "starknet", "transaction_hash.json"), &vectors)
	if len(vectors) != 12 {
		t.Fatalf("%d vectors, want 12", len(vectors))
	}
	for _, v := range vectors {
		chain, err := ChainID(v.ChainID)
		if err != nil {
			t.Fatal(err)
		}
		for kind, raw := range v.Transaction {
			version, body := "", raw
			var byVersion map[string]json.RawMessage
			if json.Unmarshal(raw, &byVersion) == nil && len(byVersion) == 1 {
				for version, body = range byVersion {
				}
			}
			var tx vectorTransaction
			if err := json.Unmarshal(body, &tx); err != nil {
				t.Fatal(err)
			}
			hash := func(query bool) felt.Felt {
				c := func() *Common { c := tx.common(t, query); return &c }
				switch kind + version {
				case "InvokeV0":
					return tx.legacy(0, query).HashInvokeV0(chain)
				case "InvokeV1":
					return tx.legacy(1, query).HashInvokeV1(chain)
				case "InvokeV3":
					return tx.invoke(t, query).hash(chain, twoBoundsFeeHash(c()))
				case "DeclareV0":
					return tx.legacy(0, query).HashDeclareV0(chain)
				case "DeclareV1":
					return tx.legacy(1, query).HashDeclareV1(chain)
				case "DeclareV2":
					return tx.legacy(2, query).HashDeclareV2(chain)
				case "DeclareV3":
					return tx.declare(t, query).hash(chain, twoBoundsFeeHash(c()))
				case "DeployAccountV1":
					return tx.legacy(1, query).HashDeployAccountV1(chain, tx.Salt)
				case "DeployAccountV3":
					return tx.deployAccount(t, query).hash(chain, twoBoundsFeeHash(c()))
				case "Deploy":
					return tx.legacy(tx.Version.Uint64(), query).HashDeploy(chain, tx.Salt)
				case "L1Handler":
					return tx.legacy(tx.Version.Uint64(), query).HashL1Handler(chain)
				}
				t.Fatalf("unknown transaction %s%s", kind, version)
				return felt.Zero
			}
			if got := hash(false); got != v.Hash {
				t.Errorf("%s%s: hash %s, want %s", kind, version, got, v.Hash)
			}
			if got := hash(true); got != v.QueryHash {
				t.Errorf("%s%s query: hash %s, want %s", kind, version, got, v.QueryHash)
			}
		}
	}
}

// TestStarknetJSTransactionHashes compares hashes and addresses with those of starknet.js (scripts/fixtures/starknet.mjs), for version 3
// transactions with three bounds and every field set.
func TestStarknetJSTransactionHashes(t *testing.T) {
	var vectors struct {
		ChainID       felt.Felt           `json:"chain_id"`
		Invoke        []vectorTransaction `json:"invoke"`
		Declare       []vectorTransaction `json:"declare"`
		DeployAccount []vectorTransaction `json:"deploy_account"`
		Address       []struct {
			Deployer  felt.Felt   `json:"deployer"`
			Salt      felt.Felt   `json:"salt"`
			ClassHash felt.Felt   `json:"class_hash"`
			Calldata  []felt.Felt `json:"calldata"`
			Address   felt.Felt   `json:"address"`
		} `json:"address"`
	}
	readJSON(t, filepath.Join("testdata", "starknetjs.json"), &vectors)
	check := func(i int, v *vectorTransaction, tx Transaction) {
		t.Helper()
		if got := tx.Hash(vectors.ChainID); got != v.Hash {
			t.Errorf("%s %d: hash %s, want %s", tx.Type(), i, got, v.Hash)
		}
		if got := tx.Sender(); got != v.Sender {
			t.Errorf("%s %d: sender %s, want %s", tx.Type(), i, got, v.Sender)
		}
		if got := tx.Fields().Version(); got != v.Version {
			t.Errorf("%s %d: version %s, want %s", tx.Type(), i, got, v.Version)
		}
	}
	query := func(v *vectorTransaction) bool { return !v.Version.IsUint64() }
	for i := range vectors.Invoke {
		v := &vectors.Invoke[i]
		check(i, v, v.invoke(t, query(v)))
	}
	for i := range vectors.Declare {
		v := &vectors.Declare[i]
		check(i, v, v.declare(t, query(v)))
	}
	for i := range vectors.DeployAccount {
		v := &vectors.DeployAccount[i]
		check(i, v, v.deployAccount(t, query(v)))
	}
	for i, v := range vectors.Address {
		if got := ContractAddress(v.Deployer, v.Salt, v.ClassHash, v.Calldata); got != v.Address {
			t.Errorf("address %d: %s, want %s", i, got, v.Address)
		}
	}
	if n := len(vectors.Invoke) + len(vectors.Declare) + len(vectors.DeployAccount) + len(vectors.Address); n != 48 {
		t.Errorf("%d vectors, want 48", n)
	}
}

// TestReduceAddress checks the reduction around the modulus and at P - 1.
func TestReduceAddress(t *testing.T) {
	below, at := addressModulus, addressModulus
	below.Sub(&below, &felt.One)
	minusOne := felt.FromInt64(-1) // P - 1 = bound + 17·2^192 + 256
	for _, c := range []struct{ in, want felt.Felt }{
		{felt.Zero, felt.Zero}, {below, below}, {at, felt.Zero},
		{minusOne, felt.FromLimbs([4]uint64{256, 0, 0, 17})},
	} {
		if got := ReduceAddress(c.in); got != c.want {
			t.Errorf("%s reduced is %s, want %s", c.in, got, c.want)
		}
	}
}

// TestIsAddress checks that addresses and storage keys may be as large as 2^251 - 1, although computed ones are below 2^251 - 256.
func TestIsAddress(t *testing.T) {
	top := felt.FromLimbs([4]uint64{3: 1 << 59}) // 2^251
	last := top
	last.Sub(&last, &felt.One)
	for _, c := range []struct {
		x    felt.Felt
		want bool
	}{{felt.Zero, true}, {addressModulus, true}, {last, true}, {top, false}, {felt.FromInt64(-1), false}} {
		if got := IsAddress(c.x); got != c.want {
			t.Errorf("IsAddress(%v) is %v, want %v", c.x, got, c.want)
		}
		tx := &Invoke{SenderAddress: c.x}
		b, err := MarshalTransaction(tx)
		if (err == nil) != c.want {
			t.Errorf("sender %v encoded: %v", c.x, err)
		}
		if err != nil {
			continue
		}
		if back, err := UnmarshalTransaction(b); err != nil || back.Sender() != c.x {
			t.Errorf("sender %v decoded: %v", c.x, err)
		}
	}
}

// TestClassHashes compares class hashes with those of the official compiler, before and after the JSON form of the RPC.
func TestClassHashes(t *testing.T) {
	var index struct {
		Pairs []struct {
			Name      string    `json:"name"`
			ClassHash felt.Felt `json:"class_hash"`
		} `json:"pairs"`
	}
	dir := golden.Corpus(t, "contracts")
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	if len(index.Pairs) == 0 {
		t.Fatal("no classes in index.json")
	}
	for _, p := range index.Pairs {
		var class ContractClass
		readJSON(t, filepath.Join(dir, "sierra-casm", p.Name+".contract_class.json"), &class)
		if got := class.Hash(); got != p.ClassHash {
			t.Errorf("%s: class hash %s, want %s", p.Name, got, p.ClassHash)
		}
		b, err := json.Marshal(&class) // abi as a string now
		if err != nil {
			t.Fatal(err)
		}
		var again ContractClass
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if got := again.Hash(); got != p.ClassHash {
			t.Errorf("%s: class hash %s after JSON, want %s", p.Name, got, p.ClassHash)
		}
	}
}

// twoBoundsFeeHash returns the fee hash of a version 3 transaction without a bound on L1 data gas.
func twoBoundsFeeHash(c *Common) felt.Felt {
	b := &c.ResourceBounds
	return poseidon.HashMany(felt.FromUint64(c.Tip), b.L1Gas.pack(nameL1Gas), b.L2Gas.pack(nameL2Gas))
}
