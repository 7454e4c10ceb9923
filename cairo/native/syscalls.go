package native

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"errors"
	"hash"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet/constants"
)

// Failures of syscalls that the engine itself detects.
var (
	errInvalidInputLength = &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString(constants.InvalidInputLength)}}
	errInvalidArgument    = &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString(constants.InvalidArgument)}}
)

// syscall is a row of the table of syscalls.
type syscall struct {
	params, results int // slots of the arguments, without gas, and of the results
	// ask makes the syscall with the arguments s and returns the results.
	ask func(r *run, gas *uint64, s []uint64) ([]uint64, error)
}

// syscallHosts returns the host functions of all syscalls.
func syscallHosts() []hostFunc {
	table := syscallTable()
	out := make([]hostFunc, 0, len(table))
	for _, name := range syscallNames {
		sc := table[name]
		results := max(sc.results, arraySlots)
		out = append(out, hostFunc{name, signature{1 + sc.params, 2 + results}, func(r *run, s []uint64) {
			gas := s[0]
			values, err := sc.ask(r, &gas, s[1:1+sc.params])
			if failure, ok := errors.AsType[*cairo.SyscallFailure](err); ok {
				s[0], s[1] = gas, 1
				s[2], s[3], s[4] = r.array(failure.Data)
				return
			}
			if err != nil {
				r.abort(err)
			}
			s[0], s[1] = gas, 0
			copy(s[2:2+results], values)
		}})
	}
	return out
}

// arrayOf returns the result slots of a syscall that returns an array.
func (r *run) arrayOf(list []felt.Felt, err error) ([]uint64, error) {
	if err != nil {
		return nil, err
	}
	start, end, capacity := r.array(list)
	return []uint64{start, end, capacity}, nil
}

// feltOf returns the result slots of a syscall that returns a field element.
func feltOf(f felt.Felt, err error) ([]uint64, error) { return f[:], err }

// syscallTable returns all syscalls by name.
func syscallTable() map[string]syscall {
	info := syscall{0, 1, func(r *run, gas *uint64, _ []uint64) ([]uint64, error) {
		info, err := r.sys.GetExecutionInfo(gas)
		if err != nil {
			return nil, err
		}
		if r.info == 0 {
			r.info = r.executionInfo(info)
		}
		return []uint64{uint64(r.info)}, nil
	}}
	table := map[string]syscall{
		"storage_read": {5, 4, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return feltOf(r.sys.StorageRead(gas, uint32(s[0]), feltAt(s[1:])))
		}},
		"storage_write": {9, 0, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return nil, r.sys.StorageWrite(gas, uint32(s[0]), feltAt(s[1:]), feltAt(s[5:]))
		}},
		"emit_event": {6, 0, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return nil, r.sys.EmitEvent(gas, r.view(s[0], s[1]), r.view(s[3], s[4]))
		}},
		"call_contract": {11, 3, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return r.nested(s[8], s[9], func(calldata []felt.Felt) ([]felt.Felt, error) {
				return r.sys.CallContract(gas, feltAt(s), feltAt(s[4:]), calldata)
			})
		}},
		"library_call": {11, 3, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return r.nested(s[8], s[9], func(calldata []felt.Felt) ([]felt.Felt, error) {
				return r.sys.LibraryCall(gas, feltAt(s), feltAt(s[4:]), calldata)
			})
		}},
		"deploy": {12, 7, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			var contract felt.Felt
			values, err := r.nested(s[8], s[9], func(calldata []felt.Felt) (ret []felt.Felt, err error) {
				contract, ret, err = r.sys.Deploy(gas, feltAt(s), feltAt(s[4:]), calldata, s[11] == 1)
				return ret, err
			})
			return append(contract[:], values...), err
		}},
		"get_execution_info": info, "get_execution_info_v2": info, "get_execution_info_v3": info,
		"get_block_hash": {1, 4, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return feltOf(r.sys.GetBlockHash(gas, s[0]))
		}},
		"get_class_hash_at": {4, 4, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return feltOf(r.sys.GetClassHashAt(gas, feltAt(s)))
		}},
		"replace_class": {4, 0, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return nil, r.sys.ReplaceClass(gas, feltAt(s))
		}},
		"send_message_to_l1": {7, 0, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return nil, r.sys.SendMessageToL1(gas, feltAt(s), r.view(s[4], s[5]))
		}},
		"meta_tx_v0": {14, 3, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return r.nested(s[8], s[9], func(calldata []felt.Felt) ([]felt.Felt, error) {
				return r.sys.MetaTxV0(gas, feltAt(s), feltAt(s[4:]), calldata, r.view(s[11], s[12]))
			})
		}},
		"keccak": {3, 4, keccakSyscall},
		"sha256_process_block": {2, 1, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return r.sha(gas, cairo.Sha256ProcessBlock, sha256.New(), "sha\x03", 4, s)
		}},
		"sha512_process_block": {2, 1, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			return r.sha(gas, cairo.Sha512ProcessBlock, sha512.New(), "sha\x07", 8, s)
		}},
	}
	for _, c := range []*secpCurve{secp256k1Curve, secp256r1Curve} {
		for name, sc := range c.syscalls() {
			table[c.name+name] = sc
		}
	}
	return table
}

// executionInfo writes a core::starknet::ExecutionInfo with all that it points to into memory, and returns its address. The layout is
// that of version 3, which begins like versions 1 and 2.
func (r *run) executionInfo(info *cairo.ExecutionInfo) uint32 {
	if info == nil || info.Tx == nil {
		r.abort(errors.New("native: no execution info"))
	}
	var w []uint64
	put := func(f felt.Felt) { w = append(w, f[:]...) }
	w = append(w, info.BlockNumber, info.BlockTimestamp)
	put(info.Sequencer)
	block := r.words(w...)

	t := info.Tx
	u128 := func(f felt.Felt) []uint64 { l := f.Limbs(); return l[:2] }
	var bounds []uint64
	for _, b := range t.ResourceBounds {
		bounds = append(append(append(bounds, b.Resource[:]...), b.MaxAmount), u128(b.MaxPricePerUnit)...)
	}
	boundsAt := r.words(bounds...)
	boundsEnd := boundsAt + uint64(8*len(bounds))
	w = nil
	span := func(list []felt.Felt) {
		start, end, capacity := r.array(list)
		w = append(w, start, end, capacity)
	}
	put(t.Version)
	put(t.Account)
	w = append(w, u128(t.MaxFee)...)
	span(t.Signature)
	put(t.Hash)
	put(t.ChainID)
	put(t.Nonce)
	w = append(w, boundsAt, boundsEnd, boundsEnd)
	w = append(w, t.Tip, 0)
	span(t.PaymasterData)
	w = append(w, uint64(t.NonceDAMode), uint64(t.FeeDAMode))
	span(t.AccountDeploymentData)
	span(t.ProofFacts)
	tx := r.words(w...)

	w = []uint64{block, tx}
	put(info.Caller)
	put(info.Contract)
	put(info.Selector)
	return uint32(r.words(w...))
}

// keccakSyscall absorbs whole blocks; the contract has padded the input.
func keccakSyscall(r *run, gas *uint64, s []uint64) ([]uint64, error) {
	if s[1] < s[0] {
		r.abort(fallback(ReasonInternal, "an array from %d to %d", s[0], s[1]))
	}
	words := r.read(s[0], int((s[1]-s[0])/8))
	rounds := uint64(len(words) / constants.KeccakBlock)
	ragged := len(words)%constants.KeccakBlock != 0
	if ragged {
		rounds = cairo.NoRounds
	}
	if err := r.sys.Meter(gas, cairo.Keccak, rounds); err != nil {
		return nil, err
	}
	if ragged {
		return nil, errInvalidInputLength
	}
	var state [25]uint64
	for ; len(words) > 0; words = words[constants.KeccakBlock:] {
		for i, w := range words[:constants.KeccakBlock] {
			state[i] ^= w
		}
		keccak.F1600(&state)
	}
	return state[:4], nil
}

// sha compresses a block into a state; s holds the addresses of both, which are boxes of words. It sets and reads the state of a hash of
// the standard library through its marshalled form: a magic string, the state, the pending block and the length.
func (r *run) sha(gas *uint64, selector cairo.Selector, h hash.Hash, magic string, word int, s []uint64) ([]uint64, error) {
	if err := r.sys.Meter(gas, selector, 1); err != nil {
		return nil, err
	}
	put := func(b []byte, list []uint64) []byte {
		for _, w := range list {
			if word == 4 {
				b = binary.BigEndian.AppendUint32(b, uint32(w))
			} else {
				b = binary.BigEndian.AppendUint64(b, w)
			}
		}
		return b
	}
	state := put([]byte(magic), r.read(s[0], 8))
	state = append(state, make([]byte, h.BlockSize()+8)...)
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, err
	}
	h.Write(put(nil, r.read(s[1], 16)))
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, err
	}
	out := make([]uint64, 8)
	for i := range out {
		b := state[len(magic)+word*i:]
		if word == 4 {
			out[i] = uint64(binary.BigEndian.Uint32(b))
		} else {
			out[i] = binary.BigEndian.Uint64(b)
		}
	}
	return []uint64{r.words(out...)}, nil
}
