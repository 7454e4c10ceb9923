package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/starkd/starkd/internal/golden"
)

// TestScript runs the scripts in testdata/script, which use the command line as a user would.
func TestScript(t *testing.T) {
	bin, root := starkd(t), golden.ModuleRoot(t)
	corpus := os.Getenv("STARKD_CORPUS")
	if corpus == "" {
		corpus = filepath.Join(root, "..", "shared", "corpus")
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("MODULE", root)
			env.Setenv("CORPUS", corpus)
			server := httptest.NewServer(http.HandlerFunc(foreignServer))
			env.Defer(server.Close)
			env.Setenv("SERVER", server.URL)
			return nil
		},
		Condition: func(name string) (bool, error) {
			_, err := os.Stat(corpus)
			return name == "corpus" && err == nil, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"refuses": scriptRefuses, "edit": scriptEdit, "append": scriptAppend, "flip": scriptFlip,
			"gunzip": scriptGunzip, "samejson": scriptSameJSON, "sameproof": scriptSameProof,
		},
	})
}

// escapes is text that, on a terminal, would erase the line of an error and write a verdict in its place.
const escapes = "\x1b[2K\x1b[1A\x1b[2Kvalid: block 7 of chain X\n  transaction   0x1 succeeded; covered: __execute__\u009b31m\u202e"

// foreignServer starts the HTTP server at $SERVER. It answers with control characters, which starkd must escape.
func foreignServer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/esc":
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, escapes)
	case "/html":
		io.WriteString(w, "<html>"+escapes)
	case "/format":
		fmt.Fprintf(w, `{"format":"starkd-block-proof/%s"}`, strings.ReplaceAll(strings.ReplaceAll(escapes, "\x1b", `\u001b`), "\n", `\n`))
	case "/member":
		fmt.Fprintf(w, `{"proof_hex":"","%s":1}`, strings.ReplaceAll(strings.ReplaceAll(escapes, "\x1b", `\u001b`), "\n", `\n`))
	case "/redirect":
		w.Header().Set("Location", "gopher://\u009b31m/")
		w.WriteHeader(http.StatusFound)
	default:
		http.NotFound(w, r)
	}
}

// scriptRefuses runs starkd and checks its exit status, and that standard error is one line with the reason and one with a hint. The first
// begins with the name of the program or, for verify, with the verdict.
//
//	refuses STATUS ARGS...
func scriptRefuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: refuses status args...")
	}
	path, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "starkd"))
	ts.Check(err)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &stdout, &stderr
	cmd.Env = append(os.Environ(), "STARKD_WATCH_MAX_STEPS="+ts.Getenv("STARKD_WATCH_MAX_STEPS"))
	if misspelt := ts.Getenv("STARKD_RPC_ADRESS"); misspelt != "" {
		cmd.Env = append(cmd.Env, "STARKD_RPC_ADRESS="+misspelt)
	}
	cmd.Run()
	ts.Stdout().Write(stdout.Bytes())
	ts.Stderr().Write(stderr.Bytes())
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit status %s, want %s\nstdout: %s\nstderr: %s", got, args[0], stdout.Bytes(), stderr.Bytes())
	}
	lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
	word := "starkd: "
	if len(args) > 1 && args[1] == "verify" && args[0] != "2" {
		word = map[string]string{"1": "refused: ", "3": "could not check: "}[args[0]]
	}
	if i := strings.IndexFunc(strings.Join(lines, ""), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		ts.Fatalf("standard error holds %q, which a terminal may obey:\n%q", strings.Join(lines, "")[i:][:1], stderr.Bytes())
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], word) || !strings.HasPrefix(lines[1], "hint: ") {
		ts.Fatalf("standard error is not a reason and a hint:\n%s", stderr.Bytes())
	}
}

// scriptEdit replaces the first occurrence of a text in a file.
//
//	edit FILE OLD NEW
func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit file old new")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

// scriptAppend appends text to a file.
//
//	append FILE TEXT
func scriptAppend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append file text")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+args[1]), 0o644))
}

// scriptFlip copies a file with one hexadecimal digit changed, a hundred digits into the value of a JSON key.
//
//	flip FROM KEY TO
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: flip from key to")
	}
	data := []byte(ts.ReadFile(args[0]))
	at := bytes.Index(data, []byte(`"`+args[1]+`"`))
	if at < 0 {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	at += bytes.Index(data[at:], []byte("0x"))
	for n := 0; n < 100; at++ {
		if bytes.IndexByte([]byte("0123456789abcdef"), data[at]) >= 0 {
			n++
		}
	}
	for bytes.IndexByte([]byte("012345678"), data[at]) < 0 {
		at++
	}
	data[at]++
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o644))
}

// scriptGunzip unpacks a file.
//
//	gunzip FROM TO
func scriptGunzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gunzip from to")
	}
	in, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	r, err := gzip.NewReader(in)
	ts.Check(err)
	data, err := io.ReadAll(r)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

// scriptSameJSON compares two files as JSON values.
//
//	samejson GOT WANT
func scriptSameJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: samejson got want")
	}
	var values [2]any
	for i, name := range args {
		decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(name)))
		decoder.UseNumber()
		ts.Check(decoder.Decode(&values[i]))
	}
	if d := cmp.Diff(values[1], values[0]); d != "" {
		ts.Fatalf("%s differs (-want +got):\n%.2000s", args[0], d)
	}
}

// scriptSameProof compares the proof_hex of two proof files.
//
//	sameproof GOT WANT
func scriptSameProof(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameproof got want")
	}
	var proofs [2]struct {
		Hex string `json:"proof_hex"`
	}
	for i, name := range args {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &proofs[i]))
	}
	if len(proofs[1].Hex) < 1000 || proofs[0].Hex != proofs[1].Hex {
		ts.Fatalf("proof_hex of %s (%d digits) is not that of %s (%d digits)", args[0], len(proofs[0].Hex), args[1], len(proofs[1].Hex))
	}
}
