package deps

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

const module = "github.com/starkd/starkd/"

// pkg is a package of the module.
type pkg struct {
	files   []*ast.File
	imports map[string][]string // from the import path to the names of the files that import it
}

// load parses the imports and package comments of every Go file of the module that is not a test. The keys are paths relative to the module.
func load(t *testing.T) map[string]*pkg {
	root := golden.ModuleRoot(t)
	pkgs := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		p := pkgs[filepath.ToSlash(rel)]
		if p == nil {
			p = &pkg{imports: map[string][]string{}}
			pkgs[filepath.ToSlash(rel)] = p
		}
		p.files = append(p.files, file)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			p.imports[imported] = append(p.imports[imported], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 10 {
		t.Fatalf("only %d packages found under %s", len(pkgs), root)
	}
	return pkgs
}

// covers reports whether pattern, a package or a subtree ending in /..., covers name.
func covers(pattern, name string) bool {
	prefix, tree := strings.CutSuffix(pattern, "...")
	if !tree {
		return pattern == name
	}
	return strings.HasPrefix(name+"/", prefix)
}

// allowed returns the policy's row for name, and whether it has one: the row with the longest pattern that covers it.
func allowed(name string) ([]string, bool) {
	if row, ok := policy[name]; ok {
		return row, true // a subtree's pattern may be as long
	}
	best := ""
	for pattern := range policy {
		if covers(pattern, name) && len(pattern) > len(best) {
			best = pattern
		}
	}
	return policy[best], best != ""
}

// TestImportPolicy checks the imports of every package against policy, outside and banned.
func TestImportPolicy(t *testing.T) {
	for name, p := range load(t) {
		row, ok := allowed(name)
		if !ok {
			t.Errorf("%s has no row in the policy: add one for a new package", name)
			continue
		}
		for imported, files := range p.imports {
			if ours, ok := strings.CutPrefix(imported, module); ok {
				if !slices.Contains(everyone, ours) && !slices.ContainsFunc(row, func(pattern string) bool { return covers(pattern, ours) }) {
					t.Errorf("%s imports %s (%v); its row allows %v", name, ours, files, row)
				}
				continue
			}
			for prefix, who := range outside {
				if strings.HasPrefix(imported+"/", prefix) && !slices.Contains(who, name) {
					t.Errorf("%s imports %s (%v); only %v may", name, imported, files, who)
				}
			}
			if slices.Contains(banned, imported) && slices.ContainsFunc(deterministic, func(d string) bool { return covers(d, name) }) {
				t.Errorf("%s imports %s (%v): deterministic packages must not", name, imported, files)
			}
		}
	}
}

// TestEveryoneListsLeaves checks that the packages in everyone may not import packages of ours.
func TestEveryoneListsLeaves(t *testing.T) {
	for _, name := range everyone {
		if row, ok := policy[name]; !ok || len(row) > 0 {
			t.Errorf("%s has the row %v, want an empty one of its own", name, row)
		}
	}
}

// reach adds to seen every package that name imports, directly or through packages of ours. The value is a package that imports it.
func reach(pkgs map[string]*pkg, name string, seen map[string]string) {
	for imported := range pkgs[name].imports {
		ours, ok := strings.CutPrefix(imported, module)
		if _, done := seen[ours]; done {
			continue
		}
		seen[ours] = name
		if ok && pkgs[ours] != nil {
			reach(pkgs, ours, seen)
		}
	}
}

// TestNeverReached checks the rules of never.
func TestNeverReached(t *testing.T) {
	pkgs := load(t)
	for _, rule := range never {
		found := false
		for name := range pkgs {
			if !slices.ContainsFunc(rule.who, func(pattern string) bool { return covers(pattern, name) }) {
				continue
			}
			found = true
			seen := map[string]string{}
			reach(pkgs, name, seen)
			for reached, by := range seen {
				for _, pattern := range rule.what {
					if covers(pattern, reached) || strings.HasSuffix(pattern, "/") && strings.HasPrefix(reached+"/", pattern) {
						t.Errorf("%s reaches %s, which %s imports", name, reached, by)
					}
				}
			}
		}
		if !found {
			t.Errorf("no package matches %v", rule.who)
		}
	}
}

// TestEveryPackageSaysWhatItIs checks that every package has exactly one package comment.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for name, p := range load(t) {
		comments := 0
		for _, file := range p.files {
			if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
				comments++
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want one", name, comments)
		}
	}
}

// TestCovers checks patterns with and without /....
func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"crypto/...", "crypto/felt", true},
		{"crypto/...", "cryptography", false},
		{"app", "app/state", false},
		{"app/...", "app", true},
		{"...", "anything", true},
	} {
		if got := covers(c.pattern, c.name); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
