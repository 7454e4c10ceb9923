package rpc

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
	"github.com/starkd/starkd/starknet"
)

// Client asks a Starknet node. Errors of the node are *Error values, which errors.Is compares by code. It can be used
// concurrently.
//
// A client believes the node. What can be checked by hash is checked: a class here, a block by Block.Check.
type Client struct {
	url  string
	http *http.Client
	id   atomic.Uint64
}

// maxAnswer bounds what a client reads of one answer: a block of the largest transactions fits many times.
const maxAnswer = 256 << 20

// NewClient returns a client of the node at url. The HTTP client nil means one with a timeout of 60 s.
func NewClient(url string, client *http.Client) *Client {
	if client == nil {
		client = &http.Client{Timeout: 60 * time.Second}
	}
	return &Client{url: url, http: client}
}

// Do calls a method with parameters by name and decodes its result into result, unless that is nil.
func (c *Client) Do(ctx context.Context, method string, params map[string]any, result any) error {
	if params == nil {
		params = map[string]any{}
	}
	body, err := marshal(struct {
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
		Error  *Error          `json:"error"`
	}
	if err := jsonv2.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("rpc: %s: status %s, not a JSON-RPC answer: %s", method, resp.Status, clip(raw))
	}
	if answer.Error != nil {
		return answer.Error
	}
	if answer.Result == nil {
		return fmt.Errorf("rpc: %s: answer has neither result nor error: %s", method, clip(raw))
	}
	if result == nil {
		return nil
	}
	if err := jsonv2.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("rpc: %s: result: %w", method, err)
	}
	return nil
}

// SpecVersion is the version of the specification that the node answers as.
func (c *Client) SpecVersion(ctx context.Context) (version string, err error) {
	err = c.Do(ctx, "starknet_specVersion", nil, &version)
	return version, err
}

// ChainID is the chain's id as a felt.
func (c *Client) ChainID(ctx context.Context) (id felt.Felt, err error) {
	err = c.Do(ctx, "starknet_chainId", nil, &id)
	return id, err
}

// BlockNumber is the number of the latest block.
func (c *Client) BlockNumber(ctx context.Context) (n uint64, err error) {
	err = c.Do(ctx, "starknet_blockNumber", nil, &n)
	return n, err
}

// Block is a decided block with its transactions, declares without classes, and receipts.
func (c *Client) Block(ctx context.Context, id BlockID) (*starknet.Block, error) {
	var j struct {
		headerJSON
		Transactions []struct {
			Transaction json.RawMessage `json:"transaction"`
			Receipt     receiptJSON     `json:"receipt"`
		} `json:"transactions"`
	}
	if err := c.Do(ctx, "starknet_getBlockWithReceipts", map[string]any{"block_id": id, "response_flags": []string{flagProofFacts}}, &j); err != nil {
		return nil, err
	}
	b := &starknet.Block{Header: j.header(), BlockHash: j.Hash}
	if id.number != nil && *id.number != b.Number || id.hash != nil && *id.hash != b.BlockHash {
		return nil, fmt.Errorf("rpc: the node sent block %d with hash %s, which was not asked for", b.Number, b.BlockHash)
	}
	for i := range j.Transactions {
		tx, err := parseTransaction(j.Transactions[i].Transaction)
		if err != nil {
			return nil, fmt.Errorf("rpc: block %d, transaction %d: %w", b.Number, i, err)
		}
		b.Transactions = append(b.Transactions, tx)
		b.Receipts = append(b.Receipts, j.Transactions[i].Receipt.receipt())
	}
	return b, nil
}

// StateDiff is what a block changed.
func (c *Client) StateDiff(ctx context.Context, id BlockID) (*starknet.StateDiff, error) {
	var j stateUpdateJSON
	if err := c.Do(ctx, "starknet_getStateUpdate", map[string]any{"block_id": id}, &j); err != nil {
		return nil, err
	}
	if j.StateDiff == nil {
		return nil, errors.New("rpc: starknet_getStateUpdate: no state_diff")
	}
	return j.StateDiff.diff(), nil
}

// TransactionStatus is how far a transaction has come, and its execution status and reason to revert once it is in a block.
func (c *Client) TransactionStatus(ctx context.Context, hash felt.Felt) (finality TransactionStatus, reverted bool, reason string, err error) {
	var j transactionStatusJSON
	err = c.Do(ctx, "starknet_getTransactionStatus", map[string]any{"transaction_hash": hash}, &j)
	return j.Finality, j.Execution == "REVERTED", j.Failure, err
}

// Transaction is a transaction in a block or in the mempool.
func (c *Client) Transaction(ctx context.Context, hash felt.Felt) (starknet.Transaction, error) {
	var raw json.RawMessage
	if err := c.Do(ctx, "starknet_getTransactionByHash", map[string]any{"transaction_hash": hash}, &raw); err != nil {
		return nil, err
	}
	return parseTransaction(raw)
}

// Receipt is a transaction's receipt and the number of its block.
func (c *Client) Receipt(ctx context.Context, hash felt.Felt) (*starknet.Receipt, uint64, error) {
	var j receiptJSON
	if err := c.Do(ctx, "starknet_getTransactionReceipt", map[string]any{"transaction_hash": hash}, &j); err != nil {
		return nil, 0, err
	}
	if j.BlockNumber == nil {
		return nil, 0, errors.New("rpc: starknet_getTransactionReceipt: no block_number")
	}
	r := j.receipt()
	return &r, *j.BlockNumber, nil
}

// WaitForReceipt asks every interval until the transaction is in a decided block, and returns its receipt and block.
// A transaction that the node does not know, or no longer, is waited for as well: the context bounds the wait.
func (c *Client) WaitForReceipt(ctx context.Context, hash felt.Felt, interval time.Duration) (*starknet.Receipt, uint64, error) {
	for {
		r, n, err := c.Receipt(ctx, hash)
		if err == nil || !errors.Is(err, ErrTransactionNotFound) {
			return r, n, err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("rpc: transaction %s: %w", hash, ctx.Err())
		}
	}
}

// Nonce is the nonce of a contract.
func (c *Client) Nonce(ctx context.Context, id BlockID, contract felt.Felt) (nonce felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getNonce", map[string]any{"block_id": id, "contract_address": contract}, &nonce)
	return nonce, err
}

// StorageAt is the value of a storage slot.
func (c *Client) StorageAt(ctx context.Context, id BlockID, contract, key felt.Felt) (value felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getStorageAt", map[string]any{"block_id": id, "contract_address": contract, "key": key}, &value)
	return value, err
}

// ClassHashAt is the class of a contract.
func (c *Client) ClassHashAt(ctx context.Context, id BlockID, contract felt.Felt) (hash felt.Felt, err error) {
	err = c.Do(ctx, "starknet_getClassHashAt", map[string]any{"block_id": id, "contract_address": contract}, &hash)
	return hash, err
}

// Class is a declared class; it is checked to have that hash.
func (c *Client) Class(ctx context.Context, id BlockID, classHash felt.Felt) (*starknet.ContractClass, error) {
	class := new(starknet.ContractClass)
	if err := c.Do(ctx, "starknet_getClass", map[string]any{"block_id": id, "class_hash": classHash}, class); err != nil {
		return nil, err
	}
	if got := class.Hash(); got != classHash {
		return nil, fmt.Errorf("rpc: asked for class %s, the node sent one with hash %s", classHash, got)
	}
	return class, nil
}

// Call runs an entry point without a transaction.
func (c *Client) Call(ctx context.Context, id BlockID, call FunctionCall) (result []felt.Felt, err error) {
	call.Calldata = list(call.Calldata)
	err = c.Do(ctx, "starknet_call", map[string]any{"block_id": id, "request": call}, &result)
	return result, err
}

// EstimateFee estimates transactions, one after the other.
func (c *Client) EstimateFee(ctx context.Context, id BlockID, skipValidate bool, txs ...starknet.Transaction) ([]FeeEstimate, error) {
	flags := []string{}
	if skipValidate {
		flags = append(flags, flagSkipValidate)
	}
	request := make([]*transactionJSON, len(txs))
	for i, tx := range txs {
		request[i] = broadcastJSON(tx)
	}
	var js []feeEstimateJSON
	if err := c.Do(ctx, "starknet_estimateFee", map[string]any{"block_id": id, "simulation_flags": flags, "request": request}, &js); err != nil {
		return nil, err
	}
	return mapped(js, (*feeEstimateJSON).estimate), nil
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
	var j submittedJSON
	err := c.Do(ctx, method, map[string]any{param: broadcastJSON(tx)}, &j)
	return j.Hash, err
}

// Events are all events of a contract in a range of blocks, whose first key is among keys (any, if there are none), page by
// page. The function is called for each until it returns an error, which is returned.
func (c *Client) Events(ctx context.Context, from, to BlockID, contract felt.Felt, keys []felt.Felt, each func(block uint64, transaction felt.Felt, e starknet.Event) error) error {
	filter := map[string]any{"from_block": from, "to_block": to, "address": contract, "chunk_size": 1000}
	if len(keys) > 0 {
		filter["keys"] = [][]felt.Felt{keys}
	}
	for {
		var chunk eventsChunkJSON
		if err := c.Do(ctx, "starknet_getEvents", map[string]any{"filter": filter}, &chunk); err != nil {
			return err
		}
		for i := range chunk.Events {
			e := &chunk.Events[i]
			if err := each(e.BlockNumber, e.TransactionHash, starknet.Event(e.eventJSON)); err != nil {
				return err
			}
		}
		if chunk.Token == "" {
			return nil
		}
		if chunk.Token == filter["continuation_token"] {
			return fmt.Errorf("rpc: starknet_getEvents: the page after %q is itself", clip([]byte(chunk.Token)))
		}
		filter["continuation_token"] = chunk.Token
	}
}

// StorageProof asks for a proof; whether it proves anything is for starknet/trie to say.
func (c *Client) StorageProof(ctx context.Context, id BlockID, request *StorageProofRequest) (*StorageProof, error) {
	var j storageProofJSON
	err := c.Do(ctx, "starknet_getStorageProof", map[string]any{
		"block_id": id, "class_hashes": list(request.ClassHashes), "contract_addresses": list(request.ContractAddresses),
		"contracts_storage_keys": mapped(request.StorageKeys, func(k *ContractStorageKeys) ContractStorageKeys {
			return ContractStorageKeys{k.ContractAddress, list(k.StorageKeys)}
		}),
	}, &j)
	if err != nil {
		return nil, err
	}
	return j.proof(), nil
}
