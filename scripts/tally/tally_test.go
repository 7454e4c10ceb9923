package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/internal/golden"
)

// events is the output of `go test -json` with every kind of outcome.
const events = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA/x","Output":"    a_test.go:9: corpus absent: no such file (set STARKD_CORPUS)\n"}
{"Action":"skip","Package":"p","Test":"TestA/x"}
{"Action":"run","Package":"p","Test":"TestA/y"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA/y"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"run","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestC","Output":"panic: out of sand\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
not JSON
{"ImportPath":"q","Action":"build-output","Output":"q.go:1: no such thing\n"}
{"Action":"run","Package":"r","Test":"TestD"}
{"Action":"output","Package":"r","Test":"TestD","Output":"    d_test.go:9: it rains\n"}
{"Action":"skip","Package":"r","Test":"TestD"}
{"Action":"output","Package":"r","Output":"PASS\n"}
{"Action":"output","Package":"r","Output":"ok  \tr\t0.1s\n"}
{"Action":"pass","Package":"r"}
`

// TestTally checks the summary and the printed output, for one run and for two.
func TestTally(t *testing.T) {
	var out strings.Builder
	tally := newTally(&out)
	if err := tally.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if got, want := tally.summary(), "1 passed, 2 failed, 2 skipped; skipped for want of: another reason (1), corpus (1)"; got != want {
		t.Errorf("summary\n got %s\nwant %s", got, want)
	}
	if diff := cmp.Diff(map[string][]string{other: {"r.TestD"}, "corpus": {"p.TestA/x"}}, tally.skipped()); diff != "" {
		t.Error(diff)
	}
	shown := "    b_test.go:3: got 1, want 2\nFAIL\tp\t0.1s\npanic: out of sand\nnot JSON\nq.go:1: no such thing\nok  \tr\t0.1s\n"
	if diff := cmp.Diff(shown, out.String()); diff != "" {
		t.Error(diff)
	}

	// The second run passes a test that the first skipped, and skips one that it passed.
	again := `{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"run","Package":"p","Test":"TestA/y"}
{"Action":"skip","Package":"p","Test":"TestA/y"}
`
	if err := tally.read(strings.NewReader(again)); err != nil {
		t.Fatal(err)
	}
	if got, want := tally.summary(), "2 passed, 2 failed, 1 skipped; skipped for want of: another reason (1)"; got != want {
		t.Errorf("summary after a second run\n got %s\nwant %s", got, want)
	}
}

// TestParts checks the split of the arguments.
func TestParts(t *testing.T) {
	got := parts(strings.Fields("-timeout 1m ./... -- A=b ./app -- -race ./config"))
	if diff := cmp.Diff([][]string{{"-timeout", "1m", "./..."}, {"A=b", "./app"}, {"-race", "./config"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestEverySkipHasAName checks that a row of wants matches the message of every call of Skip in the module's tests, so that the summary
// names every reason.
func TestEverySkipHasAName(t *testing.T) {
	root, found := golden.ModuleRoot(t), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Skip" && method.Sel.Name != "Skipf" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			reason, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found++
			if want(strings.ReplaceAll(reason, "%s absent", "corpus absent")) == other {
				t.Errorf("%s: no row of wants fits %q", fset.Position(call.Pos()), reason)
			}
			return true
		})
		return nil
	})
	if err != nil || found < 20 {
		t.Fatalf("%d calls of Skip found: %v", found, err)
	}
}
