package cairo

import "github.com/starkd/starkd/crypto/felt"

// interceptor is a Syscalls that passes every syscall to handle, which may call pass to carry it out or answer it itself.
type interceptor struct {
	next   Syscalls
	handle func(req request, gas *uint64, pass func() answer) answer
}

// request is a syscall as the contract made it.
type request struct {
	selector Selector
	values   []felt.Felt   // arguments that are not arrays
	arrays   [][]felt.Felt // arguments that are arrays
}

// answer is the result of a syscall.
type answer struct {
	value felt.Felt // the value read, the hash, or the new contract
	array []felt.Felt
	info  *ExecutionInfo
	err   error
}

func (i *interceptor) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	a := i.handle(request{StorageRead, []felt.Felt{felt.FromUint64(uint64(domain)), key}, nil}, gas, func() (a answer) {
		a.value, a.err = i.next.StorageRead(gas, domain, key)
		return a
	})
	return a.value, a.err
}

func (i *interceptor) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	return i.handle(request{StorageWrite, []felt.Felt{felt.FromUint64(uint64(domain)), key, value}, nil}, gas, func() answer {
		return answer{err: i.next.StorageWrite(gas, domain, key, value)}
	}).err
}

func (i *interceptor) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	return i.handle(request{EmitEvent, nil, [][]felt.Felt{keys, data}}, gas, func() answer {
		return answer{err: i.next.EmitEvent(gas, keys, data)}
	}).err
}

func (i *interceptor) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	a := i.handle(request{CallContract, []felt.Felt{contract, selector}, [][]felt.Felt{calldata}}, gas, func() (a answer) {
		a.array, a.err = i.next.CallContract(gas, contract, selector, calldata)
		return a
	})
	return a.array, a.err
}

func (i *interceptor) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	a := i.handle(request{LibraryCall, []felt.Felt{class, selector}, [][]felt.Felt{calldata}}, gas, func() (a answer) {
		a.array, a.err = i.next.LibraryCall(gas, class, selector, calldata)
		return a
	})
	return a.array, a.err
}

func (i *interceptor) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	var zero felt.Felt
	if fromZero {
		zero = felt.One
	}
	a := i.handle(request{Deploy, []felt.Felt{class, salt, zero}, [][]felt.Felt{calldata}}, gas, func() (a answer) {
		a.value, a.array, a.err = i.next.Deploy(gas, class, salt, calldata, fromZero)
		return a
	})
	return a.value, a.array, a.err
}

func (i *interceptor) GetExecutionInfo(gas *uint64) (*ExecutionInfo, error) {
	a := i.handle(request{selector: GetExecutionInfo}, gas, func() (a answer) {
		a.info, a.err = i.next.GetExecutionInfo(gas)
		return a
	})
	return a.info, a.err
}

func (i *interceptor) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	a := i.handle(request{GetBlockHash, []felt.Felt{felt.FromUint64(number)}, nil}, gas, func() (a answer) {
		a.value, a.err = i.next.GetBlockHash(gas, number)
		return a
	})
	return a.value, a.err
}

func (i *interceptor) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	a := i.handle(request{GetClassHashAt, []felt.Felt{contract}, nil}, gas, func() (a answer) {
		a.value, a.err = i.next.GetClassHashAt(gas, contract)
		return a
	})
	return a.value, a.err
}

func (i *interceptor) ReplaceClass(gas *uint64, class felt.Felt) error {
	return i.handle(request{ReplaceClass, []felt.Felt{class}, nil}, gas, func() answer {
		return answer{err: i.next.ReplaceClass(gas, class)}
	}).err
}

func (i *interceptor) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	return i.handle(request{SendMessageToL1, []felt.Felt{to}, [][]felt.Felt{payload}}, gas, func() answer {
		return answer{err: i.next.SendMessageToL1(gas, to, payload)}
	}).err
}

func (i *interceptor) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	a := i.handle(request{MetaTxV0, []felt.Felt{contract, selector}, [][]felt.Felt{calldata, signature}}, gas, func() (a answer) {
		a.array, a.err = i.next.MetaTxV0(gas, contract, selector, calldata, signature)
		return a
	})
	return a.array, a.err
}

func (i *interceptor) Meter(gas *uint64, selector Selector, units uint64) error {
	return i.handle(request{selector, []felt.Felt{felt.FromUint64(units)}, nil}, gas, func() answer {
		return answer{err: i.next.Meter(gas, selector, units)}
	}).err
}
