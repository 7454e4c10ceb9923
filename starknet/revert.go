package starknet

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// The texts of revert reasons, in the form that Starknet's clients know. They are hashed into receipts, so they hold nothing
// that differs between nodes or engines. Package executor writes them, and prover/block/statement compares what a proof shows with
// what was signed; what they say is decided by each on its own, how it is written here.

// What a revert reason begins with, by the part of the transaction that failed.
const (
	ExecutionHeader   = "Transaction execution has failed:\n"
	ValidationHeader  = "Transaction validation has failed:\n"
	ConstructorHeader = "Contract constructor execution has failed:\n"
)

// What the first line of a panic's summary is.
const (
	ExecutionPanicHeader = "Execution failed. Failure reason:"
	ValidatePanicHeader  = "The `validate` entry point panicked with:"
)

// How a call that a failure came through was made.
const (
	CallTitle        = "Error in the called contract"
	LibraryTitle     = "Error in a library call"
	ConstructorTitle = "Error in the contract class constructor"
)

// MaxRevertText bounds the bytes of a panic's summary, and of a reason after its header.
const MaxRevertText = 15_000

const (
	revertSlack = 100     // what a reason may have beyond the bound before its middle is cut
	cutMark     = "\n..." // ends a summary that was cut, and stands for frames that were dropped
)

// ErrorFrame is a call that a failure came through.
type ErrorFrame struct {
	Title                         string // CallTitle, LibraryTitle or ConstructorTitle
	Contract, ClassHash, Selector felt.Felt
	NoSelector                    bool // a deployment that failed before its constructor was called
}

// ErrorTrace is a failure: the calls that it came through, outermost first, and its cause.
type ErrorTrace struct {
	Frames []ErrorFrame
	Cause  string
}

// String lists the calls and the cause.
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
		// What is below the constructor of a deploy syscall has the constructor's number, as in the reference.
		if i == 0 || f.Title != ConstructorTitle {
			depth++
		}
	}
	b.WriteString(t.Cause)
	return b.String()
}

// RevertReason returns the reason of a failure in the part of a transaction that header names.
func RevertReason(header string, t *ErrorTrace) string { return header + cutText(t.String()) }

// PanicFrame is a call with the calls that it made, as far as a panic's summary needs them.
type PanicFrame struct {
	Contract, ClassHash, Selector felt.Felt
	Failed                        bool
	Retdata                       []felt.Felt // panic data if Failed
	Inner                         []*PanicFrame
}

// line names the call.
func (f *PanicFrame) line() string {
	return fmt.Sprintf("Error in contract (contract address: %s, class hash: %s, selector: %s):\n",
		PaddedHex(f.Contract), PaddedHex(f.ClassHash), PaddedHex(f.Selector))
}

// PanicSummary returns the panic of a call: the calls that passed it on, and its data. The data comes first where there is no room for
// both: then there are fewer calls, the innermost among them, or none. All of this, down to the line break before the period of a
// summary without calls, is the reference's.
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

// panicPath follows a panic down to the call that it came from, as long as one inner call alone can have been it.
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

// OverGasReason returns the reason of a transaction that used more L2 gas than its bound allows.
func OverGasReason(bound, used uint64) string {
	return fmt.Sprintf("Insufficient max L2Gas: max amount: %d, actual used: %d.", bound, used)
}

// OverBalanceReason returns the reason of a transaction whose sender cannot pay the fee after execution. The balance is in two
// halves of 128 bits.
func OverBalanceReason(fee Uint128, low, high felt.Felt) string {
	return fmt.Sprintf("Insufficient fee token balance. Fee: %v, balance: low/high %v/%v.", fee, low.BigInt(), high.BigInt())
}

// PaddedHex returns a felt as 64 hexadecimal digits.
func PaddedHex(x felt.Felt) string {
	b := x.Bytes()
	return fmt.Sprintf("0x%x", b[:])
}

// cutText removes the middle of a text that is too long. Texts are ASCII.
func cutText(s string) string {
	if len(s) <= MaxRevertText+revertSlack {
		return s
	}
	return s[:MaxRevertText/2] + "\n\n...\n\n" + s[len(s)-MaxRevertText/2:]
}

// byteArrayMagic begins a string in panic data.
var byteArrayMagic = felt.MustHex("0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3")

// PanicText shows panic data: numbers in hexadecimal, with their characters where they have any, and strings.
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

// shortString returns the text of a felt whose bytes are all printable, but for zeros at both ends: that of 0 is empty.
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

// writeEscaped writes bytes, those that do not print as \0 or in hexadecimal.
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

// byteArray decodes a string at the head of panic data: magic, number of full words, words of 31 bytes, the rest, its
// length, which the reference lets be 31.
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
