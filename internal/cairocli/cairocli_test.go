package cairocli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/cli"
)

// program writes 1234567 to the output.
const program = `{
	"prime": "0x800000000000011000000000000000000000000000000000000000000000001",
	"builtins": ["output"],
	"data": ["0x480680017fff8000", "0x12d687", "0x400280007ffd7fff", "0x482680017ffd8000", "0x1", "0x208b7fff7fff7ffe"],
	"identifiers": {"__main__.main": {"type": "function", "pc": 0}}
}`

// TestRun runs the command of a program of another name: the output, the files, the call of started, and the reports of wrong usage.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "program.json")
	if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(dir, "trace")
	started := 0
	for _, c := range []struct {
		args   string
		status int
		want   string // in what is printed
	}{
		{"cairo run --layout small --print_output --print_info " + path, 0, "Program Output:\n1234567\nNumber of steps: 4\n"},
		{"cairo run --layout small --trace_file " + trace + " --program " + path, 0, ""},
		{"cairo run --layout small --program " + path + " " + path, 2, "tool: the program is given twice"},
		{"cairo run", 2, "tool: cairo run needs --program or --run_from_cairo_pie"},
		{"cairo run --secure_run maybe " + path, 2, `"maybe" is neither true nor false`},
		{"cairo run --air_public_input x " + path, 2, "need --proof_mode"},
		{"cairo run " + path, 1, "tool: cairo0: the builtin output is not in the layout plain"},
		{"cairo run " + path + ".none", 1, "hint: check the path"},
		{"cairo", 2, "tool: tool cairo needs a command"},
		{"start", 2, "hint: tool --help lists the commands"},
		{"--nothing", 2, "tool: unknown flag: --nothing"},
	} {
		var out, errs bytes.Buffer
		status := cli.Run(t.Context(), cli.Root("tool", "A tool", New(func() { started++ })), strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if text := out.String() + errs.String(); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: status %d, want %d: %q, want %q", c.args, status, c.status, text, c.want)
		}
	}
	if info, err := os.Stat(trace); err != nil || info.Size() != 4*24 {
		t.Errorf("the trace file: %v, %v; want 96 bytes", info, err)
	}
	if started < 2 {
		t.Errorf("started was called %d times", started)
	}
}
