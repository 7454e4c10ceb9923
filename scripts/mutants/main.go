// Command mutants measures what the tests notice: it changes one token of a package at a time and runs the tests that should then fail.
//
//	mutants [-sample N] [-seed S] [-state FILE] [-quick] [-again] [-for DURATION] [-list] [PACKAGE…]
//
// It takes a sample of each package's mutants, the same for the same seed. For each it runs the tests of the package and then those of the
// packages that the table targets names. It prints how many mutants were killed: a test failed twice or did not end in time. Mutants that
// do not compile are not counted. Survivors in explained.txt (usually equivalent programs) are counted separately. The work tree is not
// changed: changed files are overlaid with `go test -overlay`, all mutants of functions in one build (together.go).
//
// With -state, verdicts are stored in a file, and mutants with a verdict are not run again. -for ends the program after a given time, so
// that a run can be split. -quick runs only the quick tests of a package; -again then runs the survivors with all tests, which is also
// useful after a test was added. The following takes a few minutes for a sample:
//
//	go run ./scripts/mutants -state /tmp/rpc.jsonl -quick rpc && go run ./scripts/mutants -state /tmp/rpc.jsonl -again rpc
package main

import (
	"bufio"
	"cmp"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// target is a package and the packages whose tests run after its own.
type target struct {
	pkg    string
	others []string
}

// targets lists the packages that are mutated if none is given.
var targets = []target{
	{"app/executor", []string{"app", "scripts/blockifier"}},
	{"app/state", []string{"app"}},
	{"prover/block/statement", nil},
	{"watcher", nil},
	{"rpc", nil},
	{"rpc/jsonrpc", []string{"rpc"}},
	{"rpc/client", []string{"rpc"}},
	{"cairo/machine", []string{"cairo/vm", "cairo/cairo0"}},
	{"cairo/cairo0", nil},
	{"cairo/cairo0/pyhint", []string{"cairo/cairo0"}},
	{"cairo/vm", []string{"scripts/blockifier"}},
}

//go:embed explained.txt
var explained string

// Verdicts.
const (
	killed    = "killed"
	survived  = "survived"
	excused   = "explained"
	notViable = "does not compile"
)

// verdict is a line of the state file.
type verdict struct {
	Key     string  `json:"key"`
	Mutant  string  `json:"mutant"`
	Verdict string  `json:"verdict"`
	By      string  `json:"by,omitempty"` // the package and the test that failed
	Seconds float64 `json:"seconds"`

	Tests map[string]float64 `json:"tests,omitempty"` // seconds of each test without a change; set in the line "the tests of PACKAGE" only
}

// program is the state of a run of this program.
type program struct {
	root     string // of the module
	dir      string // for temporary files
	seed     uint64
	sample   int
	again    bool // whether survivors are run again
	quick    bool // whether only the quick tests run
	deadline time.Time
	known    map[string]verdict
	state    *os.File
	suites   map[string]*suite // by package, of the current target
	excuses  map[string]string
}

func main() {
	p := &program{known: map[string]verdict{}}
	flag.IntVar(&p.sample, "sample", 30, "number of mutants of each package, 0 for all")
	flag.Uint64Var(&p.seed, "seed", 1, "seed of the sample")
	state := flag.String("state", "", "file of verdicts, to resume a run")
	length := flag.Duration("for", 0, "end after this time")
	flag.BoolVar(&p.again, "again", false, "run the survivors in the state file again, with new tests")
	flag.BoolVar(&p.quick, "quick", false, "run only the quick tests of each package; run the survivors with -again later")
	list := flag.Bool("list", false, "list the sample without running it")
	flag.Parse()
	if *length > 0 {
		p.deadline = time.Now().Add(*length)
	}
	if err := p.run(*state, *list, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func (p *program) run(state string, list bool, packages []string) (err error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	p.root = filepath.Dir(strings.TrimSpace(string(out)))
	if p.dir, err = os.MkdirTemp("", "mutants"); err != nil {
		return err
	}
	defer os.RemoveAll(p.dir)
	if p.excuses, err = parseExplained(explained); err != nil {
		return err
	}
	if err := p.open(state); err != nil {
		return err
	}
	for _, t := range targets {
		if len(packages) > 0 && !slices.Contains(packages, t.pkg) {
			continue
		}
		all, err := p.mutants(t.pkg)
		if err != nil {
			return err
		}
		chosen := choose(all, p.sample, p.seed)
		if list {
			for _, m := range chosen {
				fmt.Println(m)
			}
			continue
		}
		if err := p.judge(t, chosen); err != nil {
			return err
		}
		p.report(t, len(all), chosen)
	}
	return nil
}

// open reads the verdicts of earlier runs.
func (p *program) open(state string) error {
	if state == "" {
		return nil
	}
	f, err := os.OpenFile(state, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v verdict
		if json.Unmarshal(lines.Bytes(), &v) == nil { // the last line of an interrupted run may be incomplete
			p.known[v.Key] = v
		}
	}
	p.state = f
	return lines.Err()
}

// choose returns a random sample of n mutants, the same for the same seed.
func choose(all []*mutant, n int, seed uint64) []*mutant {
	if n <= 0 || n >= len(all) {
		return all
	}
	// The rank depends only on the mutant, so that a larger sample contains the smaller one and a new line changes few ranks.
	rank := func(m *mutant) uint64 {
		h := fnv.New64a()
		h.Write([]byte(m.Name()))
		return rand.New(rand.NewPCG(seed, h.Sum64())).Uint64()
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b *mutant) int {
		if x, y := rank(a), rank(b); x != y {
			if x < y {
				return -1
			}
			return 1
		}
		return 0
	})
	return all[:n]
}

// judge runs the mutants without a verdict.
func (p *program) judge(t target, chosen []*mutant) error {
	var left []*mutant
	for _, m := range chosen {
		_, explained := p.excuses[m.Name()]
		if v, ok := p.known[m.Key()]; !ok || !explained && p.again && v.Verdict == survived {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return nil
	}
	overlay, number, err := p.together(t.pkg, left)
	if err != nil {
		return err
	}
	p.suites = map[string]*suite{}
	for _, m := range left {
		if !p.deadline.IsZero() && time.Now().After(p.deadline) {
			return nil
		}
		began := time.Now()
		v := verdict{Key: m.Key(), Mutant: m.String(), Verdict: notViable}
		if m.in == nil || number[m] > 0 {
			if v.Verdict, v.By, err = p.try(t, m, overlay, number[m]); err != nil {
				return err
			}
		}
		v.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
		fmt.Printf("%-16s %s  [%s, %.1f s]\n", v.Verdict, v.Mutant, cmp.Or(v.By, "no test"), v.Seconds)
		if err := p.note(v); err != nil {
			return err
		}
	}
	return nil
}

// note stores a verdict.
func (p *program) note(v verdict) error {
	p.known[v.Key] = v
	if p.state == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.state.Write(append(line, '\n'))
	return err
}

// try runs the tests on a mutant: the tests compiled with all mutants or, for a mutant outside of functions, compiled with it alone.
func (p *program) try(t target, m *mutant, overlay string, number int) (result, by string, err error) {
	for _, pkg := range append([]string{t.pkg}, t.others...) {
		s := p.suites[pkg]
		if s == nil {
			if s, err = p.suite(pkg, overlay); err != nil {
				return "", "", err
			}
			p.suites[pkg] = s
		}
		binary := s.binary
		if m.in == nil {
			file := filepath.Join(p.dir, "mutant.go")
			if err := os.WriteFile(file, m.Source(), 0o644); err != nil {
				return "", "", err
			}
			alone, err := p.overlay("alone.json", map[string]string{m.path: file})
			if err != nil {
				return "", "", err
			}
			binary = filepath.Join(p.dir, "alone.test")
			if _, err := p.compile(pkg, alone, binary); err != nil {
				return notViable, "", nil
			}
		}
		if test := s.kills(binary, number, p.quick); test != "" {
			return killed, pkg + " " + test, nil
		}
	}
	return survived, "", nil
}

// report prints the verdicts of a package's sample.
func (p *program) report(t target, all int, chosen []*mutant) {
	count := map[string]int{}
	var left []*mutant
	for _, m := range chosen {
		v, ok := p.known[m.Key()]
		if !ok {
			count["not run"]++
			continue
		}
		if v.Verdict == survived {
			if _, ok := p.excuses[m.Name()]; ok {
				v.Verdict = excused
			} else {
				left = append(left, m)
			}
		}
		count[v.Verdict]++
	}
	judged := count[killed] + count[survived]
	percent := 100.0
	if judged > 0 {
		percent = 100 * float64(count[killed]) / float64(judged)
	}
	fmt.Printf("%s: %d mutants, %d taken: %d killed, %d survived, %d explained, %d do not compile, %d not run: %.0f %% killed\n",
		t.pkg, all, len(chosen), count[killed], count[survived], count[excused], count[notViable], count["not run"], percent)
	for _, m := range left {
		fmt.Printf("    survived: %s\n", m)
	}
}

// parseExplained reads explained.txt: lines "FILE: FUNCTION: LINE OF SOURCE: OLD → NEW", followed by indented lines with the reason why no
// test can notice these mutants.
func parseExplained(text string) (map[string]string, error) {
	out := map[string]string{}
	var names []string
	reasoned := false
	for n, line := range strings.Split(text, "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			if len(names) == 0 {
				return nil, fmt.Errorf("explained.txt:%d: a reason without a mutant", n+1)
			}
			for _, name := range names {
				out[name] += strings.TrimSpace(line) + " "
			}
			reasoned = true
		default:
			if reasoned { // the first mutant of the next reason
				names, reasoned = nil, false
			}
			names = append(names, line)
			out[line] = ""
		}
	}
	return out, nil
}
