package executor

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// Texts of reverts and rejections, in the form that Starknet's clients know. They are hashed into receipts, so they hold
// nothing that differs between nodes or engines.
const (
	executionHeader   = "Transaction execution has failed:\n"
	validationHeader  = "Transaction validation has failed:\n"
	constructorHeader = "Contract constructor execution has failed:\n"

	callTitle        = "Error in the called contract"
	libraryTitle     = "Error in a library call"
	constructorTitle = "Error in the contract class constructor"

	executionPanicHeader = "Execution failed. Failure reason:"
	validatePanicHeader  = "The `validate` entry point panicked with:"

	maxRevertText = 15_000 // bytes; longer texts lose their middle
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// padded is a felt as 64 hexadecimal digits.
func padded(x felt.Felt) string {
	b := x.Bytes()
	return fmt.Sprintf("0x%x", b[:])
}

// revertText is the trace of a failure below a call made by the protocol.
func revertText(header string, top *Frame, f *failure) string {
	outer := &failure{title: callTitle, frame: top, cause: f}
	return header + cut(outer.text(0))
}

// text lists the frames that a failure came through, outermost first, and its cause.
func (f *failure) text(depth int) string {
	if f.cause == nil {
		return f.reason
	}
	return fmt.Sprintf("%d: %s (contract address: %s, class hash: %s, selector: %s):\n%s",
		depth, f.title, padded(f.frame.Contract), padded(f.frame.ClassHash), padded(f.frame.Selector), f.cause.text(depth+1))
}

// cut removes the middle of a text that is too long. Texts are ASCII but for strings that contracts make.
func cut(s string) string {
	if len(s) <= maxRevertText {
		return s
	}
	return strings.ToValidUTF8(s[:maxRevertText/2], "") + "\n\n...\n\n" + strings.ToValidUTF8(s[len(s)-maxRevertText/2:], "")
}

// revertSummary is the panic of a call: the frames that passed it on, and its data.
func revertSummary(header string, root *Frame) string {
	var b strings.Builder
	b.WriteString(header)
	b.WriteByte('\n')
	frames, data := panicPath(root)
	for _, f := range frames {
		fmt.Fprintf(&b, "Error in contract (contract address: %s, class hash: %s, selector: %s):\n",
			padded(f.Contract), padded(f.ClassHash), padded(f.Selector))
	}
	b.WriteString(PanicText(data))
	b.WriteString(".\n")
	return cut(b.String())
}

// panicPath follows a panic down to the call that it came from, as long as one inner call alone can have been it.
func panicPath(root *Frame) (path []*Frame, data []felt.Felt) {
	for f := root; ; {
		path = append(path, f)
		n := len(f.Retdata)
		if n == 0 || f.Retdata[n-1] != entrypointFailed {
			return path, f.Retdata
		}
		var next *Frame
		for _, in := range f.Inner {
			if in.Failed && equal(in.Retdata, f.Retdata[:n-1]) {
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

func equal(a, b []felt.Felt) bool {
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
