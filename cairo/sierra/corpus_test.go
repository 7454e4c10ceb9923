package sierra

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// classFiles returns the contract classes of the corpus that the official compiler accepts.
func classFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, dir := range golden.ClassFolders(t) {
		m, err := filepath.Glob(filepath.Join(dir, "*.contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	if want := golden.Count(t, 40, 13); len(files) < want {
		t.Fatalf("%d classes in the corpus, want %d", len(files), want)
	}
	return files
}

func readClass(t testing.TB, file string) *ContractClass {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeClass(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return c
}

// textCases returns the Sierra texts of the corpus by name: the examples and the libfunc cases.
func textCases(t testing.TB) map[string]string {
	t.Helper()
	cases := make(map[string]string)
	examples, err := filepath.Glob(filepath.Join(golden.Corpus(t, "sierra-examples"), "*.sierra"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range examples {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cases["examples/"+filepath.Base(f)] = string(data)
	}
	root := golden.Corpus(t, "libfuncs")
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, section := "", ""
		first := true // whether the next title is the case's name
		for line := range strings.Lines(string(data)) {
			title, ok := strings.CutPrefix(line, "//! > ")
			switch {
			case ok && strings.HasPrefix(title, "==="):
				first = true
			case ok && first:
				name, first, section = filepath.Base(path)+"/"+strings.TrimSpace(title), false, ""
			case ok:
				section = strings.TrimSpace(title)
			case section == "sierra_code":
				cases[name] += line
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 20+380 {
		t.Fatalf("%d texts in the corpus, want 402", len(cases))
	}
	return cases
}
