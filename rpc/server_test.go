package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// quiet is a log for tests that provoke errors.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// post sends a body to a path and returns the status and the answer.
func post(t testing.TB, s *Server, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// ask sends one request and returns its result or error.
func ask(t testing.TB, s *Server, path, method, params string) (json.RawMessage, *jsonrpc.Error) {
	t.Helper()
	status, body := post(t, s, path, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	var r struct {
		JSONRPC string
		ID      int
		Result  json.RawMessage
		Error   *jsonrpc.Error
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusOK || r.ID != 1 || r.JSONRPC != "2.0" {
		t.Fatalf("%s %s: status %d, %v, %q", method, params, status, err, body)
	}
	if (r.Error == nil) == (r.Result == nil) {
		t.Fatalf("%s %s: neither or both of result and error: %s", method, params, body)
	}
	return r.Result, r.Error
}

func broadcast(t testing.TB, tx starknet.Transaction) string {
	t.Helper()
	b, err := jsonrpc.Marshal(broadcastJSON(tx))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMethodTable checks that the methods are those of the specification, with the same parameters in the same order.
func TestMethodTable(t *testing.T) {
	spec := loadOpenRPC(t, "v0.10.2")
	ours := map[string]bool{}
	for _, m := range slices.Concat(methods, traceMethods, subscriptionMethods) {
		ours[m.name] = true
		want, ok := spec.methods[m.name]
		if !ok {
			t.Errorf("%s is not in the specification", m.name)
			continue
		}
		var names []string
		for _, p := range want.params {
			names = append(names, p["name"].(string))
		}
		if !slices.Equal(m.params, names) {
			t.Errorf("%s: parameters %v, want %v", m.name, m.params, names)
		}
	}
	for name := range spec.methods {
		if !ours[name] && !strings.HasPrefix(name, "starknet_subscription") { // notifications to the client
			t.Errorf("%s is missing", name)
		}
	}
}

// TestErrorTable checks that codes and messages of errors are those of the specification.
func TestErrorTable(t *testing.T) {
	spec := loadOpenRPC(t, "v0.10.2")
	ours := map[float64]string{}
	for _, e := range []*jsonrpc.Error{
		errNoTrace, ErrContractNotFound, ErrEntryPointNotFound, ErrBlockNotFound, errInvalidTransactionIndex,
		ErrClassNotFound, ErrTransactionNotFound, errPageSizeTooBig, ErrNoBlocks, errInvalidContinuationToken, errTooManyKeys, errContract,
		errTransactionExecution, ErrStorageProofNotSupported, ErrClassAlreadyDeclared, ErrInvalidNonce, ErrInsufficientResources,
		ErrInsufficientBalance, ErrValidationFailure, ErrCompilationFailed, ErrClassTooLarge, ErrNonAccount, ErrDuplicateTransaction,
		ErrCompiledClassHashMismatch, ErrUnsupportedVersion, ErrUnsupportedClassVersion, ErrUnexpected, ErrFeeBelowMinimum, ErrInvalidProof, errInvalidSubscriptionID, errTooManyAddresses, errTooManyBlocksBack,
	} {
		ours[float64(e.Code)] = e.Message
	}
	never := map[float64]bool{1: true, 64: true, 100: true} // errors that the server never sends
	seen := 0
	for _, document := range spec.documents {
		components, _ := document["components"].(map[string]any)
		errors, _ := components["errors"].(map[string]any)
		for name, e := range errors {
			e := e.(map[string]any)
			if _, isRef := e["$ref"]; isRef {
				continue
			}
			seen++
			if never[e["code"].(float64)] {
				continue
			}
			if got := ours[e["code"].(float64)]; got != e["message"] {
				t.Errorf("%s (%v): message %q, want %q", name, e["code"], got, e["message"])
			}
		}
	}
	if seen != len(ours)+len(never) {
		t.Errorf("%d errors, the specification has %d", len(ours)+len(never), seen)
	}
}

// methodCase is a request for a method. want is an error code or a part of the result.
type methodCase struct {
	method, params string
	code           int
	want           string
	since010       bool // the answer of version 0.9 differs
}

func methodCases(t testing.TB, f *fakeChain) []methodCase {
	hash := func(block, index int) string { return f.hash(block, index).String() }
	blockHash := f.blocks[1].BlockHash.String()
	account, class := fakeAccount.String(), fakeClassHash.String()
	invoke := &starknet.Invoke{Common: fakeCommon(9), SenderAddress: fakeAccount, Calldata: us(1)}
	query := &starknet.Invoke{Common: fakeCommon(9), SenderAddress: fakeAccount, Calldata: us(1)}
	query.Query, query.Signature = true, nil
	reverts, rejected := *invoke, *invoke
	reverts.Nonce, rejected.Nonce = u(77), u(78)
	declare := &starknet.Declare{Common: fakeCommon(9), SenderAddress: fakeAccount, CompiledClassHash: u(0xca5), Class: fakeClass(), ClassHash: fakeClassHash}
	deploy := &starknet.DeployAccount{Common: fakeCommon(0), ClassHash: fakeClassHash, ContractAddressSalt: u(1), ConstructorCalldata: us(9)}
	pooled := *invoke
	pooled.Nonce = u(1234)
	f.pool[pooled.Hash(fakeChainID)] = &pooled
	pooledHash := pooled.Hash(fakeChainID).String()
	pooledDeclare := *declare
	pooledDeclare.Nonce = u(1235)
	f.pool[pooledDeclare.Hash(fakeChainID)] = &pooledDeclare
	pooledDeclareHash := pooledDeclare.Hash(fakeChainID).String()
	undeployed := &starknet.Invoke{Common: fakeCommon(9), SenderAddress: u(0xdead), Calldata: us(1)}

	var cases []methodCase
	ok := func(method, params, want string) {
		cases = append(cases, methodCase{method: "starknet_" + method, params: params, want: want})
	}
	fails := func(method, params string, code int) {
		cases = append(cases, methodCase{method: "starknet_" + method, params: params, code: code})
	}
	since010 := func() { cases[len(cases)-1].since010 = true }

	ok("chainId", `{}`, `"0x534e5f46414b45"`)
	ok("syncing", `[]`, `false`)
	ok("blockNumber", `null`, `4`)
	ok("blockHashAndNumber", `{}`, f.blocks[4].BlockHash.String())

	for _, method := range []string{"getBlockWithTxHashes", "getBlockWithTxs", "getBlockWithReceipts"} {
		ok(method, `{"block_id":"latest"}`, `"ACCEPTED_ON_L2"`)
		fails(method, `{"block_id":"l1_accepted"}`, 24)
		ok(method, `{"block_id":{"block_number":0}}`, `"parent_hash":"0x0"`)
		ok(method, `{"block_id":{"block_hash":"`+blockHash+`"}}`, hash(1, 2))
		ok(method, `{"block_id":"pre_confirmed"}`, `"block_number":5`)
		fails(method, `{"block_id":{"block_number":5}}`, 24)
		fails(method, `{"block_id":{"block_hash":"0x5"}}`, 24)
		fails(method, `{"block_id":"pending"}`, -32602)
		fails(method, `{"block_id":{}}`, -32602)
		fails(method, `{"block_id":{"block_number":1,"block_hash":"0x1"}}`, -32602)
		fails(method, `{"block_id":5}`, -32602)
		fails(method, `{"block_id":{"block_number":-1}}`, -32602)
		fails(method, `{"block_id":{"block_hash":"1"}}`, -32602)
		fails(method, `{}`, -32602)
		fails(method, `[]`, -32602)
	}
	ok("getBlockWithTxs", `{"block_id":{"block_number":1},"response_flags":["INCLUDE_PROOF_FACTS"]}`, `"proof_facts":[]`)
	since010()
	fails("getBlockWithTxs", `{"block_id":"latest","response_flags":["NONE"]}`, -32602)
	since010()
	ok("getBlockWithReceipts", `{"block_id":{"block_number":1}}`, `"revert_reason":"assert <failed>"`)
	ok("getBlockTransactionCount", `{"block_id":{"block_number":1}}`, `4`)
	ok("getBlockTransactionCount", `{"block_id":"pre_confirmed"}`, `0`)
	ok("getStateUpdate", `{"block_id":{"block_number":1}}`, `"old_root":"0x3e8"`)
	ok("getStateUpdate", `{"block_id":{"block_number":0}}`, `"old_root":"0x0"`)
	ok("getStateUpdate", `{"block_id":"pre_confirmed"}`, `"old_root":"0x3ec"`)
	ok("getStateUpdate", `{"block_id":{"block_number":1},"contract_addresses":["`+fakeDeployed.String()+`"]}`, `"storage_diffs":[]`)
	since010()

	ok("getTransactionStatus", `{"transaction_hash":"`+hash(1, 0)+`"}`, `"execution_status":"SUCCEEDED"`)
	ok("getTransactionStatus", `{"transaction_hash":"`+hash(1, 3)+`"}`, `"failure_reason":"assert <failed>"`)
	ok("getTransactionStatus", `{"transaction_hash":"`+pooledHash+`"}`, `"RECEIVED"`)
	fails("getTransactionStatus", `{"transaction_hash":"0x1"}`, 29)
	fails("getTransactionStatus", `{"transaction_hash":"hello"}`, -32602)
	fails("getMessagesStatus", `{"transaction_hash":"0x1"}`, 29)
	for i, kind := range []string{"INVOKE", "DECLARE", "DEPLOY_ACCOUNT", "INVOKE"} {
		ok("getTransactionByHash", `{"transaction_hash":"`+hash(1, i)+`"}`, `"`+kind+`"`)
		ok("getTransactionReceipt", `{"transaction_hash":"`+hash(1, i)+`"}`, `"`+kind+`"`)
		ok("getTransactionByBlockIdAndIndex", fmt.Sprintf(`{"block_id":{"block_number":1},"index":%d}`, i), hash(1, i))
		ok("traceTransaction", `{"transaction_hash":"`+hash(1, i)+`"}`, `"`+kind+`"`)
	}
	ok("getTransactionReceipt", `{"transaction_hash":"`+hash(1, 2)+`"}`, `"contract_address":"`+fakeDeployed.String()+`"`)
	ok("getTransactionReceipt", `{"transaction_hash":"`+hash(3, 0)+`"}`, `"finality_status":"ACCEPTED_ON_L2"`)
	ok("getTransactionByHash", `{"transaction_hash":"`+pooledHash+`"}`, `"nonce":"0x4d2"`)
	ok("getTransactionByHash", `{"transaction_hash":"`+pooledHash+`","response_flags":["INCLUDE_PROOF_FACTS"]}`, `"proof_facts":[]`)
	since010()
	ok("getTransactionByHash", `{"transaction_hash":"`+pooledDeclareHash+`"}`, `"class_hash":"`+class+`"`)
	fails("getTransactionByHash", `{"transaction_hash":"0x1"}`, 29)
	fails("getTransactionReceipt", `{"transaction_hash":"`+pooledHash+`"}`, 29)
	fails("getTransactionByBlockIdAndIndex", `{"block_id":"latest","index":1}`, 27)
	fails("getTransactionByBlockIdAndIndex", `{"block_id":"pre_confirmed","index":0}`, 27)
	fails("getTransactionByBlockIdAndIndex", `{"block_id":"latest","index":-1}`, -32602)
	ok("traceTransaction", `{"transaction_hash":"`+hash(1, 3)+`"}`, `"execute_invocation":{"revert_reason":"assert <failed>"}`)
	fails("traceTransaction", `{"transaction_hash":"`+pooledHash+`"}`, 10)
	fails("traceTransaction", `{"transaction_hash":"0x1"}`, 29)
	ok("traceBlockTransactions", `{"block_id":{"block_number":1}}`, hash(1, 1))
	ok("traceBlockTransactions", `{"block_id":{"block_number":2}}`, `[]`)
	fails("traceBlockTransactions", `{"block_id":"pre_confirmed"}`, -32602)
	ok("traceBlockTransactions", `{"block_id":{"block_number":1},"trace_flags":["RETURN_INITIAL_READS"]}`, `"initial_reads":{"storage":[],"nonces":[{"contract_address":"0xacc","nonce":"0x4"}],`)
	since010()
	ok("traceBlockTransactions", `{"block_id":{"block_number":1},"trace_flags":[]}`, `[{"transaction_hash":`)
	fails("traceBlockTransactions", `{"block_id":{"block_number":1},"trace_flags":["SKIP_VALIDATE"]}`, -32602)
	since010()

	ok("getStorageAt", `{"contract_address":"`+account+`","key":"0x5107","block_id":"latest"}`, `"0x29"`)
	ok("getStorageAt", `{"contract_address":"`+account+`","key":"0x5107","block_id":{"block_number":0}}`, `"0x28"`)
	ok("getStorageAt", `{"contract_address":"`+account+`","key":"0x1","block_id":"pre_confirmed"}`, `"0x0"`)
	ok("getStorageAt", `{"contract_address":"0x1","key":"0x0","block_id":"latest"}`, `"0x1"`)
	ok("getStorageAt", `{"contract_address":"`+account+`","key":"0x5107","block_id":"latest","response_flags":["INCLUDE_LAST_UPDATE_BLOCK"]}`, `"last_update_block":1`)
	since010()
	fails("getStorageAt", `{"contract_address":"0xdead","key":"0x0","block_id":"latest"}`, 20)
	fails("getStorageAt", `{"contract_address":"`+fakeDeployed.String()+`","key":"0x0","block_id":{"block_number":0}}`, 20)
	ok("getNonce", `{"block_id":"latest","contract_address":"`+account+`"}`, `"0x5"`)
	ok("getNonce", `{"block_id":{"block_number":1},"contract_address":"`+account+`"}`, `"0x3"`)
	fails("getNonce", `{"block_id":"latest","contract_address":"0xdead"}`, 20)
	fails("getNonce", `{"block_id":"latest"}`, -32602)
	ok("getClassHashAt", `{"block_id":"latest","contract_address":"`+account+`"}`, class)
	fails("getClassHashAt", `{"block_id":"latest","contract_address":"0xdead"}`, 20)
	ok("getClassAt", `{"block_id":"latest","contract_address":"`+account+`"}`, `core::array::Span::<felt252>`)
	fails("getClassAt", `{"block_id":"latest","contract_address":"0xdead"}`, 20)
	ok("getClass", `{"block_id":"latest","class_hash":"`+class+`"}`, `"sierra_program":["0x1",`)
	fails("getClass", `{"block_id":"latest","class_hash":"0xdead"}`, 28)
	ok("getCompiledCasm", `{"class_hash":"`+class+`"}`, `"bytecode"`)
	fails("getCompiledCasm", `{"class_hash":"0xdead"}`, 28)
	ok("getStorageProof", `{"block_id":"latest"}`, f.blocks[4].BlockHash.String())
	ok("getStorageProof", `{"block_id":"latest","class_hashes":["0x1"],"contract_addresses":["`+account+`"],
		"contracts_storage_keys":[{"contract_address":"`+account+`","storage_keys":["0x0","0x5107"]}]}`, `"length":250`)
	const below, above = "0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "0x800000000000000000000000000000000000000000000000000000000000000"
	for _, params := range []string{
		`"class_hashes":["KEY"]`, `"contract_addresses":["0x1","KEY"]`, `"contracts_storage_keys":[{"contract_address":"KEY","storage_keys":[]}]`,
		`"contracts_storage_keys":[{"contract_address":"0x1","storage_keys":["0x1","KEY"]}]`,
	} {
		ok("getStorageProof", `{"block_id":"latest",`+strings.ReplaceAll(params, "KEY", below)+`}`, `"global_roots"`)
		fails("getStorageProof", `{"block_id":"latest",`+strings.ReplaceAll(params, "KEY", above)+`}`, -32602)
	}
	fails("getStorageProof", `{"block_id":{"block_number":0}}`, 42)
	fails("getStorageProof", `{"block_id":"pre_confirmed"}`, -32602)
	fails("getStorageProof", `{"block_id":"latest","contracts_storage_keys":[{"contract_address":"0x1"}]}`, -32602)

	function := func(contract felt.Felt, selector int) string {
		return fmt.Sprintf(`{"contract_address":"%s","entry_point_selector":"0x%x","calldata":["0x7","0x8"]}`, contract, selector)
	}
	ok("call", `{"request":`+function(fakeAccount, 9)+`,"block_id":"latest"}`, `["0x7","0x8"]`)
	fails("call", `{"request":`+function(u(0xdead), 9)+`,"block_id":"latest"}`, 20)
	fails("call", `{"request":`+function(fakeAccount, 0)+`,"block_id":"latest"}`, 21)
	fails("call", `{"request":`+function(fakeAccount, 1)+`,"block_id":"latest"}`, 40)
	fails("call", `{"request":{"contract_address":"0x1","calldata":[]},"block_id":"latest"}`, -32602)
	fails("call", `{"request":`+function(fakeAccount, 9)+`,"block_id":{"block_number":99}}`, 24)

	ok("estimateFee", `{"request":[`+broadcast(t, query)+`,`+broadcast(t, declare)+`],"simulation_flags":["SKIP_VALIDATE"],"block_id":"latest"}`,
		`"overall_fee":"0x10000000000000032","unit":"FRI"`)
	ok("estimateFee", `{"request":[],"simulation_flags":[],"block_id":"latest"}`, `[]`)
	fails("estimateFee", `{"request":[`+broadcast(t, invoke)+`,`+broadcast(t, &reverts)+`],"simulation_flags":[],"block_id":"latest"}`, 41)
	fails("estimateFee", `{"request":[`+broadcast(t, &rejected)+`],"simulation_flags":[],"block_id":"latest"}`, 41)
	fails("estimateFee", `{"request":[`+broadcast(t, invoke)+`],"simulation_flags":["SKIP_FEE_CHARGE"],"block_id":"latest"}`, -32602)
	fails("estimateFee", `{"request":[`+broadcast(t, invoke)+`],"block_id":"latest"}`, -32602)
	fails("estimateFee", `{"request":[`+broadcast(t, invoke)+`],"simulation_flags":[],"block_id":{"block_number":99}}`, 24)
	ok("simulateTransactions", `{"block_id":"pre_confirmed","transactions":[`+broadcast(t, invoke)+`,`+broadcast(t, &reverts)+`,`+broadcast(t, declare)+`,`+broadcast(t, deploy)+`],
		"simulation_flags":["SKIP_VALIDATE","SKIP_FEE_CHARGE"]}`, `"revert_reason":"reverted"`)
	ok("simulateTransactions", `{"block_id":"latest","transactions":[`+broadcast(t, query)+`],"simulation_flags":["RETURN_INITIAL_READS"]}`, `"initial_reads":{"storage":[{`)
	since010()
	ok("simulateTransactions", `{"block_id":"latest","transactions":[],"simulation_flags":["RETURN_INITIAL_READS"]}`, `{"simulated_transactions":[],"initial_reads":{`)
	since010()
	fails("simulateTransactions", `{"block_id":"latest","transactions":[`+broadcast(t, undeployed)+`],"simulation_flags":[]}`, 41)
	fails("estimateFee", `{"request":[`+broadcast(t, undeployed)+`],"simulation_flags":[],"block_id":"latest"}`, 20)
	since010()
	fails("simulateTransactions", `{"block_id":"latest","transactions":[`+broadcast(t, &rejected)+`],"simulation_flags":[]}`, 41)
	fails("estimateMessageFee", `{"message":{"from_address":"0x000000000000000000000000000000000000dead","to_address":"`+account+`","entry_point_selector":"0x1","payload":[]},"block_id":"latest"}`, 40)
	fails("estimateMessageFee", `{"message":{"from_address":"0x000000000000000000000000000000000000dead","to_address":"0x5","entry_point_selector":"0x1","payload":[]},"block_id":"latest"}`, 20)
	since010()

	ok("addInvokeTransaction", `{"invoke_transaction":`+broadcast(t, invoke)+`}`, invoke.Hash(fakeChainID).String())
	ok("addDeclareTransaction", `{"declare_transaction":`+broadcast(t, declare)+`}`, `"class_hash":"`+class+`"`)
	ok("addDeployAccountTransaction", `{"deploy_account_transaction":`+broadcast(t, deploy)+`}`, `"contract_address":"`+fakeDeployed.String()+`"`)
	fails("addInvokeTransaction", `{"invoke_transaction":`+broadcast(t, &pooled)+`}`, 59)
	fails("addInvokeTransaction", `{"invoke_transaction":`+broadcast(t, query)+`}`, 61)
	fails("addInvokeTransaction", `{"invoke_transaction":`+broadcast(t, declare)+`}`, -32602)
	change := func(tx starknet.Transaction, from, to string) string {
		text := broadcast(t, tx)
		if !strings.Contains(text, from) {
			t.Fatalf("no %s in %s", from, text)
		}
		return strings.Replace(text, from, to, 1)
	}
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"version":"0x3"`, `"version":"0x1"`)+`}`, 61)
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"tip"`, `"proof":"AAAA","tip"`)+`}`, 69)
	since010()
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"tip"`, `"proof_facts":["0x1"],"tip"`)+`}`, 69)
	since010()
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"tip":"0x7"`, `"tip":7`)+`}`, -32602)
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"l1_data_gas"`, `"l1_blob_gas"`)+`}`, -32602)
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"calldata"`, `"callback"`)+`}`, -32602)
	fails("addInvokeTransaction", `{"invoke_transaction":`+change(invoke, `"L1"`, `"L3"`)+`}`, -32602)
	fails("addDeclareTransaction", `{"declare_transaction":`+change(declare, `"0.1.0"`, `"0.2.0"`)+`}`, 62)
	fails("addDeclareTransaction", `{"declare_transaction":`+change(declare, `"contract_class":{`, `"contract_class":{"x":"`+strings.Repeat("x", constants.MaxClassBytes)+`",`)+`}`, 57)

	ok("getEvents", `{"filter":{"chunk_size":10}}`, `"event_index":2`)
	since010()
	ok("getEvents", `{"filter":{"from_block":{"block_number":3},"to_block":"latest","chunk_size":10}}`, `"transaction_index":0`)
	since010()
	fails("getEvents", `{"filter":{"chunk_size":2000}}`, 31)
	fails("getEvents", `{"filter":{"chunk_size":0}}`, -32602)
	fails("getEvents", `{"filter":{}}`, -32602)
	fails("getEvents", `{"filter":{"chunk_size":1,"continuation_token":"x"}}`, 33)
	fails("getEvents", `{"filter":{"chunk_size":1,"continuation_token":"99-0"}}`, 33)
	fails("getEvents", `{"filter":{"chunk_size":1,"from_block":{"block_number":2},"continuation_token":"1-0"}}`, 33)
	ok("getEvents", `{"filter":{"chunk_size":1,"from_block":{"block_number":2},"continuation_token":"2-0"}}`, `"events"`)
	fails("getEvents", `{"filter":{"chunk_size":1,"to_block":{"block_number":2},"continuation_token":"3-0"}}`, 33)
	ok("getEvents", `{"filter":{"chunk_size":1,"to_block":{"block_number":2},"continuation_token":"2-0"}}`, `"events"`)
	fails("getEvents", `{"filter":{"chunk_size":1,"from_block":{"block_number":99}}}`, 24)
	fails("getEvents", `{"filter":{"chunk_size":1,"keys":[[`+strings.Repeat(`"0x1",`, 1100)+`"0x2"]]}}`, 34)
	return cases
}

// TestMethods09 checks that parameters, answers and errors under version 0.9 do not have the additions of version 0.10.
func TestMethods09(t *testing.T) {
	f := newFakeChain(t)
	methodCases(t, f) // for its pool
	s, spec := NewServer(f, Config{Transport: jsonrpc.Config{Log: quiet}}), loadOpenRPC(t, "v0.9.0")
	account := fakeAccount.String()
	undeployed := broadcast(t, &starknet.Invoke{Common: fakeCommon(9), SenderAddress: u(0xdead)})
	proof := strings.Replace(undeployed, `"tip"`, `"proof":"AAAA","tip"`, 1)
	for _, c := range []struct {
		method, params string
		code           int
		want, not      string
	}{
		{"getEvents", `[{"chunk_size":10}]`, 0, `"transaction_hash"`, "_index"},
		{"getEvents", `[{"chunk_size":10,"address":"` + account + `"}]`, 0, `"transaction_hash"`, "0xabc"},
		{"getEvents", `[{"chunk_size":10,"address":["` + account + `"]}]`, -32602, "", ""},
		{"getBlockWithTxs", `[{"block_number":1},["INCLUDE_PROOF_FACTS"]]`, 0, `"parent_hash"`, "commitment"},
		{"getBlockWithTxs", `{"block_id":{"block_number":1},"response_flags":["INCLUDE_PROOF_FACTS"]}`, 0, `"parent_hash"`, "proof_facts"},
		{"getBlockWithTxHashes", `["latest"]`, 0, `"status"`, "_count"},
		{"getBlockWithReceipts", `["latest"]`, 0, `"status"`, "state_diff_length"},
		{"getStateUpdate", `[{"block_number":1}]`, 0, `"nonces"`, "migrated"},
		{"getStateUpdate", `["pre_confirmed"]`, 0, `"nonces"`, "migrated"},
		{"getStateUpdate", `[{"block_number":1},[]]`, 0, account, "migrated"},
		{"getStorageAt", `["` + account + `","0x5107","latest",["INCLUDE_LAST_UPDATE_BLOCK"]]`, 0, `"0x29"`, "last_update_block"},
		{"traceBlockTransactions", `[{"block_number":1},["RETURN_INITIAL_READS"]]`, 0, `[{`, "migrated"},
		{"traceTransaction", `["` + f.hash(1, 0).String() + `"]`, 0, `"state_diff"`, "migrated"},
		{"simulateTransactions", `["latest",[],["RETURN_INITIAL_READS"]]`, -32602, "", ""},
		{"simulateTransactions", `["latest",[],[]]`, 0, `[]`, "initial_reads"},
		{"estimateFee", `[[` + undeployed + `],[],"latest"]`, 41, "", ""},
		{"estimateMessageFee", `[{"from_address":"0x000000000000000000000000000000000000dead","to_address":"0x5","entry_point_selector":"0x1","payload":[]},"latest"]`, 40, "", ""},
		{"addInvokeTransaction", `[` + proof + `]`, 63, "", ""},
		{"call", `[{"contract_address":"` + account + `","entry_point_selector":"0x0","calldata":[]},"latest"]`, 21, "", ""},
	} {
		method := "starknet_" + c.method
		result, rpcErr := ask(t, s, "/rpc/v0_9", method, c.params)
		if c.code != 0 {
			if rpcErr == nil || rpcErr.Code != c.code {
				t.Errorf("%s %s: %s, %v, want error %d", method, c.params, bounded.Clip(result), rpcErr, c.code)
			} else if fault := spec.error(method, rpcErr); c.code > 0 && fault != "" {
				t.Errorf("%s %s: %s", method, c.params, fault)
			}
			continue
		}
		if rpcErr != nil || !bytes.Contains(result, []byte(c.want)) || c.not != "" && bytes.Contains(result, []byte(c.not)) {
			t.Errorf("%s %s: %s, %v, want %q and no %q", method, c.params, result, rpcErr, c.want, c.not)
			continue
		}
		for _, fault := range spec.result(method, result) {
			t.Errorf("%s %s: %s", method, c.params, fault)
		}
	}
	for _, m := range slices.Concat(methods, traceMethods, subscriptionMethods) {
		var names []string
		for _, p := range spec.methods[m.name].params {
			names = append(names, p["name"].(string))
		}
		ours := slices.DeleteFunc(slices.Clone(m.params), func(name string) bool { return name == since010[m.name] })
		if !slices.Equal(ours, names) {
			t.Errorf("%s: parameters %v, want %v", m.name, ours, names)
		}
	}
}

// TestMethods checks that the answers of every method, with parameters by name and by position, match the schemas of the specification.
func TestMethods(t *testing.T) {
	specs := map[string]*openRPC{"/rpc/v0_10": loadOpenRPC(t, "v0.10.2"), "/rpc/v0_9": loadOpenRPC(t, "v0.9.0")}
	for path, spec := range specs {
		f := newFakeChain(t)
		cases := methodCases(t, f)
		s := NewServer(f, Config{Transport: jsonrpc.Config{Log: quiet}})
		table := s.table(SpecVersion)
		asked := map[string]bool{}
		for _, c := range cases {
			asked[c.method] = true
			if path == "/rpc/v0_9" && c.since010 {
				continue // tested by TestMethods09
			}
			result, rpcErr := ask(t, s, path, c.method, c.params)
			what := c.method + " " + bounded.Clip([]byte(c.params))
			switch {
			case c.code == 0 && rpcErr != nil:
				t.Errorf("%s: %v", what, rpcErr)
			case c.code != 0 && rpcErr == nil:
				t.Errorf("%s: %s, want error %d", what, bounded.Clip(result), c.code)
			case c.code != 0:
				if rpcErr.Code != c.code {
					t.Errorf("%s: %v, want error %d", what, rpcErr, c.code)
				} else if c.code > 0 {
					if fault := spec.error(c.method, rpcErr); fault != "" {
						t.Errorf("%s: %s", what, fault)
					}
				}
			default:
				if !bytes.Contains(result, []byte(c.want)) {
					t.Errorf("%s: %s, want %s in it", what, result, c.want)
				}
				for _, fault := range spec.result(c.method, result) {
					t.Errorf("%s: %s", what, fault)
				}
			}
			if strings.HasPrefix(c.method, "starknet_add") {
				continue // a second submission would be a duplicate
			}
			if positional, ok := byPosition(t, table[c.method].Params, c.params); ok {
				again, againErr := ask(t, s, path, c.method, positional)
				if !bytes.Equal(again, result) || (againErr == nil) != (rpcErr == nil) || againErr != nil && againErr.Code != rpcErr.Code {
					t.Errorf("%s: by position %s, %v; by name %s, %v", what, bounded.Clip(again), againErr, bounded.Clip(result), rpcErr)
				}
			}
		}
		for name := range table {
			if !asked[name] && name != "starknet_specVersion" {
				t.Errorf("%s is not tested", name)
			}
		}
	}
}

// byPosition returns named parameters as a list by position.
func byPosition(t testing.TB, names []string, params string) (string, bool) {
	if !strings.HasPrefix(params, "{") {
		return "", false
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(params), &members); err != nil {
		t.Fatalf("%s: %v", params, err)
	}
	var values []string
	for _, name := range names {
		if v, ok := members[name]; ok {
			values = append(values, string(v))
		} else {
			values = append(values, "null")
		}
	}
	return "[" + strings.Join(values, ",") + "]", true
}

// TestTransactionForms checks that the mempool gets a sent transaction with all its fields.
func TestTransactionForms(t *testing.T) {
	f := newFakeChain(t)
	s := NewServer(f, Config{})
	common := fakeCommon(3)
	common.NonceDAMode, common.PaymasterData = starknet.DAModeL2, us(5)
	for _, c := range []struct {
		method, param string
		tx            starknet.Transaction
	}{
		{"starknet_addInvokeTransaction", "invoke_transaction",
			&starknet.Invoke{Common: common, SenderAddress: u(1), Calldata: us(0, 2), AccountDeploymentData: us(4)}},
		{"starknet_addDeclareTransaction", "declare_transaction",
			&starknet.Declare{Common: common, SenderAddress: u(2), AccountDeploymentData: us(4), CompiledClassHash: u(9), ClassHash: fakeClassHash, Class: fakeClass()}},
		{"starknet_addDeployAccountTransaction", "deploy_account_transaction",
			&starknet.DeployAccount{Common: common, ClassHash: u(3), ContractAddressSalt: u(4), ConstructorCalldata: us(6)}},
	} {
		if _, err := ask(t, s, "/", c.method, fmt.Sprintf(`{%q:%s}`, c.param, broadcast(t, c.tx))); err != nil {
			t.Fatal(err)
		}
		got := f.pool[c.tx.Hash(fakeChainID)]
		if !reflect.DeepEqual(got, c.tx) {
			t.Errorf("%s: got %+v, want %+v", c.method, got, c.tx)
		}
	}
}

// TestEventPages checks that pages of any size together have all events, in order.
func TestEventPages(t *testing.T) {
	f := newFakeChain(t)
	pages := func(s *Server, filter string, chunk int) (events []string, requests int) {
		token := ""
		for {
			requests++
			raw, err := ask(t, s, "/", "starknet_getEvents", fmt.Sprintf(`[{"chunk_size":%d%s%s}]`, chunk, filter, token))
			if err != nil {
				t.Fatalf("%s: %v", filter, err)
			}
			var page struct {
				Events []json.RawMessage
				Token  string `json:"continuation_token"`
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				events = append(events, string(e))
			}
			if page.Token == "" {
				return events, requests
			}
			token = fmt.Sprintf(`,"continuation_token":%q`, page.Token)
		}
	}
	s, impatient := NewServer(f, Config{}), NewServer(f, Config{MaxScan: 1})
	asked := 0
	indexed, hasty := NewServer(&indexedChain{f, &asked}, Config{}), NewServer(&indexedChain{f, &asked}, Config{MaxScan: 1})
	for _, c := range []struct {
		filter string
		want   int
	}{
		{``, 9},
		{`,"address":"0xacc"`, 8},
		{`,"address":["0xabc"]`, 1},
		{`,"address":[]`, 9},
		{`,"keys":[]`, 9},
		{`,"keys":[["0x1"]]`, 6},
		{`,"keys":[["0x1"],["0x2","0x4"]]`, 3},
		{`,"keys":[[],["0x3"]]`, 2},
		{`,"keys":[[],[],["0x3"]]`, 0},
		{`,"from_block":{"block_number":3}`, 6},
		{`,"to_block":{"block_number":1}`, 3},
		{`,"from_block":{"block_number":2},"to_block":{"block_number":2}`, 0},
		{`,"from_block":"pre_confirmed"`, 0},
		{`,"from_block":{"block_number":4},"to_block":{"block_number":3}`, 0},
	} {
		all, _ := pages(s, c.filter, 1000)
		if len(all) != c.want {
			t.Errorf("%s: %d events, want %d", c.filter, len(all), c.want)
		}
		for _, chunk := range []int{1, 2, 3, 9} {
			for name, server := range map[string]*Server{"": s, " scanning one block at a time": impatient, " by index": indexed, " by index, one block at a time": hasty} {
				if got, _ := pages(server, c.filter, chunk); !slices.Equal(got, all) {
					t.Errorf("%s in pages of %d%s: %v, want %v", c.filter, chunk, name, got, all)
				}
			}
		}
	}
	if _, n := pages(impatient, ``, 1000); n != 5 {
		t.Errorf("%d requests for 5 blocks that are scanned one at a time", n)
	}
	if asked == 0 {
		t.Error("the index was not used")
	}
	if _, n := pages(hasty, `,"address":"0xabc"`, 1000); n != 2 {
		t.Errorf("%d requests for two blocks of five that may match, one at a time", n)
	}
}

// indexedChain is a fakeChain with an index of events by contract, which also returns block 3 for every filter, as an index may.
type indexedChain struct {
	*fakeChain
	asked *int
}

func (c *indexedChain) EventBlocks(_ context.Context, f *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error] {
	*c.asked++
	return func(yield func(uint64, error) bool) {
		for n := from; n <= to; n++ {
			may := n == 3
			for _, r := range c.blocks[n].Receipts {
				for _, e := range r.Events {
					may = may || len(f.From) == 0 || slices.Contains(f.From, e.From)
				}
			}
			if may && !yield(n, nil) {
				return
			}
		}
	}
}

// TestSimulationFlags checks the flags and the position with which Simulate is called.
func TestSimulationFlags(t *testing.T) {
	f := newFakeChain(t)
	s := NewServer(f, Config{})
	tx := broadcast(t, &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount})
	for _, c := range []struct {
		method, params string
		at             starknet.At
		want           SimulationFlags
	}{
		{"starknet_estimateFee", `[[` + tx + `],["SKIP_VALIDATE"],"latest"]`, starknet.At{Block: 4}, SimulationFlags{SkipValidate: true, SkipFeeCharge: true}},
		{"starknet_estimateFee", `[[` + tx + `],[],"pre_confirmed"]`, starknet.At{Block: 4, Next: true}, SimulationFlags{SkipFeeCharge: true}},
		{"starknet_simulateTransactions", `[{"block_number":1},[` + tx + `],["SKIP_FEE_CHARGE"]]`, starknet.At{Block: 1}, SimulationFlags{SkipFeeCharge: true, Trace: true}},
		{"starknet_simulateTransactions", `[{"block_number":2},[` + tx + `],["RETURN_INITIAL_READS"]]`, starknet.At{Block: 2}, SimulationFlags{Trace: true, InitialReads: true}},
	} {
		if _, err := ask(t, s, "/", c.method, c.params); err != nil {
			t.Fatal(err)
		}
		if f.simulated != c.want || f.at != c.at {
			t.Errorf("%s: %+v at %+v, want %+v at %+v", c.method, f.simulated, f.at, c.want, c.at)
		}
	}
}

// TestHTTP checks the paths, the HTTP statuses and the CORS headers.
func TestHTTP(t *testing.T) {
	s := NewServer(newFakeChain(t), Config{Transport: jsonrpc.Config{MaxBody: 100}})
	for path, want := range map[string]string{
		"/": "0.10.2", "/rpc": "0.10.2", "/rpc/": "0.10.2", "/rpc/v0_10": "0.10.2", "/rpc/v0_9": "0.9.0", "/rpc/v0_9/": "0.9.0",
	} {
		got, err := ask(t, s, path, "starknet_specVersion", "[]")
		if err != nil || string(got) != `"`+want+`"` {
			t.Errorf("%s: version %s, %v, want %s", path, got, err, want)
		}
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/", "", http.StatusMethodNotAllowed},
		{http.MethodPost, "/rpc/v0_8", "", http.StatusNotFound},
		{http.MethodPost, "/", strings.Repeat(" ", 101), http.StatusRequestEntityTooLarge},
		{http.MethodOptions, "/rpc", "", http.StatusNoContent},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status != http.StatusNotFound && w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: no CORS header", c.method, c.path)
		}
		if c.method == http.MethodOptions && !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Content-Type") {
			t.Errorf("preflight does not allow Content-Type: %v", w.Header())
		}
	}
}

// TestCORSOrigin checks that Config.CORSOrigin is the allowed origin.
func TestCORSOrigin(t *testing.T) {
	w := httptest.NewRecorder()
	NewServer(newFakeChain(t), Config{Transport: jsonrpc.Config{CORSOrigin: "https://wallet.example"}}).ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/rpc", nil))
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "https://wallet.example" {
		t.Errorf("allowed origin %q", got)
	}
}

// TestFailures checks that internal errors and panics of a backend are logged and not sent to the client, and that requests time out.
func TestFailures(t *testing.T) {
	var log bytes.Buffer
	s := NewServer(newFakeChain(t), Config{Transport: jsonrpc.Config{Timeout: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}, MaxExecutions: 1})
	call := func(selector int) *jsonrpc.Error {
		_, err := ask(t, s, "/", "starknet_call", fmt.Sprintf(`[{"contract_address":"0xacc","entry_point_selector":"0x%x","calldata":[]},"latest"]`, selector))
		return err
	}
	for selector, logged := range map[int]string{2: "disk on fire", 3: "bug"} {
		log.Reset()
		if err := call(selector); err == nil || err.Code != -32603 || err.Data != nil {
			t.Errorf("selector %d: %v, want a bare internal error", selector, err)
		}
		if !strings.Contains(log.String(), logged) {
			t.Errorf("selector %d: log %q, want %q in it", selector, log.String(), logged)
		}
	}
	if err := call(4); err == nil || err.Code != -32603 || !strings.Contains(fmt.Sprint(err.Data), "no answer") {
		t.Errorf("a call that does not end: %v", err)
	}
	s.executions <- struct{}{} // another request runs
	if err := call(9); err == nil || !strings.Contains(fmt.Sprint(err.Data), "busy") {
		t.Errorf("more executions than allowed: %v", err)
	}
	<-s.executions
	if err := call(9); err != nil {
		t.Errorf("a call afterwards: %v", err)
	}
}

// TestNoBlocks checks the answers before genesis.
func TestNoBlocks(t *testing.T) {
	s := NewServer(&fakeChain{sync: &SyncStatus{HighestBlockNum: 9}}, Config{})
	for method, code := range map[string]int{
		"starknet_blockNumber": 32, "starknet_blockHashAndNumber": 32, "starknet_getBlockWithTxHashes": 24,
	} {
		if _, err := ask(t, s, "/", method, `["latest"]`); err == nil || err.Code != code {
			t.Errorf("%s: %v, want error %d", method, err, code)
		}
	}
	got, err := ask(t, s, "/", "starknet_syncing", `[]`)
	if err != nil || !strings.Contains(string(got), `"highest_block_num":9`) {
		t.Errorf("syncing: %s, %v", got, err)
	}
	for _, fault := range loadOpenRPC(t, "v0.10.2").result("starknet_syncing", got) {
		t.Errorf("syncing: %s", fault)
	}
}

// TestLimits checks that requests beyond the bounds of Config are rejected.
func TestLimits(t *testing.T) {
	f := newFakeChain(t)
	s := NewServer(f, Config{MaxSimulated: 1, MaxProofKeys: 2, MaxAddresses: 1})
	tx := broadcast(t, &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount})
	for _, c := range []struct{ method, params string }{
		{"starknet_estimateFee", `[[` + tx + `,` + tx + `],[],"latest"]`},
		{"starknet_getStorageProof", `["latest",["0x1","0x2"],["0x3"]]`},
		{"starknet_getStorageProof", `["latest",[],[],[{"contract_address":"0x1","storage_keys":["0x1","0x2"]}]]`},
		{"starknet_getEvents", `[{"chunk_size":1,"address":["0x1","0x2"]}]`},
	} {
		if _, err := ask(t, s, "/", c.method, c.params); err == nil || err.Code != -32602 || !strings.Contains(fmt.Sprint(err.Data), "at most") {
			t.Errorf("%s: %v, want a bound", c.method, err)
		}
	}
}

// TestWithoutTracer checks that a server whose Backend is not a Tracer has no trace methods.
func TestWithoutTracer(t *testing.T) {
	s := NewServer(struct{ Backend }{newFakeChain(t)}, Config{})
	if _, err := ask(t, s, "/", "starknet_traceTransaction", `["0x1"]`); err == nil || err.Code != -32601 {
		t.Errorf("trace without a tracer: %v", err)
	}
}

// FuzzRequest checks that the answer to any body is empty or valid JSON.
func FuzzRequest(f *testing.F) {
	chain := newFakeChain(f)
	seen := map[string]bool{}
	for _, c := range methodCases(f, chain) {
		if len(c.params) < 4000 && !seen[c.method+fmt.Sprint(c.code)] {
			seen[c.method+fmt.Sprint(c.code)] = true
			f.Add([]byte(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, c.method, c.params)))
		}
	}
	f.Add([]byte(`[{"jsonrpc":"2.0","id":"x","method":"starknet_chainId"}]`))
	s := NewServer(chain, Config{Transport: jsonrpc.Config{Timeout: 10 * time.Millisecond, Log: quiet}})
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte(`"0x3"`)) && bytes.Contains(body, []byte("starknet_call")) {
			t.Skip("the fake's panic, on purpose")
		}
		if _, answer := post(t, s, "/", string(body)); answer != "" && !json.Valid([]byte(answer)) {
			t.Errorf("%q: answer %q", body, answer)
		}
	})
}
