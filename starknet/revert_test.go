package starknet

import (
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// Panic data in the form of the reference's format_panic_data.
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
		{[]felt.Felt{byteArrayMagic, felt.One}, "(0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3, 0x1)"},
	} {
		if got := PanicText(c.data); got != c.want {
			t.Errorf("%v: %s, want %s", c.data, got, c.want)
		}
	}
}
