package statement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// ProgramHash is the Pedersen program hash of os.cairo, as the official cairo-hash-program computes it.
var ProgramHash = felt.MustHex("0x4b8571d9fac1e3ca3e9ff287d6478a2ba962dcf9b75ff130ea584d75add91c1")

// Constants of the program, in addition to its words.
const (
	programMain  = 18  // offset of main
	programEnd   = 4   // offset of the endless loop in which a run ends
	programCosts = 63  // offset of the gas costs of builtins
	programBase  = 1   // address of the program's first word
	programWords = 719 // number of words of the program
)

// programBuiltins are the builtins that the program declares, each with the number of cells of an instance.
var programBuiltins = []struct {
	name  string
	cells uint64
}{{"output", 1}, {"pedersen", 3}, {"range_check", 1}, {"bitwise", 5}}

// PublicInput is the public input of a Cairo proof: the memory segments, and the cells whose values the proof binds.
type PublicInput struct {
	Layout   string
	Segments []Segment
	Memory   []Cell
}

// Segment is a memory segment from its begin to its stop address. For the segments program and execution, these are the first
// and the last pc and ap.
type Segment struct {
	Name       string
	Begin, End uint64
}

// Cell is a cell of public memory.
type Cell struct {
	Address uint64
	Value   felt.Felt
}

// ReadClaim extracts a claim from a public input. It accepts only a run of the OS program from its canonical start to its
// canonical end. Every word of the program and of the output must be public, and no other cells but those of the stack. Every
// builtin segment must be the one that main received and returned.
//
// Reference: the Cairo verifier's check of the public input (Cairo paper, section 9). Swiftness and Integrity make the same
// check.
func ReadClaim(in *PublicInput) (*Claim, error) {
	claim, err := readClaim(in)
	if err != nil {
		return nil, fmt.Errorf("statement: public input: %w", err)
	}
	return claim, claim.checkProgram()
}

// maxAddress bounds addresses, so that their sums fit in 64 bits.
const maxAddress = 1 << 40

func readClaim(in *PublicInput) (*Claim, error) {
	if in.Layout != "recursive" {
		return nil, fmt.Errorf("layout %q, want recursive", in.Layout)
	}
	names := []string{"program", "execution"}
	for _, b := range programBuiltins {
		names = append(names, b.name)
	}
	if len(in.Segments) != len(names) {
		return nil, fmt.Errorf("%d segments, want %v", len(in.Segments), names)
	}
	for i, s := range in.Segments {
		if s.Name != names[i] {
			return nil, fmt.Errorf("segment %d is %q, want %q", i, s.Name, names[i])
		}
		if s.End < s.Begin || s.End > maxAddress {
			return nil, fmt.Errorf("segment %s runs from %d to %d, want begin <= end <= %d", s.Name, s.Begin, s.End, maxAddress)
		}
	}
	program, execution, output := in.Segments[0], in.Segments[1], in.Segments[2]
	if program.Begin != programBase || program.End != programBase+programEnd {
		return nil, fmt.Errorf("the run goes from pc %d to %d, want %d to %d", program.Begin, program.End, programBase, programBase+programEnd)
	}
	arguments := uint64(len(programBuiltins))
	if execution.Begin < programBase+2 || execution.End-execution.Begin < 2*arguments || output.Begin < execution.End {
		return nil, fmt.Errorf("the stack goes from %d to %d, the output begins at %d", execution.Begin, execution.End, output.Begin)
	}

	memory := in.Memory // ascending by address
	if byAddress := func(a, b Cell) int { return cmp.Compare(a.Address, b.Address) }; !slices.IsSortedFunc(memory, byAddress) {
		memory = slices.Clone(memory)
		slices.SortFunc(memory, byAddress)
	}
	for i := 1; i < len(memory); i++ {
		if memory[i].Address == memory[i-1].Address {
			return nil, fmt.Errorf("cell %d occurs twice", memory[i].Address)
		}
	}
	taken := 0
	read := func(what string, begin, end uint64) ([]felt.Felt, error) {
		if end-begin > uint64(len(memory)) {
			return nil, fmt.Errorf("%s is at addresses %d to %d, but only %d cells are public", what, begin, end, len(memory))
		}
		first, _ := slices.BinarySearchFunc(memory, begin, func(c Cell, at uint64) int { return cmp.Compare(c.Address, at) })
		words := make([]felt.Felt, 0, end-begin)
		for at, i := begin, first; at < end; at, i = at+1, i+1 {
			if i == len(memory) || memory[i].Address != at {
				return nil, fmt.Errorf("%s: cell %d is not public", what, at)
			}
			words = append(words, memory[i].Value)
		}
		taken += len(words)
		return words, nil
	}
	claim := &Claim{ProgramBase: programBase, OutputAddress: output.Begin}
	var err error
	// The stack begins right after the program, with a frame that points to itself.
	if claim.Program, err = read("program", programBase, execution.Begin-2); err != nil {
		return nil, err
	}
	if claim.Output, err = read("output", output.Begin, output.End); err != nil {
		return nil, err
	}
	begin, err := read("stack", execution.Begin-2, execution.Begin+arguments)
	if err != nil {
		return nil, err
	}
	end, err := read("end of the stack", execution.End-arguments, execution.End)
	if err != nil {
		return nil, err
	}
	if begin[0] != felt.FromUint64(execution.Begin) || !begin[1].IsZero() {
		return nil, fmt.Errorf("the first frame is %v, %v, want %d, 0", begin[0], begin[1], execution.Begin)
	}
	for i, b := range programBuiltins {
		s := in.Segments[2+i]
		if begin[2+i] != felt.FromUint64(s.Begin) || end[i] != felt.FromUint64(s.End) {
			return nil, fmt.Errorf("%s: main received %v and returned %v, but the segment runs from %d to %d", b.name, begin[2+i], end[i], s.Begin, s.End)
		}
		if (s.End-s.Begin)%b.cells != 0 {
			return nil, fmt.Errorf("segment %s from %d to %d is not a whole number of instances", b.name, s.Begin, s.End)
		}
	}
	if taken != len(memory) {
		return nil, fmt.Errorf("%d cells are public, but only %d of them belong to the program, the stack and the output", len(memory), taken)
	}
	return claim, nil
}

// programDigest is the SHA-256 of the program's words, 32 bytes each. It is compared in place of ProgramHash, which takes 13 ms
// to compute.
const programDigest = "6272d3c3138efae7887022446d4c6f085b90fca2a4d5ae2167241ef8d6ed52c2"

// checkProgram compares the claim's program with the OS program, by its digest.
func (c *Claim) checkProgram() error {
	if n := len(c.Program); n != programWords {
		return fmt.Errorf("statement: program of %d words, want %d", n, programWords)
	}
	h := sha256.New()
	for i := range c.Program {
		word := c.Program[i].Bytes()
		h.Write(word[:])
	}
	if digest := hex.EncodeToString(h.Sum(nil)); digest != programDigest {
		return fmt.Errorf("statement: the program's words have SHA-256 %s, want %s (the program with hash %v)", digest, programDigest, ProgramHash)
	}
	return nil
}
