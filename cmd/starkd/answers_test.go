package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// answers checks requests of wallets: each case is a request and the answer that the specification has for it.
func answers(t *testing.T, n *testnet) {
	ctx, w := t.Context(), n.wallet(t, 8, 0)
	to := n.Accounts[2].Address

	// ask returns the result, or the code and the text of the error.
	ask := func(method string, params any) (result string, code int, says string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "starknet_" + method, "params": params})
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(n.Nodes[0].RPC+"/rpc", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Result json.RawMessage
			Error  struct{ Code int }
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("%s: %v: %s", method, err, raw)
		}
		for _, prefix := range []string{"app: ", "casm: ", "compiler: ", "executor: ", "rejected (", "sierra: ", "starknet: ", "state: ", "trie: "} {
			if answer.Error.Code != 0 && strings.Contains(string(raw), prefix) {
				t.Errorf("%s: the answer speaks of our packages: %s", method, raw)
			}
		}
		return string(answer.Result), answer.Error.Code, string(raw)
	}
	wants := func(name, method string, params any, code int, text string) {
		t.Helper()
		result, got, says := ask(method, params)
		if got != code || code == 0 && !strings.Contains(result, text) || !strings.Contains(says, text) {
			t.Errorf("%s: %.600s, want code %d and %q", name, says, code, text)
		}
	}

	// The requests of shared/cases/rpc.
	const above, below = "0x800000000000000000000000000000000000000000000000000000000000000", "0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	type object = map[string]any
	wants("proof of a class of 2^251", "getStorageProof", object{"block_id": "latest", "class_hashes": []string{above}}, -32602, "class_hashes[0]")
	wants("proof of a contract of 2^251", "getStorageProof", object{"block_id": "latest", "contract_addresses": []string{above}}, -32602, "contract_addresses[0]")
	wants("proof of a key of 2^251", "getStorageProof", object{"block_id": "latest", "contracts_storage_keys": []object{
		{"contract_address": starknet.StrkAddress, "storage_keys": []string{above}},
	}}, -32602, "contracts_storage_keys[0].storage_keys[0]")
	wants("proof of the last contract", "getStorageProof", object{"block_id": "latest", "contract_addresses": []string{below}}, 0, "contract_leaves_data")
	wants("proof of the last class", "getStorageProof", object{"block_id": "latest", "class_hashes": []string{below}}, 0, "classes_proof")
	wants("initial reads of genesis", "traceBlockTransactions", object{"block_id": object{"block_number": 0}, "trace_flags": []string{"RETURN_INITIAL_READS"}}, 0,
		`{"traces":[],"initial_reads":{"storage":[],"nonces":[],"class_hashes":[],"declared_contracts":[]}}`)
	wants("initial reads of nothing", "simulateTransactions", []any{"latest", []any{}, []string{"RETURN_INITIAL_READS"}}, 0, `{"simulated_transactions":[],"initial_reads":{"storage":[]`)

	// A transaction behind a gap of nonces waits. It can be read meanwhile, and also just before its block.
	first := w.Invoke(wallet.Transfer(to, 1))
	if err := w.Prepare(ctx, first); err != nil {
		t.Fatal(err)
	}
	second := *first
	second.Nonce = *new(felt.Felt).Add(&first.Nonce, &felt.One)
	if err := w.Sign(&second); err != nil {
		t.Fatal(err)
	}
	waiting, err := w.Node.Submit(ctx, &second)
	if err != nil {
		t.Fatal(err)
	}
	wants("a RECEIVED transaction's status", "getTransactionStatus", []any{waiting}, 0, `"RECEIVED"`)
	wants("a RECEIVED transaction", "getTransactionByHash", []any{waiting}, 0, `"transaction_hash":"`+waiting.String()+`"`)
	if got, err := w.Node.Transaction(ctx, waiting); err != nil || got.Hash(w.Chain) != waiting {
		t.Errorf("the RECEIVED transaction is %+v, %v", got, err)
	}
	wants("a RECEIVED transaction's receipt", "getTransactionReceipt", []any{waiting}, 29, "")
	wants("a RECEIVED transaction's trace", "traceTransaction", []any{waiting}, 10, `"RECEIVED"`)
	if _, err := w.Node.Submit(ctx, &second); !errors.Is(err, rpc.ErrDuplicateTransaction) {
		t.Errorf("a waiting transaction sent again: %v", err)
	}
	if _, err := w.Node.Submit(ctx, first); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Wait(ctx, waiting); err != nil {
		t.Fatal(err)
	}
	for _, tx := range []*starknet.Invoke{first, &second} {
		if _, err := w.Node.Submit(ctx, tx); !errors.Is(err, rpc.ErrInvalidNonce) || !strings.Contains(err.Error(), "the transaction has") {
			t.Errorf("a transaction in a block sent again: %v", err)
		}
	}
	class, err := contracts.ClassJSON(contracts.Fibonacci)
	if err != nil {
		t.Fatal(err)
	}
	declare, err := w.Declare(class)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Wait(ctx, send(t, w, declare)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Node.Submit(ctx, declare); !errors.Is(err, rpc.ErrInvalidNonce) {
		t.Errorf("a DECLARE in a block sent again: %v", err)
	}
	wants("a transaction in a block", "getTransactionByHash", []any{waiting}, 0, `"transaction_hash":"`+waiting.String()+`"`)

	// Initial reads of a simulation and of a block. The nonce of the sender is the one before the transaction.
	_, number, err := w.Node.Receipt(ctx, waiting)
	if err != nil {
		t.Fatal(err)
	}
	nonceBefore := fmt.Sprintf(`{"contract_address":"%v","nonce":"%v"}`, w.Address, first.Nonce)
	_, firstNumber, err := w.Node.Receipt(ctx, first.Hash(w.Chain))
	if err != nil {
		t.Fatal(err)
	}
	wants("initial reads of a block", "traceBlockTransactions", []any{object{"block_number": firstNumber}, []string{"RETURN_INITIAL_READS"}}, 0, nonceBefore)
	wants("traces without them", "traceBlockTransactions", []any{object{"block_number": number}}, 0, `[{"transaction_hash"`)

	// A sender without an account.
	none, udc := *w, *w
	none.Address, udc.Address = felt.FromUint64(0xdead), starknet.UdcAddress
	query := none.Invoke(wallet.Transfer(to, 1))
	query.Query = true
	for _, skip := range []bool{false, true} {
		if _, err := w.Node.EstimateFee(ctx, rpc.LatestBlock, skip, query); !errors.Is(err, rpc.ErrContractNotFound) {
			t.Errorf("estimate of an undeployed sender, validation skipped %v: %v", skip, err)
		}
	}
	deploy := &starknet.DeployAccount{ClassHash: felt.FromUint64(0xabc), ContractAddressSalt: felt.FromUint64(77)}
	fund := w.Invoke(wallet.Transfer(starknet.UdcAddress, 5e18), wallet.Transfer(deploy.Sender(), 5e18))
	if _, _, err := w.Wait(ctx, send(t, w, fund)); err != nil {
		t.Fatal(err)
	}
	bounds := first.ResourceBounds
	bounds.L2Gas.MaxAmount = 100_000_000
	refused := func(name string, signer *wallet.Wallet, tx starknet.Transaction, want *jsonrpc.Error, text string) {
		t.Helper()
		tx.Fields().ResourceBounds = bounds
		if err := signer.Sign(tx); err != nil {
			t.Fatal(err)
		}
		_, err := w.Node.Submit(ctx, tx)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "executor:") {
			t.Errorf("%s: %v, want code %d and %q", name, err, want.Code, text)
		}
	}
	refused("account of a class that is not declared", w, deploy, rpc.ErrClassNotFound, "is not declared")
	refused("sender that is no account", &udc, udc.Invoke(wallet.Transfer(to, 1)), rpc.ErrNonAccount, "ENTRYPOINT_NOT_FOUND")

	// A class whose Sierra version is too old.
	old, err := w.Declare(class)
	if err != nil {
		t.Fatal(err)
	}
	old.Class.SierraProgram[1] = felt.FromUint64(2)
	old.ClassHash = old.Class.Hash()
	bounds.L2Gas.MaxAmount = 2_000_000_000
	if old.Nonce, err = w.Node.Nonce(ctx, rpc.LatestBlock, w.Address); err != nil {
		t.Fatal(err)
	}
	refused("class of an old version", w, old, rpc.ErrUnsupportedClassVersion, "Sierra version 1.2")
	stale := *first
	stale.Query = true
	if _, err := w.Node.EstimateFee(ctx, rpc.LatestBlock, true, &stale); err == nil || strings.Contains(err.Error(), "rejected (") || !strings.Contains(err.Error(), "nonce of account") {
		t.Errorf("estimate with a used nonce: %v", err)
	}
}
