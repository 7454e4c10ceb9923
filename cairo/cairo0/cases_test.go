package cairo0

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/internal/golden"
)

// vmCase is a case of the corpus's vm-cases: a program and the results of both official runners.
type vmCase struct {
	ID           string
	Kind         string
	Program      string
	Layout       string
	LayoutParams string `json:"layout_params"`
	ProofMode    bool   `json:"proof_mode"`
	PythonOnly   bool   `json:"python_only"`
	Expect       struct {
		Fail       bool
		PC         string
		PCAny      []string `json:"pc_any"`
		Message    string
		MessageAlt []string `json:"message_alt"`
		Trace      string   `json:"trace_sha256"`
		Memory     string   `json:"memory_sha256"`
		MemoryAlt  [][]any  `json:"memory_alt"`
		Output     []string
		Public     json.RawMessage
		PublicAlt  []json.RawMessage `json:"public_alt"`
		Private    json.RawMessage
		PrivateAlt []json.RawMessage          `json:"private_alt"`
		Members    map[string]json.RawMessage `json:"members"`
	}
}

func loadCases(t *testing.T) (dir string, cases []vmCase) {
	dir = golden.Corpus(t, "vm-cases")
	var file struct{ Cases []vmCase }
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "cases.json")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 36 {
		t.Fatalf("%d cases, want 36", len(file.Cases))
	}
	return dir, file.Cases
}

var hexNumber = regexp.MustCompile(`^0[xX][0-9a-fA-F]+$`)

// normal drops nulls and writes hex numbers without leading zeros, as check_vm.py does.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil {
				delete(v, k)
			} else {
				v[k] = normal(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case string:
		if hexNumber.MatchString(v) {
			n, _ := new(big.Int).SetString(v[2:], 16)
			return "0x" + n.Text(16)
		}
	}
	return v
}

func normalJSON(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return normal(v)
}

// canonicalHash returns the hash of JSON with sorted keys and no spaces.
func canonicalHash(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return hash(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// TestCases compares the runs of the corpus's vm-cases with those of the official runners.
func TestCases(t *testing.T) {
	dir, cases := loadCases(t)
	for _, c := range cases {
		if c.Kind != "run" && c.Kind != "fail" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			opt := RunOptions{Layout: c.Layout, ProofMode: c.ProofMode, Trace: true}
			if c.LayoutParams != "" {
				opt.LayoutParams = readFile(t, filepath.Join(dir, c.LayoutParams))
			}
			p, err := ParseProgram(readFile(t, filepath.Join(dir, c.Program)))
			if err != nil {
				t.Fatal(err)
			}
			res, err := p.Run(opt)
			if c.Expect.Fail {
				checkFailure(t, c, p, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkRun(t, c, res)
		})
	}
}

func checkFailure(t *testing.T, c vmCase, p *Program, err error) {
	if err == nil {
		t.Fatal("the run succeeded")
	}
	text := p.Describe(err)
	want := c.Expect.PCAny
	if c.Expect.PC != "" {
		want = append(want, c.Expect.PC)
	}
	if step, ok := errors.AsType[*machine.RunError](err); len(want) > 0 && (!ok || !slices.Contains(want, step.PC.String())) {
		t.Errorf("%s\nwant pc %v", text, want)
	}
	if msg := append([]string{c.Expect.Message}, c.Expect.MessageAlt...); !slices.ContainsFunc(msg, func(m string) bool { return strings.Contains(text, m) }) {
		t.Logf("%s\nofficial: %s", text, msg)
	}
}

func checkRun(t *testing.T, c vmCase, res *RunResult) {
	checkFiles(t, res)
	var trace, memory bytes.Buffer
	if err := res.Trace.WriteRegisters(&trace); err != nil {
		t.Fatal(err)
	}
	if err := res.Trace.Memory.WriteMemory(&memory); err != nil {
		t.Fatal(err)
	}
	if got := hash(trace.Bytes()); got != c.Expect.Trace {
		t.Errorf("trace of %d bytes differs", trace.Len())
	}
	ok := hash(memory.Bytes()) == c.Expect.Memory
	for _, alt := range c.Expect.MemoryAlt {
		ok = ok || len(alt) > 0 && alt[0] == hash(memory.Bytes())
	}
	if !ok {
		t.Errorf("memory of %d bytes differs", memory.Len())
	}
	if !slices.Equal(res.Output, c.Expect.Output) {
		t.Errorf("output %v, want %v", res.Output, c.Expect.Output)
	}
	if c.Expect.Public != nil {
		b, err := json.Marshal(res.Trace.Public)
		if err != nil {
			t.Fatal(err)
		}
		head := normalJSON(t, b).(map[string]any)
		cells := head["public_memory"].([]any)
		delete(head, "public_memory")
		got := map[string]any{"head": head, "n_public_memory": json.Number(big.NewInt(int64(len(cells))).String()), "public_memory_sha256": canonicalHash(t, cells)}
		equalToAny(t, "public input", got, c.Expect.Public, c.Expect.PublicAlt)
	}
	if c.Expect.Private != nil {
		b, err := res.Trace.Private.JSON("t", "m")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		for k, v := range normalJSON(t, b).(map[string]any) {
			n := 1
			switch v := v.(type) {
			case []any:
				n = len(v)
			case map[string]any:
				list, _ := v["instances"].([]any)
				n = len(list)
			}
			if list, ok := v.([]any); k == "trace_path" || k == "memory_path" || ok && len(list) == 0 {
				continue
			}
			got[k] = map[string]any{"n": json.Number(big.NewInt(int64(n)).String()), "sha256": canonicalHash(t, v)}
		}
		equalToAny(t, "private input", got, c.Expect.Private, c.Expect.PrivateAlt)
	}
}

func equalToAny(t *testing.T, what string, got any, want json.RawMessage, alt []json.RawMessage) {
	t.Helper()
	for _, w := range append([]json.RawMessage{want}, alt...) {
		if reflect.DeepEqual(got, normalJSON(t, w)) {
			return
		}
	}
	t.Errorf("%s\n got %v\nwant %s", what, got, want)
}

// TestStoneCases runs the programs of the corpus's proofs and compares trace, memory, public and private input.
func TestStoneCases(t *testing.T) {
	dirs, _ := filepath.Glob(filepath.Join(golden.Corpus(t, "stone-cases"), "*", "program.json"))
	if len(dirs) < 7 {
		t.Fatalf("%d stone cases, want 7", len(dirs))
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var meta struct{ Layout string }
			if err := json.Unmarshal(readFile(t, filepath.Join(dir, "meta.json")), &meta); err != nil {
				t.Fatal(err)
			}
			p, err := ParseProgram(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			// cairo-run made these files; it does not fill the holes of builtins.
			res, err := p.Run(RunOptions{Layout: meta.Layout, ProofMode: true, KeepHoles: true})
			if err != nil {
				t.Fatal(err)
			}
			checkFiles(t, res)
			wantTrace, wantMemory := gunzip(t, dir+"/trace.bin.gz"), gunzip(t, dir+"/memory.bin.gz")
			var trace, memory bytes.Buffer
			if err := res.Trace.WriteRegisters(&trace); err != nil {
				t.Fatal(err)
			}
			if err := res.Trace.Memory.WriteMemory(&memory); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(trace.Bytes(), wantTrace) {
				t.Errorf("trace of %d bytes differs from %d", trace.Len(), len(wantTrace))
			}
			if !bytes.Equal(memory.Bytes(), sortRecords(wantMemory)) {
				t.Errorf("memory of %d bytes differs from %d", memory.Len(), len(wantMemory))
			}
			public, private := readFile(t, dir+"/air_public_input.json"), readFile(t, dir+"/air_private_input.json")
			got, err := json.Marshal(res.Trace.Public)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := normalJSON(t, got), normalJSON(t, public); !reflect.DeepEqual(a, b) {
				t.Errorf("public input\n got %v\nwant %v", a, b)
			}
			if got, err = res.Trace.Private.JSON("trace.bin", "memory.bin"); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, private) {
				t.Errorf("private input of %d bytes differs from %d", len(got), len(private))
			}
			loaded, err := cairo.LoadTrace(public, private, wantTrace, wantMemory)
			if err != nil {
				t.Fatal(err)
			}
			loaded.Public.DynamicParams = nil
			if !reflect.DeepEqual(loaded.Registers, res.Trace.Registers) || !reflect.DeepEqual(loaded.Memory, res.Trace.Memory) ||
				!reflect.DeepEqual(loaded.Public, res.Trace.Public) || !reflect.DeepEqual(loaded.Private, res.Trace.Private) {
				t.Error("the loaded trace differs from the run's")
			}
		})
	}
}

func sortRecords(b []byte) []byte {
	recs := slices.Collect(slices.Chunk(b, 40))
	slices.SortFunc(recs, func(a, b []byte) int {
		for i := 7; i >= 0; i-- {
			if a[i] != b[i] {
				return int(a[i]) - int(b[i])
			}
		}
		return 0
	})
	return bytes.Join(recs, nil)
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNativeHints compares runs that use native implementations of hints with runs that interpret all hints.
func TestNativeHints(t *testing.T) {
	dir, cases := loadCases(t)
	used := make(map[string]bool)
	for _, c := range cases {
		if c.Kind != "run" || c.ProofMode {
			continue
		}
		p, err := ParseProgram(readFile(t, filepath.Join(dir, c.Program)))
		if err != nil {
			t.Fatal(err)
		}
		interpreted := make(map[string]ProgramHint)
		for _, list := range p.Hints {
			for _, h := range list {
				interpreted[h.Code] = interpretHint(h.Code)
				used[hintKey(h.Code)] = true
			}
		}
		a, err := p.Run(RunOptions{Layout: c.Layout, Trace: true})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Run(RunOptions{Layout: c.Layout, Trace: true, Hints: interpreted})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a.Trace, b.Trace) {
			t.Errorf("%s: the runs differ", c.ID)
		}
	}
	n := 0
	for key := range nativeHints {
		if used[key] {
			n++
		}
	}
	if n < 20 {
		t.Errorf("only %d of %d native hints were used", n, len(nativeHints))
	}
}
