package cairo

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
