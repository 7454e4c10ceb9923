package sierra

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// fuzzText is a text with every construct.
const fuzzText = `
type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];
type NonZero<felt252> = NonZero<felt252>;
type [2] = Const<felt252, -5>; // a comment
type T = Struct<ut@core::option::Option::<(felt252, [@felt252; 3], 7)>, felt252>;
libfunc branch_align = branch_align;
libfunc felt252_is_zero = felt252_is_zero;
libfunc const_as_immediate<[2]> = const_as_immediate<[2]>;
libfunc call = function_call<user@a::f[1-2]{x, y!}>;
F0:
felt252_is_zero([0]) { fallthrough() B([1]) };
branch_align() -> ();
return(a);
B:
branch_align() -> ();
return([1], [2],);
a::f[1-2]{x, y!}@F0([0]: felt252) -> ();
`

func mustParse(f testing.TB, text string) *Program {
	p, err := ParseText(text)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// requireClassError fails the test unless err is nil or a *ClassError.
func requireClassError(t *testing.T, err error) {
	t.Helper()
	var e *ClassError
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("error of type %T: %v", err, err)
	}
}

// FuzzFelts checks that felts decode or return a ClassError, and that a decoded program encodes to the same program.
func FuzzFelts(f *testing.F) {
	for _, text := range []string{"", fuzzText} {
		felts, err := EncodeFelts(mustParse(f, text))
		if err != nil {
			f.Fatal(err)
		}
		var seed []byte
		for i := range felts {
			b := felts[i].Bytes()
			seed = append(seed, b[:]...)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var felts []felt.Felt
		for chunk := range slices.Chunk(data, felt.Bytes) {
			felts = append(felts, felt.FromBytesReduce(chunk))
		}
		p, err := DecodeFelts(felts)
		requireClassError(t, err)
		if err != nil {
			return
		}
		_, err = NewRegistry(p)
		requireClassError(t, err)
		_ = p.Text()
		again, err := EncodeFelts(p)
		if err != nil {
			return // an id was clamped, or a generic id has 32 bytes
		}
		back, err := DecodeFelts(again)
		if err != nil {
			t.Fatalf("encoded program does not decode: %v", err)
		}
		if a, b := back.Text(), p.Text(); a != b {
			t.Fatalf("encoding changes\n%s\nto\n%s", b, a)
		}
	})
}

// FuzzUnpacked fuzzes the unpacked words, so that the fuzzer need not produce valid compressed data.
func FuzzUnpacked(f *testing.F) {
	book := make([]felt.Felt, 128)
	for i := range book {
		book[i] = felt.FromUint64(uint64(i))
	}
	names := []string{"felt252", "Const", "Struct", "Array", "Circuit", "CircuitInput", "AddModGate", "enum_init", "BoundedInt", "bounded_int_mul"}
	for _, n := range names {
		book = append(book, felt.FromShortString(n))
	}
	f.Add([]byte{2, 128, 0, 129, 2, 1, 0, 2, 5, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		values := make([]felt.Felt, len(data))
		for i, b := range data {
			values[i] = book[int(b)%len(book)]
		}
		p, err := DecodeFelts(append(make([]felt.Felt, versionFelts), compress(values)...))
		requireClassError(t, err)
		if err == nil {
			_, err = NewRegistry(p)
			requireClassError(t, err)
		}
	})
}

// FuzzText checks that a text parses or returns a ClassError, and that printing a parsed program and parsing it again
// changes nothing.
func FuzzText(f *testing.F) {
	f.Add(fuzzText)
	f.Add("type a = b<user@c, lib@d, ut@{e}>;")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseText(text)
		requireClassError(t, err)
		if err != nil {
			return
		}
		printed := p.Text()
		back, err := ParseText(printed)
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%s", err, printed)
		}
		if again := back.Text(); again != printed {
			t.Fatalf("printing changes\n%s\nto\n%s", printed, again)
		}
		_, err = NewRegistry(p)
		requireClassError(t, err)
	})
}

// FuzzClassJSON checks that bytes decode or return a ClassError, and that the RPC form of a class decodes to the same
// class and hash.
func FuzzClassJSON(f *testing.F) {
	f.Add([]byte(`{"sierra_program":["0x1","0x2"],"contract_class_version":"0.1.0","entry_points_by_type":` +
		`{"EXTERNAL":[{"selector":"0x1","function_idx":0}],"L1_HANDLER":[["0x2",1]],"CONSTRUCTOR":[]},"abi":[{"a":"b\n"}]}`))
	f.Add([]byte(`[[],null,"",[[],[],[]],"x"]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeClass(data)
		requireClassError(t, err)
		if err != nil {
			return
		}
		_, err = c.Validate()
		requireClassError(t, err)
		form, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeClass(form)
		if err != nil {
			t.Fatalf("the RPC form does not decode: %v\n%s", err, form)
		}
		again, err := json.Marshal(back)
		if err != nil || !bytes.Equal(again, form) || back.Hash() != c.Hash() {
			t.Fatalf("the RPC form changes from\n%s\nto\n%s", form, again)
		}
	})
}
