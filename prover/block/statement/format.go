package statement

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// Format is a version of the OS program and of its output.
type Format uint8

// Formats. A block's claims must all have the same format.
const (
	FormatStone Format = 1 + iota // cairo/os/v1/os.cairo in layout recursive, proved by Stone
	FormatStwo                    // cairo/os/os.cairo in layout all_cairo_stwo, proved by S-two
)

// format returns the data of f.
func (f Format) format() *format { return &formats[f-1] }

// ProgramHash returns the Pedersen program hash of os.cairo, as the official cairo-hash-program computes it.
func (f Format) ProgramHash() felt.Felt { return felt.MustHex(f.format().hash) }

// Layout returns the layout in which the program is run.
func (f Format) Layout() string { return f.format().layout }

// Builtins returns the names of the builtins that the program takes, in order.
func (f Format) Builtins() []string {
	var names []string
	for _, b := range f.format().builtins {
		names = append(names, b.name)
	}
	return names
}

// format is everything in which formats differ.
type format struct {
	number   Format
	name     string // first word of the output
	layout   string
	hash     string // Pedersen program hash
	words    int    // number of words of the program
	digest   string // SHA-256 of the program's words, 32 bytes each. It is compared in place of hash, which takes 13 ms to compute.
	main     uint64 // offset of main
	costs    uint64 // offset of the gas costs of builtins
	builtins []builtin

	provable []string // builtins that an entry point may take, in the order in which compiled code takes them
	rare     []string // the first flag of a call says whether it takes one of these; nil if there is no such flag
	callSize int      // number of words of a call before its calldata or its syscalls
	// whole is set if signature checks are run, all builtins and syscalls are known, and arrays that code passes to other code are
	// not in the output.
	whole bool
}

// builtin is a builtin of the program, with the number of cells of an instance: 0 for a builtin that the layout does not have, to
// which main takes and returns the pointer 0.
type builtin struct {
	name  string
	cells uint64
}

// Constants of every version of the program.
const (
	programEnd  = 4 // offset of the endless loop in which a run ends
	programBase = 1 // address of the program's first word
)

var formats = [...]format{
	{
		number: FormatStone, name: "STARKD_OS_1", layout: "recursive",
		hash:  "0x4b8571d9fac1e3ca3e9ff287d6478a2ba962dcf9b75ff130ea584d75add91c1",
		words: 719, digest: "6272d3c3138efae7887022446d4c6f085b90fca2a4d5ae2167241ef8d6ed52c2",
		main: 18, costs: 63,
		builtins: []builtin{{"output", 1}, {"pedersen", 3}, {"range_check", 1}, {"bitwise", 5}},
		provable: []string{"pedersen", "range_check", "bitwise", "segment_arena"},
		callSize: 12,
	},
	{
		number: FormatStwo, name: "STARKD_OS_2", layout: "all_cairo_stwo",
		hash:  "0x3537368b4021e59fc02cfb798baaf29b4165c5294572e3d561fcdd6e1f0a782",
		words: 1065, digest: "3b712335393f2fe23971277bb439efaaa3a30e63140bf3837c566c2c6fc8fee6",
		main: 18, costs: 86,
		builtins: []builtin{
			{"output", 1}, {"pedersen", 3}, {"range_check", 1}, {"ecdsa", 0}, {"bitwise", 5}, {"ec_op", 7}, {"keccak", 0}, {"poseidon", 6},
			{"range_check96", 1}, {"add_mod", 7}, {"mul_mod", 7},
		},
		provable: []string{"pedersen", "range_check", "bitwise", "ec_op", "poseidon", "segment_arena", "range_check96", "add_mod", "mul_mod"},
		rare:     []string{"segment_arena", "range_check96", "add_mod", "mul_mod"},
		callSize: 8,
		whole:    true,
	},
}

// formatOf returns the format whose output begins with a word.
func formatOf(version felt.Felt) (*format, error) {
	for i := range formats {
		if version == felt.FromShortString(formats[i].name) {
			return &formats[i], nil
		}
	}
	return nil, fmt.Errorf("format %v, want %s or %s", version, formats[0].name, formats[1].name)
}

// flags returns the words that say which builtins an entry point takes.
func (f *format) flags(names []string) ([]felt.Felt, error) {
	flags := make([]felt.Felt, len(f.provable))
	next := 0
	for _, name := range names {
		i := slices.Index(f.provable, name)
		if i < next {
			return nil, fmt.Errorf("entry point with builtins %v, which is not provable", names)
		}
		flags[i], next = felt.One, i+1
	}
	if f.rare == nil {
		return flags, nil
	}
	rare := felt.Zero
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(f.rare, name) }) {
		rare = felt.One
	}
	return append([]felt.Felt{rare}, flags...), nil
}
