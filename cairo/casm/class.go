package casm

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// Class is a compiled contract class. Immutable once made.
type Class struct {
	CompilerVersion string
	Bytecode        []felt.Felt
	Segments        *Segments // nil for classes of Sierra below 1.5: the bytecode is one segment
	Hints           []HintsAt // by ascending offset
	EntryPoints     EntryPoints
}

// EntryPoints are a class's entry points by type, each list in ascending order of selector.
type EntryPoints struct {
	External    []EntryPoint
	L1Handler   []EntryPoint
	Constructor []EntryPoint
}

// EntryPointType is one of a class's three lists of entry points.
type EntryPointType uint8

// The kinds of entry point.
const (
	External EntryPointType = iota
	L1Handler
	Constructor
)

// EntryPoint returns the class's entry point of a kind with a selector, or nil.
func (c *Class) EntryPoint(kind EntryPointType, selector felt.Felt) *EntryPoint {
	list := c.EntryPoints.External
	switch kind {
	case L1Handler:
		list = c.EntryPoints.L1Handler
	case Constructor:
		list = c.EntryPoints.Constructor
	}
	for i := range list {
		if list[i].Selector == selector {
			return &list[i]
		}
	}
	return nil
}

// builtinNames are the names that an entry point may use, which are those of the official compiler. A class hash takes a name
// modulo the field's prime, so for each name there are others with the same hash: DecodeClass refuses them.
var builtinNames = [...]string{
	"range_check", "pedersen", "bitwise", "ec_op", "poseidon", "segment_arena", "range_check96", "add_mod", "mul_mod",
}

// EntryPoint is where a call with a selector enters the bytecode, and which of Builtins it passes, in order. After them come
// the gas counter, the syscall pointer and the calldata's two ends.
type EntryPoint struct {
	Selector felt.Felt
	// Wide is the selector if it is the field's prime or more, nil otherwise; Selector is its remainder then. Compilers write
	// such a selector as the Sierra class has it. DecodeClass refuses it.
	Wide     *big.Int
	Offset   int
	Builtins []string
}

// selectorHex returns the selector as hexadecimal, wide or not.
func (e *EntryPoint) selectorHex() string {
	if e.Wide != nil {
		return "0x" + e.Wide.Text(16)
	}
	return e.Selector.String()
}

// Segments is the tree of the bytecode's segment lengths: a leaf of Length felts, or a node with Children.
type Segments struct {
	Length   int
	Children []Segments // nil for a leaf; a node without children is an empty, non-nil slice
}

// total returns the sum of the leaves; depth is bounded by the decoder.
func (s *Segments) total() int {
	if s.Children == nil {
		return s.Length
	}
	sum := 0
	for i := range s.Children {
		sum += s.Children[i].total()
	}
	return sum
}

// What a decoder accepts at most. The chain's own bound on declared classes is lower: see compiler.Options.
const (
	MaxBytecode     = 1 << 20 // felts in a class
	maxSegmentDepth = 64
)

// A classError says why something is not a well-formed compiled class.
type classError struct{ Reason string }

func (e *classError) Error() string { return "casm: " + e.Reason }

func classErrorf(format string, args ...any) error {
	return &classError{Reason: fmt.Sprintf(format, args...)}
}

// asClassError keeps a ClassError and wraps any other error into one.
func asClassError(err error) error {
	if _, ok := errors.AsType[*classError](err); ok || err == nil {
		return err
	}
	return &classError{Reason: err.Error()}
}

// Validate checks what every reader of a class relies on: offsets inside the bytecode, known builtins, hints in order, segments that
// cover the bytecode exactly.
func (c *Class) Validate() error {
	if n := len(c.Bytecode); n > MaxBytecode {
		return classErrorf("bytecode of %d felts exceeds %d", n, MaxBytecode)
	}
	if err := c.checkSegments(); err != nil {
		return err
	}
	last := -1
	for _, at := range c.Hints {
		if at.Offset <= last || at.Offset >= len(c.Bytecode) {
			return classErrorf("hint at offset %d, after one at %d, in a bytecode of %d felts", at.Offset, last, len(c.Bytecode))
		}
		last = at.Offset
	}
	for _, list := range [...][]EntryPoint{c.EntryPoints.External, c.EntryPoints.L1Handler, c.EntryPoints.Constructor} {
		for _, ep := range list {
			if ep.Offset < 0 || ep.Offset >= len(c.Bytecode) {
				return classErrorf("entry point %v at offset %d, outside a bytecode of %d felts", ep.Selector, uint64(ep.Offset), len(c.Bytecode))
			}
			for _, name := range ep.Builtins {
				if !slices.Contains(builtinNames[:], name) {
					return classErrorf("entry point %v: builtin %.80q, want some of %v", ep.Selector, name, builtinNames)
				}
			}
		}
	}
	return nil
}

// checkSegments requires that the segments cover the bytecode exactly.
func (c *Class) checkSegments() error {
	if c.Segments != nil {
		if total := c.Segments.total(); total != len(c.Bytecode) {
			return classErrorf("bytecode segments cover %d felts of %d", total, len(c.Bytecode))
		}
	}
	return nil
}
