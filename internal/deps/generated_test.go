package deps

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/internal/golden"
)

// TestGeneratedFiles runs every go:generate line of the module with its outputs in a temporary folder, and compares them with the files in the
// tree. A file with a comment that it is generated must be one of these outputs. Tests of cairo/os compare os.json, those of cairo/compiler
// docs/libfuncs.md, and TestPicture the picture in docs/architecture.md.
func TestGeneratedFiles(t *testing.T) {
	root, checked := golden.ModuleRoot(t), []string{}
	var claimed []string
	output := regexp.MustCompile(`^-(out|stubs)$`)
	files(t, root, func(path string) {
		if filepath.Ext(path) != ".go" && filepath.Ext(path) != ".s" {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte("// Code generated")) {
			claimed = append(claimed, path)
		}
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(line, "//go:generate ")
			if !ok {
				continue
			}
			words := strings.Fields(command)
			// The generator runs in the folder that follows -C, and its outputs are relative to that folder.
			dir := filepath.Dir(path)
			if i := slices.Index(words, "-C"); i >= 0 {
				dir = filepath.Join(dir, words[i+1])
			}
			made := map[string]string{}
			for i, word := range words[:len(words)-1] {
				if output.MatchString(word) {
					target := filepath.Join(dir, words[i+1])
					words[i+1] = filepath.Join(t.TempDir(), filepath.Base(target))
					made[target] = words[i+1]
				}
			}
			if len(made) == 0 {
				t.Errorf("%s: no -out or -stubs in %q", path, command)
				continue
			}
			download := exec.Command("go", "mod", "download")
			download.Dir = dir
			if text, err := download.CombinedOutput(); err != nil {
				t.Skipf("no module proxy: %v %s", err, text)
			}
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Dir = filepath.Dir(path)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", path, command, err, text)
				continue
			}
			for target, temporary := range made {
				checked = append(checked, target)
				if diff := cmp.Diff(body(t, target), body(t, temporary)); diff != "" {
					t.Errorf("%s differs from the output of %q (-have +made):\n%s", target, command, diff)
				}
			}
		}
	})
	slices.Sort(claimed)
	slices.Sort(checked)
	if diff := cmp.Diff(claimed, checked); diff != "" || len(checked) == 0 {
		t.Errorf("files that claim to be generated, and outputs of go:generate lines:\n%s", diff)
	}
}

// body returns a generated file without its first line, which has the command with its paths.
func body(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	return rest
}

// TestCompiledClasses compares each compiled class of the tree with the official compiler's output for the contract class.
func TestCompiledClasses(t *testing.T) {
	compiler := os.Getenv("STARKD_SIERRA_COMPILE")
	if compiler == "" {
		t.Skip("set STARKD_SIERRA_COMPILE to starknet-sierra-compile 2.20.0")
	}
	root, pairs := golden.ModuleRoot(t), 0
	files(t, root, func(path string) {
		name, ok := strings.CutSuffix(path, ".contract_class.json")
		if !ok {
			return
		}
		compiled := name + ".compiled_contract_class.json"
		if _, err := os.Stat(compiled); err != nil {
			// contracts/classes has its compiled classes in contracts/testdata.
			compiled = filepath.Join(filepath.Dir(path), "..", "testdata", filepath.Base(compiled))
		}
		want, err := os.ReadFile(compiled)
		if err != nil {
			return
		}
		pairs++
		cmd := exec.Command(compiler, path)
		got, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(want, &b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("%s differs from the output of starknet-sierra-compile for %s: run build.sh in its folder (-have +made)\n%.2000s", compiled, path, diff)
		}
	})
	if pairs < 6 {
		t.Errorf("only %d pairs found", pairs)
	}
}

// files calls f with the path of every file of the module.
func files(t *testing.T, root string, f func(path string)) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "node_modules" || d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		f(path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
