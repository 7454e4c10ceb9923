package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/block/statement"
)

func TestPrintVersion(t *testing.T) {
	var out strings.Builder
	err := printVersion(&out, &debug.BuildInfo{
		GoVersion: "go1.99",
		Settings: []debug.BuildSetting{
			{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}, {Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
		},
		Deps: []*debug.Module{
			{Path: "example.org/x", Version: "v1"},
			{Path: "github.com/cockroachdb/pebble", Version: "v1.1.1"},
			{Path: "github.com/tetratelabs/wazero", Version: "v1", Replace: &debug.Module{Path: "example.org/wazero", Version: "v2"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`starkd                         dev
commit                         abc
commit time                    unknown
changed files                  yes
go                             go1.99
platform                       linux/arm64
starknet                       0.14.1
json-rpc                       0.10.2, 0.9.0
proof layout                   all_cairo_stwo
program hash                   %s
with Stone                     recursive, %s
github.com/cockroachdb/pebble  v1.1.1
github.com/tetratelabs/wazero  example.org/wazero v2
`, statement.FormatStwo.ProgramHash(), statement.FormatStone.ProgramHash())
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestVersionOfTheBinary checks that version --long prints every module of dependencies.
func TestVersionOfTheBinary(t *testing.T) {
	stdout, stderr, code := command(t, "version", "--long")
	if code != 0 {
		t.Fatalf("status %d\n%s", code, stderr)
	}
	for _, name := range append([]string{"starkd", "go", "program hash"}, dependencies...) {
		if !strings.Contains(stdout, "\n"+name+"  ") && !strings.HasPrefix(stdout, name+"  ") {
			t.Errorf("version --long does not name %s:\n%s", name, stdout)
		}
	}
}

// TestBuildIsReproducible checks that two builds in different folders with the flags of a release have the same bytes.
func TestBuildIsReproducible(t *testing.T) {
	full(t)
	root, dir := golden.ModuleRoot(t), t.TempDir()
	copied := filepath.Join(dir, "elsewhere")
	if output, err := exec.Command("cp", "-r", root, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var sums []string
	for i, from := range []string{root, copied} {
		out := filepath.Join(dir, fmt.Sprint(i))
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=v1", "-o", out, "./cmd/starkd")
		cmd.Dir, cmd.Env = from, append(cmd.Environ(), "CGO_ENABLED=0")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		sum, err := exec.Command("sha256sum", out).Output()
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, strings.Fields(string(sum))[0])
	}
	if sums[0] != sums[1] {
		t.Errorf("two builds of one tree differ: %s and %s", sums[0], sums[1])
	}
}
