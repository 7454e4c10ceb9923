package executor

import (
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// syscalls implements cairo.Syscalls for one frame.
type syscalls struct {
	txn           *transaction
	phase         *phase
	frame         *Frame
	executionInfo *cairo.ExecutionInfo // nil until the first GetExecutionInfo

	used   constants.Resources // the Starknet OS's for these syscalls, if the frame is billed in VM resources
	keccak bool                // used includes the constant part of keccak
}

// charge deducts a syscall's cost from the frame's gas, less the base cost that compiled code has already charged. If there is
// too little gas, it leaves the counter unchanged and fails the syscall.
func (s *syscalls) charge(gas *uint64, selector cairo.Selector, n uint64) error {
	if err := s.count(selector); err != nil {
		return err
	}
	price, _ := costOf(selector)
	cost := price.gas(n) - constants.SyscallBaseGas
	if *gas < cost {
		return &cairo.SyscallFailure{Data: []felt.Felt{outOfGas}}
	}
	*gas -= cost
	if !s.frame.CairoSteps {
		s.phase.lastGas = *gas
	}
	if n > 0 {
		return s.countUnits(selector, n)
	}
	return nil
}

// Meter implements cairo.Syscalls.
func (s *syscalls) Meter(gas *uint64, selector cairo.Selector, units uint64) error {
	cost, ok := costOf(selector)
	if !ok {
		return failf("Invalid syscall selector: %s.", selector)
	}
	if err := s.charge(gas, selector, 0); err != nil || selector != cairo.Keccak {
		return err
	}
	if units == cairo.NoRounds {
		return nil
	}
	rounds := saturatingMul(gasOf(cost.Linear), units)
	if rounds > *gas {
		return &cairo.SyscallFailure{Data: []felt.Felt{outOfGas}}
	}
	*gas -= rounds
	return s.countUnits(selector, units)
}

// StorageRead implements cairo.Syscalls.
func (s *syscalls) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	if err := checkSlot(domain, key); err != nil {
		return felt.Felt{}, err
	}
	if err := s.charge(gas, cairo.StorageRead, 0); err != nil {
		return felt.Felt{}, err
	}
	return s.txn.st.StorageAt(s.frame.Contract, key)
}

// StorageWrite implements cairo.Syscalls.
func (s *syscalls) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	if err := checkSlot(domain, key); err != nil {
		return err
	}
	if err := s.charge(gas, cairo.StorageWrite, 0); err != nil {
		return err
	}
	s.txn.st.SetStorage(s.frame.Contract, key, value)
	return nil
}

// checkSlot returns a failure if domain and key do not name a storage slot. A syscall reads its request before it charges gas, so
// an invalid request fails the transaction however little gas there is.
func checkSlot(domain uint32, key felt.Felt) error {
	if domain != 0 {
		return failf("Invalid address domain: %d.", domain)
	}
	return checkAddress(key)
}

// checkAddress returns a failure if x cannot be a storage key or a contract address.
func checkAddress(x felt.Felt) error {
	if !starknet.IsAddress(x) {
		return failf("Out of range [0x0, 0x800000000000000000000000000000000000000000000000000000000000000).")
	}
	return nil
}

// EmitEvent implements cairo.Syscalls.
func (s *syscalls) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	if err := s.charge(gas, cairo.EmitEvent, 0); err != nil {
		return err
	}
	order := len(s.txn.events) - s.phase.from.events
	switch {
	case order+1 > constants.MaxEvents:
		return failf("Exceeded the maximum number of events, number events: %d, max number events: %d.", order+1, constants.MaxEvents)
	case len(keys) > constants.MaxEventKeys:
		return failf("Exceeded the maximum keys length, keys length: %d, max keys length: %d.", len(keys), constants.MaxEventKeys)
	case len(data) > constants.MaxEventData:
		return failf("Exceeded the maximum data length, data length: %d, max data length: %d.", len(data), constants.MaxEventData)
	}
	keys, data = slices.Clone(keys), slices.Clone(data)
	s.txn.events = append(s.txn.events, starknet.Event{From: s.frame.Contract, Keys: keys, Data: data})
	s.frame.Events = append(s.frame.Events, OrderedEvent{uint64(order), keys, data})
	return nil
}

// SendMessageToL1 implements cairo.Syscalls.
func (s *syscalls) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	if err := s.charge(gas, cairo.SendMessageToL1, uint64(len(payload))); err != nil {
		return err
	}
	if to.BitLen() > constants.L1AddressBits {
		return failf("Out of range %v.", to.BigInt())
	}
	order := len(s.txn.msgs) - s.phase.from.messages
	payload = slices.Clone(payload)
	s.txn.msgs = append(s.txn.msgs, starknet.Message{From: s.frame.Contract, To: to, Payload: payload})
	s.frame.Messages = append(s.frame.Messages, OrderedMessage{uint64(order), to, payload})
	return nil
}

// GetExecutionInfo implements cairo.Syscalls.
func (s *syscalls) GetExecutionInfo(gas *uint64) (*cairo.ExecutionInfo, error) {
	if err := s.charge(gas, cairo.GetExecutionInfo, 0); err != nil {
		return nil, err
	}
	if s.executionInfo == nil {
		s.executionInfo = &cairo.ExecutionInfo{
			BlockNumber: s.txn.block.Number, BlockTimestamp: s.txn.block.Timestamp, Sequencer: s.txn.block.Sequencer,
			Tx: TxInfoFor(s.frame.ClassHash, s.phase.txInfo), Caller: s.frame.Caller, Contract: s.frame.Contract, Selector: s.frame.Selector,
		}
		if s.phase.validating() {
			s.executionInfo.BlockNumber -= s.executionInfo.BlockNumber % constants.RoundBlock
			s.executionInfo.BlockTimestamp -= s.executionInfo.BlockTimestamp % constants.RoundTime
			s.executionInfo.Sequencer = felt.Felt{}
		}
	}
	return s.executionInfo, nil
}

// GetBlockHash implements cairo.Syscalls.
func (s *syscalls) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	if err := s.charge(gas, cairo.GetBlockHash, 0); err != nil {
		return felt.Felt{}, err
	}
	s.txn.sawBlockHash = true
	if s.txn.block.Number < constants.BlockHashLag || number > s.txn.block.Number-constants.BlockHashLag {
		if s.phase.validating() {
			return felt.Felt{}, s.unauthorized("get_block_hash on recent blocks")
		}
		return felt.Felt{}, &cairo.SyscallFailure{Data: []felt.Felt{blockNumberOutRange}}
	}
	return s.txn.st.StorageAt(starknet.BlockHashAddress, felt.FromUint64(number))
}

// GetClassHashAt implements cairo.Syscalls.
func (s *syscalls) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	if err := checkAddress(contract); err != nil {
		return felt.Felt{}, err
	}
	if err := s.charge(gas, cairo.GetClassHashAt, 0); err != nil {
		return felt.Felt{}, err
	}
	if s.phase.validating() {
		return felt.Felt{}, s.unauthorized("get_class_hash_at")
	}
	return s.txn.st.ClassHashAt(contract)
}

// unauthorized returns the failure of a syscall that validation may not make, because its answer may differ when the block is made.
func (s *syscalls) unauthorized(name string) error {
	return failf("Unauthorized syscall %s in execution mode Validate.", name)
}

// ReplaceClass implements cairo.Syscalls.
func (s *syscalls) ReplaceClass(gas *uint64, class felt.Felt) error {
	if err := s.charge(gas, cairo.ReplaceClass, 0); err != nil {
		return err
	}
	if declared, err := s.txn.x.Classes.Get(s.txn.st, class); err != nil {
		return err
	} else if declared == nil {
		return failf(undeclared, starknet.PaddedHex(class))
	}
	s.txn.st.SetClassHash(s.frame.Contract, class)
	return nil
}

// CallContract implements cairo.Syscalls.
func (s *syscalls) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := checkAddress(contract); err != nil {
		return nil, err
	}
	if err := s.charge(gas, cairo.CallContract, 0); err != nil {
		return nil, err
	}
	if s.phase.validating() && contract != s.frame.Contract {
		return nil, s.unauthorized("call_contract")
	}
	if selector == executeSelector {
		return nil, &cairo.SyscallFailure{Data: []felt.Felt{invalidArgument}}
	}
	return s.inner(gas, starknet.CallTitle, entry{
		kind: cairo.External, selector: selector, storage: contract, caller: s.frame.Contract, calldata: calldata,
	})
}

// LibraryCall implements cairo.Syscalls.
func (s *syscalls) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := s.charge(gas, cairo.LibraryCall, 0); err != nil {
		return nil, err
	}
	return s.inner(gas, starknet.LibraryTitle, entry{
		kind: cairo.External, selector: selector, storage: s.frame.Contract, caller: s.frame.Caller, class: &class, calldata: calldata,
	})
}

// inner makes a call for the frame. A call that panics is undone, and the frame can catch the panic.
func (s *syscalls) inner(gas *uint64, title string, e entry) ([]felt.Felt, error) {
	e.gas = *gas
	before := s.txn.savepoint()
	f, err := s.phase.call(e)
	s.frame.Inner = append(s.frame.Inner, f)
	if err != nil {
		if cause, ok := asFailure(err); ok {
			return nil, &failure{title: title, frame: f, cause: cause}
		}
		return nil, err
	}
	*gas -= f.GasConsumed
	if err := s.phase.outOfSteps(s.frame); err != nil {
		return nil, err
	}
	if f.Failed {
		s.txn.rollback(before)
		f.discard()
		return nil, &cairo.SyscallFailure{Data: append(slices.Clone(f.Retdata), entrypointFailed)}
	}
	return f.answer, nil
}

// Deploy implements cairo.Syscalls. A failed constructor fails the transaction.
func (s *syscalls) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	if err := s.charge(gas, cairo.Deploy, uint64(len(calldata))); err != nil {
		return felt.Felt{}, nil, err
	}
	if s.phase.validating() {
		return felt.Felt{}, nil, s.unauthorized("deploy")
	}
	deployer := s.frame.Contract
	if fromZero {
		deployer = felt.Felt{}
	}
	address := starknet.ContractAddress(deployer, salt, class, calldata)
	f, err := s.phase.deploy(class, address, s.frame.Contract, calldata, *gas)
	s.frame.Inner = append(s.frame.Inner, f)
	if err != nil {
		return felt.Felt{}, nil, err
	}
	*gas -= f.GasConsumed
	if err := s.phase.outOfSteps(s.frame); err != nil {
		return felt.Felt{}, nil, err
	}
	return address, f.answer, nil
}

// MetaTxV0 implements cairo.Syscalls. The called contract sees itself in a transaction of version 0 with the given signature.
func (s *syscalls) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	if err := checkAddress(contract); err != nil {
		return nil, err
	}
	if err := s.charge(gas, cairo.MetaTxV0, uint64(len(calldata))); err != nil {
		return nil, err
	}
	if s.phase.validating() {
		return nil, s.unauthorized("meta_tx_v0")
	}
	if selector != executeSelector {
		return nil, &cairo.SyscallFailure{Data: []felt.Felt{invalidArgument}}
	}
	meta := starknet.LegacyTransaction{Address: contract, Selector: selector, Calldata: slices.Clone(calldata)}
	if s.txn.tx != nil && s.txn.tx.Fields().Query {
		meta.Version = felt.FromLimbs([4]uint64{0, 0, 1, 0}) // 2^128, the query bit
	}
	outer := s.phase.txInfo
	s.phase.txInfo = &cairo.TxInfo{
		Version: meta.Version, Account: contract, Signature: slices.Clone(signature), Hash: meta.HashInvokeV0(s.txn.block.ChainID),
		ChainID: s.txn.block.ChainID,
	}
	defer func() { s.phase.txInfo = outer }()
	return s.inner(gas, starknet.CallTitle, entry{kind: cairo.External, selector: selector, storage: contract, calldata: calldata})
}
