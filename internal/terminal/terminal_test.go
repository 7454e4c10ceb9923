package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
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
		if got := Visible(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b]0;title\x07\u2028\xe2\x80")
	f.Fuzz(func(t *testing.T, s string) {
		got := Visible(s)
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
	if DataWriter(&out) != &out {
		t.Error("output to a file is not written unchanged")
	}
}

// TestProgress checks that the stages of a job are lines of their own in a file.
func TestProgress(t *testing.T) {
	var b strings.Builder
	stage, finish := Progress(&b)
	stage("first", 0, 2)
	stage("second", 1, 2)
	finish()
	want := regexp.MustCompile(`^\[1/2\] first, [0-9.m]*s\n\[2/2\] second, [0-9.m]*s\n$`)
	if got := b.String(); !want.MatchString(got) {
		t.Errorf("got %q, want %v", got, want)
	}
}
