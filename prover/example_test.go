package prover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/stone"
)

// runOfOne returns the run of a Cairo program whose main is "ap += 1 with [ap] = 1; ret", in the form in which a Cairo VM
// returns it.
func runOfOne() *cairo.Trace {
	memory := []string{"", // address 0 is not used
		"0x40780017fff7fff", "0x0", // ap += 0: no builtins
		"0x1104800180018000", "0x4", // call main
		"0x10780017fff7fff", "0x0", // jmp rel 0
		"0x480680017fff8000", "0x1", // main: [ap] = 1; ap++
		"0x208b7fff7fff7ffe", // ret
		"0xc", "0x0",         // the words below the first frame
		"0xc", "0x5", "0x1", // main's caller, return address, and the 1
	}
	t := &cairo.Trace{
		Layout: "plain",
		Registers: []cairo.Registers{
			{AP: 12, FP: 12, PC: 1}, {AP: 12, FP: 12, PC: 3}, {AP: 14, FP: 14, PC: 7}, {AP: 15, FP: 14, PC: 9},
			{AP: 15, FP: 12, PC: 5}, {AP: 15, FP: 12, PC: 5}, {AP: 15, FP: 12, PC: 5}, {AP: 15, FP: 12, PC: 5},
		},
		Public: cairo.PublicInput{
			Layout: "plain", Steps: 8, RangeCheckMin: 32766, RangeCheckMax: 32769,
			Segments: []cairo.Segment{{Name: "program", Begin: 1, End: 5}, {Name: "execution", Begin: 12, End: 15}},
		},
	}
	for address, word := range memory {
		var value felt.Felt
		if word != "" {
			value = felt.MustHex(word)
		}
		t.Memory.Value = append(t.Memory.Value, value)
		t.Memory.Known = append(t.Memory.Known, word != "")
		if address >= 1 && address < 12 { // the program and the first frame are public
			t.Public.Memory = append(t.Public.Memory, cairo.PublicCell{Address: uint64(address), Value: value})
		}
	}
	return t
}

func Example() {
	proof, err := prover.Prove(context.Background(), runOfOne(), stone.DefaultParameters(8), nil)
	if err != nil {
		log.Fatal(err)
	}
	file, err := json.Marshal(proof) // Stone's file format, which its verifiers read
	if err != nil {
		log.Fatal(err)
	}

	received, err := stone.ParseProof(file)
	if err != nil {
		log.Fatal(err)
	}
	claim, err := prover.Verify(received, prover.Policy{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("program %s of %d words ran for %d steps, %v\n", claim.ProgramHash, len(claim.Program.Words), claim.Steps, claim.Security)

	received.PublicInput.Memory[7].Value = felt.FromUint64(2) // claim that it pushed a 2
	_, err = prover.Verify(received, prover.Policy{})
	fmt.Println("changed:", err != nil)
	// Output:
	// program 0x12cd086a024ba8da523108e2569b45eb42dcfd37808c01797799c84187bf52e of 9 words ran for 8 steps, 96 bits of conjectured security, 57 proven
	// changed: true
}
