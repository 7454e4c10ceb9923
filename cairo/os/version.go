package os

import (
	_ "embed"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// version is a version of the program, with what depends on it.
type version struct {
	number    int
	name      felt.Felt // first word of the output
	program   []byte    // compiled form
	maxBlocks int       // bound on the blocks of a run
	validates bool      // whether signature checks are run
	// shares is set if a call gets its calldata where its caller has it, and the caller gets the returned data where the call has
	// it. If it is not set, the program copies both to the output.
	shares   bool
	builtins []string // the builtins that an entry point may take, in the order in which compiled code takes them
	answers  map[cairo.Selector]answer
}

//go:embed v1/os.json
var programV1 []byte

//go:embed os.json
var programV2 []byte

var version1 = &version{
	number: 1, name: felt.FromShortString("STARKD_OS_1"), program: programV1, maxBlocks: 1,
	builtins: []string{machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinBitwise, machine.BuiltinSegmentArena},
	answers:  answersV1,
}

var version2 = &version{
	number: 2, name: felt.FromShortString("STARKD_OS_2"), program: programV2, maxBlocks: 1 << 16, validates: true, shares: true,
	builtins: []string{
		machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinBitwise, machine.BuiltinECOp, machine.BuiltinPoseidon,
		machine.BuiltinSegmentArena, machine.BuiltinRangeCheck96, machine.BuiltinAddMod, machine.BuiltinMulMod,
	},
	answers: answersV2,
}

// rare are the builtins that set the first flag of a builtinSet.
var rare = []string{machine.BuiltinSegmentArena, machine.BuiltinRangeCheck96, machine.BuiltinAddMod, machine.BuiltinMulMod}

// versionOf returns the version of the program for a layout.
func versionOf(layout string) *version {
	if layout == LayoutStwo {
		return version2
	}
	return version1
}

// coverageV1 says which calls are in the output of version 1: constructors (bit 0), __execute__ (bit 1) and the fee transfer
// (bit 2). Bit 3 is for signature checks, which are not in the output.
const coverageV1 = 0b0111

// Offsets in the output of the BlockInfo that contracts see in version 1, and of the rounded BlockInfo of validation.
const (
	blockInfoV1         = 2
	validateBlockInfoV1 = 5
)

// Sizes of the header and of a builtin set in version 2.
const (
	headerSize     = 5
	builtinSetSize = 10
)

// header returns the words that the hint os.header writes: in version 1 the header with the only block, in version 2 the header
// and the builtin sets.
func (j *job) headerWords() []machine.Value {
	first := j.sections[0].block
	words := []machine.Value{machine.FeltValue(j.version.name), machine.FeltValue(first.ChainID)}
	if j.version.number == 1 {
		words = append(words, blockWords(first)...)
		words = append(words, machine.UintValue(coverageV1), machine.UintValue(uint64(len(j.classes))))
		return append(words, hashes(&j.sections[0])...)
	}
	words = append(words, machine.UintValue(uint64(len(j.sections))), machine.UintValue(uint64(len(j.classes))), machine.UintValue(uint64(len(j.sets))))
	for _, set := range j.sets {
		for _, flag := range set {
			words = append(words, machine.BoolValue(flag))
		}
	}
	return words
}

// blockWords returns the BlockInfo that contracts see, and the rounded one of validation.
func blockWords(b *Block) []machine.Value {
	return []machine.Value{
		machine.UintValue(b.Number), machine.UintValue(b.Timestamp), machine.FeltValue(b.Sequencer),
		machine.UintValue(b.Number - b.Number%constants.RoundBlock), machine.UintValue(b.Timestamp - b.Timestamp%constants.RoundTime), machine.UintValue(0),
	}
}

// hashes returns the number of a section's transactions and their hashes.
func hashes(s *section) []machine.Value {
	words := []machine.Value{machine.UintValue(uint64(len(s.transactions)))}
	for _, p := range s.transactions {
		words = append(words, machine.FeltValue(p.info.Hash))
	}
	return words
}

// builtinSet says which builtins an entry point takes: whether one is rare, then a flag for each in the order of version 2.
type builtinSet [builtinSetSize]bool

func setOf(entry *casm.EntryPoint) (set builtinSet) {
	for i, name := range version2.builtins {
		set[1+i] = slices.Contains(entry.Builtins, name)
		set[0] = set[0] || set[1+i] && slices.Contains(rare, name)
	}
	return set
}
