package statement

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/secp"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// rule describes a syscall: its format in the output, its price, and the check of its response.
type rule struct {
	name              string
	request, response int   // number of words
	arrays            []int // indices in the request of the two addresses of an array that is published on success
	given             []int // the same for an array that is published in any case, in FormatStwo
	boxes             []int // sizes of the objects behind pointers that are published on success: those of the request, then the response's
	names             bool  // the request names a class
	meta              bool  // the TxInfo of the inner call is published
	calls             bool  // the syscall may make a call; the last two words of the response are the addresses of the returned data
	whole             bool  // only in FormatStwo
	charged           int   // index in the request of an array that is charged per word, or -1
	cost              constants.Cost

	// readable, if not nil, returns an error for a request that aborts the transaction, such as an invalid address.
	readable func(f *frame, s *Syscall) error
	// answer checks the response to a syscall of call f that had gas left after the charge.
	answer func(t *replayer, f *frame, s *Syscall, gas uint64) error
	felt   felt.Felt // the name as a felt, as the class writes it
}

var rules = withCosts(slices.Concat([]rule{
	{name: "StorageRead", request: 2, response: 1, charged: -1, readable: slotIsReadable, answer: storageRead},
	{name: "StorageWrite", request: 3, charged: -1, readable: slotIsReadable, answer: storageWrite},
	{name: "EmitEvent", request: 4, arrays: []int{0, 2}, charged: -1, answer: emitEvent},
	{name: "CallContract", request: 4, response: 2, calls: true, charged: -1, readable: addressIsReadable, answer: callContract},
	{name: "LibraryCall", request: 4, response: 2, calls: true, charged: -1, answer: libraryCall},
	{name: "Deploy", request: 5, response: 3, given: []int{2}, calls: true, charged: 2, answer: deploy},
	{name: "GetExecutionInfo", response: 1, charged: -1, answer: getExecutionInfo},
	{name: "GetClassHashAt", request: 1, response: 1, charged: -1, readable: addressIsReadable, answer: getClassHashAt},
	{name: "GetBlockHash", request: 1, response: 1, charged: -1, answer: getBlockHash},
	{name: "ReplaceClass", request: 1, names: true, charged: -1, answer: replaceClass},
	{name: "SendMessageToL1", request: 3, arrays: []int{1}, charged: 1, readable: l1AddressIsReadable, answer: sendMessageToL1},
	{name: "Keccak", request: 2, response: 2, arrays: []int{0}, charged: -1, answer: keccakWords},
	{
		name: "MetaTxV0", request: 6, response: 2, given: []int{2, 4}, meta: true, calls: true, whole: true, charged: 2,
		readable: addressIsReadable, answer: metaTransaction,
	},
	{name: "Sha256ProcessBlock", request: 2, response: 1, boxes: shaBoxes, whole: true, charged: -1, answer: shaBlockOf(computeSha256Block)},
	{name: "Sha512ProcessBlock", request: 2, response: 1, boxes: shaBoxes, whole: true, charged: -1, answer: shaBlockOf(computeSha512Block)},
}, secpRules("Secp256k1", secp.K1), secpRules("Secp256r1", secp.R1)))

func withCosts(rows []rule) []rule {
	for i := range rows {
		rows[i].felt = felt.FromShortString(rows[i].name)
		rows[i].cost, _ = constants.Syscall(rows[i].name)
	}
	return rows
}

func ruleOf(selector felt.Felt) (*rule, bool) {
	for i := range rules {
		if rules[i].felt == selector {
			return &rules[i], true
		}
	}
	return nil, false
}

// Panic data of failed syscalls.
var (
	outOfGas           = felt.FromShortString(constants.OutOfGas)
	entryPointFailed   = felt.FromShortString(constants.EntryPointFailed)
	entryPointNotFound = felt.FromShortString(constants.EntryPointNotFound)
	invalidArgument    = felt.FromShortString(constants.InvalidArgument)
	invalidInputLength = felt.FromShortString(constants.InvalidInputLength)
	blockOutOfRange    = felt.FromShortString(constants.BlockOutOfRange)
)

// succeeds returns an error unless the syscall succeeded and left gas.
func (s *Syscall) succeeds(gas uint64) error {
	if s.Failed {
		return fmt.Errorf("failed with %v, want success", s.Arrays[0])
	}
	return s.leaves(gas)
}

// fails returns an error unless the syscall failed with the panic data and left gas.
func (s *Syscall) fails(gas uint64, data ...felt.Felt) error {
	if !s.Failed {
		return fmt.Errorf("succeeded, want failure with %v", data)
	}
	if err := same("panic data", s.Arrays[0], data); err != nil {
		return err
	}
	return s.leaves(gas)
}

func (s *Syscall) leaves(gas uint64) error {
	if s.GasLeft != gas {
		return fmt.Errorf("gas left is %d, want %d", s.GasLeft, gas)
	}
	return nil
}

// same returns an error that names the first difference between two lists of words.
func same(what string, got, want []felt.Felt) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d words, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("word %d of the %s is %v, want %v", i, what, got[i], want[i])
		}
	}
	return nil
}

// addressRange describes the felts that starknet.IsAddress accepts.
const addressRange = "below 2^251"

// slotIsReadable returns an error if the request does not name a storage slot: its domain is not 0, or its key is out of range.
func slotIsReadable(_ *frame, s *Syscall) error {
	if !s.Request[0].IsZero() {
		return fmt.Errorf("storage domain %v, want 0", s.Request[0])
	}
	if !starknet.IsAddress(s.Request[1]) {
		return fmt.Errorf("storage key %v, want a key %s", s.Request[1], addressRange)
	}
	return nil
}

// addressIsReadable returns an error if the first word of the request is not a contract address.
func addressIsReadable(_ *frame, s *Syscall) error {
	if !starknet.IsAddress(s.Request[0]) {
		return fmt.Errorf("address %v, want an address %s", s.Request[0], addressRange)
	}
	return nil
}

// l1AddressIsReadable returns an error if the recipient of a message is not an L1 address.
func l1AddressIsReadable(_ *frame, s *Syscall) error {
	if bits := s.Request[0].BitLen(); bits > constants.L1AddressBits {
		return fmt.Errorf("message to %v of %d bits, an L1 address has at most %d", s.Request[0], bits, constants.L1AddressBits)
	}
	return nil
}

func storageRead(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	key := s.Request[1]
	value, err := t.state.storage(slot{f.contract, key})
	if err != nil {
		return err
	}
	if s.Response[0] != value {
		return fmt.Errorf("slot %v of contract %v read as %v, want %v", key, f.contract, s.Response[0], value)
	}
	return nil
}

func storageWrite(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	return t.state.write(slot{f.contract, s.Request[1]}, s.Request[2])
}

func emitEvent(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	keys, data := s.Arrays[0], s.Arrays[1]
	if len(keys) > constants.MaxEventKeys || len(data) > constants.MaxEventData {
		return fmt.Errorf("event has %d keys and %d words of data, want at most %d and %d", len(keys), len(data), constants.MaxEventKeys, constants.MaxEventData)
	}
	if len(t.events)-t.eventsBefore >= constants.MaxEvents {
		return fmt.Errorf("event number %d of the call from the protocol, want at most %d", len(t.events)-t.eventsBefore+1, constants.MaxEvents)
	}
	t.events = append(t.events, starknet.Event{From: f.contract, Keys: keys, Data: data})
	return nil
}

// calledClass returns the class of a contract that a syscall calls.
func (t *replayer) calledClass(contract felt.Felt) (felt.Felt, error) {
	class, err := t.state.classAt(contract)
	if err == nil && class.IsZero() {
		err = fmt.Errorf("calls %v, which is not a contract", contract)
	}
	return class, err
}

func callContract(t *replayer, f *frame, s *Syscall, gas uint64) error {
	contract, selector := s.Request[0], s.Request[1]
	if t.validating && contract != f.contract {
		return fmt.Errorf("calls %v during validation, which may call only %v", contract, f.contract)
	}
	if selector == executeSelector {
		if s.Inner != nil {
			return fmt.Errorf("calls __execute__ of %v", contract)
		}
		return s.fails(gas, invalidArgument)
	}
	class, err := t.calledClass(contract)
	if err != nil {
		return err
	}
	return t.inner(f, s, frame{
		class: class, kind: casm.External, selector: selector, contract: contract, caller: f.contract, gas: gas,
	})
}

func libraryCall(t *replayer, f *frame, s *Syscall, gas uint64) error {
	return t.inner(f, s, frame{
		class: s.Request[0], kind: casm.External, selector: s.Request[1], contract: f.contract, caller: f.caller, gas: gas,
	})
}

func deploy(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if t.validating {
		return fmt.Errorf("deploys during validation, which may not deploy")
	}
	class, salt, fromZero := s.Request[0], s.Request[1], s.Request[4]
	deployer := f.contract
	switch fromZero {
	case felt.One:
		deployer = felt.Zero
	case felt.Zero:
	default:
		return fmt.Errorf("deploy_from_zero is %v, want 0 or 1", fromZero)
	}
	var calldata []felt.Felt // must be empty if there is no inner call
	switch {
	case t.format.whole:
		calldata = s.Given[0]
	case s.Inner != nil:
		calldata = s.Inner.Calldata
	}
	if s.Inner == nil && s.Request[2] != s.Request[3] {
		return fmt.Errorf("constructor calldata from %v to %v, want none because no constructor is called", s.Request[2], s.Request[3])
	}
	contract := starknet.ContractAddress(deployer, salt, class, calldata)
	if there, err := t.state.classAt(contract); err != nil {
		return err
	} else if !there.IsZero() {
		return fmt.Errorf("deploys to %v, which is already a contract", contract)
	}
	if !s.Failed && s.Response[0] != contract {
		return fmt.Errorf("deployed at %v, want %v", s.Response[0], contract)
	}
	return t.inner(f, s, frame{
		class: class, kind: casm.Constructor, selector: constructorSelector, contract: contract, caller: f.contract, gas: gas, deploys: true,
	})
}

func getExecutionInfo(_ *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	if want := felt.FromUint64(f.info); s.Response[0] != want {
		return fmt.Errorf("points to %v, but the information of this call is at %v", s.Response[0], want)
	}
	return nil
}

func getClassHashAt(t *replayer, _ *frame, s *Syscall, gas uint64) error {
	if t.validating {
		return fmt.Errorf("called during validation, which may not call it")
	}
	if err := s.succeeds(gas); err != nil {
		return err
	}
	class, err := t.state.classAt(s.Request[0])
	if err != nil {
		return err
	}
	if s.Response[0] != class {
		return fmt.Errorf("class of %v is %v, want %v", s.Request[0], s.Response[0], class)
	}
	return nil
}

func getBlockHash(t *replayer, _ *frame, s *Syscall, gas uint64) error {
	number := s.Request[0]
	if !number.IsUint64() || t.block.Number < constants.BlockHashLag || number.Uint64() > t.block.Number-constants.BlockHashLag {
		if t.validating {
			return fmt.Errorf("asks for the hash of block %v during validation: the block is too recent", number)
		}
		return s.fails(gas, blockOutOfRange)
	}
	if err := s.succeeds(gas); err != nil {
		return err
	}
	hash, err := t.state.storage(slot{starknet.BlockHashAddress, number})
	if err != nil {
		return err
	}
	if s.Response[0] != hash {
		return fmt.Errorf("hash of block %v is %v, want %v", number, s.Response[0], hash)
	}
	return nil
}

func replaceClass(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	if compiled, err := t.state.compiled(s.Request[0]); err != nil {
		return err
	} else if compiled.IsZero() {
		return fmt.Errorf("replaces the class by %v, which is not declared", s.Request[0])
	}
	return t.state.setClass(f.contract, s.Request[0])
}

func sendMessageToL1(t *replayer, f *frame, s *Syscall, gas uint64) error {
	if err := s.succeeds(gas); err != nil {
		return err
	}
	t.messages = append(t.messages, starknet.Message{From: f.contract, To: s.Request[0], Payload: s.Arrays[0]})
	return nil
}

func keccakWords(_ *replayer, _ *frame, s *Syscall, gas uint64) error {
	var size felt.Felt
	size.Sub(&s.Request[1], &s.Request[0])
	if !size.IsUint64() {
		return fmt.Errorf("input has %v words, want fewer than 2^64", size)
	}
	if size.Uint64()%constants.KeccakBlock != 0 {
		return s.fails(gas, invalidInputLength)
	}
	rounds := size.Uint64() / constants.KeccakBlock
	if price := priceOf(s.rule.cost.Linear); rounds > gas/price {
		return s.fails(gas, outOfGas)
	} else if err := s.succeeds(gas - rounds*price); err != nil {
		return err
	}
	var state [25]uint64
	for i, word := range s.Arrays[0] {
		if !word.IsUint64() {
			return fmt.Errorf("input word %d is %v, which does not fit in 64 bits", i, word)
		}
		state[i%constants.KeccakBlock] ^= word.Uint64()
		if i%constants.KeccakBlock == constants.KeccakBlock-1 {
			keccak.F1600(&state)
		}
	}
	digest := []felt.Felt{felt.FromUint128(state[1], state[0]), felt.FromUint128(state[3], state[2])}
	return same("digest", s.Response, digest)
}
