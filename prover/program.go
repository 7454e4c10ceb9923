package prover

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/bounded"
)

// Program is the input of a program hash: the words, the offset of main, and the builtins that main takes. The same words with
// other builtins are another program: main receives addresses, and only the builtins determine the constraints on the cells
// there.
type Program struct {
	Words    []felt.Felt
	Main     uint64
	Builtins []string // a subsequence of programBuiltins
}

// programBuiltins are the builtins of Cairo programs, in the only order in which main may take them.
var programBuiltins = [...]string{
	"output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op", "keccak", "poseidon", "segment_arena",
	"range_check96", "add_mod", "mul_mod",
}

// Bounds of ParseProgram.
const (
	MaxProgramJSON  = 256 << 20 // bytes of a file; compiled programs are mostly debug information
	maxProgramWords = 1 << 22
)

// ParseProgram reads the JSON that cairo-compile writes. It ignores hints, debug information and all identifiers but main,
// which are not part of a program's hash.
func ParseProgram(data []byte) (*Program, error) {
	if len(data) > MaxProgramJSON {
		return nil, fmt.Errorf("prover: program file of %d bytes, want at most %d", len(data), MaxProgramJSON)
	}
	var file struct {
		Prime       string                     `json:"prime"`
		Data        []string                   `json:"data"`
		Builtins    []string                   `json:"builtins"`
		MainScope   string                     `json:"main_scope"`
		Identifiers map[string]json.RawMessage `json:"identifiers"`
	}
	if err := jsonv2.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("prover: program: %w", bounded.Fault(err))
	}
	if prime, ok := new(big.Int).SetString(strings.TrimPrefix(file.Prime, "0x"), 16); !ok || prime.Cmp(felt.Modulus()) != 0 {
		return nil, fmt.Errorf("prover: program: prime %.80q is not the Cairo prime", file.Prime)
	}
	if n := len(file.Data); n == 0 || n > maxProgramWords {
		return nil, fmt.Errorf("prover: program of %d words, want 1 to %d", n, maxProgramWords)
	}
	p := &Program{Words: make([]felt.Felt, len(file.Data)), Builtins: file.Builtins}
	for i, word := range file.Data {
		var err error
		if p.Words[i], err = felt.FromHex(word); err != nil {
			return nil, fmt.Errorf("prover: program: word %d: %w", i, err)
		}
	}
	next := 0
	for _, name := range p.Builtins {
		at := slices.Index(programBuiltins[next:], name)
		if at < 0 {
			return nil, fmt.Errorf("prover: program: builtins %.200q, want some of %v in this order", p.Builtins, programBuiltins)
		}
		next += at + 1
	}
	scope := file.MainScope
	if scope == "" {
		scope = "__main__"
	}
	pc, err := resolve(file.Identifiers, scope+".main")
	if err != nil {
		return nil, err
	}
	if pc >= uint64(len(p.Words)) {
		return nil, fmt.Errorf("prover: program: main at %d, in %d words", pc, len(p.Words))
	}
	p.Main = pc
	return p, nil
}

// resolve follows aliases and returns the pc of a function or label.
func resolve(identifiers map[string]json.RawMessage, name string) (uint64, error) {
	for range 32 {
		var id struct {
			Type        string  `json:"type"`
			PC          *uint64 `json:"pc"`
			Destination string  `json:"destination"`
		}
		raw, ok := identifiers[name]
		if !ok {
			return 0, fmt.Errorf("prover: program: no identifier %.200q", name)
		}
		if err := jsonv2.Unmarshal(raw, &id); err != nil {
			return 0, fmt.Errorf("prover: program: identifier %.200q: %w", name, bounded.Fault(err))
		}
		switch {
		case id.Type == "alias":
			name = id.Destination
		case id.PC == nil:
			return 0, fmt.Errorf("prover: program: %.200q is a %.80q without a pc", name, id.Type)
		default:
			return *id.PC, nil
		}
	}
	return 0, errors.New("prover: program: main is an alias of an alias, more than 32 deep")
}

// Hash returns the program's hash as cairo-hash-program computes it: a Pedersen chain, folded from the right, over the number
// of elements that follow, a version, the offset of main, the number of builtins, their names and the words.
func (p *Program) Hash() felt.Felt { return p.hashWith(chainWords(p.Words), p.Builtins) }

// chainWords returns the Pedersen chain over the words, to which hashWith prepends the other elements.
func chainWords(words []felt.Felt) felt.Felt {
	hash := words[len(words)-1]
	for i := len(words) - 2; i >= 0; i-- {
		hash = pedersen.Hash(words[i], hash)
	}
	return hash
}

// hashWith returns the hash of a program with p's words and main and the given builtins. words is chainWords(p.Words).
func (p *Program) hashWith(words felt.Felt, builtins []string) felt.Felt {
	n := uint64(len(builtins))
	for _, name := range slices.Backward(builtins) {
		words = pedersen.Hash(felt.FromShortString(name), words)
	}
	for _, x := range []uint64{n, p.Main, 0, uint64(len(p.Words)) + n + 3} {
		words = pedersen.Hash(felt.FromUint64(x), words)
	}
	return words
}
