package compiler

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/internal/golden"
)

// TestLibfuncTable checks docs/libfuncs.md: all libfuncs of the official list, the tests that compile each and those that
// run it.
func TestLibfuncTable(t *testing.T) {
	data, err := os.ReadFile(golden.Corpus(t, "libfunc-lists", "all.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Allowed []string `json:"allowed_libfuncs"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	cases, classes, runs := compiledCases(t), compiledClasses(t), executed(t)
	if p, err := sierra.ParseText(unaudited); err != nil {
		t.Fatal(err)
	} else {
		cases.invoked(p, "TestUnaudited")
	}
	var b strings.Builder
	var compiled, ran, supported int
	rows := slices.Sorted(slices.Values(list.Allowed))
	for _, name := range rows {
		since := "no"
		if v, ok := sierra.Audited(name); ok {
			if since = "all"; v != (sierra.Version{}) {
				since = fmt.Sprintf("%d.%d", v.Major, v.Minor)
			}
		}
		implemented := "no"
		if isSupported(name) {
			implemented = "yes"
			supported++
		}
		if len(cases[name])+len(classes[name]) > 0 {
			compiled++
		}
		if len(runs[name]) > 0 {
			ran++
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", name, since, implemented, some(cases[name]), some(classes[name]), some(runs[name]))
	}
	head := fmt.Sprintf(`# Libfuncs

The %d libfuncs of the official compiler 2.20.0, written by TestLibfuncTable (cairo/compiler/table_test.go; -update
rewrites it). "Audited" is the Sierra version from which declared classes may use it, or no. "Cases" are the corpus's libfuncs/,
compiled to the official CASM text and costs, and TestUnaudited (reject_test.go), compiled to the official CASM; "classes" its
sierra-casm/ and contracts/, compiled to the official JSON, byte for byte; "runs" are the programs of cairo/compiler/testdata/run that
execute it and whose results, panic data and gas equal the official runner's. Each cell has the first test and the number of
the others.

%d are implemented, %d compiled in a test, %d run in a test. Two are not among the runs: meta_tx_v0_syscall, which the official runner
does not support (the differential tests of cairo/native run it on both engines, TestMetaTransaction in app/executor checks its effect), and
unsafe_panic, whose assertion ends every run, so that there is no result to compare.

| libfunc | audited | implemented | cases | classes | runs |
|---|---|---|---|---|---|
`, len(rows), supported, compiled, ran)
	golden.Equal(t, "../../../docs/libfuncs.md", []byte(head+b.String()))
	if supported != len(rows) {
		t.Errorf("%d of %d libfuncs are implemented", supported, len(rows))
	}
}

// some returns the first test of a set and the number of the others.
func some(set map[string]bool) string {
	names := slices.Sorted(maps.Keys(set))
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return fmt.Sprintf("%s +%d", names[0], len(names)-1)
}

type coverage map[string]map[string]bool // for each libfunc, the tests that cover it

func (c coverage) add(generic, test string) {
	if c[generic] == nil {
		c[generic] = map[string]bool{}
	}
	c[generic][test] = true
}

// invoked adds the libfuncs that a program's statements invoke.
func (c coverage) invoked(p *sierra.Program, test string) {
	generics := make(map[sierra.LibfuncID]string)
	for i := range p.Libfuncs {
		generics[p.Libfuncs[i].ID] = p.Libfuncs[i].LongID.Generic
	}
	for i := range p.Statements {
		if s := &p.Statements[i]; !s.Return {
			c.add(generics[s.Libfunc], test)
		}
	}
}

// compiledCases returns the libfuncs in the official cases.
func compiledCases(t *testing.T) coverage {
	c := coverage{}
	for _, one := range libfuncCases(t) {
		p, err := sierra.ParseText(one.sections["sierra_code"])
		if err != nil {
			t.Fatalf("%s: %v", one.name, err)
		}
		file, _, _ := strings.Cut(one.name, " ")
		c.invoked(p, file)
	}
	return c
}

// compiledClasses returns the libfuncs in the classes of the corpus.
func compiledClasses(t *testing.T) coverage {
	c := coverage{}
	for _, pair := range classPairs(t) {
		data, err := os.ReadFile(pair.class)
		if err != nil {
			t.Fatal(err)
		}
		class, err := sierra.DecodeClass(data)
		if err != nil {
			t.Fatal(err)
		}
		p, err := class.Program()
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Base(filepath.Dir(pair.class))
		if parent := filepath.Base(filepath.Dir(filepath.Dir(pair.class))); parent == "contracts" {
			dir = parent
		}
		c.invoked(p, dir+"/"+pair.name)
	}
	return c
}

// executed runs the programs in testdata/run and returns the libfuncs of the executed statements.
func executed(t *testing.T) coverage {
	c := coverage{}
	for _, one := range runCases(t) {
		r := newMainRun(t, &one)
		offsets := r.program.Offsets
		statements := r.registry.Program.Statements
		done := make([]bool, len(statements))
		r.visited = func(pc uint64) {
			// Mark the statement with this code and the statements without code that lead to it.
			idx := sort.Search(len(statements), func(i int) bool { return offsets[i+1] > int(pc) })
			for idx < len(statements) && !done[idx] {
				done[idx] = true
				if idx == 0 || offsets[idx-1] != offsets[idx] || offsets[idx] != int(pc) {
					break
				}
				idx--
			}
		}
		r.run(t, one.gas)
		for idx := range statements {
			if s := &statements[idx]; done[idx] && !s.Return {
				c.add(r.registry.Libfunc(s.Libfunc).Generic, one.name)
			}
		}
	}
	return c
}
