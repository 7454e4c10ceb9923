package blake

import (
	"testing"

	"golang.org/x/crypto/blake2s"
)

// TestSum256sEqualsXCrypto compares Sum256s with golang.org/x/crypto for messages of up to 299 bytes.
func TestSum256sEqualsXCrypto(t *testing.T) {
	msg := make([]byte, 300)
	for i := range msg {
		msg[i] = byte(i * 7)
	}
	for n := range msg {
		if got, want := Sum256s(msg[:n]), blake2s.Sum256(msg[:n]); got != want {
			t.Fatalf("%d bytes: got %x, want %x", n, got, want)
		}
	}
}
