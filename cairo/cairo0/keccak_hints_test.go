package cairo0

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// keccakHints are the hints of starkware.cairo.common.builtin_keccak that have native implementations.
var keccakHints = []string{
	"ids.high3, ids.low3 = divmod(memory[ids.inputs + 3], 256)",
	"ids.high6, ids.low6 = divmod(memory[ids.inputs + 6], 256 ** 2)",
	"ids.high9, ids.low9 = divmod(memory[ids.inputs + 9], 256 ** 3)",
	"ids.high12, ids.low12 = divmod(memory[ids.inputs + 12], 256 ** 4)",
	"ids.high15, ids.low15 = divmod(memory[ids.inputs + 15], 256 ** 5)",
	"ids.output0_low = ids.output0 & ((1 << 128) - 1)\nids.output0_high = ids.output0 >> 128",
	"tmp, ids.output1_low = divmod(ids.output1, 256 ** 7)\nids.output1_high, ids.output1_mid = divmod(tmp, 2 ** 128)",
	"ids.n_words_to_copy, ids.n_bytes_left = divmod(ids.n_bytes, ids.BYTES_IN_WORD)",
	"memory[ap] = to_felt_or_relocatable(ids.n_bytes < ids.BYTES_IN_WORD)",
	"memory[ap] = to_felt_or_relocatable(ids.n_bytes >= ids.KECCAK_FULL_RATE_IN_BYTES)",
}

// TestKeccakHints runs each hint natively and interpreted, on numbers at the edges of its words, on an address and on unknown cells, and
// compares memory, scope and whether there is an error.
func TestKeccakHints(t *testing.T) {
	top := felt.FromInt64(-1)
	values := []machine.Value{
		machine.UintValue(0), machine.UintValue(7), machine.UintValue(8), machine.UintValue(135), machine.UintValue(136), machine.UintValue(137),
		machine.UintValue(255), machine.UintValue(256), machine.UintValue(1<<64 - 1), machine.FeltValue(felt.FromUint128(1, 0)),
		machine.FeltValue(felt.MustHex("0x102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")), machine.FeltValue(top),
		machine.AddrValue(machine.Addr{Segment: 2, Offset: 5}),
	}
	for _, code := range keccakHints {
		native := nativeHints[hintKey(code)]
		if native == nil {
			t.Fatalf("no native implementation of %q", code)
		}
		for n := range len(values) + 1 { // the last one is an unknown cell
			outcome := func(hint ProgramHint) string {
				m := machine.NewMachine()
				data := m.Memory.AddSegment()
				m.AP, m.FP = 40, 20
				if _, err := m.Memory.Load(machine.Addr{Segment: 1}, machine.AddrValue(data)); err != nil {
					t.Fatal(err)
				}
				if n < len(values) {
					for i := range 16 {
						if err := m.Memory.Insert(data.Add(i), values[n]); err != nil {
							t.Fatal(err)
						}
					}
					if err := m.Memory.Insert(machine.Addr{Segment: 1, Offset: 1}, values[n]); err != nil {
						t.Fatal(err)
					}
				}
				scopes := pyhint.NewScopes()
				p := &Program{Identifiers: map[string]*pyhint.Identifier{}}
				for name, value := range map[string]int64{"BYTES_IN_WORD": 8, "KECCAK_FULL_RATE_IN_BYTES": 136} {
					id := &pyhint.Identifier{}
					if err := json.Unmarshal(fmt.Appendf(nil, `{"type":"const","value":%d}`, value), id); err != nil {
						t.Fatal(err)
					}
					p.Identifiers["scope."+name] = id
				}
				ids := &IDs{p: p, hint: &HintCode{Scopes: []string{"scope"}}, refs: map[string]*reference{}, scopes: &scopes}
				place := func(name, expr string) {
					x, typ, err := parseReference(expr)
					if err != nil {
						t.Fatal(err)
					}
					ids.refs[name] = &reference{expr: x, typ: typ}
				}
				place("inputs", "[cast(fp - 20, felt**)]")
				for _, name := range []string{"n_bytes", "output0", "output1"} {
					place(name, "[cast(fp - 19, felt*)]")
				}
				next := 1
				for word := range strings.FieldsFuncSeq(code, func(r rune) bool { return strings.ContainsRune(" ,=()\n", r) }) {
					if name, ok := strings.CutPrefix(word, "ids."); ok && ids.refs[name] == nil && p.Identifiers["scope."+name] == nil {
						place(name, fmt.Sprintf("[cast(fp + %d, felt*)]", next))
						next++
					}
				}
				err := hint(m, ids)
				var b strings.Builder
				for s := range int32(m.Memory.Segments()) {
					for off := range m.Memory.SegmentSize(s) {
						v, ok := m.Memory.Get(machine.Addr{Segment: s, Offset: off})
						fmt.Fprint(&b, v, ok, " ")
					}
				}
				if err != nil {
					return "an error" // a hint may write before it fails; then the run ends
				}
				tmp, _ := scopes.Variables()["tmp"].(*big.Int)
				return fmt.Sprint(b.String(), tmp)
			}
			got, want := outcome(native), outcome(interpretHint(code))
			if got != want {
				t.Errorf("%q with value %d\n got %s\nwant %s", code, n, got, want)
			}
			if n < 12 && got == "an error" || n >= 12 && got != "an error" {
				t.Errorf("%q with value %d: %s", code, n, got)
			}
		}
	}
}
