package starknet

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet/constants"
)

var minusOne = felt.FromInt64(-1)

func sampleCommon() Common {
	return Common{
		Signature: []felt.Felt{minusOne, felt.Zero}, Nonce: u(300), Tip: math.MaxUint64,
		ResourceBounds: ResourceBounds{
			L1Gas:     ResourceBound{MaxAmount: 1, MaxPricePerUnit: Uint128{Hi: math.MaxUint64, Lo: math.MaxUint64}},
			L2Gas:     ResourceBound{MaxAmount: math.MaxUint64, MaxPricePerUnit: NewUint128(3)},
			L1DataGas: ResourceBound{MaxPricePerUnit: NewUint128(1 << 40)},
		},
		PaymasterData: us(0, 1), NonceDAMode: DAModeL2,
	}
}

func sampleClass() *ContractClass {
	return &ContractClass{
		SierraProgram: append(us(1, 7, 0, 255, 256), minusOne), Version: ClassVersion, ABI: `[{"type": "function"}]`,
		EntryPoints: sierra.EntryPoints{
			External:    []sierra.EntryPoint{{Selector: u(5), FunctionIdx: 0}, {Selector: minusOne, FunctionIdx: 300}},
			Constructor: []sierra.EntryPoint{{Selector: constructorSelector, FunctionIdx: 2}},
		},
	}
}

func sampleTransactions() []Transaction {
	class := sampleClass()
	return []Transaction{
		&Invoke{Common: sampleCommon(), SenderAddress: u(1), Calldata: us(1, 2, 3), AccountDeploymentData: us(4), ProofFacts: us(5)},
		&Invoke{},
		&Declare{Common: sampleCommon(), SenderAddress: u(2), CompiledClassHash: u(9), ClassHash: class.Hash(), Class: class},
		&DeployAccount{Common: sampleCommon(), ClassHash: u(3), ContractAddressSalt: minusOne, ConstructorCalldata: us(0, 0)},
	}
}

// TestTransactionBinary checks that transactions survive both binary forms, and that truncated or longer bytes are rejected.
func TestTransactionBinary(t *testing.T) {
	for _, tx := range sampleTransactions() {
		b, err := MarshalTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := UnmarshalTransaction(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tx, got); diff != "" {
			t.Errorf("%s: %s", tx.Type(), diff)
		}
		for i := range b { // every proper prefix is rejected
			if _, err := UnmarshalTransaction(b[:i]); err == nil {
				t.Errorf("%s: %d of %d bytes decode", tx.Type(), i, len(b))
			}
		}
		if _, err := UnmarshalTransaction(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%s: a trailing byte is accepted", tx.Type())
		}

		stored, err := MarshalStoredTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		got, err = UnmarshalStoredTransaction(stored)
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := got.(*Declare); ok {
			if d.Class != nil {
				t.Error("a stored declare has a class")
			}
			d.Class = tx.(*Declare).Class
		}
		if diff := cmp.Diff(tx, got); diff != "" {
			t.Errorf("stored %s: %s", tx.Type(), diff)
		}
	}
}

// TestTransactionBinaryErrors checks that invalid transactions are not encoded and invalid bytes not decoded, each with its reason.
func TestTransactionBinaryErrors(t *testing.T) {
	noAddress := felt.FromLimbs([4]uint64{3: 1 << 59}) // 2^251
	for _, c := range []struct {
		tx   Transaction
		want string
	}{
		{&Invoke{Common: Common{Query: true}}, "query"},
		{&Invoke{Calldata: make([]felt.Felt, constants.MaxCalldata+1)}, "number of calldata felts is 5001, at most 5000"},
		{&Invoke{Common: Common{Signature: make([]felt.Felt, constants.MaxSignature+1)}}, "at most 4000"},
		{&Invoke{SenderAddress: noAddress}, "sender"},
		{&Invoke{Common: Common{FeeDAMode: 2}}, "fee data availability mode is 2"},
		{&Declare{}, "without its class"},
		{&Declare{Class: &ContractClass{Version: "0.2.0"}}, "version"},
	} {
		if _, err := MarshalTransaction(c.tx); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.tx.Type(), err, c.want)
		}
	}
	for _, tx := range []Transaction{&Invoke{Common: Common{Query: true}}, &Declare{}} {
		if err := ValidateTransaction(tx); err != nil {
			t.Errorf("%s: %v", tx.Type(), err)
		}
	}
	for _, tx := range []Transaction{&Invoke{SenderAddress: noAddress}, &Declare{Class: &ContractClass{}}} {
		if ValidateTransaction(tx) == nil {
			t.Errorf("%s: no error", tx.Type())
		}
	}
	empty, err := MarshalTransaction(&Invoke{})
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, with ...byte) []byte {
		return append(append(bytes.Clone(empty[:at]), with...), empty[at+1:]...)
	}
	for _, c := range []struct {
		b    []byte
		want string
	}{
		{nil, "ends"},
		{change(0, 2), "format"},
		{change(1, 0), "type 0"},
		{change(1, 9), "type"},
		{change(2, 0x80, 0), "canonical integer"},
		{change(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "canonical integer"},
		{change(2, 0xa0, 0x1f), "4000 signature felts in"},
		{change(3, 33), "felt of 33 bytes"},
		{change(3, 2, 0, 5), "leading zero"},
		{change(3, append([]byte{32}, bytes.Repeat([]byte{0xff}, 32)...)...), "not below P"},
		{change(6, append([]byte{17, 1}, make([]byte, 16)...)...), "128 bits"},
		{make([]byte, MaxTransactionBytes+1), "at most 4000000"},
	} {
		if _, err := UnmarshalTransaction(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40x: error %v, want one about %q", c.b, err, c.want)
		}
	}
}

// TestClassBinarySize checks that real classes survive the binary form, which has at most two thirds of the size of the JSON.
func TestClassBinarySize(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden.Corpus(t, "sierra-casm"), "*.contract_class.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no classes: %v", err)
	}
	for _, file := range files {
		var class, again ContractClass
		readJSON(t, file, &class)
		text, err := json.Marshal(&class)
		if err != nil {
			t.Fatal(err)
		}
		b, err := class.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(class, again); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
		if 3*len(b) > 2*len(text) {
			t.Errorf("%s: %d bytes, JSON %d", file, len(b), len(text))
		}
	}
}

func sampleReceipt() *Receipt {
	r := abortedReceipt(5)
	r.Type, r.ContractAddress, r.Resources.L2Gas = DeployAccountType, u(77), 1<<50
	r.Events = []Event{{From: u(1), Keys: us(1), Data: us(2, 3)}, {From: minusOne}}
	return &r
}

func sampleHeader() *Header {
	return &Header{
		Number: 7, Parent: u(1), Timestamp: 1 << 40, Sequencer: u(2), StateRoot: minusOne, DAMode: Blob, Version: Version,
		L1GasPrice: GasPrice{Wei: NewUint128(1), Fri: Uint128{Hi: 1}}, L2GasPrice: GasPrice{Fri: NewUint128(9)},
		TransactionCount: 1, EventCount: 2, StateDiffLength: 3,
		TransactionCommitment: u(4), EventCommitment: u(5), ReceiptCommitment: u(6), StateDiffCommitment: u(7),
	}
}

// binaryForm is a type with a canonical binary form.
type binaryForm interface {
	MarshalBinary() ([]byte, error)
	UnmarshalBinary([]byte) error
}

func stored() []binaryForm {
	return []binaryForm{sampleHeader(), sampleReceipt(), sampleDiff(), sampleClass(), &Result{*sampleReceipt(), Digest{1, 31: 2}}, &StateDiff{}, &Receipt{}, &Result{}}
}

// TestStoredBinary checks that stored values survive their binary form, and that truncated bytes are rejected.
func TestStoredBinary(t *testing.T) {
	for _, v := range stored() {
		b, err := v.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(v).Elem()).Interface().(binaryForm)
		if err := got.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("%T: %s", v, diff)
		}
		for i := range b {
			if err := got.UnmarshalBinary(b[:i]); err == nil {
				t.Errorf("%T: %d of %d bytes decode", v, i, len(b))
			}
		}
	}
}

// TestStateDiffOrder checks that a diff out of canonical order is not encoded, so that equal diffs have equal bytes.
func TestStateDiffOrder(t *testing.T) {
	for name, change := range map[string]func(*StateDiff){
		"contracts": func(d *StateDiff) { d.Storage[0].Address = u(10) },
		"entries":   func(d *StateDiff) { d.Storage[0].Entries[0].Key = u(8) },
		"duplicate": func(d *StateDiff) { d.Storage[0].Entries[0].Key = u(7) },
		"no entry":  func(d *StateDiff) { d.Storage[0].Entries = nil },
		"deployed":  func(d *StateDiff) { d.Deployed[0].Address = u(20) },
		"declared":  func(d *StateDiff) { d.Declared[0].ClassHash = u(20) },
	} {
		d := sampleDiff()
		change(d)
		if _, err := d.MarshalBinary(); err == nil {
			t.Errorf("%s: encoded out of order", name)
		}
	}
}

// FuzzUnmarshalTransaction checks that the encoding of any decoded transaction is the input.
func FuzzUnmarshalTransaction(f *testing.F) {
	for _, tx := range sampleTransactions() {
		b, err := MarshalTransaction(tx)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if b, err = MarshalStoredTransaction(tx); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if tx, err := UnmarshalTransaction(b); err == nil {
			again, err := MarshalTransaction(tx)
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("%x decodes to %+v, which encodes to %x, %v", b, tx, again, err)
			}
		}
		if tx, err := UnmarshalStoredTransaction(b); err == nil {
			again, err := MarshalStoredTransaction(tx)
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("%x decodes to %+v, which encodes to %x, %v", b, tx, again, err)
			}
		}
	})
}

// FuzzUnmarshalStored checks that the encoding of any decoded value is the input.
func FuzzUnmarshalStored(f *testing.F) {
	for i, v := range stored() {
		b, err := v.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		v := []binaryForm{new(Header), new(Receipt), new(StateDiff), new(ContractClass), new(Result)}[kind%5]
		if err := v.UnmarshalBinary(b); err != nil {
			return
		}
		again, err := v.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x decodes to %+v, which encodes to %x, %v", b, v, again, err)
		}
	})
}

// FuzzContractClassJSON checks that a decoded class keeps its hash through JSON.
func FuzzContractClassJSON(f *testing.F) {
	text, err := json.Marshal(sampleClass())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"sierra_program":[],"contract_class_version":"0.1.0","entry_points_by_type":{},"abi":[{"a":"b\",:\\"}, null]}`))
	f.Add([]byte(`{"sierra_program":null,"contract_class_version":"0.1.0","abi":7}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var class, again ContractClass
		if class.UnmarshalJSON(b) != nil {
			return
		}
		text, err := json.Marshal(&class)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%q became %q: %v", b, text, err)
		}
		if class.Hash() != again.Hash() {
			t.Errorf("%q became %q with another hash", b, text)
		}
	})
}

// TestABIText checks the text of an ABI given as an array (with the spacing of json.dumps) or as a string.
func TestABIText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`[ {"a" : "x:,\"y" ,"b":[1,2]} ]`, `[{"a": "x:,\"y", "b": [1, 2]}]`},
		{`"[ 1,2 ]"`, `[ 1,2 ]`},
		{`"a\\"`, `a\`},
		{`null`, ``},
		{`["\\",":"]`, `["\\", ":"]`},
	} {
		got, err := abiText([]byte(c.in))
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// TestUint128 checks arithmetic at the ends of the range, conversions and comparison.
func TestUint128(t *testing.T) {
	max := Uint128{Hi: math.MaxUint64, Lo: math.MaxUint64}
	one := NewUint128(1)
	for _, c := range []struct {
		op       string
		got      func() (Uint128, bool)
		want     Uint128
		wantFits bool
	}{
		{"max + 1", func() (Uint128, bool) { return max.Add(one) }, Uint128{}, false},
		{"2^64 - 1 + 1", func() (Uint128, bool) { return NewUint128(math.MaxUint64).Add(one) }, Uint128{Hi: 1}, true},
		{"0 - 1", func() (Uint128, bool) { return Uint128{}.Sub(one) }, max, false},
		{"2^64 - 1", func() (Uint128, bool) { return Uint128{Hi: 1}.Sub(one) }, NewUint128(math.MaxUint64), true},
		{"max · 2", func() (Uint128, bool) { return max.Mul64(2) }, Uint128{Hi: math.MaxUint64, Lo: math.MaxUint64 - 1}, false},
		{"(2^64-1)²", func() (Uint128, bool) { return NewUint128(math.MaxUint64).Mul64(math.MaxUint64) },
			Uint128{Hi: math.MaxUint64 - 1, Lo: 1}, true},
	} {
		if got, fits := c.got(); got != c.want || fits != c.wantFits {
			t.Errorf("%s: %v, %v, want %v, %v", c.op, got, fits, c.want, c.wantFits)
		}
	}
	if _, err := Uint128FromFelt(felt.FromLimbs([4]uint64{0, 0, 1, 0})); err == nil {
		t.Error("2^128 fits in 128 bits")
	}
	if got, err := Uint128FromFelt(max.Felt()); err != nil || got != max {
		t.Errorf("max as a felt and back: %v, %v", got, err)
	}
	if got := max.String(); got != "340282366920938463463374607431768211455" {
		t.Errorf("max prints as %s", got)
	}
	if max.Cmp(one) != 1 || one.Cmp(max) != -1 || one.Cmp(one) != 0 {
		t.Error("comparison")
	}
}
