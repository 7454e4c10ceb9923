package cairo

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

const (
	tinyPublic = `{"layout":"plain","rc_min":1,"rc_max":2,"n_steps":2,"memory_segments":{"program":{"begin_addr":1,"stop_ptr":2}},` +
		`"public_memory":[{"address":1,"value":"0x5","page":0}],"dynamic_params":null}`
	tinyPrivate = `{"trace_path":"t","memory_path":"m","pedersen":[{"index":0,"x":"0x1","y":"0x2"}],"range_check":[]}`
)

// tinyFiles returns a trace and a memory file that match tinyPublic.
func tinyFiles() (trace, memory []byte) {
	for _, v := range []uint64{3, 3, 1, 3, 3, 1} {
		trace = binary.LittleEndian.AppendUint64(trace, v)
	}
	memory = binary.LittleEndian.AppendUint64(memory, 1)
	return trace, append(memory, append([]byte{5}, make([]byte, 31)...)...)
}

// TestLoadTrace checks that LoadTrace decodes a small run and rejects damaged files.
func TestLoadTrace(t *testing.T) {
	trace, memory := tinyFiles()
	got, err := LoadTrace([]byte(tinyPublic), []byte(tinyPrivate), trace, memory)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Registers) != 2 || got.Registers[0] != (Registers{3, 3, 1}) || got.Memory.Value[1] != felt.FromUint64(5) ||
		got.Public.RangeCheckMax != 2 || len(got.Private.Pedersen) != 1 || got.Private.RangeCheck == nil || got.Private.Bitwise != nil {
		t.Errorf("%+v", got)
	}
	far := append(append([]byte{}, memory...), memory...)
	binary.LittleEndian.PutUint64(far[40:], 17) // the bound is 16: 8 cells for each of 2 steps
	twice := append(append([]byte{}, memory...), memory...)
	twice[48] = 6
	large := append([]byte{}, memory...)
	large[39] = 0xff
	for name, c := range map[string][4][]byte{
		"half a step":        {[]byte(tinyPublic), []byte(tinyPrivate), trace[:25], memory},
		"one step":           {[]byte(tinyPublic), []byte(tinyPrivate), trace[:24], memory},
		"half a record":      {[]byte(tinyPublic), []byte(tinyPrivate), trace, memory[:20]},
		"far address":        {[]byte(tinyPublic), []byte(tinyPrivate), trace, far},
		"two values":         {[]byte(tinyPublic), []byte(tinyPrivate), trace, twice},
		"value above P":      {[]byte(tinyPublic), []byte(tinyPrivate), trace, large},
		"no public input":    {[]byte(`{`), []byte(tinyPrivate), trace, memory},
		"no private input":   {[]byte(tinyPublic), nil, trace, memory},
		"segments as a list": {[]byte(`{"n_steps":2,"memory_segments":[]}`), []byte(tinyPrivate), trace, memory},
	} {
		if _, err := LoadTrace(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLoadTraceUnpadded checks that a run for S-two has any number of steps, and more memory than its steps have cells.
func TestLoadTraceUnpadded(t *testing.T) {
	trace, memory := tinyFiles()
	trace = trace[:24]
	record := memory[:40:40]
	for a := uint64(2); a <= 17; a++ {
		memory = append(binary.LittleEndian.AppendUint64(memory, a), record[8:]...)
	}
	public := strings.Replace(tinyPublic, `"n_steps":2`, `"n_steps":1`, 1)
	if _, err := LoadTrace([]byte(public), []byte(tinyPrivate), trace, memory); err == nil {
		t.Error("address 17 in a run of 1 step for Stone: no error")
	}
	public = strings.Replace(public, `"plain"`, `"all_cairo_stwo"`, 1)
	if !strings.Contains(public, "stwo") {
		t.Fatal(public)
	}
	for _, n := range []int{1, 3} {
		p := strings.Replace(public, `"n_steps":1`, fmt.Sprintf(`"n_steps":%d`, n), 1)
		got, err := LoadTrace([]byte(p), []byte(tinyPrivate), bytes.Repeat(trace, n), memory)
		if err != nil {
			t.Errorf("%d steps: %v", n, err)
		} else if len(got.Registers) != n || len(got.Memory.Value) != 18 {
			t.Errorf("%d steps, %d addresses", len(got.Registers), len(got.Memory.Value))
		}
	}
	far := append(append([]byte{}, memory...), record...)
	binary.LittleEndian.PutUint64(far[len(memory):], 8*(1+18)) // the bound: 8 cells for each step and record
	if _, err := LoadTrace([]byte(public), []byte(tinyPrivate), trace, far); err != nil {
		t.Error(err)
	}
	binary.LittleEndian.PutUint64(far[len(memory):], 8*(1+18)+1)
	if _, err := LoadTrace([]byte(public), []byte(tinyPrivate), trace, far); err == nil {
		t.Error("an address after the bound: no error")
	}
}

// FuzzLoadTrace checks that LoadTrace returns a consistent trace or an error for any input.
func FuzzLoadTrace(f *testing.F) {
	trace, memory := tinyFiles()
	f.Add([]byte(tinyPublic), []byte(tinyPrivate), trace, memory)
	f.Add([]byte(`{"n_steps":1,"dynamic_params":{"memory_units_per_step":18446744073709551615}}`), []byte(`{}`), trace[:24], memory)
	f.Add([]byte(`{"layout":"all_cairo_stwo","n_steps":1}`), []byte(`{}`), trace[:24], memory)
	f.Add([]byte(`null`), []byte(`{"add_mod":{"instances":[{"batch":[{"a0":"0x1"}]}]}}`), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, public, private, trace, memory []byte) {
		got, err := LoadTrace(public, private, trace, memory)
		if err != nil {
			return
		}
		if uint64(len(got.Registers)) != got.Public.Steps || len(got.Memory.Known) != len(got.Memory.Value) {
			t.Errorf("%d registers, %d steps, %d and %d cells", len(got.Registers), got.Public.Steps, len(got.Memory.Known), len(got.Memory.Value))
		}
	})
}

// section converts a list of instances to a section of the file. A nil list gives a nil section.
func section[T, U any](list []T, f func(T) U) *[]U {
	if list == nil {
		return nil
	}
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return &out
}

// marshalPrivate returns air_private_input.json by encoding/json.
func marshalPrivate(p *PrivateInput, tracePath, memoryPath string) ([]byte, error) {
	pair := func(v PairInstance) pairJSON { return pairJSON(v) }
	value := func(v RangeCheckInstance) valueJSON { return valueJSON(v) }
	return json.MarshalIndent(privateInputJSON{
		TracePath: tracePath, MemoryPath: memoryPath,
		Pedersen:     section(p.Pedersen, pair),
		Bitwise:      section(p.Bitwise, pair),
		RangeCheck:   section(p.RangeCheck, value),
		RangeCheck96: section(p.RangeCheck96, value),
		ECDSA: section(p.ECDSA, func(v ECDSAInstance) ecdsaJSON {
			return ecdsaJSON{v.Index, v.PubKey, v.Msg, signatureJSON{v.SigR, v.SigW}}
		}),
		ECOp: section(p.ECOp, func(v ECOpInstance) ecOpJSON {
			return ecOpJSON{v.Index, v.PX, v.PY, v.M, v.QX, v.QY}
		}),
		Poseidon: section(p.Poseidon, func(v PoseidonInstance) poseidonJSON {
			return poseidonJSON{v.Index, v.S[0], v.S[1], v.S[2]}
		}),
		Keccak: section(p.Keccak, func(v KeccakInstance) keccakJSON {
			s := v.S
			return keccakJSON{v.Index, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]}
		}),
		AddMod: marshalMod(p.AddMod),
		MulMod: marshalMod(p.MulMod),
	}, "", " ")
}

// marshalMod converts the input to its section of the file, nil if in is nil.
func marshalMod(in *ModInput) *modInputJSON {
	if in == nil {
		return nil
	}
	list := section(in.Instances, func(v ModInstance) modInstanceJSON {
		return modInstanceJSON{
			v.Index, v.P[0], v.P[1], v.P[2], v.P[3], v.ValuesPtr, v.OffsetsPtr, v.N,
			batchJSON{modVarsJSON{
				v.AOffset, v.A[0], v.A[1], v.A[2], v.A[3],
				v.BOffset, v.B[0], v.B[1], v.B[2], v.B[3],
				v.COffset, v.C[0], v.C[1], v.C[2], v.C[3],
			}},
		}
	})
	if list == nil {
		list = &[]modInstanceJSON{}
	}
	return &modInputJSON{*list, in.ZeroValueAddress}
}

// TestWriteJSON compares the private input that is written instance by instance with what encoding/json makes of the same lists: without
// sections, with empty ones, and with instances of every kind.
func TestWriteJSON(t *testing.T) {
	f := func(n uint64) felt.Felt {
		x := felt.FromUint64(n)
		return *x.Mul(&x, &x).Neg(&x)
	}
	four := func(n uint64) [4]felt.Felt { return [4]felt.Felt{f(n), felt.FromUint64(n), {}, f(n + 1)} }
	full := PrivateInput{
		RangeCheck: []RangeCheckInstance{{0, f(1)}, {1, felt.Zero}, {7, f(2)}},
		Pedersen:   []PairInstance{{3, f(3), f(4)}},
		Bitwise:    []PairInstance{{0, f(5), felt.One}, {1 << 40, f(6), f(7)}},
		ECDSA:      []ECDSAInstance{{0, f(8), f(9), f(10), f(11)}, {1, f(12), f(13), f(14), f(15)}},
		ECOp:       []ECOpInstance{{2, f(16), f(17), f(18), f(19), f(20)}},
		Poseidon:   []PoseidonInstance{{0, [3]felt.Felt{f(21), f(22), f(23)}}},
		Keccak:     []KeccakInstance{{0, [8]felt.Felt{f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8)}}},

		RangeCheck96: []RangeCheckInstance{{0, f(24)}},
		AddMod:       &ModInput{5, []ModInstance{{0, four(25), 1, 2, 3, 4, 5, 6, four(26), four(27), four(28)}, {1, four(29), 9, 8, 7, 6, 5, 4, four(30), four(31), four(32)}}},
		MulMod:       &ModInput{6, nil},
	}
	empty := PrivateInput{
		RangeCheck: []RangeCheckInstance{}, Pedersen: []PairInstance{}, Bitwise: []PairInstance{}, ECDSA: []ECDSAInstance{}, ECOp: []ECOpInstance{},
		Poseidon: []PoseidonInstance{}, Keccak: []KeccakInstance{}, RangeCheck96: []RangeCheckInstance{}, AddMod: &ModInput{}, MulMod: &ModInput{Instances: []ModInstance{}},
	}
	for name, p := range map[string]*PrivateInput{"nil": {}, "empty": &empty, "full": &full, "last only": {MulMod: full.AddMod}} {
		for _, path := range []string{"/tmp/a b", "quote \" and <", ""} {
			got, err := p.JSON(path, path+"m")
			if err != nil {
				t.Fatal(err)
			}
			want, err := marshalPrivate(p, path, path+"m")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %q: got\n%s\nwant\n%s", name, path, got, want)
			}
			back := PrivateInput{}
			if err := back.UnmarshalJSON(got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if collected := p.Sections().Collect(); !reflect.DeepEqual(collected, *p) {
				t.Errorf("%s: collected %+v", name, collected)
			}
		}
	}
	if err := full.Sections().WriteJSON(failingWriter{}, "t", "m"); err == nil {
		t.Error("the error of the writer is lost")
	}
}

// failingWriter is a file on a full disk.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }
