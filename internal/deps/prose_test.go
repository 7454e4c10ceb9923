package deps

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// avoid lists words and phrases that are hard to read, each with a replacement. CONTRIBUTING.md has the rules. A match that begins with "there"
// is not reported: "there is no file" is plain, "X is no file" is not.
var avoid = []struct {
	text    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\blest\b`), "so that … not"},
	{regexp.MustCompile(`(?i)\bthe very\b`), "this, the same"},
	{regexp.MustCompile(`(?i)\bof no account\b`), "does not matter"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "a noun: the caller, the reader"},
	{regexp.MustCompile(`(?i)\bfor good\b`), "permanently, final"},
	{regexp.MustCompile(`(?i)\bbeside\b`), "next to, compared with, and"},
	{regexp.MustCompile(`(?i)\bwhat is under way\b`), "a noun: data in flight"},
	{regexp.MustCompile(`(?i)\b(there )?(is|are|was|were) no (JSON|felt|number|address|account|key|proof|Cairo|block|class|pointer|string|file)\b`), "is not a …"},
	{regexp.MustCompile(`(?i)\bcomes? to nothing\b`), "is discarded"},
	{regexp.MustCompile(`(?i)\bwhat is (said|asked|meant|left|told) (of|for|by|to)\b`), "a noun"},
}

// TestPlainEnglish checks that comments of Go files, documents, scripts and web pages do not have words to avoid, and that the verb after a
// function's name in its comment is not "is" or "are".
func TestPlainEnglish(t *testing.T) {
	root := golden.ModuleRoot(t)
	check := func(where, text string) {
		for _, fault := range toAvoid(text) {
			t.Errorf("%s: %s", where, fault)
		}
	}
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir():
			if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
		case slices.Contains([]string{".md", ".js", ".mjs", ".html"}, filepath.Ext(path)) && d.Name() != "wasm_exec.js":
			files++
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, line := range strings.Split(string(text), "\n") {
				check(position(rel, i+1), line)
			}
		case strings.HasSuffix(path, ".go") && rel != filepath.Join("internal", "deps", "prose_test.go"):
			files++
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			if ast.IsGenerated(file) {
				return nil
			}
			for _, group := range file.Comments {
				check(position(rel, set.Position(group.Pos()).Line), strings.Join(strings.Fields(group.Text()), " "))
			}
			for _, declaration := range file.Decls {
				f, ok := declaration.(*ast.FuncDecl)
				if !ok || f.Doc == nil {
					continue
				}
				words := strings.Fields(f.Doc.Text())
				if len(words) > 1 && words[0] == f.Name.Name && (words[1] == "is" || words[1] == "are") {
					t.Errorf("%s: a function's comment begins with a verb: %q", position(rel, set.Position(f.Doc.Pos()).Line), strings.Join(words[:min(8, len(words))], " "))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Fatalf("only %d files found under %s", files, root)
	}
}

// toAvoid returns the words to avoid in a text, each with its replacement.
func toAvoid(text string) (faults []string) {
	for _, a := range avoid {
		for _, found := range a.text.FindAllString(text, -1) {
			if !strings.HasPrefix(strings.ToLower(found), "there ") {
				faults = append(faults, fmt.Sprintf("%q; write: %s", found, a.instead))
			}
		}
	}
	return faults
}

// TestToAvoid checks that words to avoid are found, and similar plain words are not.
func TestToAvoid(t *testing.T) {
	for text, want := range map[string]int{
		"it is no JSON":                     1,
		"There is no file; it is no class.": 1,
		"Whoever asks, lest it fail":        2,
		"the files are no different":        0,
		"besides, the latest everyone":      0,
		"every":                             0,
	} {
		if got := toAvoid(text); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
}

// position returns a place in a file as file:line.
func position(file string, line int) string {
	return filepath.ToSlash(file) + ":" + strconv.Itoa(line)
}
