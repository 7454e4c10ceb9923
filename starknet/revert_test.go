package starknet

import (
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestPanicText checks panic data in the format of blockifier's format_panic_data.
func TestPanicText(t *testing.T) {
	text := []felt.Felt{byteArrayMagic, felt.One, felt.FromShortString("a string of thirty-one bytes..."), felt.FromShortString("tail"), felt.FromUint64(4)}
	for _, c := range []struct {
		data []felt.Felt
		want string
	}{
		{nil, "()"},
		{[]felt.Felt{felt.FromShortString("bad")}, "0x626164 ('bad')"},
		{[]felt.Felt{felt.One, felt.FromShortString("bad")}, "(0x1, 0x626164 ('bad'))"},
		{text, `"a string of thirty-one bytes...tail"`},
		{append(slices.Clone(text), felt.One), `("a string of thirty-one bytes...tail", 0x1)`},
		{[]felt.Felt{felt.Zero}, "0x0 ('')"},
		{[]felt.Felt{felt.FromUint64(0x6100)}, "0x6100 ('a')"},
		{[]felt.Felt{felt.FromUint64(0x610062)}, "0x610062"},
		{[]felt.Felt{felt.FromUint64(0x1f)}, "0x1f"},
		{[]felt.Felt{felt.FromUint64(0x7e)}, "0x7e ('~')"},
		{[]felt.Felt{felt.FromUint64(0x7f)}, "0x7f"},
		{[]felt.Felt{felt.FromUint64(0x0b)}, "0xb"}, // a vertical tab is not printable there
		{[]felt.Felt{byteArrayMagic, felt.Zero, felt.FromUint64(0x610062), felt.FromUint64(3)}, `"a\0b"`},
		{[]felt.Felt{byteArrayMagic, felt.Zero, felt.FromUint64(0xff), felt.FromUint64(2)}, `"\0\xff"`},
		{[]felt.Felt{byteArrayMagic, felt.Zero, felt.FromUint64(0xff), felt.Zero}, "(0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3, 0x0 (''), 0xff, 0x0 (''))"},
		{[]felt.Felt{byteArrayMagic, felt.Zero, felt.FromUint64(2), felt.FromUint64(31)}, `"` + strings.Repeat(`\0`, 30) + `\x02"`},
		{[]felt.Felt{byteArrayMagic, felt.Zero, felt.FromUint64(2), felt.FromUint64(32)}, "(0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3, 0x0 (''), 0x2, 0x20 (' '))"},
		{[]felt.Felt{byteArrayMagic, felt.One}, "(0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3, 0x1)"},
	} {
		if got := PanicText(c.data); got != c.want {
			t.Errorf("%v: %s, want %s", c.data, got, c.want)
		}
	}
}

// TestErrorTrace checks the numbers and selectors of frames: a frame below the constructor of a deploy syscall has the constructor's number,
// and a deployment that fails before its constructor runs has no selector.
func TestErrorTrace(t *testing.T) {
	frame := func(title string, no bool) ErrorFrame { return ErrorFrame{Title: title, NoSelector: no} }
	for _, c := range []struct {
		frames []ErrorFrame
		want   string // numbers and selectors
	}{
		{[]ErrorFrame{frame(CallTitle, false), frame(LibraryTitle, false), frame(CallTitle, false)}, "0 1 2"},
		{[]ErrorFrame{frame(CallTitle, false), frame(ConstructorTitle, false), frame(ConstructorTitle, false), frame(CallTitle, false)}, "0 1 1 1"},
		{[]ErrorFrame{frame(ConstructorTitle, false), frame(CallTitle, false)}, "0 1"},
		{[]ErrorFrame{frame(CallTitle, false), frame(CallTitle, false), frame(ConstructorTitle, true)}, "0 1 2?"},
	} {
		trace := ErrorTrace{Frames: c.frames, Cause: "why"}
		var got []string
		lines := strings.Split(trace.String(), "\n")
		for _, l := range lines[:len(lines)-1] {
			number, rest, _ := strings.Cut(l, ":")
			if strings.HasSuffix(rest, "selector: UNKNOWN):") {
				number += "?"
			}
			got = append(got, number)
		}
		if strings.Join(got, " ") != c.want || lines[len(lines)-1] != "why" {
			t.Errorf("%q, want frames %s", trace.String(), c.want)
		}
	}
}

// TestErrorTraceStopped checks where calls stopped, in the format of blockifier's VmExceptionFrame.
func TestErrorTraceStopped(t *testing.T) {
	trace := ErrorTrace{Frames: []ErrorFrame{
		{Title: CallTitle, Stopped: []uint64{3, 14, 159}}, {Title: LibraryTitle}, {Title: CallTitle, Stopped: []uint64{26}},
	}, Cause: "why"}
	zero := PaddedHex(felt.Zero)
	frame := func(head string) string {
		return head + " (contract address: " + zero + ", class hash: " + zero + ", selector: " + zero + "):\n"
	}
	want := frame("0: "+CallTitle) + "Error at pc=0:159:\nCairo traceback (most recent call last):\nUnknown location (pc=0:3)\nUnknown location (pc=0:14)\n\n" +
		frame("1: "+LibraryTitle) + frame("2: "+CallTitle) + "Error at pc=0:26:\nwhy"
	if got := trace.String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestLongReasons checks the lengths at which calls are omitted from a panic's summary, its end is cut, and the middle of a reason is cut.
func TestLongReasons(t *testing.T) {
	const header = "Execution failed. Failure reason:"
	frame := &PanicFrame{Failed: true}
	line := len(frame.line())
	// data returns panic data whose text has n bytes: items "0x1" and a last item "0x1…" that fills the rest.
	data := func(n int) []felt.Felt {
		list := []felt.Felt{}
		for n >= 5+4+9 { // "(" and ")" and two items at the end
			list, n = append(list, felt.FromUint64(1)), n-5
		}
		digits := n - 2 - 2
		return append(list, felt.MustHex("0x1"+strings.Repeat("0", digits-1)))
	}
	// chain returns a panic that propagated through the given number of calls and whose innermost data has n bytes.
	chain := func(calls, n int) *PanicFrame {
		f := &PanicFrame{Failed: true, Retdata: data(n)}
		for range calls - 1 {
			f = &PanicFrame{Failed: true, Retdata: append(slices.Clone(f.Retdata), entrypointFailed), Inner: []*PanicFrame{f}}
		}
		return f
	}
	if got := len(PanicText(data(1000))); got != 1000 {
		t.Fatalf("data of 1000 bytes has %d", got)
	}
	rest := len(header) + 1 + len("\n.\n")
	first := MaxRevertText - 2*line - len(cutMark) - 1 // from this length on, a summary has no calls
	for _, c := range []struct {
		calls, data int
		lines       int // calls that are named
		length      int
		end         string
	}{
		{1, first - rest - 1, 1, first - 1 + line - 1, ").\n"},
		{1, first - rest, 0, first, ")\n.\n"},
		{1, MaxRevertText - rest, 0, MaxRevertText, ")\n.\n"},
		{1, MaxRevertText - rest + 1, 0, MaxRevertText, cutMark},
		{2, 3000, 2, rest - 1 + 3000 + 2*line, ").\n"},
		{40, MaxRevertText - rest + 1 - 40*line, 40, MaxRevertText, ").\n"},
		{40, MaxRevertText - rest + 2 - 40*line, 39, 0, ").\n"},
		// Omitting one call should be enough, but the line break after the mark is not counted, so the end is cut too.
		{40, MaxRevertText - rest + 1 - 40*line + line - len(cutMark), 39, MaxRevertText, cutMark},
	} {
		got := PanicSummary(header, chain(c.calls, c.data))
		if n := strings.Count(got, "Error in contract"); n != c.lines || c.length != 0 && len(got) != c.length || !strings.HasSuffix(got, c.end) {
			t.Errorf("%d calls, %d bytes of data: %d calls in %d bytes that end in %q, want %d in %d that end in %q",
				c.calls, c.data, n, len(got), got[len(got)-5:], c.lines, c.length, c.end)
		}
	}
	for _, c := range []struct{ n, want int }{{MaxRevertText + revertSlack, MaxRevertText + revertSlack}, {MaxRevertText + revertSlack + 1, MaxRevertText + 7}} {
		if got := RevertReason("", &ErrorTrace{Cause: strings.Repeat("x", c.n)}); len(got) != c.want {
			t.Errorf("a reason of %d bytes has %d, want %d", c.n, len(got), c.want)
		}
	}
}
