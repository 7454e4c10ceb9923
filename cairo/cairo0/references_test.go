package cairo0

import (
	"encoding/binary"
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// TestReferences evaluates expressions of references: values, types, and an error for each operand that is missing or of the wrong kind.
func TestReferences(t *testing.T) {
	m := machine.NewMachine()
	data := m.Memory.AddSegment() // segment 2
	// [fp - 1] is 7, [ap] is the address of data, [ap + 1] is not written.
	m.AP, m.FP = 4, 3
	for at, v := range map[machine.Addr]machine.Value{
		{Segment: 1, Offset: 2}: machine.UintValue(7), {Segment: 1, Offset: 4}: machine.AddrValue(data),
		data: machine.UintValue(11), data.Add(1): machine.AddrValue(machine.Addr{Segment: 1, Offset: 4}),
	} {
		if err := m.Memory.Insert(at, v); err != nil {
			t.Fatal(err)
		}
	}
	third := felt.FromUint64(3)
	seven := felt.FromUint64(7)
	sevenThirds := *new(felt.Felt).Div(&seven, &third)
	for _, c := range []struct {
		text, typ string
		want      machine.Value
		parses    bool
		fault     string // part of the error; "" if it is evaluated
	}{
		{text: "5", want: machine.UintValue(5)},
		{text: "-5", want: machine.FeltValue(felt.FromBigInt(big.NewInt(-5)))},
		{text: "ap", want: machine.AddrValue(machine.Addr{Segment: 1, Offset: 4})},
		{text: "fp - 1", want: machine.AddrValue(machine.Addr{Segment: 1, Offset: 2})},
		{text: "[fp - 1]", want: machine.UintValue(7)},
		{text: "[fp + (-1)] * 3 + 2 * 4 - 1", want: machine.UintValue(28)},
		{text: "[fp - 1] / 3", want: machine.FeltValue(sevenThirds)},
		{text: "[cast(ap, felt**)]", typ: "felt*", want: machine.AddrValue(data)},
		{text: "cast([ap], pkg.T*)", typ: "pkg.T*", want: machine.AddrValue(data)},
		{text: "[cast(fp - 1, (a: felt, b: (felt, felt))*)]", typ: "(a: felt, b: (felt, felt))", want: machine.UintValue(7)},
		{text: "[[ap]]", want: machine.UintValue(11)},
		{text: "[[[ap] + 1]]", want: machine.AddrValue(data)},
		{text: " ( 3 ) ", want: machine.UintValue(3)},
		// Faults of evaluation.
		{text: "[ap + 1]", parses: true, fault: "unknown value"},
		{text: "[ap + 1] + 1", parses: true, fault: "unknown value"},
		{text: "1 + [ap + 1]", parses: true, fault: "unknown value"},
		{text: "[[ap + 1]]", parses: true, fault: "unknown value"},
		{text: "[[fp - 1]]", parses: true, fault: "not an address"},
		{text: "[ap] / 3", parses: true, fault: "cannot divide"},
		{text: "3 / [ap]", parses: true, fault: "cannot divide"},
		{text: "3 / 0", parses: true, fault: "cannot divide"},
		{text: "(1, 2)", parses: true, fault: "a tuple is not one value"},
		{text: "(1, )", parses: true, fault: "a tuple is not one value"},
		{text: "(1, 2, 3,)", parses: true, fault: "a tuple is not one value"},
		// Faults of parsing.
		{text: "", fault: "unexpected"}, {text: "[ap", fault: "want"}, {text: "(ap", fault: "want"}, {text: "cast(ap)", fault: "want"}, {text: "cast(ap, felt", fault: "want"},
		{text: "1 +", fault: "unexpected"}, {text: "1 2", fault: "unexpected"}, {text: "(1, 2", fault: "want"}, {text: "(,)", fault: "unexpected"}, {text: "-", fault: "bad number"},
		{text: strings.Repeat("9", 101), fault: "bad number"},
		{text: strings.Repeat("(", 70) + "1" + strings.Repeat(")", 70), fault: "nested too deep"},
	} {
		x, typ, err := parseReference(c.text)
		if err == nil {
			if c.fault != "" && !c.parses {
				t.Errorf("%q parses", c.text)
				continue
			}
			var got machine.Value
			got, err = x.eval(m, m.APAddr())
			if c.fault == "" && (err != nil || got != c.want || typ != c.typ) {
				t.Errorf("%q: got %v of type %q, %v; want %v of type %q", c.text, got, typ, err, c.want, c.typ)
			}
		}
		if c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.fault)
		}
	}
	// Depth is counted from the nested expression, so 64 levels are the most.
	if _, _, err := parseReference(strings.Repeat("(", 63) + "1" + strings.Repeat(")", 63)); err != nil {
		t.Errorf("63 parentheses: %v", err)
	}
}

// TestIDsErrors checks that each reader of a hint's variables returns an error for a name that does not exist, a value of the wrong kind, a value
// that is unknown, and a variable relative to an ap that is not known.
func TestIDsErrors(t *testing.T) {
	m := machine.NewMachine()
	ref := func(text string, group int64) *reference {
		x, _, err := parseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		r := &reference{expr: x}
		r.ap.Group = group
		return r
	}
	ids := &IDs{hint: &HintCode{}, refs: map[string]*reference{
		"number": ref("5", 0), "address": ref("fp", 0), "unknown": ref("[fp]", 0), "lost": ref("[ap]", 1), "kept": ref("fp", 1),
	}}
	for name, read := range map[string]func(name string) error{
		"Value":   func(name string) error { _, err := ids.Value(m, name); return err },
		"Addr":    func(name string) error { _, err := ids.Addr(m, name); return err },
		"Pointer": func(name string) error { _, err := ids.Pointer(m, name); return err },
		"Felt":    func(name string) error { _, err := ids.Felt(m, name); return err },
		"Int":     func(name string) error { _, err := ids.Int(m, name); return err },
	} {
		good := map[string]bool{"number": name != "Addr" && name != "Pointer", "address": name != "Felt" && name != "Int", "kept": name != "Felt" && name != "Int", "unknown": name == "Addr"}
		for _, id := range []string{"number", "address", "unknown", "lost", "kept", "none"} {
			err := read(id)
			want := map[string]string{"none": "unknown identifier ids.none", "lost": "an ap that is not known", "unknown": "unknown value"}[id]
			if (err == nil) != good[id] || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s of ids.%s: %v", name, id, err)
			}
		}
	}
}

// TestSquashNextErrors checks that the hint of the next access of a dictionary needs its variables: the list, the current index, and the cell that
// it writes.
func TestSquashNextErrors(t *testing.T) {
	x, _, err := parseReference("[cast(fp, pkg.LoopTemps*)]")
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range []string{"", "current_access_indices", "current_access_index", "loop_temps"} {
		m := machine.NewMachine()
		scopes := pyhint.NewScopes()
		variables := scopes.Variables()
		variables["current_access_indices"] = &pyhint.List{Items: []any{big.NewInt(9), big.NewInt(5)}}
		variables["current_access_index"] = big.NewInt(2)
		delete(variables, missing)
		p := &Program{Identifiers: map[string]*pyhint.Identifier{"pkg.LoopTemps": {Type: "struct", Members: map[string]pyhint.Member{"index_delta_minus1": {CairoType: "felt", Offset: 1}}}}}
		ids := &IDs{p: p, hint: &HintCode{}, scopes: &scopes, refs: map[string]*reference{"loop_temps": {expr: x, typ: "pkg.LoopTemps"}}}
		delete(ids.refs, missing)
		if err := hintSquashNext(m, ids); (err == nil) != (missing == "") {
			t.Errorf("without %q: %v", missing, err)
		}
		if got, ok := m.Memory.Get(m.FPAddr().Add(1)); missing == "" && (!ok || got != machine.UintValue(2)) { // 5 - 2 - 1
			t.Errorf("the difference less 1 is %v, %v", got, ok)
		}
	}
}

// TestMemoryBytes checks that cells of a PIE are in the order of their addresses, and that segments in the list are moved, also in values.
func TestMemoryBytes(t *testing.T) {
	at := func(segment int32, offset uint64) machine.Addr { return machine.Addr{Segment: segment, Offset: offset} }
	p := &pie{memory: map[machine.Addr]machine.Value{
		at(3, 1): machine.UintValue(31), at(3, 0): machine.AddrValue(at(4, 5)), at(2, 9): machine.UintValue(29), at(4, 0): machine.AddrValue(at(2, 1)), at(2, 10): machine.UintValue(30),
	}}
	read := func(offsets map[int32]machine.Addr) (addrs []machine.Addr, values []machine.Value) {
		moved := &pie{memory: map[machine.Addr]machine.Value{}}
		b := p.memoryBytes(offsets)
		if err := moved.readMemory(b); err != nil {
			t.Fatal(err)
		}
		for ; len(b) > 0; b = b[pieRecord:] {
			w := binary.LittleEndian.Uint64(b) - pieAddrBase
			a := at(int32(w>>pieOffsetBits), w&(1<<pieOffsetBits-1))
			addrs, values = append(addrs, a), append(values, moved.memory[a])
		}
		return addrs, values
	}
	check := func(name string, gotAddrs []machine.Addr, gotValues []machine.Value, wantAddrs []machine.Addr, wantValues []machine.Value) {
		t.Helper()
		if len(gotAddrs) != len(wantAddrs) {
			t.Fatalf("%s: %d cells, want %d", name, len(gotAddrs), len(wantAddrs))
		}
		for i := range wantAddrs {
			if gotAddrs[i] != wantAddrs[i] || gotValues[i] != wantValues[i] {
				t.Errorf("%s: cell %d is %v at %v, want %v at %v", name, i, gotValues[i], gotAddrs[i], wantValues[i], wantAddrs[i])
			}
		}
	}
	addrs, values := read(nil)
	check("unmoved", addrs, values, []machine.Addr{at(2, 9), at(2, 10), at(3, 0), at(3, 1), at(4, 0)},
		[]machine.Value{machine.UintValue(29), machine.UintValue(30), machine.AddrValue(at(4, 5)), machine.UintValue(31), machine.AddrValue(at(2, 1))})
	addrs, values = read(map[int32]machine.Addr{4: at(3, 100)})
	check("moved", addrs, values, []machine.Addr{at(2, 9), at(2, 10), at(3, 0), at(3, 1), at(3, 100)},
		[]machine.Value{machine.UintValue(29), machine.UintValue(30), machine.AddrValue(at(3, 105)), machine.UintValue(31), machine.AddrValue(at(2, 1))})
}

// TestRestoredSignature checks that a signature of a PIE is restored at its address, r before s.
func TestRestoredSignature(t *testing.T) {
	m := machine.NewMachine()
	b, err := m.AddBuiltin(machine.BuiltinECDSA)
	if err != nil {
		t.Fatal(err)
	}
	if err := restoreBuiltin(b, jsontext.Value(`[[[2,4],[77,88]]]`)); err != nil {
		t.Fatal(err)
	}
	if got := b.Signatures[4]; got.R != felt.FromUint64(77) || got.S != felt.FromUint64(88) {
		t.Errorf("got %v", b.Signatures)
	}
}

// TestSignatureInput checks that the private input has each instance of ecdsa with its number, and leaves out one without a signature.
func TestSignatureInput(t *testing.T) {
	m := machine.NewMachine()
	b, err := m.AddBuiltin(machine.BuiltinECDSA)
	if err != nil {
		t.Fatal(err)
	}
	key, message := felt.FromUint64(12), felt.FromUint64(34)
	public, err := starkcurve.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r, s, err := starkcurve.Sign(key, message)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := b.AddSignature(b.Base.Add(2*i), machine.Signature{R: r, S: s}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Memory.Load(b.Base.Add(2*i), machine.FeltValue(public), machine.FeltValue(message)); err != nil {
			t.Fatal(err)
		}
	}
	delete(b.Signatures, 0)
	sections, err := (&run{m: m, builtins: []*builtin{{Builtin: b}}}).privateSections()
	if err != nil {
		t.Fatal(err)
	}
	p := sections.Collect()
	if len(p.ECDSA) != 1 || p.ECDSA[0].Index != 1 || p.ECDSA[0].PubKey != public || p.ECDSA[0].Msg != message || p.ECDSA[0].SigR != r {
		t.Errorf("got %+v", p.ECDSA)
	}
}

// TestStopPointers checks the final pointers of builtins: missing, an integer, in another segment, not at the end of the instances, and of a
// builtin that the layout lacks.
func TestStopPointers(t *testing.T) {
	m := machine.NewMachine()
	b, err := m.AddBuiltin(machine.BuiltinRangeCheck)
	if err != nil {
		t.Fatal(err)
	}
	sizes := make([]uint64, b.Base.Segment+1)
	sizes[b.Base.Segment] = 3
	for _, c := range []struct {
		name   string
		stop   machine.Value
		absent bool // the layout lacks the builtin
		ap     uint64
		good   bool
	}{
		{"the end", machine.AddrValue(b.Base.Add(3)), false, 1, true},
		{"before the end", machine.AddrValue(b.Base.Add(2)), false, 1, false},
		{"after the end", machine.AddrValue(b.Base.Add(4)), false, 1, false},
		{"another segment", machine.AddrValue(machine.Addr{Segment: 1, Offset: 3}), false, 1, false},
		{"an integer", machine.UintValue(3), false, 1, false},
		{"nothing below ap", machine.AddrValue(b.Base.Add(3)), false, 0, false},
		{"absent, 0", machine.UintValue(0), true, 1, true},
		{"absent, not 0", machine.UintValue(1), true, 1, false},
		{"absent, an address", machine.AddrValue(b.Base), true, 1, false},
	} {
		other := machine.NewMachine()
		if _, err := other.AddBuiltin(machine.BuiltinRangeCheck); err != nil {
			t.Fatal(err)
		}
		if err := other.Memory.Insert(machine.Addr{Segment: 1, Offset: 0}, c.stop); err != nil {
			t.Fatal(err)
		}
		other.AP = c.ap
		r := &run{m: other, p: &Program{Builtins: []string{machine.BuiltinRangeCheck}}, sizes: sizes}
		if !c.absent {
			r.builtins = []*builtin{{Builtin: other.Builtins()[0]}}
		}
		if err := r.readReturnValues(); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestNextPowerOfTwo checks powers of two, which stay, and their neighbours.
func TestNextPowerOfTwo(t *testing.T) {
	for n, want := range map[uint64]uint64{0: 0, 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 1023: 1024, 1024: 1024, 1025: 2048} {
		if got := nextPowerOfTwo(n); got != want {
			t.Errorf("%d: got %d, want %d", n, got, want)
		}
	}
}
