package state

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// fixedReader is a Reader whose values are computed from the addresses and keys. Reading contract 13 fails.
type fixedReader struct{ reads int }

func (r *fixedReader) value(contract felt.Felt, v uint64) (felt.Felt, error) {
	r.reads++
	if contract == felt.FromUint64(13) {
		return felt.Felt{}, errors.New("broken")
	}
	return felt.FromUint64(contract.Uint64()*100 + v), nil
}

func (r *fixedReader) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	return r.value(contract, key.Uint64())
}
func (r *fixedReader) NonceAt(contract felt.Felt) (felt.Felt, error)     { return r.value(contract, 0) }
func (r *fixedReader) ClassHashAt(contract felt.Felt) (felt.Felt, error) { return r.value(contract, 1) }

// CompiledClassHash implements Reader. Only class 1 is declared.
func (r *fixedReader) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	if class == felt.One {
		return felt.FromUint64(7), nil
	}
	return felt.Felt{}, nil
}

func (r *fixedReader) Class(class felt.Felt) (*Class, error) {
	if class == felt.One {
		return &Class{Hash: class}, nil
	}
	return nil, nil
}

// TestRecorder checks that reads are recorded once and in order, except those of values that were written before or that fail.
func TestRecorder(t *testing.T) {
	f := felt.FromUint64
	base := &fixedReader{}
	recorder := NewRecorder(base)
	st := NewOverlay(NewOverlay(recorder))
	st.SetStorage(f(1), f(5), f(99))
	st.SetNonce(f(3), f(1))
	for range 2 {
		for _, contract := range []uint64{2, 1, 13} {
			for _, key := range []uint64{5, 4} {
				_, err := st.StorageAt(f(contract), f(key))
				if (err != nil) != (contract == 13) {
					t.Fatal(err)
				}
			}
		}
		for _, contract := range []uint64{3, 2} {
			if _, err := st.NonceAt(f(contract)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := st.ClassHashAt(f(2)); err != nil {
			t.Fatal(err)
		}
		for _, class := range []uint64{2, 1} {
			if _, err := st.CompiledClassHash(f(class)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := st.Class(f(3)); err != nil {
			t.Fatal(err)
		}
		st.SetStorage(f(2), f(4), f(98)) // a write after the read
	}
	want := &starknet.StateReads{
		Storage:     []starknet.StorageRead{{Contract: f(1), Key: f(4), Value: f(104)}, {Contract: f(2), Key: f(4), Value: f(204)}, {Contract: f(2), Key: f(5), Value: f(205)}},
		Nonces:      []starknet.NonceRead{{Contract: f(2), Nonce: f(200)}},
		ClassHashes: []starknet.ClassHashRead{{Contract: f(2), ClassHash: f(201)}},
		Declared:    []starknet.DeclarationRead{{ClassHash: f(1), Declared: true}, {ClassHash: f(2)}, {ClassHash: f(3)}},
	}
	if d := cmp.Diff(want, recorder.Reads()); d != "" {
		t.Error(d)
	}
	if base.reads != 3+1+1+4 {
		t.Errorf("%d reads of the base, want 9: 4 of them fail", base.reads)
	}
}
