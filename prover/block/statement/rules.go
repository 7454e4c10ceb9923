package statement

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// rule is what there is to know of a syscall: its form in the output, its price, and the answer that Starknet gives.
type rule struct {
	name              string
	request, response int   // words
	arrays            []int // where the request names an array by two addresses that is published on success
	calls             bool  // it may make a call; the last two words of the response name the returned data
	charged           int   // where the request names an array that is charged by the word, or -1
	cost              constants.Cost

	// readable, if not nil, checks that the request can be read at all; one that cannot ends the transaction.
	readable func(s *Syscall) error
	// answer checks the answer to a syscall of the call f that had gas left after the charge.
	answer func(t *replayer, f *frame, s *Syscall, gas uint64) error
	felt   felt.Felt // the name as the class writes it
}

var rules = withCosts([]rule{
	{name: "StorageRead", request: 2, response: 1, charged: -1, readable: slotIsReadable, answer: storageRead},
	{name: "StorageWrite", request: 3, charged: -1, readable: slotIsReadable, answer: storageWrite},
	{name: "EmitEvent", request: 4, arrays: []int{0, 2}, charged: -1, answer: emitEvent},
	{name: "CallContract", request: 4, response: 2, calls: true, charged: -1, readable: addressIsReadable, answer: callContract},
	{name: "LibraryCall", request: 4, response: 2, calls: true, charged: -1, answer: libraryCall},
	{name: "Deploy", request: 5, response: 3, calls: true, charged: 2, answer: deploy},
	{name: "GetExecutionInfo", response: 1, charged: -1, answer: getExecutionInfo},
	{name: "GetClassHashAt", request: 1, response: 1, charged: -1, readable: addressIsReadable, answer: getClassHashAt},
	{name: "GetBlockHash", request: 1, response: 1, charged: -1, answer: getBlockHash},
	{name: "ReplaceClass", request: 1, charged: -1, answer: replaceClass},
	{name: "SendMessageToL1", request: 3, arrays: []int{1}, charged: 1, readable: l1AddressIsReadable, answer: sendMessageToL1},
	{name: "Keccak", request: 2, response: 2, arrays: []int{0}, charged: -1, answer: keccakWords},
})

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

// The panic data of syscalls that fail.
var (
	outOfGas           = felt.FromShortString(constants.OutOfGas)
	entryPointFailed   = felt.FromShortString(constants.EntryPointFailed)
	entryPointNotFound = felt.FromShortString(constants.EntryPointNotFound)
	invalidArgument    = felt.FromShortString(constants.InvalidArgument)
	invalidInputLength = felt.FromShortString(constants.InvalidInputLength)
	blockOutOfRange    = felt.FromShortString(constants.BlockOutOfRange)
)

// succeeds demands that the syscall was answered with success and left gas.
func (s *Syscall) succeeds(gas uint64) error {
	if s.Failed {
		return fmt.Errorf("failed with %v, want success", s.Arrays[0])
	}
	return s.leaves(gas)
}

// fails demands that the syscall was answered with that panic data and left gas.
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

// same compares words.
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

// addressRange is what starknet.IsAddress demands.
const addressRange = "below 2^251"

// slotIsReadable refuses what names no storage slot: another domain than the only one there is, a key that no contract can have.
func slotIsReadable(s *Syscall) error {
	if !s.Request[0].IsZero() {
		return fmt.Errorf("storage domain %v, want 0", s.Request[0])
	}
	if !starknet.IsAddress(s.Request[1]) {
		return fmt.Errorf("storage key %v, want one %s", s.Request[1], addressRange)
	}
	return nil
}

// addressIsReadable refuses a request whose first word is no contract address.
func addressIsReadable(s *Syscall) error {
	if !starknet.IsAddress(s.Request[0]) {
		return fmt.Errorf("address %v, want one %s", s.Request[0], addressRange)
	}
	return nil
}

// l1AddressIsReadable refuses a message to a felt that is not an L1 address.
func l1AddressIsReadable(s *Syscall) error {
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
		return fmt.Errorf("event of %d keys and %d words of data, at most %d and %d", len(keys), len(data), constants.MaxEventKeys, constants.MaxEventData)
	}
	if len(t.events)-t.eventsBefore >= constants.MaxEvents {
		return fmt.Errorf("event number %d of the call from the protocol, at most %d", len(t.events)-t.eventsBefore+1, constants.MaxEvents)
	}
	t.events = append(t.events, starknet.Event{From: f.contract, Keys: keys, Data: data})
	return nil
}

func callContract(t *replayer, f *frame, s *Syscall, gas uint64) error {
	contract, selector := s.Request[0], s.Request[1]
	if t.validating && contract != f.contract {
		return fmt.Errorf("calls %v from the constructor of a DEPLOY_ACCOUNT, which may call %v alone", contract, f.contract)
	}
	if selector == executeSelector {
		if s.Inner != nil {
			return fmt.Errorf("calls __execute__ of %v", contract)
		}
		return s.fails(gas, invalidArgument)
	}
	class, err := t.state.classAt(contract)
	if err != nil {
		return err
	}
	if class.IsZero() {
		return fmt.Errorf("calls %v, where no contract is", contract)
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
		return fmt.Errorf("deploys from the constructor of a DEPLOY_ACCOUNT, which may not")
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
	var calldata []felt.Felt // that of the inner call; without one it must be empty
	if s.Inner != nil {
		calldata = s.Inner.Calldata
	} else if s.Request[2] != s.Request[3] {
		return fmt.Errorf("constructor calldata from %v to %v, want none where no constructor is called", s.Request[2], s.Request[3])
	}
	contract := starknet.ContractAddress(deployer, salt, class, calldata)
	if there, err := t.state.classAt(contract); err != nil {
		return err
	} else if !there.IsZero() {
		return fmt.Errorf("deploys to %v, where a contract is", contract)
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
		return fmt.Errorf("points to %v, this call's information is at %v", s.Response[0], want)
	}
	return nil
}

func getClassHashAt(t *replayer, _ *frame, s *Syscall, gas uint64) error {
	if t.validating {
		return fmt.Errorf("asked from the constructor of a DEPLOY_ACCOUNT, which may not")
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
			return fmt.Errorf("block %v asked for from the constructor of a DEPLOY_ACCOUNT: that is too recent", number)
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
		return fmt.Errorf("input of %v words", size)
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
