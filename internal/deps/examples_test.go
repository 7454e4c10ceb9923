package deps

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// faces lists the packages for use outside of this repository. Each must have an Example that go test runs.
var faces = []string{
	"app/state",
	"cairo",
	"cairo/cairo0",
	"cairo/casm",
	"cairo/compiler",
	"cairo/machine",
	"cairo/native",
	"cairo/sierra",
	"cairo/vm",
	"config",
	"crypto/blake",
	"crypto/felt",
	"crypto/keccak",
	"crypto/pedersen",
	"crypto/poseidon",
	"crypto/starkcurve",
	"node",
	"prover",
	"rpc/client",
	"rpc/jsonrpc",
	"starknet",
	"starknet/trie",
	"watcher/proofstore",
}

// TestFacesHaveExamples checks that each of faces has an Example function with an output that go test compares.
func TestFacesHaveExamples(t *testing.T) {
	root := golden.ModuleRoot(t)
	for _, face := range faces {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(face), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !anyExample(t, found) {
			t.Errorf("%s has no Example with an output", face)
		}
	}
}

// anyExample reports whether one of the files has an Example function with an output.
func anyExample(t *testing.T, paths []string) bool {
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Example") {
				continue
			}
			for _, comment := range file.Comments {
				if comment.Pos() > f.Pos() && comment.End() < f.End() && strings.HasPrefix(strings.ToLower(comment.Text()), "output:") {
					return true
				}
			}
		}
	}
	return false
}
