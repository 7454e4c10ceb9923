package starknet

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// The texts of revert reasons, in the form that Starknet's clients know. They are hashed into receipts, so they hold nothing
// that differs between nodes or engines. Package executor writes them, and prover/statement compares what a proof shows with
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

// MaxRevertText bounds the bytes of a reason after its header; longer texts lose their middle.
const MaxRevertText = 15_000

// ErrorFrame is a call that a failure came through.
type ErrorFrame struct {
	Title                         string // CallTitle, LibraryTitle or ConstructorTitle
	Contract, ClassHash, Selector felt.Felt
}

// ErrorTrace is a failure: the calls that it came through, outermost first, and its cause.
type ErrorTrace struct {
	Frames []ErrorFrame
	Cause  string
}

// String lists the calls and the cause.
func (t *ErrorTrace) String() string {
	var b strings.Builder
	for depth := range t.Frames {
		f := &t.Frames[depth]
		fmt.Fprintf(&b, "%d: %s (contract address: %s, class hash: %s, selector: %s):\n",
			depth, f.Title, PaddedHex(f.Contract), PaddedHex(f.ClassHash), PaddedHex(f.Selector))
	}
	b.WriteString(t.Cause)
	return b.String()
}

// RevertReason is the reason of a failure in the part of a transaction that header names.
func RevertReason(header string, t *ErrorTrace) string { return header + cutText(t.String()) }

// PanicFrame is a call with the calls that it made, as far as a panic's summary needs them.
type PanicFrame struct {
	Contract, ClassHash, Selector felt.Felt
	Failed                        bool
	Retdata                       []felt.Felt // panic data if Failed
	Inner                         []*PanicFrame
}

// PanicSummary is the panic of a call: the calls that passed it on, and its data.
func PanicSummary(header string, root *PanicFrame) string {
	var b strings.Builder
	b.WriteString(header)
	b.WriteByte('\n')
	frames, data := panicPath(root)
	for _, f := range frames {
		fmt.Fprintf(&b, "Error in contract (contract address: %s, class hash: %s, selector: %s):\n",
			PaddedHex(f.Contract), PaddedHex(f.ClassHash), PaddedHex(f.Selector))
	}
	b.WriteString(PanicText(data))
	b.WriteString(".\n")
	return cutText(b.String())
}

var entrypointFailed = felt.FromShortString("ENTRYPOINT_FAILED")

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

// OverGasReason is the reason of a transaction that used more L2 gas than its bound allows.
func OverGasReason(bound, used uint64) string {
	return fmt.Sprintf("Insufficient max L2Gas: max amount: %d, actual used: %d.", bound, used)
}

// OverBalanceReason is the reason of a transaction whose sender cannot pay the fee after execution. The balance is in two
// halves of 128 bits.
func OverBalanceReason(fee Uint128, low, high felt.Felt) string {
	return fmt.Sprintf("Insufficient fee token balance. Fee: %v, balance: low/high %v/%v.", fee, low, high)
}

// PaddedHex is a felt as 64 hexadecimal digits.
func PaddedHex(x felt.Felt) string {
	b := x.Bytes()
	return fmt.Sprintf("0x%x", b[:])
}

// cutText removes the middle of a text that is too long. Texts are ASCII but for strings that contracts make.
func cutText(s string) string {
	if len(s) <= MaxRevertText {
		return s
	}
	return strings.ToValidUTF8(s[:MaxRevertText/2], "") + "\n\n...\n\n" + strings.ToValidUTF8(s[len(s)-MaxRevertText/2:], "")
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

// shortString is the text of a felt whose bytes are all printable.
func shortString(x felt.Felt) (string, bool) {
	b := x.Bytes()
	s := strings.TrimLeft(string(b[:]), "\x00")
	return s, s != "" && printable(s)
}

func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 0x20 || c > 0x7e) && c != '\t' && c != '\n' && c != '\r' && c != '\f' {
			return false
		}
	}
	return true
}

// byteArray decodes a string at the head of panic data: magic, number of full words, words of 31 bytes, the rest, its
// length.
func byteArray(data []felt.Felt) (s string, rest []felt.Felt, ok bool) {
	if len(data) < 4 || data[0] != byteArrayMagic || !data[1].IsUint64() || data[1].Uint64() > uint64(len(data)-4) {
		return "", nil, false
	}
	words := int(data[1].Uint64())
	tail, length := data[2+words], data[3+words]
	if !length.IsUint64() || length.Uint64() > 30 || tail.BitLen() > 8*int(length.Uint64()) {
		return "", nil, false
	}
	var b strings.Builder
	for _, w := range data[2 : 2+words] {
		raw := w.Bytes()
		if raw[0] != 0 {
			return "", nil, false
		}
		b.Write(raw[1:])
	}
	raw := tail.Bytes()
	b.Write(raw[32-length.Uint64():])
	return b.String(), data[4+words:], printable(b.String())
}
