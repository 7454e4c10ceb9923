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
	return min(n, 7) * 3, nil
}

type t struct{ a [8]int }

func (t) String() string { return fmt.Sprint(1 + 1) }
`

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

// Mutants are of what decides, not of what is said: errors, String methods and types of members stay as they are.
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

// A sample is the same for the same seed, another for another, and part of a larger one.
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

// Each explanation names a mutant that there is.
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
			t.Errorf("explained.txt names a mutant that there is none of: %s", name)
		}
		if why == "" {
			t.Errorf("explained.txt gives no reason for: %s", name)
		}
	}
	if _, err := parseExplained("\tbecause\n"); err == nil {
		t.Error("a reason without a mutant was read")
	}
}
