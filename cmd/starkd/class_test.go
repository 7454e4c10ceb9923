package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet"
)

// longClass writes a class without entry points whose bytecode has so many felts: two for each stored constant, one for the return, and
// one for a stored parameter if the number is even.
func longClass(t *testing.T, felts int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`
		type felt252 = felt252 [storable: true, drop: true, dup: true, zero_sized: false];
		libfunc constant = felt252_const<1>;
		libfunc store = store_temp<felt252>;
		libfunc drop = drop<felt252>;
	`)
	if felts%2 == 0 {
		b.WriteString("store([0]) -> ([0]);\n")
	}
	b.WriteString("drop([0]) -> ();\n")
	for i := range (felts - 1) / 2 {
		if i > 0 {
			b.WriteString("drop([1]) -> ();\n")
		}
		b.WriteString("constant() -> ([1]);\nstore([1]) -> ([1]);\n")
	}
	b.WriteString("return([1]);\nf@0([0]: felt252) -> (felt252);\n")
	program, err := sierra.ParseText(b.String())
	if err != nil {
		t.Fatal(err)
	}
	program.Version = sierra.Version{Major: 1, Minor: 7}
	code, err := sierra.EncodeFelts(program)
	if err != nil {
		t.Fatal(err)
	}
	data, err := sierra.ContractClass{SierraProgram: code, Version: starknet.ClassVersion, ABI: "[]"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), strconv.Itoa(felts)+".contract_class.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBytecodeBounds checks that class compile accepts up to 180,000 felts of bytecode, as starknet-sierra-compile does, and class check up to
// 81,920, as the chain does. It compares with the official compiler if STARKD_SIERRA_COMPILE is set.
func TestBytecodeBounds(t *testing.T) {
	compile := func(args ...string) ([]byte, error) {
		var out bytes.Buffer
		cmd := newClassCommand()
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetOut(&out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		return out.Bytes(), err
	}
	const chain, tool = compiler.DefaultMaxBytecode, compiler.ToolMaxBytecode
	for _, c := range []struct {
		felts int
		args  []string
		ok    bool
	}{
		{tool, []string{"compile"}, true},
		{tool + 1, []string{"compile"}, false},
		{tool + 1, []string{"compile", "--max-bytecode-size", strconv.Itoa(tool + 1)}, true},
		{tool, []string{"casm-hash"}, true},
		{tool + 1, []string{"casm-hash"}, false},
		{chain, []string{"compile", "--max-bytecode-size", strconv.Itoa(chain)}, true},
		{chain + 1, []string{"compile", "--max-bytecode-size", strconv.Itoa(chain)}, false},
		{chain, []string{"check"}, true},
		{chain + 1, []string{"check"}, false},
	} {
		path := longClass(t, c.felts)
		out, err := compile(append(c.args, path)...)
		if (err == nil) != c.ok {
			t.Errorf("class %v of %d felts: error %v, want one: %v", c.args, c.felts, err, !c.ok)
			continue
		}
		if c.args[0] != "compile" {
			continue
		}
		if c.ok {
			class, err := casm.DecodeClass(out)
			if err != nil || len(class.Bytecode) != c.felts {
				t.Errorf("class %v: %d felts, error %v, want %d", c.args, len(class.Bytecode), err, c.felts)
			}
		}
		if judge := os.Getenv("STARKD_SIERRA_COMPILE"); judge != "" {
			theirs, err := exec.Command(judge, append(c.args[1:], path)...).Output()
			if (err == nil) != c.ok || c.ok && !bytes.Equal(bytes.TrimSpace(theirs), bytes.TrimSpace(out)) {
				t.Errorf("class %v of %d felts: the official compiler says %v, or something else", c.args, c.felts, err)
			}
		}
	}
}
