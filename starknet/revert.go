package starknet

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// This file formats revert reasons as Starknet does. They are hashed into receipts, so they must not differ between nodes or engines.
// Package executor writes them, and prover/block/statement compares those that follow from a proof with those that were signed. Each of
// the two derives the contents by itself; they share only the format.

// The first line of a revert reason, by the part of the transaction that failed.
const (
	ExecutionHeader   = "Transaction execution has failed:\n"
	ValidationHeader  = "Transaction validation has failed:\n"
	ConstructorHeader = "Contract constructor execution has failed:\n"
)

// The first line of a panic's summary, by the entry point that panicked.
const (
	ExecutionPanicHeader = "Execution failed. Failure reason:"
	ValidatePanicHeader  = "The `validate` entry point panicked with:"
)

// Titles of the frames of an error trace, by the kind of call.
const (
	CallTitle        = "Error in the called contract"
	LibraryTitle     = "Error in a library call"
	ConstructorTitle = "Error in the contract class constructor"
)

// MaxRevertText bounds the bytes of a panic's summary, and those of a reason after its header.
const MaxRevertText = 15_000

const (
	revertSlack = 100     // a reason is cut in the middle only if it is longer than the bound by more bytes than this
	cutMark     = "\n..." // ends a summary that was cut, and replaces omitted frames
)

// ErrorFrame is a call through which a failure propagated.
type ErrorFrame struct {
	Title                         string // CallTitle, LibraryTitle or ConstructorTitle
	Contract, ClassHash, Selector felt.Felt
	NoSelector                    bool // a deployment that failed before its constructor was called
	// Stopped says where the code stopped: the offsets of the call instructions of the running functions, outermost first, and then of
	// the instruction that failed. It is nil for a call that is billed in Sierra gas, and for one that did not begin.
	Stopped []uint64
}

// ErrorTrace is a failure: the calls through which it propagated, outermost first, and its cause.
type ErrorTrace struct {
	Frames []ErrorFrame
	Cause  string
}

// String returns the calls, one a line, and the cause.
func (t *ErrorTrace) String() string {
	var b strings.Builder
	depth := 0
	for i := range t.Frames {
		f := &t.Frames[i]
		selector := "UNKNOWN"
		if !f.NoSelector {
			selector = PaddedHex(f.Selector)
		}
		fmt.Fprintf(&b, "%d: %s (contract address: %s, class hash: %s, selector: %s):\n",
			depth, f.Title, PaddedHex(f.Contract), PaddedHex(f.ClassHash), selector)
		if n := len(f.Stopped) - 1; n >= 0 {
			fmt.Fprintf(&b, "Error at pc=0:%d:\n", f.Stopped[n])
			if n > 0 {
				b.WriteString("Cairo traceback (most recent call last):\n")
				for _, at := range f.Stopped[:n] {
					fmt.Fprintf(&b, "Unknown location (pc=0:%d)\n", at)
				}
				b.WriteString("\n")
			}
		}
		// A call below the constructor of a deploy syscall has the constructor's number, as in blockifier.
		if i == 0 || f.Title != ConstructorTitle {
			depth++
		}
	}
	b.WriteString(t.Cause)
	return b.String()
}

// RevertReason returns the revert reason for a failure. header says which part of the transaction failed.
func RevertReason(header string, t *ErrorTrace) string { return header + cutText(t.String()) }

// PanicFrame is a call and its inner calls, with the fields that a panic's summary needs.
type PanicFrame struct {
	Contract, ClassHash, Selector felt.Felt
	Failed                        bool
	Retdata                       []felt.Felt // the panic data if Failed
	Inner                         []*PanicFrame
}

// line returns the call's line in a summary.
func (f *PanicFrame) line() string {
	return fmt.Sprintf("Error in contract (contract address: %s, class hash: %s, selector: %s):\n",
		PaddedHex(f.Contract), PaddedHex(f.ClassHash), PaddedHex(f.Selector))
}

// PanicSummary returns the summary of a panic: the calls through which it propagated, and its data. If both do not fit, outer calls are
// omitted and the innermost is kept, or all calls are omitted; a text that is still too long is cut at its end. This is blockifier's
// format, including the line break before the period of a summary without calls.
func PanicSummary(header string, root *PanicFrame) string {
	frames, data := panicPath(root)
	text := PanicText(data)
	line := len(root.line())
	if bare := header + "\n" + text + "\n.\n"; len(bare) > MaxRevertText {
		return bare[:MaxRevertText-len(cutMark)] + cutMark
	} else if len(bare) >= MaxRevertText-2*line-len(cutMark)-1 {
		return bare
	}
	lines := make([]string, len(frames))
	for i, f := range frames {
		lines[i] = f.line()
	}
	full := header + "\n" + strings.Join(lines, "") + text + ".\n"
	if len(full) <= MaxRevertText {
		return full
	}
	over := len(full) - MaxRevertText + len(cutMark)
	last := len(lines) - 1
	keep := last - (over+line-1)/line
	full = header + "\n" + strings.Join(lines[:keep], "") + cutMark + "\n" + lines[last] + text + ".\n"
	if len(full) > MaxRevertText {
		full = full[:MaxRevertText-len(cutMark)] + cutMark
	}
	return full
}

var entrypointFailed = felt.FromShortString(constants.EntryPointFailed)

// panicPath returns the calls from root to the call that panicked, and that call's panic data. A call that passed a panic on has the panic
// data of an inner call with ENTRYPOINT_FAILED appended. If not exactly one inner call matches, panicPath returns no calls and root's data.
func panicPath(root *PanicFrame) (path []*PanicFrame, data []felt.Felt) {
	for f := root; ; {
		path = append(path, f)
		n := len(f.Retdata)
		if n == 0 || f.Retdata[n-1] != entrypointFailed {
			return path, f.Retdata
		}
		var next *PanicFrame
		for _, in := range f.Inner {
			if in.Failed && equalFelts(in.Retdata, f.Retdata[:n-1]) {
				if next != nil {
					return nil, root.Retdata
				}
				next = in
			}
		}
		if next == nil {
			return nil, root.Retdata
		}
		f = next
	}
}

func equalFelts(a, b []felt.Felt) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// OverGasReason returns the revert reason of a transaction that used more L2 gas than its bound allows.
func OverGasReason(bound, used uint64) string {
	return fmt.Sprintf("Insufficient max L2Gas: max amount: %d, actual used: %d.", bound, used)
}

// OverBalanceReason returns the revert reason of a transaction whose sender cannot pay the fee after execution. The balance is given as
// two halves of 128 bits.
func OverBalanceReason(fee Uint128, low, high felt.Felt) string {
	return fmt.Sprintf("Insufficient fee token balance. Fee: %v, balance: low/high %v/%v.", fee, low.BigInt(), high.BigInt())
}

// PaddedHex returns a felt as 0x and 64 hexadecimal digits.
func PaddedHex(x felt.Felt) string {
	b := x.Bytes()
	return fmt.Sprintf("0x%x", b[:])
}

// cutText removes the middle of a text that is too long. The text must be ASCII.
func cutText(s string) string {
	if len(s) <= MaxRevertText+revertSlack {
		return s
	}
	return s[:MaxRevertText/2] + "\n\n...\n\n" + s[len(s)-MaxRevertText/2:]
}

// byteArrayMagic is the felt that begins a serialized ByteArray in panic data.
var byteArrayMagic = felt.MustHex("0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3")

// PanicText formats panic data: felts in hexadecimal, followed by their text if they are short strings, and byte arrays as quoted strings.
func PanicText(data []felt.Felt) string {
	var items []string
	for len(data) > 0 {
		if s, rest, ok := byteArray(data); ok {
			items, data = append(items, `"`+s+`"`), rest
			continue
		}
		item := data[0].String()
		if s, ok := shortString(data[0]); ok {
			item += " ('" + s + "')"
		}
		items, data = append(items, item), data[1:]
	}
	if len(items) == 1 {
		return items[0]
	}
	return "(" + strings.Join(items, ", ") + ")"
}

// shortString returns the bytes of x without the zeros at both ends, and whether they are all printable. The text of 0 is empty.
func shortString(x felt.Felt) (string, bool) {
	b := x.Bytes()
	s := strings.Trim(string(b[:]), "\x00")
	for i := range len(s) {
		if !printable(s[i]) {
			return "", false
		}
	}
	return s, true
}

func printable(c byte) bool {
	return c >= 0x20 && c <= 0x7e || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}

// writeEscaped writes bytes. It escapes a zero as \0 and other bytes that are not printable in hexadecimal.
func writeEscaped(b *strings.Builder, bytes []byte) {
	for _, c := range bytes {
		switch {
		case printable(c):
			b.WriteByte(c)
		case c == 0:
			b.WriteString(`\0`)
		default:
			fmt.Fprintf(b, `\x%02x`, c)
		}
	}
}

// byteArray decodes a serialized ByteArray at the head of panic data: the magic, the number of full words, words of 31 bytes, the pending
// word, and its length. As in blockifier, that length may be 31.
func byteArray(data []felt.Felt) (s string, rest []felt.Felt, ok bool) {
	if len(data) < 4 || data[0] != byteArrayMagic || !data[1].IsUint64() || data[1].Uint64() > uint64(len(data)-4) {
		return "", nil, false
	}
	words := int(data[1].Uint64())
	tail, length := data[2+words], data[3+words]
	if !length.IsUint64() || length.Uint64() > 31 || tail.BitLen() > 8*int(length.Uint64()) {
		return "", nil, false
	}
	var b strings.Builder
	for _, w := range data[2 : 2+words] {
		raw := w.Bytes()
		if raw[0] != 0 {
			return "", nil, false
		}
		writeEscaped(&b, raw[1:])
	}
	raw := tail.Bytes()
	writeEscaped(&b, raw[32-length.Uint64():])
	return b.String(), data[4+words:], true
}
