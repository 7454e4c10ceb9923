package rpc

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
)

// Methods that read the state after a block.

const flagLastUpdate = "INCLUDE_LAST_UPDATE_BLOCK"

// storageResultJSON is a STORAGE_RESULT.
type storageResultJSON struct {
	Value           felt.Felt `json:"value"`
	LastUpdateBlock uint64    `json:"last_update_block"`
}

func getStorageAt(c *call) (any, error) {
	contract, key, at := c.felt("contract_address"), c.felt("key"), c.block("block_id")
	lastUpdate := c.flags("response_flags", false, flagLastUpdate)[flagLastUpdate]
	if c.err != nil {
		return nil, c.err
	}
	state, err := c.backend.State(c, at.Block)
	if err != nil {
		return nil, err
	}
	// The system contracts have storage but no class.
	if contract != starknet.BlockHashAddress && contract != finality.Address {
		if _, err := classOf(state, contract); err != nil {
			return nil, err
		}
	}
	value, err := state.StorageAt(contract, key)
	if err != nil || !lastUpdate {
		return value, err
	}
	n, err := state.StorageUpdatedAt(contract, key)
	return storageResultJSON{value, n}, err
}

// classOf returns a contract's class hash, or ErrContractNotFound.
func classOf(state State, contract felt.Felt) (felt.Felt, error) {
	hash, err := state.ClassHashAt(contract)
	if err == nil && hash.IsZero() {
		err = ErrContractNotFound
	}
	return hash, err
}

// contract is the contract of the parameters block_id and contract_address.
type contract struct {
	state     State
	at        starknet.At
	address   felt.Felt
	classHash felt.Felt
}

// contract reads the parameters block_id and contract_address and returns the contract.
func (c *call) contract() (k contract, err error) {
	k.at, k.address = c.block("block_id"), c.felt("contract_address")
	if c.err != nil {
		return k, c.err
	}
	if k.state, err = c.backend.State(c, k.at.Block); err != nil {
		return k, err
	}
	k.classHash, err = classOf(k.state, k.address)
	return k, err
}

func getNonce(c *call) (any, error) {
	k, err := c.contract()
	if err != nil {
		return nil, err
	}
	return k.state.NonceAt(k.address)
}

func getClassHashAt(c *call) (any, error) {
	k, err := c.contract()
	return k.classHash, err
}

func getClassAt(c *call) (any, error) {
	k, err := c.contract()
	if err != nil {
		return nil, err
	}
	return classIn(k.state, k.classHash)
}

func getClass(c *call) (any, error) {
	at, classHash := c.block("block_id"), c.felt("class_hash")
	if c.err != nil {
		return nil, c.err
	}
	state, err := c.backend.State(c, at.Block)
	if err != nil {
		return nil, err
	}
	return classIn(state, classHash)
}

func classIn(state State, classHash felt.Felt) (any, error) {
	class, err := state.Class(classHash)
	if err == nil && class == nil {
		err = ErrClassNotFound
	}
	if err != nil {
		return nil, err
	}
	return class, nil
}

func getCompiledCasm(c *call) (any, error) {
	classHash := c.felt("class_hash")
	if c.err != nil {
		return nil, c.err
	}
	return c.backend.CompiledClass(c, classHash)
}

// treeHeight is the height of the state's tries, which is the number of bits of their keys.
const treeHeight = 251

// check rejects felts that cannot be keys of the state's tries: these have neither a value nor a proof of absence.
func (r *StorageProofRequest) check() error {
	key := func(f *felt.Felt, format string, args ...any) error {
		if f.BitLen() > treeHeight {
			return fmt.Errorf("%s: %s is not below 2^%d, so it is not a key of a trie", fmt.Sprintf(format, args...), f, treeHeight)
		}
		return nil
	}
	for i := range r.ClassHashes {
		if err := key(&r.ClassHashes[i], "class_hashes[%d]", i); err != nil {
			return err
		}
	}
	for i := range r.ContractAddresses {
		if err := key(&r.ContractAddresses[i], "contract_addresses[%d]", i); err != nil {
			return err
		}
	}
	for i := range r.Slots {
		of := &r.Slots[i]
		if err := key(&of.Contract, "contracts_storage_keys[%d].contract_address", i); err != nil {
			return err
		}
		for j := range of.Keys {
			if err := key(&of.Keys[j], "contracts_storage_keys[%d].storage_keys[%d]", i, j); err != nil {
				return err
			}
		}
	}
	return nil
}

func getStorageProof(c *call) (any, error) {
	at := c.block("block_id")
	var r StorageProofRequest
	var slots []jsonObject
	c.optional("class_hashes", &r.ClassHashes)
	c.optional("contract_addresses", &r.ContractAddresses)
	c.optional("contracts_storage_keys", &slots)
	if c.err != nil {
		return nil, c.err
	}
	keys := len(r.ClassHashes) + len(r.ContractAddresses)
	for _, members := range slots {
		o := &object{members: members}
		var k starknet.ContractSlots
		o.get("contract_address", &k.Contract)
		o.get("storage_keys", &k.Keys)
		if o.err != nil {
			return nil, jsonrpc.ErrInvalidParams.With("contracts_storage_keys: " + o.err.Error())
		}
		r.Slots = append(r.Slots, k)
		keys += 1 + len(k.Keys)
	}
	if keys > c.server.config.MaxProofKeys {
		return nil, jsonrpc.ErrInvalidParams.With(fmt.Sprintf("%d keys to prove, at most %d", keys, c.server.config.MaxProofKeys))
	}
	if err := r.check(); err != nil {
		return nil, jsonrpc.ErrInvalidParams.With(err.Error())
	}
	if at.Next {
		return nil, jsonrpc.ErrInvalidParams.With("no proofs for a block that is not confirmed")
	}
	p, err := c.backend.StorageProof(c, at.Block, &r)
	if err != nil {
		return nil, err
	}
	return newStorageProofJSON(p), nil
}
