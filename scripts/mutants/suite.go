package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// suite is the tests of one package.
type suite struct {
	pkg, dir    string
	binary      string   // with the mutants that are compiled together
	quick, slow []string // tests; the quick ones run first, then the slow ones one at a time
	seconds     map[string]float64
}

// quickSeconds bounds the total time of a package's quick tests, unless a quarter of the time of all tests is more.
const quickSeconds = 5

// suite compiles the tests of a package and runs them without a change, to learn the time of each. The times are stored with the verdicts.
// It is an error if a test fails without a change.
func (p *program) suite(pkg, overlay string) (*suite, error) {
	s := &suite{pkg: pkg, dir: filepath.Join(p.root, pkg), binary: filepath.Join(p.dir, strings.ReplaceAll(pkg, "/", "-")+".test"), seconds: map[string]float64{}}
	if out, err := p.compile(pkg, overlay, s.binary); err != nil {
		return nil, fmt.Errorf("the tests of %s do not compile:\n%s", pkg, out)
	}
	key := "the tests of " + pkg
	if v, ok := p.known[key]; ok && v.Tests != nil {
		s.seconds = v.Tests
	} else {
		outcome, text := s.run(s.binary, 0, nil, 10*time.Minute)
		if outcome != "ok" {
			return nil, fmt.Errorf("%s fail without a change:\n%s", key, text)
		}
		for _, m := range resultPattern.FindAllStringSubmatch(text, -1) {
			if m[1] != "PASS" {
				continue // skipped
			}
			seconds, err := strconv.ParseFloat(m[3], 64)
			if err != nil {
				return nil, err
			}
			s.seconds[m[2]] = seconds
		}
		if err := p.note(verdict{Key: key, Verdict: "pass", Tests: s.seconds}); err != nil {
			return nil, err
		}
	}
	// Tests added since then have no time and run first.
	list, err := exec.Command(s.binary, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return nil, fmt.Errorf("the tests of %s: %w", pkg, err)
	}
	names := strings.Fields(string(list))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(s.seconds[a], s.seconds[b]), cmp.Compare(a, b)) })
	all, total := 0.0, 0.0
	for _, name := range names {
		all += s.seconds[name]
	}
	for _, name := range names {
		if total += s.seconds[name]; total <= max(quickSeconds, all/4) {
			s.quick = append(s.quick, name)
		} else {
			s.slow = append(s.slow, name)
		}
	}
	return s, nil
}

// compile builds the tests of a package, without debug information.
func (p *program) compile(pkg, overlay, binary string) (text string, err error) {
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./"+pkg)...)
	cmd.Dir = p.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// kills returns the test (one of the quick tests if quick is set) that fails with the mutant, "" if none does. A failed test counts only if
// it fails a second time, so that a machine under load does not kill mutants.
func (s *suite) kills(binary string, number int, quick bool) string {
	runs := [][]string{s.quick}
	if !quick {
		for _, name := range s.slow {
			runs = append(runs, []string{name})
		}
	}
	for len(runs) > 0 {
		tests := runs[0]
		runs = runs[1:]
		if len(tests) == 0 {
			continue
		}
		outcome, text := s.run(binary, number, tests, s.limit(tests))
		switch outcome {
		case "ok":
			continue
		case "timeout":
			return "a timeout"
		}
		failed := failPattern.FindStringSubmatch(text)
		if failed == nil {
			return "a crash"
		}
		if again, _ := s.run(binary, number, failed[1:2], s.limit(failed[1:2])); again != "ok" {
			return failed[1]
		}
		// The failure was due to the load or to earlier tests. The tests that -failfast skipped still have to run.
		if at := slices.Index(tests, failed[1]); at >= 0 && len(tests) > 1 {
			runs = append([][]string{slices.Concat(tests[:at], tests[at+1:])}, runs...)
		}
	}
	return ""
}

// limit returns the time limit of tests: several times their time without a change.
func (s *suite) limit(tests []string) time.Duration {
	seconds := 15.0
	for _, name := range tests {
		seconds += 5 * s.seconds[name]
	}
	return time.Duration(seconds * float64(time.Second))
}

var (
	resultPattern = regexp.MustCompile(`(?m)^--- (PASS|SKIP|FAIL): (\w+) \(([0-9.]+)s\)`)
	failPattern   = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
)

// memory bounds a run's memory in KiB, because a mutant may allocate without limit.
const memory = 12 << 20

// run runs tests (nil for all) of a binary with a mutant. The outcome is ok, fail or timeout.
func (s *suite) run(binary string, number int, tests []string, limit time.Duration) (outcome, text string) {
	args := []string{"-c", fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec "$@"`, memory), "sh", binary, "-test.v", "-test.failfast", "-test.timeout", limit.String()}
	if tests != nil {
		args = append(args, "-test.run", "^("+strings.Join(tests, "|")+")$")
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return "ok", string(out)
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || strings.Contains(string(out), "panic: test timed out"):
		return "timeout", string(out)
	}
	return "fail", string(out)
}
