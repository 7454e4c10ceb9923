package keccak

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestSum256 checks digests from the Keccak reference's known answers and Ethereum's yellow paper.
func TestSum256(t *testing.T) {
	for in, want := range map[string]string{
		"":    "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
		"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
	} {
		got := Sum256([]byte(in))
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("Sum256(%q) = %x, want %s", in, got, want)
		}
	}
}

// TestStarknetSelector checks the selector of transfer, which is built into Starknet clients.
func TestStarknetSelector(t *testing.T) {
	want := felt.MustHex("0x83afd3f4caedc6eebf44246fe54e38c95e3179a5ec9ea81740eca5b482d12e")
	if got := Starknet([]byte("transfer")); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestF1600 checks that F1600 of one padded block gives the digest of golang.org/x/crypto.
func TestF1600(t *testing.T) {
	msg := []byte("a block shorter than the rate of 136 bytes")
	var block [200]byte
	copy(block[:], msg)
	block[len(msg)] ^= 1
	block[135] ^= 0x80
	var state [25]uint64
	for i := range state {
		state[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	F1600(&state)
	var got [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(got[8*i:], state[i])
	}
	if want := Sum256(msg); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}
