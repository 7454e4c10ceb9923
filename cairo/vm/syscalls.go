package vm

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/sha2"
	"github.com/starkd/starkd/starknet/constants"
)

// The panic data of failures that are found here and not by cairo.Syscalls.
var (
	errInvalidInputLength = &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString(constants.InvalidInputLength)}}
	errInvalidArgument    = &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString(constants.InvalidArgument)}}
	errOutOfGas           = felt.FromShortString(constants.OutOfGas)
)

// syscallError carries an error of cairo.Syscalls through the machine unchanged.
type syscallError struct{ err error }

func (e *syscallError) Error() string { return e.err.Error() }
func (e *syscallError) Unwrap() error { return e.err }

// NewSyscallHandler returns a handler for HintState.Syscall. The handler reads a request, calls sys, and writes the response,
// as Starknet's sequencer does. It serves one run of an entry point.
func NewSyscallHandler(sys cairo.Syscalls) func(m *machine.Machine, ptr machine.Addr) error {
	f := &frame{sys: sys, session: new(session)}
	return f.syscall
}

// frame is the state of the syscalls during one run of an entry point.
type frame struct {
	sys     cairo.Syscalls
	session *session
	info    machine.Addr // the execution info; segment 0 means that it is not written yet
	sha256  machine.Addr // the address for the next state; segment 0 means that there is no segment yet
	sha512  machine.Addr
	secp    secpPoints

	arrays   map[int32][]felt.Felt // by segment: the words that array has read, from the segment's start
	readOnly []readOnly            // segments that the code must not extend
	structs  []int32               // segments of the execution info that are not in readOnly

	budget *cairo.StepBudget // nil if steps are not counted
	// The frame's steps and work that are taken from budget already.
	steps, work uint64
}

// settle takes what the frame has used since the last call of settle from the budget.
func (f *frame) settle(m *machine.Machine) {
	if f.budget != nil {
		work := m.Memory.Work()
		f.budget.Left -= min(f.budget.Left, m.Steps-f.steps)
		f.budget.Work -= min(f.budget.Work, work-f.work)
		f.steps, f.work = m.Steps, work
	}
}

// limit bounds the machine by the rest of the budget. The instruction whose hints are running is executed in any case.
func (f *frame) limit(m *machine.Machine) {
	if f.budget != nil {
		m.MaxSteps = max(1, m.Steps+f.budget.Left)
		m.Memory.MaxWork = max(1, m.Memory.Work()+f.budget.Work)
	}
}

// readOnly is the number and size of a read-only segment.
type readOnly struct {
	segment int32
	size    uint64
}

// request is a syscall in progress: a cursor that reads the request and then writes the response. After an error all
// operations do nothing.
type request struct {
	f   *frame
	m   *machine.Machine
	at  machine.Addr
	gas uint64
	err error

	from machine.Addr // start of the array that was read last
}

func (r *request) felt() felt.Felt {
	if r.err != nil {
		return felt.Felt{}
	}
	var f felt.Felt
	f, r.err = r.m.Memory.Felt(r.at)
	r.at.Offset++
	return f
}

func (r *request) uint64(what string) uint64 {
	f := r.felt()
	if r.err == nil && !f.IsUint64() {
		r.err = fmt.Errorf("invalid syscall input: %v; %s", f, what)
	}
	return f.Uint64()
}

func (r *request) bool(what string) bool {
	f := r.felt()
	if r.err == nil && !f.IsZero() && f != felt.One {
		r.err = fmt.Errorf("invalid syscall input: %v; %s", f, what)
	}
	return f == felt.One
}

func (r *request) pointer() machine.Addr {
	if r.err != nil {
		return machine.Addr{}
	}
	var a machine.Addr
	a, r.err = r.m.Memory.Pointer(r.at)
	r.at.Offset++
	return a
}

// array reads the two pointers of an array, and the array.
func (r *request) array() []felt.Felt {
	start, end := r.pointer(), r.pointer()
	if r.err != nil {
		return nil
	}
	if start.Segment != end.Segment || end.Offset < start.Offset || end.Offset-start.Offset > machine.MaxCells {
		r.err = fmt.Errorf("invalid syscall input: an array from %v to %v", start, end)
		return nil
	}
	var list []felt.Felt
	list, r.err = r.f.array(r.m, start, int(end.Offset-start.Offset))
	r.from = start
	return list
}

// calldata reads an array as array does, and also returns its cells, for the call that gets the array; nil if they cannot
// be shared.
func (r *request) calldata() (list []felt.Felt, cells *machine.Cells) {
	if list = r.array(); r.err == nil {
		cells = r.f.shareable(r.m, r.from, len(list))
	}
	return list, cells
}

func (r *request) write(values ...machine.Value) {
	if r.err == nil {
		r.at, r.err = r.m.Memory.Load(r.at, values...)
	}
}

// segment adds a read-only segment with list and returns the segment's start and end.
func (r *request) segment(list []felt.Felt) (start, end machine.Value) {
	if r.err != nil {
		return
	}
	a, b, err := r.f.readOnlySegment(r.m, list...)
	r.err = err
	return machine.AddrValue(a), machine.AddrValue(b)
}

// answer finishes a request: it writes the gas and the failure flag, then calls response, or for a *cairo.SyscallFailure
// writes the panic data. Any other error ends the run.
func (r *request) answer(err error, response func()) {
	if r.err != nil {
		return
	}
	if failure, ok := errors.AsType[*cairo.SyscallFailure](err); ok {
		r.write(machine.UintValue(r.gas), machine.FeltValue(felt.One))
		// Panic data is not read-only: the contract may extend the array.
		start := r.m.Memory.AddSegment()
		end, loadErr := r.m.Memory.LoadFelts(start, failure.Data...)
		if loadErr != nil {
			r.err = loadErr
			return
		}
		r.write(machine.AddrValue(start), machine.AddrValue(end))
		return
	}
	if err != nil {
		r.err = &syscallError{err}
		return
	}
	r.write(machine.UintValue(r.gas), machine.Value{})
	if response != nil {
		response()
	}
}

// syscall reads the request at ptr and answers it in place.
func (f *frame) syscall(m *machine.Machine, ptr machine.Addr) error {
	r := &request{f: f, m: m, at: ptr}
	selector := r.felt()
	r.gas = r.uint64("unexpected gas")
	if r.err != nil {
		return r.err
	}
	name, err := selector.ShortString()
	handle := syscalls[cairo.Selector(name)]
	if err != nil || handle == nil {
		return fmt.Errorf("unsupported syscall selector %v", selector)
	}
	f.settle(m)
	handle(r)
	f.limit(m)
	return r.err
}

// syscalls is the table of system calls: each function reads the request, calls cairo.Syscalls, and writes the response. The
// order of the fields is that of the Sierra libfuncs.
var syscalls = map[cairo.Selector]func(r *request){
	cairo.StorageRead: func(r *request) {
		domain, key := r.domain(), r.felt()
		if r.err != nil {
			return
		}
		v, err := r.f.sys.StorageRead(&r.gas, domain, key)
		r.answer(err, func() { r.write(machine.FeltValue(v)) })
	},
	cairo.StorageWrite: func(r *request) {
		domain, key, v := r.domain(), r.felt(), r.felt()
		if r.err == nil {
			r.answer(r.f.sys.StorageWrite(&r.gas, domain, key, v), nil)
		}
	},
	cairo.EmitEvent: func(r *request) {
		keys, data := r.array(), r.array()
		if r.err == nil {
			r.answer(r.f.sys.EmitEvent(&r.gas, keys, data), nil)
		}
	},
	cairo.CallContract: func(r *request) {
		contract, selector := r.felt(), r.felt()
		calldata, cells := r.calldata()
		if r.err == nil {
			var ret []felt.Felt
			var err error
			cells = r.f.session.nested(cells, func() { ret, err = r.f.sys.CallContract(&r.gas, contract, selector, calldata) })
			r.answer(err, func() { r.writeArray(ret, cells) })
		}
	},
	cairo.LibraryCall: func(r *request) {
		class, selector := r.felt(), r.felt()
		calldata, cells := r.calldata()
		if r.err == nil {
			var ret []felt.Felt
			var err error
			cells = r.f.session.nested(cells, func() { ret, err = r.f.sys.LibraryCall(&r.gas, class, selector, calldata) })
			r.answer(err, func() { r.writeArray(ret, cells) })
		}
	},
	cairo.Deploy: func(r *request) {
		class, salt := r.felt(), r.felt()
		calldata, cells := r.calldata()
		fromZero := r.bool("the deploy_from_zero field in the deploy system call must be 0 or 1")
		if r.err == nil {
			var contract felt.Felt
			var ret []felt.Felt
			var err error
			cells = r.f.session.nested(cells, func() {
				contract, ret, err = r.f.sys.Deploy(&r.gas, class, salt, calldata, fromZero)
			})
			r.answer(err, func() {
				r.write(machine.FeltValue(contract))
				r.writeArray(ret, cells)
			})
		}
	},
	cairo.GetExecutionInfo: func(r *request) {
		info, err := r.f.sys.GetExecutionInfo(&r.gas)
		r.answer(err, func() {
			if r.f.info.Segment == 0 {
				r.f.info = r.executionInfo(info)
			}
			r.write(machine.AddrValue(r.f.info))
		})
	},
	cairo.GetBlockHash: func(r *request) {
		number := r.uint64("block number must fit within 64 bits")
		if r.err == nil {
			h, err := r.f.sys.GetBlockHash(&r.gas, number)
			r.answer(err, func() { r.write(machine.FeltValue(h)) })
		}
	},
	cairo.GetClassHashAt: func(r *request) {
		contract := r.felt()
		if r.err == nil {
			h, err := r.f.sys.GetClassHashAt(&r.gas, contract)
			r.answer(err, func() { r.write(machine.FeltValue(h)) })
		}
	},
	cairo.ReplaceClass: func(r *request) {
		class := r.felt()
		if r.err == nil {
			r.answer(r.f.sys.ReplaceClass(&r.gas, class), nil)
		}
	},
	cairo.SendMessageToL1: func(r *request) {
		to, payload := r.felt(), r.array()
		if r.err == nil {
			r.answer(r.f.sys.SendMessageToL1(&r.gas, to, payload), nil)
		}
	},
	cairo.MetaTxV0: func(r *request) {
		contract, selector := r.felt(), r.felt()
		calldata, cells := r.calldata()
		signature := r.array()
		if r.err == nil {
			var ret []felt.Felt
			var err error
			cells = r.f.session.nested(cells, func() {
				ret, err = r.f.sys.MetaTxV0(&r.gas, contract, selector, calldata, signature)
			})
			r.answer(err, func() { r.writeArray(ret, cells) })
		}
	},
	cairo.Keccak:                 keccakSyscall,
	cairo.Sha256ProcessBlock:     sha256Syscall,
	cairo.Sha512ProcessBlock:     sha512Syscall,
	cairo.Secp256k1New:           func(r *request) { r.secpNew(k1{}) },
	cairo.Secp256k1Add:           func(r *request) { r.secpAdd(k1{}) },
	cairo.Secp256k1Mul:           func(r *request) { r.secpMul(k1{}) },
	cairo.Secp256k1GetPointFromX: func(r *request) { r.secpFromX(k1{}) },
	cairo.Secp256k1GetXy:         func(r *request) { r.secpXY(k1{}) },
	cairo.Secp256r1New:           func(r *request) { r.secpNew(r1{}) },
	cairo.Secp256r1Add:           func(r *request) { r.secpAdd(r1{}) },
	cairo.Secp256r1Mul:           func(r *request) { r.secpMul(r1{}) },
	cairo.Secp256r1GetPointFromX: func(r *request) { r.secpFromX(r1{}) },
	cairo.Secp256r1GetXy:         func(r *request) { r.secpXY(r1{}) },
}

// domain reads a storage domain. Only domain 0 exists, but only a number above 2^32 - 1 is an error here.
func (r *request) domain() uint32 {
	n := r.uint64("invalid address domain")
	if r.err == nil && n>>32 != 0 {
		r.err = fmt.Errorf("invalid address domain: %d", n)
	}
	return uint32(n)
}

// writeArray writes the two pointers of an array that a call returned. The array's segment shares cells, if not nil.
func (r *request) writeArray(list []felt.Felt, cells *machine.Cells) {
	if r.err != nil {
		return
	}
	a, b, err := r.f.arraySegment(r.m, list, cells)
	r.err = err
	r.write(machine.AddrValue(a), machine.AddrValue(b))
}

// executionInfo writes core::starknet::ExecutionInfo to memory and returns its address. It is version 3, of which versions 2
// and 1 are prefixes.
func (r *request) executionInfo(info *cairo.ExecutionInfo) machine.Addr {
	if r.err == nil && (info == nil || info.Tx == nil) {
		r.err = &syscallError{errors.New("vm: no execution info")}
	}
	if r.err != nil {
		return machine.Addr{}
	}
	block, _ := r.segment([]felt.Felt{felt.FromUint64(info.BlockNumber), felt.FromUint64(info.BlockTimestamp), info.Sequencer})
	t := info.Tx
	values := []machine.Value{machine.FeltValue(t.Version), machine.FeltValue(t.Account), machine.FeltValue(t.MaxFee)}
	span := func(list []felt.Felt) {
		start, end := r.segment(list)
		values = append(values, start, end)
	}
	span(t.Signature)
	values = append(values, machine.FeltValue(t.Hash), machine.FeltValue(t.ChainID), machine.FeltValue(t.Nonce))
	var bounds []felt.Felt
	for _, b := range t.ResourceBounds {
		bounds = append(bounds, b.Resource, felt.FromUint64(b.MaxAmount), b.MaxPricePerUnit)
	}
	span(bounds)
	values = append(values, machine.UintValue(t.Tip))
	span(t.PaymasterData)
	values = append(values, machine.UintValue(uint64(t.NonceDAMode)), machine.UintValue(uint64(t.FeeDAMode)))
	span(t.AccountDeploymentData)
	span(t.ProofFacts)
	if r.err != nil {
		return machine.Addr{}
	}
	tx := r.m.Memory.AddSegment()
	if _, r.err = r.m.Memory.Load(tx, values...); r.err != nil {
		return machine.Addr{}
	}
	at := r.m.Memory.AddSegment()
	r.f.structs = append(r.f.structs, tx.Segment, at.Segment)
	_, r.err = r.m.Memory.Load(at, block, machine.AddrValue(tx), machine.FeltValue(info.Caller), machine.FeltValue(info.Contract), machine.FeltValue(info.Selector))
	return at
}

// keccakSyscall hashes whole blocks; the contract has padded the last one.
func keccakSyscall(r *request) {
	data := r.array()
	if r.err != nil {
		return
	}
	words := make([]uint64, len(data))
	for i := range data {
		if !data[i].IsUint64() {
			r.err = fmt.Errorf("invalid syscall input: %v; invalid input for the keccak syscall", data[i])
			return
		}
		words[i] = data[i].Uint64()
	}
	rounds := uint64(len(words) / constants.KeccakBlock)
	ragged := len(words)%constants.KeccakBlock != 0
	if ragged {
		rounds = cairo.NoRounds
	}
	err := r.f.sys.Meter(&r.gas, cairo.Keccak, rounds)
	if err == nil && ragged {
		err = errInvalidInputLength
	}
	r.answer(err, func() {
		var s [25]uint64
		for len(words) > 0 {
			for i, w := range words[:constants.KeccakBlock] {
				s[i] ^= w
			}
			keccak.F1600(&s)
			words = words[constants.KeccakBlock:]
		}
		r.write(machine.FeltValue(felt.FromUint128(s[1], s[0])), machine.FeltValue(felt.FromUint128(s[3], s[2])))
	})
}

// shaWords reads n words at at, which must be below 2^bits.
func (r *request) shaWords(at machine.Addr, n, bits int) []uint64 {
	if r.err != nil {
		return nil
	}
	var fs []felt.Felt
	if fs, r.err = r.m.Memory.Felts(at, n); r.err != nil {
		return nil
	}
	words := make([]uint64, n)
	for i := range fs {
		if fs[i].BitLen() > bits {
			r.err = fmt.Errorf("invalid syscall input: %v; want a word of %d bits", fs[i], bits)
			return nil
		}
		words[i] = fs[i].Uint64()
	}
	return words
}

// shaState appends a state to the segment of the run's states, in which next is the next free cell, and writes its address.
func (r *request) shaState(next *machine.Addr, words []uint64) {
	if r.err != nil {
		return
	}
	if next.Segment == 0 {
		*next = r.m.Memory.AddSegment()
	}
	at := *next
	for _, w := range words {
		if r.err = r.m.Memory.Insert(*next, machine.UintValue(w)); r.err != nil {
			return
		}
		next.Offset++
	}
	r.write(machine.AddrValue(at))
}

func sha256Syscall(r *request) {
	statePtr, input := r.pointer(), r.pointer()
	block, state := r.shaWords(input, 16, 32), r.shaWords(statePtr, 8, 32)
	if r.err != nil {
		return
	}
	r.answer(r.f.sys.Meter(&r.gas, cairo.Sha256ProcessBlock, 1), func() {
		sha2.Compress256((*[8]uint64)(state), (*[16]uint64)(block))
		r.shaState(&r.f.sha256, state)
	})
}

func sha512Syscall(r *request) {
	statePtr, input := r.pointer(), r.pointer()
	block, state := r.shaWords(input, 16, 64), r.shaWords(statePtr, 8, 64)
	if r.err != nil {
		return
	}
	r.answer(r.f.sys.Meter(&r.gas, cairo.Sha512ProcessBlock, 1), func() {
		sha2.Compress512((*[8]uint64)(state), (*[16]uint64)(block))
		r.shaState(&r.f.sha512, state)
	})
}
