package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Case is a case file.
type Case struct {
	ChainID   string         `json:"chain_id"`
	FeeToken  felt.Felt      `json:"fee_token"`
	Block     BlockInfo      `json:"block"`
	Classes   []ClassFile    `json:"classes"`
	Contracts []ContractInit `json:"contracts"`
	Steps     []Step         `json:"steps"`

	// Old is "even" if the classes of the case whose hash is even run as if they were of Sierra 1.5.0, else empty.
	Old string `json:"old,omitempty"`

	Name string `json:"-"` // of the file, without its extension
	dir  string // base of the relative names of class files
}

// BlockInfo is the block info that transactions see.
type BlockInfo struct {
	Number     uint64    `json:"number"`
	Timestamp  uint64    `json:"timestamp"`
	Sequencer  felt.Felt `json:"sequencer"`
	L2GasPrice felt.Felt `json:"l2_gas_price"`
}

// ClassFile is a class that is declared before the first step.
type ClassFile struct {
	Name   string `json:"name"`
	Sierra string `json:"sierra"`
	// Spaces is a number of spaces that are added to the ABI: a class with the same code and another hash.
	Spaces int `json:"abi_spaces,omitempty,string"`
}

// ContractInit is a contract's state before the first step.
type ContractInit struct {
	Address   felt.Felt               `json:"address"`
	ClassHash felt.Felt               `json:"class_hash"`
	Nonce     felt.Felt               `json:"nonce"`
	Storage   map[felt.Felt]felt.Felt `json:"storage"`
}

// Step is a transaction. Block, if not nil, is the block from this step on.
type Step struct {
	Name     string     `json:"name"`
	Category string     `json:"category"`
	Block    *BlockInfo `json:"block"`
	Tx       broadcast  `json:"tx"`
}

// ReadCase reads a case file.
func ReadCase(name string) (*Case, error) {
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	base, _, _ := strings.Cut(filepath.Base(name), ".")
	c := &Case{Name: base, dir: filepath.Dir(name)}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// Class reads the Sierra class of a class file.
func (c *Case) Class(f ClassFile) (*starknet.ContractClass, error) {
	name := f.Sierra
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.dir, name)
	}
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	class := new(starknet.ContractClass)
	if err := json.Unmarshal(raw, class); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Sierra, err)
	}
	class.ABI += strings.Repeat(" ", f.Spaces)
	return class, nil
}

// readFile reads a file, or NAME.gz if there is only that.
func readFile(name string) ([]byte, error) {
	raw, err := os.ReadFile(name)
	if os.IsNotExist(err) && !strings.HasSuffix(name, ".gz") {
		if raw, zipped := os.ReadFile(name + ".gz"); zipped == nil {
			return inflate(raw)
		}
	}
	if err == nil && strings.HasSuffix(name, ".gz") {
		return inflate(raw)
	}
	return raw, err
}

// inflate decompresses gzip data.
func inflate(raw []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// broadcast is a transaction in its JSON-RPC form. It is decoded without the RPC's checks, which are not part of execution.
type broadcast struct{ starknet.Transaction }

type boundJSON struct {
	MaxAmount       hexNumber `json:"max_amount"`
	MaxPricePerUnit hexNumber `json:"max_price_per_unit"`
}

func (b boundJSON) bound() starknet.ResourceBound {
	l := b.MaxPricePerUnit.limbs
	return starknet.ResourceBound{MaxAmount: b.MaxAmount.limbs[0], MaxPricePerUnit: starknet.Uint128{Hi: l[1], Lo: l[0]}}
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *broadcast) UnmarshalJSON(raw []byte) error {
	var j struct {
		Type                string          `json:"type"`
		SenderAddress       felt.Felt       `json:"sender_address"`
		Calldata            []felt.Felt     `json:"calldata"`
		ClassHash           felt.Felt       `json:"class_hash"`
		CompiledClassHash   felt.Felt       `json:"compiled_class_hash"`
		ContractClass       json.RawMessage `json:"contract_class"`
		Salt                felt.Felt       `json:"contract_address_salt"`
		ConstructorCalldata []felt.Felt     `json:"constructor_calldata"`
		Signature           []felt.Felt     `json:"signature"`
		Nonce               felt.Felt       `json:"nonce"`
		ResourceBounds      struct {
			L1Gas     boundJSON `json:"l1_gas"`
			L1DataGas boundJSON `json:"l1_data_gas"`
			L2Gas     boundJSON `json:"l2_gas"`
		} `json:"resource_bounds"`
		Tip                   hexNumber   `json:"tip"`
		PaymasterData         []felt.Felt `json:"paymaster_data"`
		AccountDeploymentData []felt.Felt `json:"account_deployment_data"`
		NonceDAMode           string      `json:"nonce_data_availability_mode"`
		FeeDAMode             string      `json:"fee_data_availability_mode"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	mode := map[string]starknet.DAMode{"L1": starknet.DAModeL1, "L2": starknet.DAModeL2}
	common := starknet.Common{
		Signature: j.Signature, Nonce: j.Nonce, Tip: j.Tip.limbs[0], PaymasterData: j.PaymasterData,
		NonceDAMode: mode[j.NonceDAMode], FeeDAMode: mode[j.FeeDAMode],
		ResourceBounds: starknet.ResourceBounds{
			L1Gas: j.ResourceBounds.L1Gas.bound(), L2Gas: j.ResourceBounds.L2Gas.bound(), L1DataGas: j.ResourceBounds.L1DataGas.bound(),
		},
	}
	switch j.Type {
	case "INVOKE":
		b.Transaction = &starknet.Invoke{
			Common: common, SenderAddress: j.SenderAddress, Calldata: j.Calldata, AccountDeploymentData: j.AccountDeploymentData,
		}
	case "DEPLOY_ACCOUNT":
		b.Transaction = &starknet.DeployAccount{
			Common: common, ClassHash: j.ClassHash, ContractAddressSalt: j.Salt, ConstructorCalldata: j.ConstructorCalldata,
		}
	case "DECLARE":
		class := new(starknet.ContractClass)
		if err := json.Unmarshal(j.ContractClass, class); err != nil {
			return err
		}
		b.Transaction = &starknet.Declare{
			Common: common, SenderAddress: j.SenderAddress, AccountDeploymentData: j.AccountDeploymentData,
			CompiledClassHash: j.CompiledClassHash, ClassHash: class.Hash(), Class: class,
		}
	default:
		return fmt.Errorf("no transaction type %q", j.Type)
	}
	return nil
}

// hexNumber is a number below 2^128 in hexadecimal.
type hexNumber struct{ limbs [2]uint64 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *hexNumber) UnmarshalText(b []byte) error {
	x, ok := new(big.Int).SetString(string(b), 0)
	if !ok || x.Sign() < 0 || x.BitLen() > 128 {
		return fmt.Errorf("%q is not a number below 2^128", b)
	}
	low := new(big.Int).And(x, new(big.Int).SetUint64(1<<64-1))
	n.limbs = [2]uint64{low.Uint64(), x.Rsh(x, 64).Uint64()}
	return nil
}

// ClassLine is the line of a class in a result file.
type ClassLine struct {
	Class    string    `json:"class"`
	Hash     felt.Felt `json:"hash"`
	Compiled felt.Felt `json:"compiled"`
}

// StepLine is the line of a step in a result file.
type StepLine struct {
	I        int       `json:"i"`
	Name     string    `json:"name"`
	Category string    `json:"category"`
	Status   string    `json:"status"` // succeeded, reverted or rejected
	Error    string    `json:"error"`  // the reason, if it was rejected or reverted
	Hash     felt.Felt `json:"hash"`
	// EnginesDiffer is the second engine's result if it differs, else "".
	EnginesDiffer string `json:"engines_differ,omitempty"`
	*Effects             // nil for a rejected transaction
}

// Effects holds the effects of a transaction that was not rejected.
type Effects struct {
	Fee         string                                `json:"fee"` // decimal
	L1Gas       uint64                                `json:"l1_gas"`
	L1DataGas   uint64                                `json:"l1_data_gas"`
	L2Gas       uint64                                `json:"l2_gas"`
	Events      []EventLine                           `json:"events"`
	Messages    []MessageLine                         `json:"messages"`
	Storage     map[felt.Felt]map[felt.Felt]felt.Felt `json:"storage"`
	Nonces      map[felt.Felt]felt.Felt               `json:"nonces"`
	Classes     map[felt.Felt]felt.Felt               `json:"classes"`  // of contracts
	Declared    map[felt.Felt]felt.Felt               `json:"declared"` // compiled class hashes
	Validate    *CallLine                             `json:"validate"`
	Execute     *CallLine                             `json:"execute"`
	FeeTransfer *CallLine                             `json:"fee_transfer"`
}

// EventLine is an event of a transaction, or of a call; a call's event has Order instead of From.
type EventLine struct {
	Order *uint64     `json:"order,omitempty"`
	From  *felt.Felt  `json:"from,omitempty"`
	Keys  []felt.Felt `json:"keys"`
	Data  []felt.Felt `json:"data"`
}

// MessageLine is a message to L1 of a transaction, or of a call; a call's message has Order instead of From.
type MessageLine struct {
	Order   *uint64     `json:"order,omitempty"`
	From    *felt.Felt  `json:"from,omitempty"`
	To      felt.Felt   `json:"to"`
	Payload []felt.Felt `json:"payload"`
}

// CallLine is a call with its inner calls.
type CallLine struct {
	Contract felt.Felt     `json:"contract"`
	Class    felt.Felt     `json:"class"`
	Selector felt.Felt     `json:"selector"`
	Caller   felt.Felt     `json:"caller"`
	Kind     string        `json:"kind"`
	Library  bool          `json:"library"`
	Calldata []felt.Felt   `json:"calldata"`
	Gas      uint64        `json:"gas"`
	Consumed uint64        `json:"consumed"`
	Failed   bool          `json:"failed"`
	Retdata  []felt.Felt   `json:"retdata"`
	Events   []EventLine   `json:"events"`
	Messages []MessageLine `json:"messages"`
	Inner    []*CallLine   `json:"inner"`
	// Tracked and Resources say how the call is billed. Older result files do not have them.
	Tracked   string        `json:"tracked,omitempty"`
	Resources *ResourceLine `json:"resources,omitempty"`
}

// ResourceLine is the resources of a call with its inner calls, as far as they are billed.
type ResourceLine struct {
	Steps    uint64            `json:"steps"`
	Holes    uint64            `json:"holes"`
	Builtins map[string]uint64 `json:"builtins"`
}

// ReadResults reads a result file.
func ReadResults(name string) (classes []ClassLine, steps []StepLine, err error) {
	raw, err := readFile(name)
	if err != nil {
		return nil, nil, err
	}
	for n, line := range bytes.Split(bytes.TrimSpace(raw), []byte("\n")) {
		var kind struct{ Status *string }
		err := json.Unmarshal(line, &kind)
		if err == nil && kind.Status == nil {
			var c ClassLine
			err = json.Unmarshal(line, &c)
			classes = append(classes, c)
		} else if err == nil {
			var s StepLine
			err = json.Unmarshal(line, &s)
			steps = append(steps, s)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%s: %w", name, strconv.Itoa(n+1), err)
		}
	}
	return classes, steps, nil
}
