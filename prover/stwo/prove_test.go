//go:build !js

package stwo

import (
	"bytes"
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/tablefile"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// readInput returns the input of a case. A folder in a folder is the same run with other parameters.
func readInput(t testing.TB, name string) *adapter.Input {
	t.Helper()
	run, _, _ := strings.Cut(name, "/")
	in, err := adapter.ReadJSON(bytes.NewReader(readCase(t, run, "prover_input.json")))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// readProver returns a prover with the parameters of a case.
func readProver(t testing.TB, name string) *Prover {
	t.Helper()
	params, err := ParseParams(readCase(t, name, "params.json"))
	if err != nil {
		t.Fatal(err)
	}
	return newProver(t, params)
}

// newProver returns a prover, with -folder one whose preprocessed columns lie there.
func newProver(t testing.TB, params *Params) *Prover {
	t.Helper()
	if *folder != "" {
		table, err := tablefile.Open(t.Context(), *folder, params.Preprocessed, params.Hash, &params.Config)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewProverWithTable(params, table.Table, table.Columns)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// provedCases are the cases of the corpus whose preprocessed columns are few enough for a test.
var provedCases = []string{
	"c01_nothing", "c02_fib", "c03_opcodes", "c04_rc_bitwise",
	"c05_pedersen/narrow", "c06_poseidon", "c06_poseidon/m31", "c07_mod", "c07_mod/lift",
	"c08_ec_op/small", "c09_blake", "c10_all/small",
}

// storedCases are the cases whose preprocessed columns lie on disk.
var storedCases = []string{"c08_ec_op", "starkware_all_opcodes", "c05_pedersen", "starkware_all_builtins", "c10_all"}

// folder is where the tables of storedCases are, 6 GiB. They are made if they are missing.
var folder = flag.String("folder", "", "prove the cases of the corpus with large preprocessed tables, which are in this folder")

// all makes tests prove all cases and programs.
var all = flag.Bool("all", false, "prove all cases of the corpus, and compile and prove all programs of testdata")

// TestProve makes proofs that equal StarkWare's to the last byte.
func TestProve(t *testing.T) {
	cases := provedCases
	if !*all {
		cases = []string{"c01_nothing"}
	}
	if *folder != "" {
		cases = storedCases
	}
	for _, name := range cases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProver(t, name)
			proof, err := p.Prove(t.Context(), readInput(t, name), &Progress{Stage: func(name string, _, _ int) { t.Log(name) }})
			if err != nil {
				t.Fatal(err)
			}
			want := readProof(t, name)
			if d := difference("proof", reflect.ValueOf(proof).Elem(), reflect.ValueOf(want).Elem()); d != "" {
				t.Fatal(d)
			}
			text := readCase(t, name, "proof.json")
			if got := proof.AppendJSON(nil, text[1] == '\n'); !bytes.Equal(got, text) {
				t.Error("the files differ")
			}
		})
	}
}

// difference returns the first place in which two values differ, or "".
func difference(path string, got, want reflect.Value) string {
	switch got.Kind() {
	case reflect.Struct:
		if got.Type().NumField() > 0 && got.Type().Field(0).PkgPath != "" {
			break
		}
		for i := range got.NumField() {
			if d := difference(path+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice, reflect.Array:
		if got.Len() != want.Len() {
			return fmt.Sprintf("%s has %d elements, want %d", path, got.Len(), want.Len())
		}
		if got.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		for i := range got.Len() {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i)); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got.Interface(), want.Interface()) {
		return fmt.Sprintf("%s is %v, want %v", path, got.Interface(), want.Interface())
	}
	return ""
}
