// Command tally runs `go test` one or several times, shows its output, and prints a line with the number of passed, failed and skipped
// tests and what the skipped tests need.
//
//	tally [VARIABLE=VALUE...] FLAGS PACKAGES [-- [VARIABLE=VALUE...] FLAGS PACKAGES]...
//
// Each part between -- is one run of `go test` with its environment. A test with subtests is counted by its subtests. A test that one run
// skips and another passes counts as passed. The exit status is 1 if a run fails, or if a test was skipped for want of something in
// STARKD_TALLY_NEEDS (names from the table wants, separated by commas). .ci/run sets it to what it installs.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// wants lists reasons for skipping: the name for the summary, and a text that the test's message contains. The first row that matches
// counts.
var wants = []struct{ name, text string }{
	{"corpus", "corpus absent"},
	{"corpus", "the corpus does not"},
	{"corpus", "no programs in"},
	{"cases", "cases absent"},
	{"STARKD_FULL=1", "STARKD_FULL=1"},
	{"a run without -short", "-short"},
	{"a run without -short", "builds the browser's verifier"},
	{"starknet-sierra-compile", "starknet-sierra-compile"},
	{"cairo-compile", "cairo-compile"},
	{"make", "make is not installed"},
	{"node.js", "node is not installed"},
	{"starknet.js", "starknet.js is not installed"},
	{"browser", "no browser"},
	{"a Python module", "python3 has no module"},
	{"python3", "python3"},
	{"STARKD_RPC", "STARKD_RPC"},
	{"STARKD_TEST_BUCKET", "STARKD_TEST_BUCKET"},
	{"versitygw", "versitygw is not on PATH"},
	{"module proxy", "no module proxy"},
	{"file modes", "files have no mode"},
	{"a fitting fuzz input", "on purpose"},
	{"xz", "needs the command xz"},
	{"a flag of the test", "set -folder"},
	{"a flag of the test", "set -all"},
	{"a flag of the test", "no -program"},
	{"a flag of the test", "set -judge"},
	{"STARKD_OLD_CLASSES", "STARKD_OLD_CLASSES"},
	{"a benchmark", "scripts/bench/watch runs it"},
	{"a benchmark", "scripts/bench/verify runs it"},
	{"another test, which starts it", "starts it"},
	{"AVX-512", "no AVX-512"},
	{"AVX-512", "no kernels"},
	{"AVX-512", "without kernels"},
	{"a hash of bytes", "digests are not bytes"},
	{"root", "only root"},
	{"root", "no small disk"},
	{"root", "prlimit"},
	{"root", "namespace"},
}

// other is the name of skips that no row of wants matches.
const other = "another reason"

func main() {
	t := newTally(os.Stdout)
	ok := true
	for _, part := range parts(os.Args[1:]) {
		if err := t.run(part); err != nil {
			fmt.Fprintln(os.Stderr, "tally:", err)
			ok = false
		}
	}
	fmt.Println(t.summary())
	for _, name := range strings.FieldsFunc(os.Getenv("STARKD_TALLY_NEEDS"), func(r rune) bool { return r == ',' }) {
		if tests := t.skipped()[name]; len(tests) > 0 {
			fmt.Fprintf(os.Stderr, "tally: %s must be installed here, and is missing or broken: %s\n", name, strings.Join(tests, ", "))
			ok = false
		}
	}
	if !ok {
		os.Exit(1)
	}
}

// parts splits args at "--".
func parts(args []string) [][]string {
	var all [][]string
	for {
		i := slices.Index(args, "--")
		if i < 0 {
			return append(all, args)
		}
		all, args = append(all, args[:i]), args[i+1:]
	}
}

// test identifies a test of a package.
type test struct{ pkg, name string }

// Outcomes of a test. The highest of all runs counts.
const (
	unfinished = iota
	skipped
	passed
	failed
)

// tally collects the outcomes of all runs.
type tally struct {
	out     io.Writer
	outcome map[test]int
	want    map[test]string           // name of the reason, of the skipped tests
	output  map[test]*strings.Builder // of running tests
}

func newTally(out io.Writer) *tally {
	return &tally{out, map[test]int{}, map[test]string{}, map[test]*strings.Builder{}}
}

// run runs go test once.
func (t *tally) run(args []string) error {
	env := os.Environ()
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Env, cmd.Stderr = env, os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := t.read(stdout); err != nil {
		return fmt.Errorf("go test -json: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
}

// read reads the events of a run and prints what go test prints without -json: the lines of packages, and the output of failed tests.
func (t *tally) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if line != "" && json.Unmarshal([]byte(line), &e) != nil {
			fmt.Fprint(t.out, line)
		} else {
			t.event(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// event records one event.
func (t *tally) event(e event) {
	id := test{e.Package, e.Test}
	switch {
	case e.Action == "build-output":
		fmt.Fprint(t.out, e.Output)
	case e.Test == "" && e.Action == "fail":
		// These tests were running when their package ended, by a panic or at the time limit.
		for running, output := range t.output {
			if running.pkg == e.Package {
				fmt.Fprint(t.out, output.String())
				t.outcome[running] = failed
				delete(t.output, running)
			}
		}
	case e.Test == "" && e.Action == "output":
		if e.Output != "PASS\n" && !strings.Contains(e.Output, "[no test files]") {
			fmt.Fprint(t.out, e.Output)
		}
	case e.Test == "":
	case e.Action == "run":
		t.output[id] = &strings.Builder{}
		t.outcome[id] = max(t.outcome[id], unfinished)
	case e.Action == "output":
		if output := t.output[id]; output != nil {
			output.WriteString(e.Output)
		}
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		printed := ""
		if output := t.output[id]; output != nil {
			printed = output.String()
		}
		delete(t.output, id)
		end := map[string]int{"pass": passed, "fail": failed, "skip": skipped}[e.Action]
		t.outcome[id] = max(t.outcome[id], end)
		switch end {
		case failed:
			fmt.Fprint(t.out, printed)
		case skipped:
			t.want[id] = want(printed)
		}
	}
}

// want returns the name of the first row of wants that matches a skipped test's output.
func want(printed string) string {
	for _, row := range wants {
		if strings.Contains(printed, row.text) {
			return row.name
		}
	}
	return other
}

// leaves calls f with each test without subtests.
func (t *tally) leaves(f func(test, int)) {
	parents := map[test]bool{}
	for id := range t.outcome {
		for i, c := range id.name {
			if c == '/' {
				parents[test{id.pkg, id.name[:i]}] = true
			}
		}
	}
	for id, outcome := range t.outcome {
		// A parent can fail without a failed child.
		if !parents[id] || outcome == failed && !t.childFailed(id) {
			f(id, outcome)
		}
	}
}

// childFailed reports whether a subtest of parent failed.
func (t *tally) childFailed(parent test) bool {
	for id, outcome := range t.outcome {
		if outcome == failed && id.pkg == parent.pkg && strings.HasPrefix(id.name, parent.name+"/") {
			return true
		}
	}
	return false
}

// skipped returns the skipped tests by reason, each list sorted.
func (t *tally) skipped() map[string][]string {
	all := map[string][]string{}
	t.leaves(func(id test, outcome int) {
		if outcome == skipped {
			all[t.want[id]] = append(all[t.want[id]], id.pkg+"."+id.name)
		}
	})
	for _, tests := range all {
		slices.Sort(tests)
	}
	return all
}

// summary returns the line of totals.
func (t *tally) summary() string {
	var count [failed + 1]int
	t.leaves(func(_ test, outcome int) { count[outcome]++ })
	line := fmt.Sprintf("%d passed, %d failed, %d skipped", count[passed], count[failed], count[skipped])
	bywant := t.skipped()
	names := slices.SortedFunc(maps.Keys(bywant), func(a, b string) int {
		if d := len(bywant[b]) - len(bywant[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		sep := ", "
		if i == 0 {
			sep = "; skipped for want of: "
		}
		line += fmt.Sprintf("%s%s (%d)", sep, name, len(bywant[name]))
	}
	return line
}
