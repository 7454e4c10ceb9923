package rpc

import (
	"encoding/json"
	"errors"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// Methods that run Cairo: calls, estimates, simulations, traces, and sending transactions.

// UnmarshalJSON decodes a FUNCTION_CALL. All members are required.
func (f *FunctionCall) UnmarshalJSON(raw []byte) error {
	o := parseObject("function call", raw)
	o.get("contract_address", &f.ContractAddress)
	o.get("entry_point_selector", &f.EntryPointSelector)
	o.get("calldata", &f.Calldata)
	return o.err
}

func callContract(c *call) (any, error) {
	var f FunctionCall
	c.get("request", &f)
	at := c.block("block_id")
	if c.err != nil {
		return nil, c.err
	}
	result, err := c.backend.Call(c, at, f)
	return list(result), err
}

const (
	flagSkipValidate  = "SKIP_VALIDATE"
	flagSkipFeeCharge = "SKIP_FEE_CHARGE"
	flagInitialReads  = "RETURN_INITIAL_READS"
)

// estimateFee returns an error if a transaction reverts, as the specification requires. It ignores bounds and balance.
func estimateFee(c *call) (any, error) {
	txs := c.transactions("request")
	flags := c.flags("simulation_flags", true, flagSkipValidate)
	at := c.block("block_id")
	if c.err != nil {
		return nil, c.err
	}
	results, _, err := c.backend.Simulate(c, at, txs, SimulationFlags{SkipValidate: flags[flagSkipValidate], SkipFeeCharge: true})
	if _, ok := errors.AsType[undeployedSender](err); ok && !c.old() {
		return nil, ErrContractNotFound
	}
	if err != nil {
		return nil, err
	}
	estimates := make([]feeEstimateJSON, len(results))
	for i := range results {
		if r := &results[i].Receipt; r.Reverted {
			return nil, TransactionExecutionError(i, r.RevertReason)
		}
		estimates[i] = newFeeEstimateJSON(&results[i].Estimate)
	}
	return estimates, nil
}

// estimateMessageFee returns a contract error for every contract, because this chain has no L1 that sends messages.
func estimateMessageFee(c *call) (any, error) {
	var message jsonObject
	c.get("message", &message)
	at := c.block("block_id")
	if c.err != nil {
		return nil, c.err
	}
	o := &object{members: message}
	var from string
	var to, selector felt.Felt
	var payload []felt.Felt
	o.get("from_address", &from)
	o.get("to_address", &to)
	o.get("entry_point_selector", &selector)
	o.get("payload", &payload)
	if o.err != nil {
		return nil, jsonrpc.ErrInvalidParams.With("message: " + o.err.Error())
	}
	state, err := c.backend.State(c, at.Block)
	if err != nil {
		return nil, err
	}
	if _, err := classOf(state, to); err != nil {
		return nil, err
	}
	return nil, ContractError("this chain takes no messages from L1")
}

// simulatedJSON is an element of the result of starknet_simulateTransactions.
type simulatedJSON struct {
	Trace    *traceJSON      `json:"transaction_trace"`
	Estimate feeEstimateJSON `json:"fee_estimation"`
}

func simulateTransactions(c *call) (any, error) {
	at := c.block("block_id")
	txs := c.transactions("transactions")
	allowed := []string{flagSkipValidate, flagSkipFeeCharge}
	if !c.old() {
		allowed = append(allowed, flagInitialReads)
	}
	flags := c.flags("simulation_flags", true, allowed...)
	if c.err != nil {
		return nil, c.err
	}
	results, reads, err := c.backend.Simulate(c, at, txs, SimulationFlags{
		SkipValidate: flags[flagSkipValidate], SkipFeeCharge: flags[flagSkipFeeCharge], Trace: true, InitialReads: flags[flagInitialReads],
	})
	if err != nil {
		return nil, err
	}
	simulated := make([]simulatedJSON, len(results))
	for i := range results {
		simulated[i] = simulatedJSON{newTraceJSON(results[i].Trace, c.old()), newFeeEstimateJSON(&results[i].Estimate)}
	}
	if !flags[flagInitialReads] {
		return simulated, nil
	}
	return struct {
		Simulated []simulatedJSON   `json:"simulated_transactions"`
		Reads     *initialReadsJSON `json:"initial_reads"`
	}{simulated, newInitialReadsJSON(reads)}, nil
}

func traceTransaction(c *call) (any, error) {
	hash := c.felt("transaction_hash")
	if c.err != nil {
		return nil, c.err
	}
	place, err := c.backend.FindTransaction(c, hash)
	if errors.Is(err, ErrTransactionNotFound) {
		if status, ok := c.backend.PoolStatus(c, hash); ok {
			return nil, errNoTrace.With(map[string]TransactionStatus{"status": status})
		}
	}
	if err != nil {
		return nil, err
	}
	traces, _, err := c.backend.(Tracer).TraceBlock(c, place.Block, false)
	if err != nil {
		return nil, err
	}
	return newTraceJSON(&traces[place.Index], c.old()), nil
}

// tracedJSON is an element of the result of starknet_traceBlockTransactions.
type tracedJSON struct {
	Hash  felt.Felt  `json:"transaction_hash"`
	Trace *traceJSON `json:"trace_root"`
}

func traceBlockTransactions(c *call) (any, error) {
	at := c.block("block_id")
	withReads := c.flags("trace_flags", false, flagInitialReads)[flagInitialReads]
	if c.err != nil {
		return nil, c.err
	}
	if at.Next {
		return nil, jsonrpc.ErrInvalidParams.With("no traces of a block that is not confirmed")
	}
	b, err := c.backend.Block(c, at.Block)
	if err != nil {
		return nil, err
	}
	traces, reads, err := c.backend.(Tracer).TraceBlock(c, at.Block, withReads)
	if err != nil {
		return nil, err
	}
	traced := make([]tracedJSON, len(traces))
	for i := range traces {
		traced[i] = tracedJSON{b.Receipts[i].TransactionHash, newTraceJSON(&traces[i], c.old())}
	}
	if !withReads {
		return traced, nil
	}
	return struct {
		Traces []tracedJSON      `json:"traces"`
		Reads  *initialReadsJSON `json:"initial_reads"`
	}{traced, newInitialReadsJSON(reads)}, nil
}

// submittedJSON is the result of the write methods.
type submittedJSON struct {
	Hash            felt.Felt  `json:"transaction_hash"`
	ClassHash       *felt.Felt `json:"class_hash,omitempty"`
	ContractAddress *felt.Felt `json:"contract_address,omitempty"`
}

func addInvokeTransaction(c *call) (any, error) {
	_, result, err := c.submit("invoke_transaction", starknet.InvokeType)
	return result, err
}

func addDeclareTransaction(c *call) (any, error) {
	tx, result, err := c.submit("declare_transaction", starknet.DeclareType)
	if err != nil {
		return nil, err
	}
	result.ClassHash = &tx.(*starknet.Declare).ClassHash
	return result, nil
}

func addDeployAccountTransaction(c *call) (any, error) {
	tx, result, err := c.submit("deploy_account_transaction", starknet.DeployAccountType)
	if err != nil {
		return nil, err
	}
	address := tx.Sender()
	result.ContractAddress = &address
	return result, nil
}

// submit reads a transaction of a type from a parameter and adds it to the mempool.
func (c *call) submit(name string, kind starknet.TransactionType) (starknet.Transaction, *submittedJSON, error) {
	var raw json.RawMessage
	if c.get(name, &raw); c.err != nil {
		return nil, nil, c.err
	}
	var tx starknet.Transaction
	if tx, c.err = parseBroadcast(raw); c.err != nil {
		return nil, nil, c.err
	}
	if tx.Type() != kind {
		return nil, nil, jsonrpc.ErrInvalidParams.With(name + " is of type " + tx.Type().String())
	}
	if tx.Fields().Query {
		return nil, nil, ErrUnsupportedVersion.With("a query cannot be sent as a transaction")
	}
	hash, err := c.backend.Submit(c, tx)
	if err != nil {
		return nil, nil, err
	}
	return tx, &submittedJSON{Hash: hash}, nil
}
