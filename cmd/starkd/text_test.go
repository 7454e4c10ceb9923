package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/cli"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/watcher"
)

// TestErrorsArePlain checks that every error is printed on two lines and without control characters, whatever it quotes.
func TestErrorsArePlain(t *testing.T) {
	cause := errors.New("a\x1b[2K\u009b\nb")
	for _, c := range []struct {
		err    error
		status int
		first  string
	}{
		{cause, 1, "starkd: a"},
		{hint.With(cause, "do\x1b[1A it"), 1, "starkd: a"},
		{usagef("--%s", cause), 2, "starkd: --a"},
		{refused(fmt.Errorf("proof: %w", cause)), 1, "refused: proof: a"},
		{refused(hint.With(cause, "\x1b")), 1, "refused: a"},
		{hint.With(refused(cause), "\x1b"), 1, "refused: a"},
		{unchecked(errors.Join(cause, cause)), 3, "could not check: a"},
	} {
		var out bytes.Buffer
		if got := cli.Report(&out, "starkd verify", c.err); got != c.status {
			t.Errorf("%q: status %d, want %d", c.err, got, c.status)
		}
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 3 || lines[2] != "" || !strings.HasPrefix(lines[0], c.first) || !strings.HasPrefix(lines[1], "hint: ") {
			t.Errorf("%q: printed %q", c.err, out.String())
		}
		if strings.ContainsFunc(strings.Join(lines, ""), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: printed %q", c.err, out.String())
		}
	}
}

// TestProvenPreset checks that the preset proven gives 96 bits of proven security.
func TestProvenPreset(t *testing.T) {
	for security, want := range map[string]security.Bits{
		"custom": {Conjectured: 96, Proven: 57}, "conjectured": {Conjectured: 96, Proven: 57}, "proven": {Conjectured: 124, Proven: 96},
	} {
		c := (&config.Config{Watch: config.Watch{Security: security}}).WithDefaults()
		if stwo := c.Watch.System == "stwo"; stwo == (security == "proven") {
			t.Errorf("security %q: the system is %s", security, c.Watch.System)
		} else if stwo {
			powBits, queries := c.Watch.Proofs()
			if got := watcher.StwoParams(powBits, queries).Security(1 << 22); got != want {
				t.Errorf("security %q: S-two's proofs have %v, want %v", security, got, want)
			}
			c.Watch.System = "stone"
		}
		for steps := uint64(1 << 14); steps <= 1<<18; steps *= 2 {
			p := stone.DefaultParameters(steps)
			p.PowBits, p.Queries = c.Watch.Proofs()
			if got := p.Security(steps); got != want {
				t.Errorf("security %q, %d steps: %v, want %v", security, steps, got, want)
			}
		}
	}
}
