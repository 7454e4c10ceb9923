package statement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"

	"github.com/starkd/starkd/crypto/felt"
)

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
	i := slices.IndexFunc(formats[:], func(f format) bool { return f.layout == in.Layout })
	if i < 0 {
		return nil, fmt.Errorf("statement: public input: layout %.40q, want %s or %s", in.Layout, formats[0].layout, formats[1].layout)
	}
	claim, err := readClaim(in, &formats[i])
	if err != nil {
		return nil, fmt.Errorf("statement: public input: %w", err)
	}
	f, err := claim.checkProgram()
	if err == nil && f != &formats[i] {
		err = fmt.Errorf("statement: program %s in layout %s", f.name, in.Layout)
	}
	return claim, err
}

// StwoClaim returns the claim of a verified proof of S-two, whose verifier checks the run, the segments and where the output is.
// It returns an error if the program is not that of FormatStwo.
func StwoClaim(program, output []felt.Felt, outputAddress uint64) (*Claim, error) {
	claim := &Claim{Program: program, ProgramBase: programBase, Output: output, OutputAddress: outputAddress}
	f, err := claim.checkProgram()
	if err == nil && f.number != FormatStwo {
		err = fmt.Errorf("statement: program %s proved by S-two", f.name)
	}
	return claim, err
}

// maxAddress bounds addresses, so that their sums fit in 64 bits.
const maxAddress = 1 << 40

func readClaim(in *PublicInput, f *format) (*Claim, error) {
	names := []string{"program", "execution"}
	for _, b := range f.builtins {
		if b.cells > 0 {
			names = append(names, b.name)
		}
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
	arguments := uint64(len(f.builtins))
	if execution.Begin < programBase+2 || execution.End-execution.Begin < 2*arguments || output.Begin < execution.End {
		return nil, fmt.Errorf("the stack goes from %d to %d, the output begins at %d", execution.Begin, execution.End, output.Begin)
	}

	memory := in.Memory // ascending by address
	if byAddress := func(i, j int) bool { return memory[i].Address < memory[j].Address }; !sort.SliceIsSorted(memory, byAddress) {
		memory = slices.Clone(memory)
		sort.Slice(memory, byAddress)
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
	left := in.Segments[2:]
	for i, b := range f.builtins {
		var s Segment
		if b.cells > 0 {
			s, left = left[0], left[1:]
		}
		if begin[2+i] != felt.FromUint64(s.Begin) || end[i] != felt.FromUint64(s.End) {
			return nil, fmt.Errorf("%s: main received %v and returned %v, but the segment runs from %d to %d", b.name, begin[2+i], end[i], s.Begin, s.End)
		}
		if b.cells > 0 && (s.End-s.Begin)%b.cells != 0 {
			return nil, fmt.Errorf("segment %s from %d to %d is not a whole number of instances", b.name, s.Begin, s.End)
		}
	}
	if taken != len(memory) {
		return nil, fmt.Errorf("%d cells are public, but only %d of them belong to the program, the stack and the output", len(memory), taken)
	}
	return claim, nil
}

// checkProgram compares the claim's program with the OS programs, by digest, and returns the format.
func (c *Claim) checkProgram() (*format, error) {
	i := slices.IndexFunc(formats[:], func(f format) bool { return f.words == len(c.Program) })
	if i < 0 {
		return nil, fmt.Errorf("statement: program of %d words, want %d or %d", len(c.Program), formats[0].words, formats[1].words)
	}
	f := &formats[i]
	h := sha256.New()
	for i := range c.Program {
		word := c.Program[i].Bytes()
		h.Write(word[:])
	}
	if digest := hex.EncodeToString(h.Sum(nil)); digest != f.digest {
		return nil, fmt.Errorf("statement: the program's words have SHA-256 %s, want %s (the program with hash %s)", digest, f.digest, f.hash)
	}
	return f, nil
}
