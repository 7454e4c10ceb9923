package vm_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/golden"
)

// relay answers the calls of the probe contract. A call of contract 2 returns its calldata without the first skip words; any
// other call runs the probe's class.
type relay struct {
	cairo.Syscalls
	engine  *vm.Engine
	class   *cairo.Class
	session cairo.Session
	apart   bool // every call has its own session, so that arrays are copied
	skip    int
}

func (r *relay) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if contract == felt.FromUint64(2) {
		return calldata[r.skip:], nil
	}
	result, err := r.run(selector, calldata, *gas)
	if err != nil {
		return nil, err
	}
	*gas = result.GasLeft
	if result.Failed {
		return nil, &cairo.SyscallFailure{Data: result.Retdata}
	}
	return result.Retdata, nil
}

func (r *relay) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	return r.CallContract(gas, class, selector, calldata)
}

func (r *relay) run(selector felt.Felt, calldata []felt.Felt, gas uint64) (cairo.Result, error) {
	if r.session == nil || r.apart {
		r.session = r.engine.Begin()
	}
	return r.session.Run(cairo.Call{Class: r.class, Selector: selector, Contract: felt.One, Calldata: calldata, Gas: gas}, r)
}

func newRelay(t testing.TB) *relay {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "cairo", "os", "testdata", "probe.compiled_contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatal(err)
	}
	return &relay{
		engine: vm.NewEngine(), class: &cairo.Class{Hash: felt.FromUint64(1), CompiledHash: felt.FromUint64(2), Casm: code},
	}
}

// nested returns calldata for the probe's function survive that makes it call itself depth times and then contract 2 with
// words.
func nested(depth int, words []felt.Felt) []felt.Felt {
	to, name := felt.FromUint64(2), "spin"
	calldata := words
	for range depth + 1 {
		calldata = append([]felt.Felt{to, keccak.Starknet([]byte(name)), felt.FromUint64(uint64(len(calldata)))}, calldata...)
		to, name = felt.One, "survive"
	}
	return calldata
}

// TestArraysArePassedOn checks that calls pass on and return the same arrays whether they share or copy cells, for several
// parts of the array, and that concurrent runs do not affect each other.
func TestArraysArePassedOn(t *testing.T) {
	words := make([]felt.Felt, 300)
	for i := range words {
		words[i] = felt.FromUint64(uint64(1000 + i))
	}
	for _, depth := range []int{0, 1, 5} {
		for _, skip := range []int{0, 1, 150, 299} {
			calldata := nested(depth, words)
			var results [2]cairo.Result
			var wg sync.WaitGroup
			shared := newRelay(t)
			for i := range 8 {
				wg.Go(func() {
					r := newRelay(t)
					r.engine, r.class, r.skip = shared.engine, shared.class, skip
					r.apart = i%2 == 1
					result, err := r.run(keccak.Starknet([]byte("survive")), slices.Clone(calldata), 1_000_000_000)
					if err != nil || result.Failed {
						t.Errorf("%+v, %v", result, err)
					}
					if i < 2 {
						results[i] = result
					}
				})
			}
			wg.Wait()
			want := words[skip:]
			for range depth + 1 {
				want = append([]felt.Felt{felt.FromUint64(uint64(len(want)))}, want...)
			}
			for i, got := range results {
				if !slices.Equal(got.Retdata, want) || got.GasLeft != results[0].GasLeft || got.Steps != results[0].Steps {
					t.Errorf("depth %d, skip %d, run %d: %d words, want %d; gas %d and %d", depth, skip, i, len(got.Retdata), len(want), got.GasLeft, results[0].GasLeft)
				}
			}
		}
	}
}
