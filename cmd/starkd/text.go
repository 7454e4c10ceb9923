package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text on a terminal. Errors quote what files, nodes and servers say, and so do reports: a terminal would obey the control
// characters in it. Whatever prints such a text prints it through visible.

// visible returns s with everything escaped that a terminal does not show as a character of its own: control characters, line
// breaks, characters that change the direction of writing, and bytes that are not UTF-8.
func visible(s string) string { return escape(s, "") }

// escape is visible, but for characters that are kept.
func escape(s, keep string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// say writes one line of which parts may be of others.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, visible(fmt.Sprintf(format, args...)))
}

// isTerminal reports whether w is a file that is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// dataWriter returns w, for a command's output. Data such as a class's text goes to files and pipes as it is; on a terminal
// all but line breaks and tabs is escaped.
func dataWriter(w io.Writer) io.Writer {
	if isTerminal(w) {
		return escaper{w}
	}
	return w
}

// logWriter returns w, for CometBFT's logger, which quotes values but for control characters above 0x7e. On a terminal they are
// escaped; the logger's own colours are not.
func logWriter(w io.Writer) io.Writer {
	if isTerminal(w) {
		return logEscaper{w.(*os.File)}
	}
	return w
}

// logEscaper is still a terminal to a logger, which asks for its descriptor.
type logEscaper struct{ *os.File }

func (e logEscaper) Write(b []byte) (int, error) {
	if _, err := io.WriteString(e.File, escape(string(b), "\n\t\x1b")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// escaper escapes what is written to it. A character that two writes share is shown as its bytes.
type escaper struct{ w io.Writer }

func (e escaper) Write(b []byte) (int, error) {
	if _, err := io.WriteString(e.w, escape(string(b), "\n\t")); err != nil {
		return 0, err
	}
	return len(b), nil
}
