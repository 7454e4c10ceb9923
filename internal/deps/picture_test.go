package deps

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// rooms lists the boxes of the picture. A package belongs to the room that is its longest prefix. Packages without a room (scripts, tools of
// tests) are not drawn.
var rooms = []string{
	"cmd/starkd", "cmd/verifier-wasm", "node", "abci", "config", "explorer", "watcher", "rpc", "app", "contracts",
	"cairo", "cairo/sierra", "cairo/casm", "cairo/compiler", "cairo/machine", "cairo/vm", "cairo/native", "cairo/cairo0", "cairo/os",
	"starknet", "prover", "prover/block", "prover/stone", "prover/stwo", "prover/security", "crypto",
}

// room returns a package's room, or "".
func room(name string) string {
	best := ""
	for _, r := range rooms {
		if covers(r+"/...", name) && len(r) > len(best) {
			best = r
		}
	}
	return best
}

// TestPicture compares the picture in docs/architecture.md with a Mermaid graph of the rooms and their imports. The graph omits arrows that
// follow from others, and arrows to packages that everyone may import. `go test ./internal/deps -run TestPicture -update` writes it.
func TestPicture(t *testing.T) {
	imports := map[string]map[string]bool{}
	for name, p := range load(t) {
		from := room(name)
		if from == "" {
			continue
		}
		if imports[from] == nil {
			imports[from] = map[string]bool{}
		}
		for imported := range p.imports {
			if ours, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(everyone, ours) {
				if to := room(ours); to != "" && to != from {
					imports[from][to] = true
				}
			}
		}
	}
	reaches := map[string]map[string]bool{} // the transitive closure of imports
	var visit func(from string, trail []string)
	visit = func(from string, trail []string) {
		if slices.Contains(trail, from) {
			t.Fatalf("the rooms import each other in a circle: %v", append(trail, from))
		}
		if reaches[from] != nil {
			return
		}
		all := map[string]bool{}
		for to := range imports[from] {
			visit(to, append(trail, from))
			all[to] = true
			maps.Copy(all, reaches[to])
		}
		reaches[from] = all
	}
	for from := range imports {
		visit(from, nil)
	}
	var b bytes.Buffer
	b.WriteString("```mermaid\nflowchart TD\n")
	for _, from := range rooms {
		if imports[from] == nil {
			continue
		}
		fmt.Fprintf(&b, "    %s[\"%s\"]\n", id(from), from)
	}
	for _, from := range rooms {
		for _, to := range slices.Sorted(maps.Keys(imports[from])) {
			implied := slices.ContainsFunc(slices.Collect(maps.Keys(imports[from])), func(by string) bool { return reaches[by][to] })
			if !implied {
				fmt.Fprintf(&b, "    %s --> %s\n", id(from), id(to))
			}
		}
	}
	b.WriteString("```\n")
	golden.Section(t, filepath.Join(golden.ModuleRoot(t), "docs", "architecture.md"), "picture", b.Bytes())
}

// id returns a room's name as a Mermaid identifier.
func id(room string) string { return strings.NewReplacer("/", "_", "-", "_").Replace(room) }

// TestRoomsExist checks that every room is a folder.
func TestRoomsExist(t *testing.T) {
	root := golden.ModuleRoot(t)
	for _, r := range rooms {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(r))); err != nil {
			t.Errorf("the picture has a room %s: %v", r, err)
		}
	}
}
