package deps

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// numbers is the package whose numbers and names other packages must not repeat.
const numbers = "starknet/constants"

// protocolCode lists the folders that are searched for repeated numbers.
var protocolCode = []string{"app", "cairo", "cmd", "node", "prover", "rpc", "starknet", "watcher"}

// coincidences lists, by file, values and names that have another meaning there.
var coincidences = map[string][]string{
	"app/genesis.go":                    {"10000000000"},           // a default of this chain, the gas of a block
	"cairo/native/compile.go":           {"the name maxSignature"}, // of a WebAssembly function
	"prover/block/headers/commit.go":    {"the name maxSignature"}, // of a validator
	"prover/block/headers/timestamp.go": {"3600"},                  // seconds of an hour
}

// protocolNames returns the names of a file's constants that are numbers, in lower case, and its distinctive values: strings and
// distinctive integers.
func protocolNames(file *ast.File) (names map[string]bool, values map[string]bool) {
	names, values = map[string]bool{}, map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i >= len(n.Values) {
					continue
				}
				switch v := literal(n.Values[i]); {
				case v != nil && v.Kind() == constant.Int:
					names[strings.ToLower(id.Name)] = true
				case v != nil:
					values[v.ExactString()] = true
				}
			}
		case ast.Expr:
			if key, ok := distinctive(n); ok {
				values[key] = true
			}
		}
		return true
	})
	return names, values
}

// distinctive returns the value of an integer, and whether it is unlikely to have another meaning: it is above 400, not a power of two, and not
// a round number of thousands up to 100,000 or a million.
func distinctive(e ast.Expr) (key string, ok bool) {
	v := literal(e)
	if v == nil || v.Kind() != constant.Int {
		return "", false
	}
	n, exact := constant.Int64Val(v)
	return v.ExactString(), exact && n > 400 && (n%1000 != 0 || n > 100_000 && n != 1_000_000) && n&(n-1) != 0
}

// literal returns the value of an integer or string literal or of a product of integer literals, or nil.
func literal(e ast.Expr) constant.Value {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT || e.Kind == token.STRING {
			return constant.MakeFromLiteral(e.Value, e.Kind, 0)
		}
	case *ast.BinaryExpr:
		x, y := literal(e.X), literal(e.Y)
		if e.Op == token.MUL && x != nil && y != nil && x.Kind() == constant.Int && y.Kind() == constant.Int {
			return constant.BinaryOp(x, token.MUL, y)
		}
	}
	return nil
}

// duplicates returns the names and values that a file repeats from starknet/constants: a constant with one of the names that is defined by a
// literal, a distinctive integer, and a string that is converted to a felt or a selector.
func duplicates(file *ast.File, names, values map[string]bool) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i < len(n.Values) && names[strings.ToLower(id.Name)] && literal(n.Values[i]) != nil {
					found = append(found, "the name "+id.Name)
				}
			}
		case *ast.CallExpr:
			if len(n.Args) == 1 && makesFelt(n.Fun) {
				if v := literal(n.Args[0]); v != nil && values[v.ExactString()] {
					found = append(found, v.ExactString())
				}
			}
		}
		if e, ok := n.(ast.Expr); ok {
			if key, ok := distinctive(e); ok && values[key] {
				found = append(found, key)
			}
		}
		return true
	})
	return found
}

// makesFelt reports whether a call of fun converts a string to bytes, a felt or a selector.
func makesFelt(fun ast.Expr) bool {
	switch fun := fun.(type) {
	case *ast.ArrayType:
		return true
	case *ast.Ident:
		return fun.Name == "Selector"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"FromShortString", "Selector", "Hash", "Starknet", "MustHex"}, fun.Sel.Name)
	}
	return false
}

// TestNoDuplicateConstants checks that no file of protocolCode repeats a number or a string of starknet/constants.
func TestNoDuplicateConstants(t *testing.T) {
	root := golden.ModuleRoot(t)
	names, values := map[string]bool{}, map[string]bool{}
	for _, path := range sources(t, filepath.Join(root, numbers)) {
		n, v := protocolNames(parse(t, path, nil))
		for name := range n {
			names[name] = true
		}
		for value := range v {
			values[value] = true
		}
	}
	for _, want := range []string{"4050", "136189", "1110000000", "81920", "125336", `"Out of gas"`, `"__execute__"`} {
		if !values[want] {
			t.Fatalf("%s is not among the %d distinctive values of %s", want, len(values), numbers)
		}
	}
	for _, folder := range protocolCode {
		for _, path := range sources(t, filepath.Join(root, folder)) {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			if rel = filepath.ToSlash(rel); strings.HasPrefix(rel, numbers+"/") {
				continue
			}
			for _, found := range duplicates(parse(t, path, nil), names, values) {
				if !slices.Contains(coincidences[rel], found) {
					t.Errorf("%s repeats %s from %s", rel, found, numbers)
				}
			}
		}
	}
}

// TestDuplicatesAreFound checks that duplicates finds each kind of repetition, and nothing else.
func TestDuplicatesAreFound(t *testing.T) {
	names, values := protocolNames(parse(t, "constants.go", `package constants
const (
	MaxEvents = 1000
	PedersenGas = 4050
	EntryPointGas = 10_000
	MaxProgramFelts = 81_920
	OutOfGas = "Out of gas"
	Execute = "__execute__"
)
`))
	for source, want := range map[string][]string{
		`const maxEvents = 1000`:                             {"the name maxEvents"},
		`const entryPointGas = 10_000`:                       {"the name entryPointGas"},
		`const ENTRYPOINTGAS = 10 * 1000`:                    {"the name ENTRYPOINTGAS"},
		`var prices = []uint64{4050, 583}`:                   {"4050"},
		`const limit = 80 * 1024`:                            {"81920"},
		`var outOfGas = felt.FromShortString("Out of gas")`:  {`"Out of gas"`},
		`var x = keccak.Starknet([]byte("__execute__"))`:     {`"__execute__"`},
		`const maxEvents = constants.MaxEvents`:              nil,
		`const perSecond, other = 1000, 10_000`:              nil,
		`var outOfGas = felt.FromShortString(constants.Oog)`: nil,
	} {
		if got := duplicates(parse(t, "x.go", "package x\n"+source+"\n"), names, values); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", source, got, want)
		}
	}
}

func parse(t *testing.T, path string, source any) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// sources returns the paths of the Go files under a folder that are not tests. It returns none if the folder does not exist.
func sources(t *testing.T, folder string) (paths []string) {
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == folder:
			return fs.SkipAll
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), "_")):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
