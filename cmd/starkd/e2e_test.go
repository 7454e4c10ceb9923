package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abcitypes "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/engines"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestNode runs one validator with two wallets, starknet.js and ours, and with requests and transactions that neither would send.
func TestNode(t *testing.T) {
	n := newTestnet(t, 1, "--block-time", "300ms")
	n.start(t, 0)
	n.ready(t, 0)
	t.Run("starknet.js", func(t *testing.T) { tellStory(t, n) })
	t.Run("starknet.js subscribes", func(t *testing.T) { subscribeStory(t, n) })
	t.Run("refused at submission", func(t *testing.T) { refusedAtSubmission(t, n) })
	t.Run("answers", func(t *testing.T) { answers(t, n) })
	t.Run("refused in a proposal", func(t *testing.T) { refusedInProposal(t, n) })
	t.Run("malformed classes", func(t *testing.T) { malformedClasses(t, n) })
	t.Run("malformed bytes", func(t *testing.T) { malformedBytes(t, n) })
	t.Run("malformed requests", func(t *testing.T) { malformedRequests(t, n) })

	// The node still works, executes a valid transaction, and ends at a signal.
	w := n.wallet(t, 1, 0)
	if _, _, err := w.Wait(t.Context(), send(t, w, w.Invoke(wallet.Transfer(n.Accounts[2].Address, 1)))); err != nil {
		t.Fatal(err)
	}
	stopWithSockets(t, n)
	n.start(t, 0)
	before := n.height(t, 0)
	n.until(t, "blocks after a restart", func() (bool, error) { return n.height(t, 0) > before+1, nil })
}

// runJS runs one of scripts/js and returns the object that it prints.
func runJS(t *testing.T, name string, args ...string) map[string]any {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the starknet.js story is not told")
	}
	scripts := filepath.Join(golden.ModuleRoot(t), "scripts", "js")
	if _, err := os.Stat(filepath.Join(scripts, "node_modules", "starknet")); err != nil {
		t.Skip("starknet.js is not installed: run npm ci in scripts/js")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, append([]string{"--experimental-websocket", filepath.Join(scripts, name)}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, stdout.Bytes(), stderr.Bytes())
	}
	var told map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil {
		t.Fatalf("%v: %s", err, stdout.Bytes())
	}
	return told
}

// subscribeStory subscribes with starknet.js to heads, events, receipts, transactions and the status of a transaction.
func subscribeStory(t *testing.T, n *testnet) {
	told := runJS(t, "subscribe.mjs", n.dir)
	t.Logf("heard: %v", told)
	text, _ := told["transaction"].(string)
	hash, err := felt.FromHex(text)
	if err != nil {
		t.Fatal(err)
	}
	if receipt, _, err := n.client(0).Receipt(t.Context(), hash); err != nil || receipt.Reverted || len(receipt.Events) != 2 {
		t.Errorf("the transaction that was heard of: %+v, %v", receipt, err)
	}
}

// stopWithSockets checks that a node ends at a signal whatever its websockets do, and closes them with a reason.
func stopWithSockets(t *testing.T, n *testnet) {
	var sockets []*websocket.Conn
	for range 10 {
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(n.Nodes[0].RPC, "http", "ws", 1)+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeNewHeads","params":[{"block_number":0}]}`)); err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, conn)
	}
	// The first websocket has received a block.
	sockets[0].SetReadDeadline(time.Now().Add(patience))
	for range 3 {
		if _, _, err := sockets[0].ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	n.nodes[0].stop(t)
	t.Logf("the node ends in %v", time.Since(begin))
	for _, conn := range sockets {
		conn.SetReadDeadline(time.Now().Add(patience))
		for {
			_, _, err := conn.ReadMessage()
			if err == nil {
				continue
			}
			if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("a socket ends with %v", err)
			}
			break
		}
	}
}

// tellStory declares, deploys an account and a contract, invokes, and reads events with starknet.js.
func tellStory(t *testing.T, n *testnet) {
	root := golden.ModuleRoot(t)
	told := runJS(t, "story.mjs", n.dir, filepath.Join(root, "contracts", "classes"), filepath.Join(root, "contracts", "testdata"))
	// Our client finds the same transactions in the same blocks.
	client := n.client(0)
	for _, name := range []string{"declare", "transfer", "deploy_account", "deploy_contract", "invoke"} {
		text, _ := told[name].(string)
		hash, err := felt.FromHex(text)
		if err != nil {
			t.Fatalf("%s: %v in %v", name, err, told)
		}
		receipt, number, err := client.Receipt(t.Context(), hash)
		if err != nil || receipt.Reverted {
			t.Fatalf("%s %v: reverted %v, %v", name, hash, receipt != nil && receipt.Reverted, err)
		}
		block, err := client.Block(t.Context(), rpc.BlockByNumber(number))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, tx := range block.Transactions {
			if tx.Hash(felt.FromShortString(n.ChainID)) == hash {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s is %d times in block %d", name, found, number)
		}
	}
}

func send(t *testing.T, w *wallet.Wallet, tx starknet.Transaction) felt.Felt {
	t.Helper()
	hash, err := w.Send(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// badTransaction is an invalid transaction and its error.
type badTransaction struct {
	name string
	want *jsonrpc.Error
	tx   *starknet.Invoke
}

// badTransactions returns transactions that are valid except for one thing.
func badTransactions(t *testing.T, n *testnet, w *wallet.Wallet) []badTransaction {
	t.Helper()
	good := w.Invoke(wallet.Transfer(n.Accounts[2].Address, 5))
	if err := w.Prepare(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	var list []badTransaction
	add := func(name string, want *jsonrpc.Error, signer *wallet.Wallet, change func(tx *starknet.Invoke)) {
		tx := *good
		change(&tx)
		if signer != nil {
			if err := signer.Sign(&tx); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, badTransaction{name, want, &tx})
	}
	elsewhere, thief := *w, *w
	elsewhere.Chain = felt.FromShortString("ANOTHER_CHAIN")
	thief.Key = n.Accounts[3].PrivateKey
	add("signed for another chain", rpc.ErrValidationFailure, &elsewhere, func(*starknet.Invoke) {})
	add("signed by another key", rpc.ErrValidationFailure, &thief, func(*starknet.Invoke) {})
	add("changed after signing", rpc.ErrValidationFailure, nil, func(tx *starknet.Invoke) {
		tx.Calldata = append([]felt.Felt{}, tx.Calldata...)
		tx.Calldata[len(tx.Calldata)-2] = felt.FromUint64(6)
	})
	add("without a signature", rpc.ErrValidationFailure, nil, func(tx *starknet.Invoke) { tx.Signature = nil })
	add("with a used nonce", rpc.ErrInvalidNonce, w, func(tx *starknet.Invoke) { tx.Nonce = felt.Zero })
	add("with a nonce far ahead", rpc.ErrInvalidNonce, w, func(tx *starknet.Invoke) { tx.Nonce = felt.FromUint64(1 << 40) })
	add("above the balance", rpc.ErrInsufficientBalance, w, func(tx *starknet.Invoke) {
		tx.ResourceBounds.L2Gas.MaxPricePerUnit = starknet.Uint128{Hi: 1 << 20}
	})
	add("below the least cost", rpc.ErrInsufficientResources, w, func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxAmount = 1 })
	add("below the price", rpc.ErrFeeBelowMinimum, w, func(tx *starknet.Invoke) { tx.ResourceBounds.L2Gas.MaxPricePerUnit = starknet.NewUint128(1) })
	add("of an account that does not exist", rpc.ErrInsufficientBalance, w, func(tx *starknet.Invoke) { tx.SenderAddress = felt.FromUint64(0xdead) })
	return list
}

func refusedAtSubmission(t *testing.T, n *testnet) {
	w := n.wallet(t, 4, 0)
	// Use a nonce twice.
	if _, _, err := w.Wait(t.Context(), send(t, w, w.Invoke(wallet.Transfer(n.Accounts[2].Address, 1)))); err != nil {
		t.Fatal(err)
	}
	for _, bad := range badTransactions(t, n, w) {
		if _, err := w.Node.Submit(t.Context(), bad.tx); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want code %d", bad.name, err, bad.want.Code)
		}
	}
	// A valid transaction is accepted once.
	good := w.Invoke(wallet.Transfer(n.Accounts[2].Address, 5))
	hash := send(t, w, good)
	if _, err := w.Node.Submit(t.Context(), good); !errors.Is(err, rpc.ErrDuplicateTransaction) && !errors.Is(err, rpc.ErrInvalidNonce) {
		t.Errorf("twice: %v, want code %d", err, rpc.ErrDuplicateTransaction.Code)
	}
	if _, _, err := w.Wait(t.Context(), hash); err != nil {
		t.Fatal(err)
	}
}

// refusedInProposal checks that validators reject a proposed block that has a transaction which the mempool would reject.
func refusedInProposal(t *testing.T, n *testnet) {
	genesis, err := cmttypes.GenesisDocFromFile(n.genesis())
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	engine := engines.New(t)
	a, err := app.New(store, engine, nil, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	params := genesis.ConsensusParams.ToProto()
	var validators []abcitypes.ValidatorUpdate
	for _, v := range genesis.Validators {
		validators = append(validators, cmttypes.TM2PB.NewValidatorUpdate(v.PubKey, v.Power))
	}
	// A replica at block 0, where the nonces of the accounts are 0.
	chain := abci.New(a)
	if _, err := chain.InitChain(t.Context(), &abcitypes.RequestInitChain{
		ChainId: genesis.ChainID, Time: genesis.GenesisTime, InitialHeight: 1, AppStateBytes: genesis.AppState, ConsensusParams: &params, Validators: validators,
	}); err != nil {
		t.Fatal(err)
	}
	process := func(txs ...[]byte) abcitypes.ResponseProcessProposal_ProposalStatus {
		t.Helper()
		answer, err := chain.ProcessProposal(t.Context(), &abcitypes.RequestProcessProposal{
			Height: 1, Time: genesis.GenesisTime.Add(time.Second), ProposerAddress: genesis.Validators[0].Address, Txs: txs,
		})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status
	}
	encode := func(tx starknet.Transaction) []byte {
		t.Helper()
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	w := n.wallet(t, 5, 0)
	good := w.Invoke(wallet.Transfer(n.Accounts[2].Address, 5))
	if err := w.Prepare(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if got := process(encode(good)); got != abcitypes.ResponseProcessProposal_ACCEPT {
		t.Fatalf("a good transaction: %v", got)
	}
	for _, bad := range badTransactions(t, n, w) {
		if bad.name == "with a used nonce" {
			continue // no nonce is used in block 0; "twice" below is that case
		}
		for _, txs := range [][][]byte{{encode(bad.tx)}, {encode(good), encode(bad.tx)}} {
			if got := process(txs...); got != abcitypes.ResponseProcessProposal_REJECT {
				t.Errorf("%s, in a block of %d: %v", bad.name, len(txs), got)
			}
		}
	}
	raw := encode(good)
	for name, txs := range map[string][][]byte{
		"twice": {raw, raw}, "cut": {raw[:len(raw)-1]}, "longer": {append(raw[:len(raw):len(raw)], 0)}, "empty": {{}}, "noise": {[]byte("noise")},
	} {
		if got := process(txs...); got != abcitypes.ResponseProcessProposal_REJECT {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func malformedClasses(t *testing.T, n *testnet) {
	w := n.wallet(t, 6, 0)
	class, err := contracts.ClassJSON(contracts.Factorial)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *starknet.Declare {
		tx, err := w.Declare(class)
		if err != nil {
			t.Fatal(err)
		}
		tx.ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 4_000_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
		return tx
	}
	for _, c := range []struct {
		name   string
		want   []*jsonrpc.Error
		change func(tx *starknet.Declare)
	}{
		{"another compiled class hash", []*jsonrpc.Error{rpc.ErrCompiledClassHashMismatch}, func(tx *starknet.Declare) { tx.CompiledClassHash = felt.One }},
		{"a word changed", []*jsonrpc.Error{rpc.ErrCompilationFailed, rpc.ErrCompiledClassHashMismatch}, func(tx *starknet.Declare) {
			program := append([]felt.Felt{}, tx.Class.SierraProgram...)
			program[len(program)/2] = felt.FromUint64(1 << 60)
			tx.Class.SierraProgram = program
		}},
		{"half of it", []*jsonrpc.Error{rpc.ErrCompilationFailed}, func(tx *starknet.Declare) {
			tx.Class.SierraProgram = tx.Class.SierraProgram[:len(tx.Class.SierraProgram)/2]
		}},
		{"nothing of it", []*jsonrpc.Error{rpc.ErrCompilationFailed}, func(tx *starknet.Declare) { tx.Class.SierraProgram = []felt.Felt{} }},
		{"an old version", []*jsonrpc.Error{rpc.ErrUnsupportedClassVersion, rpc.ErrCompilationFailed}, func(tx *starknet.Declare) {
			program := append([]felt.Felt{}, tx.Class.SierraProgram...)
			program[1] = felt.Zero
			tx.Class.SierraProgram = program
		}},
		{"zeros without end", []*jsonrpc.Error{rpc.ErrClassTooLarge, rpc.ErrCompilationFailed}, func(tx *starknet.Declare) {
			tx.Class.SierraProgram = append(tx.Class.SierraProgram[:len(tx.Class.SierraProgram):len(tx.Class.SierraProgram)], make([]felt.Felt, 400_000)...)
		}},
	} {
		tx := fresh()
		c.change(tx)
		tx.ClassHash = tx.Class.Hash()
		if err := w.Sign(tx); err != nil {
			t.Fatal(err)
		}
		_, err := w.Node.Submit(t.Context(), tx)
		ok := false
		for _, want := range c.want {
			ok = ok || errors.Is(err, want)
		}
		if !ok {
			t.Errorf("%s: %v, want one of %v", c.name, err, c.want)
		}
	}
	// The same transaction once is accepted.
	tx := fresh()
	if _, _, err := w.Wait(t.Context(), send(t, w, tx)); err != nil {
		t.Fatal(err)
	}
	again := fresh()
	again.Nonce = felt.One
	if err := w.Sign(again); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Node.Submit(t.Context(), again); !errors.Is(err, rpc.ErrClassAlreadyDeclared) {
		t.Errorf("declared twice: %v, want code %d", err, rpc.ErrClassAlreadyDeclared.Code)
	}
}

// broadcast calls CometBFT's broadcast_tx_sync, which takes any bytes.
func broadcast(t *testing.T, comet string, tx []byte) (code int, log string, err error) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": map[string]any{"tx": tx}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(comet, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var answer struct {
		Result struct {
			Code int    `json:"code"`
			Log  string `json:"log"`
		} `json:"result"`
		Error *struct {
			Message string `json:"message"`
			Data    string `json:"data"`
		} `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, "", err
	}
	if answer.Error != nil {
		return 0, "", errors.New(answer.Error.Message + ": " + answer.Error.Data)
	}
	return answer.Result.Code, answer.Result.Log, nil
}

// malformedBytes sends malformed bytes to the mempool directly, as a peer does.
func malformedBytes(t *testing.T, n *testnet) {
	w := n.wallet(t, 7, 0)
	tx := w.Invoke(wallet.Transfer(n.Accounts[2].Address, 5))
	if err := w.Prepare(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		t.Fatal(err)
	}
	huge := append(raw[:len(raw):len(raw)], make([]byte, 500_000)...)
	cases := map[string][]byte{"nothing": {}, "noise": []byte("not a transaction"), "longer": append(raw[:len(raw):len(raw)], 0), "far longer": huge}
	for _, length := range []int{1, 2, 3, len(raw) / 2, len(raw) - 1} {
		cases[fmt.Sprintf("the first %d bytes", length)] = raw[:length]
	}
	for i := 0; i < len(raw); i += 1 + len(raw)/40 {
		changed := bytes.Clone(raw)
		changed[i] ^= 0x55
		cases[fmt.Sprintf("byte %d changed, of %s", i, hex.EncodeToString(raw[:4]))] = changed
	}
	for name, data := range cases {
		code, log, err := broadcast(t, n.Nodes[0].Comet, data)
		if err == nil && code == 0 {
			t.Errorf("%s: taken", name)
		}
		if err == nil && log == "" {
			t.Errorf("%s: refused with code %d and no reason", name, code)
		}
	}
	if code, log, err := broadcast(t, n.Nodes[0].Comet, raw); err != nil || code != 0 {
		t.Errorf("unchanged: %d %s %v", code, log, err)
	}
	if _, _, err := w.Wait(t.Context(), tx.Hash(w.Chain)); err != nil {
		t.Error(err)
	}
}

// malformedRequests sends bodies that are not JSON-RPC, or are too large.
func malformedRequests(t *testing.T, n *testnet) {
	url := n.Nodes[0].RPC + "/rpc"
	post := func(body io.Reader) (int, string) {
		t.Helper()
		response, err := http.Post(url, "application/json", body)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		data, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		return response.StatusCode, string(data)
	}
	request := func(method, params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	}
	for _, c := range []struct{ name, body, want string }{
		{"nothing", "", `"code":-32700`},
		{"no JSON", "hello", `"code":-32700`},
		{"half a request", `{"jsonrpc":"2.0","id":1,`, `"code":-32700`},
		{"deep nesting", strings.Repeat("[", 100_000), `"error"`},
		{"no method", `{"jsonrpc":"2.0","id":1}`, `"code":-32600`},
		{"an unknown method", request("starknet_nosuch", "[]"), `"code":-32601`},
		{"no parameters", request("starknet_getNonce", "[]"), `"code":-32602`},
		{"a felt above the prime", request("starknet_getNonce", `["latest","0x800000000000011000000000000000000000000000000000000000000000001"]`), `"code":-32602`},
		{"a block to come", request("starknet_getBlockWithTxs", `[{"block_number":4000000000}]`), `"code":24`},
		{"an unknown transaction", request("starknet_getTransactionReceipt", `["0x1"]`), `"code":29`},
		{"no transaction", request("starknet_addInvokeTransaction", `[{}]`), `"code":-32602`},
		{"a transaction of version 9", request("starknet_addInvokeTransaction", `[{"type":"INVOKE","version":"0x9"}]`), `"error"`},
		{"an empty batch", "[]", `"code":-32600`},
		{"a batch of thousands", "[" + strings.Repeat(request("starknet_chainId", "[]")+",", 5000) + request("starknet_chainId", "[]") + "]", `"error"`},
	} {
		if _, got := post(strings.NewReader(c.body)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %.300s, want %s", c.name, got, c.want)
		}
	}
	// The server stops reading after max_body_bytes; a client that still writes may see the connection end.
	status, got := post(io.LimitReader(zeros{}, 40<<20))
	if status != http.StatusRequestEntityTooLarge && status != 0 {
		t.Errorf("a body of 40 MiB: %d %.200s", status, got)
	}
	if _, got := post(strings.NewReader(request("starknet_chainId", "[]"))); !strings.Contains(got, `"result"`) {
		t.Errorf("and then: %s", got)
	}
}

// zeros is an endless reader of the digit 0.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}
