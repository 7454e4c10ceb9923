package vm

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

const tinyProgram = `{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","builtins":["output"],
"data":["0x480680017fff8000","0x7","0x208b7fff7fff7ffe"],
"identifiers":{"__main__.main":{"type":"function","pc":0},"__main__.x":{"type":"reference","cairo_type":"felt"},"__main__.S":{"type":"struct","size":1,"members":{"a":{"cairo_type":"felt","offset":0}}}},
"reference_manager":{"references":[{"ap_tracking_data":{"group":0,"offset":0},"pc":0,"value":"[cast(fp + (-3), felt*)]"},{"ap_tracking_data":{"group":0,"offset":0},"pc":0,"value":"cast((1, 2 * [ap + 1]), (felt, felt))"}]},
"hints":{"0":[{"code":"ids.x = [1, 2][0] + 3 if ids.x else 4","accessible_scopes":["__main__"],"flow_tracking_data":{"ap_tracking":{"group":0,"offset":0},"reference_ids":{"__main__.x":0}}}]}}`

// TestParseProgramNames: members have exactly their names, once each.
func TestParseProgramNames(t *testing.T) {
	if _, err := ParseProgram([]byte(tinyProgram)); err != nil {
		t.Fatalf("the control is refused: %v", err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`"data"`, `"data":["0x1"],"data"`, `duplicate object member name "data"`},
		{`"prime"`, `"PRIME"`, "prime"},
		{`"type":"function"`, `"type":"label","type":"function"`, `duplicate object member name "type"`},
		{`}]}}`, `}]}}{}`, "after top-level value"},
	} {
		text := strings.Replace(tinyProgram, c.from, c.to, 1)
		if _, err := ParseProgram([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v, want one that says %q", c.to, c.from, err, c.want)
		}
	}
}

// FuzzProgram: any bytes are a program that runs to some end, or an error.
func FuzzProgram(f *testing.F) {
	f.Add([]byte(tinyProgram))
	f.Add([]byte(`{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","identifiers":{"__main__.main":null}}`))
	f.Add([]byte(`{"hints":{"0":[{"flow_tracking_data":{"reference_ids":{"a":-1}}}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProgram(b)
		if err != nil {
			return
		}
		for _, layout := range []string{"plain", "all_cairo"} {
			_, err := p.Run(RunOptions{Layout: layout, MaxSteps: 200, Trace: true})
			if err != nil && p.Describe(err) == "" {
				t.Error("an error without a text")
			}
		}
	})
}

// FuzzPython: any text is a hint that ends, or an error.
func FuzzPython(f *testing.F) {
	for _, s := range []string{
		"x = 1\nfor i in range(3):\n    x += i * 2 ** i\nelse:\n    x = -x",
		"def f(a: int, b=2) -> int:\n    return f(a - 1) if a > 0 else b\nids.x = f(5)",
		"vm_enter_scope({'a': [i for i in range(9) if i % 2]})\ny = {k: v for k, v in enumerate(a)}\nvm_exit_scope()",
		"memory[ap] = segments.gen_arg([1, [2, 3]]); assert 1 < 2 <= 3, f'no {1}'",
		"from starkware.python.math_utils import (isqrt, div_mod)\nz = sorted([3, 1], key=lambda x: -x)[::-1]\nwhile z: z.pop()",
		"(a, b), c = divmod(-7, 3), int.from_bytes(b'\\x01' + (5).to_bytes(2, 'little'), 'big')\ndel a",
		"1 << 999999999", "((((((((((1))))))))))", "x = [0] * 10 ** 9", "while 1: pass",
	} {
		f.Add(s)
	}
	p, err := ParseProgram([]byte(tinyProgram))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, code string) {
		m := NewMachine()
		m.Memory.Limit = 1 << 16
		m.AP, m.FP = 10, 10
		hint := &HintCode{Code: code, Scopes: []string{"__main__"}}
		scopes := NewScopes()
		ids := &IDs{p: p, hint: hint, refs: map[string]*reference{"x": &p.references[0]}, Input: []byte(`{"a":[1]}`), scopes: &scopes}
		run, err := parsePython(code)
		if err != nil {
			return
		}
		e := &pyEnv{m: m, ids: ids, budget: 1000}
		_, _ = run(e)
	})
}

// tinyPIE runs the tiny program without builtins and hints.
func tinyPIE(t testing.TB, p *Program) (*RunResult, []byte) {
	p.Hints, p.Builtins = nil, nil
	res, err := p.Run(RunOptions{Layout: "small", Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := res.WritePIE(&b, false); err != nil {
		t.Fatal(err)
	}
	return res, b.Bytes()
}

// A PIE runs as the run that it was made of, and is made of its own run again.
func TestPIE(t *testing.T) {
	p, err := ParseProgram([]byte(tinyProgram))
	if err != nil {
		t.Fatal(err)
	}
	want, archive := tinyPIE(t, p)
	got, err := RunPIE(archive, RunOptions{Layout: "small"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Steps != want.Steps || got.Steps != 2 {
		t.Errorf("%d steps of a PIE, want %d", got.Steps, want.Steps)
	}
	var again bytes.Buffer
	if err := got.WritePIE(&again, false); err != nil || !bytes.Equal(again.Bytes(), archive) {
		t.Errorf("the PIE of a PIE's run is another one (%v)", err)
	}
	if _, err := RunPIE(archive, RunOptions{Layout: "small", ProofMode: true}); err == nil {
		t.Error("a PIE ran in proof mode")
	}
}

// FuzzPIE: any bytes are a PIE that runs, or an error.
func FuzzPIE(f *testing.F) {
	p, err := ParseProgram([]byte(tinyProgram))
	if err != nil {
		f.Fatal(err)
	}
	_, archive := tinyPIE(f, p)
	f.Add(archive)
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if res, err := RunPIE(b, RunOptions{Layout: "small"}); err == nil && res == nil {
			t.Error("neither a result nor an error")
		}
	})
}

// FuzzStep runs arbitrary words as a program, with and without the fast path; both must come to the same state.
func FuzzStep(f *testing.F) {
	word := func(hex ...string) []byte {
		var out []byte
		for _, h := range hex {
			v := felt.MustHex(h)
			b := v.Bytes()
			out = append(out, b[16:]...)
		}
		return out
	}
	f.Add(word("0x480680017fff8000", "0x7", "0x48307fff7fff8000", "0x10780017fff7fff", "0x0"))
	f.Add(word("0x1104800180018000", "0x2", "0x208b7fff7fff7ffe"))
	f.Add(word("0x20780017fff7ffd", "0x4", "0x400780017fff8002", "0x5", "0x208b7fff7fff7ffe"))
	f.Fuzz(func(t *testing.T, b []byte) {
		type outcome struct {
			pc     Addr
			ap, fp uint64
			steps  uint64
			failed bool
			memory [4][40]Value
		}
		run := func(slow bool) (o outcome) {
			m := NewMachine()
			m.Memory.Limit = 1 << 16
			m.Tracing = true
			m.slow = slow
			for i := 0; i+16 <= len(b) && i < 16*30; i += 16 {
				_ = m.Memory.Insert(Addr{0, uint64(i / 16)}, FeltValue(felt.FromBytesReduce(b[i:i+16])))
			}
			data := m.Memory.AddSegment()
			rc, _ := m.AddBuiltin(BuiltinRangeCheck)
			_, _ = m.Memory.Load(Addr{1, 0}, UintValue(3), AddrValue(data), AddrValue(rc.Base), UintValue(0), AddrValue(Addr{1, 2}))
			m.AP, m.FP = 5, 5
			var err error
			for i := 0; i < 50 && err == nil; i++ {
				err = m.Step()
			}
			if err != nil {
				if _, ok := errors.AsType[*RunError](err); !ok {
					t.Fatalf("%T", err)
				}
			}
			o = outcome{pc: m.PC, ap: m.AP, fp: m.FP, steps: m.Steps, failed: err != nil}
			for s := range o.memory {
				for k := range o.memory[s] {
					if c := m.Memory.cell(Addr{int32(s), uint64(k)}); c != nil && c.Known() {
						o.memory[s][k] = c.Value()
					}
				}
			}
			return o
		}
		if fast, slow := run(false), run(true); fast != slow {
			t.Errorf("fast %+v\nslow %+v", fast, slow)
		}
	})
}

// What Python hints refuse, at its edge.
func TestPythonEdges(t *testing.T) {
	p, err := ParseProgram([]byte(tinyProgram))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code string
		want string // part of the error, "" for none
	}{
		{"x = int('7')", ""},
		{"x = int('x')", "invalid literal"},
		{"x = int('')", "invalid literal"},
		{"x = int('" + strings.Repeat("1", 20_000) + "')", ""},
		{"x = int('" + strings.Repeat("1", 20_001) + "')", "invalid literal"},
		{"x = int('z', 36)", ""},
		{"x = int('z', 37)", "bad base"},
		{"x = int('1', 1)", "bad base"},
		{"x = ids.pair", "is a tuple of 2"}, // of a type that is no struct
	} {
		run, err := parsePython(c.code)
		if err == nil {
			m := NewMachine()
			m.AP, m.FP = 10, 10
			refs := map[string]*reference{"x": &p.references[0], "pair": &p.references[1]}
			scopes := NewScopes()
			ids := &IDs{p: p, hint: &HintCode{Code: c.code, Scopes: []string{"__main__"}}, refs: refs, scopes: &scopes}
			_, err = run(&pyEnv{m: m, ids: ids, budget: 1_000_000})
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: %v, want %q", c.code, err, c.want)
		}
	}
}
