package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone"
)

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"state 0x1 → 0x2, 96 bits; „Ω“": "state 0x1 → 0x2, 96 bits; „Ω“",
		"\x1b[2K\x1b[1Avalid":           `\x1b[2K\x1b[1Avalid`,
		"a\nb\rc\td\x00e\x7f":           `a\nb\rc\td\x00e\x7f`,
		"\u009b31m":                     `\u009b31m`, // CSI as one character
		"\x9b31m":                       `\x9b31m`,   // CSI as a byte
		"a\u202egpj.exe\u2066":          `a\u202egpj.exe\u2066`,
		"zero\u200bwidth\ufeff":         `zero\u200bwidth\ufeff`,
		"\ufffd and \xff":               "\ufffd and \\xff",
		"\U000e0041":                    `\U000e0041`,
		"it's \"quoted\" \\n":           `it's "quoted" \n`,
	} {
		if got := visible(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b]0;title\x07\u2028\xe2\x80")
	f.Fuzz(func(t *testing.T, s string) {
		got := visible(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q becomes %q", s, got)
		}
		if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) && got != s {
			t.Errorf("%q becomes %q though nothing is wrong with it", s, got)
		}
	})
}

func TestEscaper(t *testing.T) {
	var out bytes.Buffer
	text := "type T = \x1b[31mred;\n\tx\r\n"
	if n, err := (escaper{&out}).Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("wrote %d of %d: %v", n, len(text), err)
	}
	if want := "type T = \\x1b[31mred;\n\tx\\r\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if dataWriter(&out) != &out {
		t.Error("output to a file is not written unchanged")
	}
}

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
		if got := report(&out, "starkd verify", c.err); got != c.status {
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
		c := config.Default()
		c.Watch.Security = security
		for steps := uint64(1 << 14); steps <= c.Watch.MaxSteps; steps *= 2 {
			p := stone.DefaultParameters(steps)
			p.PowBits, p.Queries = c.Watch.Proofs()
			if got := p.Security(steps); got != want {
				t.Errorf("security %q, %d steps: %v, want %v", security, steps, got, want)
			}
		}
	}
}
