package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/golden"
)

// TestDocs checks that everything that a Markdown file of the repository names exists: links and anchors, paths, commands of starkd with
// their flags, targets of make, keys of app.toml and environment variables.
func TestDocs(t *testing.T) {
	w := newRepository(t)
	docs := 0
	for file := range w.files {
		if path.Ext(file) != ".md" || strings.HasPrefix(file, ".github/") {
			continue
		}
		docs++
		for _, fault := range w.faults(file, w.read(file)) {
			t.Error(fault)
		}
	}
	if docs < 8 {
		t.Errorf("only %d documents found", docs)
	}
}

// TestDocsFaults checks that each kind of fault is found.
func TestDocsFaults(t *testing.T) {
	w := newRepository(t)
	for _, c := range []struct{ text, want string }{
		{"# A b\n[x](#a-b) [y](docs/os.md#what-the-bits-of-a-proof-mean) [z](https://example.org/none)", ""},
		{"[x](docs/none.md)", "link docs/none.md: no such file"},
		{"[x](#none)", "link #none: no such heading"},
		{"[x](docs/os.md#none)", "link docs/os.md#none: no such heading"},
		{"`app/app.go`, `app/...`, `cairo/os/os.{cairo,json}`, `system.go`, `config/app.toml`, `math/big`", ""},
		{"`app/none.go`", "app/none.go: no such file"},
		{"`app/none`", "app/none: no such file"},
		{"`none_none.go`", "none_none.go: no such file"},
		{"`my.mjs`\n```sh\nnode my.mjs\n```", ""},
		{"`scripts/none A`", "scripts/none: no such file"},
		{"`go run ./scripts/none -x`", "scripts/none: no such file"},
		{"`prover.Verify`, `scripts/check`", ""},
		{"`starkd verify --program X`, `starkd keys`, `starkd`", ""},
		{"`starkd nothing`", "starkd nothing: no such command"},
		{"`starkd keys nothing`", "starkd keys nothing: no such command"},
		{"`starkd verify --nothing=1`", "starkd verify has no flag --nothing"},
		{"`verify --nothing`", "starkd verify has no flag --nothing"},
		{"`--nothing N`", "no command of starkd has a flag --nothing"},
		{"```sh\nbin/starkd start --nothing & # why\n```", "starkd start has no flag --nothing"},
		{"```sh\nX=1 bin/starkd testnet --output d; make none\n```", "make none: no such target"},
		{"`make chaos`, `make -C x`", ""},
		{"`make none`", "make none: no such target"},
		{"`watch.security` `rpc.address`", ""},
		{"`watch.none`", "watch.none: app.toml has no such key"},
		{"`STARKD_RPC_ADDRESS` STARKD_FULL=1", ""},
		{"STARKD_" + "NONE_SUCH", "STARKD_" + "NONE_SUCH: nothing reads it"},
	} {
		want := []string{}
		if c.want != "" {
			want = append(want, "x.md: "+c.want)
		}
		if diff := cmp.Diff(want, w.faults("x.md", c.text)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

// repository lists the things that documents may name.
type repository struct {
	root    string
	files   map[string]bool // files and folders, by their path from the root
	bases   map[string]bool // names of files without their folder
	targets map[string]bool // targets of make
	keys    map[string]bool // keys of app.toml
	source  strings.Builder // source text that may read environment variables
	command *cobra.Command
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	w := &repository{root: golden.ModuleRoot(t), files: map[string]bool{}, bases: map[string]bool{}, targets: map[string]bool{}, keys: map[string]bool{}, command: newRootCommand()}
	err := filepath.WalkDir(w.root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if name == "node_modules" || name == ".git" || name == "testnet" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(w.root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		w.files[rel] = true
		if d.IsDir() {
			return nil
		}
		w.bases[name] = true
		if ext := path.Ext(name); ext == ".go" && rel != "cmd/starkd/docs_test.go" || ext == ".sh" || ext == "" && strings.HasPrefix(rel, "scripts/") || rel == ".ci/run" || rel == "Makefile" {
			w.source.WriteString(w.read(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(w.read("Makefile"), -1) {
		w.targets[target[1]] = true
	}
	var keys func(reflect.Type, string)
	keys = func(t reflect.Type, section string) {
		for i := range t.NumField() {
			key := section + t.Field(i).Tag.Get("mapstructure")
			w.keys[key] = true
			if t.Field(i).Type.Kind() == reflect.Struct {
				keys(t.Field(i).Type, key+".")
			}
		}
	}
	keys(reflect.TypeFor[config.Config](), "")
	// cobra adds these two commands when it runs.
	w.command.InitDefaultCompletionCmd()
	w.command.InitDefaultHelpCmd()
	return w
}

func (w *repository) read(file string) string {
	data, err := os.ReadFile(filepath.Join(w.root, file))
	if err != nil {
		return ""
	}
	return string(data)
}

var (
	fence    = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^?```")
	inline   = regexp.MustCompile("`[^`]+`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	pathLike = regexp.MustCompile(`^[\w.-]+(/[\w.{},*-]+)*/?$`)
	keyLike  = regexp.MustCompile(`^(rpc|app|watch)\.[a-z_]+$`)
	variable = regexp.MustCompile(`\bSTARKD_[A-Z0-9_]+`)
)

// faults returns the things that a document names and that do not exist.
func (w *repository) faults(file, text string) []string {
	faults := []string{}
	fault := func(format string, args ...any) {
		if f := file + ": " + fmt.Sprintf(format, args...); !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	prose := fence.ReplaceAllString(text, "")
	for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(prose, ""), -1) {
		w.link(file, text, m[1], fault)
	}
	for _, span := range inline.FindAllString(prose, -1) {
		w.span(file, text, strings.Trim(span, "`"), fault)
	}
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		if block[1] == "sh" {
			for _, line := range strings.Split(block[2], "\n") {
				w.shell(line, fault)
			}
		}
	}
	for _, name := range variable.FindAllString(text, -1) {
		key := strings.ToLower(strings.TrimPrefix(name, "STARKD_"))
		key = strings.Replace(key, "_", ".", 1)
		// A name with a number at the end, such as STARKD_OS_1, is known without the number.
		if !w.keys[key] && !strings.Contains(w.source.String(), name) && !strings.Contains(w.source.String(), `"`+strings.TrimRight(name, "0123456789")) {
			fault("%s: nothing reads it", name)
		}
	}
	return faults
}

// link checks a relative link.
func (w *repository) link(file, text, target string, fault func(string, ...any)) {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return
	}
	name, anchor, anchored := strings.Cut(target, "#")
	if name != "" {
		name = path.Join(path.Dir(file), name)
		if !w.files[name] {
			fault("link %s: no such file", target)
			return
		}
		text = w.read(name)
	}
	if anchored && !slices.Contains(anchors(text), anchor) {
		fault("link %s: no such heading", target)
	}
}

// anchors returns the anchors that GitHub gives to the headings of a document.
func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		title := strings.ToLower(strings.TrimSpace(m[1]))
		title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(title, "")
		anchor := strings.ReplaceAll(title, " ", "-")
		for n, unique := 1, anchor; ; n++ {
			if !slices.Contains(all, unique) {
				all = append(all, unique)
				break
			}
			unique = fmt.Sprintf("%s-%d", anchor, n)
		}
	}
	return all
}

// span checks the text of a code span: a path, a key, a flag or a command.
func (w *repository) span(file, document, text string, fault func(string, ...any)) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	switch first := words[0]; {
	case keyLike.MatchString(text):
		// os.json or watch.go are files, app.toml is one of a home.
		if !w.keys[text] && !w.bases[text] && text != "app.toml" {
			fault("%s: app.toml has no such key", text)
		}
	case strings.HasPrefix(first, "--"):
		for _, word := range words {
			if name, ok := flagName(word); ok && !w.anyFlag(w.command, name) && !slices.Contains(cometFlags, name) {
				fault("no command of starkd has a flag --%s", name)
			}
		}
	case w.child(w.command, first) != nil && len(words) > 1 && strings.Contains(text, "--"):
		w.starkd(words, fault)
	case pathLike.MatchString(first) && !strings.Contains(first, "://"):
		w.path(file, document, first, fault)
		fallthrough
	default:
		w.shell(text, fault)
	}
}

// cometFlags are flags of the cometbft command that documents name.
var cometFlags = []string{"proxy_app", "abci"}

// homeFiles are paths in a home folder or in another module whose first folder has the name of one of ours.
var homeFiles = regexp.MustCompile(`^(config/(app\.toml|config\.toml|genesis\.json|addrbook\.json|node_key\.json|priv_validator_key\.json)|crypto/ed25519)$`)

// path checks the path of a file or a folder. Text that does not begin with a folder of the repository is a path only if it ends like a file
// of ours. A file that commands of the document use belongs to the reader.
func (w *repository) path(file, text, name string, fault func(string, ...any)) {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "/..."), "/")
	if homeFiles.MatchString(name) || name == "bin/starkd" || name == "bin/starkd-cairo" {
		return
	}
	first, _, nested := strings.Cut(name, "/")
	if !nested {
		inCommand := regexp.MustCompile("(?ms)^```sh\n[^`]*" + regexp.QuoteMeta(name)).MatchString(text)
		if slices.Contains([]string{".go", ".cairo", ".mjs", ".js"}, path.Ext(name)) && !w.bases[name] && !inCommand && !strings.Contains(name, "{") && name != "starknet.js" {
			fault("%s: no such file", name)
		}
		return
	}
	if !w.files[first] {
		if ext := path.Ext(name); (ext == ".go" || ext == ".cairo") && !w.suffix(name) {
			fault("%s: no such file", name)
		}
		return
	}
	for _, name := range braces(name) {
		found := w.files[name] || w.files[path.Join(path.Dir(file), name)]
		if strings.Contains(name, "*") {
			matches, err := filepath.Glob(filepath.Join(w.root, name))
			found = err == nil && len(matches) > 0
		}
		// A package and one of its names, such as prover/stone/fri.Prove.
		if dot := strings.LastIndex(name, "."); !found && dot > strings.LastIndex(name, "/") && w.files[name[:dot]] {
			found = regexp.MustCompile(`^[A-Z]\w*$`).MatchString(name[dot+1:])
		}
		if !found {
			fault("%s: no such file", name)
		}
	}
}

// braces expands a{b,c} into ab and ac.
func braces(name string) []string {
	before, rest, ok := strings.Cut(name, "{")
	list, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{name}
	}
	var all []string
	for _, one := range strings.Split(list, ",") {
		all = append(all, before+one+after)
	}
	return all
}

func (w *repository) suffix(name string) bool {
	for file := range w.files {
		if strings.HasSuffix(file, "/"+name) {
			return true
		}
	}
	return false
}

// shell checks the commands of a line: starkd's, make's, and paths that begin with "./".
func (w *repository) shell(line string, fault func(string, ...any)) {
	if before, _, ok := strings.Cut(line, " # "); ok {
		line = before
	}
	for _, command := range regexp.MustCompile(`[;|&()]+| do `).Split(line, -1) {
		words := strings.Fields(command)
		for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "starkd", "bin/starkd":
			w.starkd(words[1:], fault)
		case "make":
			for _, word := range words[1:] {
				if strings.HasPrefix(word, "-") {
					break
				}
				if regexp.MustCompile(`^[a-z-]+$`).MatchString(word) && !w.targets[word] {
					fault("make %s: no such target", word)
				}
			}
		default:
			for _, word := range words {
				name := strings.TrimSuffix(strings.TrimPrefix(word, "./"), "/...")
				if strings.HasPrefix(word, "./") && name != "..." && !w.files[name] {
					fault("%s: no such file", name)
				}
			}
		}
	}
}

// starkd checks the arguments of a call of starkd.
func (w *repository) starkd(words []string, fault func(string, ...any)) {
	command := w.command
	for len(words) > 0 {
		child := w.child(command, words[0])
		if child == nil {
			break
		}
		command, words = child, words[1:]
	}
	if command.HasSubCommands() && len(words) > 0 && regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(words[0]) {
		fault("%s %s: no such command", command.CommandPath(), words[0])
		return
	}
	for _, word := range words {
		if name, ok := flagName(word); ok && !w.flag(command, name) {
			fault("%s has no flag --%s", command.CommandPath(), name)
		}
	}
}

func flagName(word string) (string, bool) {
	m := regexp.MustCompile(`^\[?--([a-z][a-z0-9_-]*)`).FindStringSubmatch(word)
	if m == nil {
		return "", false
	}
	return m[1], true
}

func (w *repository) child(command *cobra.Command, name string) *cobra.Command {
	for _, child := range command.Commands() {
		if child.Name() == name {
			return child
		}
	}
	return nil
}

func (w *repository) flag(command *cobra.Command, name string) bool {
	if name == "help" {
		return true
	}
	return command.Flags().Lookup(name) != nil || command.InheritedFlags().Lookup(name) != nil
}

func (w *repository) anyFlag(command *cobra.Command, name string) bool {
	return w.flag(command, name) || slices.ContainsFunc(command.Commands(), func(c *cobra.Command) bool { return w.anyFlag(c, name) })
}
