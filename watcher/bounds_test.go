package watcher

import (
	"testing"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// TestBounds checks the bounds that follow from the memory: the last memory that is too little for a bound, and the first that suffices.
func TestBounds(t *testing.T) {
	const transfers22, plain24 = proofBytes + transferBytes<<22, proofBytes + plainBytes<<24
	for _, c := range []struct {
		system              string
		memory              int64
		maxSteps, mostAlone uint64
	}{
		{SystemStone, 1 << 40, 1 << 18, 1 << 18},
		{SystemStwo, 0, 1 << 18, 1 << 22},
		{SystemStwo, 1, 1 << 17, 1 << 17},
		{SystemStwo, 2 << 30, 1 << 20, 1 << 21},
		{SystemStwo, transfers22 - 1, 1 << 21, 1 << 23},
		{SystemStwo, transfers22, 1 << 22, 1 << 23},
		{SystemStwo, plain24 - 1, 1 << 22, 1 << 23},
		{SystemStwo, plain24, 1 << 22, 1 << 24},
		{"", 1 << 50, 1 << 22, 1 << 24},
	} {
		if maxSteps, maxAlone := Bounds(c.system, c.memory); maxSteps != c.maxSteps || maxAlone != c.mostAlone {
			t.Errorf("%q with %d bytes: %d and %d steps, want %d and %d", c.system, c.memory, maxSteps, maxAlone, c.maxSteps, c.mostAlone)
		}
	}
}

// TestMemoryOfSteps compares the memory that Bounds counts for a step with the prover's estimates for runs.
func TestMemoryOfSteps(t *testing.T) {
	l := newLocal(t)
	var transfers [][]byte
	for range 25 {
		transfers = append(transfers, l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(0xbe), 1)))
	}
	l.block(transfers...)
	l.block(l.spin(40_000))
	for height, perStep := range map[uint64]int64{1: transferBytes, 2: plainBytes} {
		trace, err := cairoos.Run([]*cairoos.Block{l.candidateOf(height).input}, cairoos.Options{Layout: cairoos.LayoutStwo})
		if err != nil {
			t.Fatal(err)
		}
		in, err := adapter.FromTrace(trace)
		if err != nil {
			t.Fatal(err)
		}
		least, _, err := stwo.MemoryNeeded(in, StwoParams(26, 70))
		if err != nil {
			t.Fatal(err)
		}
		if counted := proofBytes + perStep*int64(len(trace.Registers)); counted < least || counted > least+least/4 {
			t.Errorf("block %d: %d bytes for %d steps, the prover needs %d", height, counted, len(trace.Registers), least)
		}
	}
}
