package compiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/internal/golden"
)

// compileText compiles a program in text form, without a bound of the bytecode.
func compileText(text string, options Options) (*Program, error) {
	p, err := sierra.ParseText(text)
	if err != nil {
		return nil, err
	}
	r, err := sierra.NewRegistry(p)
	if err != nil {
		return nil, err
	}
	options.MaxBytecode = math.MaxInt32
	return Compile(r, options)
}

// gasExamples are the examples that the official tests compile with gas accounting.
var gasExamples = []string{"fib_gas", "hash_chain_gas"}

// TestSierraExamples checks that the official examples compile to the text that the official compiler prints.
func TestSierraExamples(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden.Corpus(t, "sierra-examples"), "*.sierra"))
	if err != nil || len(paths) != 19 {
		t.Fatalf("%d examples, error %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".sierra")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(path, ".sierra") + ".casm")
			if err != nil {
				t.Fatal(err)
			}
			p, err := compileText(string(text), Options{NoGasCheck: !slices.Contains(gasExamples, name)})
			if err != nil {
				t.Fatal(err)
			}
			diffText(t, p.String(), string(want))
		})
	}
}

// diffText reports the first line that differs.
func diffText(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(strings.TrimSpace(got), "\n"), strings.Split(strings.TrimSpace(want), "\n")
	for i := range max(len(g), len(w)) {
		line := func(s []string) string {
			if i < len(s) {
				return strings.TrimRight(s[i], " ")
			}
			return "(end)"
		}
		if line(g) != line(w) {
			t.Errorf("line %d of %d: got %q, want %q", i+1, len(w), line(g), line(w))
			return
		}
	}
}

// libfuncCase is a case of the official tests; most cases test one libfunc.
type libfuncCase struct {
	name     string
	sections map[string]string
}

// libfuncCases reads the official cases from the corpus.
func libfuncCases(t *testing.T) (cases []libfuncCase) {
	root := golden.Corpus(t, "libfuncs")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for i, one := range strings.Split(string(text), "//! > ==========================================================================") {
			c := libfuncCase{sections: map[string]string{}}
			title := ""
			for k, section := range strings.Split("\n"+one, "\n//! > ") {
				name, body, _ := strings.Cut(section, "\n")
				if k == 1 {
					title = name
				}
				c.sections[strings.TrimSpace(name)] = strings.TrimSpace(body)
			}
			c.name = fmt.Sprintf("%s/%02d %s", rel, i, title)
			if c.sections["sierra_code"] == "" {
				return fmt.Errorf("%s: no sierra_code", c.name)
			}
			cases = append(cases, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestLibfuncs checks that the official cases compile to the text and the function costs of the official compiler.
func TestLibfuncs(t *testing.T) {
	cases := libfuncCases(t)
	if len(cases) != 382 {
		t.Errorf("%d cases, want 382", len(cases))
	}
	for _, c := range cases {
		if err := checkLibfuncCase(t, &c); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// caseOptions returns the options of a case, which fix the costs of some functions, and its program.
func caseOptions(t *testing.T, c *libfuncCase) (Options, *sierra.Program) {
	t.Helper()
	options := Options{FunctionCosts: map[sierra.FuncID]int64{}}
	p, err := sierra.ParseText(c.sections["sierra_code"])
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	for line := range strings.Lines(c.sections["enforced_costs"]) {
		fields := strings.Fields(line)
		cost, err := strconv.ParseInt(fields[1], 10, 64)
		i := slices.IndexFunc(p.Funcs, func(f sierra.Function) bool { return f.Name == fields[0] })
		if err != nil || i < 0 {
			t.Fatalf("%s: cannot apply %q: %v", c.name, line, err)
		}
		options.FunctionCosts[sierra.FuncID(i)] = cost
	}
	return options, p
}

// checkLibfuncCase compares the compiled case with the official text and costs.
func checkLibfuncCase(t *testing.T, c *libfuncCase) error {
	options, p := caseOptions(t, c)
	want := c.sections["casm"]
	program, err := compileText(c.sections["sierra_code"], options)
	if strings.HasPrefix(want, "failing with") {
		if err == nil {
			return fmt.Errorf("compiles, but the official compiler is %s", want)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(program.String()); got != want {
		g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := range max(len(g), len(w)) {
			if i >= len(g) || i >= len(w) {
				return fmt.Errorf("%d lines, want %d", len(g), len(w))
			}
			if g[i] != w[i] {
				return fmt.Errorf("line %d: got %q, want %q", i+1, g[i], w[i])
			}
		}
	}
	wantCosts, has := c.sections["function_costs"]
	if !has {
		return nil
	}
	var got, costs []string
	for i := range p.Funcs {
		var parts []string
		for token, n := range program.Metadata.FunctionCosts[i] {
			if n != 0 {
				parts = append(parts, fmt.Sprintf("%v: %d", Token(token), n))
			}
		}
		sort.Strings(parts)
		got = append(got, p.Funcs[i].Name+": "+strings.Join(parts, ", "))
	}
	for line := range strings.Lines(wantCosts) {
		name, list, _ := strings.Cut(strings.TrimSpace(line), ": SmallOrderedMap({")
		parts := strings.Split(strings.TrimSuffix(list, "})"), ", ")
		sort.Strings(parts)
		costs = append(costs, name+": "+strings.Join(parts, ", "))
	}
	if !slices.Equal(got, costs) {
		return fmt.Errorf("costs %q, want %q", got, costs)
	}
	return nil
}

// classPair is a class and its compiled class from the official compiler 2.20.0.
type classPair struct{ name, class, compiled string }

// classPairs returns the classes of the corpus.
func classPairs(t testing.TB) (pairs []classPair) {
	for _, dir := range [...]string{golden.Corpus(t, "sierra-casm"), golden.Corpus(t, "contracts", "sierra-casm")} {
		found, err := filepath.Glob(filepath.Join(dir, "*.compiled_contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			base := strings.TrimSuffix(path, ".compiled_contract_class.json")
			pairs = append(pairs, classPair{filepath.Base(base), base + ".contract_class.json", path})
		}
	}
	if want := golden.Count(t, 40, 13); len(pairs) != want {
		t.Fatalf("%d classes in the corpus, want %d", len(pairs), want)
	}
	return pairs
}

// TestClasses checks that whole contracts compile to the official compiler's JSON, byte for byte.
func TestClasses(t *testing.T) {
	for _, pair := range classPairs(t) {
		t.Run(pair.name, func(t *testing.T) {
			got, err := compileFile(pair.class)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(pair.compiled)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, data); err != nil {
				t.Fatal(err)
			}
			if w := want.Bytes(); !bytes.Equal(got, w) {
				i := 0
				for i < len(got) && i < len(w) && got[i] == w[i] {
					i++
				}
				t.Fatalf("differs at byte %d of %d: got …%.160s, want …%.160s", i, len(w), got[max(0, i-60):], w[max(0, i-60):])
			}
		})
	}
}

func compileFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	class, err := sierra.DecodeClass(data)
	if err != nil {
		return nil, err
	}
	compiled, err := CompileClass(class, Options{})
	if err != nil {
		return nil, err
	}
	return compiled.AppendJSON(nil, true), nil
}

// TestWideSelector checks that a selector of at least the prime is copied from the Sierra class to the compiled class in
// lower case, without leading zeros, as the official compiler does. Such a class compiles but cannot be declared.
func TestWideSelector(t *testing.T) {
	base := filepath.Join(golden.ModuleRoot(t), "contracts", "classes", "erc20")
	source, err := os.ReadFile(base + ".contract_class.json")
	if err != nil {
		t.Fatal(err)
	}
	normal, err := compileFile(base + ".contract_class.json")
	if err != nil {
		t.Fatal(err)
	}
	class, err := sierra.DecodeClass(source)
	if err != nil {
		t.Fatal(err)
	}
	last := class.EntryPoints.External[len(class.EntryPoints.External)-1].SelectorHex()
	for written, want := range map[string]string{
		"0x800000000000011000000000000000000000000000000000000000000000000":    "0x800000000000011000000000000000000000000000000000000000000000000",
		"0x800000000000011000000000000000000000000000000000000000000000001":    "0x800000000000011000000000000000000000000000000000000000000000001",
		"0x0800000000000011000000000000000000000000000000000000000000000A3F":   "0x800000000000011000000000000000000000000000000000000000000000a3f",
		"0x10000000000000000000000000000000000000000000000000000000000000000":  "0x10000000000000000000000000000000000000000000000000000000000000000",
		"0x+1000000000000000000000000000000000000000000000000000000000_000000": "0x1000000000000000000000000000000000000000000000000000000000000000",
	} {
		path := filepath.Join(t.TempDir(), "wide.contract_class.json")
		if err := os.WriteFile(path, bytes.Replace(source, []byte(last), []byte(written), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := compileFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if w := bytes.Replace(normal, []byte(`"`+last+`"`), []byte(`"`+want+`"`), 1); bytes.Equal(w, normal) || !bytes.Equal(got, w) {
			t.Errorf("%s: no %s where %s was, or another difference", written, want, last)
		}
		if os.Getenv("STARKD_SIERRA_COMPILE") != "" {
			if theirs, complaint := official(t, path); !bytes.Equal(got, theirs) {
				t.Errorf("%s: the official compiler's class differs: %.300s", written, complaint)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		class, err := sierra.DecodeClass(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := class.CheckDeclarable(); (err == nil) != (class.EntryPoints.External[len(class.EntryPoints.External)-1].Wide == nil) {
			t.Errorf("%s: declarable: %v", written, err)
		}
	}
}

// TestRejected checks that classes which the official compiler rejects return a ClassError.
func TestRejected(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden.Corpus(t, "contracts", "refused"), "*.contract_class.json"))
	if err != nil || len(paths) != 17 {
		t.Fatalf("%d classes, error %v", len(paths), err)
	}
	for _, path := range paths {
		_, err := compileFile(path)
		if _, ok := errors.AsType[*sierra.ClassError](err); !ok {
			t.Errorf("%s: error %v, want a ClassError", filepath.Base(path), err)
			continue
		}
		official, _ := os.ReadFile(strings.TrimSuffix(path, ".contract_class.json") + ".error.txt")
		t.Logf("%s: %v (official: %.150s)", filepath.Base(path), err, strings.TrimSpace(string(official)))
	}
}

// BenchmarkCompileClass compiles the largest class of the corpus (22,742 felts).
func BenchmarkCompileClass(b *testing.B) {
	data, err := os.ReadFile(golden.Corpus(b, "sierra-casm", "libfuncs_coverage__libfuncs_coverage.contract_class.json"))
	if err != nil {
		b.Fatal(err)
	}
	class, err := sierra.DecodeClass(data)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := CompileClass(class, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
