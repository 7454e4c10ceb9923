package watcher

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	k1 "github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1ecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/starkd/starkd/app"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
)

// workload is the address of a contract whose entry points use one builtin or syscall each (cairo/os/testdata/workload.cairo).
var workload = felt.FromUint64(0x3013)

// account is an account of some class.
type account struct {
	name        string
	class       *starknet.ContractClass
	constructor []felt.Felt
	sign        func(hash felt.Felt) []felt.Felt
	address     felt.Felt // deployed by the genesis
	later       felt.Felt // deployed by a DEPLOY_ACCOUNT
	nonce       uint64
}

// laterSalt is the salt of the accounts that a DEPLOY_ACCOUNT deploys.
var laterSalt = felt.FromUint64(0x5a17)

// starkSigner returns a function that signs with a key on the STARK curve, and the public key.
func starkSigner(t testing.TB, key uint64) (sign func(felt.Felt) []felt.Felt, public felt.Felt) {
	secret := felt.FromUint64(key)
	public, err := starkcurve.PublicKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return func(hash felt.Felt) []felt.Felt {
		r, s, err := starkcurve.Sign(secret, hash)
		if err != nil {
			t.Fatal(err)
		}
		return []felt.Felt{r, s}
	}, public
}

// wide returns the low and the high 128 bits of an integer below 2^256, as Cairo serializes a u256.
func wide(v *big.Int) []felt.Felt {
	high, low := new(big.Int).DivMod(v, new(big.Int).Lsh(big.NewInt(1), 128), new(big.Int))
	return []felt.Felt{felt.FromBigInt(low), felt.FromBigInt(high)}
}

// ethKey is the key of the accounts with secp256k1.
var ethKey = k1.PrivKeyFromBytes([]byte("the key of an Ethereum address.."))

// ethSign returns r and s, and the parity of y, of a signature on secp256k1.
func ethSign(hash felt.Felt) []felt.Felt {
	message := hash.Bytes()
	compact := k1ecdsa.SignCompact(ethKey, message[:], false) // 27 + the parity of y, r, s
	words := append(wide(new(big.Int).SetBytes(compact[1:33])), wide(new(big.Int).SetBytes(compact[33:]))...)
	return append(words, felt.FromUint64(uint64(compact[0]-27)&1))
}

// ethAccount returns an account that belongs to an Ethereum address.
func ethAccount(t testing.TB) *account {
	digest := keccak.Sum256(ethKey.PubKey().SerializeUncompressed()[1:])
	return &account{
		name: "Ethereum's", class: classFile(t, "cairo", "os", "testdata", "eth_account.contract_class.json"),
		constructor: []felt.Felt{felt.FromBytesReduce(digest[12:])}, sign: ethSign,
	}
}

// jointAccount returns an account that belongs to a group of three keys, whose Poseidon hash it stores.
func jointAccount(t testing.TB) *account {
	var keys []felt.Felt
	var signers []func(felt.Felt) []felt.Felt
	for i := range uint64(3) {
		sign, public := starkSigner(t, 100+i)
		keys, signers = append(keys, public), append(signers, sign)
	}
	return &account{
		name: "a group's", class: classFile(t, "cairo", "os", "testdata", "joint_account.contract_class.json"),
		constructor: []felt.Felt{poseidon.HashMany(keys...)},
		sign: func(hash felt.Felt) []felt.Felt {
			words := append([]felt.Felt{felt.FromUint64(uint64(len(keys)))}, keys...)
			for _, sign := range signers {
				words = append(words, sign(hash)...)
			}
			return words
		},
	}
}

// accountsOf returns an account of each kind: ours, one with secp256k1, one with Poseidon, and those of other makers, whose classes are in
// the folder STARKD_ACCOUNTS (testdata/accounts.sh).
func accountsOf(t testing.TB) []*account {
	sign, public := starkSigner(t, 4711)
	list := []*account{
		{name: "ours", class: classFile(t, "contracts", "classes", contracts.Account+".contract_class.json"), constructor: []felt.Felt{public}, sign: sign},
		ethAccount(t), jointAccount(t),
	}
	point := append(wide(ethKey.PubKey().X()), wide(ethKey.PubKey().Y())...)
	for _, other := range []account{
		{name: "OpenZeppelin", constructor: []felt.Felt{public}, sign: sign},
		{name: "OpenZeppelin_eth", constructor: point, sign: func(hash felt.Felt) []felt.Felt { return ethSign(hash)[:4] }},
		{name: "Argent", constructor: []felt.Felt{felt.Zero, public, felt.One}, sign: sign}, // an owner with a key on the STARK curve, no guardian
	} {
		folder := os.Getenv("STARKD_ACCOUNTS")
		if folder == "" {
			t.Logf("no account of %s: STARKD_ACCOUNTS is not set", other.name)
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, strings.ToLower(other.name)+"_account.contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		other.class = new(starknet.ContractClass)
		if err := json.Unmarshal(text, other.class); err != nil {
			t.Fatal(err)
		}
		list = append(list, &other)
	}
	for i, a := range list {
		a.address = felt.FromUint64(0xacc0 + uint64(i))
		a.later = starknet.ContractAddress(felt.Zero, laterSalt, a.class.Hash(), a.constructor)
	}
	return list
}

// newAccounts returns a chain whose genesis has the accounts, funded, and the contracts probe and workload.
func newAccounts(t testing.TB, accounts []*account) *local {
	t.Helper()
	l := &local{t: t, nonces: map[felt.Felt]uint64{}}
	l.validators, l.keys = validatorSet(4)
	l.wallet = &wallet.Wallet{Chain: felt.FromShortString("TEST")}
	var g app.Genesis
	declared := map[felt.Felt]bool{}
	deploy := func(address felt.Felt, class *starknet.ContractClass, constructor ...felt.Felt) {
		if hash := class.Hash(); !declared[hash] {
			declared[hash] = true
			g.Classes = append(g.Classes, class)
		}
		g.Contracts = append(g.Contracts, app.GenesisContract{Address: address, ClassHash: class.Hash(), Constructor: &constructor})
	}
	funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
	for _, a := range accounts {
		deploy(a.address, a.class, a.constructor...)
		g.Balances = append(g.Balances, app.GenesisBalance{Address: a.address, Amount: funds}, app.GenesisBalance{Address: a.later, Amount: funds})
	}
	deploy(starknet.StrkAddress, classFile(t, "contracts", "classes", contracts.ERC20+".contract_class.json"),
		felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), felt.Zero, felt.Zero, accounts[0].address)
	deploy(probe, classFile(t, "cairo", "os", "testdata", "probe.contract_class.json"))
	deploy(workload, classFile(t, "cairo", "os", "testdata", "workload.contract_class.json"))
	l.start(&g, compileOnce)
	return l
}

// send signs a transaction of an account and encodes it.
func (l *local) send(a *account, tx starknet.Transaction, nonce uint64) []byte {
	l.t.Helper()
	f := tx.Fields()
	f.Nonce = felt.FromUint64(nonce)
	f.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 400_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
	f.Signature = a.sign(tx.Hash(l.wallet.Chain))
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		l.t.Fatal(err)
	}
	return raw
}

// invokeBy returns an INVOKE of an account.
func (l *local) invokeBy(a *account, calls ...wallet.Call) []byte {
	l.t.Helper()
	a.nonce++
	return l.send(a, (&wallet.Wallet{Address: a.address}).Invoke(calls...), a.nonce-1)
}

// deployBy returns a DEPLOY_ACCOUNT of the account's class.
func (l *local) deployBy(a *account) []byte {
	l.t.Helper()
	return l.send(a, &starknet.DeployAccount{ClassHash: a.class.Hash(), ContractAddressSalt: laterSalt, ConstructorCalldata: a.constructor}, 0)
}

// declareBy returns a DECLARE of one of our contracts.
func (l *local) declareBy(a *account, name string) []byte {
	l.t.Helper()
	text, err := contracts.ClassJSON(name)
	if err != nil {
		l.t.Fatal(err)
	}
	declare, err := (&wallet.Wallet{Address: a.address}).Declare(text)
	if err != nil {
		l.t.Fatal(err)
	}
	a.nonce++
	return l.send(a, declare, a.nonce-1)
}

func number(v uint64) felt.Felt { return felt.FromUint64(v) }

func work(name string, calldata ...felt.Felt) wallet.Call {
	return wallet.Call{To: workload, Name: name, Calldata: calldata}
}

// span returns words as Cairo serializes a Span<felt252>.
func span(words ...felt.Felt) []felt.Felt {
	return append([]felt.Felt{number(uint64(len(words)))}, words...)
}

// p256Point returns the coordinates of k times the base point of P-256.
func p256Point(k *big.Int) (x, y *big.Int) {
	key, err := ecdh.P256().NewPrivateKey(k.FillBytes(make([]byte, 32)))
	if err != nil {
		panic(err)
	}
	point := key.PublicKey().Bytes() // 4, x, y
	return new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
}

// p256Call returns a call that verifies a signature on P-256 of a hash.
func p256Call(hash uint64) wallet.Call {
	n := elliptic.P256().Params().N
	secret, nonce, h := big.NewInt(987_654_321), new(big.Int).SetUint64(1<<60+hash), new(big.Int).SetUint64(hash)
	x, y := p256Point(secret)
	r, _ := p256Point(nonce)
	s := new(big.Int).Mul(r, secret)
	s.Add(s, h).Mul(s, new(big.Int).ModInverse(nonce, n)).Mod(s, n)
	if other := new(big.Int).Sub(n, s); other.Cmp(s) < 0 {
		s = other // Cairo takes only the smaller one
	}
	var words []felt.Felt
	for _, v := range []*big.Int{h, r, s, x, y} {
		words = append(words, wide(v)...)
	}
	return work("p256", words...)
}

// pointCalls returns calls that compute with a point of each of the two curves: with scalars around the order, and with coordinates
// that are no point or not below the modulus.
func pointCalls() (calls []wallet.Call) {
	base1, base2 := k1.Params(), elliptic.P256().Params()
	for curve, c := range []struct{ P, N, Gx, Gy *big.Int }{{base1.P, base1.N, base1.Gx, base1.Gy}, {base2.P, base2.N, base2.Gx, base2.Gy}} {
		one := big.NewInt(1)
		top := new(big.Int).Sub(new(big.Int).Lsh(one, 256), one)
		zero, more := new(big.Int), new(big.Int).Add(c.N, one)
		for _, v := range [][3]*big.Int{
			{c.Gx, c.Gy, big.NewInt(0xabcdef)}, {c.Gx, c.Gy, zero}, {c.Gx, c.Gy, c.N}, {c.Gx, c.Gy, more}, {c.Gx, c.Gy, top}, {c.Gx, c.Gy, new(big.Int).Sub(c.N, one)},
			{c.Gx, new(big.Int).Sub(c.P, c.Gy), one}, {zero, zero, one}, {c.Gx, c.Gx, one}, {c.P, c.Gy, one}, {c.Gx, c.P, one}, {top, top, one},
			{new(big.Int).Sub(c.P, one), c.Gy, one}, {big.NewInt(5), one, zero},
		} {
			words := []felt.Felt{number(uint64(curve))}
			for _, x := range v {
				words = append(words, wide(x)...)
			}
			calls = append(calls, work("point", words...))
		}
	}
	return calls
}

// workOf returns the i-th call of a long list in which every builtin and every computation syscall occurs again and again.
func workOf(i uint64) wallet.Call {
	points := pointCalls()
	switch i % 11 {
	case 0:
		return wallet.Transfer(number(0xbe+i), i)
	case 1: // every third time there is no inverse
		return work("circuit", felt.FromUint128(i, 1), number(i), number(i%3), number(0))
	case 2:
		return work("sha256", number(i%40))
	case 3:
		return work("sha512", number(1), felt.FromShortString("a text of thirty-one characters"), felt.FromShortString("and more"), number(8))
	case 4:
		return work("keccak", number(i%36))
	case 5:
		return work("poseidon", span(number(i), number(2), number(3))...)
	case 6:
		return work("dictionary", number(3+i%20))
	case 7:
		return p256Call(i)
	case 8:
		return points[i/11%uint64(len(points))]
	case 9: // every second time the inner call panics
		return work("meta", slices.Concat([]felt.Felt{workload, wallet.Selector("__execute__")}, span(number(i/11%2*i)), span(number(7), number(8)))...)
	default: // an entry point that a meta transaction cannot call
		return work("meta", slices.Concat([]felt.Felt{workload, wallet.Selector("last")}, span(), span(number(i)))...)
	}
}

// mixedTransactions returns n transactions of all accounts in turn, with all kinds of calls. Some of them are reverted. The first
// ones deploy an account of each kind, and declare a class.
func (l *local) mixedTransactions(accounts []*account, n int) (txs [][]byte) {
	l.t.Helper()
	for _, a := range accounts {
		txs = append(txs, l.deployBy(a))
	}
	txs = append(txs, l.declareBy(accounts[1], contracts.Factorial))
	for i := uint64(0); len(txs) < n; i++ {
		calls := []wallet.Call{workOf(i)}
		switch {
		case reverts(int(i)): // the balance does not cover it
			calls = append(calls, wallet.Call{To: starknet.StrkAddress, Name: "transfer", Calldata: []felt.Felt{number(1), number(0), number(1)}})
		case i%13 == 7:
			calls = append(calls, wallet.Transfer(number(0xbe), 1), workOf(i+3))
		}
		txs = append(txs, l.invokeBy(accounts[i%uint64(len(accounts))], calls...))
	}
	return txs
}

// reverts reports whether the i-th call of mixedTransactions, after the deployments and the declaration, is reverted.
func reverts(i int) bool { return i%13 == 5 }

// TestMixedBlock runs the OS program on a block of mixed transactions, and replays the claim: every transaction is proved whole. With
// STARKD_FULL the block has 150 transactions and is proved by S-two, and its bundle is verified; StarkWare's verifier judges the proof if STARKD_STWO_JUDGE is the
// path of stwo-judge.
func TestMixedBlock(t *testing.T) {
	accounts := accountsOf(t)
	full := os.Getenv("STARKD_FULL") != ""
	n := 10 + len(accounts)
	if full {
		n = 150
	}
	l := newAccounts(t, accounts)
	l.block(l.mixedTransactions(accounts, n)...)
	_, results := l.verified(1)
	for i, r := range results {
		var result starknet.Result
		if err := result.UnmarshalBinary(r.Data); err != nil {
			t.Fatal(err)
		}
		call := i - len(accounts) - 1
		if got, want := result.Receipt.Reverted, call >= 0 && reverts(call); got != want {
			t.Errorf("transaction %d: reverted: %t, want %t: %s", i, got, want, result.Receipt.RevertReason)
		}
	}
	trace, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	run, err := cairoos.Run([]*cairoos.Block{osBlock(trace)}, cairoos.Options{Layout: cairoos.LayoutStwo})
	if err != nil {
		t.Fatal(err)
	}
	claim, err := statement.ReadClaim(publicInput(run))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d transactions of %d kinds of accounts: %d steps, %d words of output", n, len(accounts), run.Public.Steps, len(claim.Output))
	l.provedWhole(trace, claim)
	if full {
		l.provedWhole(trace, proveByStwo(t, run))
		l.bundleOfAll(trace)
	}
}

// bundleOfAll makes the bundle of the first block as a watcher does, and verifies it as `starkd verify` does and, with Node, as the browser does.
func (l *local) bundleOfAll(trace *app.BlockTrace) {
	t := l.t
	t.Helper()
	l.watcher.system = &stwoSystem{params: *StwoParams(26, 70)}
	l.watcher.config.MaxSteps = 1 << 20
	b, results := l.verified(1)
	_, bundle, err := l.watcher.proveBlock(t.Context(), b, results)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	proof, err := block.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := block.Verify(proof, anchor, prover.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of bundle, verified in %v", len(bundle), time.Since(start))
	for i, tx := range verdict.Outcome.Transactions {
		if tx.Unproven != nil || len(tx.UnprovenParts) > 0 {
			t.Errorf("transaction %d: unproven: %v, unproven parts: %v", i, tx.Unproven, tx.UnprovenParts)
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return
	}
	root, dir := golden.ModuleRoot(t), t.TempDir()
	doc := *l.watcher.config.Genesis
	doc.AppState = nil
	genesis, err := cmtjson.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"proof.json": bundle, "genesis.json": genesis, "wasm_exec.js": support} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "verifier.wasm"), "./cmd/verifier-wasm")
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	verify := exec.CommandContext(t.Context(), node, filepath.Join(root, "scripts", "js", "verify-wasm.mjs"), dir, filepath.Join(dir, "proof.json"), filepath.Join(dir, "genesis.json"))
	output, err := verify.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		OK           bool
		Error        string
		Milliseconds int64
		Transactions []json.RawMessage
	}
	if err := json.Unmarshal(output, &answer); err != nil || !answer.OK || len(answer.Transactions) != len(trace.Transactions) {
		t.Fatalf("the browser's verifier: %v, %.300s", err, output)
	}
	t.Logf("verified by the browser's verifier in %d ms", answer.Milliseconds)
}

// provedWhole checks that a claim holds for a block, and that it covers each transaction whole.
func (l *local) provedWhole(trace *app.BlockTrace, claim *statement.Claim) {
	t := l.t
	t.Helper()
	start := time.Now()
	outcome, err := statement.Check([]*statement.Claim{claim}, l.statementBlock(trace), l.app.Store().At(trace.Header.Number-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("replayed in %v", time.Since(start))
	for i, tx := range outcome.Transactions {
		if tx.Unproven != nil || len(tx.UnprovenParts) > 0 || !slices.Contains(tx.Proven(), statement.ValidateCall.String()) {
			t.Errorf("transaction %d: unproven: %v, unproven parts: %v, proven: %v", i, tx.Unproven, tx.UnprovenParts, tx.Proven())
		}
	}
}
