// Package client is a client for the JSON-RPC of a Starknet node. It reads blocks, receipts, classes, events and storage, calls contracts,
// estimates fees and submits transactions. It holds no keys: the caller signs the hash of a transaction with starkcurve.Sign, as the
// example Transfer of package node shows. The method Do makes any other request.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// Client sends requests to a Starknet node. Errors from the node are *jsonrpc.Error values, which errors.Is compares by code. A Client is
// safe for concurrent use.
//
// A Client trusts the node, except for data that a hash checks: Class checks the class hash, and callers can check a block with Block.Check.
type Client struct {
	url  string
	http *http.Client
	id   atomic.Uint64
}

// maxAnswer bounds the bytes of one answer. It is many times the size of a block of the largest transactions.
const maxAnswer = 256 << 20

// New returns a client of the node at url. A nil HTTP client means one with a timeout of 60 s.
func New(url string, client *http.Client) *Client {
	if client == nil {
		client = &http.Client{Timeout: 60 * time.Second}
	}
	return &Client{url: url, http: client}
}

// Do calls a method with parameters by name and decodes the answer into result, unless result is nil.
func (c *Client) Do(ctx context.Context, method string, params map[string]any, result any) error {
	if params == nil {
		params = map[string]any{}
	}
	body, err := jsonrpc.Marshal(struct {
		Version string         `json:"jsonrpc"`
		ID      uint64         `json:"id"`
		Method  string         `json:"method"`
		Params  map[string]any `json:"params"`
	}{"2.0", c.id.Add(1), method, params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("rpc: %s: %w", method, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("rpc: %s: %w", method, err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("rpc: %s: answer of more than %d bytes", method, maxAnswer)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *jsonrpc.Error  `json:"error"`
	}
	if err := jsonv2.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("rpc: %s: status %s, not a JSON-RPC answer: %s", method, resp.Status, bounded.Clip(raw))
	}
	if answer.Error != nil {
		return answer.Error
	}
	if answer.Result == nil {
		return fmt.Errorf("rpc: %s: answer has neither result nor error: %s", method, bounded.Clip(raw))
	}
	if result == nil {
		return nil
	}
	if err := jsonv2.Unmarshal(answer.Result, result); err != nil {
		return resultError(method, err)
	}
	return nil
}

func resultError(method string, err error) error {
	return fmt.Errorf("rpc: %s: result: %w", method, err)
}

// SpecVersion returns the version of the specification that the node implements.
func (c *Client) SpecVersion(ctx context.Context) (version string, err error) {
	err = c.Do(ctx, "starknet_specVersion", nil, &version)
	return version, err
}

// ChainID returns the chain id as a felt.
func (c *Client) ChainID(ctx context.Context) (id felt.Felt, err error) {
	err = c.Do(ctx, "starknet_chainId", nil, &id)
	return id, err
}

// BlockNumber returns the number of the latest block.
func (c *Client) BlockNumber(ctx context.Context) (n uint64, err error) {
	err = c.Do(ctx, "starknet_blockNumber", nil, &n)
	return n, err
}

// Block returns a decided block with its receipts. Its DECLAREs have no classes.
func (c *Client) Block(ctx context.Context, id rpc.BlockID) (*starknet.Block, error) {
	const method = "starknet_getBlockWithReceipts"
	var raw json.RawMessage
	if err := c.Do(ctx, method, map[string]any{"block_id": id, "response_flags": []string{"INCLUDE_PROOF_FACTS"}}, &raw); err != nil {
		return nil, err
	}
	b, err := rpc.DecodeBlock(raw)
	if err != nil {
		return nil, resultError(method, err)
	}
	if !id.Names(b.Number, b.BlockHash) {
		return nil, fmt.Errorf("rpc: the node sent block %d with hash %s, which was not requested", b.Number, b.BlockHash)
	}
	return b, nil
}

// StateDiff returns the state difference of a block.
func (c *Client) StateDiff(ctx context.Context, id rpc.BlockID) (*starknet.StateDiff, error) {
	const method = "starknet_getStateUpdate"
	var raw json.RawMessage
	if err := c.Do(ctx, method, map[string]any{"block_id": id}, &raw); err != nil {
		return nil, err
	}
	diff, err := rpc.DecodeStateDiff(raw)
	if err != nil {
		return nil, resultError(method, err)
	}
	return diff, nil
}

// TransactionStatus returns a transaction's finality status and, once it is in a block, whether it reverted and the revert reason.
func (c *Client) TransactionStatus(ctx context.Context, hash felt.Felt) (finality rpc.TransactionStatus, reverted bool, reason string, err error) {
	var j struct {
		Finality  rpc.TransactionStatus `json:"finality_status"`
		Execution string                `json:"execution_status"`
		Failure   string                `json:"failure_reason"`
	}
	err = c.Do(ctx, "starknet_getTransactionStatus", map[string]any{"transaction_hash": hash}, &j)
	return j.Finality, j.Execution == "REVERTED", j.Failure, err
}

// Transaction returns a transaction that is in a block or in the mempool.
func (c *Client) Transaction(ctx context.Context, hash felt.Felt) (starknet.Transaction, error) {
	var raw json.RawMessage
	if err := c.Do(ctx, "starknet_getTransactionByHash", map[string]any{"transaction_hash": hash}, &raw); err != nil {
		return nil, err
	}
	return rpc.DecodeTransaction(raw)
}

// Receipt returns a transaction's receipt and the number of its block.
func (c *Client) Receipt(ctx context.Context, hash felt.Felt) (*starknet.Receipt, uint64, error) {
	const method = "starknet_getTransactionReceipt"
	var raw json.RawMessage
	if err := c.Do(ctx, method, map[string]any{"transaction_hash": hash}, &raw); err != nil {
		return nil, 0, err
	}
	r, n, err := rpc.DecodeReceipt(raw)
	if err != nil {
		return nil, 0, resultError(method, err)
	}
	return r, n, nil
}

// WaitForReceipt requests the receipt at each interval until the transaction is in a decided block, and returns the receipt and the
// number of the block. It also waits for a transaction that the node does not know or no longer knows; ctx bounds the wait.
func (c *Client) WaitForReceipt(ctx context.Context, hash felt.Felt, interval time.Duration) (*starknet.Receipt, uint64, error) {
	for {
		r, n, err := c.Receipt(ctx, hash)
		if err == nil || !errors.Is(err, rpc.ErrTransactionNotFound) {
			return r, n, err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("rpc: transaction %s: %w", hash, ctx.Err())
		}
	}
}

// Nonce returns the nonce of a contract.
func (c *Client) Nonce(ctx context.Context, id rpc.BlockID, contract felt.Felt) (nonce felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getNonce", map[string]any{"block_id": id, "contract_address": contract}, &nonce)
	return nonce, err
}

// StorageAt returns the value of a storage slot.
func (c *Client) StorageAt(ctx context.Context, id rpc.BlockID, contract, key felt.Felt) (value felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getStorageAt", map[string]any{"block_id": id, "contract_address": contract, "key": key}, &value)
	return value, err
}

// ClassHashAt returns the class hash of a contract.
func (c *Client) ClassHashAt(ctx context.Context, id rpc.BlockID, contract felt.Felt) (hash felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getClassHashAt", map[string]any{"block_id": id, "contract_address": contract}, &hash)
	return hash, err
}

// Class returns a declared class. It returns an error if the class does not have the hash.
func (c *Client) Class(ctx context.Context, id rpc.BlockID, classHash felt.Felt) (*starknet.ContractClass, error) {
	class := new(starknet.ContractClass)
	if err := c.Do(ctx, "starknet_getClass", map[string]any{"block_id": id, "class_hash": classHash}, class); err != nil {
		return nil, err
	}
	if got := class.Hash(); got != classHash {
		return nil, fmt.Errorf("rpc: asked for class %s, the node sent one with hash %s", classHash, got)
	}
	return class, nil
}

// Call runs an entry point outside a transaction and returns its return data.
func (c *Client) Call(ctx context.Context, id rpc.BlockID, call rpc.FunctionCall) (result []felt.Felt, err error) {
	call.Calldata = list(call.Calldata)
	err = c.Do(ctx, "starknet_call", map[string]any{"block_id": id, "request": call}, &result)
	return result, err
}

// EstimateFee returns an estimate for each transaction. Each sees the effects of those before it.
func (c *Client) EstimateFee(ctx context.Context, id rpc.BlockID, skipValidate bool, txs ...starknet.Transaction) ([]rpc.FeeEstimate, error) {
	flags := []string{}
	if skipValidate {
		flags = append(flags, "SKIP_VALIDATE")
	}
	request := make([]any, len(txs))
	for i, tx := range txs {
		request[i] = rpc.EncodeTransaction(tx)
	}
	var estimates []rpc.FeeEstimate
	err := c.Do(ctx, "starknet_estimateFee", map[string]any{"block_id": id, "simulation_flags": flags, "request": request}, &estimates)
	return estimates, err
}

// Submit sends a transaction and returns its hash.
func (c *Client) Submit(ctx context.Context, tx starknet.Transaction) (felt.Felt, error) {
	var method, param string
	switch tx.Type() {
	case starknet.InvokeType:
		method, param = "starknet_addInvokeTransaction", "invoke_transaction"
	case starknet.DeclareType:
		method, param = "starknet_addDeclareTransaction", "declare_transaction"
	case starknet.DeployAccountType:
		method, param = "starknet_addDeployAccountTransaction", "deploy_account_transaction"
	}
	var j struct {
		Hash felt.Felt `json:"transaction_hash"`
	}
	err := c.Do(ctx, method, map[string]any{param: rpc.EncodeTransaction(tx)}, &j)
	return j.Hash, err
}

// Events calls each with all events of a contract, in a range of blocks, whose first key is among keys. Empty keys match all events. Events
// stops at the first error of each and returns it.
func (c *Client) Events(ctx context.Context, from, to rpc.BlockID, contract felt.Felt, keys []felt.Felt, each func(block uint64, transaction felt.Felt, e starknet.Event) error) error {
	filter := map[string]any{"from_block": from, "to_block": to, "address": contract, "chunk_size": 1000}
	if len(keys) > 0 {
		filter["keys"] = [][]felt.Felt{keys}
	}
	for {
		var chunk struct {
			Events []struct {
				From        felt.Felt   `json:"from_address"`
				Keys        []felt.Felt `json:"keys"`
				Data        []felt.Felt `json:"data"`
				Block       uint64      `json:"block_number"`
				Transaction felt.Felt   `json:"transaction_hash"`
			} `json:"events"`
			Token string `json:"continuation_token"`
		}
		if err := c.Do(ctx, "starknet_getEvents", map[string]any{"filter": filter}, &chunk); err != nil {
			return err
		}
		for i := range chunk.Events {
			e := &chunk.Events[i]
			if err := each(e.Block, e.Transaction, starknet.Event{From: e.From, Keys: e.Keys, Data: e.Data}); err != nil {
				return err
			}
		}
		if chunk.Token == "" {
			return nil
		}
		if chunk.Token == filter["continuation_token"] {
			return fmt.Errorf("rpc: starknet_getEvents: the page at token %q has the same token", bounded.Clip([]byte(chunk.Token)))
		}
		filter["continuation_token"] = chunk.Token
	}
}

// StorageProof returns a proof without verifying it. Package starknet/trie verifies proofs.
func (c *Client) StorageProof(ctx context.Context, id rpc.BlockID, request *rpc.StorageProofRequest) (*rpc.StorageProof, error) {
	slots := make([]contractSlots, len(request.Slots))
	for i, s := range request.Slots {
		slots[i] = contractSlots{s.Contract, list(s.Keys)}
	}
	proof := new(rpc.StorageProof)
	err := c.Do(ctx, "starknet_getStorageProof", map[string]any{
		"block_id": id, "class_hashes": list(request.ClassHashes), "contract_addresses": list(request.ContractAddresses), "contracts_storage_keys": slots,
	}, proof)
	if err != nil {
		return nil, err
	}
	return proof, nil
}

// contractSlots is a CONTRACT_STORAGE_KEYS.
type contractSlots struct {
	Contract felt.Felt   `json:"contract_address"`
	Keys     []felt.Felt `json:"storage_keys"`
}

// list returns xs, or an empty slice if xs is nil, so that its JSON is [].
func list(xs []felt.Felt) []felt.Felt {
	if xs == nil {
		return []felt.Felt{}
	}
	return xs
}
