package compiler

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/internal/golden"
)

// TestMetadata compares the solvers' results for each statement with those of the official linear solvers.
func TestMetadata(t *testing.T) {
	checked := 0
	for _, c := range libfuncCases(t) {
		gas, ok := c.sections["gas_solution_linear"]
		if !ok {
			continue
		}
		options, p := caseOptions(t, &c)
		program, err := compileText(c.sections["sierra_code"], options)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		m := program.Metadata
		statements, functions := parseSolution(t, gas)
		for idx := range p.Statements {
			if got, want := m.gasVars[idx], statements[idx]; got != want {
				t.Errorf("%s: gas at statement %d: got %v, want %v", c.name, idx, got, want)
			}
		}
		for i := range p.Funcs {
			if got, want := m.FunctionCosts[i], functions[p.Funcs[i].Name]; got != want {
				t.Errorf("%s: cost of %s: got %v, want %v", c.name, p.Funcs[i].Name, got, want)
			}
		}
		ap, apFunctions := parseAPSolution(t, c.sections["ap_solution_linear"])
		for idx := range p.Statements {
			if got, want := m.apVars[idx], ap[idx]; got != want {
				t.Errorf("%s: ap at statement %d: got %d, want %d", c.name, idx, got, want)
			}
		}
		for i := range p.Funcs {
			want, known := apFunctions[p.Funcs[i].Name]
			if !known {
				want = -1
			}
			if got := m.FunctionAPChange[i]; got != want {
				t.Errorf("%s: ap change of %s: got %d, want %d", c.name, p.Funcs[i].Name, got, want)
			}
		}
		checked++
	}
	if checked != 10 {
		t.Errorf("%d cases, want 10", checked)
	}
}

var tokenAmount = regexp.MustCompile(`(\w+): (\d+)`)

// parseSolution reads the official gas solution: the amounts of each statement and function.
func parseSolution(t *testing.T, text string) (statements map[int]Costs, functions map[string]Costs) {
	statements, functions = map[int]Costs{}, map[string]Costs{}
	for line := range strings.Lines(text) {
		name, list, ok := strings.Cut(strings.TrimSpace(line), ": SmallOrderedMap({")
		if !ok {
			continue
		}
		var c Costs
		for _, m := range tokenAmount.FindAllStringSubmatch(list, -1) {
			for token, known := range tokenNames {
				if known == m[1] {
					c[token] = int64(number(t, m[2]))
				}
			}
		}
		if digits, statement := strings.CutPrefix(name, "#"); statement {
			statements[number(t, digits)] = c
		} else {
			functions[name] = c
		}
	}
	return statements, functions
}

// parseAPSolution reads the official solution of ap changes.
func parseAPSolution(t *testing.T, text string) (statements map[int]int, functions map[string]int) {
	statements, functions = map[int]int{}, map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		at := strings.LastIndex(line, ": ")
		if at < 0 {
			continue
		}
		if digits, statement := strings.CutPrefix(line[:at], "#"); statement {
			statements[number(t, digits)] = number(t, line[at+2:])
		} else {
			functions[line[:at]] = number(t, line[at+2:])
		}
	}
	return statements, functions
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEveryLibfuncHasARow checks that all libfuncs of the official lists, audited or not, can be compiled.
func TestEveryLibfuncHasARow(t *testing.T) {
	for _, list := range [...]string{"audited.json", "all.json"} {
		data, err := os.ReadFile(golden.Corpus(t, "libfunc-lists", list))
		if err != nil {
			t.Fatal(err)
		}
		var allowed struct {
			Names json.RawMessage `json:"allowed_libfuncs"` // names, or names with the version from which each is allowed
		}
		var names []string
		var versions map[string]any
		if err := json.Unmarshal(data, &allowed); err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(allowed.Names, &names) != nil {
			if err := json.Unmarshal(allowed.Names, &versions); err != nil {
				t.Fatal(err)
			}
			names = slices.Collect(maps.Keys(versions))
		}
		if len(names) < 200 {
			t.Errorf("%s: only %d names", list, len(names))
		}
		for _, name := range names {
			if !isSupported(name) {
				t.Errorf("%s: %s has no row", list, name)
			}
		}
	}
	if isSupported("no_such_libfunc") {
		t.Error("a libfunc that does not exist is supported")
	}
}

// TestReverseTopological checks that children come first, in the order of a depth-first search, and that cycles are found
// if asked for.
func TestReverseTopological(t *testing.T) {
	edges := map[sierra.StatementIdx][]sierra.StatementIdx{0: {1, 2}, 1: {3}, 2: {3}, 3: {}, 4: {2}}
	children := func(idx sierra.StatementIdx, out []sierra.StatementIdx) []sierra.StatementIdx {
		return append(out, edges[idx]...)
	}
	order, err := reverseTopological(5, true, children)
	if got, want := fmt.Sprint(order), "[3 2 1 0 4]"; err != nil || got != want {
		t.Errorf("order %v, error %v, want %v", got, err, want)
	}
	edges[3] = []sierra.StatementIdx{0}
	if _, err = reverseTopological(5, true, children); !isCode(err, codeGas) {
		t.Errorf("cycle: error %v", err)
	}
	if order, err = reverseTopological(5, false, children); err != nil || len(order) != 5 {
		t.Errorf("cycle allowed: order %v, error %v", order, err)
	}
}

// TestComputationSteps checks that a builtin takes two steps if used once and three if more often, and that fetching the
// price table takes four more.
func TestComputationSteps(t *testing.T) {
	for _, c := range []struct {
		usage       Costs
		table, none int
	}{
		{Costs{}, 0, 0},
		{Costs{Const: 5000}, 0, 0},
		{Costs{Pedersen: 1}, 2, 6},
		{Costs{Poseidon: 2}, 3, 7},
		{Costs{Bitwise: 1, EcOp: 9, Blake: 2}, 8, 12},
	} {
		if got := c.usage.computationSteps(true); got != c.table {
			t.Errorf("%v with the table: %d, want %d", c.usage, got, c.table)
		}
		if got := c.usage.computationSteps(false); got != c.none {
			t.Errorf("%v without the table: %d, want %d", c.usage, got, c.none)
		}
	}
}
