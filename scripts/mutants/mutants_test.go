package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `package p

import "fmt"

const limit = 50

// f admits what is at most the limit.
func f(n int, ok bool) (int, error) {
	if n > limit && ok {
		return 0, fmt.Errorf("%d is more than %d", n, limit+1)
	}
	n += 2
	g("a" + "b")
	s.log.Warn("more", "n", n+1)
	return min(n, 7) * 3, nil
}

type t struct{ a [8]int }

func (t) String() string { return fmt.Sprint(1 + 1) }
`

// list returns the mutants of sample.
func list(t *testing.T) []*mutant {
	path := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(path, []byte(sample), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := mutantsOf(path, "p/p.go")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMutantsOf checks the mutants of sample. Texts for people are not changed (errors, logs, String methods), nor are the types of fields.
func TestMutantsOf(t *testing.T) {
	var got []string
	for _, m := range list(t) {
		got = append(got, strings.TrimPrefix(m.Name(), "p/p.go: "))
		if s := string(m.Source()); s == sample || len(s) > len(sample)+20 {
			t.Errorf("%s: source %q", m, s)
		}
	}
	want := []string{
		": const limit = 50: 50 → 51",
		"f: if n > limit && ok {: n > limit && ok → false && (n > limit && ok)",
		"f: if n > limit && ok {: && → ||",
		"f: if n > limit && ok {: > → >=",
		"f: if n > limit && ok {: > → <=",
		"f: n += 2: += → -=",
		"f: n += 2: n += 2 → nothing",
		"f: n += 2: 2 → 3",
		"f: g(\"a\" + \"b\"): g(\"a\" + \"b\") → nothing",
		"f: return min(n, 7) * 3, nil: * → /",
		"f: return min(n, 7) * 3, nil: min → max",
		"f: return min(n, 7) * 3, nil: 7 → 8",
		"f: return min(n, 7) * 3, nil: 3 → 4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("mutants\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// together has functions of all forms, and togetherTest notices some of their mutants.
const together = `package p

var table = []int{1, 2}

type t[T any] struct{ n T }

func (t[T]) kind(T, ...int) int { return 5 }

func (x *t[T]) set(n T, _ int, more ...T) (last T) {
	x.n = n
	for _, last = range more {
		x.n = last
	}
	return last
}

func first[T any](list []T, n int) T { return list[n+0] }

func safe() { recover() }

func unused(ok bool) bool {
	if ok {
		return true
	}
	return false
}

func init() { table[1] = 3 }

func declared() int {
	n := 1
	n = 2
	return [3]int{}[2] + n
}
`

const togetherTest = `package p

import "testing"

func TestAll(t *testing.T) {
	var x tt
	if got := x.set(1, 0, 2, 3); got != 3 || x.n != 3 || x.kind(1) != 5 || first(table, 1) != 3 || declared() != 2 {
		t.Error(got)
	}
	if x.set(4, 0); x.n != 4 {
		t.Error(x.n)
	}
}

type tt = t[int]
`

// TestJudge checks the verdicts of mutants, both those compiled together and those compiled alone.
func TestJudge(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n\ngo 1.26\n", "p/p.go": together, "p/p_test.go": togetherTest} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{root: root, dir: t.TempDir(), known: map[string]verdict{}}
	all, err := p.mutants("p")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.judge(target{pkg: "p"}, all); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		v := p.known[m.Key()]
		got = append(got, strings.TrimPrefix(m.Name(), "p/p.go: ")+" "+v.Verdict+" "+v.By)
	}
	want := []string{
		": var table = []int{1, 2}: 1 → 2 survived ",
		": var table = []int{1, 2}: 2 → 3 survived ",
		"kind: func (t[T]) kind(T, ...int) int { return 5 }: 5 → 6 killed p TestAll",
		"set: x.n = n: x.n = n → nothing killed p TestAll",
		"set: x.n = last: x.n = last → nothing killed p TestAll",
		"first: func first[T any](list []T, n int) T { return list[n+0] }: + → - survived ",
		"first: func first[T any](list []T, n int) T { return list[n+0] }: 0 → 1 killed p TestAll",
		"safe: func safe() { recover() }: recover() → nothing survived ",
		"unused: if ok {: ok → false && (ok) survived ",
		"unused: return true: true → false survived ",
		"unused: return false: false → true survived ",
		"init: func init() { table[1] = 3 }: table[1] = 3 → nothing killed p TestAll",
		"init: func init() { table[1] = 3 }: 1 → 2 killed p a crash",
		"init: func init() { table[1] = 3 }: 3 → 4 killed p TestAll",
		"declared: n := 1: 1 → 2 survived ",
		"declared: n = 2: n = 2 → nothing killed p TestAll",
		"declared: n = 2: 2 → 3 killed p TestAll",
		"declared: return [3]int{}[2] + n: + → - killed p TestAll",
		"declared: return [3]int{}[2] + n: 3 → 4 survived ",
		"declared: return [3]int{}[2] + n: 2 → 3 does not compile ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("verdicts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestChoose checks that a sample is the same for the same seed, differs for another, and is part of a larger one.
func TestChoose(t *testing.T) {
	all := list(t)
	few, again, other, more := choose(all, 5, 1), choose(all, 5, 1), choose(all, 5, 2), choose(all, 8, 1)
	if len(few) != 5 || !slices.Equal(few, again) || slices.Equal(few, other) || !slices.Equal(few, more[:5]) {
		t.Errorf("samples %v, %v, %v, %v", few, again, other, more)
	}
	if got := choose(all, 0, 1); len(got) != len(all) {
		t.Errorf("a sample of 0 has %d of %d", len(got), len(all))
	}
}

// TestExplained checks that each explanation names an existing mutant.
func TestExplained(t *testing.T) {
	excuses, err := parseExplained(explained)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{root: root}
	names := map[string]bool{}
	for _, target := range targets {
		all, err := p.mutants(target.pkg)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			names[m.Name()] = true
		}
	}
	for name, why := range excuses {
		if !names[name] {
			t.Errorf("explained.txt names a mutant that does not exist: %s", name)
		}
		if why == "" {
			t.Errorf("explained.txt gives no reason for: %s", name)
		}
	}
	if _, err := parseExplained("\tbecause\n"); err == nil {
		t.Error("a reason without a mutant was read")
	}
}
