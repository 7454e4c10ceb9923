package rpc

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// The JSON forms of traces and of storage proofs.

// invocationJSON is a FUNCTION_INVOCATION.
type invocationJSON struct {
	FunctionCall
	Caller         felt.Felt            `json:"caller_address"`
	ClassHash      felt.Felt            `json:"class_hash"`
	EntryPointType EntryPointType       `json:"entry_point_type"`
	CallType       string               `json:"call_type"`
	Result         []felt.Felt          `json:"result"`
	Calls          []*invocationJSON    `json:"calls"`
	Events         []orderedEventJSON   `json:"events"`
	Messages       []orderedMessageJSON `json:"messages"`
	Resources      callResourcesJSON    `json:"execution_resources"`
	Reverted       bool                 `json:"is_reverted"`
}

type orderedEventJSON struct {
	Order int         `json:"order"`
	Keys  []felt.Felt `json:"keys"`
	Data  []felt.Felt `json:"data"`
}

type orderedMessageJSON struct {
	Order int `json:"order"`
	messageJSON
}

type callResourcesJSON struct {
	L1Gas uint64 `json:"l1_gas"`
	L2Gas uint64 `json:"l2_gas"`
}

func newInvocationJSON(v *Invocation) *invocationJSON {
	if v == nil {
		return nil
	}
	j := &invocationJSON{
		FunctionCall: v.FunctionCall, Caller: v.Caller, ClassHash: v.ClassHash, EntryPointType: v.EntryPointType,
		CallType: "CALL", Result: list(v.Result), Calls: mapped(v.Calls, newInvocationJSON),
		Events: mapped(v.Events, func(e *OrderedEvent) orderedEventJSON {
			return orderedEventJSON{e.Order, list(e.Keys), list(e.Data)}
		}),
		Messages: mapped(v.Messages, func(m *OrderedMessage) orderedMessageJSON {
			return orderedMessageJSON{m.Order, newMessageJSON(&m.Message)}
		}),
		Resources: callResourcesJSON{v.L1Gas, v.L2Gas}, Reverted: v.Reverted,
	}
	j.Calldata = list(j.Calldata)
	if v.Library {
		j.CallType = "LIBRARY_CALL"
	}
	return j
}

// traceJSON is a TRANSACTION_TRACE.
type traceJSON struct {
	Type        string          `json:"type"`
	Validate    *invocationJSON `json:"validate_invocation,omitempty"`
	Execute     any             `json:"execute_invocation,omitempty"`
	Constructor *invocationJSON `json:"constructor_invocation,omitempty"`
	FeeTransfer *invocationJSON `json:"fee_transfer_invocation,omitempty"`
	StateDiff   *stateDiffJSON  `json:"state_diff,omitempty"`
	Resources   resourcesJSON   `json:"execution_resources"`
}

type revertReasonJSON struct {
	RevertReason string `json:"revert_reason"`
}

// newTraceJSON returns the JSON form of t, that of version 0.9 if old is set.
func newTraceJSON(t *Trace, old bool) *traceJSON {
	j := &traceJSON{
		Type: t.Type.String(), Validate: newInvocationJSON(t.Validate), Constructor: newInvocationJSON(t.Constructor),
		FeeTransfer: newInvocationJSON(t.FeeTransfer), Resources: resourcesJSON(t.Resources),
	}
	if t.StateDiff != nil {
		j.StateDiff = newStateDiffJSON(t.StateDiff, old)
	}
	if t.Type == starknet.InvokeType {
		if t.Execute != nil {
			j.Execute = newInvocationJSON(t.Execute)
		} else {
			j.Execute = revertReasonJSON{t.RevertReason}
		}
	}
	return j
}

// initialReadsJSON is an INITIAL_READS: the values that transactions read from the state before them, each once. It does not have values
// that one of the transactions had written before the read.
type initialReadsJSON struct {
	Storage     []storageReadJSON     `json:"storage"`
	Nonces      []nonceReadJSON       `json:"nonces"`
	ClassHashes []classHashReadJSON   `json:"class_hashes"`
	Declared    []declarationReadJSON `json:"declared_contracts"`
}

type storageReadJSON struct {
	Contract felt.Felt `json:"contract_address"`
	Key      felt.Felt `json:"key"`
	Value    felt.Felt `json:"value"`
}

type nonceReadJSON struct {
	Contract felt.Felt `json:"contract_address"`
	Nonce    felt.Felt `json:"nonce"`
}

type classHashReadJSON struct {
	Contract  felt.Felt `json:"contract_address"`
	ClassHash felt.Felt `json:"class_hash"`
}

type declarationReadJSON struct {
	ClassHash felt.Felt `json:"class_hash"`
	Declared  bool      `json:"is_declared"`
}

// newInitialReadsJSON returns the JSON form of r, which may be nil.
func newInitialReadsJSON(r *starknet.StateReads) *initialReadsJSON {
	if r == nil {
		r = new(starknet.StateReads)
	}
	return &initialReadsJSON{
		Storage:     mapped(r.Storage, func(x *starknet.StorageRead) storageReadJSON { return storageReadJSON(*x) }),
		Nonces:      mapped(r.Nonces, func(x *starknet.NonceRead) nonceReadJSON { return nonceReadJSON(*x) }),
		ClassHashes: mapped(r.ClassHashes, func(x *starknet.ClassHashRead) classHashReadJSON { return classHashReadJSON(*x) }),
		Declared:    mapped(r.Declared, func(x *starknet.DeclarationRead) declarationReadJSON { return declarationReadJSON(*x) }),
	}
}

// storageProofJSON is the result of starknet_getStorageProof.
type storageProofJSON struct {
	Classes   []proofNodeJSON    `json:"classes_proof"`
	Contracts contractsProofJSON `json:"contracts_proof"`
	Storage   [][]proofNodeJSON  `json:"contracts_storage_proofs"`
	Roots     globalRootsJSON    `json:"global_roots"`
}

type contractsProofJSON struct {
	Nodes  []proofNodeJSON `json:"nodes"`
	Leaves []ContractLeaf  `json:"contract_leaves_data"`
}

type globalRootsJSON struct {
	Contracts felt.Felt `json:"contracts_tree_root"`
	Classes   felt.Felt `json:"classes_tree_root"`
	BlockHash felt.Felt `json:"block_hash"`
}

type proofNodeJSON struct {
	Hash felt.Felt      `json:"node_hash"`
	Node merkleNodeJSON `json:"node"`
}

// merkleNodeJSON is a MERKLE_NODE: a binary node has the first two members, an edge the last three.
type merkleNodeJSON struct {
	Left   *felt.Felt `json:"left,omitempty"`
	Right  *felt.Felt `json:"right,omitempty"`
	Child  *felt.Felt `json:"child,omitempty"`
	Path   *felt.Felt `json:"path,omitempty"`
	Length uint8      `json:"length,omitempty"`
}

func newProofNodeJSON(n *ProofNode) proofNodeJSON {
	if n.Length == 0 {
		return proofNodeJSON{n.Hash, merkleNodeJSON{Left: &n.Left, Right: &n.Right}}
	}
	return proofNodeJSON{n.Hash, merkleNodeJSON{Child: &n.Child, Path: &n.Path, Length: n.Length}}
}

func (j *proofNodeJSON) node() (n ProofNode) {
	n.Hash, n.Length = j.Hash, j.Node.Length
	for _, f := range []struct{ to, from *felt.Felt }{
		{&n.Left, j.Node.Left}, {&n.Right, j.Node.Right}, {&n.Child, j.Node.Child}, {&n.Path, j.Node.Path},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return n
}

func newStorageProofJSON(p *StorageProof) *storageProofJSON {
	nodes := func(ns []ProofNode) []proofNodeJSON { return mapped(ns, newProofNodeJSON) }
	return &storageProofJSON{
		Classes:   nodes(p.Classes),
		Contracts: contractsProofJSON{Nodes: nodes(p.Contracts), Leaves: list(p.ContractLeaves)},
		Storage:   mapped(p.Storage, func(ns *[]ProofNode) []proofNodeJSON { return nodes(*ns) }),
		Roots:     globalRootsJSON{p.ContractsRoot, p.ClassesRoot, p.BlockHash},
	}
}

func (j *storageProofJSON) proof() *StorageProof {
	nodes := func(js []proofNodeJSON) []ProofNode { return mapped(js, (*proofNodeJSON).node) }
	return &StorageProof{
		Classes: nodes(j.Classes), Contracts: nodes(j.Contracts.Nodes), ContractLeaves: j.Contracts.Leaves,
		Storage:       mapped(j.Storage, func(js *[]proofNodeJSON) []ProofNode { return nodes(*js) }),
		ContractsRoot: j.Roots.Contracts, ClassesRoot: j.Roots.Classes, BlockHash: j.Roots.BlockHash,
	}
}
