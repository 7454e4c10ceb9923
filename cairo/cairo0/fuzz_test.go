package cairo0

import (
	"bytes"
	"strings"
	"testing"
)

const tinyProgram = `{"prime":"0x800000000000011000000000000000000000000000000000000000000000001","builtins":["output"],
"data":["0x480680017fff8000","0x7","0x208b7fff7fff7ffe"],
"identifiers":{"__main__.main":{"type":"function","pc":0},"__main__.x":{"type":"reference","cairo_type":"felt"},"__main__.S":{"type":"struct","size":1,"members":{"a":{"cairo_type":"felt","offset":0}}}},
"reference_manager":{"references":[{"ap_tracking_data":{"group":0,"offset":0},"pc":0,"value":"[cast(fp + (-3), felt*)]"},{"ap_tracking_data":{"group":0,"offset":0},"pc":0,"value":"cast((1, 2 * [ap + 1]), (felt, felt))"}]},
"hints":{"0":[{"code":"ids.x = [1, 2][0] + 3 if ids.x else 4","accessible_scopes":["__main__"],"flow_tracking_data":{"ap_tracking":{"group":0,"offset":0},"reference_ids":{"__main__.x":0}}}]}}`

// TestParseProgramNames checks that JSON members must have their exact names and must not be repeated.
func TestParseProgramNames(t *testing.T) {
	if _, err := ParseProgram([]byte(tinyProgram)); err != nil {
		t.Fatalf("the unchanged program: %v", err)
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

// FuzzProgram checks that any bytes are an error or a program that runs to an end or an error, without a panic.
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

// TestPIE checks that a PIE runs like its original run, and that the PIE of that run is the same.
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
		t.Errorf("the PIE of a PIE's run differs (%v)", err)
	}
	if _, err := RunPIE(archive, RunOptions{Layout: "small", ProofMode: true}); err == nil {
		t.Error("a PIE ran in proof mode")
	}
}

// FuzzPIE checks that any bytes are a PIE that runs, or an error.
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
