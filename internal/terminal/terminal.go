// Package terminal makes text safe to print on a terminal. Errors and reports quote text from files, nodes and servers; a terminal would obey
// the control characters in it.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Visible returns s with every character escaped that is not printable: control characters, line breaks, characters that change the
// direction of writing, and bytes that are not UTF-8.
func Visible(s string) string { return escape(s, "") }

// escape does what Visible does, but does not escape the characters in keep.
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

// Is reports whether w is a file that is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// DataWriter returns the writer for a command's output to w. Files and pipes get the data unchanged; on a terminal, control characters
// except line breaks and tabs are escaped.
func DataWriter(w io.Writer) io.Writer {
	if Is(w) {
		return escaper{w}
	}
	return w
}

// LogWriter returns the writer for the log to w. CometBFT's logger escapes control characters up to 0x7e in values; on a terminal,
// LogWriter escapes the others and keeps the logger's colours.
func LogWriter(w io.Writer) io.Writer {
	if Is(w) {
		return logEscaper{w.(*os.File)}
	}
	return w
}

// logEscaper escapes what is written to a terminal. It embeds the file because the logger looks at its descriptor to choose colours.
type logEscaper struct{ *os.File }

func (e logEscaper) Write(b []byte) (int, error) {
	if _, err := io.WriteString(e.File, escape(string(b), "\n\t\x1b")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// escaper escapes what is written to it. A character that is split between two writes is shown as its bytes.
type escaper struct{ w io.Writer }

func (e escaper) Write(b []byte) (int, error) {
	if _, err := io.WriteString(e.w, escape(string(b), "\n\t")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Progress returns a function that prints to w the stages of a job and the time since the call of Progress: on one line of a terminal, or each
// on its own line elsewhere. finish clears the line.
func Progress(w io.Writer) (stage func(name string, number, total int), finish func()) {
	started := time.Now()
	end, clear := "\n", ""
	if Is(w) {
		end, clear = "\x1b[K\r", "\x1b[K"
	}
	stage = func(name string, number, total int) {
		fmt.Fprintf(w, "[%d/%d] %s, %v%s", number+1, total, name, time.Since(started).Round(100*time.Millisecond), end)
	}
	return stage, func() { io.WriteString(w, clear) }
}
